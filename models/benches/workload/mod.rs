//! The work that is timed: every lane at every shipped tier with every engine that is there, the
//! networks alone, and a frame in which every lane is due.
//!
//! Owns the pictures, the sounds and where the packs come from. Measures nothing: `lanes.rs` lets
//! divan do it, `beside.rs` does it in turn with another program.

use std::fmt;
use std::path::{Path, PathBuf};

use divan::black_box;
use hal::infer::{Infer, Tensor};
use models::engine::{Backend, Preference};
use models::lanes::ball::BallLane;
use models::lanes::board::BoardLane;
use models::lanes::hoop::HoopLane;
use models::lanes::rim::RimLane;
use models::lanes::sound::SoundLane;
use models::manifest::{Lane, Precision, Tier};
use models::{Engines, Luma, Pack, Trust};
use wire::time::MediaTime;
use wire::units::PixelBox;

pub(crate) mod frame;

/// The picture that lanes look at.
const SIZE: (usize, usize) = (1280, 720);
/// Ring and net of a hoop in it.
pub(crate) const HOOP: PixelBox = PixelBox { x0: 880.0, y0: 210.0, x1: 930.0, y1: 255.0 };
/// A field of a scoreboard in it.
const FIELD: PixelBox = PixelBox { x0: 400.0, y0: 60.0, x1: 490.0, y1: 95.0 };
/// The packs that an image brings.
const LANES: [&str; 5] = ["ball", "rim", "hoop", "board", "sound"];
/// Why a lane can be loaded.
const LOADED: &str = "the case has the tier and the lane of its pack";
/// More frames or blocks than any lane's window holds.
const WARM_UP: usize = 40;

/// A tier of a pack and what runs it.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// Name of the pack's folder.
    pub(crate) lane: &'static str,
    /// The tier.
    pub(crate) tier: Tier,
    /// What runs it.
    pub(crate) backend: Backend,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} {}", self.lane, self.tier.name, self.backend)
    }
}

/// Something that can be done again and again.
pub(crate) type Work = Box<dyn FnMut()>;

/// Every tier of every pack with every engine that is there and every precision that it has.
pub(crate) fn cases() -> Vec<Case> {
    let tiers = LANES.into_iter().flat_map(|lane| {
        let checked = Pack::check(&folder(lane), &trust());
        let manifest = checked.map_err(|error| eprintln!("no {lane} pack to measure: {error}"));
        let tiers = manifest.map_or_else(|()| Vec::new(), |manifest| manifest.tiers);
        tiers.into_iter().map(move |tier| (lane, tier))
    });
    let mut cases = Vec::new();
    for (lane, tier) in tiers {
        for backend in backends() {
            if backend.precision() == Precision::F32 || tier.int8.is_some() {
                cases.push(Case { lane, tier: tier.clone(), backend });
            }
        }
    }
    cases
}

/// tract, and ONNX Runtime if `COURTSIDE_ONNXRUNTIME=/path/libonnxruntime.so` names it.
pub(crate) fn backends() -> Vec<Backend> {
    library().backends().collect()
}

pub(crate) fn library() -> Engines {
    let Some(library) = std::env::var_os("COURTSIDE_ONNXRUNTIME") else {
        return Engines::default();
    };
    Engines::with_onnxruntime(Path::new(&library)).unwrap_or_else(|error| panic!("{error}"))
}

/// The shipped packs, or those of another folder: `COURTSIDE_PACKS=/path cargo bench …`.
pub(crate) fn folder(lane: &str) -> PathBuf {
    if let Some(packs) = std::env::var_os("COURTSIDE_PACKS") {
        return Path::new(&packs).join(lane);
    }
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packs").join(lane)
}

/// A pack whose tiers are run by one backend; in f32 where it has no int8.
pub(crate) fn open(lane: &str, backend: Backend) -> Pack {
    let engines = match backend {
        Backend::Tract => Engines::default(),
        Backend::OnnxRuntime => library().preferring(Preference::F32),
        Backend::OnnxRuntimeInt8 => library().preferring(Preference::Int8WhereShipped),
        Backend::Cuda | Backend::TensorRt => panic!("GPUs are measured by `courtside calibrate`"),
    };
    let pack = Pack::open(&folder(lane), &trust(), &engines);
    pack.unwrap_or_else(|error| panic!("{lane} by {backend}: {error}"))
}

/// Trust in the keys of the repository.
fn trust() -> Trust {
    let mut trust = Trust::default();
    let keys = Path::new(env!("CARGO_MANIFEST_DIR")).join("keys");
    for file in std::fs::read_dir(keys).into_iter().flatten().flatten() {
        let text = std::fs::read_to_string(file.path()).expect("a key is a text");
        trust.add("a key of the repository", &text).expect("it is a public key");
    }
    trust
}

/// A picture with texture at every scale, shifted to the left by `shift`.
pub(crate) fn picture(shift: usize) -> Vec<u8> {
    let pixel = |i: usize| {
        let (x, y) = (i % SIZE.0 + shift, i / SIZE.0);
        let waves = (x as f32 * 0.11).sin() + (y as f32 * 0.07 + x as f32 * 0.01).cos();
        let grain = ((x * 7919) ^ (y * 104_729)) % 23;
        (100.0 + 40.0 * waves) as u8 + grain as u8
    };
    (0..SIZE.0 * SIZE.1).map(pixel).collect()
}

/// The picture as lanes take it.
pub(crate) fn luma(data: &[u8]) -> Luma<'_> {
    Luma::new(data, SIZE.0, SIZE).expect("720p fits its own size")
}

/// 100 ms of sound.
fn block() -> Vec<f32> {
    (0..1_600).map(|i| (0.05 * (i * i % 977) as f32).sin()).collect()
}

/// A lane: what prepares its input, the network, and what reads its output. Its windows are full.
pub(crate) fn lane(case: &Case) -> Work {
    let pack = open(case.lane, case.backend);
    let runs = pack.backend(&case.tier.name).expect(LOADED);
    assert_eq!(runs, case.backend, "{case}: {:?}", pack.unfit());
    let (pack, tier) = (&pack, case.tier.name.as_str());
    match pack.manifest().lane {
        Lane::Ball => {
            let mut lane = BallLane::load(pack, tier).expect(LOADED);
            watching(move |luma, at| drop(lane.observe(luma, at).expect("it runs")))
        }
        Lane::Rim => {
            let mut lane = RimLane::load(pack, tier).expect(LOADED);
            watching(move |luma, at| drop(lane.observe(luma, at, HOOP).expect("it runs")))
        }
        Lane::Hoop => {
            let mut lane = HoopLane::load(pack, tier).expect(LOADED);
            watching(move |luma, _| drop(lane.find(luma).expect("it runs")))
        }
        Lane::Board => {
            let mut lane = BoardLane::load(pack, tier).expect(LOADED);
            watching(move |luma, _| drop(lane.read(luma, FIELD).expect("it runs")))
        }
        Lane::Sound => hearing(SoundLane::load(pack, tier).expect(LOADED)),
        Lane::Players => panic!("people are looked for by packs of others: `courtside calibrate`"),
    }
}

/// Looks at frames 40 ms apart.
fn watching(mut look: impl FnMut(Luma<'_>, MediaTime) + 'static) -> Work {
    let pictures = [picture(0), picture(3)];
    let mut frame = 0;
    let mut next = move || {
        frame += 1;
        look(black_box(luma(&pictures[frame % 2])), MediaTime::from_millis(40 * frame as i64));
    };
    (0..WARM_UP).for_each(|_| next());
    Box::new(next)
}

/// Listens to blocks of 100 ms, spectrum and network.
fn hearing(mut lane: SoundLane) -> Work {
    let samples = block();
    let mut blocks = 0;
    let mut next = move || {
        blocks += 1;
        let at = MediaTime::from_millis(100 * blocks);
        let _ = black_box(lane.hear(black_box(&samples), at).expect("it runs"));
    };
    (0..WARM_UP).for_each(|_| next());
    Box::new(next)
}

/// The network alone, on the input of its golden answer.
pub(crate) fn network(case: &Case) -> Work {
    let pack = open(case.lane, case.backend);
    let tier = &case.tier;
    let mut network = pack.network(&tier.name).expect(LOADED);
    let golden = std::fs::read(folder(case.lane).join(&tier.golden)).expect("it was proved");
    let (values, _) = golden.as_chunks::<4>();
    let data = values.iter().map(|&bytes| f32::from_le_bytes(bytes));
    let data = data.take(tier.input_shape.iter().product()).collect();
    let input = [Tensor { shape: tier.input_shape.clone(), data }];
    Box::new(move || drop(black_box(network.run(black_box(&input)).expect("it runs"))))
}
