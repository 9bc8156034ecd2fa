//! `scripts/bench-ingest`: what taking RTMP costs the box and nginx's RTMP module, in turn, and how
//! long a packet takes to become a picture, as a page in Markdown.
//!
//! Owns the film, the publishers and the order of the turns. The box's half is [`server`], run as a
//! process of its own, so that its CPU is its own.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a failure here ends the measurement")]

mod page;
mod server;
mod taker;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use self::server::Report;
use self::taker::{Taker, Who};

/// Publishers at once.
const STREAMS: usize = 4;
/// The film is repeated so often when it is sent as fast as it goes, so that CPU is more than some
/// hundredths of a second, which is how the kernel counts it.
const LOOPS: usize = 10;
/// A turn in which something was dropped is repeated so often.
const TRIES_MAX: usize = 3;
const FILM_SECONDS: usize = 20;
const MEGABYTE: f64 = 1e6;

/// How the film is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// As an encoder sends it: a message at a time.
    RealTime,
    /// As fast as it goes.
    Fast,
}

/// What the script says.
struct Asked {
    rounds: usize,
    commit: String,
    output: PathBuf,
}

/// CPU of one turn.
struct Turn {
    who: Who,
    pace: Pace,
    cpu_seconds: f64,
    megabytes: f64,
}

/// What became of the pictures of publishers in real time.
struct Decoded {
    /// From the last byte of an access unit to its picture in somebody's hands, in ms, sorted.
    latencies: Vec<f64>,
    /// Pictures whose place a newer one took before that.
    superseded: u64,
    /// Access units, and packets for a recorder, that a link did not take.
    dropped: u64,
}

/// All of it.
struct Results {
    turns: Vec<Turn>,
    /// Pictures of one publisher, and of all at once.
    decoded: [Decoded; 2],
    film_bytes: u64,
    nginx: String,
    load: [String; 2],
}

fn main() {
    if let Some(ended) = server::as_child() {
        ended.unwrap();
        return;
    }
    let Some(asked) = asked() else {
        println!("ingest: SKIPPED, no page is named; scripts/bench-ingest does that");
        return;
    };
    let results = measure(&asked);
    let page = page::page(&results, &asked);
    std::fs::write(&asked.output, &page).unwrap();
    println!("{page}\nwritten to {}", asked.output.display());
}

/// `--rounds N --commit HASH --output FILE`; `None` without a page. cargo adds words of its own.
fn asked() -> Option<Asked> {
    let words: Vec<String> = std::env::args().collect();
    let after = |name: &str| {
        let at = words.iter().position(|word| word == name)?;
        words.get(at + 1).cloned()
    };
    Some(Asked {
        rounds: after("--rounds").and_then(|n| n.parse().ok()).unwrap_or(3),
        commit: after("--commit").unwrap_or_default(),
        output: after("--output")?.into(),
    })
}

fn measure(asked: &Asked) -> Results {
    let folder = tempfile::tempdir().unwrap();
    let film = film(folder.path());
    let before = load();
    let mut turns = Vec::new();
    for round in 0..asked.rounds {
        for pace in [Pace::Fast, Pace::RealTime] {
            // Whoever is second finds a warm file cache: they take turns at that too.
            let mut all = [Who::Alone, Who::Nginx, Who::HandingOver];
            all.rotate_left(round % 3);
            for who in all {
                turns.push(turn(folder.path(), &film, (who, pace)));
            }
        }
    }
    let decoded = [1, STREAMS].map(|streams| decode(folder.path(), &film, streams));
    Results {
        turns,
        decoded,
        film_bytes: film.metadata().unwrap().len(),
        nginx: taker::nginx_version(),
        load: [before, load()],
    }
}

/// 720p25 at 6 Mb/s without B-frames, with sound.
fn film(folder: &Path) -> PathBuf {
    let film = folder.join("film.flv");
    let input = format!(
        "-hide_banner -loglevel error -nostdin -f lavfi -i \
         testsrc2=size=1280x720:rate=25:duration={FILM_SECONDS},noise=alls=12:allf=t -f lavfi -i \
         sine=r=48000:duration={FILM_SECONDS} -pix_fmt yuv420p -c:v libx264 -preset veryfast -tune \
         zerolatency -bf 0 -g 50 -b:v 6M -maxrate 6M -bufsize 3M -c:a aac -b:a 128k -f flv"
    );
    let status = Command::new("ffmpeg").args(input.split_whitespace()).arg(&film).status().unwrap();
    assert!(status.success(), "ffmpeg ended with {status}");
    film
}

/// One turn; again where a busy machine made a link overflow, because less was done then.
fn turn(folder: &Path, film: &Path, (who, pace): (Who, Pace)) -> Turn {
    for _ in 0..TRIES_MAX {
        if let Some(turn) = try_turn(folder, film, (who, pace)) {
            return turn;
        }
        println!("{who:?} {pace:?}: units were dropped, which is not counted");
    }
    panic!("units were dropped {TRIES_MAX} times; measure on a machine with less to do");
}

fn try_turn(folder: &Path, film: &Path, (who, pace): (Who, Pace)) -> Option<Turn> {
    let taker = Taker::start(who, folder, STREAMS);
    let before = taker.cpu_seconds();
    let publishers: Vec<Child> =
        (0..STREAMS).map(|stream| publish(film, pace, &taker.url(stream))).collect();
    for mut publisher in publishers {
        let status = publisher.wait().unwrap();
        assert!(status.success(), "ffmpeg ended with {status}");
    }
    let cpu_seconds = taker.cpu_seconds() - before;
    let sent = film.metadata().unwrap().len() as f64 * loops(pace) as f64 * STREAMS as f64;
    let mut dropped = 0;
    taker.end(|report| dropped = report.dropped);
    match who {
        Who::Alone => assert!(dropped > 0, "somebody received"),
        Who::HandingOver | Who::Decoding if dropped > 0 => return None,
        Who::HandingOver | Who::Decoding | Who::Nginx => {}
    }
    println!("{who:?} {pace:?}: {cpu_seconds:.2} s of CPU for {:.0} MB", sent / MEGABYTE);
    Some(Turn { who, pace, cpu_seconds, megabytes: sent / MEGABYTE })
}

fn loops(pace: Pace) -> usize {
    match pace {
        Pace::RealTime => 1,
        Pace::Fast => LOOPS,
    }
}

fn publish(film: &Path, pace: Pace, url: &str) -> Child {
    let mut command = Command::new("ffmpeg");
    command.args("-hide_banner -loglevel error -nostdin".split(' '));
    match pace {
        Pace::RealTime => command.arg("-re"),
        Pace::Fast => command.args(["-stream_loop", &(LOOPS - 1).to_string()]),
    };
    command.arg("-i").arg(film).args("-c copy -f flv".split(' ')).arg(url);
    command.stdin(Stdio::null()).spawn().unwrap()
}

/// What the decode stages behind the RTMP shells make of publishers in real time.
fn decode(folder: &Path, film: &Path, streams: usize) -> Decoded {
    let taker = Taker::start(Who::Decoding, folder, streams);
    let publishers: Vec<Child> =
        (0..streams).map(|stream| publish(film, Pace::RealTime, &taker.url(stream))).collect();
    for mut publisher in publishers {
        assert!(publisher.wait().unwrap().success());
    }
    let mut decoded = Decoded { latencies: Vec::new(), superseded: 0, dropped: 0 };
    taker.end(|report| {
        let Report { dropped, superseded, latencies_ms: latencies } = report;
        decoded = Decoded { latencies, superseded, dropped };
    });
    decoded.latencies.sort_by(f64::total_cmp);
    decoded
}

fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}
