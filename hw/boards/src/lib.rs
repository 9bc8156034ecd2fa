//! Boards as data: what a box is, which of its sensors plays which part, what it stands, and
//! which codecs it has.
//!
//! Owns the format of board files (`hw/boards/*.toml`), finds the one that a box is
//! ([`detect`]), and finds the sensors of a board among those that the box shows ([`Fit`]). Reads
//! no sensor, decides nothing: what the kernel states at run time goes before what a file says.
//! Why: `docs/decisions/0023-boards.md`.
#![forbid(unsafe_code)]

mod detect;
mod fit;
mod identity;
mod read;

use std::fmt;
use std::path::{Path, PathBuf};

use document::Problem;
use hal::sensors::Trips;
use wire::units::{Milliamperes, Millicelsius, Milliwatts};

pub use detect::{Detected, FALLBACK, Why, detect, named};
pub use fit::{Fit, Missing};
pub use identity::Identity;

/// The board files that come with this version, by their names.
const SHIPPED: [(&str, &str); 6] = [
    ("jetson-orin-nano.toml", include_str!("../jetson-orin-nano.toml")),
    ("jetson-orin-nx.toml", include_str!("../jetson-orin-nx.toml")),
    ("jetson-agx-orin.toml", include_str!("../jetson-agx-orin.toml")),
    ("jetson-thor.toml", include_str!("../jetson-thor.toml")),
    ("generic-x86.toml", include_str!("../generic-x86.toml")),
    ("development-vm.toml", include_str!("../development-vm.toml")),
];

/// What is known of a board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Board {
    /// Its name, as the configuration writes it.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// The kinds of box that are this board.
    pub modules: Vec<Module>,
    /// What decodes video here, the best first.
    pub decoders: Vec<Driver>,
    /// What encodes video here, the best first.
    pub encoders: Vec<Driver>,
    /// Its temperatures.
    pub zones: Vec<Zone>,
    /// Its power rails.
    pub rails: Vec<Rail>,
    /// Its fans, each by the names that its sensor may have.
    pub fans: Vec<Sensors>,
    /// How much a sensor that fell silent may warm up in a second at worst.
    pub slew_per_second: Option<Millicelsius>,
}

impl Board {
    /// The boards that come with this version.
    pub fn shipped() -> Vec<Self> {
        let board = |(name, text): (&str, &str)| match Self::parse(Path::new(name), text) {
            Ok(board) => board,
            Err(refusal) => unreachable!("shipped boards were tested: {refusal}"),
        };
        SHIPPED.into_iter().map(board).collect()
    }

    /// Reads a board file.
    ///
    /// # Errors
    /// [`Refusal`] with everything that is wrong with it.
    pub fn load(file: &Path) -> Result<Self, Refusal> {
        let text = std::fs::read_to_string(file).map_err(|error| {
            let message = format!(
                "the board file cannot be read: {error}; name a readable file, or one of the \
                 boards that Courtside knows"
            );
            Refusal { file: file.to_owned(), problems: vec![Problem { line: 0, message }] }
        })?;
        Self::parse(file, &text)
    }

    /// Reads the text of a board file; `file` is for messages.
    ///
    /// # Errors
    /// [`Refusal`] with everything that is wrong with it.
    pub fn parse(file: &Path, text: &str) -> Result<Self, Refusal> {
        read::board(text).map_err(|problems| Refusal { file: file.to_owned(), problems })
    }
}

/// A kind of box that is this board: all of its rules must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Module {
    /// Its name for people.
    pub title: String,
    /// What the box must say of itself.
    pub rules: Vec<(Saying, Pattern)>,
    /// Its memory, in MiB.
    pub memory_mib: Option<u32>,
    /// The most that it may use all the time.
    pub power: Option<Milliwatts>,
}

/// What a box says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Saying {
    /// One of the texts of the device tree's `compatible`.
    Compatible,
    /// The device tree's `model`.
    Model,
    /// `/sys/class/dmi/id/sys_vendor`
    SysVendor,
    /// `/sys/class/dmi/id/product_name`
    ProductName,
    /// `/sys/class/dmi/id/board_vendor`
    BoardVendor,
    /// `/sys/class/dmi/id/board_name`
    BoardName,
    /// The hardware id of a device that ACPI describes.
    Acpi,
}

impl Saying {
    /// Every saying with its key in board files.
    pub const KEYS: [(Self, &'static str); 7] = [
        (Self::Compatible, "compatible"),
        (Self::Model, "model"),
        (Self::SysVendor, "dmi_sys_vendor"),
        (Self::ProductName, "dmi_product_name"),
        (Self::BoardVendor, "dmi_board_vendor"),
        (Self::BoardName, "dmi_board_name"),
        (Self::Acpi, "acpi"),
    ];
}

/// A text, or the beginning of one with `*` behind it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern(String);

impl Pattern {
    /// Whether it fits a text as a whole.
    pub fn fits(&self, text: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(beginning) => text.starts_with(beginning),
            None => self.0 == text,
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The names that one sensor may have, the most likely first. Kernels differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sensors(Vec<Pattern>);

impl fmt::Display for Sensors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&names.join(" or "))
    }
}

/// A temperature of the board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// Its part.
    pub role: ZoneRole,
    /// Its sensor.
    pub sensors: Sensors,
    /// Its limits where the kernel states none.
    pub trips: Trips,
    /// The zone that stands for it while its own part is switched off and cannot be read.
    pub when_off: Option<ZoneRole>,
}

/// The part of a temperature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ZoneRole {
    /// The processor's cores.
    Cpu,
    /// The graphics processor.
    Gpu,
    /// The hottest place of the chip.
    Junction,
    /// Another part of the chip.
    Soc,
    /// The board itself.
    Board,
    /// A disk.
    Disk,
}

impl ZoneRole {
    /// The roles as board files write them.
    pub const NAMES: [(&'static str, Self); 6] = [
        ("cpu", Self::Cpu),
        ("gpu", Self::Gpu),
        ("junction", Self::Junction),
        ("soc", Self::Soc),
        ("board", Self::Board),
        ("disk", Self::Disk),
    ];

    /// Whether the part may be switched off, and its sensor with it, while the box runs. Silence
    /// of any other sensor is a loss.
    pub const fn can_be_off(self) -> bool {
        match self {
            Self::Gpu | Self::Soc => true,
            Self::Cpu | Self::Junction | Self::Board | Self::Disk => false,
        }
    }
}

impl fmt::Display for ZoneRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(name_of(&Self::NAMES, *self))
    }
}

/// A power rail of the board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rail {
    /// What it feeds.
    pub role: RailRole,
    /// Its sensor.
    pub sensors: Sensors,
    /// The most that it may carry all the time.
    pub power_max: Option<Milliwatts>,
    /// The most current where its monitor states no limit.
    pub current_max: Option<Milliamperes>,
}

/// What a rail feeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RailRole {
    /// Everything on the board or module.
    Input,
    /// The processor.
    Cpu,
    /// The graphics processor.
    Gpu,
    /// Both processors together.
    Processors,
    /// The rest of the chip.
    Soc,
    /// Memory.
    Memory,
    /// What lies around the chip.
    System,
}

impl RailRole {
    /// The roles as board files write them.
    pub const NAMES: [(&'static str, Self); 7] = [
        ("input", Self::Input),
        ("cpu", Self::Cpu),
        ("gpu", Self::Gpu),
        ("processors", Self::Processors),
        ("soc", Self::Soc),
        ("memory", Self::Memory),
        ("system", Self::System),
    ];
}

impl fmt::Display for RailRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(name_of(&Self::NAMES, *self))
    }
}

/// What decodes or encodes video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// FFmpeg's libraries, on the processor.
    Libav,
    /// NVIDIA's NVDEC and NVENC.
    Nvcodec,
    /// A codec of the kernel (V4L2, memory to memory).
    V4l2,
}

impl Driver {
    /// The drivers as board files write them.
    pub const NAMES: [(&'static str, Self); 3] =
        [("libav", Self::Libav), ("nvcodec", Self::Nvcodec), ("v4l2", Self::V4l2)];
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(name_of(&Self::NAMES, *self))
    }
}

fn name_of<T: PartialEq>(names: &[(&'static str, T)], value: T) -> &'static str {
    let found = names.iter().find(|(_, named)| *named == value);
    found.map(|(name, _)| *name).expect("every value of the enum has a name")
}

/// A board file that cannot be used, with everything that is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.lines())]
pub struct Refusal {
    /// The file.
    pub file: PathBuf,
    /// What is wrong, in the order of the lines; never empty.
    pub problems: Vec<Problem>,
}

impl Refusal {
    fn lines(&self) -> String {
        let file = self.file.display();
        let line = |problem: &Problem| match problem.line {
            0 => format!("{file}: {}", problem.message),
            line => format!("{file}:{line}: {}", problem.message),
        };
        self.problems.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}
