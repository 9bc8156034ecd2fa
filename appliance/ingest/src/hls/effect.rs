//! What the puller asks for and tells, and what the shell answers.
//!
//! Only data, and the queue on which it waits for the shell.

use core::time::Duration;
use std::collections::VecDeque;

use url::Url;
use wire::time::WallTime;

use super::playlist::{ByteRange, PlaylistError, Variant};

/// Where to begin, and with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// Highest picture to pull, in pixels, if there is a choice.
    pub height_max: u32,
    /// What to do with parts, where a server offers them.
    pub parts: Parts,
}

impl Default for Start {
    /// 1080 lines, with parts.
    fn default() -> Self {
        Self { height_max: 1080, parts: Parts::Fetch }
    }
}

/// What to do with parts of segments that are not complete yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parts {
    /// Fetch them as they appear: seconds less delay, several times as many requests.
    Fetch,
    /// Wait for whole segments.
    Ignore,
}

/// A request; numbers are not used again within one puller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FetchId(pub u64);

/// Media that has its own playlist and needs a demuxer of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Track {
    /// The chosen variant, or all there is.
    Main,
    /// Audio that is not within the variant.
    Audio,
}

/// What the shell has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send a request, and answer it with
    /// [`handle_fetched`](super::Puller::handle_fetched) or
    /// [`handle_failed`](super::Puller::handle_failed), exactly once.
    Fetch(Fetch),
    /// Something happened.
    Event(Event),
}

/// A GET request. Redirects are the shell's to follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// To be answered with.
    pub id: FetchId,
    /// Whose it is.
    pub track: Track,
    /// What it is.
    pub what: What,
    /// Address. May hold a secret in its query: not for a log.
    pub url: Url,
    /// Only these bytes (RFC 9110 14.1.2). A server that sends status 200 sends them all: the
    /// shell cuts them out.
    pub byte_range: Option<ByteRange>,
    /// After this, the answer is [`Failure::Timeout`].
    pub wait_max: Duration,
    /// Beyond this many bytes, the answer is [`Failure::TooLarge`].
    pub bytes_max: usize,
}

/// Kind of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum What {
    /// Text; its bytes are handed to the puller.
    Playlist,
    /// Initialization section; the bytes of this and the others stay with the shell.
    Init,
    /// Segment.
    Segment,
    /// Part of a segment.
    Part,
}

/// What a request for a playlist brought. For media, an empty `body` will do.
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    /// The text of a playlist.
    pub body: &'a [u8],
    /// The address after all redirects. References are resolved against it.
    pub final_url: &'a str,
}

/// Why a request brought nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// Status 404.
    NotFound,
    /// Status 410.
    Gone,
    /// Status 401, 402, 403, 407 or 451.
    Forbidden,
    /// Another status that says that the request is wrong.
    Rejected,
    /// Status 5xx, or 408, 425 or 429: the server may answer later.
    Server,
    /// No complete answer within [`Fetch::wait_max`].
    Timeout,
    /// No connection, or it broke.
    Network,
    /// More than [`Fetch::bytes_max`].
    TooLarge,
}

impl Failure {
    /// What a status of HTTP means; `None` for 2xx. A redirect that was not followed is
    /// [`Rejected`](Self::Rejected).
    pub const fn from_status(status: u16) -> Option<Self> {
        match status {
            200..=299 => None,
            404 => Some(Self::NotFound),
            410 => Some(Self::Gone),
            401 | 402 | 403 | 407 | 451 => Some(Self::Forbidden),
            408 | 425 | 429 | 500..=599 => Some(Self::Server),
            _ => Some(Self::Rejected),
        }
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The stream is there. Comes once, before any media.
    Began {
        /// Whether it grows, or is a recording that ends.
        broadcast: Broadcast,
        /// Whether media of [`Track::Audio`] will come.
        audio: AudioPlace,
        /// What was chosen, where there was a choice.
        variant: Option<Variant>,
    },
    /// The bytes of a request are media: hand them to the demuxer of the track, in the order of
    /// these events. Bytes of a media request without such an event are to be dropped.
    Media(Media),
    /// Segments that will not come.
    Missed {
        /// Whose they are.
        track: Track,
        /// How many.
        segments: u64,
        /// Why.
        cause: Cause,
    },
    /// No more media of [`Track::Audio`] will come; the other track goes on.
    AudioLost(EndReason),
    /// Nothing more will come. To try again, begin with a new puller.
    Ended(EndReason),
}

/// Whether a stream is being made while it is pulled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broadcast {
    /// Pulled from near its end.
    Live,
    /// Pulled from its beginning to its end.
    Recording,
}

/// Where the audio is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AudioPlace {
    /// With the picture, or nowhere.
    Main,
    /// In [`Track::Audio`].
    Separate,
}

/// Media that has been fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Media {
    /// The request that brought it.
    pub id: FetchId,
    /// Whose it is.
    pub track: Track,
    /// How it is packed.
    pub format: Format,
    /// What it is.
    pub piece: Piece,
    /// How often the server has begun to count anew. With `sequence`, unique for a segment.
    pub epoch: u32,
    /// Media sequence number of the segment that it is or belongs to.
    pub sequence: u64,
    /// Timestamps, tracks or formats may differ from those of the piece before: begin afresh.
    /// Missing segments do not set it.
    pub discontinuity: bool,
    /// Length of the segment or part, as the playlist says; zero for an initialization section.
    pub duration: Duration,
    /// When the first frame of the segment was taken, as the playlist says.
    pub wall: Option<WallTime>,
}

/// How media is packed: a guess from the playlist, the first bytes decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// No EXT-X-MAP: MPEG-2 transport stream. In [`Track::Audio`] it may as well be packed audio
    /// (RFC 8216 3.4).
    Ts,
    /// EXT-X-MAP: fragmented MP4.
    Fmp4,
}

/// What was fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Piece {
    /// To be read before the segments that follow. May come again unchanged.
    Init,
    /// All of a segment.
    Segment,
    /// One part of a segment.
    Part {
        /// Counted from zero.
        index: usize,
    },
}

/// Why segments are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// They left the playlist before they were fetched.
    Expired,
    /// They could not be fetched.
    Failed(Failure),
    /// The server said that it does not have them (EXT-X-GAP).
    Gap,
    /// Some parts were fetched, and the rest is only to be had as a whole.
    Torn,
    /// Their reference is no address.
    BadReference,
}

/// Why nothing more comes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndReason {
    /// All of a stream that has an end.
    #[error("the stream is complete; nothing to do")]
    Finished,
    /// The playlist loads and does not grow.
    #[error(
        "the playlist has not grown for {} s; check the encoder that feeds it",
        .quiet.as_secs()
    )]
    Stalled {
        /// Since it last grew.
        quiet: Duration,
    },
    /// The playlist does not load.
    #[error(
        "the playlist cannot be loaded: {failure:?}; check the address, the network and the server"
    )]
    Unreachable {
        /// The latest reason.
        failure: Failure,
    },
    /// The playlist loads and cannot be used.
    #[error(transparent)]
    Playlist(#[from] PlaylistError),
}

/// What a puller has done since it was made. Each counts up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Playlists that were loaded and understood.
    pub playlists_total: u64,
    /// Loads of playlists that failed, or brought something else.
    pub playlists_failed_total: u64,
    /// Loads that showed an older state.
    pub playlists_stale_total: u64,
    /// Whole segments fetched.
    pub segments_total: u64,
    /// Parts fetched.
    pub parts_total: u64,
    /// Initialization sections fetched.
    pub inits_total: u64,
    /// Requests for media that failed.
    pub media_failed_total: u64,
    /// Segments that left the playlist before they were fetched.
    pub segments_expired_total: u64,
    /// Segments given up, or torn.
    pub segments_failed_total: u64,
    /// Segments that the server does not have.
    pub segments_gap_total: u64,
    /// Times that a server began to count anew.
    pub restarts_total: u64,
}

/// Effects that the shell has not taken yet, and what is counted while making them.
///
/// Bounded: each answer of the shell brings a handful, and every answer needs a request first.
#[derive(Debug, Default)]
pub(super) struct Output {
    effects: VecDeque<Effect>,
    pub(super) counters: Counters,
    fetches: u64,
}

impl Output {
    pub(super) fn next(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Number of the next request.
    pub(super) fn fetch_id(&mut self) -> FetchId {
        self.fetches += 1;
        FetchId(self.fetches)
    }

    pub(super) fn fetch(&mut self, fetch: Fetch) {
        self.effects.push_back(Effect::Fetch(fetch));
    }

    pub(super) fn event(&mut self, event: Event) {
        self.effects.push_back(Effect::Event(event));
    }

    pub(super) fn missed(&mut self, track: Track, segments: u64, cause: Cause) {
        let counters = &mut self.counters;
        match cause {
            Cause::Expired => counters.segments_expired_total += segments,
            Cause::Gap => counters.segments_gap_total += segments,
            Cause::Failed(_) | Cause::Torn | Cause::BadReference => {
                counters.segments_failed_total += segments;
            }
        }
        self.event(Event::Missed { track, segments, cause });
    }
}
