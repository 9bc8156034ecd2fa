//! One media playlist and the segments it names, fetched in order, one at a time.
//!
//! Owns the position in the playlist and everything that can go wrong with media. When the
//! playlist is loaded is the business of [`Loader`]; whether the source goes on without this
//! track, of the puller.
//!
//! ```text
//!            something is listed at the position
//!  (new) ► Idle ─────────────────────► InFlight ──failed──► Retrying
//!           ▲ ▲                          │  ▲                  │ │
//!           │ └── fetched: Event::Media ─┘  └──────── due ─────┘ │
//!           └──── given up, expired: Event::Missed ──────────────┘
//! ```

use core::time::Duration;

use wire::time::Monotonic;

use super::effect::{
    Broadcast, Cause, EndReason, Event, Failure, Fetch, FetchId, Format, Media, Output, Parts,
    Piece, Track as Name, What,
};
use super::loader::{Again, Loader, doubled};
use super::playlist::{MediaPlaylist, Reload};
use super::progress::{Place, Progress};
use super::window::{self, Position, Step, Update};
use crate::limits::HlsLimits;

#[derive(Debug)]
pub(super) struct Track {
    name: Name,
    limits: HlsLimits,
    parts: Parts,
    pub(super) loader: Loader,
    /// Where it stands, once a playlist with segments was loaded.
    progress: Option<Progress>,
    fetching: Fetching,
    /// Attempts at what is next, or was last tried.
    tries: u32,
    /// Begins the next piece afresh.
    discontinuity: bool,
    /// The initialization section that the demuxer has.
    init: Option<Place>,
    epoch: u32,
}

#[derive(Debug)]
enum Fetching {
    Idle,
    InFlight(Job),
    Retrying { at: Monotonic },
}

#[derive(Debug)]
struct Job {
    media: Media,
    /// The initialization section that it is, or needs.
    init: Option<Place>,
}

impl Track {
    pub(super) fn new(loader: Loader, name: Name, parts: Parts, limits: HlsLimits) -> Self {
        Self {
            name,
            limits,
            parts,
            loader,
            progress: None,
            fetching: Fetching::Idle,
            tries: 0,
            discontinuity: false,
            init: None,
            epoch: 0,
        }
    }

    /// Live or not, once a playlist with segments was loaded.
    pub(super) fn broadcast(&self) -> Option<Broadcast> {
        let ended = self.progress.as_ref()?.playlist.ended;
        Some(if ended { Broadcast::Recording } else { Broadcast::Live })
    }

    /// Whether everything of a playlist with an end was fetched or given up.
    pub(super) fn is_finished(&self) -> bool {
        let at_end = self.progress.as_ref().is_some_and(|progress| progress.step() == Step::End);
        at_end && !matches!(self.fetching, Fetching::InFlight(_))
    }

    /// Why nothing more is to be expected at `now`, if so.
    pub(super) fn lost(&self, now: Monotonic) -> Option<EndReason> {
        if now < self.lost_at()? {
            return None;
        }
        let since =
            self.progress.as_ref().map(|progress| progress.grown).or(self.loader.since())?;
        Some(match self.loader.failing() {
            Some(failure) => EndReason::Unreachable { failure },
            None => EndReason::Stalled { quiet: now.since(since) },
        })
    }

    fn lost_at(&self) -> Option<Monotonic> {
        match &self.progress {
            Some(progress) if progress.playlist.ended => None,
            Some(progress) => {
                let patience = self.target(&progress.playlist) * self.limits.stall_targets;
                let patience = patience.max(self.limits.stall_min);
                // What cannot be reached may have grown all the same.
                let failing = self.loader.failing().map(|_| self.limits.unreachable_max);
                Some(progress.grown.plus(patience.max(failing.unwrap_or_default())))
            }
            None => Some(self.loader.since()?.plus(self.limits.unreachable_max)),
        }
    }

    pub(super) fn deadline(&self) -> Option<Monotonic> {
        let retry = match self.fetching {
            Fetching::Retrying { at } => Some(at),
            Fetching::Idle | Fetching::InFlight(_) => None,
        };
        [self.loader.deadline(), retry, self.lost_at()].into_iter().flatten().min()
    }

    fn target(&self, playlist: &MediaPlaylist) -> Duration {
        playlist.target_duration.min(self.limits.target_max)
    }

    /// A playlist was loaded and understood.
    pub(super) fn handle_playlist(
        &mut self,
        now: Monotonic,
        playlist: MediaPlaylist,
        output: &mut Output,
    ) {
        output.counters.playlists_total += 1;
        if self.loader.failing().is_some() {
            // What failed meanwhile did so with the playlist, and deserves its tries again.
            self.tries = 0;
            if let Fetching::Retrying { at } = &mut self.fetching {
                *at = now;
            }
        }
        let target = self.target(&playlist);
        let update = self.accept(now, playlist, output);
        match &self.progress {
            Some(progress) if progress.playlist.ended => self.loader.finish(),
            Some(progress) => {
                let again = self.again(&progress.playlist, update);
                self.loader.settled(now, again, &self.limits);
            }
            None => self.loader.settled(now, Again::After(target / 2), &self.limits),
        }
    }

    /// When to load again (RFC 8216 6.3.4).
    fn again(&self, playlist: &MediaPlaylist, update: Update) -> Again {
        let target = self.target(playlist);
        let unit = match (self.parts, playlist.part_target) {
            (Parts::Fetch, Some(part)) => part.min(target),
            (Parts::Fetch, None) | (Parts::Ignore, _) => target,
        };
        match (update, playlist.control.reload) {
            (Update::Changed | Update::Restarted, Reload::Blocking) => {
                let edge = window::edge(playlist, self.parts_of(playlist));
                Again::Blocking { edge, target }
            }
            (Update::Changed | Update::Restarted, Reload::Plain) => Again::After(unit),
            // A server that says it blocks and does not is asked like any other.
            (Update::Same | Update::Stale, Reload::Blocking | Reload::Plain) => {
                Again::After(unit / 2)
            }
        }
    }

    /// Directives may name a part only where the playlist has parts.
    fn parts_of(&self, playlist: &MediaPlaylist) -> Parts {
        if playlist.part_target.is_some() { self.parts } else { Parts::Ignore }
    }

    /// Takes over what is new in `playlist`.
    fn accept(&mut self, now: Monotonic, playlist: MediaPlaylist, output: &mut Output) -> Update {
        let base = self.loader.base();
        let Some(progress) = &mut self.progress else {
            if playlist.segments.is_empty() && !playlist.ended {
                return Update::Same;
            }
            self.progress = Some(Progress::new(now, playlist, base, self.parts));
            return Update::Changed;
        };
        let update = progress.accept(now, (playlist, base), &self.limits);
        match update {
            Update::Same | Update::Changed => {}
            Update::Stale => output.counters.playlists_stale_total += 1,
            Update::Restarted => {
                output.counters.restarts_total += 1;
                self.epoch = self.epoch.wrapping_add(1);
                (self.discontinuity, self.init, self.tries) = (true, None, 0);
                if let Fetching::Retrying { .. } = self.fetching {
                    self.fetching = Fetching::Idle;
                }
            }
        }
        update
    }

    /// Takes the answer to a request for media, if `id` is one.
    pub(super) fn take(&mut self, id: FetchId) -> Option<Answered> {
        match core::mem::replace(&mut self.fetching, Fetching::Idle) {
            Fetching::InFlight(job) if job.media.id == id => Some(Answered(job)),
            other @ (Fetching::InFlight(_) | Fetching::Idle | Fetching::Retrying { .. }) => {
                self.fetching = other;
                None
            }
        }
    }

    /// Media was fetched.
    pub(super) fn handle_media(&mut self, Answered(job): Answered, output: &mut Output) {
        match job.media.piece {
            Piece::Init => output.counters.inits_total += 1,
            Piece::Segment => output.counters.segments_total += 1,
            Piece::Part { .. } => output.counters.parts_total += 1,
        }
        output.event(Event::Media(job.media));
        let Some(progress) = self.progress.as_mut().filter(|_| job.media.epoch == self.epoch)
        else {
            return;
        };
        self.tries = 0;
        match job.media.piece {
            Piece::Init => self.init = job.init,
            Piece::Segment => progress.position = Position::at(job.media.sequence + 1),
            Piece::Part { index } => progress.position.part = index + 1,
        }
    }

    /// Media could not be fetched.
    pub(super) fn handle_failed(
        &mut self,
        now: Monotonic,
        (Answered(job), failure): (Answered, Failure),
        output: &mut Output,
    ) {
        output.counters.media_failed_total += 1;
        let Some(progress) = self.progress.as_mut().filter(|_| job.media.epoch == self.epoch)
        else {
            // Of a numbering that is over: there is nothing to ask again.
            output.missed(self.name, 1, Cause::Failed(failure));
            return;
        };
        self.discontinuity |= job.media.discontinuity;
        self.tries += 1;
        let spent = self.tries >= self.limits.tries_max && self.loader.failing().is_none();
        // Where caches stand before a server, its newest segment may not have reached them yet.
        let end = window::edge(&progress.playlist, Parts::Ignore).sequence;
        let newest = !progress.playlist.ended && job.media.sequence + 1 >= end;
        let give_up = match failure {
            Failure::Gone | Failure::TooLarge => true,
            Failure::NotFound => !newest || spent,
            Failure::Forbidden
            | Failure::Rejected
            | Failure::Server
            | Failure::Timeout
            | Failure::Network => spent,
        };
        if !give_up {
            let wait = doubled(self.limits.retry_min, self.tries - 1, self.limits.retry_max);
            self.fetching = Fetching::Retrying { at: now.plus(wait) };
            return;
        }
        self.tries = 0;
        if job.media.piece == (Piece::Part { index: 0 }) {
            // Nothing of it is out yet, so nothing is lost if it comes as a whole.
            progress.whole_only = Some(job.media.sequence);
        } else {
            progress.position = Position::at(job.media.sequence + 1);
            output.missed(self.name, 1, Cause::Failed(failure));
        }
    }

    /// Goes on as far as possible: loads the playlist if it is time, skips what cannot be had and
    /// asks for what is next.
    pub(super) fn poll(&mut self, now: Monotonic, output: &mut Output) {
        self.loader.poll(now, &self.limits, output);
        let mut busy = match self.fetching {
            Fetching::InFlight(_) => return,
            Fetching::Retrying { at } => now < at,
            Fetching::Idle => false,
        };
        let Some(mut progress) = self.progress.take() else { return };
        loop {
            if progress.enter() {
                // Whoever packages anew may write another initialization section to the old address.
                (self.discontinuity, self.init) = (true, None);
            }
            let skipped = match progress.step() {
                Step::Wait | Step::End => break,
                Step::Done => None,
                Step::Torn => Some((1, Cause::Torn)),
                Step::Gap => Some((1, Cause::Gap)),
                Step::Expired(segments) => Some((segments, Cause::Expired)),
                Step::Whole | Step::Part if busy => break,
                Step::Whole | Step::Part => match self.fetch(&progress, output) {
                    Some(job) => {
                        self.fetching = Fetching::InFlight(job);
                        break;
                    }
                    None => Some((1, Cause::BadReference)),
                },
            };
            if let Some((segments, cause)) = skipped {
                output.missed(self.name, segments, cause);
            }
            progress.pass(skipped.map_or(1, |(segments, _)| segments));
            (self.fetching, self.tries, busy) = (Fetching::Idle, 0, false);
        }
        self.progress = Some(progress);
    }

    /// Asks for what is at the position, or for the initialization section that it needs. `None`
    /// if a reference is no address.
    fn fetch(&mut self, progress: &Progress, output: &mut Output) -> Option<Job> {
        let segment = progress.playlist.segment(progress.position.sequence)?;
        let init = match &segment.map {
            Some(map) => Some(progress.locate(map)?),
            None => None,
        };
        let (what, piece, duration, place) = if init.is_some() && init != self.init {
            (What::Init, Piece::Init, Duration::ZERO, init.clone()?)
        } else if let (Some(whole), 0) = (&segment.whole, progress.position.part) {
            (What::Segment, Piece::Segment, segment.duration, progress.locate(whole)?)
        } else {
            let part = segment.parts.get(progress.position.part)?;
            let piece = Piece::Part { index: progress.position.part };
            (What::Part, piece, part.duration, progress.locate(&part.resource)?)
        };
        let id = output.fetch_id();
        let bytes_max = match what {
            What::Playlist | What::Init => self.limits.init_bytes_max,
            What::Segment | What::Part => self.limits.segment_bytes_max,
        };
        let (url, byte_range) = place;
        let wait = self.target(&progress.playlist) * 3;
        let wait_max = wait.max(self.limits.media_wait_min).min(self.limits.media_wait_max);
        output.fetch(Fetch { id, track: self.name, what, url, byte_range, wait_max, bytes_max });
        let media = Media {
            id,
            track: self.name,
            format: if init.is_some() { Format::Fmp4 } else { Format::Ts },
            piece,
            epoch: self.epoch,
            sequence: segment.sequence,
            discontinuity: core::mem::take(&mut self.discontinuity),
            duration,
            wall: segment.wall,
        };
        Some(Job { media, init })
    }
}

/// A request for media of this track that was answered.
#[derive(Debug)]
pub(super) struct Answered(Job);
