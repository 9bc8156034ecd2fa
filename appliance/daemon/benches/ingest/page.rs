//! The page: `docs/benchmarks/ingest.md`.

use std::fmt::Write as _;

use super::taker::Who;
use super::{Asked, Decoded, FILM_SECONDS, LOOPS, Pace, Results, STREAMS, Turn};

/// What the project promises of a packet.
const LATENCY_P95_MAX_MS: f64 = 5.0;
/// What it promises of pictures of four sources on two cores.
const AGE_P99_MAX_MS: f64 = 100.0;

pub(crate) fn page(results: &Results, asked: &Asked) -> String {
    let mut page = head(results, asked);
    for (pace, title) in [(Pace::RealTime, "in real time"), (Pace::Fast, "as fast as it goes")] {
        let [alone, theirs, handing] = [Who::Alone, Who::Nginx, Who::HandingOver]
            .map(|who| per_megabyte(results, (who, pace)));
        let ratio = |ours: &[f64]| median(ours) / median(&theirs);
        let verdict = if ratio(&alone) <= 1.0 { "kept" } else { "**not kept**" };
        let _ = writeln!(
            page,
            "| {title} | {} | {} | {:.2}: {verdict} | {} | {:.2} |",
            range(&alone),
            range(&theirs),
            ratio(&alone),
            range(&handing),
            ratio(&handing),
        );
    }
    page.push_str(&tail(results));
    page
}

fn head(results: &Results, asked: &Asked) -> String {
    let rate = results.film_bytes as f64 * 8.0 / 1e6 / FILM_SECONDS as f64;
    let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = processor
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown", |name| name.trim_start_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "# Ingest, beside nginx\n\n\
         Made by `scripts/bench-ingest --rounds {}` at commit `{}`, `dev` profile, on {cores} cores \
         of {} ({processor}). Load average {} before and {} after: what else ran hit both sides \
         alike, so the ratios mean more than the milliseconds.\n\n\
         ## CPU per ingested megabyte over RTMP, in ms\n\
         | {STREAMS} streams of 720p25 at {rate:.1} Mb/s with sound | ingest alone | nginx-rtmp | \
         alone / nginx: promised at most 1 | with hand-over | with hand-over / nginx |\n\
         |---|---|---|---|---|---|\n",
        asked.rounds,
        asked.commit,
        std::env::consts::ARCH,
        results.load[0],
        results.load[1],
    )
}

fn tail(results: &Results) -> String {
    let [one, all] = &results.decoded;
    let verdict = |is_kept: bool| if is_kept { "kept" } else { "**not kept**" };
    format!(
        "\nMedian of the rounds, and the least and the most. ffmpeg sends a prepared FLV file \
         without encoding (`-c copy`): in real time (`-re`) once, each message by itself, as \
         encoders do; as fast as it goes {LOOPS} times in a row. CPU is user and system time of \
         the taking process by `/proc/PID/stat`, from before the publishers to after them; a \
         megabyte is 10⁶ bytes of the FLV file. Both take turns, and at being first as well.\n\n\
         *Ingest alone* is a process with the box's own RTMP shells on two tokio threads: sockets, \
         sessions, demuxers and feeders. Nobody receives behind the links, so the feeders drop: \
         that is what nginx does when nobody watches. *With hand-over*, two threads a source stand \
         where decoder and recorder stand on a box, receive everything and drop it; nothing was \
         lost on a link. The difference is the price of waking two threads for each message. \
         *nginx* is {}, one process, `live on`, `record off`, nobody watching.\n\n\
         ## Packet to decoded picture\n\
         720p25 without B-frames, in real time through the RTMP shell and \
         `pipeline::source::decode` (libav, one thread): from the arrival of an access unit's last byte to its \
         picture in the hands of the thread that waits for it. Nobody looks at the pictures.\n\n\
         | publishers | pictures | p50 | p95 | p99 | most | superseded | dropped | promised |\n\
         |---|---|---|---|---|---|---|---|---|\n\
         | 1 | {} | p95 at most {LATENCY_P95_MAX_MS:.0} ms: {} |\n\
         | {STREAMS} | {} | p99 at most {AGE_P99_MAX_MS:.0} ms, the rest shed and counted: {} |\n\n\
         *Superseded*: a newer picture of the source took its place before the thread had it. \
         *Dropped*: access units that a link did not take. Where the load average is above the \
         number of cores, most of the time is waiting for a processor.\n",
        results.nginx,
        row(one),
        verdict(share(&one.latencies, 0.95) <= LATENCY_P95_MAX_MS),
        row(all),
        verdict(share(&all.latencies, 0.99) <= AGE_P99_MAX_MS),
    )
}

/// The cells of one run.
fn row(decoded: &Decoded) -> String {
    let Decoded { latencies, superseded, dropped } = decoded;
    let [p50, p95, p99, most] = [0.5, 0.95, 0.99, 1.0].map(|at| share(latencies, at));
    let count = latencies.len();
    format!(
        "{count} | {p50:.1} ms | {p95:.1} ms | {p99:.1} ms | {most:.1} ms | {superseded} | {dropped}"
    )
}

/// The value that this share of them does not exceed.
fn share(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((share * last as f64).round() as usize).copied().unwrap_or(f64::NAN)
}

/// Of every round, in ms, sorted.
fn per_megabyte(results: &Results, (who, pace): (Who, Pace)) -> Vec<f64> {
    let of = |turn: &&Turn| turn.who == who && turn.pace == pace;
    let cost = |turn: &Turn| turn.cpu_seconds * 1_000.0 / turn.megabytes;
    let mut all: Vec<f64> = results.turns.iter().filter(of).map(cost).collect();
    all.sort_by(f64::total_cmp);
    all
}

fn median(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

fn range(sorted: &[f64]) -> String {
    let (least, most) = (sorted.first().unwrap_or(&0.0), sorted.last().unwrap_or(&0.0));
    format!("{:.2} ({least:.2} to {most:.2})", median(sorted))
}
