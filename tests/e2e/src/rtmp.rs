//! An RTMP publisher made by hand, for byte streams that no program of Debian's sends.
//!
//! Owns the handshake, chunks, and the few AMF values that commands have. Waits for what the box
//! answers, but reads no more of it than which answer it is.

use anyhow::{Context, Result, ensure};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Types of messages.
pub const SET_CHUNK_SIZE: u8 = 1;
/// See [`SET_CHUNK_SIZE`].
pub const AUDIO: u8 = 8;
/// See [`SET_CHUNK_SIZE`].
pub const VIDEO: u8 = 9;
/// See [`SET_CHUNK_SIZE`].
pub const DATA: u8 = 18;
/// See [`SET_CHUNK_SIZE`].
pub const COMMAND: u8 = 20;

const HANDSHAKE_BYTES: usize = 1536;
/// Before anybody says otherwise.
const CHUNK_BYTES: usize = 128;
/// The box answers at once; somebody else may have the processor.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);

/// A value of a command.
#[derive(Clone, Debug)]
pub enum Amf<'a> {
    /// A number.
    Number(f64),
    /// Yes or no.
    Boolean(bool),
    /// A text.
    Text(&'a str),
    /// Nothing.
    Null,
    /// Named values.
    Object(&'a [(&'a str, Amf<'a>)]),
    /// Named values, as metadata has them.
    EcmaArray(&'a [(&'a str, Amf<'a>)]),
}

/// One message.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Chunk stream, 2 to 63.
    pub chunk_stream: u8,
    /// Type.
    pub kind: u8,
    /// Milliseconds.
    pub timestamp_ms: u32,
    /// Message stream: 0 until one is created.
    pub stream: u32,
    /// The rest.
    pub payload: &'a [u8],
}

/// How the header of a message's first chunk is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// With everything.
    Full,
    /// With the time since this message, on the same chunk and message stream.
    Since(u32),
}

/// A connection whose handshake is done.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    chunk_bytes: usize,
    answers: Vec<u8>,
}

impl Client {
    /// Connects to the box's RTMP port.
    ///
    /// # Errors
    /// When it does not shake hands.
    pub async fn connect(port: u16) -> Result<Self> {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        let mut hello = vec![3];
        hello.extend((0..HANDSHAKE_BYTES).map(|at| (at * 7) as u8));
        stream.write_all(&hello).await?;
        let mut answer = vec![0; 1 + 2 * HANDSHAKE_BYTES];
        stream.read_exact(&mut answer).await.context("no handshake")?;
        stream.write_all(&answer[1..=HANDSHAKE_BYTES]).await?;
        Ok(Self { stream, chunk_bytes: CHUNK_BYTES, answers: Vec::new() })
    }

    /// Tells how long chunks are from now on.
    ///
    /// # Errors
    /// When the box has hung up.
    pub async fn set_chunk_bytes(&mut self, bytes: u32) -> Result<()> {
        let payload = &bytes.to_be_bytes();
        let kind = SET_CHUNK_SIZE;
        let message = Message { chunk_stream: 2, kind, timestamp_ms: 0, stream: 0, payload };
        self.send(message, Header::Full).await?;
        self.chunk_bytes = bytes as usize;
        Ok(())
    }

    /// Sends a command.
    ///
    /// # Errors
    /// When the box has hung up.
    pub async fn command(&mut self, stream: u32, values: &[Amf<'_>]) -> Result<()> {
        let payload = &encoded(values);
        let kind = COMMAND;
        let message = Message { chunk_stream: 3, kind, timestamp_ms: 0, stream, payload };
        self.send(message, Header::Full).await
    }

    /// Sends a message.
    ///
    /// # Errors
    /// When the box has hung up.
    pub async fn send(&mut self, message: Message<'_>, header: Header) -> Result<()> {
        let Message { chunk_stream, kind, timestamp_ms, stream, payload } = message;
        let time = match header {
            Header::Full => timestamp_ms,
            Header::Since(before) => timestamp_ms.wrapping_sub(before),
        };
        ensure!(time < 0x00FF_FFFF, "no test sends for that long");
        let mut bytes = Vec::with_capacity(payload.len() + payload.len() / self.chunk_bytes + 16);
        bytes.push(chunk_stream | if header == Header::Full { 0 } else { 0x40 });
        bytes.extend_from_slice(&time.to_be_bytes()[1..]);
        bytes.extend_from_slice(&(payload.len() as u32).to_be_bytes()[1..]);
        bytes.push(kind);
        if header == Header::Full {
            bytes.extend_from_slice(&stream.to_le_bytes());
        }
        for (number, chunk) in payload.chunks(self.chunk_bytes).enumerate() {
            if number > 0 {
                bytes.push(0xC0 | chunk_stream);
            }
            bytes.extend_from_slice(chunk);
        }
        self.stream.write_all(&bytes).await.context("the box has hung up")
    }

    /// Waits until the box has said this.
    ///
    /// # Errors
    /// When it hangs up before, or says nothing of the kind in time.
    pub async fn wait_for(&mut self, word: &str) -> Result<()> {
        let reading = async {
            let mut buffer = [0; 4096];
            loop {
                let found = self.answers.windows(word.len()).any(|part| part == word.as_bytes());
                if found {
                    return Ok(());
                }
                let count = self.stream.read(&mut buffer).await?;
                ensure!(count > 0, "the box hung up before it said {word}");
                self.answers.extend_from_slice(&buffer[..count]);
            }
        };
        let heard = tokio::time::timeout(ANSWER_LIMIT, reading).await;
        heard.with_context(|| format!("the box never said {word}"))??;
        // The next answer is looked for behind this one.
        self.answers.clear();
        Ok(())
    }
}

/// The bytes of these values.
pub fn encoded(values: &[Amf<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    values.iter().for_each(|value| encode(value, &mut bytes));
    bytes
}

fn encode(value: &Amf<'_>, bytes: &mut Vec<u8>) {
    match value {
        Amf::Number(number) => {
            bytes.push(0);
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        Amf::Boolean(yes) => bytes.extend_from_slice(&[1, u8::from(*yes)]),
        Amf::Text(text) => {
            bytes.push(2);
            short_text(text, bytes);
        }
        Amf::Null => bytes.push(5),
        Amf::Object(fields) => {
            bytes.push(3);
            named(fields, bytes);
        }
        Amf::EcmaArray(fields) => {
            bytes.push(8);
            bytes.extend_from_slice(&(fields.len() as u32).to_be_bytes());
            named(fields, bytes);
        }
    }
}

fn named(fields: &[(&str, Amf<'_>)], bytes: &mut Vec<u8>) {
    for (name, value) in fields {
        short_text(name, bytes);
        encode(value, bytes);
    }
    bytes.extend_from_slice(&[0, 0, 9]);
}

fn short_text(text: &str, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&(text.len() as u16).to_be_bytes());
    bytes.extend_from_slice(text.as_bytes());
}
