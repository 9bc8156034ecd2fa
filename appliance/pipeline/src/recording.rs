//! The recorder stage: takes one source's media off its link and keeps it in the ring, and tells
//! the cutter how far the recording is complete.
//!
//! Owns the loop; fragments are made by [`crate::record`]. Runs on a thread of its own, because
//! it waits for the disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use embassy_sync::signal::Signal;
use hal::{Clock, LinkMutex};
use wire::time::{MediaTime, Monotonic};

use crate::health::{Beat, Counter};
use crate::links::SourceItem;
use crate::record::{FragmentStore, RecordError, Recorder, Stored};
use crate::source::SourceLinks;

/// How far a recording is, shared between its recorder and the cutter.
pub struct Progress {
    wanted_upto: AtomicI64,
    live: AtomicBool,
    stored: Signal<LinkMutex, ()>,
}

impl Default for Progress {
    fn default() -> Self {
        let wanted_upto = AtomicI64::new(i64::MIN);
        Self { wanted_upto, live: AtomicBool::new(false), stored: Signal::new() }
    }
}

impl Progress {
    /// Waits until `store` has everything before `upto`, the source ends, or `deadline` passes.
    /// One caller at a time: the cutter.
    pub async fn reach<C: Clock>(
        &self,
        store: &dyn FragmentStore,
        upto: MediaTime,
        (clock, deadline): (&C, Monotonic),
    ) {
        self.wanted_upto.fetch_max(upto.0, Ordering::Relaxed);
        while store.complete_upto().is_none_or(|complete| complete < upto)
            && self.live.load(Ordering::Acquire)
            && clock.now() < deadline
        {
            futures_lite::future::or(self.stored.wait(), clock.sleep_until(deadline)).await;
        }
    }
}

/// What the recorder stage of one source works with.
pub struct RecordStage {
    /// The source's links.
    pub links: Arc<SourceLinks>,
    /// Where fragments go.
    pub store: Arc<dyn FragmentStore>,
    /// Told to the cutter.
    pub progress: Arc<Progress>,
    /// What happened.
    pub health: Arc<RecordHealth>,
    /// Told about everything that is not in the recording.
    pub complain: Box<dyn Fn(&RecordError) + Send>,
}

/// Counters and beat of one recorder stage.
#[derive(Default)]
pub struct RecordHealth {
    /// Fragments stored.
    pub fragments: Counter,
    /// Fragments that could not be stored.
    pub fragments_lost: Counter,
    /// Fragments evicted to keep the quota.
    pub evicted: Counter,
    /// Evicted fragments that a pending clip needed.
    pub evicted_held: Counter,
    /// Moves with every item.
    pub beat: Arc<Beat>,
}

/// Records one source until [`SourceItem::Shutdown`].
pub async fn record(stage: RecordStage) {
    let mut recorder = Recorder::new(Arc::clone(&stage.store));
    loop {
        let item = stage.links.packets.receive().await;
        let _work = stage.health.beat.work();
        let stored = match item {
            SourceItem::Media(item) => {
                stage.progress.live.store(true, Ordering::Release);
                let stored = recorder.handle(item);
                stage.note(stored);
                let wanted = stage.progress.wanted_upto.load(Ordering::Relaxed);
                if wanted == i64::MIN {
                    continue;
                }
                recorder.seal_upto(MediaTime(wanted))
            }
            SourceItem::Gap { .. } => recorder.finish(),
            SourceItem::End => {
                let stored = recorder.finish();
                stage.progress.live.store(false, Ordering::Release);
                stage.progress.stored.signal(());
                stored
            }
            SourceItem::Shutdown => {
                stage.note(recorder.finish());
                stage.progress.live.store(false, Ordering::Release);
                stage.progress.stored.signal(());
                return;
            }
        };
        stage.note(stored);
    }
}

impl RecordStage {
    fn note(&self, stored: Result<Option<Stored>, RecordError>) {
        match stored {
            Ok(None) => {}
            Ok(Some(stored)) => {
                self.health.fragments.count();
                self.health.evicted.add(u64::from(stored.appended.evicted));
                self.health.evicted_held.add(u64::from(stored.appended.evicted_held));
                self.progress.stored.signal(());
            }
            Err(error) => {
                self.health.fragments_lost.count();
                (self.complain)(&error);
            }
        }
    }
}
