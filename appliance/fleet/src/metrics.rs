//! What the receiver counts, in the text format of Prometheus.
//!
//! Owns: the counters and how they are written. Must not: decide anything; nobody reads them in
//! here. [`serve`] answers `GET /metrics`.

pub(crate) mod serve;

use std::fmt::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use mqtt::Incoming;

use crate::desk::Outcome;
use crate::letters::Reason;

const PREFIX: &str = "courtside_receiver";
/// Upper ends of the histogram of commits, in milliseconds.
const BUCKETS_MS: [u64; 11] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 5_000];

/// Which desk counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    Messages,
    Files,
}

impl Which {
    const ALL: [Self; 2] = [Self::Messages, Self::Files];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Files => "files",
        }
    }
}

/// Every counter of one receiver. They begin at zero with the process.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    desks: [Desk; 2],
    events: AtomicU64,
    duplicates: AtomicU64,
    conflicts: AtomicU64,
    holes: AtomicU64,
    letters: [AtomicU64; Reason::ALL.len()],
    letters_dropped: AtomicU64,
    clips: AtomicU64,
    clip_bytes: AtomicU64,
    links: AtomicU64,
    bucket_errors: AtomicU64,
}

#[derive(Debug, Default)]
struct Desk {
    messages: AtomicU64,
    payload_bytes: AtomicU64,
    replies: AtomicU64,
    refusals: AtomicU64,
    connections: AtomicU64,
    /// 1 while the connection is up.
    connected: AtomicU64,
    commits: Histogram,
}

/// How long the commits took.
#[derive(Debug, Default)]
struct Histogram {
    /// Of each bucket alone; the last one has no upper end.
    buckets: [AtomicU64; BUCKETS_MS.len() + 1],
    micros: AtomicU64,
}

impl Metrics {
    /// A batch is durable, after so long.
    pub(crate) fn take(
        &self,
        which: Which,
        (batch, took): (&[Incoming], Duration),
        outcome: &Outcome,
    ) {
        let desk = self.desk(which);
        let bytes: usize = batch.iter().map(|message| message.payload().len()).sum();
        desk.messages.fetch_add(batch.len() as u64, Relaxed);
        desk.payload_bytes.fetch_add(bytes as u64, Relaxed);
        desk.replies.fetch_add(outcome.replies.len() as u64, Relaxed);
        desk.commits.take(took);
        let tally = &outcome.tally;
        self.events.fetch_add(tally.events, Relaxed);
        self.duplicates.fetch_add(tally.duplicates, Relaxed);
        self.conflicts.fetch_add(tally.conflicts, Relaxed);
        self.holes.fetch_add(tally.holes, Relaxed);
        self.letters_dropped.fetch_add(tally.letters_dropped, Relaxed);
        self.clips.fetch_add(tally.clips, Relaxed);
        self.clip_bytes.fetch_add(tally.clip_bytes, Relaxed);
        self.links.fetch_add(tally.links, Relaxed);
        self.bucket_errors.fetch_add(tally.bucket_errors, Relaxed);
        for (reason, counter) in Reason::ALL.iter().zip(&self.letters) {
            counter.fetch_add(tally.letters.get(reason).copied().unwrap_or_default(), Relaxed);
        }
    }

    /// A batch could not be stored.
    pub(crate) fn refuse(&self, which: Which) {
        self.desk(which).refusals.fetch_add(1, Relaxed);
    }

    /// The connection to the broker came up.
    pub(crate) fn connect(&self, which: Which) {
        self.desk(which).connections.fetch_add(1, Relaxed);
        self.desk(which).connected.fetch_add(1, Relaxed);
    }

    /// One that was up is down.
    pub(crate) fn disconnect(&self, which: Which) {
        self.desk(which).connected.fetch_sub(1, Relaxed);
    }

    const fn desk(&self, which: Which) -> &Desk {
        match which {
            Which::Messages => &self.desks[0],
            Which::Files => &self.desks[1],
        }
    }

    /// All of it, in the text format of Prometheus, version 0.0.4.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text).expect("a String takes everything");
        text
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        self.write_desks(out)?;
        write_commits(out, Which::ALL.map(|which| (which, &self.desk(which).commits)))?;
        type Row<'a> = (&'a str, &'a str, &'a AtomicU64);
        let rows: [Row<'_>; 9] = [
            ("events_total", "Messages of boxes stored, each once.", &self.events),
            ("duplicates_total", "Messages that were stored already.", &self.duplicates),
            ("conflicts_total", "Other contents under a number that is taken.", &self.conflicts),
            ("holes_total", "Ranges of messages that a box cannot supply any more.", &self.holes),
            (
                "dead_letters_dropped_total",
                "Dead letters that had to go for newer ones.",
                &self.letters_dropped,
            ),
            ("clips_total", "Clips stored whole and verified.", &self.clips),
            ("clip_bytes_total", "Their bytes.", &self.clip_bytes),
            ("links_total", "Links given to boxes, each for one part of a clip.", &self.links),
            (
                "bucket_errors_total",
                "Times that the bucket could not be reached or refused; the boxes ask again.",
                &self.bucket_errors,
            ),
        ];
        for (name, help, counter) in rows {
            header(out, (name, "counter"), help)?;
            writeln!(out, "{PREFIX}_{name} {}", counter.load(Relaxed))?;
        }
        let name = "dead_letters_total";
        header(out, (name, "counter"), "Messages that could not be read.")?;
        for (reason, counter) in Reason::ALL.iter().zip(&self.letters) {
            let reason = reason.as_str();
            writeln!(out, "{PREFIX}_{name}{{reason=\"{reason}\"}} {}", counter.load(Relaxed))?;
        }
        Ok(())
    }

    fn write_desks(&self, out: &mut String) -> fmt::Result {
        type Row<'a> = (&'a str, &'a str, &'a str, fn(&Desk) -> &AtomicU64);
        let rows: [Row<'_>; 6] = [
            (
                "messages_total",
                "counter",
                "Messages that became durable or were answered, with those that came again.",
                |desk| &desk.messages,
            ),
            ("payload_bytes_total", "counter", "Bytes of their payloads.", |desk| {
                &desk.payload_bytes
            }),
            ("replies_total", "counter", "Acknowledgements and file responses to boxes.", |desk| {
                &desk.replies
            }),
            (
                "commit_errors_total",
                "counter",
                "Batches that could not be stored and are tried again.",
                |desk| &desk.refusals,
            ),
            ("connections_total", "counter", "Connections to the broker that came up.", |desk| {
                &desk.connections
            }),
            (
                "connected",
                "gauge",
                "Connections to the broker that are up; those of files as many as clip_desks.",
                |desk| &desk.connected,
            ),
        ];
        for (name, kind, help, counter) in rows {
            header(out, (name, kind), help)?;
            for which in Which::ALL {
                let value = counter(self.desk(which)).load(Relaxed);
                writeln!(out, "{PREFIX}_{name}{{desk=\"{}\"}} {value}", which.as_str())?;
            }
        }
        Ok(())
    }
}

impl Histogram {
    fn take(&self, took: Duration) {
        let ms = took.as_millis() as u64;
        // An upper end belongs to its bucket; whole milliseconds below it do for certain.
        let at = BUCKETS_MS.iter().position(|end| ms < *end).unwrap_or(BUCKETS_MS.len());
        self.buckets[at].fetch_add(1, Relaxed);
        self.micros.fetch_add(took.as_micros() as u64, Relaxed);
    }
}

fn header(out: &mut String, (name, kind): (&str, &str), help: &str) -> fmt::Result {
    writeln!(out, "# HELP {PREFIX}_{name} {help}\n# TYPE {PREFIX}_{name} {kind}")
}

fn write_commits(out: &mut String, desks: [(Which, &Histogram); 2]) -> fmt::Result {
    let name = "commit_seconds";
    header(out, (name, "histogram"), "How long a batch took from its first message to durable.")?;
    for (which, histogram) in desks {
        let desk = which.as_str();
        let mut below = 0;
        for (bucket, end) in histogram.buckets.iter().zip(BUCKETS_MS) {
            below += bucket.load(Relaxed);
            let end = end as f64 / 1_000.0;
            writeln!(out, "{PREFIX}_{name}_bucket{{desk=\"{desk}\",le=\"{end}\"}} {below}")?;
        }
        below += histogram.buckets[BUCKETS_MS.len()].load(Relaxed);
        writeln!(out, "{PREFIX}_{name}_bucket{{desk=\"{desk}\",le=\"+Inf\"}} {below}")?;
        let seconds = histogram.micros.load(Relaxed) as f64 / 1e6;
        writeln!(out, "{PREFIX}_{name}_sum{{desk=\"{desk}\"}} {seconds}")?;
        writeln!(out, "{PREFIX}_{name}_count{{desk=\"{desk}\"}} {below}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histogram_adds_up_and_names_its_ends_in_seconds() {
        let metrics = Metrics::default();
        for ms in [0, 3, 3, 9_000] {
            metrics.take(Which::Files, (&[], Duration::from_millis(ms)), &Outcome::default());
        }
        let text = metrics.text();
        let expected = [
            "_bucket{desk=\"files\",le=\"0.001\"} 1\n",
            "_bucket{desk=\"files\",le=\"0.005\"} 3\n",
            "_bucket{desk=\"files\",le=\"5\"} 3\n",
            "_bucket{desk=\"files\",le=\"+Inf\"} 4\n",
            "_sum{desk=\"files\"} 9.006\n",
            "_count{desk=\"files\"} 4\n",
        ];
        for line in expected {
            assert!(text.contains(line), "{line} is not in:\n{text}");
        }
    }

    #[test]
    fn every_sample_has_its_help_and_type_before_it() {
        let text = Metrics::default().text();
        let mut typed = None;
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                typed = rest.split(' ').next();
            } else if !line.starts_with('#') {
                let name = typed.expect("a type first");
                assert!(line.starts_with(name), "{line} under {name}");
                let (_, value) = line.rsplit_once(' ').expect("a value");
                assert_eq!(value.parse(), Ok(0.0), "{line}");
            }
        }
    }
}
