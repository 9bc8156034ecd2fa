//! The cutter stage: takes ordered clips off its link, waits until their recording is complete,
//! cuts them, and hands them on.
//!
//! Owns the loop and the waiting; the cut itself is [`crate::cut`]. Runs on a thread of its own,
//! because it waits for the disk.

use std::sync::Arc;
use std::time::Duration;

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
    /// Clips that lack a part of what they should show.
    pub incomplete: Counter,
    /// Moves while it cuts.
    pub beat: Arc<Beat>,
}

/// Longest wait for the end of a clip's recording once its plan is due by the pictures that were
/// analysed: the recorder is at most as far behind as its link is deep, about three seconds.
const PATIENCE: Duration = Duration::from_secs(4);

/// Cuts clips until [`CutItem::Shutdown`].
pub async fn cut_clips<C: Clock, D: Delivery>(mut stage: CutStage<C, D>) {
    let mut cutter = Cutter::default();
    loop {
        let order = match stage.cuts.receive().await {
            CutItem::Order(order) => order,
            CutItem::Shutdown => return,
        };
        let wanted = order.job.plan.interval;
        // Without a hold the clip is cut all the same, unless the ring evicts faster.
        let hold = order.recording.hold(wanted).ok();
        if let Some(progress) = &order.progress {
            let deadline = stage.clock.now().plus(PATIENCE);
            progress.reach(&*order.recording, wanted.end, (&*stage.clock, deadline)).await;
        }
        let _work = stage.health.beat.work();
        let outcome = cutter.cut(&order.job, &*order.recording, &*stage.sink);
        if let Some(hold) = hold {
            order.recording.release(hold);
        }
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
