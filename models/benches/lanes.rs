//! What the lanes cost on this machine: preparing pictures, following hoops, and every tier of
//! every shipped pack with everything around it, by every engine.
//!
//!     COURTSIDE_ONNXRUNTIME=/path/libonnxruntime.so cargo bench --workspace --bench lanes --profile dev
//!
//! Without a library tract alone is measured. `scripts/bench-lanes` measures the same in turn with
//! Python, and tells the frames' 99th percentile, which divan does not.

use divan::{Bencher, black_box};
use hal::Scan;
use models::engine::Backend;
use models::incoming::Incoming;
use models::lanes::follow::Follower;
use models::picture::{Grey, Resampler, Square};
use wire::time::MediaTime;
use wire::units::PixelBox;

use self::workload::{Case, HOOP, luma, picture};

mod workload;

fn main() {
    divan::main();
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

/// Preparation, network and reading.
#[divan::bench(args = workload::cases())]
fn lane(bencher: Bencher, case: &Case) {
    bencher.bench_local(workload::lane(case));
}

/// The networks alone, without what prepares their input and reads their output.
#[divan::bench(args = workload::cases())]
fn network(bencher: Bencher, case: &Case) {
    bencher.bench_local(workload::network(case));
}

/// A frame of 720p in which every lane is due, with two hoops, each lane in its best tier.
#[divan::bench(args = workload::backends())]
fn all_lanes_full_720p(bencher: Bencher, backend: Backend) {
    bencher.bench_local(workload::frame::frame(backend));
}
