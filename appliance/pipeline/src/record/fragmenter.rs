//! Divides a stream into fragments.
//!
//! ```text
//! WaitKeyframe ── keyframe ──► Open { pending units } ── seal ──► Open (the newest picture stays)
//!      ▲                            │
//!      └── new video track, finish ─┘  (seals everything)
//! ```
//!
//! The newest picture always stays behind: how long the one before it lasts, and that nothing
//! earlier is missing, is only known from its decode time.

use ingest::access_unit::{AccessUnit, AudioTrack, MediaItem, Track, VideoTrack};
use wire::time::{MediaSpan, MediaTime};

use crate::mp4::{Fragment, Media, Mp4Error, ORIGIN, Tracks};

/// A fragment is sealed when the next picture decodes this much after its first: what a crash
/// may cost, and the grain of eviction.
const SPAN_SEAL: MediaSpan = MediaSpan::from_millis(1_000);

/// A keyframe starts a new fragment only if the last one has at least this much, so that a
/// stream of keyframes alone does not become a file for each.
const SPAN_MIN: MediaSpan = MediaSpan::from_millis(250);

/// Sound may arrive this much later than pictures of the same time before nobody waits for it.
pub const AUDIO_PATIENCE: MediaSpan = MediaSpan::from_millis(500);

/// Sound without a single picture is dropped after this much.
const AUDIO_ALONE: MediaSpan = MediaSpan::from_millis(2_000);

/// A fragment is sealed when this much is pending. At 32 Mb/s that is a second. Together with
/// one access unit it bounds the recorder's memory.
pub const PENDING_BYTES_MAX: usize = 4 << 20;

/// Largest access unit that is recorded; larger ones are dropped and counted. An intra picture
/// in 4K at high quality has about 2 MB.
pub const UNIT_BYTES_MAX: usize = 8 << 20;

/// What is not in the recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Pictures that no decoder could have shown: before the first keyframe of a stream.
    pub units_before_keyframe: u64,
    /// Units of a track that was not announced, larger than [`UNIT_BYTES_MAX`], or from before
    /// the last one of their track.
    pub units_invalid: u64,
    /// Sound that came without pictures.
    pub audio_alone: u64,
    /// Fragments that the store did not take.
    pub fragments: u64,
}

/// Collects access units into fragments. Pure: the recorder stores what it returns.
#[derive(Debug)]
pub struct Fragmenter {
    next_seq: u32,
    video_track: Option<VideoTrack>,
    audio_track: Option<AudioTrack>,
    state: State,
    video: Vec<AccessUnit>,
    audio: Vec<AccessUnit>,
    pending_bytes: usize,
    audio_end: Option<MediaTime>,
    seal_at: Option<MediaTime>,
    sealed_upto: Option<MediaTime>,
    losses: Losses,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    WaitKeyframe,
    Open,
}

impl Fragmenter {
    /// A fragmenter whose first fragment gets number `next_seq`.
    pub const fn new(next_seq: u32) -> Self {
        Self {
            next_seq,
            video_track: None,
            audio_track: None,
            state: State::WaitKeyframe,
            video: Vec::new(),
            audio: Vec::new(),
            pending_bytes: 0,
            audio_end: None,
            seal_at: None,
            sealed_upto: None,
            losses: Losses {
                units_before_keyframe: 0,
                units_invalid: 0,
                audio_alone: 0,
                fragments: 0,
            },
        }
    }

    /// Takes in the next item; returns the fragment that it completed.
    ///
    /// # Errors
    /// [`Mp4Error`] if a fragment could not be put together; its units are lost.
    pub fn push(&mut self, item: MediaItem) -> Result<Option<Fragment>, Mp4Error> {
        match item {
            MediaItem::Video(track) if self.video_track.as_ref() == Some(&track) => Ok(None),
            MediaItem::Video(track) => {
                let sealed = self.finish();
                self.video_track = Some(track);
                sealed
            }
            MediaItem::Audio(track) if self.audio_track.as_ref() == Some(&track) => Ok(None),
            MediaItem::Audio(track) => {
                // Pictures go on: only what the sound is coded in changes between fragments.
                let sealed = self.seal_before_newest();
                self.audio.clear();
                self.audio_track = Some(track);
                self.audio_end = None;
                sealed
            }
            MediaItem::Unit(unit) if !self.is_valid(&unit) => {
                self.losses.units_invalid += 1;
                Ok(None)
            }
            MediaItem::Unit(unit) => match unit.track {
                Track::Video => self.push_picture(unit),
                Track::Audio => self.push_sound(unit),
            },
        }
    }

    /// See [`Recorder::seal_upto`](super::Recorder::seal_upto).
    ///
    /// # Errors
    /// [`Mp4Error`] if a fragment could not be put together; its units are lost.
    pub fn seal_upto(&mut self, at: MediaTime) -> Result<Option<Fragment>, Mp4Error> {
        if self.sealed_upto.is_some_and(|sealed| sealed >= at) {
            return Ok(None);
        }
        self.seal_at = Some(self.seal_at.map_or(at, |earlier| earlier.min(at)));
        self.seal_if_awaited()
    }

    /// Seals everything; the stream starts anew with a keyframe.
    ///
    /// # Errors
    /// [`Mp4Error`] if the fragment could not be put together; its units are lost.
    pub fn finish(&mut self) -> Result<Option<Fragment>, Mp4Error> {
        self.state = State::WaitKeyframe;
        self.seal_at = None;
        self.audio_end = None;
        let end = match self.video.as_slice() {
            [] => {
                self.drop_audio();
                return Ok(None);
            }
            [only] => MediaTime(only.dts.0 + 1),
            // The last picture is taken to last as long as the one before.
            [.., before, last] => last.dts.plus(last.dts.since(before.dts)),
        };
        self.seal(self.video.len(), end)
    }

    /// What was lost so far.
    pub const fn losses(&self) -> Losses {
        self.losses
    }

    /// Counts a fragment that the store did not take.
    pub(super) fn lost_fragment(&mut self) {
        self.losses.fragments += 1;
    }

    fn is_valid(&self, unit: &AccessUnit) -> bool {
        let last = match unit.track {
            Track::Video => self.video.last().map(|last| last.dts),
            Track::Audio => self.audio.last().map(|last| last.pts),
        };
        let announced = match unit.track {
            Track::Video => self.video_track.is_some(),
            Track::Audio => self.audio_track.is_some(),
        };
        announced
            && unit.data.len() <= UNIT_BYTES_MAX
            && last.is_none_or(|last| unit.dts >= last)
            && unit.dts.plus(ORIGIN) >= MediaTime(0)
    }

    fn push_picture(&mut self, unit: AccessUnit) -> Result<Option<Fragment>, Mp4Error> {
        match (self.state, unit.keyframe) {
            (State::WaitKeyframe, false) => {
                self.losses.units_before_keyframe += 1;
                return Ok(None);
            }
            (State::WaitKeyframe, true) => self.state = State::Open,
            (State::Open, _) => {}
        }
        let span = self.video.first().map_or(MediaSpan(0), |first| unit.dts.since(first.dts));
        let full = span >= SPAN_SEAL
            || (unit.keyframe && span >= SPAN_MIN)
            || self.pending_bytes + unit.data.len() > PENDING_BYTES_MAX;
        let sealed = if full && !self.video.is_empty() {
            self.seal(self.video.len(), unit.dts)
        } else {
            Ok(None)
        };
        self.pending_bytes += unit.data.len();
        self.video.push(unit);
        // A sealed fragment leaves one picture, so there is nothing more to seal.
        match sealed {
            Ok(None) => self.seal_if_awaited(),
            done => done,
        }
    }

    fn push_sound(&mut self, unit: AccessUnit) -> Result<Option<Fragment>, Mp4Error> {
        self.audio_end = Some(unit.pts);
        let first = self.audio.first().map_or(unit.pts, |first| first.pts);
        if self.video.is_empty() && unit.pts.since(first) > AUDIO_ALONE {
            self.drop_audio();
        }
        let full = self.pending_bytes + unit.data.len() > PENDING_BYTES_MAX;
        let sealed = if full { self.seal_before_newest() } else { Ok(None) };
        self.pending_bytes += unit.data.len();
        self.audio.push(unit);
        match sealed {
            Ok(None) => self.seal_if_awaited(),
            done => done,
        }
    }

    fn drop_audio(&mut self) {
        self.losses.audio_alone += self.audio.len() as u64;
        self.audio.clear();
        self.count_pending();
    }

    /// Seals when everything before the awaited time has arrived.
    fn seal_if_awaited(&mut self) -> Result<Option<Fragment>, Mp4Error> {
        let (Some(at), Some(newest)) = (self.seal_at, self.video.last().map(|last| last.dts))
        else {
            return Ok(None);
        };
        let sound_is_there = self.audio_track.is_none()
            || self.audio_end.is_some_and(|end| end >= at)
            || newest >= at.plus(AUDIO_PATIENCE);
        if newest >= at && sound_is_there { self.seal_before_newest() } else { Ok(None) }
    }

    /// Seals all but the newest picture.
    fn seal_before_newest(&mut self) -> Result<Option<Fragment>, Mp4Error> {
        match self.video.as_slice() {
            [] | [_] => Ok(None),
            [rest @ .., newest] => {
                let (count, end) = (rest.len(), newest.dts);
                self.seal(count, end)
            }
        }
    }

    /// Makes the first `count` pictures and all sound a fragment.
    fn seal(&mut self, count: usize, video_end: MediaTime) -> Result<Option<Fragment>, Mp4Error> {
        let video: Vec<AccessUnit> = self.video.drain(..count).collect();
        let audio = std::mem::take(&mut self.audio);
        self.count_pending();
        // Without an announced video track there are no pictures to seal.
        let Some(track) = &self.video_track else { return Ok(None) };
        let tracks = Tracks::new(track, self.audio_track.as_ref())?;
        let media = Media { video: &video, audio: &audio, video_end };
        let fragment = Fragment::new(self.next_seq, &tracks, media)?;
        self.next_seq = self.next_seq.wrapping_add(1);
        let complete = super::Head::of(&fragment.layout).complete_upto;
        self.sealed_upto = self.sealed_upto.max(Some(complete));
        self.seal_at = self.seal_at.filter(|at| *at > complete);
        Ok(Some(fragment))
    }

    fn count_pending(&mut self) {
        let bytes = |units: &[AccessUnit]| units.iter().map(|unit| unit.data.len()).sum::<usize>();
        self.pending_bytes = bytes(&self.video) + bytes(&self.audio);
    }
}
