//! What of an HLS stream waits for its time, and how much more may.

use std::collections::VecDeque;

use ingest::access_unit::MediaItem;
use ingest::elementary::Output;
use ingest::renditions::Waiting;
use wire::time::MediaTime;

/// Frames of video and of sound that may wait for their time: 66 s at 25 frames a second, 44 s at 60.
/// What is behind them is asked for later.
const WAITING_MAX: usize = 4_800;
/// The same in bytes: ten seconds of the 40 Mb/s of a 2160p stream.
const WAITING_BYTES_MAX: usize = 50 << 20;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: VecDeque<Output>,
    bytes: usize,
}

impl Queue {
    pub(super) fn push(&mut self, output: Output) {
        self.bytes += bytes(&output);
        self.waiting.push_back(output);
    }

    pub(super) fn pop(&mut self) -> Option<Output> {
        let next = self.waiting.pop_front()?;
        self.bytes -= bytes(&next);
        Some(next)
    }

    /// Decoding times of what is next and of what is last; the inner one is `None` if what is next has
    /// no time.
    pub(super) fn times(&self) -> Option<Option<(MediaTime, MediaTime)>> {
        let next = decoded(self.waiting.front()?);
        let newest = self.waiting.back().and_then(decoded);
        Some(next.map(|next| (next, newest.unwrap_or(next))))
    }

    /// Whether more may come, if so much waits elsewhere.
    pub(super) fn has_room(&self, elsewhere: Waiting) -> bool {
        self.waiting.len() + elsewhere.entries < WAITING_MAX
            && self.bytes + elsewhere.bytes < WAITING_BYTES_MAX
    }
}

fn bytes(output: &Output) -> usize {
    match output {
        Output::Item(MediaItem::Unit(unit)) => unit.data.len(),
        Output::Item(MediaItem::Video(_) | MediaItem::Audio(_)) | Output::Discontinuity => 0,
    }
}

/// When an access unit is decoded; the rest has no time.
fn decoded(output: &Output) -> Option<MediaTime> {
    match output {
        Output::Item(MediaItem::Unit(unit)) => Some(unit.dts),
        Output::Item(MediaItem::Video(_) | MediaItem::Audio(_)) | Output::Discontinuity => None,
    }
}
