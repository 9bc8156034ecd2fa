//! A publisher that can be killed, frozen, and made to send another stream over the same connection.
//!
//! Over RTMP and SRT it is two programs: ffmpeg encodes, and a second ffmpeg carries the bytes to the box
//! unread, so that an encoder can be exchanged behind a connection that lives. Whole tags and packets are
//! passed on alone. As an encoder in a hall does, the carrier is started again when it ends. For HLS it is
//! one program that writes a folder, which somebody else serves; for RTSP a camera, which is called.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::camera;
use crate::clock::until;

/// Pictures a second; a keyframe every second.
pub const RATE: u64 = 10;
/// How long a carrier waits for an answer over RTMP, in microseconds.
const IO_TIMEOUT_US: &str = "2000000";
/// A busy machine takes this to start a camera's program.
const STARTS_WITHIN: Duration = Duration::from_secs(60);
/// Bytes of a transport stream's packet.
const TS_PACKET_BYTES: usize = 188;
/// Bytes of an FLV file's header, of a tag's header, and of what follows a tag.
const FLV_HEADER_BYTES: usize = 13;
const FLV_TAG_HEADER_BYTES: usize = 11;
const FLV_TRAILER_BYTES: usize = 4;

/// What is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program {
    /// Width and height.
    pub size: (u32, u32),
    /// Samples a second.
    pub sample_hz: u32,
    /// Added to all times, in seconds.
    pub offset_s: u32,
}

impl Default for Program {
    /// Small, and two hours into its clock: an hour may be taken away.
    fn default() -> Self {
        Self { size: (160, 90), sample_hz: 48_000, offset_s: 7_200 }
    }
}

/// How the stream leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// To this address, in FLV.
    Rtmp(String),
    /// To this address, in a transport stream.
    Srt(String),
    /// Into `live.m3u8` of this folder, in fragmented MP4 with sound of its own.
    Hls(PathBuf),
    /// Whoever calls this port has it.
    Rtsp(u16),
}

/// See the module.
#[derive(Debug)]
pub struct Peer {
    way: Way,
    log: PathBuf,
    encoder: Option<Child>,
    carrier: Option<Child>,
    /// Where the carrier reads; `None` while there is none.
    into: Arc<Mutex<Option<Carrier>>>,
    pump: Option<JoinHandle<()>>,
}

/// In what the bytes are cut that are carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Container {
    Flv,
    Ts,
}

/// Where the program that is connected reads.
#[derive(Debug)]
struct Carrier {
    stdin: ChildStdin,
    /// It has had what a connection begins with.
    greeted: bool,
}

impl Peer {
    /// Begins to send.
    ///
    /// # Errors
    /// ffmpeg is missing.
    pub async fn start(way: Way, program: Program, log: &Path) -> Result<Self> {
        let log = log.to_owned();
        let into = Arc::default();
        let mut peer = Self { way, log, encoder: None, carrier: None, into, pump: None };
        peer.keep().await?;
        peer.encode(program).await?;
        Ok(peer)
    }

    /// Sends this from now on, over the connection that there is.
    ///
    /// # Errors
    /// ffmpeg is missing.
    pub async fn encode(&mut self, program: Program) -> Result<()> {
        if let Way::Rtsp(port) = self.way {
            self.end_encoder().await?;
            self.encoder = Some(serving(port, program, &self.log).await?);
            return Ok(());
        }
        let mut command = ffmpeg(&self.log)?;
        command.args(encoding(program));
        match self.way.clone() {
            Way::Rtsp(_) => {}
            Way::Hls(folder) => {
                self.end_encoder().await?;
                command
                    .args(HLS.split_whitespace())
                    .args([HLS_LISTS, "p_%v.m3u8"])
                    .current_dir(folder);
                self.encoder = Some(spawn(command)?);
            }
            way @ (Way::Rtmp(_) | Way::Srt(_)) => {
                let (container, format) = match way {
                    Way::Rtmp(_) => (Container::Flv, "flv"),
                    Way::Srt(_) | Way::Hls(_) | Way::Rtsp(_) => (Container::Ts, "mpegts"),
                };
                command.args(["-flush_packets", "1", "-f", format, "-"]).stdout(Stdio::piped());
                let mut encoder = spawn(command)?;
                let from = encoder.stdout.take().context("ffmpeg has no output")?;
                let mut from = BufReader::new(from);
                // It takes seconds to start on a busy machine: the one before goes on until then.
                from.fill_buf().await?;
                self.end_encoder().await?;
                self.encoder = Some(encoder);
                let into = Arc::clone(&self.into);
                self.pump = Some(tokio::spawn(async move {
                    // It ends with the encoder.
                    drop(pump(from, &into, container).await);
                }));
            }
        }
        Ok(())
    }

    /// Starts the carrier again if it has ended.
    ///
    /// # Errors
    /// ffmpeg is missing.
    pub async fn keep(&mut self) -> Result<()> {
        let url = match &self.way {
            Way::Rtmp(url) | Way::Srt(url) => url.clone(),
            Way::Hls(_) | Way::Rtsp(_) => return Ok(()),
        };
        if let Some(carrier) = &mut self.carrier
            && carrier.try_wait()?.is_none()
        {
            return Ok(());
        }
        let format = ["-f", "data", "-raw_packet_size", "1316"];
        let mut command = ffmpeg(&self.log)?;
        command.args(format).args(["-i", "pipe:0", "-map", "0", "-c", "copy", "-f", "data"]);
        if let Way::Rtmp(_) = self.way {
            // As encoders do: an answer that never comes is not waited for.
            command.args(["-rw_timeout", IO_TIMEOUT_US]);
        }
        command.arg(url).stdin(Stdio::piped());
        let mut carrier = spawn(command)?;
        let stdin = carrier.stdin.take().context("ffmpeg has no input")?;
        *self.into.lock().await = Some(Carrier { stdin, greeted: false });
        self.carrier = Some(carrier);
        Ok(())
    }

    /// `kill -9` of what is connected: the carrier, the program that writes the folder, or the camera.
    ///
    /// # Errors
    /// It cannot be killed.
    pub async fn kill(&mut self) -> Result<()> {
        if let Way::Hls(_) | Way::Rtsp(_) = self.way {
            return self.end_encoder().await;
        }
        if let Some(mut carrier) = self.carrier.take() {
            carrier.kill().await?;
        }
        Ok(())
    }

    /// Sends a signal to what is connected: `STOP` or `CONT`.
    ///
    /// # Errors
    /// No shell can be run.
    pub async fn signal(&self, name: &str) -> Result<()> {
        let connected = match self.way {
            Way::Hls(_) | Way::Rtsp(_) => &self.encoder,
            Way::Rtmp(_) | Way::Srt(_) => &self.carrier,
        };
        match connected.as_ref().and_then(Child::id) {
            Some(id) => signal(name, id).await,
            None => Ok(()),
        }
    }

    async fn end_encoder(&mut self) -> Result<()> {
        if let Some(mut encoder) = self.encoder.take() {
            encoder.kill().await?;
        }
        if let Some(pump) = self.pump.take() {
            // What it has read whole is passed on first, unless the carrier does not take it.
            pump.abort();
            drop(pump.await);
        }
        Ok(())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if let Some(pump) = &self.pump {
            pump.abort();
        }
    }
}

/// Sends a signal to a process.
///
/// # Errors
/// No shell can be run.
pub async fn signal(name: &str, id: u32) -> Result<()> {
    // The standard library sends no other signal than SIGKILL, and this crate forbids unsafe code.
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("kill -{name} {id}")).stderr(Stdio::null());
    shell.status().await.context("cannot run sh").map(drop)
}

/// ffmpeg with its complaints in a file.
///
/// # Errors
/// The file cannot be written.
pub fn ffmpeg(log: &Path) -> Result<Command> {
    let log = std::fs::File::options().create(true).append(true).open(log)?;
    let mut command = Command::new("ffmpeg");
    command.args(["-hide_banner", "-loglevel", "error", "-y"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
    Ok(command)
}

/// ffmpeg's arguments for a test picture and a tone, at the speed of play.
pub fn encoding(program: Program) -> Vec<String> {
    let Program { size: (width, height), sample_hz, offset_s } = program;
    let arguments = format!(
        "-re -f lavfi -i testsrc2=size={width}x{height}:rate={RATE} -re -f lavfi \
         -i sine=r={sample_hz} -map 0:v -map 1:a -threads 1 -c:v libx264 -preset ultrafast \
         -tune zerolatency -g {RATE} -keyint_min {RATE} -sc_threshold 0 -pix_fmt yuv420p -c:a aac \
         -b:a 48k -output_ts_offset {offset_s}"
    );
    arguments.split_whitespace().map(str::to_owned).collect()
}

/// A camera that can be called.
async fn serving(port: u16, program: Program, log: &Path) -> Result<Child> {
    let Program { size: (width, height), sample_hz, .. } = program;
    let log = std::fs::File::options().create(true).append(true).open(log)?;
    let mut command = camera::command(port);
    command.args(["--size", &format!("{width}x{height}"), "--rate", &RATE.to_string()]);
    command.args(["--samples", &sample_hz.to_string()]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
    let camera = command.spawn().context("there is no python3; run scripts/setup test")?;
    until(STARTS_WITHIN, "a camera that can be called", async || {
        Ok(TcpStream::connect(("127.0.0.1", port)).await.ok())
    })
    .await?;
    Ok(camera)
}

/// Segments of a second; what an encoder before it has written goes on, behind a discontinuity.
const HLS: &str = "-f hls -hls_time 1 -hls_list_size 8 -hls_delete_threshold 8 -hls_segment_type fmp4 \
                   -hls_flags delete_segments+temp_file+append_list -master_pl_name live.m3u8 \
                   -hls_segment_filename s_%v_%d.m4s -var_stream_map";
/// Pictures in one list, sound in another.
const HLS_LISTS: &str = "v:0,agroup:sound a:0,agroup:sound";

fn spawn(mut command: Command) -> Result<Child> {
    command.spawn().context("ffmpeg is missing; run scripts/setup test")
}

/// Passes on what an encoder makes, to whoever carries it.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    into: &Mutex<Option<Carrier>>,
    container: Container,
) -> Result<()> {
    // What a new connection has to begin with: the file's header, and how to decode.
    let mut preface = match container {
        Container::Flv => vec![0; FLV_HEADER_BYTES],
        Container::Ts => Vec::new(),
    };
    from.read_exact(&mut preface).await?;
    loop {
        let piece = match container {
            Container::Flv => tag(&mut from).await?,
            Container::Ts => packet(&mut from).await?,
        };
        let mut into = into.lock().await;
        if let Some(carrier) = into.as_mut() {
            let mut sent = Ok(());
            if !std::mem::replace(&mut carrier.greeted, true) {
                sent = carrier.stdin.write_all(&preface).await;
            }
            if sent.is_err() || carrier.stdin.write_all(&piece).await.is_err() {
                // It has ended: what is encoded until there is another one is lost.
                *into = None;
            }
        }
        if container == Container::Flv && is_configuration(&piece) {
            preface.extend_from_slice(&piece);
        }
    }
}

/// A tag that says how to decode what follows.
fn is_configuration(tag: &[u8]) -> bool {
    // Of video in H.264, and of sound in AAC: the second byte of the body is zero.
    matches!(tag.first(), Some(8 | 9)) && tag.get(FLV_TAG_HEADER_BYTES + 1) == Some(&0)
}

async fn tag(from: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>> {
    let mut tag = vec![0; FLV_TAG_HEADER_BYTES];
    from.read_exact(&mut tag).await?;
    let length = u32::from_be_bytes([0, tag[1], tag[2], tag[3]]) as usize;
    tag.resize(FLV_TAG_HEADER_BYTES + length + FLV_TRAILER_BYTES, 0);
    from.read_exact(&mut tag[FLV_TAG_HEADER_BYTES..]).await?;
    Ok(tag)
}

async fn packet(from: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>> {
    let mut packet = vec![0; TS_PACKET_BYTES];
    from.read_exact(&mut packet).await?;
    Ok(packet)
}
