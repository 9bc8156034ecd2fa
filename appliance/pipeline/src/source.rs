//! The way of one source: compressed media onto the links, pictures into the mailbox, sound
//! levels to the director.
//!
//! [`Feeder`] is what a source's shell (a socket task, a file reader) pushes into; it never
//! blocks longer than [`links::MEDIA_WAIT`] a link. [`decode`] is the source's decode stage, on
//! a thread of its own. Neither knows where the bytes come from.

use std::collections::VecDeque;
use std::sync::Arc;

use embassy_sync::channel::Channel;
use futures_lite::future;
use hal::decode::{AudioConfig, DecodeAudio, DecodeError, DecodeVideo, Packet, VideoConfig};
use hal::surface::SurfacePool;
use hal::{Clock, LinkMutex, Surface};
use ingest::access_unit::{AccessUnit, MediaItem, Track};
use wire::time::{MediaTime, Monotonic, WallTime};

use crate::health::{Beat, Counter, SourceCounters};
use crate::links::{
    self, Arrival, FrameWaits, Frames, Packets, Signals, SoundLevel, SourceItem, Units,
};
use crate::sound::Loudness;
use crate::timeline::Timeline;

/// A decoded picture with its arrival.
#[derive(Debug)]
pub struct Frame {
    /// The picture; its time is [`Surface::pts`].
    pub surface: Surface,
    /// When the last byte of its access unit had arrived.
    pub arrived: Arrival,
    /// Pictures before it are missing, or it does not continue them.
    pub follows_gap: bool,
}

/// How a source is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As it comes: what the box cannot take is lost, visibly.
    Live,
    /// As fast as the box can: every frame is waited for. For files.
    Lossless,
}

/// One source's links and counters.
pub struct SourceLinks {
    /// Ingest → decode.
    pub units: Units,
    /// Ingest → recorder.
    pub packets: Packets,
    /// Decode → inference.
    pub frames: Frames,
    /// What came, what was lost.
    pub counters: SourceCounters,
    /// Beat of the decode stage.
    pub decode_beat: Arc<Beat>,
}

impl Default for SourceLinks {
    fn default() -> Self {
        Self {
            units: Units::new(),
            packets: Packets::new(),
            frames: Frames::default(),
            counters: SourceCounters::default(),
            decode_beat: Arc::default(),
        }
    }
}

/// Opens decoders; implemented by the daemon, which picks the drivers.
pub trait Decoders: Send + Sync {
    /// Opens a video decoder whose pictures come from `pool`.
    ///
    /// # Errors
    /// [`DecodeError::Failed`] with the reason; the source stays without pictures until its next
    /// configuration.
    fn open_video(
        &self,
        config: &VideoConfig,
        pool: SurfacePool,
    ) -> Result<Box<dyn DecodeVideo>, DecodeError>;

    /// Opens an audio decoder.
    ///
    /// # Errors
    /// [`DecodeError::Failed`] with the reason; the source stays without sound levels.
    fn open_audio(&self, config: &AudioConfig) -> Result<Box<dyn DecodeAudio>, DecodeError>;
}

/// Puts one source's media onto its links.
pub struct Feeder<C> {
    clock: Arc<C>,
    links: Arc<SourceLinks>,
    pace: Pace,
    timeline: Timeline,
    to_decode: Gate,
    to_recorder: Gate,
}

impl<C: Clock> Feeder<C> {
    /// A feeder for one source; it lives as long as the source, across publishers.
    pub fn new(clock: Arc<C>, links: Arc<SourceLinks>, pace: Pace) -> Self {
        let (to_decode, to_recorder) = (Gate::default(), Gate::default());
        Self { clock, links, pace, timeline: Timeline::default(), to_decode, to_recorder }
    }

    /// Tells that the next item belongs to a new publisher, or follows a jump of its times.
    pub fn start_epoch(&mut self) {
        self.timeline.start_epoch();
    }

    /// Takes one item in the publisher's own times. Waits at most twice
    /// [`links::MEDIA_WAIT`] when live.
    pub async fn feed(&mut self, mut item: MediaItem) {
        let counters = &self.links.counters;
        if let Some(at) = self.timeline.rebase(&mut item) {
            counters.epochs.count();
            self.pass(SourceItem::Gap { at }).await;
        }
        if let MediaItem::Unit(unit) = &item {
            let counters = &self.links.counters;
            match unit.track {
                Track::Video => counters.units_video.count(),
                Track::Audio => counters.units_audio.count(),
            }
            counters.bytes.add(unit.data.len() as u64);
        }
        self.pass(SourceItem::Media(item)).await;
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
        let deadline = match self.pace {
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

/// What the decode stage of one source works with.
pub struct DecodeStage<C> {
    /// Number of the source.
    pub source: usize,
    /// The time.
    pub clock: Arc<C>,
    /// Opens decoders.
    pub decoders: Arc<dyn Decoders>,
    /// The source's links.
    pub links: Arc<SourceLinks>,
    /// Wakes inference.
    pub frame_waits: Arc<FrameWaits>,
    /// To the director.
    pub signals: Arc<Signals>,
    /// Live or lossless.
    pub pace: Pace,
    /// Told about what could not be decoded.
    pub complain: Box<dyn Fn(&DecodeError) + Send>,
}

/// Pictures of one source that may exist at once: one waits, one is analysed, the decoder keeps
/// up to sixteen as references.
const SURFACES_MAX: usize = 24;

/// Runs the decode stage of one source until [`SourceItem::Shutdown`]. Decodes on the calling
/// thread.
pub async fn decode<C: Clock>(stage: DecodeStage<C>) {
    let mut state = Decoding {
        pool: SurfacePool::new(SURFACES_MAX),
        video: None,
        config: None,
        audio: None,
        needs_keyframe: true,
        gap_next: true,
        arrivals: VecDeque::new(),
        loudness: Loudness::default(),
        last: MediaTime::default(),
        ready: VecDeque::new(),
        stage,
    };
    let links = Arc::clone(&state.stage.links);
    loop {
        let item = links.units.receive().await;
        let _work = links.decode_beat.work();
        match item {
            SourceItem::Media(MediaItem::Video(track)) => {
                let record = track.record.to_vec();
                state.open_video(VideoConfig { codec: track.codec, record });
            }
            SourceItem::Media(MediaItem::Audio(track)) => {
                let record = track.record.to_vec();
                state.open_audio(&AudioConfig { codec: track.codec, record });
            }
            SourceItem::Media(MediaItem::Unit(unit)) => state.unit(&unit),
            SourceItem::Gap { .. } => state.drain(),
            SourceItem::End => {
                state.drain();
                state.deliver().await;
                links.frames.end(state.last);
                state.stage.frame_waits.signal(());
            }
            SourceItem::Shutdown => return,
        }
        state.deliver().await;
    }
}

struct Decoding<C> {
    stage: DecodeStage<C>,
    pool: SurfacePool,
    video: Option<Box<dyn DecodeVideo>>,
    config: Option<VideoConfig>,
    audio: Option<Box<dyn DecodeAudio>>,
    needs_keyframe: bool,
    gap_next: bool,
    arrivals: VecDeque<(MediaTime, Monotonic)>,
    loudness: Loudness,
    last: MediaTime,
    ready: VecDeque<Surface>,
}

impl<C: Clock> Decoding<C> {
    /// Access units whose arrival is remembered until their picture comes out: more than any
    /// reordering that H.264 allows.
    const ARRIVALS_KEPT: usize = 32;

    fn open_video(&mut self, config: VideoConfig) {
        // Some encoders repeat their configuration before every keyframe.
        if self.video.is_some() && self.config.as_ref() == Some(&config) {
            return;
        }
        self.drain();
        let opened = self.stage.decoders.open_video(&config, self.pool.clone());
        self.video = opened.inspect_err(|error| (self.stage.complain)(error)).ok();
        self.config = Some(config);
    }

    fn open_audio(&mut self, config: &AudioConfig) {
        let opened = self.stage.decoders.open_audio(config);
        self.audio = opened.inspect_err(|error| (self.stage.complain)(error)).ok();
    }

    fn unit(&mut self, unit: &AccessUnit) {
        let packet = Packet { data: &unit.data, pts: unit.pts, dts: unit.dts };
        match unit.track {
            Track::Video => self.video_unit(unit, packet),
            Track::Audio => {
                let Some(decoder) = &mut self.audio else { return };
                match decoder.decode(packet) {
                    Ok(Some(block)) => self.loudness.hear(&block),
                    Ok(None) => {}
                    Err(error) => (self.stage.complain)(&error),
                }
            }
        }
    }

    fn video_unit(&mut self, unit: &AccessUnit, packet: Packet<'_>) {
        if self.needs_keyframe && !unit.keyframe {
            self.stage.links.counters.units_dropped.count();
            return;
        }
        // By now everything from before the gap has been handed out.
        self.gap_next |= self.needs_keyframe;
        self.needs_keyframe = false;
        if self.arrivals.len() == Self::ARRIVALS_KEPT {
            self.arrivals.pop_front();
        }
        self.arrivals.push_back((unit.pts, unit.arrived));
        let Some(decoder) = &mut self.video else { return };
        let ready = &mut self.ready;
        if let Err(error) = decoder.decode(packet, &mut |surface| ready.push_back(surface)) {
            self.stage.links.counters.frames_corrupt.count();
            self.needs_keyframe = true;
            (self.stage.complain)(&error);
            if matches!(error, DecodeError::Failed { .. }) {
                self.video = None;
            }
        }
    }

    /// Takes the last pictures out of the decoder; what follows starts at a keyframe.
    fn drain(&mut self) {
        let ready = &mut self.ready;
        if let Some(decoder) = &mut self.video
            && let Err(error) = decoder.drain(&mut |surface| ready.push_back(surface))
        {
            (self.stage.complain)(&error);
        }
        self.needs_keyframe = true;
    }

    /// Hands out what is ready: pictures to inference, levels to the director.
    async fn deliver(&mut self) {
        while let Some(surface) = self.ready.pop_front() {
            self.stage.links.counters.frames_decoded.count();
            self.last = self.last.max(surface.pts());
            let arrived = self.arrival(surface.pts());
            let follows_gap = std::mem::take(&mut self.gap_next);
            let frame = Frame { surface, arrived, follows_gap };
            match self.stage.pace {
                Pace::Live => self.stage.links.frames.put(frame),
                Pace::Lossless => self.stage.links.frames.put_when_empty(frame).await,
            }
            self.stage.frame_waits.signal(());
        }
        while let Some(level) = self.loudness.next() {
            let source = self.stage.source;
            self.signal(SoundLevel { source, at: level.at, centi_db: level.centi_db }).await;
        }
    }

    async fn signal(&self, level: SoundLevel) {
        match self.stage.pace {
            Pace::Lossless => self.stage.signals.send(level).await,
            Pace::Live => {
                if self.stage.signals.try_send(level).is_err() {
                    self.stage.links.counters.signals_dropped.count();
                }
            }
        }
    }

    fn arrival(&self, pts: MediaTime) -> Arrival {
        let now = self.stage.clock.now();
        let found = self.arrivals.iter().rev().find(|(at, _)| *at == pts);
        let monotonic = found.map_or(now, |(_, arrived)| *arrived);
        let (wall, _) = self.stage.clock.wall();
        let age = now.since(monotonic).as_micros() as i64;
        Arrival { monotonic, wall: WallTime(wall.0 - age) }
    }
}
