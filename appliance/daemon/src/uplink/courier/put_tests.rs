//! Requests to servers of one answer each, with TLS and without.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

use super::*;

const SECRET: &str = "X-Amz-Signature=0a1b2c";

fn plain() -> Trust {
    Trust { ca: PathBuf::from("/nonexistent/ca.pem"), plain: PlainLinks::Followed }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads")
}

/// A server for one request: returns what it read, head and body.
fn serve(answer: &'static str, body_bytes: usize) -> (String, JoinHandle<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let link = format!("http://{}/clips/a.mp4?{SECRET}", listener.local_addr().expect("it"));
    let served = std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("the box");
        serve_on(stream, (answer, body_bytes))
    });
    (link, served)
}

fn serve_on(
    mut stream: impl Read + Write,
    (answer, body_bytes): (&str, usize),
) -> (String, Vec<u8>) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("a head");
        head.push(byte[0]);
    }
    let mut body = vec![0; body_bytes];
    stream.read_exact(&mut body).expect("a body");
    stream.write_all(answer.as_bytes()).expect("the box reads");
    (String::from_utf8(head).expect("text"), body)
}

fn segments(length: usize, each: usize) -> Vec<(Sent, Bytes)> {
    let content: Vec<u8> = (0..length).map(|at| (at * 31 + at / 251) as u8).collect();
    let segment = |(index, bytes): (usize, &[u8])| {
        let (offset, length) = ((index * each) as u64, bytes.len() as u32);
        (Sent::Segment { offset, length }, Bytes::copy_from_slice(bytes))
    };
    content.chunks(each).enumerate().map(segment).collect()
}

/// Gives everything and waits for the end: what was taken by then, and how it ended.
async fn whole(put: &mut Put, all: &[(Sent, Bytes)]) -> (Vec<Sent>, Result<(), PutError>) {
    for (sent, bytes) in all {
        put.give(*sent, bytes.clone());
    }
    let mut taken = Vec::new();
    loop {
        match put.next().await {
            PutEvent::Taken(sent) => taken.push(sent),
            PutEvent::Ended(ended) => return (taken, ended),
        }
    }
}

#[test]
fn every_byte_arrives_in_order_and_every_segment_is_told_before_the_end() {
    let (link, served) = serve("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 300_000);
    let all = segments(300_000, 20_000);
    let (taken, ended) = runtime().block_on(async {
        let mut put = Put::open(&link, 300_000, (&plain(), 20));
        whole(&mut put, &all).await
    });
    ended.expect("the server has it");
    assert_eq!(taken, all.iter().map(|(sent, _)| *sent).collect::<Vec<_>>());
    let (head, body) = served.join().expect("it served");
    assert_eq!(body, all.iter().flat_map(|(_, bytes)| bytes.to_vec()).collect::<Vec<u8>>());
    let authority = link.split('/').nth(2).expect("an authority");
    let path = format!("/clips/a.mp4?{SECRET}");
    assert_eq!(head.len() as u64, head_bytes(&path, authority, 300_000), "{head}");
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with("put /clips/a.mp4?x-amz-signature=0a1b2c http/1.1\r\n"), "{head}");
    assert!(head.contains("content-length: 300000\r\n"), "{head}");
    assert!(head.contains("host: 127.0.0.1:"), "{head}");
}

#[test]
fn refusal_is_told_with_its_reason_and_without_the_link() {
    let answer = "HTTP/1.1 403 Forbidden\r\nContent-Length: 39\r\n\r\n\
                  <Error><Code>AccessDenied</Code></Error>";
    let (link, served) = serve(answer, 1_000);
    let (_, ended) = runtime().block_on(async {
        let mut put = Put::open(&link, 1_000, (&plain(), 20));
        whole(&mut put, &segments(1_000, 1_000)).await
    });
    let told = ended.expect_err("it was refused").to_string();
    assert!(told.contains("127.0.0.1 refuses with status 403"), "{told}");
    assert!(told.contains("AccessDenied") && !told.contains("Signature"), "{told}");
    served.join().expect("it served");
}

#[test]
fn links_that_cannot_be_followed_say_why() {
    let refused = Trust { plain: PlainLinks::Refused, ..plain() };
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("it");
    let nobody = format!("http://{nobody}/?{SECRET}");
    let cases = [
        ("no link", plain(), "none that a box can follow"),
        ("ftp://clips.example/a", plain(), "none that a box can follow"),
        ("http://clips.example/a", refused, "clips.example is without TLS"),
        ("https://clips.example/a", plain(), "/nonexistent/ca.pem"),
        (nobody.as_str(), plain(), "127.0.0.1 cannot be reached"),
    ];
    for (link, trust, says) in cases {
        let (_, ended) = runtime().block_on(async {
            let mut put = Put::open(link, 1_000, (&trust, 20));
            whole(&mut put, &segments(1_000, 1_000)).await
        });
        let told = ended.expect_err("it cannot be followed").to_string();
        assert!(told.contains(says) && !told.contains("Signature"), "{link}: {told}");
    }
}

#[test]
fn segments_that_the_server_does_not_read_are_not_taken() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let link = format!("http://{}/", listener.local_addr().expect("it"));
    // More than the buffers of both ends hold.
    let (each, count) = (1 << 20, 64);
    let all = segments(each * count, each);
    runtime().block_on(async {
        let mut put = Put::open(&link, (each * count) as u64, (&plain(), count as u16));
        for (sent, bytes) in &all {
            put.give(*sent, bytes.clone());
        }
        let (mut stream, _) = listener.accept().expect("the box");
        let mut taken = 0;
        let quiet = Duration::from_millis(500);
        while let Ok(PutEvent::Taken(_)) = tokio::time::timeout(quiet, put.next()).await {
            taken += 1;
        }
        assert!(taken < count / 2, "{taken} of {count} taken by a server that reads nothing");
        let reads = std::thread::spawn(move || drain(&mut stream));
        while taken < count {
            let PutEvent::Taken(_) = put.next().await else { panic!("it goes on") };
            taken += 1;
        }
        drop(put);
        reads.join().expect("the connection ended");
    });
}

fn drain(stream: &mut TcpStream) {
    let mut buffer = vec![0; 1 << 16];
    while stream.read(&mut buffer).is_ok_and(|read| read > 0) {}
}

/// A server with TLS, and the file with the authority that vouches for it.
struct Secured {
    folder: tempfile::TempDir,
    address: std::net::SocketAddr,
    served: JoinHandle<Option<Vec<u8>>>,
}

impl Secured {
    fn start(body_bytes: usize) -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a key");
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("ca.pem"), made.cert.pem()).expect("a file");
        let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.expect("a key"))
            .expect("they fit");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("it");
        let served = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("the box");
            let mut tls = rustls::ServerConnection::new(Arc::new(config)).expect("a connection");
            // Of a box that does not believe it nothing comes.
            while tls.is_handshaking() {
                tls.complete_io(&mut stream).ok()?;
            }
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
            let stream = rustls::Stream::new(&mut tls, &mut stream);
            Some(serve_on(stream, (answer, body_bytes)).1)
        });
        Self { folder, address, served }
    }

    async fn put(&self, host: &str, length: usize) -> Result<(), PutError> {
        let trust = Trust { ca: self.folder.path().join("ca.pem"), plain: PlainLinks::Refused };
        let link = format!("https://{host}:{}/a?{SECRET}", self.address.port());
        let mut put = Put::open(&link, length as u64, (&trust, 20));
        whole(&mut put, &segments(length, 20_000)).await.1
    }
}

#[test]
fn server_that_the_authority_vouches_for_is_believed() {
    let server = Secured::start(100_000);
    runtime().block_on(server.put("localhost", 100_000)).expect("it is believed");
    assert_eq!(server.served.join().expect("it served").map(|body| body.len()), Some(100_000));
}

#[test]
fn server_with_another_name_is_not_believed() {
    let server = Secured::start(100_000);
    let told = runtime().block_on(server.put("127.0.0.1", 100_000)).expect_err("another name");
    assert!(told.to_string().contains("certificate"), "{told}");
    assert_eq!(server.served.join().expect("it ended"), None);
}
