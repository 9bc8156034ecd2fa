//! Packs on disk: damaged, shortened, exchanged, and refused with a reason.

use std::fs::{self, File};

use hal::infer::{Infer, InferError, Tensor};
use models::engine::{Backend, LoadError, Speed};
use models::lanes::ball::BallLane;
use models::lanes::rim::RimLane;
use models::pack::SIGNATURE;
use models::{Engines, Pack, PackError};

use crate::fixture::{self, Folder};

fn refused(folder: &Folder) -> PackError {
    match Pack::open(folder.path(), &fixture::trust(), &Engines::default()) {
        Ok(_) => panic!("the pack was opened"),
        Err(error) => error,
    }
}

#[test]
fn good_packs_open_and_prove_all_their_tiers() {
    for folder in [fixture::rim(), fixture::ball(), fixture::hoop()] {
        let pack =
            Pack::open(folder.path(), &fixture::trust(), &Engines::default()).expect("it is good");
        for tier in pack.tiers() {
            let mut network = pack.network(&tier.name).expect("the tier exists");
            assert_eq!(network.engine(), "tract f32");
            let output = network.run(&[Tensor::zeros(&tier.input_shape)]).expect("it runs");
            assert_eq!(output[0].shape, tier.output_shape);
        }
    }
}

#[test]
fn a_flipped_bit_or_a_missing_end_is_noticed_in_every_file() {
    for file in ["nano.f32.onnx", "golden_nano.bin", "full.f32.onnx", "golden_full.bin"] {
        let folder = fixture::rim();
        let good = folder.read(file);
        let mut flipped = good.clone();
        flipped[good.len() / 2] ^= 0x10;
        for bad in [&flipped, &good[..good.len() - 1], &[][..]] {
            fs::write(folder.path().join(file), bad).expect("writable");
            let error = refused(&folder);
            assert!(matches!(error, PackError::Digest { .. }), "{file}: {error}");
            assert!(error.to_string().contains(file), "{error}");
        }
    }
}

#[test]
fn int8_files_are_checked_even_where_nothing_runs_them() {
    for file in fixture::INT8_FILES {
        let folder = fixture::rim_with_int8();
        let mut bytes = folder.read(file);
        Pack::open(folder.path(), &fixture::trust(), &Engines::default()).expect("it is good");
        bytes[30] ^= 1;
        fs::write(folder.path().join(file), bytes).expect("writable");
        let error = refused(&folder);
        assert!(matches!(error, PackError::Digest { .. }), "{file}: {error}");
        let checked = Pack::check(folder.path(), &fixture::trust()).expect_err("it is damaged");
        assert!(checked.to_string().contains(file), "{checked}");
    }
}

#[test]
fn tract_runs_f32_whatever_is_preferred_or_was_measured() {
    let folder = fixture::rim_with_int8();
    let open =
        |engines| Pack::open(folder.path(), &fixture::trust(), &engines).expect("it is good");
    let plain = open(Engines::default());
    // Of another machine, which had ONNX Runtime.
    let speed = Speed { backend: Backend::OnnxRuntimeInt8, cost_ms: 0.1, power: None };
    let key = (plain.digest().to_owned(), "nano".to_owned());
    let measured = open(Engines::default().with_measured([(key, speed)].into()));
    for pack in [plain, measured] {
        assert_eq!(pack.backend("nano").expect("listed"), Backend::Tract);
        assert_eq!(pack.measured_ms("nano").expect("listed"), None);
        assert_eq!(pack.networks("nano").expect("they are resident").len(), 1);
    }
}

#[test]
fn what_was_measured_is_of_one_version_of_a_pack() {
    let folder = fixture::rim();
    let open = |engines: &Engines| {
        Pack::open(folder.path(), &fixture::trust(), engines).expect("it is good")
    };
    let key = (open(&Engines::default()).digest().to_owned(), "nano".to_owned());
    let speed = Speed { backend: Backend::Tract, cost_ms: 0.25, power: None };
    let engines = Engines::default().with_measured([(key, speed)].into());
    assert_eq!(open(&engines).measured_ms("nano").expect("listed"), Some(0.25));
    assert_eq!(open(&engines).measured_ms("full").expect("listed"), None);
    folder.edit("version = 1\n", "version = 2\n");
    assert_eq!(open(&engines).measured_ms("nano").expect("listed"), None);
}

#[test]
fn a_missing_or_oversized_file_is_named() {
    for file in ["manifest.toml", "manifest.toml.minisig", "nano.f32.onnx", "golden_full.bin"] {
        let folder = fixture::rim();
        let path = folder.path().join(file);
        File::create(&path).and_then(|f| f.set_len(65 << 20)).expect("sparse files");
        let error = refused(&folder);
        assert!(matches!(error, PackError::TooLarge { .. }), "{error}");
        fs::remove_file(&path).expect("it is there");
        let error = refused(&folder);
        if file == SIGNATURE {
            assert!(matches!(error, PackError::Unsigned { .. }), "{error}");
            continue;
        }
        assert!(matches!(error, PackError::Read { .. }), "{error}");
        assert!(error.to_string().contains(file), "{error}");
    }
}

#[test]
fn a_wrong_network_under_the_right_digest_is_refused_with_its_reason() {
    let full = fixture::rim().read("golden_full.bin");
    let wrong: [(&str, Vec<u8>, &str); 6] = [
        ("unknown operator", fixture::rim_network_with("Frobnicate"), "Frobnicate"),
        ("other output", fixture::rim_network_with("Neg"), "golden"),
        ("NaN", fixture::rim_network_with("Log"), "not a finite number"),
        ("other input size", fixture::rim_network_of(12), "input shape 1,16,12,12"),
        ("output that no node gives", fixture::rim_network_without_output(), ""),
        ("no network at all", full, ""),
    ];
    for (what, bytes, says) in wrong {
        let folder = fixture::rim();
        folder.replace("nano.f32.onnx", &bytes);
        let error = refused(&folder).to_string();
        assert!(error.contains("nano"), "{what}: {error}");
        assert!(error.contains(says), "{what}: {error}");
    }
}

#[test]
fn names_and_shapes_must_be_those_of_the_network() {
    let cases = [
        ("name = \"frames\"", "name = \"pictures\"", "input"),
        ("name = \"slots\"", "name = \"answers\"", "output"),
    ];
    for (from, to, part) in cases {
        let folder = fixture::rim();
        folder.edit(from, to);
        let error = refused(&folder);
        let PackError::Network { source: LoadError::Signature { part: said, .. }, .. } = &error
        else {
            panic!("{to}: {error}");
        };
        assert_eq!(*said, part);
    }
    let folder = fixture::ball();
    folder.edit("[1, 1, 18, 32]", "[1, 1, 18, 31]");
    let error = refused(&folder).to_string();
    assert!(error.contains("[1, 1, 18, 32]") && error.contains("[1, 1, 18, 31]"), "{error}");
}

#[test]
fn a_golden_vector_that_differs_or_has_another_size_is_refused() {
    let folder = fixture::rim();
    let mut golden = folder.read("golden_nano.bin");
    let last = golden.len() - 4;
    for value in [3.0_f32, f32::NAN, f32::INFINITY] {
        golden[last..].copy_from_slice(&value.to_le_bytes());
        folder.replace("golden_nano.bin", &golden);
        let error = refused(&folder);
        assert!(matches!(error, PackError::Golden { .. }), "{value}: {error}");
    }
    folder.replace("golden_nano.bin", &golden[..last]);
    assert!(matches!(refused(&folder), PackError::GoldenSize { .. }));
}

/// What a failing disk or a hostile pack could hold: no bit of a network's file can bring the
/// process down.
#[test]
fn no_flipped_bit_in_a_network_panics() {
    let folder = fixture::ball();
    let good = folder.read("nano.f32.onnx");
    let mut opened = 0;
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        folder.replace("nano.f32.onnx", &bad);
        opened +=
            usize::from(Pack::open(folder.path(), &fixture::trust(), &Engines::default()).is_ok());
    }
    // Names, versions and the like carry no meaning for the engine, weights do.
    assert!(opened < good.len() / 2, "{opened} of {} changed networks were taken", good.len());
}

#[test]
fn an_input_of_another_shape_is_refused_and_the_network_goes_on() {
    let folder = fixture::rim();
    let pack =
        Pack::open(folder.path(), &fixture::trust(), &Engines::default()).expect("it is good");
    let mut network = pack.network("nano").expect("it exists");
    let good = Tensor::zeros(&[1, 16, 8, 8]);
    let short = Tensor { shape: vec![1, 16, 8, 8], data: vec![0.0; 3] };
    for bad in [vec![Tensor::zeros(&[1, 8, 16, 8])], vec![], vec![short], vec![good.clone(); 2]] {
        let error = network.run(&bad).expect_err("the shape is wrong");
        assert!(matches!(error, InferError::Shape { .. }), "{error}");
    }
    network.run(&[good]).expect("it still runs");
}

#[test]
fn not_a_number_is_an_error_and_not_an_answer() {
    let folder = fixture::rim();
    let pack =
        Pack::open(folder.path(), &fixture::trust(), &Engines::default()).expect("it is good");
    let mut network = pack.network("nano").expect("it exists");
    let mut input = Tensor::zeros(&[1, 16, 8, 8]);
    input.data[70] = f32::NAN;
    let error = network.run(&[input]).expect_err("NaN goes through the mean");
    assert!(
        matches!(&error, InferError::Engine { network, .. } if network == "rim/nano"),
        "{error}"
    );
}

#[test]
fn a_pack_of_another_lane_or_an_unknown_tier_is_refused() {
    let folder = fixture::rim();
    let pack =
        Pack::open(folder.path(), &fixture::trust(), &Engines::default()).expect("it is good");
    assert!(matches!(BallLane::load(&pack, "nano"), Err(PackError::Lane { .. })));
    let Err(error) = RimLane::load(&pack, "huge") else { panic!("there is no such tier") };
    assert!(error.to_string().contains("nano, full"), "{error}");
    let mut lane = RimLane::load(&pack, "nano").expect("it exists");
    assert!(lane.set_tier("huge").is_err());
    assert_eq!(lane.tier(), "nano");
}
