//! What the client asks, what of the answers it believes, and how long it waits, with a server of
//! the test's own on this machine.
#![forbid(unsafe_code)]

mod stand_in;

use std::time::{Duration, Instant};

use hal::infer::{CheckError, Infer, InferError, Remote, Signature, Tensor};
use kserve::{Address, Endpoint, Server};
use stand_in::{Fault, Model, Offers, StandIn};

const DEADLINE: Duration = Duration::from_millis(300);
/// For servers that answer: no busy machine should fail a test.
const PATIENCE: Duration = Duration::from_secs(20);

fn model() -> Model {
    Model {
        input: ("images", vec![1, 2, 3]),
        output: ("cells", vec![1, 4]),
        run: Box::new(|given| {
            assert_eq!(given.len(), 6);
            (0..4).map(|i| given[i] / 3.0).collect()
        }),
    }
}

fn signature() -> Signature {
    Signature {
        network: "players/full".into(),
        input: "images".into(),
        input_shape: vec![1, 2, 3],
        output: "cells".into(),
        output_shape: vec![1, 4],
    }
}

fn client(stand_in: &StandIn, deadline: Duration) -> Server {
    let endpoint = Endpoint {
        address: Address::parse(&stand_in.url()).expect("a good address"),
        model: "people".into(),
        version: None,
        deadline,
        ca: None,
        token: Some("hush".into()),
    };
    Server::new(endpoint).expect("it needs no file")
}

fn input() -> Tensor {
    Tensor { shape: vec![1, 2, 3], data: vec![1.5, -2.25, 1e-7, 255.0, 0.1, 0.0] }
}

/// What the client says to a server with this fault.
fn refused(offers: Offers, fault: Fault) -> InferError {
    let stand_in = StandIn::start(model(), offers);
    let mut server = client(&stand_in, PATIENCE);
    server.check(&signature()).expect("the model is the wanted one");
    stand_in.set(fault);
    let error = server.run(&[input()]).expect_err("it is no answer");
    assert_eq!(stand_in.calls(), 1, "it is asked once");
    stand_in.set(Fault::None);
    server.run(&[input()]).expect("the next call is answered");
    error
}

#[test]
fn numbers_come_back_as_they_are_in_both_forms() {
    for (offers, engine) in [(Offers::Json, "kserve json"), (Offers::Binary, "kserve binary")] {
        let stand_in = StandIn::start(model(), offers);
        let mut server = client(&stand_in, PATIENCE);
        server.check(&signature()).expect("the model is the wanted one");
        assert_eq!(server.engine(), engine);
        for _ in 0..3 {
            let answer = server.run(&[input()]).expect("it answers");
            let data = [1.5, -2.25, 1e-7, 255.0].map(|number: f32| number / 3.0).to_vec();
            assert_eq!(answer, [Tensor { shape: vec![1, 4], data }]);
        }
        assert_eq!(stand_in.calls(), 3);
        let head = stand_in.head();
        assert!(head.starts_with("POST /v2/models/people/infer HTTP/1.1\r\n"), "{head}");
        assert!(head.to_lowercase().contains("authorization: bearer hush"), "{head}");
    }
}

#[test]
fn wrong_answers_are_refused_with_what_is_wrong_and_the_next_one_is_taken() {
    let cases = [
        (Fault::Fails, "500 Internal Server Error: {\"error\":\"no GPU\"}"),
        (Fault::Garbage, "it is no answer"),
        (Fault::OtherShape, "its shape is [1, 4, 1], not [1, 4]"),
        (Fault::TooFew, "it has 3 numbers, not 4"),
        (Fault::Endless, "bytes or more"),
        (Fault::Redirects, "307 Temporary Redirect"),
        (Fault::Closes, ""),
        (Fault::Breaks, ""),
    ];
    for offers in [Offers::Json, Offers::Binary] {
        for (fault, expected) in cases {
            let error = refused(offers, fault);
            let InferError::Engine { network, reason } = error else { panic!("{error}") };
            assert!(network.ends_with("/v2/models/people"), "{network}");
            assert!(reason.contains(expected), "{offers:?} {fault:?}: {reason}");
        }
    }
    let not_finite = refused(Offers::Binary, Fault::NotFinite).to_string();
    assert!(not_finite.contains("number 1 is NaN"), "{not_finite}");
    // In JSON there is no such number.
    let not_finite = refused(Offers::Json, Fault::NotFinite).to_string();
    assert!(not_finite.contains("it is no answer"), "{not_finite}");
}

#[test]
#[allow(clippy::disallowed_methods, reason = "how long it takes is what is tested")]
fn a_server_that_is_silent_or_drips_is_left_at_the_deadline() {
    for fault in [Fault::Silent, Fault::Drips] {
        let stand_in = StandIn::start(model(), Offers::Binary);
        let mut server = client(&stand_in, DEADLINE);
        server.check(&signature()).expect("the model is the wanted one");
        stand_in.set(fault);
        let began = Instant::now();
        let error = server.run(&[input()]).expect_err("it is late");
        let took = began.elapsed();
        assert!(
            matches!(error, InferError::Late { deadline_ms: 300, .. }),
            "{fault:?}: {error} after {took:?}"
        );
        assert!(took >= DEADLINE, "{fault:?}: {took:?}");
        // Dripping, all of the answer would take ten seconds; a busy machine gets a half of them.
        assert!(took < Duration::from_secs(5), "{fault:?}: {took:?}");
    }
}

#[test]
fn a_model_that_is_not_the_packs_is_refused_with_both_sides_names() {
    let stand_in = StandIn::start(model(), Offers::Binary);
    let mut server = client(&stand_in, PATIENCE);
    let mut check = |change: &dyn Fn(&mut Signature)| {
        let mut wanted = signature();
        change(&mut wanted);
        server.check(&wanted).expect_err("it is another").to_string()
    };
    let cases = [
        (
            check(&|s| s.input = "image".into()),
            "its input is images, but",
            "players/full is image;",
        ),
        (check(&|s| s.output = "out".into()), "its output is cells, but", "players/full is out;"),
        (check(&|s| s.input_shape[2] = 4), "its input's shape is [1, 2, 3]", "is [1, 2, 4];"),
        (check(&|s| s.output_shape.push(9)), "its output's shape is [1, 4]", "is [1, 4, 9];"),
    ];
    for (told, got, expected) in cases {
        assert!(told.contains(got) && told.contains(expected), "{told}");
        assert!(told.contains("install the pack"), "what to do: {told}");
    }
    let error = server.run(&[input()]).expect_err("what failed its check is not asked");
    assert!(error.to_string().contains("nobody checked"), "{error}");
    assert_eq!(stand_in.calls(), 0);
}

#[test]
fn a_server_without_the_model_or_not_ready_or_gone_is_away() {
    let stand_in = StandIn::start(model(), Offers::Json);
    let mut server = client(&stand_in, PATIENCE);
    let mut told = |fault| {
        stand_in.set(fault);
        let error = server.check(&signature()).expect_err("it is not there");
        assert!(matches!(error, CheckError::Away(_)), "{error}");
        error.to_string()
    };
    assert!(told(Fault::Unknown).contains("404 Not Found: {\"error\":\"no such model\"}"));
    assert!(told(Fault::NotReady).contains("/v2/models/people/ready: it says 400"));
    assert!(told(Fault::Closes).contains("http://127.0.0.1"));
    stand_in.set(Fault::None);
    server.check(&signature()).expect("it is back");
    drop(stand_in);
}

/// Asks a server of somebody else: `COURTSIDE_KSERVE=http://127.0.0.1:8080` with YOLOX-nano (416
/// pixels) under the name `yolox`.
#[test]
#[allow(clippy::disallowed_methods, reason = "how long it takes is told")]
fn a_real_server_answers_with_a_networks_numbers() {
    let Ok(url) = std::env::var("COURTSIDE_KSERVE") else {
        eprintln!("SKIPPED: COURTSIDE_KSERVE names no server");
        return;
    };
    let endpoint = Endpoint {
        address: Address::parse(&url).expect("a good address"),
        model: "yolox".into(),
        version: None,
        deadline: PATIENCE,
        ca: std::env::var_os("COURTSIDE_KSERVE_CA").map(Into::into),
        token: None,
    };
    let mut server = Server::new(endpoint).expect("it needs no file, or that one");
    let wanted = Signature {
        network: "players/full".into(),
        input: "images".into(),
        input_shape: vec![1, 3, 416, 416],
        output: "output".into(),
        output_shape: vec![1, 3549, 85],
    };
    server.check(&wanted).expect("it has the model");
    let grey = Tensor { shape: wanted.input_shape.clone(), data: vec![114.0; 3 * 416 * 416] };
    let mut took = Vec::new();
    for _ in 0..10 {
        let began = Instant::now();
        let answer = server.run(std::slice::from_ref(&grey)).expect("it answers");
        took.push(began.elapsed());
        assert_eq!(answer[0].shape, wanted.output_shape);
        // Nobody is in a grey picture.
        assert!(answer[0].data.chunks(85).all(|cell| cell[4] < 0.3));
    }
    took.sort();
    println!("{}: median {:?}, slowest {:?}", server.engine(), took[5], took[9]);
}
