//! What happens in a game: where ball, players and nets are at every instant, and the truth of it.
//!
//! [`timeline`] holds it, [`handling`] and [`shooting`] write the ball's way play by play, [`net`]
//! lets the nets swing, [`director`] decides what is played next. Nothing here knows pictures,
//! except that the director is told where the camera stands, to prefer misses that cross the hoop
//! in the picture.

pub(crate) mod director;
mod drills;
mod handling;
pub(crate) mod net;
mod rebound;
mod shooting;
mod shots;
mod spare;
mod theme;
pub(crate) mod timeline;

pub(crate) use drills::Quiet;
pub(crate) use shots::Flavour;
pub use theme::Theme;
