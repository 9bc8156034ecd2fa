//! The fault matrix: every kind of source × everything that happens to cameras, encoders and networks.
//!
//! One box takes one source of each kind, and one more beside them that nothing happens to. The kinds run
//! side by side, each through its own column of the table. Of every cell is asked: pictures are back
//! within [`BACK_MAX`] of the fault's end, what was lost is counted where [`Cell::counted`] says, the box's
//! memory stays bounded, and the source beside it has not lost a frame. `COURTSIDE_FAULT_GAP_S=30` makes
//! the gaps of the network as long as the promise speaks of; here they are [`GAP`] long.
#![forbid(unsafe_code)]

#[path = "faults/column.rs"]
mod column;
#[path = "faults/folder.rs"]
mod folder;

use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::camera;
use e2e::clock::until;
use e2e::observer::Observer;
use e2e::peer::{Peer, Program, Way, encoding, ffmpeg, signal};
use e2e::relay::{BoxIs, Relay};
use e2e::venue::{DEVICE, Venue};
use e2e::vitals::Vitals;
use e2e::web::Web;
use serde_json::Value;
use tokio::process::Child;

use column::{Column, gap};

/// Pictures are back so soon after a fault has ended.
const BACK_MAX: Duration = Duration::from_secs(5);
/// A machine that is shared by several builds takes this for what a cell waits for.
const PATIENCE: Duration = Duration::from_secs(40);
/// Silence of the network, and of a frozen peer: longer than the box waits for a publisher here.
const GAP: Duration = Duration::from_secs(4);
/// A publisher that sends nothing for so long is dropped.
const IDLE_S: u32 = 2;
/// What may be measured of a clock that is the box's own, on a busy machine.
const DRIFT_PPM_MAX: f64 = 20.0;
/// Messages of counters after which every source has been up: half a minute.
const WARM_AFTER: usize = 15;
/// Memory that the whole table may cost, beside what the box has once every source has been up.
const MEMORY_BYTES_MAX: u64 = 96 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Rtmp,
    Srt,
    Hls,
    Rtsp,
    Watch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    PeerKilled,
    PeerFrozen,
    Garbage,
    NetworkGap,
    JumpAhead,
    JumpBack,
    Resolution,
    SampleRate,
    ReconnectStorm,
}

/// What one kind makes of one fault.
enum Cell {
    /// Tried. The names of counters of which at least one must have grown: what was lost is told. None,
    /// where nothing may be lost.
    Tried(&'static [&'static str]),
    /// There is no such thing, because:
    None(&'static str),
}

const FAULTS: [Fault; 9] = [
    Fault::PeerKilled,
    Fault::PeerFrozen,
    Fault::Garbage,
    Fault::NetworkGap,
    Fault::JumpAhead,
    Fault::JumpBack,
    Fault::Resolution,
    Fault::SampleRate,
    Fault::ReconnectStorm,
];

/// A publisher that comes again, and the epoch with which it begins.
const AGAIN: &[&str] = &["publishers_total", "epochs_total"];
/// Damage, wherever it is noticed.
const DAMAGE: &[&str] = &[
    "stream.gaps_total",
    "stream.malformed_dropped_total",
    "stream.segments_missed_total",
    "stream.requests_failed_total",
    "frames_corrupt_total",
    "publishers_total",
];
/// The same in a file, each of which counts as a publisher.
const FILE_DAMAGE: &[&str] = &["frames_corrupt_total", "stream.gaps_total"];
const EPOCH: &[&str] = &["epochs_total"];
const NUMBERS: &[&str] = &["stream.gaps_total"];
/// What an outage takes that is longer than the playlist: segments, or the stream as a whole.
const OUTLASTED: &[&str] = &["stream.segments_missed_total", "publishers_total"];
/// What a playlist holds beside the three segments that are played.
const PLAYLIST: Duration = Duration::from_secs(5);

/// The table.
fn cell(kind: Kind, fault: Fault) -> Cell {
    use Cell::Tried;
    match (kind, fault) {
        (Kind::Rtmp | Kind::Srt, Fault::PeerKilled | Fault::PeerFrozen | Fault::ReconnectStorm) => {
            Tried(AGAIN)
        }
        (Kind::Rtmp | Kind::Srt | Kind::Hls, Fault::Garbage) => Tried(DAMAGE),
        (Kind::Watch, Fault::Garbage) => Tried(FILE_DAMAGE),
        (Kind::Rtmp | Kind::Srt, Fault::NetworkGap) => Tried(AGAIN),
        // An outage shorter than the playlist costs no picture.
        (Kind::Hls, Fault::PeerFrozen | Fault::NetworkGap | Fault::ReconnectStorm) => {
            if gap() < PLAYLIST { Tried(&[]) } else { Tried(OUTLASTED) }
        }
        // The next packager goes on in the same list, behind a discontinuity.
        (Kind::Hls, Fault::PeerKilled) => Tried(EPOCH),
        (Kind::Rtmp | Kind::Srt | Kind::Hls, Fault::JumpAhead | Fault::JumpBack) => Tried(EPOCH),
        // Nothing is lost but what the encoder itself did not send; where packets are numbered, the
        // next encoder begins with another number.
        (Kind::Rtmp, Fault::Resolution | Fault::SampleRate) => Tried(&[]),
        (Kind::Srt, Fault::Resolution | Fault::SampleRate) => Tried(NUMBERS),
        (Kind::Hls, Fault::Resolution | Fault::SampleRate) => Tried(EPOCH),
        // Half a copy is a file that ends early.
        (Kind::Watch, Fault::PeerKilled | Fault::Resolution | Fault::SampleRate) => Tried(&[]),
        (Kind::Watch, Fault::JumpAhead | Fault::JumpBack) => Tried(EPOCH),
        (Kind::Watch, Fault::PeerFrozen) => {
            Cell::None("a copy that stands still is taken as it is: a file has no other end")
        }
        // Whatever happens to a camera, the next call is another session, with times of its own.
        (
            Kind::Rtsp,
            Fault::PeerKilled
            | Fault::PeerFrozen
            | Fault::NetworkGap
            | Fault::ReconnectStorm
            | Fault::Resolution
            | Fault::SampleRate,
        ) => Tried(AGAIN),
        (Kind::Rtsp, Fault::Garbage) => Tried(DAMAGE),
        (Kind::Rtsp, Fault::JumpAhead | Fault::JumpBack) => Cell::None(
            "GStreamer's server begins each session at a time of its own, and never leaps",
        ),
        (Kind::Watch, Fault::NetworkGap) => Cell::None("a folder has no network of its own"),
        (Kind::Watch, Fault::ReconnectStorm) => Cell::None("nobody connects with a folder"),
    }
}

/// What came of a cell.
struct Row {
    kind: Kind,
    fault: Fault,
    outcome: Result<String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn every_source_comes_back_after_every_fault_and_harms_no_other() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (served, inbox) = (folder.path().join("served"), folder.path().join("inbox"));
    std::fs::create_dir(&served)?;
    std::fs::create_dir(&inbox)?;
    let web = Web::open(&served).await?;
    let (rtmp, srt) = (free_tcp_port()?, UdpSocket::bind(("127.0.0.1", 0))?.local_addr()?.port());
    let to_rtmp = Relay::tcp(rtmp, BoxIs::Called).await?;
    let to_srt = Relay::udp(srt).await?;
    let to_web = Relay::tcp(web.port(), BoxIs::Calling).await?;
    let camera = free_tcp_port()?;
    let to_camera = Relay::tcp(camera, BoxIs::Calling).await?;
    let sources = sources([rtmp, srt, to_web.port(), to_camera.port()]);
    let mut venue = Venue::open_with(folder.path(), &[], &sources).await?;
    let vitals = Vitals::listen(Observer::subscribe(venue.broker_port()).await?);
    let mut beside = beside(&venue, folder.path())?;

    let log = folder.path().join("peers.log");
    let rtmp_url = format!("rtmp://127.0.0.1:{}/live/matrix", to_rtmp.port());
    let srt_url = format!("srt://127.0.0.1:{}?streamid=matrix", to_srt.port());
    let column = async |kind, way, relay| {
        let peer = Peer::start(way, Program::default(), &log).await?;
        Column::new((kind, peer), relay, &vitals).run().await
    };
    let by_rtsp = async {
        if !camera::is_there() {
            return Ok(Vec::new());
        }
        column(Kind::Rtsp, Way::Rtsp(camera), &to_camera).await
    };
    let (by_rtmp, by_srt, by_hls, by_rtsp, by_watch) = tokio::join!(
        column(Kind::Rtmp, Way::Rtmp(rtmp_url), &to_rtmp),
        column(Kind::Srt, Way::Srt(srt_url), &to_srt),
        column(Kind::Hls, Way::Hls(served.clone()), &to_web),
        by_rtsp,
        folder::run((&inbox, &log), &vitals),
    );

    let (tried, failed) = show([by_rtmp, by_srt, by_hls, by_rtsp, by_watch]);
    let peak = vitals.memory_peak();
    println!("memory: {} MiB at most", peak >> 20);
    let others = judge_beside(&mut beside, (&vitals, folder.path())).await;
    if failed > 0 || others.is_err() {
        println!("{}\n{}", tail(&log), venue.appliance_log()?);
    }
    println!("beside them: {}", others?);
    ensure!(failed == 0, "{failed} cells failed");
    let kinds = if camera::is_there() { 5 } else { 4 };
    ensure!(tried == kinds * FAULTS.len(), "{tried} cells");
    let grown = peak.saturating_sub(vitals.memory_at(WARM_AFTER));
    ensure!(grown < MEMORY_BYTES_MAX, "memory grew by {} MiB", grown >> 20);
    venue.close().await
}

/// Prints the table; returns how many cells it has, and how many failed.
fn show(columns: [Result<Vec<Row>>; 5]) -> (usize, usize) {
    let (mut tried, mut failed) = (0, 0);
    for column in columns {
        let rows = match column {
            Ok(rows) => rows,
            Err(error) => {
                println!("FAILED: {error:#}");
                failed += 1;
                continue;
            }
        };
        for Row { kind, fault, outcome } in rows {
            let (kind, fault) = (format!("{kind:?}"), format!("{fault:?}"));
            tried += 1;
            match outcome {
                Ok(text) => println!("{kind:<6} {fault:<15} {text}"),
                Err(error) => {
                    println!("{kind:<6} {fault:<15} FAILED: {error:#}");
                    failed += 1;
                }
            }
        }
    }
    (tried, failed)
}

/// One source of each kind.
fn sources([rtmp, srt, web, camera]: [u16; 4]) -> String {
    format!(
        "[[source]]\nname = \"rtmp\"\nkind = \"rtmp\"\nsport = \"basketball\"\napp = \"live\"\n\
         key = \"matrix\"\nlisten = \"127.0.0.1:{rtmp}\"\nidle_timeout_s = {IDLE_S}\n\
         [[source]]\nname = \"srt\"\nkind = \"srt\"\nsport = \"basketball\"\nstream = \"matrix\"\n\
         listen = \"127.0.0.1:{srt}\"\nidle_timeout_s = {IDLE_S}\n\
         [[source]]\nname = \"hls\"\nkind = \"hls\"\nsport = \"basketball\"\n\
         url = \"http://127.0.0.1:{web}/live.m3u8\"\n\
         [[source]]\nname = \"rtsp\"\nkind = \"rtsp\"\nsport = \"basketball\"\n\
         url = \"rtsp://127.0.0.1:{camera}/h264\"\nidle_timeout_s = {IDLE_S}\n\
         [[source]]\nname = \"watch\"\nkind = \"watch\"\nsport = \"basketball\"\n\
         folder = \"inbox\"\n"
    )
}

/// The source beside them: ffmpeg as an RTMP client, which counts the pictures that it sends.
fn beside(venue: &Venue, folder: &Path) -> Result<Child> {
    let mut command = ffmpeg(&folder.join("beside.log"))?;
    command.args(encoding(Program::default())).args(["-f", "flv", "-progress"]);
    command.arg(folder.join("beside.progress")).arg(venue.rtmp_url());
    command.spawn().context("ffmpeg is missing; run scripts/setup test")
}

/// Whether the source beside them has lost anything at all, to its last picture.
async fn judge_beside(beside: &mut Child, (vitals, folder): (&Vitals, &Path)) -> Result<String> {
    let id = beside.id().context("the source beside them has ended")?;
    // It ends its stream, and says how many pictures there were.
    signal("INT", id).await?;
    tokio::time::timeout(PATIENCE, beside.wait()).await.context("ffmpeg does not end")??;
    let progress = std::fs::read_to_string(folder.join("beside.progress"))?;
    let sent = progress.lines().rev().find_map(|line| line.strip_prefix("frame="));
    let sent: u64 = sent.context("ffmpeg does not say what it sent")?.trim().parse()?;
    let mut last = Value::Null;
    let arrived = until(PATIENCE, "the last picture of the source beside them", async || {
        last = vitals.next().await?.json["sources"][DEVICE].clone();
        Ok((counter(&last, "frames_decoded_total") >= sent).then_some(()))
    })
    .await;
    arrived.with_context(|| format!("{sent} pictures were sent: {last}"))?;
    for (name, expected) in [
        ("units_video_total", sent),
        ("frames_decoded_total", sent),
        ("frames_corrupt_total", 0),
        ("units_dropped_total", 0),
        ("packets_dropped_total", 0),
        ("epochs_total", 0),
        ("publishers_total", 1),
    ] {
        ensure!(counter(&last, name) == expected, "{name} is not {expected}: {last}");
    }
    // Its times come from this machine's clock, as the box's do.
    let clock = vitals.timeline(DEVICE).context("nothing was told of its clock")?;
    let ppm = |key: &str| clock[key].as_f64().map(|ppb| ppb / 1_000.0);
    let (drift, error) = ppm("drift_ppb")
        .zip(ppm("drift_error_ppb"))
        .with_context(|| format!("its clock was not measured: {clock}"))?;
    ensure!(drift.abs() <= DRIFT_PPM_MAX + error, "{clock}");
    ensure!(clock["state"] == "measured" && clock["epoch"] == 0, "{clock}");
    let paced = vitals.timeline("hls").context("nothing was told of the clock of HLS")?;
    ensure!(paced["state"] == "paced" && paced["drift_ppb"].is_null(), "{paced}");
    Ok(format!(
        "{sent} pictures sent, {sent} decoded, none lost; its clock {drift:+.1} ± {error:.1} ppm"
    ))
}

/// A counter of a source; `a.b` is `b` of its object `a`.
fn counter(source: &Value, name: &str) -> u64 {
    let value = name.split('.').fold(source, |value, key| &value[key]);
    value.as_u64().unwrap_or_default()
}

/// A TCP port of 127.0.0.1 that is free now, chosen by the kernel.
fn free_tcp_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// What the peers complained of last.
fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}
