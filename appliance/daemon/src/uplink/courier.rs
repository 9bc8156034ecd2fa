//! Connection B: clips, one at a time, newest first.
//!
//! Carries out what [`outbox::Upload`] decides, and evicts by [`outbox::evict`]. A clip's file is
//! removed only after the receiver's word or a recorded eviction is durable.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hal::Clock;
use mqtt::{Encoding, Event, Message, Retain, Session, Verdict};
use outbox::{Class, Evictable, Outcome, Sent, Taken, Upload, UploadEffect, evict};
use tokio::sync::{mpsc, oneshot};
use wire::envelope::{Body, Notice, NoticeKind};
use wire::time::Monotonic;
use wire::topic::FilePart;
use wire::transfer::{FileInit, FileResponse};

use super::letters;
use super::line::Line;
use super::{Config, Handle, Offer, Stats, sleep};
use crate::store::{Farewell, Opened, Store, StoreError, StoredClip};

mod disk;

const KEEP_ALIVE: Duration = Duration::from_secs(10);
const GOODBYE: Duration = Duration::from_millis(500);
/// Wait before the store is asked again after it failed.
const STORE_RETRY: Duration = Duration::from_secs(1);
/// A clip whose file is good but that the receiver cannot verify waits so long.
const SUSPECT_WAIT: Duration = Duration::from_secs(60);
/// Room for topic and properties in the broker's largest packet.
const PACKET_OVERHEAD: u32 = 512;
const PACKET_BYTES_MAX: u32 = 64 * 1024;

/// The courier's ends of links.
pub(super) struct Links {
    pub(super) offered: mpsc::Receiver<Offer>,
    pub(super) answers: mpsc::Receiver<FileResponse>,
    pub(super) stats: Stats,
    /// For notices of evictions.
    pub(super) handle: Handle,
}

/// The clip that is being uploaded.
struct Job {
    clip: StoredClip,
    file: Arc<File>,
    upload: Upload,
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
    /// Largest segment that the broker takes.
    chunk_bytes: u32,
    stop: Option<oneshot::Sender<()>>,
}

enum Woken {
    Offer(Option<Offer>),
    Answer(Box<FileResponse>),
    Connection(Event<Sent>),
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
            chunk_bytes: config.shape.chunk_bytes,
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
        let Self { clock, links, line, .. } = self;
        tokio::select! {
            offer = links.offered.recv() => Woken::Offer(offer),
            Some(answer) = links.answers.recv() => Woken::Answer(Box::new(answer)),
            event = line.next() => Woken::Connection(event),
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
                self.evict().await;
            }
            Woken::Offer(Some(Offer::Stop(reply))) => self.stop = Some(reply),
            Woken::Answer(answer) => match &mut self.job {
                Some(job) if job.clip.record.id == answer.file => {
                    let text = answer.reason_description.as_str();
                    tracing::debug!(clip = %answer.file, step = ?answer.step, text, "answered");
                    job.upload.handle_response(now, &answer);
                }
                // A late answer for a clip that is settled.
                Some(_) | None => {}
            },
            Woken::Connection(event) => self.handle_connection(now, event),
            Woken::Offer(None) | Woken::Deadline => {}
        }
    }

    fn handle_connection(&mut self, now: Monotonic, event: Event<Sent>) {
        match event {
            Event::Up(limits) => {
                self.line.come_up(now);
                let most = limits.packet_bytes_max.unwrap_or(u32::MAX);
                let room = most.saturating_sub(PACKET_OVERHEAD).max(1);
                self.chunk_bytes = self.config.shape.chunk_bytes.min(room);
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
                if let Some(job) = &mut self.job {
                    job.upload.handle_puback(now, sent, taken);
                }
            }
            Event::Message(_) => {}
            Event::Down(reason) => self.go_down(now, &reason),
        }
    }

    fn go_down(&mut self, now: Monotonic, reason: &str) {
        self.line.fail(now, reason);
        if let Some(job) = &mut self.job {
            job.upload.handle_disconnected();
        }
    }

    async fn act(&mut self) {
        let now = self.clock.now();
        if self.has_work() && self.line.retry_at().is_some_and(|at| at <= now) {
            self.line.open(self.session());
        }
        if self.job.is_none() && self.not_before <= now {
            self.start_next().await;
        }
        while let Some(job) = &mut self.job {
            match job.upload.next(self.clock.now()) {
                Some(UploadEffect::Send(sent)) => {
                    if let Err(error) = self.send(sent).await {
                        let reason = format!("its file cannot be read: {error}");
                        self.give_up(reason).await;
                    }
                }
                Some(UploadEffect::Reconnect) => self.go_down(now, "no PUBACK for a segment"),
                Some(UploadEffect::Done(outcome)) => self.settle(outcome).await,
                None => return,
            }
        }
    }

    /// The newest goes first: what people wait for is never behind a backlog.
    async fn start_next(&mut self) {
        while let Some(clip) = self.waiting.pop_back() {
            let file = match disk::open(&clip) {
                Ok(file) => Arc::new(file),
                Err(error) => {
                    let reason = format!("its file cannot be used: {error}");
                    self.drop_clip(clip, reason).await;
                    continue;
                }
            };
            let shape = outbox::Shape { chunk_bytes: self.chunk_bytes, ..self.config.shape };
            let mut upload = Upload::new(clip.record.bytes, shape, clip.record.id.0 as u64);
            if self.line.is_up() {
                upload.handle_connected();
            }
            self.job = Some(Job { clip, file, upload });
            return;
        }
    }

    async fn send(&mut self, sent: Sent) -> io::Result<()> {
        let (Some(job), Some(connection)) = (&mut self.job, self.line.up()) else {
            return Ok(());
        };
        let record = &job.clip.record;
        let (part, payload, encoding) = match sent {
            Sent::Init => {
                let name = job.clip.path.file_name().unwrap_or_default().to_string_lossy();
                let init = FileInit {
                    name: name.chars().filter(char::is_ascii).take(80).collect(),
                    size: record.bytes,
                    checksum: record.sha256.clone(),
                    user_data: record.clone(),
                };
                (FilePart::Init, letters::json(&init), Encoding::Json)
            }
            Sent::Segment { offset, length } => {
                let bytes = disk::read(Arc::clone(&job.file), offset, length).await?;
                (FilePart::Segment(offset), bytes, Encoding::Octets)
            }
            Sent::Fin => {
                let fin = FilePart::Fin(record.bytes, record.sha256.clone());
                (fin, Bytes::new(), Encoding::Octets)
            }
        };
        let topic = self.config.device.file(record.id, &part).as_str().to_owned();
        let message = Message { topic, payload, encoding, retain: Retain::No };
        if let Err(error) = connection.publish(sent, message) {
            tracing::warn!(%error, ?sent, clip = %record.id, "not published; asked again later");
            job.upload.handle_puback(self.clock.now(), sent, Taken::NoReceiver);
        }
        Ok(())
    }

    async fn settle(&mut self, outcome: Outcome) {
        let Some(job) = self.job.take() else { return };
        match outcome {
            Outcome::Persisted => {
                tracing::info!(clip = %job.clip.record.id, bytes = job.clip.record.bytes, "delivered");
                self.release(job.clip, Farewell::Delivered).await;
                self.links.stats.update(|stats| stats.clips_delivered += 1);
            }
            Outcome::Cancelled => {
                self.drop_clip(job.clip, "the receiver does not want it".to_owned()).await;
            }
            Outcome::Suspect => match disk::verify(&job.clip).await {
                Ok(disk::Verified::Same) => {
                    tracing::error!(clip = %job.clip.record.id, "the receiver cannot verify a good clip; tried again in a minute");
                    self.waiting.push_front(job.clip);
                    self.not_before = self.clock.now().plus(SUSPECT_WAIT);
                }
                Ok(disk::Verified::Different) => {
                    self.drop_clip(job.clip, "its file is damaged".to_owned()).await;
                }
                Err(error) => {
                    self.drop_clip(job.clip, format!("its file cannot be read: {error}")).await;
                }
            },
        }
    }

    async fn give_up(&mut self, reason: String) {
        if let Some(job) = self.job.take() {
            self.drop_clip(job.clip, reason).await;
        }
    }

    async fn evict(&mut self) {
        let item = |(index, clip): (usize, &StoredClip)| Evictable {
            index,
            class: Class::P3,
            age: clip.age,
            bytes: clip.record.bytes,
        };
        let stored: Vec<Evictable> = self.waiting.iter().enumerate().map(item).collect();
        let mut victims = evict(stored, self.config.quota);
        // From the back, so that the indices stay true.
        victims.sort_by_key(|victim| std::cmp::Reverse(victim.index));
        for victim in victims {
            if let Some(clip) = self.waiting.remove(victim.index) {
                self.drop_clip(clip, victim.reason.as_str().to_owned()).await;
            }
        }
    }

    async fn drop_clip(&mut self, clip: StoredClip, reason: String) {
        tracing::error!(clip = %clip.record.id, reason, "given up");
        self.links.stats.update(|stats| stats.clips_dropped += 1);
        let text = format!("clip {} was given up: {reason}", clip.record.id);
        let notice = Notice {
            kind: NoticeKind::Evicted,
            source: Some(clip.record.source.clone()),
            count: 1,
            text: text.chars().filter(char::is_ascii).take(160).collect(),
        };
        if self.links.handle.publish(Body::Notice(notice)).is_err() {
            tracing::error!("the notice of it could not be published; the store records it");
        }
        self.release(clip, Farewell::Dropped(reason)).await;
    }

    /// First durable, then removed. Waits while the store cannot write: without its record no
    /// file goes.
    async fn release(&self, clip: StoredClip, farewell: Farewell) {
        loop {
            let released = match self.store.release_clip(clip.record.id, farewell.clone()) {
                Ok(mut ticket) => ticket.outcome().await,
                Err(error) => Err(error),
            };
            match released {
                Ok(()) => break,
                Err(StoreError::Closed) => return,
                Err(error @ (StoreError::Busy | StoreError::Failed(_))) => {
                    tracing::warn!(%error, "a clip is not released yet");
                    self.clock.sleep_until(self.clock.now().plus(STORE_RETRY)).await;
                }
            }
        }
        disk::remove(&self.store, &clip);
    }

    fn session(&self) -> Session {
        let device = &self.config.device;
        Session {
            client_id: format!("courtside-{}-{}-b", device.tenant, device.device),
            keep_alive: KEEP_ALIVE,
            will: None,
            window: self.config.shape.window.saturating_add(8),
            packet_bytes_max: PACKET_BYTES_MAX,
            subscriptions: Vec::new(),
        }
    }

    fn deadline(&self) -> Option<Monotonic> {
        let work = self.has_work();
        let retry = self.line.retry_at().filter(|_| work);
        let start = (self.job.is_none() && work).then_some(self.not_before);
        let upload = self.job.as_ref().and_then(|job| job.upload.deadline()).map(|(at, _why)| at);
        [retry, start, upload].into_iter().flatten().min()
    }

    fn has_work(&self) -> bool {
        self.job.is_some() || !self.waiting.is_empty()
    }

    fn tell_stats(&self) {
        let job = self.job.as_ref().map(|job| &job.clip);
        let clips = || self.waiting.iter().chain(job);
        self.links.stats.update(|stats| {
            stats.clips_connected = self.line.is_up();
            stats.clips_waiting = clips().count();
            stats.clip_bytes_waiting = clips().map(|clip| clip.record.bytes).sum();
        });
    }
}
