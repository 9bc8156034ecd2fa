//! A server of the protocol on this machine, which does what a test tells it to, also wrongly.
//!
//! Small and literal on purpose: it shares no code with the client that it tests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the server does with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Answers rightly.
    None,
    /// Takes the question and says nothing.
    Silent,
    /// Sends a byte of the answer every 50 ms.
    Drips,
    /// Says that it failed.
    Fails,
    /// Answers with something else than JSON.
    Garbage,
    /// Answers in another shape.
    OtherShape,
    /// Answers with fewer numbers than it says.
    TooFew,
    /// Answers with a number that is none.
    NotFinite,
    /// Closes the connection without an answer.
    Closes,
    /// Closes it in the middle of the answer.
    Breaks,
    /// Answers without end.
    Endless,
    /// Is sent elsewhere.
    Redirects,
    /// Has the model, but not ready.
    NotReady,
    /// Has no such model.
    Unknown,
}

/// How the server sends numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offers {
    /// In JSON alone, and has no page about itself.
    Json,
    /// As bytes, too.
    Binary,
}

/// The model that it serves under the name `people`.
pub(crate) struct Model {
    pub(crate) input: (&'static str, Vec<usize>),
    pub(crate) output: (&'static str, Vec<usize>),
    pub(crate) run: Box<dyn Fn(Vec<f32>) -> Vec<f32> + Send + Sync>,
}

pub(crate) struct StandIn {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    model: Model,
    offers: Offers,
    fault: Mutex<Fault>,
    /// Questions that were read whole, whatever became of them.
    calls: AtomicUsize,
    /// The last question's head.
    head: Mutex<String>,
    stop: AtomicBool,
}

impl StandIn {
    pub(crate) fn start(model: Model, offers: Offers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the system has a port");
        let address = listener.local_addr().expect("it listens");
        let shared = Arc::new(Shared {
            model,
            offers,
            fault: Mutex::new(Fault::None),
            calls: AtomicUsize::new(0),
            head: Mutex::default(),
            stop: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if serving.stop.load(Ordering::Relaxed) {
                    return;
                }
                let serving = Arc::clone(&serving);
                // A client that is gone ends its thread.
                std::thread::spawn(move || stream.map(|stream| serving.serve(&stream)));
            }
        });
        Self { address, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn set(&self, fault: Fault) {
        *self.shared.fault.lock().expect("nobody panics") = fault;
    }

    pub(crate) fn calls(&self) -> usize {
        self.shared.calls.load(Ordering::Relaxed)
    }

    #[allow(dead_code, reason = "not every test that borrows this file needs it")]
    pub(crate) fn head(&self) -> String {
        self.shared.head.lock().expect("nobody panics").clone()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts; then the port is closed.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    /// Answers requests until the client leaves.
    fn serve(&self, stream: &TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        loop {
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                if reader.read_line(&mut head).ok()? == 0 {
                    return None;
                }
            }
            let number = |name: &str| {
                let of = |line: &str| {
                    let (key, value) = line.split_once(':')?;
                    key.eq_ignore_ascii_case(name).then(|| value.trim().parse::<usize>().ok())?
                };
                head.lines().find_map(of)
            };
            let mut body = vec![0; number("content-length").unwrap_or(0)];
            reader.read_exact(&mut body).ok()?;
            let path = head.split(' ').nth(1)?.to_owned();
            let words = number("inference-header-content-length");
            let fault = *self.fault.lock().expect("nobody panics");
            if path.ends_with("/infer") {
                self.calls.fetch_add(1, Ordering::Relaxed);
                *self.head.lock().expect("nobody panics") = head.clone();
                self.answer(stream, (&body, words), fault)?;
            } else {
                self.describe(stream, &path, fault)?;
            }
        }
    }

    fn describe(&self, stream: &TcpStream, path: &str, fault: Fault) -> Option<()> {
        let Model { input, output, .. } = &self.model;
        let port = |(name, shape): &(&str, Vec<usize>)| {
            format!(r#"{{"name":"{name}","datatype":"FP32","shape":{shape:?}}}"#)
        };
        let (status, body) = match (path, fault) {
            (_, Fault::Closes) => return None,
            (_, Fault::Silent) => return wait(stream),
            (_, Fault::Unknown) => ("404 Not Found", r#"{"error":"no such model"}"#.to_owned()),
            ("/v2", _) if self.offers == Offers::Binary => (
                "200 OK",
                r#"{"name":"s","version":"1","extensions":["binary_tensor_data"]}"#.into(),
            ),
            ("/v2/models/people", _) => (
                "200 OK",
                format!(
                    r#"{{"name":"people","versions":["1"],"platform":"x","inputs":[{}],"outputs":[{}]}}"#,
                    port(input),
                    port(output)
                ),
            ),
            ("/v2/models/people/ready", Fault::NotReady) => ("400 Bad Request", String::new()),
            ("/v2/models/people/ready", _) => ("200 OK", String::new()),
            _ => ("404 Not Found", r#"{"error":"no such page"}"#.to_owned()),
        };
        send(stream, (status, ""), body.as_bytes())
    }

    fn answer(
        &self,
        stream: &TcpStream,
        (body, words): (&[u8], Option<usize>),
        fault: Fault,
    ) -> Option<()> {
        let given: Vec<f32> = match words {
            Some(words) => {
                let (numbers, rest) = body[words..].as_chunks::<4>();
                assert!(rest.is_empty(), "a question with half a number");
                numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
            }
            None => {
                let text = std::str::from_utf8(body).expect("a question is text");
                let data = text.split_once("\"data\":[").expect("it has numbers").1;
                let data = data.split(']').next().expect("they end");
                data.split(',').map(|number| number.parse().expect("a number")).collect()
            }
        };
        let form = if words.is_some() { Offers::Binary } else { Offers::Json };
        let (name, shape) = &self.model.output;
        let mut numbers = (self.model.run)(given);
        let mut shape = shape.clone();
        match fault {
            Fault::None | Fault::Drips | Fault::Breaks | Fault::NotReady | Fault::Unknown => {}
            Fault::Silent => return wait(stream),
            Fault::Closes => return None,
            Fault::Fails => {
                return send(stream, ("500 Internal Server Error", ""), b"{\"error\":\"no GPU\"}");
            }
            Fault::Garbage => return send(stream, ("200 OK", ""), b"<html>oops"),
            Fault::OtherShape => shape.push(1),
            Fault::TooFew => {
                numbers.pop();
            }
            Fault::NotFinite => numbers[1] = f32::NAN,
            Fault::Endless => return endless(stream),
            Fault::Redirects => {
                let there = "Location: http://127.0.0.1:1/v2\r\n";
                return send(stream, ("307 Temporary Redirect", there), b"");
            }
        }
        let (header, body) = written((name, &shape), &numbers, form);
        if fault == Fault::Drips {
            return drip(stream, &header, &body);
        }
        if fault == Fault::Breaks {
            let length = body.len();
            let head = format!("HTTP/1.1 200 OK\r\n{header}Content-Length: {length}\r\n\r\n");
            let mut stream = stream;
            stream.write_all(&[head.as_bytes(), &body[..length / 2]].concat()).ok()?;
            return None;
        }
        send(stream, ("200 OK", &header), &body)
    }
}

/// Headers and body of an answer, in the form of its question.
fn written((name, shape): (&str, &[usize]), numbers: &[f32], form: Offers) -> (String, Vec<u8>) {
    let head = format!(r#""name":"{name}","datatype":"FP32","shape":{shape:?}"#);
    match form {
        Offers::Binary => {
            let size = numbers.len() * 4;
            let json =
                format!(r#"{{"outputs":[{{{head},"parameters":{{"binary_data_size":{size}}}}}]}}"#);
            let length = format!("Inference-Header-Content-Length: {}\r\n", json.len());
            let numbers = numbers.iter().flat_map(|number| number.to_le_bytes());
            (length, json.into_bytes().into_iter().chain(numbers).collect())
        }
        Offers::Json => {
            // In two lists, because the protocol lets a server nest them.
            let (first, rest) = numbers.split_at(1);
            let json = format!(r#"{{"outputs":[{{{head},"data":[{first:?},{rest:?}]}}]}}"#);
            (String::new(), json.into_bytes())
        }
    }
}

fn send(mut stream: &TcpStream, (status, headers): (&str, &str), body: &[u8]) -> Option<()> {
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    stream.write_all(&[head.as_bytes(), body].concat()).ok()
}

/// Says nothing until the client is gone.
fn wait(mut stream: &TcpStream) -> Option<()> {
    let _ = stream.read(&mut [0]);
    None
}

fn drip(mut stream: &TcpStream, header: &str, body: &[u8]) -> Option<()> {
    let head = format!("HTTP/1.1 200 OK\r\n{header}Content-Length: {}\r\n\r\n", body.len());
    // The pause between two bytes is a read that finds nothing; it ends when the client leaves.
    stream.set_read_timeout(Some(Duration::from_millis(50))).ok()?;
    for byte in [head.as_bytes(), body].concat() {
        stream.write_all(&[byte]).ok()?;
        if stream.read(&mut [0]).is_ok() {
            return None;
        }
    }
    None
}

fn endless(mut stream: &TcpStream) -> Option<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").ok()?;
    let chunk = format!("1000\r\n{}\r\n", "1".repeat(0x1000));
    loop {
        stream.write_all(chunk.as_bytes()).ok()?;
    }
}
