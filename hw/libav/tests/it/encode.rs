//! Video encoding: pictures that come back from the decoder, keyframes, times, refusals. Its
//! pictures are painted here: a slope of grey and colour with a disc that moves over it.

use hal::decode::{DecodeVideo as _, Packet};
use hal::encode::{BitsPerSecond, Config, EncodeError, EncodeVideo as _, FrameRate, GOP, Unit};
use hal::surface::{
    DownloadError, Half, HostPicture, Plane, Scan, Surface, SurfaceMemory, SurfacePool,
};
use hal::{PixelFormat, decode};
use libav::encode::Encoder;
use libav::video::Decoder;
use wire::codec::VideoCodec;
use wire::time::{MediaSpan, MediaTime};
use wire::units::PictureSize;

use crate::media::FRAME;

const SIZE: PictureSize = PictureSize { width: 320, height: 180 };
/// Least likeness of what comes back at 1 Mb/s, of each plane. Measured, libx264 of Debian 12: at
/// least 51.8 dB for luma and 55.6 for chroma.
const PSNR_MIN: f64 = 45.0;

const CONFIG: Config = Config {
    codec: VideoCodec::H264,
    size: SIZE,
    frame_rate: FrameRate::from_hz(25),
    scan: Scan::Progressive,
    bitrate: BitsPerSecond::from_kilobits(1_000),
};

/// A picture in host memory, its rows longer than they are seen.
struct Painted {
    size: PictureSize,
    format: PixelFormat,
    planes: [Vec<u8>; 3],
}

const PADDING: usize = 24;

fn paint(n: usize, format: PixelFormat, size: PictureSize) -> Painted {
    let (width, height) = (usize::from(size.width), usize::from(size.height));
    let plane = |columns: usize, rows: usize, value: &dyn Fn(usize, usize) -> u8| {
        let mut plane = vec![0; (columns + PADDING) * rows];
        for (y, row) in plane.chunks_mut(columns + PADDING).enumerate() {
            for (x, pixel) in row[..columns].iter_mut().enumerate() {
                *pixel = value(x, y);
            }
        }
        plane
    };
    let (left, top) = (40 + 3 * n % 200, 30 + 2 * n % 100);
    let disc = |x: usize, y: usize| x.abs_diff(left).pow(2) + y.abs_diff(top).pow(2) < 400;
    let luma = |x, y| if disc(x, y) { 220 } else { (30 + 100 * x / width + 60 * y / height) as u8 };
    let cb = |x, y| if disc(2 * x, 2 * y) { 90 } else { (100 + 120 * x / width) as u8 };
    let cr = |x, y| if disc(2 * x, 2 * y) { 170 } else { (150 - 80 * y / height) as u8 };
    let (half_width, half_height) = (width / 2, height / 2);
    let chroma = match format {
        PixelFormat::I420 => {
            [plane(half_width, half_height, &cb), plane(half_width, half_height, &cr)]
        }
        PixelFormat::Nv12 => {
            let pair = |x, y| if x % 2 == 0 { cb(x / 2, y) } else { cr(x / 2, y) };
            [plane(width, half_height, &pair), Vec::new()]
        }
    };
    let [first, second] = chroma;
    Painted { size, format, planes: [plane(width, height, &luma), first, second] }
}

impl SurfaceMemory for Painted {
    fn download(&self) -> Result<HostPicture<'_>, DownloadError> {
        let width = usize::from(self.size.width) + PADDING;
        let chroma = match self.format {
            PixelFormat::I420 => usize::from(self.size.width) / 2 + PADDING,
            PixelFormat::Nv12 => width,
        };
        let [luma, first, second] = &self.planes;
        let planes = [(luma, width), (first, chroma), (second, chroma)];
        let planes = planes.map(|(data, stride)| Plane { data, stride });
        Ok(HostPicture { size: self.size, format: self.format, planes })
    }
}

fn surface(n: usize, format: PixelFormat, pts: i64) -> Surface {
    let memory = Box::new(paint(n, format, SIZE));
    SurfacePool::new(1).wrap(memory, SIZE, MediaTime(pts)).expect("a pool of its own")
}

/// Encodes the pictures that `times` tell; each leaves at once.
fn encode(encoder: &mut Encoder, times: impl IntoIterator<Item = i64>) -> Vec<Unit> {
    let mut units = Vec::new();
    for (n, pts) in times.into_iter().enumerate() {
        let surface = surface(n, PixelFormat::I420, pts);
        encoder.encode(&surface, &mut |unit| units.push(unit)).expect("a sound picture");
        assert_eq!(units.len(), n + 1, "one in, one out");
    }
    encoder.drain(&mut |_| panic!("everything has left")).expect("a sound encoder");
    units
}

fn decode_all(config: &decode::VideoConfig, units: &[Unit]) -> Vec<Surface> {
    let mut decoder = Decoder::open(config, SurfacePool::new(1_000)).expect("a whole record");
    let mut surfaces = Vec::new();
    for Unit { pts, dts, data, .. } in units {
        let packet = Packet { data, pts: *pts, dts: *dts };
        decoder.decode(packet, &mut |s| surfaces.push(s)).expect("a sound access unit");
    }
    decoder.drain(&mut |s| surfaces.push(s)).expect("a sound decoder");
    surfaces
}

fn psnr(one: &HostPicture<'_>, other: &HostPicture<'_>, plane: usize) -> f64 {
    let (mut width, mut height) = (usize::from(SIZE.width), usize::from(SIZE.height));
    if plane > 0 {
        (width, height) = (width / 2, height / 2);
    }
    let rows = |picture: &HostPicture<'_>| {
        let Plane { data, stride } = picture.planes[plane];
        let rows = data.chunks(stride).take(height);
        rows.flat_map(|row| row[..width].to_vec()).collect::<Vec<u8>>()
    };
    let (one, other) = (rows(one), rows(other));
    let squares = one.iter().zip(&other).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2));
    let mean = squares.sum::<f64>() / (width * height) as f64;
    10.0 * (255.0 * 255.0 / mean).log10()
}

#[test]
fn pictures_come_back_alike_at_their_own_times_whatever_their_layout() {
    for format in [PixelFormat::I420, PixelFormat::Nv12] {
        let mut encoder = Encoder::open(&CONFIG).expect("FFmpeg has libx264");
        let mut units = Vec::new();
        for n in 0..50 {
            // Uneven, as a camera's clock is against the box's.
            let surface = surface(n, format, n as i64 * FRAME + (n as i64 * 37) % 100);
            encoder.encode(&surface, &mut |unit| units.push(unit)).expect("a sound picture");
        }
        let surfaces = decode_all(encoder.config(), &units);
        assert_eq!((units.len(), surfaces.len()), (50, 50));
        let mut worst = [f64::MAX; 3];
        for (n, (surface, unit)) in surfaces.iter().zip(&units).enumerate() {
            let pts = MediaTime(n as i64 * FRAME + (n as i64 * 37) % 100);
            assert_eq!((surface.pts(), unit.pts, unit.dts), (pts, pts, pts));
            assert_eq!(surface.size(), SIZE);
            let painted = paint(n, PixelFormat::I420, SIZE);
            let original = painted.download().expect("it is in host memory");
            let decoded = surface.download().expect("it is in host memory");
            for (plane, worst) in worst.iter_mut().enumerate() {
                *worst = worst.min(psnr(&original, &decoded, plane));
            }
        }
        println!("{format:?}: at least {worst:.1?} dB for luma, Cb and Cr");
        assert!(worst.iter().all(|db| *db > PSNR_MIN), "{format:?}: {worst:?} dB");
    }
}

#[test]
fn keyframes_come_first_on_request_and_after_two_seconds_also_when_frames_are_dropped() {
    let mut encoder = Encoder::open(&CONFIG).expect("FFmpeg has libx264");
    let times: Vec<i64> = (0..200).filter(|n| n % 3 != 0).map(|n| n * FRAME).collect();
    let units = encode(&mut encoder, times.iter().copied());
    let keys: Vec<MediaTime> = units.iter().filter(|u| u.keyframe).map(|u| u.pts).collect();
    let expected = [1, 52, 103, 154].map(|n| MediaTime(n * FRAME));
    assert_eq!(keys, expected);
    assert!(keys.windows(2).all(|pair| pair[1].since(pair[0]) < MediaSpan(GOP.0 + 2 * FRAME)));

    let mut encoder = Encoder::open(&CONFIG).expect("FFmpeg has libx264");
    let mut units = Vec::new();
    for n in 0..30 {
        if n == 17 {
            encoder.request_keyframe();
        }
        let surface = surface(n, PixelFormat::Nv12, n as i64 * FRAME);
        encoder.encode(&surface, &mut |unit| units.push(unit)).expect("a sound picture");
    }
    let keys = units.iter().enumerate().filter(|(_, unit)| unit.keyframe).map(|(n, _)| n);
    assert_eq!(keys.collect::<Vec<_>>(), [0, 17]);
    // A decoder can start there: it has not seen the pictures before.
    assert_eq!(decode_all(encoder.config(), &units[17..]).len(), 13);
}

#[test]
fn access_units_are_length_prefixed_and_the_record_holds_the_parameter_sets() {
    let mut encoder = Encoder::open(&CONFIG).expect("FFmpeg has libx264");
    let units = encode(&mut encoder, (0..5).map(|n| n * FRAME));
    for unit in &units {
        let mut rest = &unit.data[..];
        let mut kinds = Vec::new();
        while let Some((length, behind)) = rest.split_first_chunk::<4>() {
            let length = u32::from_be_bytes(*length) as usize;
            kinds.push(behind[0] & 0x1f);
            rest = &behind[length..];
        }
        assert!(rest.is_empty(), "nothing behind the last NAL unit");
        let slice = if unit.keyframe { 5 } else { 1 };
        assert_eq!(kinds.last(), Some(&slice));
        assert!(!kinds.iter().any(|kind| [7, 8, 9].contains(kind)), "{kinds:?}");
    }
    assert_eq!(encoder.config().codec, VideoCodec::H264);
    assert_eq!(encoder.config().record[0], 1);
    assert_eq!(encoder.name(), "libx264");
}

#[test]
fn picture_of_another_size_or_an_earlier_time_is_refused_and_the_next_one_is_taken() {
    let mut encoder = Encoder::open(&CONFIG).expect("FFmpeg has libx264");
    let mut units = Vec::new();
    let mut take = |surface: &Surface| encoder.encode(surface, &mut |unit| units.push(unit));
    take(&surface(0, PixelFormat::I420, 0)).expect("a sound picture");
    let size = PictureSize { width: 640, height: 360 };
    let memory = Box::new(paint(1, PixelFormat::I420, size));
    let large = SurfacePool::new(1).wrap(memory, size, MediaTime(FRAME)).expect("a pool");
    let refused = take(&large).expect_err("another size");
    assert!(matches!(refused, EncodeError::Size { got, .. } if got == size), "{refused}");
    assert!(refused.to_string().contains("640×360"), "{refused}");
    assert!(refused.to_string().contains("open another one"), "{refused}");
    take(&surface(1, PixelFormat::I420, FRAME)).expect("a sound picture");
    for pts in [FRAME, 0] {
        let refused = take(&surface(2, PixelFormat::I420, pts)).expect_err("not later");
        assert!(matches!(refused, EncodeError::Time { .. }), "{refused}");
    }
    take(&surface(2, PixelFormat::I420, 2 * FRAME)).expect("a sound picture");
    assert_eq!(units.iter().map(|unit| unit.pts.0 / FRAME).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(decode_all(encoder.config(), &units).len(), 3);
}

#[test]
fn interlaced_pictures_stay_marked_so() {
    for half in [Half::Upper, Half::Lower] {
        let scan = Scan::Interlaced(half);
        let mut encoder = Encoder::open(&Config { scan, ..CONFIG }).expect("FFmpeg has libx264");
        let units = encode(&mut encoder, (0..10).map(|n| n * FRAME));
        let surfaces = decode_all(encoder.config(), &units);
        assert_eq!(surfaces.len(), 10);
        assert!(surfaces.iter().all(|surface| surface.scan() == scan), "{scan:?}");
    }
}

#[test]
fn bitrate_is_kept_on_pictures_that_want_more() {
    let bitrate = BitsPerSecond::from_kilobits(300);
    let config = Config { bitrate, ..CONFIG };
    let mut encoder = Encoder::open(&config).expect("FFmpeg has libx264");
    let mut seed = 1u32;
    let mut bytes = 0;
    for n in 0..125 {
        let mut painted = paint(n, PixelFormat::I420, SIZE);
        for pixel in &mut painted.planes[0] {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *pixel = pixel.wrapping_add((seed >> 28) as u8);
        }
        let pts = MediaTime(n as i64 * FRAME);
        let surface = SurfacePool::new(1).wrap(Box::new(painted), SIZE, pts).expect("a pool");
        encoder.encode(&surface, &mut |unit| bytes += unit.data.len()).expect("a sound picture");
    }
    let told = bytes * 8 / 5;
    println!("{told} bits a second for {bitrate:?}");
    assert!((240_000..=360_000).contains(&told), "{told} bits a second");
}

#[test]
fn what_cannot_be_encoded_is_refused_at_the_start() {
    let odd = PictureSize { width: 321, height: 180 };
    let none = PictureSize { width: 0, height: 0 };
    for config in [
        Config { codec: VideoCodec::H265, ..CONFIG },
        Config { size: odd, ..CONFIG },
        Config { size: none, ..CONFIG },
        Config { frame_rate: FrameRate::from_hz(0), ..CONFIG },
        Config { frame_rate: FrameRate(u32::MAX), ..CONFIG },
        Config { bitrate: BitsPerSecond(0), ..CONFIG },
        Config { bitrate: BitsPerSecond(u32::MAX), ..CONFIG },
    ] {
        let refused = Encoder::open(&config).err().expect("it cannot be encoded");
        assert!(matches!(refused, EncodeError::Failed { .. }), "{refused}");
    }
}
