//! The way of one source behind its [`Feeder`](crate::feeder::Feeder): pictures into the mailbox,
//! blocks of sound to the hearing stage.
//!
//! [`decode`] is the source's decode stage, on a thread of its own. It does not know where the
//! bytes come from. Pictures that come out of a device go another way: [`crate::captured`].

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use hal::decode::{AudioConfig, DecodeAudio, DecodeError, DecodeVideo, Packet, VideoConfig};
use hal::surface::SurfacePool;
use hal::{Clock, Surface};
use ingest::access_unit::{AccessUnit, MediaItem, Track};
use wire::time::{MediaTime, Monotonic};

use crate::health::{Beat, NetworkCounters, SourceCounters};
use crate::links::{
    Arrival, FrameWaits, Frames, Packets, Pictures, PlayersSlot, SoundItem, Sounds, SourceItem,
    Units,
};
use crate::sight::Sight;
use crate::sound::Blocks;
use crate::source_clock;

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
    /// Whether its shell waits for the box.
    pub pace: Pace,
    /// Ingest → decode.
    pub units: Units,
    /// Capture → encode, of a source that is captured.
    pub pictures: Pictures,
    /// Ingest or encode → recorder.
    pub packets: Packets,
    /// Decode or capture → inference.
    pub frames: Frames,
    /// Inference → telemetry.
    pub players: PlayersSlot,
    /// What came, what was lost.
    pub counters: SourceCounters,
    /// What the network did to it; zeros where the protocol does not tell.
    pub network: Arc<NetworkCounters>,
    /// What is known of its clock.
    pub clock: source_clock::Shared,
    /// Beat of the decode stage.
    pub decode_beat: Arc<Beat>,
    /// Beat of the encode stage, of a source that is captured.
    pub encode_beat: Arc<Beat>,
    /// Which decoder its pictures come from.
    pub decoder: DecoderName,
    /// Where its pictures come from: bounds them, and counts.
    pub surfaces: SurfacePool,
    /// What its newest picture and sound are like.
    pub sight: Sight,
}

/// Which decoder a source's pictures come from: written by the decode stage, read by telemetry.
#[derive(Debug, Default)]
pub struct DecoderName(Mutex<Option<String>>);

impl DecoderName {
    /// As [`DecodeVideo::name`] has it; `None` while there is no decoder.
    pub fn get(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, name: Option<&str>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = name.map(str::to_owned);
    }
}

impl SourceLinks {
    /// Links in which nothing is yet.
    pub fn new(pace: Pace) -> Self {
        Self {
            pace,
            units: Units::new(),
            pictures: Pictures::new(),
            packets: Packets::new(),
            frames: Frames::default(),
            players: PlayersSlot::new(),
            counters: SourceCounters::default(),
            network: Arc::default(),
            clock: source_clock::Shared::default(),
            decode_beat: Arc::default(),
            encode_beat: Arc::default(),
            decoder: DecoderName::default(),
            surfaces: SurfacePool::new(SURFACES_MAX),
            sight: Sight::default(),
        }
    }
}

/// Opens decoders; implemented by the daemon, which picks the drivers.
pub trait Decoders: Send + Sync {
    /// Opens a video decoder whose pictures come from `pool`.
    ///
    /// # Errors
    /// [`DecodeError::Failed`] with the reason, when nothing that could decode it can be opened;
    /// the source stays without pictures until its next configuration.
    fn open_video(
        &self,
        config: &VideoConfig,
        pool: SurfacePool,
    ) -> Result<Box<dyn DecodeVideo>, DecodeError>;

    /// The decoder that was opened last failed while it was used. Another one is opened at the
    /// next keyframe, which may be of another kind.
    fn failed(&self, error: &DecodeError);

    /// Opens an audio decoder.
    ///
    /// # Errors
    /// [`DecodeError::Failed`] with the reason; the source is not heard.
    fn open_audio(&self, config: &AudioConfig) -> Result<Box<dyn DecodeAudio>, DecodeError>;
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
    /// To the hearing stage.
    pub sounds: Arc<Sounds>,
    /// Told about what could not be decoded.
    pub complain: Box<dyn Fn(&DecodeError) + Send>,
}

/// Pictures of one source that may exist at once: one waits, one is analysed, the decoder keeps
/// up to sixteen as references.
const SURFACES_MAX: usize = 24;

/// Decoders that may fail one after the other without a picture between them; then the source
/// waits for another configuration. A stream on which each decoder dies must not keep the box busy
/// with opening them. The same holds for encoders ([`crate::captured`]).
pub(crate) const FAILURES_MAX: u32 = 3;

/// Runs the decode stage of one source until [`SourceItem::Shutdown`]. Decodes on the calling
/// thread.
pub async fn decode<C: Clock>(stage: DecodeStage<C>) {
    let mut state = Decoding {
        video: None,
        config: None,
        failures: 0,
        audio: None,
        needs_keyframe: true,
        gap_next: true,
        arrivals: VecDeque::new(),
        blocks: Blocks::default(),
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
    video: Option<Box<dyn DecodeVideo>>,
    config: Option<VideoConfig>,
    /// Decoders that failed since the last picture.
    failures: u32,
    audio: Option<Box<dyn DecodeAudio>>,
    needs_keyframe: bool,
    gap_next: bool,
    arrivals: VecDeque<(MediaTime, Monotonic)>,
    blocks: Blocks,
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
        self.failures = 0;
        self.open_decoder(&config);
        self.config = Some(config);
    }

    fn open_decoder(&mut self, config: &VideoConfig) {
        // Before the next one is opened: hardware has room for few.
        self.video = None;
        let links = &self.stage.links;
        let opened = self.stage.decoders.open_video(config, links.surfaces.clone());
        self.video = opened.inspect_err(|error| (self.stage.complain)(error)).ok();
        links.decoder.set(self.video.as_ref().map(|video| video.name()));
        if self.video.is_none() {
            // Asking again would give the same answer.
            self.failures = FAILURES_MAX;
        }
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
                    Ok(Some(block)) => self.blocks.hear(&block),
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
        if self.video.is_none()
            && self.failures < FAILURES_MAX
            && let Some(config) = self.config.clone()
        {
            self.open_decoder(&config);
        }
        let Some(decoder) = &mut self.video else {
            self.stage.links.counters.units_dropped.count();
            return;
        };
        let ready = &mut self.ready;
        if let Err(error) = decoder.decode(packet, &mut |surface| ready.push_back(surface)) {
            self.stage.links.counters.frames_corrupt.count();
            self.needs_keyframe = true;
            self.trouble(&error);
        }
    }

    /// Complains; a decoder that failed is given up, and another one is opened at the next
    /// keyframe.
    fn trouble(&mut self, error: &DecodeError) {
        (self.stage.complain)(error);
        match error {
            DecodeError::Corrupt { .. } => {}
            DecodeError::Failed { .. } => {
                self.video = None;
                self.failures += 1;
                let links = &self.stage.links;
                links.counters.decoders_failed.count();
                links.decoder.set(None);
                self.stage.decoders.failed(error);
            }
        }
    }

    /// Takes the last pictures out of the decoder; what follows starts at a keyframe.
    fn drain(&mut self) {
        let ready = &mut self.ready;
        if let Some(decoder) = &mut self.video
            && let Err(error) = decoder.drain(&mut |surface| ready.push_back(surface))
        {
            self.trouble(&error);
        }
        self.needs_keyframe = true;
    }

    /// Hands out what is ready: pictures to inference, sound to hearing.
    async fn deliver(&mut self) {
        while let Some(surface) = self.ready.pop_front() {
            self.stage.links.counters.frames_decoded.count();
            self.failures = 0;
            self.last = self.last.max(surface.pts());
            let arrived = self.arrival(surface.pts());
            let follows_gap = std::mem::take(&mut self.gap_next);
            let frame = Frame { surface, arrived, follows_gap };
            match self.stage.links.pace {
                Pace::Live => self.stage.links.frames.put(frame),
                Pace::Lossless => self.stage.links.frames.put_when_empty(frame).await,
            }
            self.stage.frame_waits.signal(());
        }
        while let Some(block) = self.blocks.next() {
            let sound = SoundItem::Block { source: self.stage.source, block };
            match self.stage.links.pace {
                Pace::Lossless => self.stage.sounds.send(sound).await,
                Pace::Live => {
                    if self.stage.sounds.try_send(sound).is_err() {
                        self.stage.links.counters.sounds_dropped.count();
                    }
                }
            }
        }
    }

    fn arrival(&self, pts: MediaTime) -> Arrival {
        let found = self.arrivals.iter().rev().find(|(at, _)| *at == pts);
        let monotonic = found.map_or_else(|| self.stage.clock.now(), |(_, arrived)| *arrived);
        let steady = self.stage.links.clock.get().box_time(pts).unwrap_or(monotonic);
        Arrival::of(&*self.stage.clock, monotonic, steady)
    }
}
