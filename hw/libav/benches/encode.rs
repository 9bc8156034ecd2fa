//! What an encoded frame costs: `cargo bench --profile dev -p courtside-libav --bench encode`, then
//! 1 / (items a second). One thread; noisy pictures that move, painted before the clock runs, at
//! 6 Mb/s. On a busy machine only the `fastest` column means anything.

use divan::counter::ItemsCount;
use hal::PixelFormat;
use hal::encode::{BitsPerSecond, Config, EncodeVideo as _, FrameRate};
use hal::surface::{DownloadError, HostPicture, Plane, Scan, Surface, SurfaceMemory, SurfacePool};
use libav::encode::Encoder;
use wire::codec::VideoCodec;
use wire::time::MediaTime;
use wire::units::PictureSize;

const FRAMES: usize = 50;

struct Painted {
    size: PictureSize,
    pixels: Vec<u8>,
}

impl SurfaceMemory for Painted {
    fn download(&self) -> Result<HostPicture<'_>, DownloadError> {
        let stride = usize::from(self.size.width);
        let (luma, chroma) = self.pixels.split_at(stride * usize::from(self.size.height));
        let planes = [luma, chroma, &[]].map(|data| Plane { data, stride });
        Ok(HostPicture { size: self.size, format: PixelFormat::Nv12, planes })
    }
}

/// Noise over a slope that moves by some pixels a frame.
fn surfaces(size: PictureSize) -> Vec<Surface> {
    let (width, height) = (usize::from(size.width), usize::from(size.height));
    let pool = SurfacePool::new(FRAMES);
    let mut seed = 1u32;
    let mut paint = |n: usize| {
        let mut pixels = vec![128; width * height * 3 / 2];
        for (y, row) in pixels.chunks_mut(width).take(height).enumerate() {
            for (x, pixel) in row.iter_mut().enumerate() {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *pixel = (((x + 5 * n) / 4 + y / 3) % 200) as u8 + (seed >> 28) as u8;
            }
        }
        let pts = MediaTime(n as i64 * 3_600);
        pool.wrap(Box::new(Painted { size, pixels }), size, pts).expect("room for all of them")
    };
    (0..FRAMES).map(&mut paint).collect()
}

#[divan::bench(args = [(1280, 720), (1920, 1080)], sample_count = 10)]
fn h264(bencher: divan::Bencher<'_, '_>, (width, height): (u16, u16)) {
    let size = PictureSize { width, height };
    let surfaces = surfaces(size);
    let config = Config {
        codec: VideoCodec::H264,
        size,
        frame_rate: FrameRate::from_hz(25),
        scan: Scan::Progressive,
        bitrate: BitsPerSecond::from_kilobits(6_000),
    };
    let open = || Encoder::open(&config).expect("FFmpeg has libx264");
    bencher.counter(ItemsCount::new(FRAMES)).with_inputs(open).bench_local_values(|mut encoder| {
        let mut count = 0;
        for surface in &surfaces {
            encoder.encode(surface, &mut |_| count += 1).expect("a sound picture");
        }
        assert_eq!(count, FRAMES);
    });
}

fn main() {
    divan::main();
}
