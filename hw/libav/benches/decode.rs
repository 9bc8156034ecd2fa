//! What a decoded frame costs: `cargo bench --profile dev -p courtside-libav`, then 1 / (items a second).
//! One thread; noisy pictures at 6 Mb/s, made by the `ffmpeg` command. On a busy machine only the
//! `fastest` column means anything.

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use divan::counter::ItemsCount;
use hal::decode::{DecodeAudio as _, DecodeVideo as _};
use hal::surface::SurfacePool;
use libav::file::{Reader, Track, Unit};
use libav::{audio, video};

const FRAMES: usize = 50;

static FOLDER: LazyLock<tempfile::TempDir> =
    LazyLock::new(|| tempfile::tempdir().expect("a temporary folder"));

struct Clip {
    reader: Reader,
    units: Vec<Unit>,
}

fn clip(size: &str, options: &str) -> Clip {
    let path = FOLDER.path().join(format!("{size}{}.mp4", options.replace(' ', "")));
    if !path.exists() {
        generate(&path, size, options);
    }
    let open = || Reader::open(&path).expect("ffmpeg made a readable file");
    let units = open().map(|unit| unit.expect("a whole file")).collect();
    Clip { reader: open(), units }
}

fn generate(path: &Path, size: &str, options: &str) {
    let pictures = format!("testsrc2=size={size}:rate=25,noise=alls=12:allf=t");
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", &pictures])
        .args(["-f", "lavfi", "-i", "sine=frequency=700:sample_rate=48000"])
        .args(["-frames:v", &FRAMES.to_string(), "-shortest"])
        .args(["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-b:v", "6M"])
        .args(["-c:a", "aac"])
        .args(options.split(' '))
        .arg(path)
        .status();
    assert!(status.is_ok_and(|status| status.success()), "the ffmpeg command is installed");
}

#[divan::bench(args = ["1280x720", "1920x1080"], sample_count = 10)]
fn without_b_frames(bencher: divan::Bencher<'_, '_>, size: &str) {
    pictures(bencher, &clip(size, "-bf 0 -g 50"));
}

#[divan::bench(args = ["1280x720", "1920x1080"], sample_count = 10)]
fn with_two_b_frames(bencher: divan::Bencher<'_, '_>, size: &str) {
    pictures(bencher, &clip(size, "-bf 2 -g 50"));
}

fn pictures(bencher: divan::Bencher<'_, '_>, clip: &Clip) {
    let open = || {
        let config = &clip.reader.video().config;
        video::Decoder::open(config, SurfacePool::new(4)).expect("the record is whole")
    };
    bencher.counter(ItemsCount::new(FRAMES)).with_inputs(open).bench_local_values(|mut decoder| {
        let mut count = 0;
        for unit in clip.units.iter().filter(|unit| unit.track == Track::Video) {
            decoder.decode(unit.packet(), &mut |_| count += 1).expect("a sound access unit");
        }
        decoder.drain(&mut |_| count += 1).expect("a sound decoder");
        assert_eq!(count, FRAMES);
    });
}

#[divan::bench]
fn two_seconds_of_sound(bencher: divan::Bencher<'_, '_>) {
    let clip = clip("1280x720", "-bf 0 -g 50");
    let config = &clip.reader.audio().expect("it has sound").config;
    let open = || audio::Decoder::open(config).expect("the configuration is whole");
    bencher.with_inputs(open).bench_local_values(|mut decoder| {
        for unit in clip.units.iter().filter(|unit| unit.track == Track::Audio) {
            decoder.decode(unit.packet()).expect("a sound access unit");
        }
    });
}

fn main() {
    divan::main();
}
