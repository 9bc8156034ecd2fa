//! Two ends of the crate's own, and messages whose place in the order can be read off them.

use std::net::SocketAddr;
use std::time::Duration;

use srt::{
    Admission, Admit, Call, Connection, Listener, MESSAGE_BYTES_MAX, Options, PEER_IDLE_MIN,
    Passphrase, Read, Write,
};

/// For what must happen: no busy machine should fail a test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

const WAIT: Duration = Duration::from_millis(100);

/// Latency enough that nothing is given up on a busy machine.
pub(crate) fn options() -> Options {
    Options { latency: Duration::from_millis(1500), peer_idle: PEER_IDLE_MIN }
}

pub(crate) fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(text).expect("10 to 79 bytes")
}

pub(crate) fn everybody(admission: Admission) -> Admit {
    Box::new(move |_| Ok(admission.clone()))
}

pub(crate) fn listen(admit: Admit) -> Listener {
    let address = "127.0.0.1:0".parse().expect("an address");
    Listener::open(address, &options(), admit).expect("a free port")
}

pub(crate) fn call(address: SocketAddr, stream_id: &str, passphrase: Option<Passphrase>) -> Call {
    Call { address, stream_id: stream_id.to_owned(), passphrase, timeout: PATIENCE }
}

/// The end that called, and the port that it called.
pub(crate) struct Near {
    pub(crate) caller: Connection,
    pub(crate) listener: Listener,
}

/// A connection: the end that called and the end that accepted.
pub(crate) fn pair(
    admit: Admit,
    passphrase: Option<Passphrase>,
    stream_id: &str,
) -> (Near, Connection) {
    let listener = listen(admit);
    let call = call(listener.address(), stream_id, passphrase);
    let caller = Connection::connect(&call, &options()).expect("it is let in");
    let far = listener.accept(PATIENCE).expect("it stands").expect("it called");
    (Near { caller, listener }, far)
}

fn message(number: usize, bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| (number * 31 + at * 7) as u8).collect()
}

/// What is sent when nothing comes, and is no message of a test's.
const NUDGE: &[u8] = b"nudge";

/// Sends messages and takes them at the other end, each whole and in order.
pub(crate) fn carry(from: &mut Connection, to: &mut Connection, count: usize, bytes: usize) {
    let mut send = |message: &[u8]| {
        let written = from.write(message, PATIENCE).expect("it stands");
        assert_eq!(written, Write::Taken);
    };
    for number in 0..count {
        send(&message(number, bytes));
    }
    let mut buffer = [0; MESSAGE_BYTES_MAX];
    let (mut number, mut waits) = (0, 0);
    while number < count {
        match to.read(&mut buffer, WAIT).expect("it stands") {
            Read::Bytes(read) if buffer[..read] == *NUDGE => {}
            Read::Bytes(read) => {
                assert!(buffer[..read] == message(number, bytes), "message {number} is another");
                number += 1;
            }
            Read::Nothing => {
                waits += 1;
                let counted = to.statistics();
                assert!(WAIT * waits < PATIENCE, "message {number} does not come: {counted:?}");
                // A busy machine may lose the last one, and only a later one tells of it.
                send(NUDGE);
            }
            Read::Closed => panic!("it ended before message {number}"),
        }
    }
}

/// How it ends, after what is still on its way.
pub(crate) fn end(connection: &mut Connection) -> Read {
    let mut buffer = [0; MESSAGE_BYTES_MAX];
    loop {
        match connection.read(&mut buffer, PATIENCE).expect("no failure") {
            Read::Bytes(_) => {}
            ended @ (Read::Nothing | Read::Closed) => return ended,
        }
    }
}
