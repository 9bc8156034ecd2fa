//! What each stage does and loses, as numbers that anybody may read at any time.
//!
//! Owns the counters and the beats; the stages write, the daemon's watchdog and telemetry read.
//! Decides only one thing: whether a stage is stuck.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub fn count(&self) {
        self.add(1);
    }

    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The number now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counters of one source.
#[derive(Debug, Default)]
pub struct SourceCounters {
    /// Video access units that arrived.
    pub units_video: Counter,
    /// Audio access units that arrived.
    pub units_audio: Counter,
    /// Bytes of access units that arrived.
    pub bytes: Counter,
    /// Access units that did not reach the decoder.
    pub units_dropped: Counter,
    /// Access units that did not reach the recorder.
    pub packets_dropped: Counter,
    /// Pictures decoded.
    pub frames_decoded: Counter,
    /// Access units that the decoder refused.
    pub frames_corrupt: Counter,
    /// Decoders that could not go on, and were replaced.
    pub decoders_failed: Counter,
    /// Pictures that a device captured.
    pub frames_captured: Counter,
    /// Pictures that it should have captured, or that found no free buffer.
    pub frames_lost: Counter,
    /// Captured pictures that are not in the recording.
    pub pictures_dropped: Counter,
    /// Pictures of the slate in the recording.
    pub slates: Counter,
    /// Pictures that were analysed.
    pub frames_analysed: Counter,
    /// Blocks of 100 ms of sound that the hearing stage had no room for.
    pub sounds_dropped: Counter,
    /// What was heard in 100 ms, and the director had no room for.
    pub signals_dropped: Counter,
    /// Pictures in which people were looked for.
    pub players_looks: Counter,
    /// What was seen in them, and a newer one replaced before anybody took it.
    pub players_superseded: Counter,
    /// New epochs of the source's timeline.
    pub epochs: Counter,
    /// Publishers that connected.
    pub publishers: Counter,
    /// What their streams lacked when they came.
    pub stream: StreamCounters,
}

/// What was missing or wrong in one source's streams before anything was decoded.
#[derive(Debug, Default)]
pub struct StreamCounters {
    /// Places where a part of the container is missing or damaged.
    pub gaps: Counter,
    /// Access units and tags that were damaged.
    pub malformed: Counter,
    /// Access units before a configuration or a keyframe: of no use to a decoder.
    pub early: Counter,
    /// Sound far from the pictures.
    pub astray: Counter,
    /// Decoding times that went back and were held.
    pub repaired: Counter,
    /// Jumps of the times, and cuts that the container told.
    pub jumps: Counter,
    /// Segments of a pulled stream that never came.
    pub segments_missed: Counter,
    /// Requests of a pulled stream that brought nothing of use; most are asked again.
    pub requests_failed: Counter,
}

/// What the network did to one source's stream, where its protocol tells.
#[derive(Debug, Default)]
pub struct NetworkCounters {
    /// Packets that came.
    pub packets: Counter,
    /// Packets that were missing when a later one came.
    pub lost: Counter,
    /// Those of them that came when they were sent again.
    pub sent_again: Counter,
    /// Those that never came in time, or could not be decrypted: holes in the stream.
    pub given_up: Counter,
    /// Between a packet and the other end's word that it came, the last time, in microseconds.
    pub round_trip_us: AtomicU64,
}

/// Whether a stage moves. A stage is stuck when it is inside one piece of work, or has work
/// waiting, and has not finished any since the last look.
#[derive(Debug, Default)]
pub struct Beat {
    entered: AtomicU64,
    left: AtomicU64,
}

impl Beat {
    /// Marks the start of one piece of work; its end is when the guard is dropped.
    pub fn work(self: &Arc<Self>) -> Work {
        self.entered.fetch_add(1, Ordering::Relaxed);
        Work(Arc::clone(self))
    }

    /// Pieces of work finished.
    pub fn finished(&self) -> u64 {
        self.left.load(Ordering::Relaxed)
    }

    /// A piece of work is under way.
    pub fn is_busy(&self) -> bool {
        self.entered.load(Ordering::Relaxed) > self.left.load(Ordering::Relaxed)
    }
}

/// One piece of work under way.
pub struct Work(Arc<Beat>);

impl Drop for Work {
    fn drop(&mut self) {
        self.0.left.fetch_add(1, Ordering::Relaxed);
    }
}

/// Compares a stage's beat with the last look.
pub struct Watch {
    /// The stage's name, for the message when it is stuck.
    pub name: String,
    beat: Arc<Beat>,
    backlog: Box<dyn Fn() -> bool + Send>,
    seen: u64,
}

impl Watch {
    /// Watches a stage; `backlog` tells whether work waits for it.
    pub fn new(name: String, beat: Arc<Beat>, backlog: Box<dyn Fn() -> bool + Send>) -> Self {
        Self { name, beat, backlog, seen: 0 }
    }

    /// Whether the stage has moved since the last call, or has nothing to do.
    pub fn moves(&mut self) -> bool {
        let finished = self.beat.finished();
        let moved = finished != self.seen;
        self.seen = finished;
        moved || !(self.beat.is_busy() || (self.backlog)())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    #[test]
    fn a_stage_is_stuck_only_when_it_has_work_and_finishes_none() {
        let beat = Arc::new(Beat::default());
        let waiting = Arc::new(AtomicBool::new(false));
        let backlog = {
            let waiting = Arc::clone(&waiting);
            Box::new(move || waiting.load(Ordering::Relaxed))
        };
        let mut watch = Watch::new("decode".to_owned(), Arc::clone(&beat), backlog);
        assert!(watch.moves(), "idle is not stuck");
        waiting.store(true, Ordering::Relaxed);
        assert!(!watch.moves(), "work waits and nothing is done");
        drop(beat.work());
        assert!(watch.moves());
        waiting.store(false, Ordering::Relaxed);
        let inside = beat.work();
        assert!(!watch.moves(), "inside one piece of work for a whole interval");
        drop(inside);
        assert!(watch.moves());
    }
}
