//! Model packs as files of this box: which keys it trusts, which packs are installed, and how a
//! new one becomes active or is refused. For people: `docs/models.md`.
//!
//! Owns `data_dir/packs`. What is inside a pack is `models`' business; which lanes run on it is
//! [`crate::engine`]'s.

pub mod command;
pub mod engines;
pub mod install;
pub mod keys;
pub mod probe;
pub mod shelf;
pub mod watch;

use models::manifest::Lane;

/// The packs that a box may run, one for each lane with networks.
pub const NAMES: [&str; 6] = ["ball", "board", "hoop", "players", "rim", "sound"];
/// Those that it does without: no image brings them.
const OPTIONAL: [&str; 1] = ["players"];

/// Whether a box does without this pack.
pub(crate) fn is_optional(name: &str) -> bool {
    OPTIONAL.contains(&name)
}

/// Name of the pack that serves a lane.
pub fn name_of(lane: Lane) -> &'static str {
    match lane {
        Lane::Ball => "ball",
        Lane::Board => "board",
        Lane::Hoop => "hoop",
        Lane::Rim => "rim",
        Lane::Sound => "sound",
        Lane::Players => "players",
    }
}
