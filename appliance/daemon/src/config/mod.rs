//! The box's configuration: read once, validated whole, handed out as typed parts.
//!
//! Owns the file format (`schema = 1`), its defaults and the messages about mistakes in it. Opens
//! nothing but the file itself, looks whether named files exist and certificates can be used;
//! sockets, brokers and model packs are opened by their owners. Relative paths count from the configuration file's folder.
//! Format for operators: `docs/operator.md`.

mod board;
mod broker;
mod card;
mod clips;
mod codecs;
mod commands;
mod explain;
mod governor;
mod input;
mod read;
mod remote;
mod rtsp;
mod source;
#[cfg(test)]
mod tests;
mod tls;
mod uplink;
mod values;

use std::fmt;
use std::path::{Path, PathBuf};

use wire::ids::Name;

pub use self::governor::{Governor, GovernorMode};
pub use board::BoardChoice;
pub use broker::{Claim, Mqtt, Secret};
pub use card::Card;
pub use clips::Clips;
pub use codecs::Codecs;
pub use commands::{Accept, Commands};
pub use document::Problem;
pub use input::{Input, Pace, SrtTerms};
pub use remote::{Remote, RemoteModel};
pub use rtsp::{Camera, Login, Transport};
pub use source::{FIELDS, Hoop, Mark, Source, Sport};
pub use tls::Certificate;
pub(crate) use uplink::SYSTEM_AUTHORITIES;
pub use uplink::{Uplink, Upload};

/// Everything that an operator can set.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Who this box is and where its data lies.
    pub box_: Identity,
    /// The broker.
    pub mqtt: Mqtt,
    /// The cameras; at least one, with different names.
    pub sources: Vec<Source>,
    /// What is cut out of the game.
    pub clips: Clips,
    /// When clips are uploaded.
    pub uplink: Uplink,
    /// Whether the box does what it is asked over MQTT.
    pub commands: Commands,
    /// How much of the disk may be used.
    pub storage: Storage,
    /// Who decodes and encodes.
    pub codecs: Codecs,
    /// Which model packs run.
    pub models: Models,
    /// How the box is governed.
    pub governor: Governor,
    /// Which lanes another machine serves.
    pub remote: Remote,
}

/// Who this box is and where its data lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The customer; second level of every topic.
    pub tenant: Name,
    /// The box, unique within its tenant; third level of every topic.
    pub device: Name,
    /// Folder of the database, the recordings and the clips. Need not exist yet.
    pub data_dir: PathBuf,
    /// Which board it is.
    pub board: BoardChoice,
}

/// How much of the disk may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Storage {
    /// Bytes for the recordings' ring, over all sources.
    pub recordings_bytes: u64,
    /// Bytes for finished clips that wait for upload.
    pub clips_bytes: u64,
}

/// Which model packs run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Models {
    /// Folder with one folder per pack.
    pub packs: PathBuf,
    /// Folders with the public keys that may have signed them.
    pub keys: Vec<PathBuf>,
    /// Size of the networks.
    pub tier: TierChoice,
    /// What runs them.
    pub engine: Engine,
}

/// What runs the networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Engine {
    /// Which one.
    pub choice: EngineChoice,
    /// ONNX Runtime's library; `None` for the one that the system has.
    pub library: Option<PathBuf>,
}

/// Which engine runs the networks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EngineChoice {
    /// ONNX Runtime where the system has its library, else tract.
    #[default]
    Auto,
    /// The one that is always there.
    Tract,
    /// ONNX Runtime or nothing.
    OnnxRuntime,
    /// ONNX Runtime on a GPU by CUDA, or nothing.
    Cuda,
    /// ONNX Runtime on a GPU by TensorRT, or nothing.
    TensorRt,
}

impl EngineChoice {
    /// The choices as people write them.
    pub const NAMES: [(&'static str, Self); 5] = [
        ("auto", Self::Auto),
        ("tract", Self::Tract),
        ("onnxruntime", Self::OnnxRuntime),
        ("cuda", Self::Cuda),
        ("tensorrt", Self::TensorRt),
    ];

    /// As people write it.
    pub fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(_, choice)| *choice == self).map_or("auto", |(name, _)| name)
    }
}

impl std::str::FromStr for EngineChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::NAMES.iter().find(|(name, _)| *name == text);
        let names = Self::NAMES.map(|(name, _)| name).join(", ");
        found.map(|(_, choice)| *choice).ok_or_else(|| format!("write one of {names}"))
    }
}

/// Who chooses the networks' size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TierChoice {
    /// The governor, from temperature and engine latency.
    Auto,
    /// Always the smallest ones.
    Nano,
    /// Always those in between.
    Small,
    /// Always the large ones.
    Full,
}

/// A configuration that cannot be used, with everything that is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The file.
    pub file: PathBuf,
    /// What is wrong, in the order of the lines; never empty.
    pub problems: Vec<Problem>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.problems.iter().map(|problem| match problem.line {
            0 => format!("{}: {}", self.file.display(), problem.message),
            line => format!("{}:{line}: {}", self.file.display(), problem.message),
        });
        f.write_str(&lines.collect::<Vec<_>>().join("\n"))
    }
}

impl std::error::Error for Refusal {}

/// What the configuration depends on outside its file.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    /// Folder from which relative paths count.
    folder: PathBuf,
    /// Where the model packs lie if the file does not say so.
    packs: PathBuf,
    /// Where the trusted public keys lie.
    keys: Vec<PathBuf>,
    /// ONNX Runtime's library if the file does not say so.
    library: Option<PathBuf>,
}

impl Config {
    /// Reads and validates the file.
    ///
    /// # Errors
    /// [`Refusal`] with every problem of the file. The process then ends with exit code 2.
    pub fn load(file: &Path) -> Result<Self, Refusal> {
        let refuse = |problems| Refusal { file: file.to_owned(), problems };
        let text = std::fs::read_to_string(file).map_err(|error| {
            let message = format!(
                "the configuration cannot be read: {error}; name a readable file, for example \
                 `courtside run --config /etc/courtside/courtside.toml`"
            );
            refuse(vec![Problem { line: 0, message }])
        })?;
        let folder = file.parent().map(Path::to_owned).unwrap_or_default();
        let surroundings = Surroundings {
            folder,
            packs: default_packs(),
            keys: default_keys(),
            library: default_library(),
        };
        read::config(&text, &surroundings).map_err(refuse)
    }
}

/// Where the model packs lie if nobody says so: `$COURTSIDE_PACKS`, else the share folder beside
/// the executable, else `models/packs` of a checkout that is the working directory, else
/// `/usr/share/courtside/packs`.
pub fn default_packs() -> PathBuf {
    named("COURTSIDE_PACKS").unwrap_or_else(|| shipped("packs"))
}

/// Folders with the public keys whose packs this box trusts: `$COURTSIDE_KEYS` alone if it is set,
/// else the keys that came with the program, found as [`default_packs`] are, and those of this
/// box's owner in `/etc/courtside/keys`.
pub fn default_keys() -> Vec<PathBuf> {
    match named("COURTSIDE_KEYS") {
        Some(folder) => vec![folder],
        None => vec![shipped("keys"), PathBuf::from("/etc/courtside/keys")],
    }
}

/// ONNX Runtime's library if the environment names one: `$COURTSIDE_ONNXRUNTIME`.
pub fn default_library() -> Option<PathBuf> {
    named("COURTSIDE_ONNXRUNTIME")
}

/// The folder in place of `/` below which the box looks for its sensors, if the environment names
/// one: `$COURTSIDE_SENSORS`.
pub fn default_sensors() -> Option<PathBuf> {
    named("COURTSIDE_SENSORS")
}

fn named(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// A folder that comes with the program: `packs` or `keys`.
fn shipped(folder: &str) -> PathBuf {
    let share = Path::new("share/courtside").join(folder);
    let installed = || Some(std::env::current_exe().ok()?.parent()?.parent()?.join(&share));
    let checkout = || Some(std::env::current_dir().ok()?.join("models").join(folder));
    let present = |folder: PathBuf| folder.is_dir().then_some(folder);
    installed()
        .and_then(present)
        .or_else(|| checkout().and_then(present))
        .unwrap_or_else(|| Path::new("/usr").join(&share))
}
