//! The HLS source as a whole: which playlists are pulled, and when it ends.
//!
//! Sans-IO: the shell calls [`Puller::handle_deadline`] first and whenever
//! [`Puller::deadline`] has come, answers every [`Effect::Fetch`](super::Effect::Fetch) and acts
//! on what [`Puller::next_effect`] returns. How fast media comes is not its business: everything
//! that is available is fetched at once, one segment at a time.
//!
//! ```text
//!           a list of variants: choose one
//! Opening ─────────────────────────────────► Pulling ──all tracks at their end──► Ended
//!    │  └───── a list of segments: take it ─────►│                                  ▲
//!    │                                           └─ main track lost, refused ──────►│
//!    └── no playlist in time, refused, no playlist at all ─────────────────────────►┘
//! ```

use wire::time::Monotonic;

use super::effect::{
    AudioPlace, Counters, Effect, EndReason, Event, Failure, FetchId, Output, Response, Start,
    Track as Name,
};
use super::loader::{Again, Loader};
use super::multivariant;
use super::playlist::{self, Multivariant, Playlist, PlaylistError, Variant};
use super::track::Track;
use super::{UrlError, location};
use crate::limits::HlsLimits;

/// Pulls one stream.
#[derive(Debug)]
pub struct Puller {
    limits: HlsLimits,
    start: Start,
    state: State,
    output: Output,
}

#[derive(Debug)]
enum State {
    Opening(Box<Loader>),
    Pulling(Box<Pulling>),
    Ended,
}

#[derive(Debug)]
struct Pulling {
    main: Track,
    audio: Audio,
    began: Began,
}

#[derive(Debug)]
enum Audio {
    Within,
    Separate(Box<Track>),
    Lost,
}

/// Whether [`Event::Began`] is out.
#[derive(Debug)]
enum Began {
    NotYet { variant: Option<Variant> },
    Told,
}

impl Puller {
    /// A puller of the stream at `url`: of a list of variants or of one of segments.
    ///
    /// # Errors
    /// [`UrlError`] if `url` is no http or https address.
    pub fn new(url: &str, limits: HlsLimits, start: Start) -> Result<Self, UrlError> {
        let url = location::address(url).ok_or(UrlError)?;
        let state = State::Opening(Box::new(Loader::new(Name::Main, url)));
        Ok(Self { limits, start, state, output: Output::default() })
    }

    /// The request `id` brought `response`. Answers that are not awaited are ignored.
    pub fn handle_fetched(&mut self, now: Monotonic, id: FetchId, response: Response<'_>) {
        if let State::Opening(loader) = &mut self.state {
            if loader.take(id) {
                self.open(now, response);
            }
        } else {
            self.each(|track, output, limits| {
                if let Some(answered) = track.take(id) {
                    track.handle_media(answered, output);
                } else if track.loader.take(id) {
                    return load(now, track, (response, limits), output);
                }
                Ok(())
            });
        }
        self.poll(now);
    }

    /// The request `id` brought nothing. Answers that are not awaited are ignored.
    pub fn handle_failed(&mut self, now: Monotonic, id: FetchId, failure: Failure) {
        if let State::Opening(loader) = &mut self.state {
            if loader.take(id) {
                self.output.counters.playlists_failed_total += 1;
                if is_final(failure) {
                    self.end(EndReason::Unreachable { failure });
                } else {
                    loader.failed(now, failure, &self.limits);
                }
            }
        } else {
            self.each(|track, output, limits| {
                if let Some(answered) = track.take(id) {
                    track.handle_failed(now, (answered, failure), output);
                } else if track.loader.take(id) {
                    output.counters.playlists_failed_total += 1;
                    if track.broadcast().is_none() && is_final(failure) {
                        return Err(EndReason::Unreachable { failure });
                    }
                    track.loader.failed(now, failure, limits);
                }
                Ok(())
            });
        }
        self.poll(now);
    }

    /// Does what is due at `now`.
    pub fn handle_deadline(&mut self, now: Monotonic) {
        self.poll(now);
    }

    /// When [`handle_deadline`](Self::handle_deadline) is due. In the past until its first call.
    pub fn deadline(&self) -> Option<Monotonic> {
        match &self.state {
            State::Opening(loader) => {
                let lost = loader.since().map(|since| since.plus(self.limits.unreachable_max));
                loader.deadline().into_iter().chain(lost).min()
            }
            State::Pulling(pulling) => {
                let audio = match &pulling.audio {
                    Audio::Separate(track) => track.deadline(),
                    Audio::Within | Audio::Lost => None,
                };
                pulling.main.deadline().into_iter().chain(audio).min()
            }
            State::Ended => None,
        }
    }

    /// The next thing to do.
    pub fn next_effect(&mut self) -> Option<Effect> {
        self.output.next()
    }

    /// What was done so far.
    pub const fn counters(&self) -> Counters {
        self.output.counters
    }

    /// The first playlist was loaded.
    fn open(&mut self, now: Monotonic, response: Response<'_>) {
        let State::Opening(mut loader) = core::mem::replace(&mut self.state, State::Ended) else {
            return;
        };
        loader.located(response.final_url);
        let (limits, parts) = (self.limits, self.start.parts);
        match playlist::parse(response.body, &limits) {
            Ok(Playlist::Media(playlist)) => {
                let mut main = Track::new(*loader, Name::Main, parts, limits);
                main.handle_playlist(now, playlist, &mut self.output);
                let began = Began::NotYet { variant: None };
                self.state =
                    State::Pulling(Box::new(Pulling { main, audio: Audio::Within, began }));
            }
            Ok(Playlist::Multivariant(playlist)) => match self.choose(&loader, &playlist) {
                Ok(pulling) => {
                    self.output.counters.playlists_total += 1;
                    self.state = State::Pulling(Box::new(pulling));
                }
                Err(error) => self.fail(error),
            },
            // An encoder that is just starting: its playlist will fill.
            Err(PlaylistError::Empty) => {
                loader.settled(now, Again::After(limits.backoff_max), &limits);
                self.state = State::Opening(loader);
            }
            Err(error) => self.fail(error),
        }
    }

    fn choose(&self, from: &Loader, playlist: &Multivariant) -> Result<Pulling, PlaylistError> {
        let variant = multivariant::choose(playlist, self.start.height_max);
        let variant = variant.ok_or(PlaylistError::NoVariant)?;
        let track = |name, reference: &str, what| {
            let url = location::resolve(from.base(), reference);
            let url = url.ok_or(PlaylistError::BadReference { what })?;
            Ok(Track::new(Loader::new(name, url), name, self.start.parts, self.limits))
        };
        let main = track(Name::Main, &variant.uri, "a variant")?;
        let audio = match multivariant::audio(playlist, variant) {
            Some(reference) => {
                Audio::Separate(Box::new(track(Name::Audio, reference, "an audio rendition")?))
            }
            None => Audio::Within,
        };
        Ok(Pulling { main, audio, began: Began::NotYet { variant: Some(variant.clone()) } })
    }

    /// The first playlist cannot be used.
    fn fail(&mut self, error: PlaylistError) {
        self.output.counters.playlists_failed_total += 1;
        self.end(EndReason::Playlist(error));
    }

    fn end(&mut self, reason: EndReason) {
        self.state = State::Ended;
        self.output.event(Event::Ended(reason));
    }

    /// Does the same to every track; whoever fails is lost.
    fn each(
        &mut self,
        mut act: impl FnMut(&mut Track, &mut Output, &HlsLimits) -> Result<(), EndReason>,
    ) {
        let State::Pulling(pulling) = &mut self.state else { return };
        if let Audio::Separate(track) = &mut pulling.audio
            && let Err(reason) = act(track, &mut self.output, &self.limits)
        {
            pulling.audio = Audio::Lost;
            self.output.event(Event::AudioLost(reason));
        }
        if let Err(reason) = act(&mut pulling.main, &mut self.output, &self.limits) {
            self.end(reason);
        }
    }

    fn poll(&mut self, now: Monotonic) {
        if let State::Opening(loader) = &mut self.state {
            loader.poll(now, &self.limits, &mut self.output);
            let since = loader.since().unwrap_or(now);
            if since.plus(self.limits.unreachable_max) <= now {
                let reason = match loader.failing() {
                    Some(failure) => EndReason::Unreachable { failure },
                    None => EndReason::Playlist(PlaylistError::Empty),
                };
                self.end(reason);
            }
            return;
        }
        let told = self.tell_began();
        self.each(|track, output, limits| {
            if let Some(reason) = track.lost(now) {
                return Err(reason);
            }
            if told {
                track.poll(now, output);
            } else {
                // Audio may be ready before the picture, and waits for it.
                track.loader.poll(now, limits, output);
            }
            Ok(())
        });
        if let State::Pulling(pulling) = &self.state {
            let audio_finished = match &pulling.audio {
                Audio::Separate(track) => track.is_finished(),
                Audio::Within | Audio::Lost => true,
            };
            if pulling.main.is_finished() && audio_finished {
                self.end(EndReason::Finished);
            }
        }
    }

    /// Tells once that the stream is there. Returns whether that is out.
    fn tell_began(&mut self) -> bool {
        let State::Pulling(pulling) = &mut self.state else { return false };
        let Some(broadcast) = pulling.main.broadcast() else { return false };
        let audio = match pulling.audio {
            Audio::Separate(_) => AudioPlace::Separate,
            Audio::Within | Audio::Lost => AudioPlace::Main,
        };
        if let Began::NotYet { variant } = core::mem::replace(&mut pulling.began, Began::Told) {
            self.output.event(Event::Began { broadcast, audio, variant });
        }
        true
    }
}

/// Whether asking for a first playlist again is of no use.
const fn is_final(failure: Failure) -> bool {
    match failure {
        Failure::Gone | Failure::Forbidden | Failure::Rejected | Failure::TooLarge => true,
        Failure::NotFound | Failure::Server | Failure::Timeout | Failure::Network => false,
    }
}

/// A playlist of a track was loaded.
fn load(
    now: Monotonic,
    track: &mut Track,
    (response, limits): (Response<'_>, &HlsLimits),
    output: &mut Output,
) -> Result<(), EndReason> {
    let error = match playlist::parse(response.body, limits) {
        Ok(Playlist::Media(playlist)) => {
            track.loader.located(response.final_url);
            track.handle_playlist(now, playlist, output);
            return Ok(());
        }
        Ok(Playlist::Multivariant(_)) => PlaylistError::Nested,
        Err(error) => error,
    };
    output.counters.playlists_failed_total += 1;
    // Later on, a server that is being restarted may answer with anything for a while.
    if track.broadcast().is_none() && error != PlaylistError::Empty
        || matches!(error, PlaylistError::Encrypted { .. })
    {
        return Err(EndReason::Playlist(error));
    }
    track.loader.failed(now, Failure::Server, limits);
    Ok(())
}
