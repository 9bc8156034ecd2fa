//! The cutter stage: takes ordered clips off its link, waits until their recording is complete,
//! cuts them, and hands them on.
//!
//! Owns the loop and the waiting; the cut itself is [`crate::cut`]. Runs on a thread of its own,
//! because it waits for the disk. A disk that takes no clip now is asked again every second: the
//! recording is held meanwhile, and later orders wait behind it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_lite::future;
use hal::Clock;
use wire::ids::ClipId;

use crate::cut::{ClipSink, CutError, Cutter, Finished, Job};
use crate::health::{Beat, Counter};
use crate::links::{CutItem, Cuts};
use crate::record::FragmentStore;
use crate::recording::Progress;

/// A clip to be cut.
pub struct CutOrder {
    /// What to cut.
    pub job: Job,
    /// Its recording.
    pub recording: Arc<dyn FragmentStore>,
    /// How far the recording is; `None` when it belongs to an earlier boot and is all there is.
    pub progress: Option<Arc<Progress>>,
    /// Clips that were planned for the job's other events and are merged into this one.
    pub merged: Vec<ClipId>,
}

/// Where cut clips go; implemented by the daemon.
pub trait Delivery: Send {
    /// A clip is durable on the box, or could not be cut.
    fn deliver(&mut self, order: &CutOrder, outcome: Result<Finished, CutError>);
}

/// What the cutter stage works with.
pub struct CutStage<C, D> {
    /// The time.
    pub clock: Arc<C>,
    /// Orders.
    pub cuts: Arc<Cuts>,
    /// Where clips are stored.
    pub sink: Arc<dyn ClipSink + Send + Sync>,
    /// Where they go from there.
    pub delivery: D,
    /// What happened.
    pub health: Arc<CutHealth>,
}

/// Counters and beat of the cutter stage.
#[derive(Default)]
pub struct CutHealth {
    /// Clips cut.
    pub clips: Counter,
    /// Clips that could not be cut.
    pub failed: Counter,
    /// Attempts that the disk refused; they are made again.
    pub refused: Counter,
    /// Clips that lack a part of what they should show.
    pub incomplete: Counter,
    /// Moves while it cuts.
    pub beat: Arc<Beat>,
}

/// Longest wait for the end of a clip's recording once its plan is due by the pictures that were
/// analysed: the recorder is at most as far behind as its link is deep, about three seconds.
const PATIENCE: Duration = Duration::from_secs(4);

/// Between two attempts to write a clip.
const DISK_RETRY: Duration = Duration::from_secs(1);
/// A disk that took no clip for ten minutes does not get better by waiting.
const DISK_ATTEMPTS_MAX: u32 = 600;
/// Orders that wait behind one that the disk does not take; the rest stays on the link.
const WAITING_MAX: usize = 16;

/// Cuts clips until [`CutItem::Shutdown`].
pub async fn cut_clips<C: Clock, D: Delivery>(mut stage: CutStage<C, D>) {
    let mut cutter = Cutter::default();
    let mut waiting = VecDeque::new();
    loop {
        let order = match waiting.pop_front() {
            Some(order) => order,
            None => match stage.cuts.receive().await {
                CutItem::Order(order) => order,
                CutItem::Shutdown => return,
            },
        };
        let wanted = order.job.plan.interval;
        // Without a hold the clip is cut all the same, unless the ring evicts faster.
        let hold = order.recording.hold(wanted).ok();
        if let Some(progress) = &order.progress {
            let deadline = stage.clock.now().plus(PATIENCE);
            progress.reach(&*order.recording, wanted.end, (&*stage.clock, deadline)).await;
        }
        let outcome = stage.cut(&mut cutter, &order, &mut waiting).await;
        if let Some(hold) = hold {
            order.recording.release(hold);
        }
        // Told to stop while the disk took nothing: its plan stays, and the next start cuts it.
        let Some(outcome) = outcome else { return };
        let _work = stage.health.beat.work();
        match &outcome {
            Ok(finished) => {
                stage.health.clips.count();
                if !finished.missing.is_nothing() {
                    stage.health.incomplete.count();
                }
            }
            Err(_) => stage.health.failed.count(),
        }
        stage.delivery.deliver(&order, outcome);
    }
}

impl<C: Clock, D> CutStage<C, D> {
    /// Cuts a clip, as soon as the disk takes it. `None` when the stage is to stop before.
    async fn cut(
        &self,
        cutter: &mut Cutter,
        order: &CutOrder,
        waiting: &mut VecDeque<Box<CutOrder>>,
    ) -> Option<Result<Finished, CutError>> {
        for _ in 1..DISK_ATTEMPTS_MAX {
            let outcome = {
                let _work = self.health.beat.work();
                cutter.cut(&order.job, &*order.recording, &*self.sink)
            };
            let Err(CutError::Sink(_)) = outcome else { return Some(outcome) };
            self.health.refused.count();
            if self.wait_for_disk(waiting).await == Told::Stop {
                return None;
            }
        }
        let _work = self.health.beat.work();
        Some(cutter.cut(&order.job, &*order.recording, &*self.sink))
    }

    /// Takes orders meanwhile, so that the word to stop is heard.
    async fn wait_for_disk(&self, waiting: &mut VecDeque<Box<CutOrder>>) -> Told {
        let until = self.clock.now().plus(DISK_RETRY);
        while waiting.len() < WAITING_MAX {
            let received = async { Some(self.cuts.receive().await) };
            let elapsed = async {
                self.clock.sleep_until(until).await;
                None
            };
            match future::or(received, elapsed).await {
                Some(CutItem::Order(order)) => waiting.push_back(order),
                Some(CutItem::Shutdown) => return Told::Stop,
                None => return Told::GoOn,
            }
        }
        self.clock.sleep_until(until).await;
        Told::GoOn
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    GoOn,
    Stop,
}
