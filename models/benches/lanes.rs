//! What the lanes cost on this machine: preparing pictures, following hoops, and every tier of
//! every shipped pack with everything around it. `cargo bench -p courtside-models --profile dev`.

use std::path::{Path, PathBuf};

use divan::{Bencher, black_box};
use hal::Scan;
use hal::infer::{Infer, Tensor};
use models::incoming::Incoming;
use models::lanes::ball::BallLane;
use models::lanes::board::BoardLane;
use models::lanes::follow::Follower;
use models::lanes::hoop::HoopLane;
use models::lanes::rim::RimLane;
use models::lanes::sound::SoundLane;
use models::picture::{Grey, Resampler, Square};
use models::{Engines, Luma, Pack, Trust};
use wire::time::MediaTime;
use wire::units::PixelBox;

fn main() {
    divan::main();
}

const SIZE: (usize, usize) = (1280, 720);
const HOOP: PixelBox = PixelBox { x0: 880.0, y0: 210.0, x1: 930.0, y1: 255.0 };

/// A picture with texture at every scale, shifted to the left by `shift`.
fn picture(shift: usize) -> Vec<u8> {
    let pixel = |i: usize| {
        let (x, y) = (i % SIZE.0 + shift, i / SIZE.0);
        let waves = (x as f32 * 0.11).sin() + (y as f32 * 0.07 + x as f32 * 0.01).cos();
        let grain = ((x * 7919) ^ (y * 104_729)) % 23;
        (100.0 + 40.0 * waves) as u8 + grain as u8
    };
    (0..SIZE.0 * SIZE.1).map(pixel).collect()
}

fn luma(data: &[u8]) -> Luma<'_> {
    Luma::new(data, SIZE.0, SIZE).expect("720p fits its own size")
}

#[divan::bench(args = [(320, 180), (512, 288)])]
fn letterbox_720p(bencher: Bencher, (width, height): (usize, usize)) {
    let data = picture(0);
    let mut resampler = Resampler::default();
    let mut grey = Grey::filled(width, height, 0);
    bencher.bench_local(|| resampler.letterbox(black_box(luma(&data)), &mut grey));
}

/// A picture that says nothing of its rows is searched for combs.
#[divan::bench]
fn incoming_720p(bencher: Bencher) {
    let data = picture(0);
    let mut incoming = Incoming::default();
    bencher
        .bench_local(|| incoming.observe(black_box(luma(&data)), Scan::Progressive, MediaTime(0)));
}

#[divan::bench(args = [20.0, 50.0, 150.0])]
fn rim_crop_720p(bencher: Bencher, hoop_px: f32) {
    let data = picture(0);
    let mut resampler = Resampler::default();
    let mut grey = Grey::filled(64, 64, 0);
    let square = Square { x: 700.3, y: 120.8, side: 3.5 * hoop_px };
    bencher.bench_local(|| resampler.crop(black_box(luma(&data)), square, &mut grey));
}

/// Hoops of these widths, in frames so many ms apart.
#[divan::bench(args = [(20.0, 40), (50.0, 40), (150.0, 40), (20.0, 160), (50.0, 160)])]
fn follow_720p(bencher: Bencher, (hoop_px, spacing_ms): (f32, i64)) {
    let pictures = [picture(0), picture(3)];
    let area = PixelBox { x1: HOOP.x0 + hoop_px, y1: HOOP.y0 + hoop_px, ..HOOP };
    let mut follower = Follower::new(area);
    let mut frame = 0;
    let mut next = move || {
        frame += 1;
        let at = MediaTime::from_millis(spacing_ms * frame as i64);
        follower.follow(black_box(luma(&pictures[frame % 2])), at)
    };
    next();
    bencher.bench_local(next);
}

/// Tiers of the shipped packs, as `pack/tier`.
fn tiers(lane: &str) -> Vec<String> {
    let packed = Pack::open(&folder(lane), &trust(), &Engines::default())
        .map(|pack| pack.tiers().iter().map(|tier| tier.name.clone()).collect());
    packed.unwrap_or_else(|error| {
        eprintln!("no {lane} pack to measure: {error}");
        Vec::new()
    })
}

/// The shipped packs, or those of another folder: `COURTSIDE_PACKS=/path cargo bench …`.
fn folder(lane: &str) -> PathBuf {
    if let Some(packs) = std::env::var_os("COURTSIDE_PACKS") {
        return Path::new(&packs).join(lane);
    }
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packs").join(lane)
}

fn open(lane: &str) -> Pack {
    Pack::open(&folder(lane), &trust(), &engines()).expect("it was opened for its list of tiers")
}

/// tract, or ONNX Runtime: `COURTSIDE_ONNXRUNTIME=/path/libonnxruntime.so cargo bench …`.
fn engines() -> Engines {
    let Some(library) = std::env::var_os("COURTSIDE_ONNXRUNTIME") else {
        return Engines::default();
    };
    Engines::with_onnxruntime(Path::new(&library)).unwrap_or_else(|error| panic!("{error}"))
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

#[divan::bench(args = tiers("ball"))]
fn ball_observe_720p(bencher: Bencher, tier: &str) {
    let mut lane = BallLane::load(&open("ball"), tier).expect("the tier is listed");
    let pictures = [picture(0), picture(3)];
    let mut frame = 0;
    let mut next = move || {
        frame += 1;
        let pts = MediaTime::from_millis(40 * frame as i64);
        lane.observe(black_box(luma(&pictures[frame % 2])), pts).expect("it runs")
    };
    (0..8).for_each(|_| drop(next()));
    bencher.bench_local(next);
}

#[divan::bench(args = tiers("rim"))]
fn rim_observe_720p(bencher: Bencher, tier: &str) {
    let mut lane = RimLane::load(&open("rim"), tier).expect("the tier is listed");
    let pictures = [picture(0), picture(3)];
    let mut frame = 0;
    let mut next = move || {
        frame += 1;
        let pts = MediaTime::from_millis(40 * frame as i64);
        lane.observe(black_box(luma(&pictures[frame % 2])), pts, HOOP).expect("it runs")
    };
    (0..32).for_each(|_| drop(next()));
    bencher.bench_local(next);
}

#[divan::bench(args = tiers("hoop"))]
fn hoop_find_720p(bencher: Bencher, tier: &str) {
    let mut lane = HoopLane::load(&open("hoop"), tier).expect("the tier is listed");
    let data = picture(0);
    bencher.bench_local(|| lane.find(black_box(luma(&data))).expect("it runs"));
}

#[divan::bench(args = tiers("board"))]
fn board_read_720p(bencher: Bencher, tier: &str) {
    let mut lane = BoardLane::load(&open("board"), tier).expect("the tier is listed");
    let data = picture(0);
    let field = PixelBox { x0: 400.0, y0: 60.0, x1: 490.0, y1: 95.0 };
    bencher.bench_local(|| lane.read(black_box(luma(&data)), field).expect("it runs"));
}

/// A block of 100 ms, spectrum and network.
#[divan::bench(args = tiers("sound"))]
fn sound_hear_100_ms(bencher: Bencher, tier: &str) {
    let mut lane = SoundLane::load(&open("sound"), tier).expect("the tier is listed");
    let samples: Vec<f32> = (0..1_600).map(|i| (0.05 * (i * i % 977) as f32).sin()).collect();
    let mut block = 0;
    let mut next = move || {
        block += 1;
        lane.hear(black_box(&samples), MediaTime::from_millis(100 * block)).expect("it runs")
    };
    for _ in 0..10 {
        next();
    }
    bencher.bench_local(next);
}

/// The networks alone, without what prepares their input and reads their output.
#[divan::bench(args = ["ball", "board", "hoop", "rim", "sound"].iter().flat_map(|lane| {
    tiers(lane).into_iter().map(move |tier| format!("{lane}/{tier}"))
}))]
fn network(bencher: Bencher, name: &str) {
    let (lane, tier) = name.split_once('/').expect("written with a slash");
    let pack = open(lane);
    let mut network = pack.network(tier).expect("the tier is listed");
    let shape = pack.tiers().iter().find(|t| t.name == tier).map(|t| t.input_shape.clone());
    let input = [Tensor::zeros(&shape.expect("the tier is listed"))];
    bencher.bench_local(|| network.run(black_box(&input)).expect("it runs"));
}
