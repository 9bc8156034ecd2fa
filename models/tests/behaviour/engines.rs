//! ONNX Runtime against tract, on the machine's own library if there is one. `COURTSIDE_ONNXRUNTIME`
//! names it; a machine without it says so and passes.

use std::path::Path;

use hal::infer::{Infer, InferError, Tensor};
use models::engine::{Accelerator, Backend, LoadError, Preference, Speed};
use models::{Engines, Pack, PackError};

use crate::fixture::{self, Folder};
use crate::shipped;

/// ONNX Runtime in f32, or `None` where there is no library to test with.
fn onnxruntime() -> Option<Engines> {
    let named = std::env::var_os("COURTSIDE_ONNXRUNTIME");
    let library = named.clone().unwrap_or_else(|| "libonnxruntime.so".into());
    match Engines::with_onnxruntime(Path::new(&library)) {
        Ok(engines) => Some(engines.preferring(Preference::F32)),
        Err(error) if named.is_some() => panic!("{error}"),
        Err(error) => {
            eprintln!("SKIPPED: {error}");
            None
        }
    }
}

fn open(folder: &Folder, engines: &Engines) -> Result<Pack, PackError> {
    Pack::open(folder.path(), &fixture::trust(), engines)
}

/// Something like pictures: every element another, between 0 and 1.
fn texture(shape: &[usize], seed: usize) -> Tensor {
    let element = |i: usize| {
        let (x, y) = (i % 64, i / 64);
        0.5 + 0.3 * ((x + seed) as f32 * 0.37).sin() + 0.2 * (y as f32 * 0.011).cos()
    };
    Tensor { shape: shape.to_vec(), data: (0..shape.iter().product()).map(element).collect() }
}

#[test]
fn what_is_no_onnxruntime_is_refused_with_a_reason() {
    for library in ["/nowhere/libonnxruntime.so", "/etc/passwd", "libm.so.6"] {
        let error = Engines::with_onnxruntime(Path::new(library)).expect_err("it was loaded");
        let text = error.to_string();
        assert!(text.contains(library) && text.contains("1.21"), "{text}");
    }
}

#[test]
fn both_engines_answer_alike_on_every_tier_of_the_shipped_packs() {
    let Some(engines) = onnxruntime() else { return };
    for folder in shipped::folders() {
        let packs = [Engines::default(), engines.clone()].map(|engines| {
            Pack::open(&folder, &shipped::trust(), &engines).unwrap_or_else(|e| panic!("{e}"))
        });
        for tier in packs[0].tiers() {
            let mut networks = packs.each_ref().map(|p| p.network(&tier.name).expect("listed"));
            assert_eq!(networks.each_ref().map(|n| n.engine()), ["tract f32", "onnxruntime f32"]);
            for seed in 0..3 {
                let input = [texture(&tier.input_shape, seed)];
                let [a, b] = networks.each_mut().map(|n| n.run(&input).expect("it runs"));
                assert_eq!(a[0].shape, b[0].shape);
                let largest = a[0].data.iter().fold(1.0_f32, |m, v| m.max(v.abs()));
                let apart = a[0].data.iter().zip(&b[0].data).map(|(a, b)| (a - b).abs());
                let worst = apart.fold(0.0_f32, f32::max) / largest;
                assert!(worst < 1e-4, "{} {}: {worst}", folder.display(), tier.name);
            }
        }
    }
}

#[test]
fn onnxruntime_shares_a_network_between_lanes_and_refuses_other_shapes() {
    let Some(engines) = onnxruntime() else { return };
    let pack = open(&fixture::rim(), &engines).expect("it is good");
    let tier = &pack.tiers()[0];
    let mut lanes =
        [pack.network(&tier.name), pack.network(&tier.name)].map(|n| n.expect("listed"));
    let first = lanes[0].run(&[texture(&tier.input_shape, 0)]).expect("it runs");
    lanes[1].run(&[texture(&tier.input_shape, 5)]).expect("it runs");
    assert_eq!(lanes[0].run(&[texture(&tier.input_shape, 0)]).expect("it runs"), first);
    let error = lanes[0].run(&[Tensor::zeros(&[1, 2, 3])]).expect_err("another shape");
    assert!(matches!(error, InferError::Shape { .. }), "{error}");
}

#[test]
fn onnxruntime_refuses_broken_networks_with_a_reason() {
    let Some(engines) = onnxruntime() else { return };
    let good = fixture::rim().read("nano.f32.onnx");
    let noise: Vec<u8> = good.iter().map(|byte| byte.wrapping_mul(31).wrapping_add(7)).collect();
    let other_size = fixture::rim_network_of(32);
    let cases: [&[u8]; 6] = [
        &[],
        &good[..good.len() / 2],
        &noise,
        &fixture::rim_network_with("NoSuchOperator"),
        &fixture::rim_network_without_output(),
        &other_size,
    ];
    for (number, bytes) in cases.into_iter().enumerate() {
        let folder = fixture::rim();
        folder.replace("nano.f32.onnx", bytes);
        let error = open(&folder, &engines).map(drop).expect_err("it was opened");
        let PackError::Network { source, .. } = &error else { panic!("case {number}: {error}") };
        match source {
            LoadError::Engine { engine, .. } => assert_eq!(*engine, "onnxruntime f32"),
            LoadError::Signature { part, .. } => assert!(number >= 4, "case {number}: {part}"),
        }
    }
}

#[test]
fn onnxruntime_runs_int8_where_it_is_shipped_and_f32_stays_resident() {
    let Some(engines) = onnxruntime() else { return };
    let folder = fixture::rim_with_int8();
    let pack = open(&folder, &engines.preferring(Preference::Int8WhereShipped)).expect("good");
    assert_eq!(pack.backend("nano").expect("listed"), Backend::OnnxRuntimeInt8);
    assert_eq!(pack.backend("full").expect("listed"), Backend::OnnxRuntime);
    let mut networks = pack.networks("nano").expect("resident");
    let names: Vec<&str> = networks.iter().map(|network| network.engine()).collect();
    assert_eq!(names, ["onnxruntime int8", "onnxruntime f32"]);
    let input = [texture(&pack.tiers()[0].input_shape, 3)];
    let answers: Vec<_> = networks.iter_mut().map(|n| n.run(&input).expect("it runs")).collect();
    // Rounded to a 255th, so close, but not the same network.
    let apart = answers[0][0].data.iter().zip(&answers[1][0].data).map(|(a, b)| (a - b).abs());
    let worst = apart.fold(0.0_f32, f32::max);
    assert!(worst > 1e-4 && worst < 0.05, "{worst}");
}

#[test]
fn what_was_measured_decides_between_precisions_and_engines() {
    let Some(engines) = onnxruntime() else { return };
    let folder = fixture::rim_with_int8();
    let key = (open(&folder, &engines).expect("good").digest().to_owned(), "nano".to_owned());
    for backend in engines.backends() {
        let speed = Speed { backend, cost_ms: 0.5, power: None };
        let measured = engines.clone().with_measured([(key.clone(), speed)].into());
        let pack = open(&folder, &measured).expect("good");
        assert_eq!(pack.backend("nano").expect("listed"), backend);
        assert_eq!(pack.measured_ms("nano").expect("listed"), Some(0.5));
        assert_eq!(pack.backend("full").expect("listed"), Backend::OnnxRuntime);
    }
}

#[test]
fn an_int8_network_that_computes_wrongly_here_leaves_its_tier_to_f32_and_is_told() {
    let Some(engines) = onnxruntime() else { return };
    let engines = engines.preferring(Preference::Int8WhereShipped);
    let noise: Vec<u8> = (0..500_u32).map(|i| (i * i % 251) as u8).collect();
    // Steps of a quarter are no rounding any more; noise is no network.
    for (bytes, says) in [(fixture::rim_network_in_int8(0.25), "golden"), (noise, "cannot load")] {
        let folder = fixture::rim_with_int8();
        folder.replace(fixture::INT8_FILES[0], &bytes);
        let pack = open(&folder, &engines).expect("its f32 networks are good");
        assert_eq!(pack.backend("nano").expect("listed"), Backend::OnnxRuntime);
        let [unfit] = pack.unfit() else { panic!("{:?}", pack.unfit()) };
        assert!(unfit.tier == "nano" && unfit.reason.contains(says), "{unfit:?}");
        let with = (&engines, Backend::OnnxRuntimeInt8);
        let error = pack.load_with("nano", with).map(drop).expect_err("it is unfit");
        assert_eq!(error.to_string(), unfit.reason);
    }
}

#[test]
fn an_int8_network_of_another_shape_or_without_its_answer_is_no_part_of_a_good_pack() {
    let Some(engines) = onnxruntime() else { return };
    let folder = fixture::rim_with_int8();
    folder.replace(fixture::INT8_FILES[0], &fixture::rim_network_of(32));
    let error = open(&folder, &engines).map(drop).expect_err("it was opened");
    let PackError::Network { source: LoadError::Signature { .. }, .. } = &error else {
        panic!("{error}")
    };
    let folder = fixture::rim_with_int8();
    folder.replace(fixture::INT8_FILES[1], &[0; 40]);
    let error = open(&folder, &engines).map(drop).expect_err("it was opened");
    assert!(matches!(error, PackError::GoldenSize { found: 40, .. }), "{error}");
    let folder = fixture::rim();
    let plain = open(&folder, &engines).expect("good");
    let error = plain.load_with("nano", (&engines, Backend::OnnxRuntimeInt8)).map(drop);
    assert!(matches!(error, Err(PackError::NoInt8 { .. })));
}

#[test]
fn a_gpu_that_is_not_here_is_refused_and_never_replaced_by_the_processor() {
    let Some(engines) = onnxruntime() else { return };
    let folder = fixture::rim();
    let pack = open(&folder, &engines).expect("good");
    let (found, absent) = engines.clone().searching(Accelerator::ALL);
    for accelerator in Accelerator::ALL {
        let backend = accelerator.backend();
        let loaded = pack.load_with("nano", (&engines, backend));
        let Some(told) = absent.iter().find(|error| error.accelerator == accelerator) else {
            eprintln!("SKIPPED: {accelerator} is here");
            assert!(found.backends().any(|found| found == backend));
            loaded.map(drop).expect("it is here");
            continue;
        };
        assert!(found.backends().all(|found| found != backend), "it is offered");
        let refused = engines.clone().requiring(accelerator).map(drop).expect_err("it is not here");
        assert_eq!(refused.to_string(), told.to_string());
        assert!(told.to_string().starts_with(&format!("{accelerator} not here: ")), "{told}");
        let error = loaded.map(drop).expect_err("something else ran it");
        let PackError::Network { source: LoadError::Engine { engine, .. }, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!(*engine, backend.as_str());
    }
}

#[test]
fn a_gpu_runs_nothing_that_was_not_measured_on_it() {
    let Some(engines) = onnxruntime() else { return };
    assert!(engines.backends().all(|backend| backend.accelerator().is_none()));
    let folder = fixture::rim();
    let key = (open(&folder, &engines).expect("good").digest().to_owned(), "nano".to_owned());
    // Of a time when the box had a GPU: what was measured on it is of no use.
    let speed = Speed { backend: Backend::Cuda, cost_ms: 0.5, power: None };
    let pack = open(&folder, &engines.with_measured([(key, speed)].into())).expect("good");
    assert_eq!(pack.backend("nano").expect("listed"), Backend::OnnxRuntime);
    assert_eq!(pack.measured_ms("nano").expect("listed"), None);
}
