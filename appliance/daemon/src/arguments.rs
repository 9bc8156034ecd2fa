//! What can be written after `courtside`.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use courtside::config::EngineChoice;
use courtside::evaluate::PrecisionChoice;
use courtside::govern;
use courtside::tiers::Tiers;
use courtside::trial;

/// Where a box has its configuration.
pub(super) const DEFAULT_CONFIG: &str = "/etc/courtside/courtside.toml";

/// The firmware of a courtside box.
#[derive(Parser)]
#[command(version)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// Runs the box until SIGTERM or SIGINT.
    Run {
        /// The configuration.
        #[arg(long)]
        config: PathBuf,
    },
    /// Tells what a configuration file means, or everything that is wrong with it.
    CheckConfig {
        /// The file, such as /etc/courtside/courtside.toml.
        file: PathBuf,
    },
    /// Tells which capture devices are plugged in, what they deliver, and whether they have a
    /// signal.
    Devices {
        /// As JSON, for programs.
        #[arg(long)]
        json: bool,
    },
    /// Runs the pipeline over recorded games with known truth: every NAME.mp4 in a folder that
    /// has a NAME.events.json beside it.
    Evaluate {
        /// The folder.
        #[arg(required_unless_present = "compare")]
        folder: Option<PathBuf>,
        /// Tier of the networks.
        #[arg(long, value_enum, default_value_t = TierArg::Full)]
        tier: TierArg,
        /// Also writes the result as JSON.
        #[arg(long)]
        json: Option<PathBuf>,
        /// Also writes the result as a page with a strip of pictures of every mistake.
        #[arg(long)]
        html: Option<PathBuf>,
        /// Evaluates nothing, but compares two results that --json wrote: which mistakes are gone
        /// and which are new.
        #[arg(long, num_args = 2, value_names = ["BEFORE", "AFTER"], exclusive = true)]
        compare: Option<Vec<PathBuf>>,
        /// Folder of the model packs, if not the installed ones.
        #[arg(long)]
        packs: Option<PathBuf>,
        /// What runs the networks: auto, tract, onnxruntime, cuda or tensorrt.
        #[arg(long, default_value = "auto")]
        engine: EngineChoice,
        /// Number format of the networks.
        #[arg(long, value_enum, default_value_t = PrecisionArg::Auto)]
        precision: PrecisionArg,
        /// Search the hoops although the truth files say where they are, and tell how soon each was
        /// found.
        #[arg(long)]
        search: bool,
    },
    /// Measures every network of this box with every engine and precision, and keeps for the next
    /// start which is the fastest and what it costs.
    Calibrate {
        /// The configuration of the box; /etc/courtside/courtside.toml if no packs are named.
        #[arg(long)]
        config: Option<PathBuf>,
        /// Folder of the model packs, if not those of the box. Without a configuration the result
        /// is only told.
        #[arg(long)]
        packs: Option<PathBuf>,
    },
    /// Tells which board this box is and what its sensors read.
    Sensors {
        /// The configuration of the box, if it names a board.
        #[arg(long)]
        config: Option<PathBuf>,
        /// For programs.
        #[arg(long)]
        json: bool,
        /// Looks below another folder than /, such as a copy of another box's /sys.
        #[arg(long)]
        root: Option<PathBuf>,
        /// Reads nothing, but asks the NVMe disks, as only root may, how worn they are, and keeps
        /// the answers in this folder for the box.
        #[arg(long, value_name = "FOLDER", conflicts_with_all = ["config", "json"])]
        keep_wear: Option<PathBuf>,
    },
    /// The installer's one page: checks board, cameras, network, clock, disk and networks of this
    /// box, and says whether the installation is accepted. Best while the box runs.
    Doctor {
        /// The configuration of the box.
        #[arg(long, default_value = DEFAULT_CONFIG)]
        config: PathBuf,
        /// As JSON, for programs: the report as text with the box's signature of it.
        #[arg(long)]
        json: bool,
        /// Also writes a page to print, and beside it, with the ending .json, what --json prints.
        #[arg(long, value_name = "FILE")]
        html: Option<PathBuf>,
        /// Also watches the hottest sensor for so many seconds, and tells where it would settle.
        #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(10..=86_400))]
        soak: Option<u32>,
    },
    /// What the image's scripts ask around an update: whether it may begin, and whether the box can
    /// do after it what it could before.
    Trial {
        /// The configuration of the box.
        #[arg(long, default_value = DEFAULT_CONFIG, global = true)]
        config: PathBuf,
        #[command(subcommand)]
        job: trial::Job,
    },
    /// Asks the governor of the running box.
    Governor {
        /// The configuration of the box.
        #[arg(long, default_value = DEFAULT_CONFIG, global = true)]
        config: PathBuf,
        #[command(subcommand)]
        job: govern::command::Job,
    },
    /// Tells who asked the box for what over MQTT, and what became of it.
    Commands {
        /// The configuration of the box.
        #[arg(long, default_value = DEFAULT_CONFIG)]
        config: PathBuf,
        /// The last so many.
        #[arg(long, default_value_t = 20)]
        last: u32,
        /// As JSON lines, for programs.
        #[arg(long)]
        json: bool,
    },
    /// Looks at, checks, installs and rolls back model packs.
    Models {
        /// The configuration of the box.
        #[arg(long, default_value = DEFAULT_CONFIG, global = true)]
        config: PathBuf,
        #[command(subcommand)]
        command: ModelsCommand,
    },
}

#[derive(Subcommand)]
pub(super) enum ModelsCommand {
    /// Tells which packs this box has and which are active.
    List,
    /// Checks a pack (a file or a folder), or all packs of this box.
    Verify {
        /// The pack.
        pack: Option<PathBuf>,
    },
    /// Installs a pack; a box that runs uses it within seconds.
    Install {
        /// The pack, as `courtside models pack` made it.
        file: PathBuf,
    },
    /// Goes back to the version before the active one.
    Rollback {
        /// Name of the pack, such as `rim`.
        name: String,
    },
    /// Makes one file of a signed pack's folder, for `install`.
    Pack {
        /// The folder, such as models/packs/rim.
        folder: PathBuf,
        /// The file to write, such as rim.pack.
        file: PathBuf,
    },
    /// What `install` does in a process of its own.
    #[command(hide = true)]
    Probe {
        folder: PathBuf,
        #[arg(long)]
        keys: Vec<PathBuf>,
        #[arg(long, default_value = "auto")]
        engine: EngineChoice,
        #[arg(long)]
        onnxruntime: Option<PathBuf>,
    },
}

/// A tier on the command line.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum TierArg {
    /// The smallest networks.
    Nano,
    /// Those in between.
    Small,
    /// The large networks.
    Full,
    /// Each that a pack has, one after the other.
    All,
}

impl TierArg {
    /// The tiers to evaluate, with packs that have these.
    pub(super) fn tiers(self, has: &Tiers) -> Vec<governor::Tier> {
        use governor::Tier::{self, Full, Nano, Small};
        match self {
            Self::Nano => vec![Nano],
            Self::Small => vec![Small],
            Self::Full => vec![Full],
            Self::All => Tier::ALL.into_iter().filter(|tier| has.has(*tier)).collect(),
        }
    }
}

/// A precision on the command line.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum PrecisionArg {
    /// int8 where a pack has it and ONNX Runtime is there, as on a box that was not calibrated.
    Auto,
    /// f32 alone.
    F32,
    /// int8 wherever a pack has it, or nothing.
    Int8,
}

impl From<PrecisionArg> for PrecisionChoice {
    fn from(arg: PrecisionArg) -> Self {
        match arg {
            PrecisionArg::Auto => Self::Auto,
            PrecisionArg::F32 => Self::F32,
            PrecisionArg::Int8 => Self::Int8,
        }
    }
}
