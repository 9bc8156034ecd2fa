//! What a source's shell (a socket task, a file reader) pushes its media into: onto the links to
//! the decoder and the recorder, never blocking longer than [`links::MEDIA_WAIT`] a link when live.
//!
//! Owns the source's timeline and clock, and what is lost when a link is full. Decodes nothing.

use std::sync::Arc;

use embassy_sync::channel::Channel;
use futures_lite::future;
use hal::{Clock, LinkMutex};
use ingest::access_unit::{MediaItem, Track};
use ingest::elementary::Counters;
use wire::time::Monotonic;

use crate::health::Counter;
use crate::links::{self, SourceItem};
use crate::source::{Pace, SourceLinks};
use crate::source_clock::{Pacing, SourceClock};
use crate::timeline::Timeline;

/// Puts one source's media onto its links.
pub struct Feeder<C> {
    clock: Arc<C>,
    links: Arc<SourceLinks>,
    timeline: Timeline,
    source_clock: SourceClock,
    /// What the stream of the publisher had lacked when it was last noted.
    noted: Counters,
    to_decode: Gate,
    to_recorder: Gate,
}

impl<C: Clock> Feeder<C> {
    /// A feeder for one source; it lives as long as the source, across publishers.
    pub fn new(clock: Arc<C>, links: Arc<SourceLinks>) -> Self {
        let (to_decode, to_recorder) = (Gate::default(), Gate::default());
        Self {
            clock,
            links,
            timeline: Timeline::default(),
            source_clock: SourceClock::default(),
            noted: Counters::default(),
            to_decode,
            to_recorder,
        }
    }

    /// From now on media comes at this clock's pace.
    pub fn pace(&mut self, pacing: Pacing) {
        self.source_clock.pace(pacing);
        self.links.clock.show(self.source_clock.reading());
    }

    /// Tells that the next item belongs to another publisher, whose stream has lacked nothing yet.
    pub fn start_stream(&mut self) {
        self.noted = Counters::default();
        self.start_epoch();
    }

    /// Counts what the publisher's stream has come to lack since this was called last.
    pub fn note(&mut self, now: Counters) {
        if now == self.noted {
            return;
        }
        let before = std::mem::replace(&mut self.noted, now);
        let stream = &self.links.counters.stream;
        let early = |all: Counters| all.video_early_dropped + all.audio_early_dropped;
        for (counter, now, before) in [
            (&stream.gaps, now.gaps, before.gaps),
            (&stream.malformed, now.malformed_dropped, before.malformed_dropped),
            (&stream.early, early(now), early(before)),
            (&stream.astray, now.audio_astray_dropped, before.audio_astray_dropped),
            (&stream.repaired, now.times_repaired, before.times_repaired),
            (&stream.jumps, now.discontinuities, before.discontinuities),
        ] {
            counter.add(now.saturating_sub(before));
        }
    }

    /// Counts segments of a pulled stream that never came.
    pub fn count_missed(&self, segments: u64) {
        self.links.counters.stream.segments_missed.add(segments);
    }

    /// Counts requests of a pulled stream that brought nothing of use.
    pub fn count_failed(&self, requests: u64) {
        self.links.counters.stream.requests_failed.add(requests);
    }

    /// Tells that the next item follows a jump of the publisher's times.
    pub fn start_epoch(&mut self) {
        self.timeline.start_epoch();
    }

    /// Takes one item in the publisher's own times. Waits at most twice
    /// [`links::MEDIA_WAIT`] when live.
    pub async fn feed(&mut self, mut item: MediaItem) {
        let counters = &self.links.counters;
        if let Some(at) = self.timeline.rebase(&mut item) {
            counters.epochs.count();
            self.source_clock.start_epoch(at);
            self.links.clock.show(self.source_clock.reading());
            self.pass(SourceItem::Gap { at }).await;
        }
        if let MediaItem::Unit(unit) = &item {
            let counters = &self.links.counters;
            match unit.track {
                Track::Video => counters.units_video.count(),
                Track::Audio => counters.units_audio.count(),
            }
            counters.bytes.add(unit.data.len() as u64);
            if self.source_clock.handle(unit) {
                self.links.clock.show(self.source_clock.reading());
            }
        }
        self.pass(SourceItem::Media(item)).await;
    }

    /// Takes one item of a source whose pictures went to inference already: for the recorder alone.
    /// Its times are the source's.
    pub async fn record(&mut self, item: MediaItem) {
        let counters = &self.links.counters;
        if let MediaItem::Unit(unit) = &item {
            counters.units_video.count();
            counters.bytes.add(unit.data.len() as u64);
        }
        let deadline = Some(self.clock.now().plus(links::MEDIA_WAIT));
        let offer = Offer { clock: &*self.clock, deadline };
        let dropped = &counters.packets_dropped;
        let item = (SourceItem::Media(item), dropped);
        self.to_recorder.send(&offer, &self.links.packets, item).await;
    }

    /// The publisher is gone.
    pub async fn end(&mut self) {
        self.links.units.send(SourceItem::End).await;
        self.links.packets.send(SourceItem::End).await;
    }

    /// The box stops.
    pub async fn shut_down(&mut self) {
        self.links.units.send(SourceItem::Shutdown).await;
        self.links.packets.send(SourceItem::Shutdown).await;
    }

    async fn pass(&mut self, item: SourceItem) {
        let links = &self.links;
        let deadline = match links.pace {
            Pace::Live => Some(self.clock.now().plus(links::MEDIA_WAIT)),
            Pace::Lossless => None,
        };
        let offer = Offer { clock: &*self.clock, deadline };
        // The decoder first: the game is live, the recording has time.
        let dropped = &links.counters.units_dropped;
        self.to_decode.send(&offer, &links.units, (item.clone(), dropped)).await;
        let dropped = &links.counters.packets_dropped;
        self.to_recorder.send(&offer, &links.packets, (item, dropped)).await;
    }
}

struct Offer<'a, C> {
    clock: &'a C,
    deadline: Option<Monotonic>,
}

/// The sending end of one link of compressed media: WAIT, then GAP to the next keyframe.
#[derive(Default)]
struct Gate {
    closed: bool,
    video: Option<MediaItem>,
    audio: Option<MediaItem>,
}

impl Gate {
    async fn send<C: Clock, const N: usize>(
        &mut self,
        offer: &Offer<'_, C>,
        link: &Channel<LinkMutex, SourceItem, N>,
        (item, dropped): (SourceItem, &Counter),
    ) {
        self.remember(&item);
        if self.closed && !self.reopen(link, &item) {
            dropped.count();
            return;
        }
        let Some(deadline) = offer.deadline else {
            link.send(item).await;
            return;
        };
        let sent = async {
            link.send(item).await;
            true
        };
        let late = async {
            offer.clock.sleep_until(deadline).await;
            false
        };
        if !future::or(sent, late).await {
            dropped.count();
            self.closed = true;
        }
    }

    /// Keeps the newest track configurations, so that a reader after a gap has them.
    fn remember(&mut self, item: &SourceItem) {
        match item {
            SourceItem::Media(media @ MediaItem::Video(_)) => self.video = Some(media.clone()),
            SourceItem::Media(media @ MediaItem::Audio(_)) => self.audio = Some(media.clone()),
            SourceItem::Media(MediaItem::Unit(_))
            | SourceItem::Gap { .. }
            | SourceItem::End
            | SourceItem::Shutdown => {}
        }
    }

    /// Opens the link again at a video keyframe once it has room for the gap, both
    /// configurations and the keyframe.
    fn reopen<const N: usize>(
        &mut self,
        link: &Channel<LinkMutex, SourceItem, N>,
        item: &SourceItem,
    ) -> bool {
        let SourceItem::Media(MediaItem::Unit(unit)) = item else { return false };
        let starts = unit.track == Track::Video && unit.keyframe;
        if !starts || link.free_capacity() < 4 {
            return false;
        }
        let configurations = [&self.video, &self.audio].into_iter().flatten().cloned();
        let head = std::iter::once(SourceItem::Gap { at: unit.pts });
        for item in head.chain(configurations.map(SourceItem::Media)) {
            // Room was checked above, and this is the only sender.
            if link.try_send(item).is_err() {
                return false;
            }
        }
        self.closed = false;
        true
    }
}
