//! NVENC's logic: what it is asked for, keyframes, times, refusals, failures; over the stand-in of
//! `nvenc.rs`.

use hal::PixelFormat;
use hal::encode::{BitsPerSecond, Config, EncodeError, EncodeVideo as _, FrameRate, GOP, Unit};
use hal::surface::{
    DownloadError, Half, HostPicture, Plane, Scan, Surface, SurfaceMemory, SurfacePool,
};
use nvcodec::encoder::Encoder;
use nvidia_video_codec_sdk::sys::nvEncodeAPI as sdk;
use wire::codec::VideoCodec;
use wire::time::MediaTime;
use wire::units::PictureSize;

use crate::nvenc::{Bench, Initialized, Status, engine};

const FRAME: i64 = 3_600;
const SIZE: PictureSize = PictureSize { width: 320, height: 180 };
const CONFIG: Config = Config {
    codec: VideoCodec::H264,
    size: SIZE,
    frame_rate: FrameRate::from_hz(25),
    scan: Scan::Progressive,
    bitrate: BitsPerSecond::from_kilobits(4_000),
};
/// All of one luma and chroma.
struct Flat(PictureSize, Vec<u8>);

impl SurfaceMemory for Flat {
    fn download(&self) -> Result<HostPicture<'_>, DownloadError> {
        let stride = usize::from(self.0.width);
        let (luma, chroma) = self.1.split_at(stride * usize::from(self.0.height));
        let planes = [luma, chroma, &[]].map(|data| Plane { data, stride });
        Ok(HostPicture { size: self.0, format: PixelFormat::Nv12, planes })
    }
}

fn surface(n: i64, size: PictureSize) -> Surface {
    let pixels = usize::from(size.width) * usize::from(size.height);
    let mut bytes = vec![n as u8 + 1; pixels];
    bytes.extend([90, 160].repeat(pixels / 4));
    let pts = MediaTime(n * FRAME);
    SurfacePool::new(1).wrap(Box::new(Flat(size, bytes)), size, pts).expect("a pool of its own")
}

#[test]
fn pictures_reach_nvenc_whole_and_access_units_leave_with_their_times() {
    let Some(bench) = Bench::new() else { return };
    let mut encoder = bench.open(&CONFIG).expect("the stand-in encodes");
    assert_eq!(encoder.name(), "nvenc h264");
    let expected = [1, 100, 0, 31, 0xff, 0xe1, 0, 5, 0x67, 100, 0, 31, 0xac, 1, 0, 2, 0x68, 0xee];
    assert_eq!(encoder.config().record, expected);
    let initialized = engine().initialized.expect("it is");
    let infinite = sdk::NVENC_INFINITE_GOPLENGTH;
    let wanted = Initialized {
        size: (320, 180),
        rate: (25_000, 1_000),
        bitrate: 4_000_000,
        gop: infinite,
        between: 1,
    };
    assert_eq!(initialized, wanted);
    for n in 0..5 {
        let mut out = Vec::new();
        encoder.encode(&surface(n, SIZE), &mut |unit| out.push(unit)).expect("a sound picture");
        let (keyframe, header) = if n == 0 { (true, 0x65) } else { (false, 0x41) };
        let data = vec![0, 0, 0, 4, header, n as u8 + 1, 90, 160];
        let pts = MediaTime(n * FRAME);
        assert_eq!(out, [Unit { pts, dts: pts, keyframe, data }]);
    }
    encoder.drain(&mut |_| panic!("nothing waits")).expect("a sound encoder");
    drop(encoder);
    assert_eq!(engine().live, [0; 4]);
    assert_eq!(engine().ends, 1);
    bench.fake.assert_empty();
}

#[test]
fn keyframes_come_on_request_and_after_two_seconds() {
    let Some(bench) = Bench::new() else { return };
    let mut encoder = bench.open(&CONFIG).expect("the stand-in encodes");
    let mut keys = Vec::new();
    for n in 0..120 {
        if n == 17 {
            encoder.request_keyframe();
        }
        let mut deliver = |unit: Unit| keys.extend(unit.keyframe.then_some(n));
        encoder.encode(&surface(n, SIZE), &mut deliver).expect("a sound picture");
    }
    let gop = GOP.0 / FRAME;
    assert_eq!(keys, [0, 17, 17 + gop, 17 + 2 * gop]);
}

#[test]
fn picture_of_another_size_or_an_earlier_time_is_refused_before_nvenc_sees_it() {
    let Some(bench) = Bench::new() else { return };
    let mut encoder = bench.open(&CONFIG).expect("the stand-in encodes");
    let mut take = |surface: &Surface| encoder.encode(surface, &mut |_| {});
    take(&surface(3, SIZE)).expect("a sound picture");
    let large = PictureSize { width: 640, height: 360 };
    let refused = take(&surface(4, large)).expect_err("another size");
    assert!(matches!(refused, EncodeError::Size { .. }), "{refused}");
    let refused = take(&surface(3, SIZE)).expect_err("not later");
    assert!(matches!(refused, EncodeError::Time { .. }), "{refused}");
    take(&surface(4, SIZE)).expect("it goes on");
    assert_eq!(engine().pictures, 2);
}

#[test]
fn what_cannot_be_encoded_is_refused_at_the_start() {
    let Some(bench) = Bench::new() else { return };
    let odd = PictureSize { width: 321, height: 180 };
    for config in [
        Config { codec: VideoCodec::H265, ..CONFIG },
        Config { size: odd, ..CONFIG },
        Config { scan: Scan::Interlaced(Half::Upper), ..CONFIG },
        Config { frame_rate: FrameRate(0), ..CONFIG },
        Config { bitrate: BitsPerSecond(0), ..CONFIG },
    ] {
        let refused = bench.open(&config).err().expect("it cannot be encoded");
        assert!(matches!(refused, EncodeError::Failed { .. }), "{refused}");
    }
    assert_eq!(engine().live, [0; 4]);
}

#[test]
fn call_that_fails_is_a_failure_that_names_it_and_leaves_nothing_behind() {
    let Some(bench) = Bench::new() else { return };
    for (call, named) in [
        ("open", "nvEncOpenEncodeSessionEx"),
        ("preset", "nvEncGetEncodePresetConfigEx"),
        ("initialize", "nvEncInitializeEncoder"),
        ("sets", "nvEncGetSequenceParams"),
        ("encode", "nvEncEncodePicture"),
        ("lock_output", "nvEncLockBitstream"),
    ] {
        engine().failing = Some((call, Status::NV_ENC_ERR_OUT_OF_MEMORY));
        let failed = bench
            .open(&CONFIG)
            .and_then(|mut encoder| encoder.encode(&surface(0, SIZE), &mut |_| {}))
            .expect_err("it fails");
        assert!(matches!(failed, EncodeError::Failed { .. }), "{failed}");
        let told = failed.to_string();
        assert!(told.contains(named) && told.contains("out of memory"), "{told}");
        assert_eq!(engine().live, [0; 4], "{call}");
    }
    engine().failing = Some(("open", Status::NV_ENC_ERR_NO_ENCODE_DEVICE));
    let told = bench.open(&CONFIG).err().expect("it fails").to_string();
    assert!(told.contains("this GPU has no encoder"), "{told}");
    bench.fake.assert_empty();
}

#[test]
fn box_that_only_decodes_says_so() {
    let Some(bench) = Bench::new() else { return };
    let mut names = bench.fake.names();
    names.encode = "/nowhere/libnvidia-encode.so.1".into();
    let gpu = nvcodec::Gpu::find(&names).expect("decoding needs no encoder");
    let told = Encoder::open(&gpu, &CONFIG).err().expect("it is not there").to_string();
    assert!(told.contains("libnvidia-encode.so.1 is not there"), "{told}");
}
