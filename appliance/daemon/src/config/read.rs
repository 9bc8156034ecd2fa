//! The keys of the configuration file: which there are, what they may hold, what they default to.
//!
//! Turns a document into a [`Config`]; every key that cannot be used becomes a problem with
//! its reason. Looks whether named files exist, opens none.

use super::broker::Mqtt;
use super::{
    BoardChoice, Clips, Codecs, Commands, Config, Engine, EngineChoice, Governor, Identity, Models,
    Problem, Remote, Storage, Surroundings, TierChoice, Uplink, source,
};
use document::{Entry, Key, Place, Section};

const ROOT: &[Key] = &[
    Key::new("schema", "1"),
    Key::new("box", "{ … }"),
    Key::new("mqtt", "{ … }"),
    Key::new("source", "[{ … }]"),
    Key::new("clips", "{ … }"),
    Key::new("uplink", "{ … }"),
    Key::new("commands", "{ … }"),
    Key::new("storage", "{ … }"),
    Key::new("codecs", "{ … }"),
    Key::new("models", "{ … }"),
    Key::new("governor", "{ … }"),
    Key::new("remote", "{ … }"),
];
const BOX: &[Key] = &[
    Key::new("tenant", "\"demo\""),
    Key::new("device", "\"court-1\""),
    Key::new("data_dir", "\"/var/lib/courtside\""),
    Key::new("board", "\"auto\""),
];
const STORAGE: &[Key] = &[Key::new("recordings_mib", "2048"), Key::new("clips_mib", "4096")];
const MODELS: &[Key] = &[
    Key::new("packs", "\"/usr/share/courtside/packs\""),
    Key::new("tier", "\"auto\""),
    Key::new("engine", "\"auto\""),
    Key::new("onnxruntime", "\"/usr/lib/libonnxruntime.so\""),
];

/// Reads the whole file.
///
/// # Errors
/// Everything that is wrong with it, in the order of the lines.
pub(super) fn config(text: &str, surroundings: &Surroundings) -> Result<Config, Vec<Problem>> {
    document::read(text, |root| self::root(root, surroundings))
}

// Here and in the sections, every part is read before the first `?`, so that all problems are
// found in one go.
fn root(root: Place<'_>, surroundings: &Surroundings) -> Option<Config> {
    let root = root.with_keys(ROOT);
    let schema = root.schema(1);
    let box_ = needed(&root, "box").and_then(|place| identity(place, surroundings));
    let mqtt = needed(&root, "mqtt").and_then(|place| Mqtt::read(place, surroundings));
    let sources = source::read_all(&root, surroundings);
    let clips = root.table("clips").and_then(Clips::read);
    let uplink = root.table("uplink").and_then(|place| Uplink::read(place, surroundings));
    let commands = root.table("commands").and_then(|place| Commands::read(place, surroundings));
    let storage = root.table("storage").and_then(Storage::read);
    let codecs = root.table("codecs").and_then(Codecs::read);
    let models = root.table("models").and_then(|place| models(place, surroundings));
    let tier = models.as_ref().map(|models| models.tier);
    let governor = root.table("governor").and_then(|place| Governor::read(place, tier));
    let remote = root.table("remote").and_then(|place| Remote::read(place, surroundings));
    schema?;
    let box_ = box_?;
    Some(Config {
        mqtt: mqtt?.at(&box_.data_dir),
        box_,
        sources: sources?,
        clips: clips?,
        uplink: uplink?,
        commands: commands?,
        storage: storage?,
        codecs: codecs?,
        models: models?,
        governor: governor?,
        remote: remote?,
    })
}

fn needed<'p>(root: &Section<'p>, name: &'static str) -> Option<Place<'p>> {
    if root.optional(name).is_none() {
        root.refuse(format_args!("the section `[{name}]` is missing; add it"));
        return None;
    }
    root.table(name)
}

fn identity(place: Place<'_>, surroundings: &Surroundings) -> Option<Identity> {
    let section = place.with_keys(BOX);
    let tenant = section.required("tenant").and_then(|entry| entry.name());
    let device = section.required("device").and_then(|entry| entry.name());
    let data_dir = section.required("data_dir").and_then(|entry| surroundings.path(&entry));
    let board = section
        .optional("board")
        .map_or_else(|| Some(BoardChoice::default()), |entry| surroundings.board(&entry));
    Some(Identity { tenant: tenant?, device: device?, data_dir: data_dir?, board: board? })
}

fn models(place: Place<'_>, surroundings: &Surroundings) -> Option<Models> {
    let section = place.with_keys(MODELS);
    let packs = section
        .optional("packs")
        .map_or_else(|| Some(surroundings.packs.clone()), |entry| surroundings.path(&entry));
    let tier = section.optional("tier").map_or(Some(TierChoice::Auto), |entry| {
        entry.one_of(&[
            ("auto", TierChoice::Auto),
            ("nano", TierChoice::Nano),
            ("small", TierChoice::Small),
            ("full", TierChoice::Full),
        ])
    });
    let choice = section
        .optional("engine")
        .map_or(Some(EngineChoice::Auto), |entry| entry.one_of(&EngineChoice::NAMES));
    let library = section.optional("onnxruntime").map_or_else(
        || Some(surroundings.library.clone()),
        |entry| surroundings.file(&entry).map(Some),
    );
    let engine = Engine { choice: choice?, library: library? };
    Some(Models { packs: packs?, keys: surroundings.keys.clone(), tier: tier?, engine })
}

impl Storage {
    fn read(place: Place<'_>) -> Option<Self> {
        let section = place.with_keys(STORAGE);
        let recordings_bytes = quota(section.optional("recordings_mib"), 2_048);
        let clips_bytes = quota(section.optional("clips_mib"), 4_096);
        Some(Self { recordings_bytes: recordings_bytes?, clips_bytes: clips_bytes? })
    }
}

/// A quota in bytes, written in MiB.
fn quota(entry: Option<Entry<'_>>, default_mib: u64) -> Option<u64> {
    let mib = entry.map_or(Some(default_mib), |entry| {
        let fits = |mib: &u64| (64..=1 << 24).contains(mib);
        let mib = u64::try_from(entry.whole()?).ok().filter(fits);
        if mib.is_none() {
            entry.refuse_with_example("a quota is 64 to 16777216 MiB (16 TiB)");
        }
        mib
    });
    mib.map(|mib| mib << 20)
}
