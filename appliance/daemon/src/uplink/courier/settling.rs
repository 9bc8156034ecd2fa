//! What becomes of a clip: delivered, given up, or evicted.
//!
//! Nothing goes before its record is durable.

use std::time::Duration;

use hal::Clock;
use outbox::{Class, Evictable, Outcome, evict};
use wire::envelope::{Body, Notice, NoticeKind};

use super::{Courier, disk};
use crate::store::{Farewell, StoreError, StoredClip};

/// Wait before the store is asked again after it failed.
const STORE_RETRY: Duration = Duration::from_secs(1);
/// A clip whose file is good but that the receiver cannot verify waits so long.
const SUSPECT_WAIT: Duration = Duration::from_secs(60);

impl<C: Clock> Courier<C> {
    pub(super) async fn settle(&mut self, outcome: Outcome) {
        let Some(job) = self.take_job() else { return };
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

    pub(super) async fn give_up(&mut self, reason: String) {
        if let Some(job) = self.take_job() {
            self.drop_clip(job.clip, reason).await;
        }
    }

    pub(super) async fn evict(&mut self) {
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

    pub(super) async fn drop_clip(&mut self, clip: StoredClip, reason: String) {
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
        faults::mark("clip.release.before");
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
        faults::mark("clip.release.after");
        disk::remove(&self.store, &clip);
    }
}
