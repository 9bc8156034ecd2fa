//! Both ends of SRT on this machine: who is let in, what arrives, what a refusal says, and how an
//! end is noticed. Ports are the system's choice, and nothing sleeps: every wait is for something.
#![forbid(unsafe_code)]

mod clients;
mod ends;
mod relay;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ends::{PATIENCE, call, carry, end, everybody, listen, pair, passphrase};
use relay::Relay;
use srt::{
    Admission, Call, ConnectError, Connection, Listener, MESSAGE_BYTES_MAX, OpenError, Options,
    OptionsError, PEER_IDLE_MIN, Read, Rejection, TransferError, Write,
};

const MESSAGES: usize = 100;
const MESSAGE_BYTES: usize = 1316;

#[test]
fn messages_arrive_whole_and_in_order_and_are_counted() {
    let (near, mut receiver) = pair(everybody(Admission::Plain), None, "live/court-1");
    let ends::Near { mut caller, listener } = near;
    assert_eq!(receiver.stream_id(), "live/court-1");
    assert_eq!(receiver.peer().ip(), listener.address().ip());
    assert_eq!(caller.peer(), listener.address());
    let before = receiver.statistics().expect("it stands");
    carry(&mut caller, &mut receiver, MESSAGES, MESSAGE_BYTES);
    let counted = receiver.statistics().expect("it stands");
    assert!(counted.received_packets >= MESSAGES as u64, "{counted:?}");
    assert!(counted.received_bytes >= (MESSAGES * MESSAGE_BYTES) as u64, "{counted:?}");
    assert!(counted.receive_mbps_since(&before) > 0.0, "{counted:?}");
    assert_eq!(counted.latency, ends::options().latency);
    assert_eq!((counted.dropped_packets, counted.undecrypted_packets), (0, 0), "{counted:?}");
    assert!(counted.round_trip > Duration::ZERO, "{counted:?}");
}

#[test]
fn messages_go_both_ways_and_the_largest_fits() {
    let (near, mut far) = pair(everybody(Admission::Plain), None, "");
    let mut near = near.caller;
    for bytes in [1, MESSAGE_BYTES_MAX] {
        // This way first: what reaches a caller before libsrt has it in its tables is lost.
        carry(&mut near, &mut far, 1, bytes);
        carry(&mut far, &mut near, 1, bytes);
    }
    for bytes in [0, MESSAGE_BYTES_MAX + 1] {
        let error = near.write(&vec![0; bytes], PATIENCE).expect_err("it is no message");
        assert!(matches!(error, TransferError::Message { bytes: b } if b == bytes), "{error}");
    }
    let error = near.read(&mut [0; 188], PATIENCE).expect_err("it is too small");
    assert!(matches!(error, TransferError::Buffer { bytes: 188 }), "{error}");
}

#[test]
fn a_silent_peer_is_nothing_and_one_that_hung_up_is_closed() {
    let (near, mut far) = pair(everybody(Admission::Plain), None, "");
    let mut near = near.caller;
    let mut buffer = [0; MESSAGE_BYTES_MAX];
    let short = Duration::from_millis(20);
    assert_eq!(far.read(&mut buffer, short).expect("it stands"), Read::Nothing);
    assert_eq!(far.read(&mut buffer, Duration::ZERO).expect("it stands"), Read::Nothing);
    carry(&mut near, &mut far, 1, 188);
    drop(near);
    assert_eq!(end(&mut far), Read::Closed);
    assert_eq!(far.read(&mut buffer, PATIENCE).expect("no failure"), Read::Closed);
    assert_eq!(far.write(&buffer[..188], PATIENCE).expect("no failure"), Write::Closed);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test is about real time")]
fn reads_end_in_time_and_hand_out_no_message_before_its_latency_is_over() {
    let (near, mut far) = pair(everybody(Admission::Plain), None, "");
    let mut near = near.caller;
    let mut buffer = [0; MESSAGE_BYTES_MAX];
    let (timeout, latency) = (Duration::from_millis(50), ends::options().latency);
    for _ in 0..50 {
        assert_eq!(near.write(&buffer[..188], PATIENCE).expect("it stands"), Write::Taken);
    }
    let (began, mut reads) = (Instant::now(), 0);
    while far.read(&mut buffer, timeout).expect("it stands") == Read::Nothing {
        reads += 1;
        assert!(began.elapsed() < PATIENCE, "nothing comes");
    }
    // They were sent just before; a busy machine makes single reads longer, but not all.
    let took = began.elapsed();
    assert!(took > latency.mul_f64(0.8), "the first message came after {took:?}");
    assert!(reads >= 10, "{reads} reads of {timeout:?} took {took:?}");
}

#[test]
fn connections_outlive_their_listener() {
    let (near, mut far) = pair(everybody(Admission::Plain), None, "");
    let ends::Near { mut caller, listener } = near;
    drop(listener);
    carry(&mut caller, &mut far, 3, MESSAGE_BYTES);
}

#[test]
fn nobody_is_accepted_when_nobody_calls() {
    let listener = listen(everybody(Admission::Plain));
    assert!(listener.accept(Duration::from_millis(20)).expect("it stands").is_none());
    assert!(listener.accept(Duration::ZERO).expect("it stands").is_none());
}

#[test]
fn a_port_that_is_taken_and_options_out_of_bounds_are_refused() {
    let listener = listen(everybody(Admission::Plain));
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("it is bound");
    let error = Listener::open(address, &ends::options(), everybody(Admission::Plain));
    let error = error.err().expect("it is taken");
    assert!(matches!(error, OpenError::Bind { .. }), "{error}");
    assert!(error.to_string().contains(&address.to_string()), "{error}");
    let options = Options { latency: Duration::from_secs(9), ..ends::options() };
    let error = Connection::connect(&call(listener.address(), "", None), &options);
    let error = error.expect_err("nine seconds");
    assert!(matches!(error, ConnectError::Options(OptionsError::Latency { .. })), "{error}");
}

#[test]
fn the_right_passphrase_is_let_in_and_a_wrong_one_named() {
    let secret = passphrase("correct-horse");
    let admit = everybody(Admission::Encrypted(secret.clone()));
    let (near, mut far) = pair(admit, Some(secret), "live/a");
    let ends::Near { mut caller, listener } = near;
    carry(&mut caller, &mut far, 20, MESSAGE_BYTES);
    let counted = far.statistics().expect("it stands");
    assert_eq!(counted.undecrypted_packets, 0);

    let refused = |secret| {
        let call = call(listener.address(), "live/a", secret);
        Connection::connect(&call, &ends::options()).expect_err("it must not be let in")
    };
    let error = refused(Some(passphrase("battery-staple")));
    assert!(matches!(error, ConnectError::PassphraseWrong { .. }), "{error}");
    assert!(!error.to_string().contains("battery"), "{error}");
    let error = refused(None);
    assert!(matches!(error, ConnectError::PassphraseMissing { .. }), "{error}");
    assert!(listener.accept(Duration::ZERO).expect("it stands").is_none());
    assert!(srt::complaints() > 0, "libsrt's words went to the counter");
}

#[test]
fn a_passphrase_that_the_listener_does_not_have_is_named() {
    let listener = listen(everybody(Admission::Plain));
    let call = call(listener.address(), "", Some(passphrase("correct-horse")));
    let error = Connection::connect(&call, &ends::options()).expect_err("it does not encrypt");
    assert!(matches!(error, ConnectError::PassphraseUnwanted { .. }), "{error}");
}

#[test]
fn a_caller_is_refused_before_it_is_accepted_and_learns_the_code() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let asked = Arc::clone(&seen);
    let listener = listen(Box::new(move |request| {
        let seen = (request.peer, request.stream_id.to_owned(), request.handshake_version);
        asked.lock().expect("nobody panics here").push(seen);
        Err(match request.stream_id {
            "" => Rejection::BadRequest,
            "who" => Rejection::Unauthorized,
            "no" => Rejection::Forbidden,
            "gone" => Rejection::NotFound,
            "taken" => Rejection::Conflict,
            "own" => Rejection::Other(2042),
            other => panic!("{other} is a stranger; this panic is part of the test"),
        })
    }));
    let wanted = [
        ("", Rejection::BadRequest),
        ("who", Rejection::Unauthorized),
        ("no", Rejection::Forbidden),
        ("gone", Rejection::NotFound),
        ("taken", Rejection::Conflict),
        ("own", Rejection::Other(2042)),
        ("a bug", Rejection::Internal),
    ];
    for (stream_id, code) in wanted {
        let call = call(listener.address(), stream_id, None);
        let error = Connection::connect(&call, &ends::options()).expect_err("it is refused");
        assert!(
            matches!(error, ConnectError::Refused { rejection, .. } if rejection == code),
            "{error}"
        );
    }
    assert!(listener.accept(Duration::ZERO).expect("it stands").is_none());
    let seen = seen.lock().expect("nobody panics");
    assert_eq!(seen.len(), wanted.len(), "each is asked about once");
    for ((peer, stream_id, version), (wanted, _)) in seen.iter().zip(wanted) {
        assert_eq!((stream_id.as_str(), *version), (wanted, 5));
        assert!(peer.ip().is_loopback() && peer.port() != 0);
    }
}

#[test]
fn two_streams_share_a_port_each_with_its_own_passphrase() {
    let listener = listen(Box::new(|request| match request.stream_id {
        "live/a" => Ok(Admission::Encrypted(passphrase("secret of a"))),
        "live/b" => Ok(Admission::Encrypted(passphrase("secret of b"))),
        _ => Err(Rejection::NotFound),
    }));
    let connect = |stream_id: &str, secret: &str| {
        let call = call(listener.address(), stream_id, Some(passphrase(secret)));
        Connection::connect(&call, &ends::options())
    };
    let error = connect("live/a", "secret of b").expect_err("another's passphrase");
    assert!(matches!(error, ConnectError::PassphraseWrong { .. }), "{error}");
    let mut a = connect("live/a", "secret of a").expect("it is let in");
    let mut far_a = listener.accept(PATIENCE).expect("it stands").expect("a called");
    let mut b = connect("live/b", "secret of b").expect("it is let in");
    let mut far_b = listener.accept(PATIENCE).expect("it stands").expect("b called");
    assert_eq!((far_a.stream_id(), far_b.stream_id()), ("live/a", "live/b"));
    carry(&mut a, &mut far_a, 10, 376);
    carry(&mut b, &mut far_b, 10, 188);
}

#[test]
fn nobody_at_an_address_is_a_timeout_that_says_what_to_check() {
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("it is bound");
    let timeout = Duration::from_millis(300);
    let call = Call { timeout, ..call(address, "", None) };
    let error = Connection::connect(&call, &ends::options()).expect_err("nobody is there");
    assert!(matches!(error, ConnectError::Timeout { .. }), "{error}");
    assert!(error.to_string().contains("firewall"), "{error}");
    let long = Call { stream_id: "x".repeat(513), ..call };
    let error = Connection::connect(&long, &ends::options()).expect_err("too long");
    assert!(matches!(error, ConnectError::StreamId { bytes: 513 }), "{error}");
}

#[test]
fn lost_packets_are_sent_again_and_both_are_counted() {
    let listener = listen(everybody(Admission::Plain));
    let relay = Relay::start(listener.address());
    let call = call(relay.address(), "", None);
    let mut near = Connection::connect(&call, &ends::options()).expect("it is let in");
    let mut far = listener.accept(PATIENCE).expect("it stands").expect("it called");
    relay.lose_some();
    // Short ones, so that the system holds them all while the relay's thread waits.
    carry(&mut near, &mut far, 200, 188);
    let counted = far.statistics().expect("it stands");
    assert!(counted.lost_packets > 0 && counted.retransmitted_packets > 0, "{counted:?}");
    assert_eq!(counted.dropped_packets, 0, "{counted:?}");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test is about real time")]
fn a_peer_that_vanishes_is_closed_after_the_silence_that_was_chosen() {
    let listener = listen(everybody(Admission::Plain));
    let relay = Relay::start(listener.address());
    let call = call(relay.address(), "", None);
    let mut near = Connection::connect(&call, &ends::options()).expect("it is let in");
    let mut far = listener.accept(PATIENCE).expect("it stands").expect("it called");
    carry(&mut near, &mut far, 1, 188);
    relay.fall_silent();
    let began = Instant::now();
    assert_eq!(end(&mut far), Read::Closed);
    let took = began.elapsed();
    eprintln!("closed after {took:?} of silence");
    assert!(took > PEER_IDLE_MIN - Duration::from_secs(2), "{took:?}");
    assert!(took < PEER_IDLE_MIN + Duration::from_secs(5), "{took:?}");
    drop(near);
}

#[test]
fn callers_over_ipv6_and_ipv4_reach_the_same_port() {
    let any: SocketAddr = "[::]:0".parse().expect("an address");
    if std::net::UdpSocket::bind("[::1]:0").is_err() {
        eprintln!("SKIPPED: this machine has no IPv6");
        return;
    }
    let options = ends::options();
    let listener = Listener::open(any, &options, everybody(Admission::Plain)).expect("a port");
    for host in ["[::1]", "127.0.0.1"] {
        let address = format!("{host}:{}", listener.address().port());
        let address: SocketAddr = address.parse().expect("an address");
        let mut near =
            Connection::connect(&call(address, host, None), &options).expect("it is let in");
        let mut far = listener.accept(PATIENCE).expect("it stands").expect("it called");
        assert_eq!((far.peer().ip(), far.stream_id()), (address.ip(), host));
        carry(&mut near, &mut far, 1, 188);
    }
}
