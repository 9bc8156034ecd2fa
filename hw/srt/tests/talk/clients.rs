//! Programs that others wrote: ffmpeg and srt-live-transmit call and are called.

use std::io::Write as _;
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};

use srt::{Admission, Connection, Listener, MESSAGE_BYTES_MAX, Mode, Read, Rejection, StreamId};

use crate::ends::{self, PATIENCE, call, end, everybody, listen, passphrase};

const TS_PACKET_BYTES: usize = 188;
/// Messages of seven packets; some two seconds of the picture below.
const ENOUGH: usize = 60;

/// A program, ended and waited for when dropped.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        self.0.wait().expect("it was started here");
    }
}

/// Whether a program is there; says so if not.
fn has(program: &str, argument: &str, word: &str) -> bool {
    let output = Command::new(program).arg("-hide_banner").arg(argument).output();
    let found = output.is_ok_and(|output| {
        let said = [output.stdout, output.stderr].concat();
        String::from_utf8_lossy(&said).split_whitespace().any(|said| said == word)
    });
    if !found {
        eprintln!("SKIPPED: {program} with SRT is not installed; scripts/setup test does it");
    }
    found
}

fn has_ffmpeg() -> bool {
    has("ffmpeg", "-protocols", "srt")
}

fn has_transmit() -> bool {
    has("srt-live-transmit", "-help", "sample")
}

/// ffmpeg, sending a picture that moves for as long as it is let.
fn ffmpeg(url: &str, stream_id: &str) -> Program {
    let child = Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error", "-nostdin", "-re"])
        .args(["-f", "lavfi", "-i", "testsrc=size=320x240:rate=25"])
        .args(["-c:v", "mpeg2video", "-b:v", "400k", "-minrate", "400k", "-maxrate", "400k"])
        .args(["-bufsize", "400k", "-muxrate", "600k", "-f", "mpegts"])
        // Its `-streamid` is another thing, and in the address it would not be decoded.
        .args(["-srt_streamid", stream_id, url])
        .stdin(Stdio::null())
        .spawn();
    Program(child.expect("ffmpeg starts"))
}

/// Reads whole packets of MPEG-TS.
fn take_ts(connection: &mut Connection, messages: usize) {
    let mut buffer = [0; MESSAGE_BYTES_MAX];
    for _ in 0..messages {
        let Read::Bytes(bytes) = connection.read(&mut buffer, PATIENCE).expect("it stands") else {
            panic!("the stream ended early");
        };
        assert_eq!(bytes % TS_PACKET_BYTES, 0);
        assert!(buffer[..bytes].chunks(TS_PACKET_BYTES).all(|packet| packet[0] == 0x47));
    }
}

fn free_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.local_addr().expect("it is bound").port()
}

fn next(listener: &Listener) -> Connection {
    listener.accept(PATIENCE).expect("it stands").expect("the program called")
}

#[test]
fn ffmpeg_publishes_encrypted_and_its_death_is_noticed() {
    if !has_ffmpeg() {
        return;
    }
    let listener = listen(Box::new(|request| {
        let id = StreamId::parse(request.stream_id).map_err(|_| Rejection::BadRequest)?;
        match (id.resource.as_str(), id.mode) {
            ("live/court-1", Mode::Publish) => {
                Ok(Admission::Encrypted(passphrase("correct-horse")))
            }
            _ => Err(Rejection::NotFound),
        }
    }));
    let port = listener.address().port();
    let stream_id = "#!::r=live/court-1,m=publish,u=coach";
    let secret = "passphrase=correct-horse&pbkeylen=32";
    let mut program = ffmpeg(&format!("srt://127.0.0.1:{port}?{secret}&pkt_size=1316"), stream_id);
    let mut connection = next(&listener);
    assert_eq!(connection.stream_id(), stream_id);
    take_ts(&mut connection, ENOUGH);
    let counted = connection.statistics().expect("it stands");
    assert!(counted.received_packets >= ENOUGH as u64, "{counted:?}");
    assert_eq!(counted.undecrypted_packets, 0, "{counted:?}");
    // Killed, it says no goodbye.
    program.0.kill().expect("it runs");
    assert_eq!(end(&mut connection), Read::Closed);
}

#[test]
fn ffmpeg_with_a_plain_name_is_refused_or_let_in_by_it() {
    if !has_ffmpeg() {
        return;
    }
    let listener = listen(Box::new(|request| match request.stream_id {
        "live/court-2" => Ok(Admission::Plain),
        _ => Err(Rejection::NotFound),
    }));
    let port = listener.address().port();
    let url = format!("srt://127.0.0.1:{port}?pkt_size=1316");
    let mut refused = ffmpeg(&url, "live/court-3");
    assert!(!refused.0.wait().expect("it ends").success());
    let _program = ffmpeg(&url, "live/court-2");
    let mut connection = next(&listener);
    assert_eq!(connection.stream_id(), "live/court-2");
    take_ts(&mut connection, ENOUGH);
}

#[test]
fn ffmpeg_is_called_as_a_camera_that_listens_is() {
    if !has_ffmpeg() {
        return;
    }
    let port = free_port();
    let url = format!("srt://127.0.0.1:{port}?mode=listener&passphrase=correct-horse");
    let _program = ffmpeg(&url, "");
    let address = ([127, 0, 0, 1], port).into();
    let call = call(address, "", Some(passphrase("correct-horse")));
    let mut connection = Connection::connect(&call, &ends::options()).expect("it is let in");
    take_ts(&mut connection, ENOUGH);
}

#[test]
fn srt_live_transmit_publishes_with_its_own_passphrase() {
    if !has_transmit() {
        return;
    }
    let secret = passphrase("correct-horse");
    let listener = listen(everybody(Admission::Encrypted(secret)));
    let port = listener.address().port();
    let url = format!("srt://127.0.0.1:{port}?streamid=live/b&passphrase=correct-horse");
    let child = Command::new("srt-live-transmit")
        .args(["-q", "-chunk:1316", "file://con", &url])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn();
    let mut program = Program(child.expect("it starts"));
    let mut connection = next(&listener);
    assert_eq!(connection.stream_id(), "live/b");
    let mut stdin = program.0.stdin.take().expect("it is piped");
    let mut packets = vec![0xff; 7 * TS_PACKET_BYTES];
    packets.chunks_mut(TS_PACKET_BYTES).for_each(|packet| packet[0] = 0x47);
    // The last ones may be lost, and only later ones would tell of it.
    for _ in 0..2 * ENOUGH {
        stdin.write_all(&packets).expect("it reads");
    }
    take_ts(&mut connection, ENOUGH);
    // Alive it keeps the connection, also without anything to send.
    drop(program);
    assert_eq!(end(&mut connection), Read::Closed);
}
