//! Networks that others trained, as packs: a manifest away. They are third-party files that are
//! not part of this repository; without them these tests say SKIPPED.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use hal::infer::{Infer, Tensor};
use hal::surface::{HostPicture, PixelFormat, Plane};
use models::colour::Colour;
use models::engine::{Backend, Plan, Signature};
use models::lanes::players::PlayersLane;
use models::lanes::sound::{SoundLane, SoundReading};
use models::pack::MANIFEST;
use models::spectrum::{SOUND_HZ, Spectrum};
use models::{Engines, Pack};
use wire::time::MediaTime;
use wire::units::{PictureSize, PixelBox};

use crate::fixture::{hex, keys, sign, trust};

/// A file of the folder that `COURTSIDE_ASSETS` names, or of the one beside the repository.
fn asset(path: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/assets");
    let folder = std::env::var_os("COURTSIDE_ASSETS").map_or(beside, PathBuf::from);
    let file = folder.join(path);
    if !file.is_file() {
        eprintln!("SKIPPED: there is no {}", file.display());
        return None;
    }
    Some(file)
}

/// A network of somebody else, and what a manifest says of it.
struct Foreign {
    /// Name of the pack and of its lane.
    name: &'static str,
    input: (&'static str, Vec<usize>),
    output: (&'static str, Vec<usize>),
    /// The rest of the tables `input` and `output`.
    rest: [&'static str; 2],
    /// An input to prove it with.
    quiet: f32,
}

/// YAMNet as a sound pack.
fn yamnet() -> Foreign {
    Foreign {
        name: "sound",
        input: ("feature_patch_in:0", vec![1, 96, 64]),
        output: ("tower0/network/layer32/final_output:0", vec![1, 521]),
        rest: [
            "layout = \"NTF\"\nscale = \"log-mel\"\nspacing_ms = 500",
            "post = \"sound-scores\"\nlabels = { whistle = 396, buzzer = 392, cheer = 64, \
             applause = 62, bounce = 459 }",
        ],
        quiet: -2.0,
    }
}

/// YOLOX-nano as a players pack.
fn yolox() -> Foreign {
    Foreign {
        name: "players",
        input: ("images", vec![1, 3, 416, 416]),
        output: ("output", vec![1, 3549, 85]),
        rest: [
            "layout = \"NCHW\"\nscale = \"bgr\"\nspacing_ms = 0",
            "post = \"yolox\"\nlabels = { person = 0, ball = 32 }",
        ],
        quiet: 114.0,
    }
}

/// Opens a pack of this manifest and its file, nothing else.
fn open(onnx: &Path, foreign: Foreign) -> Pack {
    let folder = tempfile::tempdir().expect("the system has a temporary folder");
    let onnx = fs::read(onnx).expect("readable");
    let Foreign { name, input, output, rest, quiet } = foreign;
    let signature = Signature {
        network: name.into(),
        input: input.0.into(),
        input_shape: input.1.clone(),
        output: output.0.into(),
        output_shape: output.1.clone(),
    };
    let plan = Plan::load((&Engines::default(), Backend::Tract), signature, &onnx)
        .expect("tract can load it");
    let data = vec![quiet; input.1.iter().product()];
    let given = Tensor { shape: input.1.clone(), data };
    let mut golden = given.data.clone();
    let answer = plan.spawn().and_then(|mut network| network.run(&[given])).expect("it runs");
    golden.extend(&answer[0].data);
    let golden: Vec<u8> = golden.iter().flat_map(|v| v.to_le_bytes()).collect();
    let manifest = format!(
        r#"schema = 1
name = "{name}"
version = 7
lane = "{name}"
licence = "Apache-2.0"
[input]
name = "{}"
{}
[output]
name = "{}"
{}
[[tier]]
name = "full"
file = "foreign.onnx"
precision = "f32"
input_shape = {:?}
output_shape = {:?}
sha256 = "{}"
golden = "golden.bin"
golden_sha256 = "{}"
cost_ms = 30.0
accuracy = {{ metric = "none", value = 0.0, set = "none" }}
[training]
recipe = "somebody else's"
commit = "none"
seed = 0
data = "somebody else's"
"#,
        input.0,
        rest[0],
        output.0,
        rest[1],
        input.1,
        output.1,
        hex(&onnx),
        hex(&golden)
    );
    fs::write(folder.path().join("foreign.onnx"), onnx).expect("writable");
    fs::write(folder.path().join("golden.bin"), golden).expect("writable");
    fs::write(folder.path().join(MANIFEST), manifest).expect("writable");
    sign(folder.path(), keys());
    let pack = Pack::open(folder.path(), &trust(), &Engines::default());
    pack.unwrap_or_else(|error| panic!("{error}"))
}

/// What ffmpeg makes of a file on its standard output; `None` without ffmpeg.
fn converted(file: &Path, options: &[&str]) -> Option<Vec<u8>> {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-i"]).arg(file).args(options).arg("-");
    let Ok(done) = ffmpeg.output() else {
        eprintln!("SKIPPED: ffmpeg is not installed; install the package `ffmpeg`");
        return None;
    };
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Some(done.stdout)
}

/// A sound file as samples at 16 kHz; `None` without ffmpeg.
fn samples(file: &Path) -> Option<Vec<f32>> {
    let rate = SOUND_HZ.to_string();
    let bytes = converted(file, &["-ac", "1", "-ar", &rate, "-f", "f32le"])?;
    let (values, _) = bytes.as_chunks::<4>();
    Some(values.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

fn mean(said: &[SoundReading], of: fn(&SoundReading) -> f32) -> f32 {
    said.iter().map(of).sum::<f32>() / said.len() as f32
}

#[test]
fn spectra_are_those_that_yamnet_was_trained_on() {
    let Some(audio) = asset("models/yamnet-reference/yamnet_test_audio.bin") else { return };
    let Some(spectra) = asset("models/yamnet-reference/yamnet_test_spectra.bin") else { return };
    let audio = fs::read(audio).expect("readable");
    let samples: Vec<f32> = audio
        .as_chunks::<2>()
        .0
        .iter()
        .map(|bytes| f32::from(i16::from_le_bytes(*bytes)) / 32_768.0)
        .collect();
    let spectra = fs::read(spectra).expect("readable");
    let reference: Vec<f32> =
        spectra.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    // The first frame of the reference begins with the first sample; our third one does with 80
    // samples before it.
    let padded = [vec![0.0; 80], samples, vec![0.0; 400]].concat();
    let ours: Vec<f32> = Spectrum::default().hear(&padded).into_iter().skip(2).flatten().collect();
    // The reference was written on another scale: 0.991 times as large, plus 1.399.
    let off = |(ours, reference): (&f32, &f32)| (0.991 * ours + 1.399 - reference).abs();
    let mean = ours.iter().zip(&reference).map(off).sum::<f32>() / reference.len() as f32;
    // Its steps are 0.04 wide or wider where it is faint.
    assert!(mean < 0.02, "{mean}");
}

#[test]
fn yamnet_hears_clapping_and_cheering_and_no_whistle_in_rain() {
    let Some(onnx) = asset("models/yamnet_spectra_in_int8.onnx") else { return };
    let pack = open(&onnx, yamnet());
    let said = |name: &str| -> Option<Vec<SoundReading>> {
        let samples = samples(&asset(name)?)?;
        let mut lane = SoundLane::load(&pack, "full").expect("the tier exists");
        let blocks = samples.chunks_exact(SOUND_HZ / 10).zip((0..).step_by(100));
        let hear = |(block, ms)| lane.hear(block, MediaTime::from_millis(ms)).expect("it runs");
        Some(blocks.filter_map(hear).collect())
    };
    let Some(applause) = said("audio/applause.flac") else { return };
    let Some(cheering) = said("audio/crowd_cheering.flac") else { return };
    let Some(rain) = said("audio/rain.flac") else { return };
    assert!(mean(&applause, |r| r.applause) > 0.5, "{}", mean(&applause, |r| r.applause));
    let crowd = |said: &[SoundReading]| mean(said, |r| r.cheer);
    assert!(crowd(&cheering) > 0.05, "{}", crowd(&cheering));
    assert!(crowd(&rain) < 0.01 && mean(&rain, |r| r.applause.max(r.whistle)) < 0.01);
}

/// What the same file says of the first frame of the footage in ONNX Runtime 1.31: boxes and
/// certainties of people above 0.5, and nothing above 0.1 of balls. Made in Python, with no line of
/// this project: ffmpeg's `scale=416:234:flags=area` to RGB, grey 114 above and below, the
/// network's numbers decoded and sorted out with numpy as Megvii's `demo_utils.py` does.
const PEOPLE: [([f32; 4], f32); 5] = [
    ([122.0, 201.8, 217.5, 288.8], 0.890),
    ([60.6, 151.6, 146.0, 297.3], 0.883),
    ([294.6, 125.4, 372.6, 287.4], 0.841),
    ([582.5, 82.2, 621.0, 175.6], 0.707),
    ([99.3, 1.3, 155.6, 38.0], 0.573),
];

#[test]
fn yolox_finds_the_people_on_a_ball_field() {
    let Some(onnx) = asset("models/yolox_nano_416.onnx") else { return };
    let Some(footage) = asset("footage/baseball.mp4") else { return };
    let frame = ["-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "yuv420p"];
    let Some(frame) = converted(&footage, &frame) else { return };
    assert_eq!(frame.len(), 640 * 360 * 3 / 2);
    let (luma, chroma) = frame.split_at(640 * 360);
    let (cb, cr) = chroma.split_at(320 * 180);
    let plane = |data, stride| Plane { data, stride };
    let size = PictureSize { width: 640, height: 360 };
    let planes = [plane(luma, 640), plane(cb, 320), plane(cr, 320)];
    let picture = HostPicture { size, format: PixelFormat::I420, planes };
    let colour = Colour::of(&picture).expect("it is whole");
    let mut lane = PlayersLane::load(&open(&onnx, yolox()), "full").expect("the tier exists");
    let reading = lane.see(colour).expect("it runs");
    assert_eq!(reading.balls, []);
    let sure: Vec<_> = reading.people.iter().filter(|person| person.confidence > 0.5).collect();
    assert_eq!(sure.len(), PEOPLE.len(), "{sure:?}");
    for (person, ([x0, y0, x1, y1], confidence)) in sure.iter().zip(PEOPLE) {
        // Other ways to shrink a picture and to make RGB of it move edges by a pixel.
        let overlap = person.area.overlap(PixelBox { x0, y0, x1, y1 });
        assert!(overlap > 0.93, "{person:?} is not at {:?}: {overlap}", [x0, y0, x1, y1]);
        assert!((person.confidence - confidence).abs() < 0.03, "{person:?} and {confidence}");
    }
}
