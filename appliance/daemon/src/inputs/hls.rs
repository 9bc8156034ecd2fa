//! HLS, pulled: requests around `ingest`'s puller and demuxer.
//!
//! Owns the requests in flight, the frames that wait for their time, and when a stream that ended
//! is tried again. Decides nothing about playlists (`ingest::hls`), and reads no segment
//! (`ingest::renditions`).

mod fetch;
mod pacer;
mod queue;

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hal::Clock;
use ingest::access_unit::MediaItem;
use ingest::elementary::Output;
use ingest::hls::{
    AudioPlace, Broadcast, Effect, EndReason, Event, Failure, Fetch, FetchId, Media, Puller,
    Response, Start, Track, What,
};
use ingest::limits::{HlsLimits, Limits};
use ingest::renditions::{Demuxer, MediaError};
use pipeline::feeder::Feeder;
use pipeline::source_clock::Pacing;
use tokio::sync::mpsc;
use tracing::{info, warn};
use ureq::Agent;
use wire::time::Monotonic;

use self::fetch::Fetched;
use self::pacer::Pacer;
use self::queue::Queue;
use super::{Outlet, Presence, Stop};
use crate::clock::SystemClock;
use crate::config::Secret;
use crate::stages::spawn;

/// Between the end of a stream and the next try: first, and at most.
const AGAIN_AFTER: Duration = Duration::from_millis(500);
const AGAIN_AFTER_MAX: Duration = Duration::from_secs(2);
/// Between two looks whether a stream that was complete has begun anew.
const ANEW_AFTER: Duration = Duration::from_secs(5);
/// Answers that wait: the puller has at most two requests in flight for each of two tracks.
const ANSWERS_MAX: usize = 4;

/// What an HLS source pulls.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    /// Address of the playlist; may hold a secret.
    pub(super) url: Secret,
    /// Highest picture, in pixels.
    pub(super) height_max: u32,
    /// PEM file with the authorities that may vouch for the server; the system's without one.
    pub(super) ca: Option<PathBuf>,
}

/// Why a stream came to an end.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("the box stops")]
    Stopped,
    /// A recording that was played already.
    #[error("the stream is complete, and has not begun anew")]
    Stale,
    #[error(transparent)]
    Puller(#[from] EndReason),
    #[error("its media cannot be taken: {0}")]
    Media(#[from] MediaError),
    #[error(transparent)]
    Trust(#[from] fetch::TrustError),
    #[error(transparent)]
    Address(#[from] ingest::hls::UrlError),
}

/// Pulls a stream until the box stops; begins again whenever it ends.
pub(super) async fn serve(
    outlet: &mut Outlet,
    stream: &Stream,
    clock: &Arc<SystemClock>,
    stop: &mut Stop,
) {
    let (mut pause, mut complete, mut told) = (AGAIN_AFTER, false, String::new());
    loop {
        let (ended, came) = match Pull::begin(outlet, stream, clock) {
            Ok(mut pull) => {
                pull.complete = complete;
                (pull.run(stop).await, pull.came)
            }
            Err(ended) => (ended, false),
        };
        let reason = ended.to_string();
        if came {
            outlet.feeder.end().await;
            (outlet.tell)(Presence::Down { reason: format!("stream gone: {reason}") });
            pause = AGAIN_AFTER;
        }
        // The same once is enough: a server may be away for hours.
        if reason != told {
            warn!(source = outlet.source.as_str(), "{reason}");
            told = if came { String::new() } else { reason };
        }
        let after = match ended {
            Ended::Stopped => return,
            Ended::Stale => ANEW_AFTER,
            Ended::Puller(EndReason::Finished) => {
                complete = true;
                ANEW_AFTER
            }
            Ended::Puller(_) | Ended::Media(_) | Ended::Trust(_) | Ended::Address(_) => {
                let after = pause;
                pause = (2 * pause).min(AGAIN_AFTER_MAX);
                after
            }
        };
        tokio::select! {
            () = clock.sleep_until(clock.now().plus(after)) => {}
            () = stop.wait() => return,
        }
    }
}

/// One stream from its playlist to its end.
struct Pull<'a> {
    outlet: &'a mut Outlet,
    clock: Arc<SystemClock>,
    agent: Agent,
    puller: Puller,
    answers: (mpsc::Sender<Answer>, mpsc::Receiver<Answer>),
    /// Media that was fetched and not named by the puller yet.
    bodies: HashMap<FetchId, Bytes>,
    /// Requests that failed, as far as they are counted.
    failed: u64,
    /// Requests for media that would bring more than may wait: at most one a track.
    held: VecDeque<Fetch>,
    demuxer: Demuxer,
    waiting: Queue,
    pacer: Pacer,
    /// The stream before was complete: a recording is nothing new.
    complete: bool,
    /// Media came.
    came: bool,
}

type Answer = (FetchId, What, Result<Fetched, Failure>);

impl<'a> Pull<'a> {
    fn begin(
        outlet: &'a mut Outlet,
        stream: &Stream,
        clock: &Arc<SystemClock>,
    ) -> Result<Self, Ended> {
        let url = stream.url.expose();
        outlet.feeder.pace(Pacing::Box);
        outlet.feeder.start_stream();
        let start = Start { height_max: stream.height_max, ..Start::default() };
        Ok(Self {
            outlet,
            clock: Arc::clone(clock),
            agent: fetch::agent(url, stream.ca.as_deref())?,
            puller: Puller::new(url, HlsLimits::default(), start)?,
            answers: mpsc::channel(ANSWERS_MAX),
            bodies: HashMap::new(),
            failed: 0,
            held: VecDeque::new(),
            demuxer: Demuxer::new(Limits::default(), AudioPlace::Main),
            waiting: Queue::default(),
            pacer: Pacer::default(),
            complete: false,
            came: false,
        })
    }

    async fn run(&mut self, stop: &mut Stop) -> Ended {
        self.puller.handle_deadline(self.clock.now());
        let mut ending = None;
        loop {
            if ending.is_none()
                && let Err(ended) = self.act()
            {
                // What waits for the other list waits for nothing now. Why it ended is known already.
                let _ = self.demuxer.finish();
                self.drain();
                ending = Some(ended);
            }
            let Some(due) = self.play().await else {
                // What came before the end is played before it is told.
                if let Some(ended) = ending {
                    return ended;
                }
                match self.wait(None, stop).await {
                    Some(ended) => return ended,
                    None => continue,
                }
            };
            if let Some(ended) = self.wait(Some(due), stop).await {
                return ended;
            }
        }
    }

    /// Waits for the next thing that happens.
    async fn wait(&mut self, due: Option<Monotonic>, stop: &mut Stop) -> Option<Ended> {
        let clock = &self.clock;
        let patience = self.demuxer.deadline();
        let deadline = self.puller.deadline();
        let later = |at: Option<Monotonic>| async move {
            match at {
                Some(at) => clock.sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            answer = self.answers.1.recv() => if let Some(answer) = answer {
                self.take(answer);
            },
            () = later(deadline) => self.puller.handle_deadline(clock.now()),
            () = later(due) => {}
            () = later(patience) => {}
            () = stop.wait() => return Some(Ended::Stopped),
        }
        None
    }

    fn take(&mut self, (id, what, answer): Answer) {
        let now = self.clock.now();
        match answer {
            Ok(Fetched { body, final_url }) => {
                let text = if what == What::Playlist { body.as_ref() } else { &[] };
                let response = Response { body: text, final_url: &final_url };
                self.puller.handle_fetched(now, id, response);
                if what != What::Playlist {
                    self.bodies.insert(id, body);
                }
            }
            Err(failure) => self.puller.handle_failed(now, id, failure),
        }
    }

    /// Does what the puller asks for.
    fn act(&mut self) -> Result<(), Ended> {
        let counters = self.puller.counters();
        let failed = counters.playlists_failed_total + counters.media_failed_total;
        let before = std::mem::replace(&mut self.failed, failed);
        self.outlet.feeder.count_failed(failed - before);
        while let Some(effect) = self.puller.next_effect() {
            match effect {
                Effect::Fetch(fetch) => self.send(fetch),
                Effect::Event(event) => self.handle(event)?,
            }
        }
        // Whatever the puller did not name by now is not wanted.
        self.bodies.clear();
        self.demuxer.handle_time(self.clock.now())?;
        self.drain();
        if let Some(at) = self.held.iter().position(|fetch| self.has_room(fetch.track))
            && let Some(fetch) = self.held.remove(at)
        {
            self.send(fetch);
        }
        Ok(())
    }

    /// Whether more of a list may wait. What waits for the other list is not counted against that
    /// one: it would never come.
    fn has_room(&self, track: Track) -> bool {
        self.waiting.has_room(self.demuxer.waiting(track))
    }

    fn send(&mut self, fetch: Fetch) {
        if fetch.what != What::Playlist && !self.has_room(fetch.track) {
            self.held.push_back(fetch);
            return;
        }
        let (agent, answers) = (self.agent.clone(), self.answers.0.clone());
        let (id, what) = (fetch.id, fetch.what);
        let request = move || {
            let answer = fetch::get(&agent, &fetch);
            // Nobody waits for it any more: the stream ended meanwhile.
            let _ = answers.blocking_send((id, what, answer));
        };
        // Never joined: a request may take as long as it may, and the box does not wait for it.
        if let Err(error) = spawn("hls-fetch", request) {
            warn!(source = self.outlet.source.as_str(), "{error:#}");
            self.puller.handle_failed(self.clock.now(), id, Failure::Network);
        }
    }

    fn handle(&mut self, event: Event) -> Result<(), Ended> {
        match event {
            Event::Began { broadcast, audio, variant } => {
                if self.complete && broadcast == Broadcast::Recording {
                    return Err(Ended::Stale);
                }
                self.demuxer = Demuxer::new(Limits::default(), audio);
                if broadcast == Broadcast::Live {
                    self.pacer.catch_up();
                }
                let size = variant.and_then(|variant| variant.resolution);
                info!(
                    source = self.outlet.source.as_str(),
                    ?broadcast,
                    ?size,
                    ?audio,
                    "HLS stream found"
                );
                Ok(())
            }
            Event::Media(media) => self.media(&media),
            Event::Missed { track, segments, cause } => {
                warn!(
                    source = self.outlet.source.as_str(),
                    segments,
                    ?track,
                    ?cause,
                    "segments missing"
                );
                self.outlet.feeder.count_missed(segments);
                Ok(self.demuxer.handle_missed(self.clock.now(), track)?)
            }
            Event::AudioLost(reason) => {
                warn!(source = self.outlet.source.as_str(), "sound lost: {reason}");
                Ok(self.demuxer.handle_sound_lost(self.clock.now())?)
            }
            Event::Ended(reason) => Err(reason.into()),
        }
    }

    fn media(&mut self, media: &Media) -> Result<(), Ended> {
        let Some(body) = self.bodies.remove(&media.id) else { return Ok(()) };
        let read = self.demuxer.handle_piece(self.clock.now(), media, &body);
        if let Some(complaint) = self.demuxer.complaint() {
            warn!(source = self.outlet.source.as_str(), "{complaint}");
        }
        self.drain();
        Ok(read?)
    }

    fn drain(&mut self) {
        while let Some(output) = self.demuxer.next_output() {
            self.waiting.push(output);
        }
        self.outlet.feeder.note(self.demuxer.counters());
    }

    /// Hands out what is due; returns when the next one is.
    async fn play(&mut self) -> Option<Monotonic> {
        loop {
            let now = self.clock.now();
            let due = match self.waiting.times()? {
                Some((next, newest)) => {
                    let due = self.pacer.due(now, (next, newest));
                    if due > now {
                        return Some(due);
                    }
                    self.pacer.played(now, next, due);
                    due
                }
                None => now,
            };
            let next = self.waiting.pop()?;
            self.hand_out(next, due).await;
        }
    }

    async fn hand_out(&mut self, output: Output, due: Monotonic) {
        let feeder: &mut Feeder<SystemClock> = &mut self.outlet.feeder;
        match output {
            Output::Discontinuity => {
                self.pacer.cut();
                feeder.start_epoch();
            }
            Output::Item(mut item) => {
                if !std::mem::replace(&mut self.came, true) {
                    (self.outlet.tell)(Presence::Up { from: "HLS stream".to_owned() });
                }
                if let MediaItem::Unit(unit) = &mut item {
                    // As a camera would have delivered it: the segment came in one piece.
                    unit.arrived = due;
                }
                feeder.feed(item).await;
            }
        }
    }
}
