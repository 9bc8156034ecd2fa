//! A real publisher for tests: ffmpeg pushes to a socket of this process, and a session reads it.
//! The only I/O around this crate; time is a counter of reads, so that nothing waits.
#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command};
use std::time::Duration;

use ingest::limits::Limits;
use ingest::rtmp::{Event, Session, StreamKey};
use wire::time::Monotonic;

/// What a publisher sent and what became of it.
pub(crate) struct Run {
    /// All events, without the request to publish.
    pub(crate) events: Vec<Event>,
    /// Every byte that the publisher sent.
    pub(crate) sent: Vec<u8>,
    /// The session after the end.
    pub(crate) session: Session,
}

/// Lets ffmpeg publish what `arguments` describe, and accepts it.
pub(crate) fn publish(arguments: &str) -> Run {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut child = Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error", "-nostdin"])
        .args(arguments.split_whitespace())
        .args(["-f", "flv", &format!("rtmp://127.0.0.1:{port}/live/secret")])
        .spawn()
        .unwrap();
    let run = serve(&accept(&listener, &mut child));
    let status = child.wait().unwrap();
    assert!(status.success(), "ffmpeg failed: {status}");
    run
}

/// The connection, or a panic with ffmpeg's status when it ended before it connected.
fn accept(listener: &TcpListener, child: &mut Child) -> TcpStream {
    listener.set_nonblocking(true).unwrap();
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false).unwrap();
                stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
                return stream;
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                let ended = child.try_wait().unwrap();
                assert!(ended.is_none(), "ffmpeg ended before it connected: {ended:?}");
                std::thread::yield_now();
            }
            Err(error) => panic!("accept: {error}"),
        }
    }
}

fn serve(mut stream: &TcpStream) -> Run {
    let mut session = Session::new(Limits::default(), Monotonic(0));
    let (mut events, mut sent) = (Vec::new(), Vec::new());
    let mut buffer = vec![0; 64 << 10];
    for read in 1.. {
        let now = Monotonic::from_millis(read);
        let length = stream.read(&mut buffer).unwrap();
        if length == 0 {
            session.handle_end_of_file();
        }
        sent.extend_from_slice(&buffer[..length]);
        session.handle_bytes(now, &buffer[..length]).unwrap();
        while let Some(event) = session.next_event() {
            if let Event::PublishRequested { app, key } = event {
                assert_eq!((app.as_str(), key), ("live", StreamKey::new("secret")));
                session.accept_publish(now).unwrap();
            } else {
                events.push(event);
            }
        }
        while let Some(bytes) = session.next_output() {
            // A publisher that has said goodbye may be gone already.
            if stream.write_all(&bytes).is_err() {
                assert!(session.is_closed());
            }
        }
        if session.is_closed() {
            break;
        }
    }
    Run { events, sent, session }
}

/// The events of bytes that were sent before, in pieces of `piece` bytes.
pub(crate) fn replay(sent: &[u8], piece: usize) -> Vec<Event> {
    // In one piece, everything is there before the publisher is accepted.
    let limits = Limits { unanswered_bytes_max: usize::MAX, ..Limits::default() };
    let mut session = Session::new(limits, Monotonic(0));
    let mut events = Vec::new();
    for bytes in sent.chunks(piece) {
        session.handle_bytes(Monotonic(0), bytes).unwrap();
        while let Some(event) = session.next_event() {
            if matches!(event, Event::PublishRequested { .. }) {
                session.accept_publish(Monotonic(0)).unwrap();
            }
            events.push(event);
        }
        while session.next_output().is_some() {}
    }
    events
}
