//! Connection B: clips, one at a time, newest first.
//!
//! Carries out what [`outbox::Upload`] decides, and evicts by [`outbox::evict`]. A clip's file is
//! removed only after the receiver's word or a recorded eviction is durable.

use std::collections::VecDeque;
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use hal::Clock;
use mqtt::{Event, Session, Verdict};
use outbox::{Clip, Closed, Delays, Pacer, Play, Sent, Taken, Terms, Upload, UploadEffect, Waits};
use tokio::sync::{mpsc, oneshot, watch};
use wire::time::Monotonic;
use wire::transfer::FileResponse;

use super::budget::Budget;
use super::hour::local_minute;
use super::line::Line;
use super::{Config, Handle, Offer, Pulse, Stats, Tempo, Way, Wished, sleep};
use crate::store::{Opened, Spending, Store, StoredClip};

mod announcing;
mod disk;
mod links;
mod put;
mod settling;
mod wire_bytes;

pub use put::{PlainLinks, Trust};

use put::{Put, PutEvent};

const KEEP_ALIVE: Duration = Duration::from_secs(10);
const GOODBYE: Duration = Duration::from_millis(500);
/// A connection that was not needed for so long is closed: pings cost money on metered links.
const UNUSED_MAX: Duration = Duration::from_secs(60);
/// Room for topic and properties in the broker's largest packet.
const PACKET_OVERHEAD: u32 = 512;
const PACKET_BYTES_MAX: u32 = 64 * 1024;
/// How often a closed gate is looked at.
const GATE_EVERY: Duration = Duration::from_secs(30);
/// For a clip that was played so long ago nobody waits.
const BACKLOG_AFTER_US: i64 = 10 * 60 * 1_000_000;
/// Beside segments: announcement and end.
const WINDOW_MORE: u16 = 2;
/// A receiver that is back after hours is asked again within ten seconds: with the longest wait
/// for the line that is less than the half minute in which a box must have recovered.
const WAITS: Waits = Waits {
    answer: Delays { first: Duration::from_secs(2), longest: Duration::from_secs(10) },
    puback_max: Duration::from_secs(20),
};

/// The courier's ends of links.
pub(super) struct Links {
    pub(super) offered: mpsc::Receiver<Offer>,
    pub(super) answers: mpsc::Receiver<FileResponse>,
    pub(super) pulse: watch::Receiver<Pulse>,
    pub(super) tempo: watch::Receiver<Tempo>,
    pub(super) wished: watch::Receiver<Wished>,
    pub(super) stats: Stats,
    /// For notices of evictions.
    pub(super) handle: Handle,
}

/// The clip that is being uploaded.
struct Job {
    clip: StoredClip,
    file: Arc<File>,
    upload: Upload,
    /// Where the receiver wants the bytes that go next, if not as messages.
    link: Option<String>,
    /// The request to a link, while there is one.
    put: Option<Put>,
}

pub(super) struct Courier<C> {
    config: Arc<Config>,
    clock: Arc<C>,
    store: Store,
    links: Links,
    /// Oldest first.
    waiting: VecDeque<StoredClip>,
    next_age: u64,
    job: Option<Job>,
    /// Nothing starts before.
    not_before: Monotonic,
    line: Line<Sent>,
    pacer: Pacer,
    /// Bytes of clips a day.
    budget: Budget,
    /// Why no clip goes now.
    held: Option<Closed>,
    /// When there last was a clip to be uploaded.
    used: Monotonic,
    stop: Option<oneshot::Sender<()>>,
}

enum Woken {
    Offer(Option<Offer>),
    Answer(Box<FileResponse>),
    Connection(Event<Sent>),
    Put(PutEvent),
    Pulse,
    Tempo,
    Wish,
    Deadline,
}

impl<C: Clock> Courier<C> {
    pub(super) fn new(
        config: Arc<Config>,
        opened: &Opened,
        (clock, links): (Arc<C>, Links),
    ) -> Self {
        let waiting: VecDeque<StoredClip> = opened.clips.iter().cloned().collect();
        let next_age = waiting.back().map_or(0, |clip| clip.age + 1);
        disk::remove_leftovers(&opened.store, &opened.leftovers);
        Self {
            store: opened.store.clone(),
            links,
            waiting,
            next_age,
            job: None,
            not_before: clock.now(),
            line: Line::new(config.endpoint.clone(), clock.now(), !u64::from(opened.boot.0)),
            pacer: Pacer::new(clock.now(), config.terms),
            budget: Budget::new(opened, Spending::Clips, config.day_bytes_max.clips),
            held: None,
            used: clock.now(),
            stop: None,
            config,
            clock,
        }
    }

    /// Runs until it is told to stop.
    pub(super) async fn run(mut self) {
        self.evict().await;
        loop {
            self.act().await;
            self.tell_stats();
            if let Some(stop) = self.stop.take() {
                self.budget.note();
                self.line.close(GOODBYE).await;
                let _caller_is_gone = stop.send(());
                return;
            }
            let woken = self.wait().await;
            self.handle(woken).await;
        }
    }

    async fn wait(&mut self) -> Woken {
        let deadline = self.deadline();
        let Self { clock, links, line, job, .. } = self;
        tokio::select! {
            offer = links.offered.recv() => Woken::Offer(offer),
            Some(answer) = links.answers.recv() => Woken::Answer(Box::new(answer)),
            event = line.next() => Woken::Connection(event),
            event = links::next_event(job) => Woken::Put(event),
            Ok(()) = links.pulse.changed() => Woken::Pulse,
            Ok(()) = links.tempo.changed() => Woken::Tempo,
            Ok(()) = links.wished.changed() => Woken::Wish,
            () = sleep(&**clock, deadline) => Woken::Deadline,
        }
    }

    async fn handle(&mut self, woken: Woken) {
        let now = self.clock.now();
        match woken {
            Woken::Offer(Some(Offer::Clip(mut clip))) => {
                clip.age = self.next_age;
                self.next_age += 1;
                self.waiting.push_back(*clip);
                self.look_again(now);
                self.evict().await;
            }
            Woken::Offer(Some(Offer::Stop(reply))) => self.stop = Some(reply),
            Woken::Answer(answer) => self.handle_answer(now, &answer),
            Woken::Connection(event) => self.handle_connection(now, event),
            Woken::Put(event) => self.handle_put(now, event),
            Woken::Pulse => self.handle_pulse(),
            Woken::Tempo | Woken::Wish => self.look_again(now),
            Woken::Offer(None) | Woken::Deadline => {}
        }
    }

    fn handle_connection(&mut self, now: Monotonic, event: Event<Sent>) {
        match event {
            Event::Up(limits) => {
                self.line.come_up(now);
                self.pacer.handle_connected(self.terms(limits));
                if let Some(job) = &mut self.job {
                    job.upload.handle_connected();
                }
            }
            Event::Answered(sent, verdict) => {
                let taken = match verdict {
                    Verdict::Accepted => Taken::Accepted,
                    Verdict::NoReceiver => Taken::NoReceiver,
                    Verdict::Refused(reason) => {
                        tracing::warn!(?sent, reason, "the broker refused a part of a clip");
                        Taken::NoReceiver
                    }
                };
                if let Sent::Segment { offset, .. } = sent {
                    self.pacer.handle_answered(now, offset);
                }
                if let Some(job) = &mut self.job {
                    job.upload.handle_puback(now, sent, taken);
                }
            }
            Event::Message(_) => {}
            Event::Down(reason) => self.go_down(now, &reason),
        }
    }

    /// What held clips back may be over.
    fn look_again(&mut self, now: Monotonic) {
        if self.held.take().is_some() {
            self.not_before = now;
        }
    }

    fn handle_pulse(&mut self) {
        let Pulse { sent, answered } = *self.links.pulse.borrow_and_update();
        if let Some(at) = sent {
            self.pacer.handle_event(at);
        }
        if let Some((at, took)) = answered {
            self.pacer.handle_event_answered(at, took);
        }
    }

    /// What the operator set, as far as this broker takes it.
    fn terms(&self, limits: mqtt::Limits) -> Terms {
        let Terms { segment_bytes: (least, most), window, .. } = self.config.terms;
        let room = limits.packet_bytes_max.unwrap_or(u32::MAX).saturating_sub(PACKET_OVERHEAD);
        let most = most.min(room.max(1));
        let window = window.min(limits.window.saturating_sub(WINDOW_MORE)).max(1);
        Terms { segment_bytes: (least.min(most), most), window, ..self.config.terms }
    }

    fn go_down(&mut self, now: Monotonic, reason: &str) {
        self.line.fail(now, reason);
        self.pacer.handle_disconnected();
        if let Some(job) = &mut self.job {
            job.put = None;
            job.upload.handle_disconnected();
        }
    }

    async fn act(&mut self) {
        let now = self.clock.now();
        if self.has_work() {
            self.used = now;
        } else if self.line.is_up() && now.since(self.used) >= UNUSED_MAX {
            self.line.hang_up(now, GOODBYE).await;
            self.pacer.handle_disconnected();
        }
        if self.has_work() && self.line.retry_at().is_some_and(|at| at <= now) {
            self.line.open(self.session());
        }
        self.put_back_what_may_not_go();
        if self.job.is_none() && self.not_before <= now {
            self.start_next().await;
        }
        while self.job.is_some() {
            // A clip whose bytes are all there is brought to its end on the same day.
            let sends_bytes = self.job.as_ref().is_some_and(|job| job.upload.sends_bytes());
            let wall = self.clock.wall_time();
            if sends_bytes && let Err(closed) = self.budget.judge(wall) {
                self.put_back(closed);
                return;
            }
            let Some(job) = &mut self.job else { return };
            match job.upload.next(self.clock.now(), &mut self.pacer) {
                Some(UploadEffect::Send(sent)) => {
                    if let Err(error) = self.send(sent).await {
                        let reason = format!("its file cannot be read: {error}");
                        self.give_up(reason).await;
                    }
                }
                Some(UploadEffect::Reconnect) => self.go_down(now, "no PUBACK for a segment"),
                Some(UploadEffect::Open { length, .. }) => self.open_put(length),
                Some(UploadEffect::HangUp) => self.hang_up_put(),
                Some(UploadEffect::Done(outcome)) => self.settle(outcome).await,
                None => return,
            }
        }
    }

    /// Whether a clip may go now, as far as hours and play are concerned.
    fn judge(&self, clip: &StoredClip) -> Result<(), Closed> {
        let wall = self.clock.wall_time();
        let play = match *self.links.tempo.borrow() {
            Tempo::Live => Play::On,
            Tempo::Idle => Play::Off,
        };
        let age = wall.0.saturating_sub(clip.record.starts.0);
        let clip = if age > BACKLOG_AFTER_US { Clip::Backlog } else { Clip::New };
        let wish = self.links.wished.borrow().at(self.clock.now());
        self.config.gate.judge(local_minute(wall), (play, wish), clip)
    }

    /// What the receiver has of it stays there: it goes on where it stopped.
    fn put_back_what_may_not_go(&mut self) {
        let judged = self.job.as_ref().map(|job| self.judge(&job.clip));
        if let Some(Err(closed)) = judged {
            self.put_back(closed);
        }
    }

    fn put_back(&mut self, closed: Closed) {
        if let Some(job) = self.take_job() {
            tracing::info!(clip = %job.clip.record.id, ?closed, "held back");
            self.waiting.push_back(job.clip);
        }
    }

    /// The newest goes first: what people wait for is never behind a backlog.
    async fn start_next(&mut self) {
        self.held = None;
        while let Some(clip) = self.waiting.back() {
            let judged = self.judge(clip);
            let wall = self.clock.wall_time();
            self.held = judged.and_then(|()| self.budget.judge(wall)).err();
            if self.held.is_some() {
                self.not_before = self.clock.now().plus(GATE_EVERY);
                return;
            }
            let Some(clip) = self.waiting.pop_back() else { return };
            let file = match disk::open(&clip) {
                Ok(file) => Arc::new(file),
                Err(error) => {
                    let reason = format!("its file cannot be used: {error}");
                    self.drop_clip(clip, reason).await;
                    continue;
                }
            };
            let mut upload = Upload::new(clip.record.bytes, WAITS, clip.record.id.0 as u64);
            if let Way::Links(_) = self.config.way {
                upload = upload.by_links();
            }
            if self.line.is_up() {
                upload.handle_connected();
            }
            self.job = Some(Job { clip, file, upload, link: None, put: None });
            return;
        }
    }

    fn session(&self) -> Session {
        let device = &self.config.device;
        Session {
            client_id: format!("courtside-{}-{}-b", device.tenant, device.device),
            keep_alive: KEEP_ALIVE,
            will: None,
            window: self.config.terms.window.saturating_add(WINDOW_MORE),
            packet_bytes_max: PACKET_BYTES_MAX,
            subscriptions: Vec::new(),
        }
    }

    fn deadline(&self) -> Option<Monotonic> {
        let work = self.has_work();
        let retry = self.line.retry_at().filter(|_| work);
        let start = (self.job.is_none() && !self.waiting.is_empty()).then_some(self.not_before);
        let upload = self.job.as_ref().and_then(|job| job.upload.deadline(&self.pacer));
        let unused = (!work && self.line.is_up()).then(|| self.used.plus(UNUSED_MAX));
        [retry, start, unused, upload.map(|(at, _why)| at)].into_iter().flatten().min()
    }

    /// There is something that may go.
    fn has_work(&self) -> bool {
        self.job.is_some() || (!self.waiting.is_empty() && self.held.is_none())
    }

    fn tell_stats(&self) {
        let job = self.job.as_ref().map(|job| &job.clip);
        let clips = || self.waiting.iter().chain(job);
        self.links.stats.update(|stats| {
            stats.clips_connected = self.line.is_up();
            stats.link = self.pacer.link();
            stats.clip_bytes_today = self.budget.spent().bytes;
            stats.clips_held = self.held.filter(|_| self.job.is_none());
            stats.clips_waiting = clips().count();
            stats.clip_bytes_waiting = clips().map(|clip| clip.record.bytes).sum();
        });
    }
}

#[cfg(test)]
mod tests {
    use super::WAITS;
    use crate::uplink::line::RECONNECT;

    /// A clip waited for up to a minute after a long fault was over.
    #[test]
    fn longest_waits_fit_into_the_half_minute_of_recovery() {
        let longest = RECONNECT.longest + WAITS.answer.longest;
        assert!(longest.as_secs() < 30, "{longest:?}");
    }
}
