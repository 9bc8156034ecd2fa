//! Networks that others trained, as packs: a manifest away. They are third-party files that are
//! not part of this repository; without them these tests say SKIPPED.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use hal::infer::{Infer, Tensor};
use models::engine::{Backend, Plan, Signature};
use models::lanes::sound::{SoundLane, SoundReading};
use models::pack::MANIFEST;
use models::spectrum::{SOUND_HZ, Spectrum};
use models::{Engines, Pack};
use wire::time::MediaTime;

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

/// YAMNet as a sound pack: this manifest and its file, nothing else.
fn yamnet(onnx: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("the system has a temporary folder");
    let onnx = fs::read(onnx).expect("readable");
    let shapes = (vec![1, 96, 64], vec![1, 521]);
    let signature = Signature {
        network: "yamnet".into(),
        input: "feature_patch_in:0".into(),
        input_shape: shapes.0.clone(),
        output: "tower0/network/layer32/final_output:0".into(),
        output_shape: shapes.1.clone(),
    };
    let plan = Plan::load((&Engines::default(), Backend::Tract), signature, &onnx)
        .expect("tract can load it");
    let input = Tensor { shape: shapes.0, data: vec![-2.0; 96 * 64] };
    let mut golden = input.data.clone();
    let answer = plan.spawn().and_then(|mut network| network.run(&[input])).expect("it runs");
    golden.extend(&answer[0].data);
    let golden: Vec<u8> = golden.iter().flat_map(|v| v.to_le_bytes()).collect();
    let manifest = format!(
        r#"schema = 1
name = "sound"
version = 7
lane = "sound"
licence = "Apache-2.0"
[input]
name = "feature_patch_in:0"
layout = "NTF"
scale = "log-mel"
spacing_ms = 500
[output]
name = "tower0/network/layer32/final_output:0"
post = "sound-scores"
labels = {{ whistle = 396, buzzer = 392, cheer = 64, applause = 62, bounce = 459 }}
[[tier]]
name = "full"
file = "yamnet.onnx"
precision = "f32"
input_shape = [1, 96, 64]
output_shape = [1, 521]
sha256 = "{}"
golden = "golden.bin"
golden_sha256 = "{}"
cost_ms = 10.0
accuracy = {{ metric = "none", value = 0.0, set = "none" }}
[training]
recipe = "YAMNet, Google"
commit = "none"
seed = 0
data = "AudioSet"
"#,
        hex(&onnx),
        hex(&golden)
    );
    fs::write(folder.path().join("yamnet.onnx"), onnx).expect("writable");
    fs::write(folder.path().join("golden.bin"), golden).expect("writable");
    fs::write(folder.path().join(MANIFEST), manifest).expect("writable");
    sign(folder.path(), keys());
    folder
}

/// A sound file as samples at 16 kHz; `None` without ffmpeg.
fn samples(file: &Path) -> Option<Vec<f32>> {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-i"]).arg(file);
    ffmpeg.args(["-ac", "1", "-ar", &SOUND_HZ.to_string(), "-f", "f32le", "-"]);
    let Ok(done) = ffmpeg.output() else {
        eprintln!("SKIPPED: ffmpeg is not installed; install the package `ffmpeg`");
        return None;
    };
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let (values, _) = done.stdout.as_chunks::<4>();
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
    let folder = yamnet(&onnx);
    let pack = Pack::open(folder.path(), &trust(), &Engines::default());
    let pack = pack.unwrap_or_else(|error| panic!("{error}"));
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
