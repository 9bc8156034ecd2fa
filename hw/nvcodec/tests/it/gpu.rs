//! The real libraries and a real GPU: that NVDEC decodes what software decodes, NVENC's stream is
//! one that software decodes, and how fast both are. Ignored by default:
//! `cargo nextest run --run-ignored all --no-capture -E 'test(gpu_)'`.

use std::time::Duration;

use hal::PixelFormat;
use hal::decode::{DecodeVideo, Packet, VideoConfig};
use hal::encode::{BitsPerSecond, Config, EncodeVideo, FrameRate, Unit};
use hal::surface::{DownloadError, HostPicture, Plane, Scan, Surface, SurfaceMemory, SurfacePool};
use nvcodec::{Gpu, Names, decoder, encoder};
use wire::codec::VideoCodec;
use wire::time::MediaTime;
use wire::units::PictureSize;

const SIZE: PictureSize = PictureSize { width: 1920, height: 1080 };
const FRAMES: usize = 300;
const CONFIG: Config = Config {
    codec: VideoCodec::H264,
    size: SIZE,
    frame_rate: FrameRate::from_hz(50),
    scan: Scan::Progressive,
    bitrate: BitsPerSecond::from_kilobits(8_000),
};
/// Least likeness of a picture before and after its codec. The decoders must agree exactly.
const PSNR_MIN: f64 = 30.0;

/// A slope that moves, with some noise.
struct Painted(Vec<u8>);

impl SurfaceMemory for Painted {
    fn download(&self) -> Result<HostPicture<'_>, DownloadError> {
        let stride = usize::from(SIZE.width);
        let (luma, chroma) = self.0.split_at(stride * usize::from(SIZE.height));
        let planes = [luma, chroma, &[]].map(|data| Plane { data, stride });
        Ok(HostPicture { size: SIZE, format: PixelFormat::Nv12, planes })
    }
}

fn painted(n: usize) -> Surface {
    let (width, height) = (usize::from(SIZE.width), usize::from(SIZE.height));
    let mut pixels = vec![128; width * height * 3 / 2];
    let mut seed = n as u32 + 1;
    for (y, row) in pixels.chunks_mut(width).take(height).enumerate() {
        for (x, pixel) in row.iter_mut().enumerate() {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *pixel = (((x + 5 * n) / 4 + y / 3) % 200) as u8 + (seed >> 29) as u8;
        }
    }
    let pts = MediaTime(n as i64 * 1_800);
    SurfacePool::new(1).wrap(Box::new(Painted(pixels)), SIZE, pts).expect("a pool of its own")
}

#[expect(clippy::disallowed_methods, reason = "a measurement is of real time")]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = std::time::Instant::now();
    let done = work();
    (done, start.elapsed())
}

fn rate(frames: usize, took: Duration) -> f64 {
    frames as f64 / took.as_secs_f64()
}

fn encode(encoder: &mut dyn EncodeVideo, surfaces: &[Surface]) -> Vec<Unit> {
    let mut units = Vec::new();
    for surface in surfaces {
        encoder.encode(surface, &mut |unit| units.push(unit)).expect("a sound picture");
    }
    encoder.drain(&mut |unit| units.push(unit)).expect("a sound encoder");
    units
}

/// Decodes; `look` sees each picture.
fn decode(decoder: &mut dyn DecodeVideo, units: &[Unit], look: &mut dyn FnMut(&Surface)) -> usize {
    let mut count = 0;
    let mut deliver = |surface: Surface| {
        count += 1;
        look(&surface);
    };
    for Unit { pts, dts, data, .. } in units {
        let packet = Packet { data, pts: *pts, dts: *dts };
        decoder.decode(packet, &mut deliver).expect("a sound access unit");
    }
    decoder.drain(&mut deliver).expect("a sound decoder");
    count
}

fn software(config: &VideoConfig) -> libav::video::Decoder {
    libav::video::Decoder::open(config, SurfacePool::new(4)).expect("a whole record")
}

fn luma(surface: &Surface) -> Vec<u8> {
    let picture = surface.download().expect("it comes to host memory");
    let Plane { data, stride } = picture.planes[0];
    let rows = data.chunks(stride).take(usize::from(SIZE.height));
    rows.flat_map(|row| row[..usize::from(SIZE.width)].to_vec()).collect()
}

fn psnr(one: &[u8], other: &[u8]) -> f64 {
    let squares = one.iter().zip(other).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2));
    10.0 * (255.0 * 255.0 * one.len() as f64 / squares.sum::<f64>()).log10()
}

#[test]
#[ignore = "needs an NVIDIA GPU with its driver"]
fn gpu_decodes_exactly_what_software_decodes_and_how_fast() {
    let gpu = Gpu::find(&Names::default()).expect("this test is for boxes with a GPU");
    let surfaces: Vec<Surface> = (0..FRAMES).map(painted).collect();
    let mut encoder = libav::encode::Encoder::open(&CONFIG).expect("FFmpeg has libx264");
    let units = encode(&mut encoder, &surfaces);
    let config = encoder.config();
    let open =
        || decoder::Decoder::open(&gpu, config, SurfacePool::new(4)).expect("NVDEC decodes H.264");
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    decode(&mut software(config), &units[..40], &mut |s| theirs.push((s.pts(), luma(s))));
    decode(&mut open(), &units[..40], &mut |s| ours.push((s.pts(), luma(s))));
    assert_eq!(ours.len(), 40);
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert!(ours == theirs, "picture at {:?} differs", theirs.0);
    }
    let nothing = &mut |_: &Surface| {};
    let fetch = &mut |surface: &Surface| drop(surface.download());
    for (name, (count, took)) in [
        ("NVDEC, pictures stay on the GPU", timed(|| decode(&mut open(), &units, nothing))),
        ("NVDEC, every picture downloaded", timed(|| decode(&mut open(), &units, fetch))),
        ("libavcodec, one thread", timed(|| decode(&mut software(config), &units, nothing))),
    ] {
        assert_eq!(count, FRAMES, "{name}");
        println!("{}: 1080p, {name}: {:.0} frames a second", gpu.name(), rate(count, took));
    }
}

#[test]
#[ignore = "needs an NVIDIA GPU that encodes, with its driver"]
fn gpu_encodes_what_software_decodes_and_how_fast() {
    let gpu = Gpu::find(&Names::default()).expect("this test is for boxes with a GPU");
    let mut hardware = match encoder::Encoder::open(&gpu, &CONFIG) {
        Ok(encoder) => encoder,
        Err(error) => {
            eprintln!("SKIPPED: {error}");
            return;
        }
    };
    let surfaces: Vec<Surface> = (0..FRAMES).map(painted).collect();
    let (units, took) = timed(|| encode(&mut hardware, &surfaces));
    assert_eq!(units.len(), FRAMES);
    println!("{}: 1080p, NVENC: {:.0} frames a second", gpu.name(), rate(FRAMES, took));
    let mut worst = f64::MAX;
    let count = decode(&mut software(hardware.config()), &units, &mut |surface| {
        let n = (surface.pts().0 / 1_800) as usize;
        worst = worst.min(psnr(&luma(&surfaces[n]), &luma(surface)));
    });
    assert_eq!(count, FRAMES);
    println!("{}: at least {worst:.1} dB", gpu.name());
    assert!(worst > PSNR_MIN, "{worst:.1} dB");
    let mut theirs = libav::encode::Encoder::open(&CONFIG).expect("FFmpeg has libx264");
    let (_, took) = timed(|| encode(&mut theirs, &surfaces));
    println!("libx264, one thread: {:.0} frames a second", rate(FRAMES, took));
}
