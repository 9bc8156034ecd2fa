//! A clip that the disk refused stays wanted.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clips::planner::ClipPlan;
use courtside::outputs::Shipping;
use courtside::store::StoredPlan;
use courtside::vault::{Clips, Recordings};
use pipeline::cut::{Anchor, CutError, Job, SinkError};
use pipeline::cutting::{CutOrder, Delivery};
use wire::ids::{BootId, ClipId, Name};
use wire::time::{MediaInterval, MediaTime, WallTime};

use crate::bench::Bench;
use crate::runtime;

fn order(bench: &Bench, id: ClipId) -> CutOrder {
    let source: Name = "court-1".parse().expect("a name");
    let recordings = Recordings::open(bench.folder.path(), 1 << 20).expect("a folder");
    let recording = Arc::new(recordings.recording(&source, BootId(1)).expect("a recording"));
    let interval = MediaInterval { start: MediaTime(0), end: MediaTime(90_000) };
    let plan = ClipPlan { interval, events: heapless::Vec::new() };
    let anchor = Anchor { media: MediaTime(0), wall: WallTime(0) };
    let job = Job { id, source, plan, anchor };
    CutOrder { job, recording, progress: None, merged: Vec::new() }
}

/// A full disk made the cutter forget a clip for good, although its recording was there.
#[test]
fn clip_that_the_disk_refused_stays_wanted_over_a_restart() {
    runtime().block_on(async {
        // Nobody listens there, and nobody has to.
        let bench = Bench::new(9);
        let id = ClipId(42);
        {
            let (opened, handle) = bench.start_box();
            let plan = StoredPlan { id, payload: vec![1, 2, 3] };
            let mut planned = opened.store.put_plan(plan).expect("there is room");
            planned.outcome().await.expect("a plan is stored");
            let mut shipping = Shipping {
                uplink: handle.clone(),
                store: opened.store.clone(),
                clips: Arc::new(Clips::open(bench.folder.path()).expect("a folder")),
                ids: Arc::new(Mutex::new(HashMap::new())),
            };
            let order = order(&bench, id);
            let reason = io::Error::from(io::ErrorKind::StorageFull);
            let refused = SinkError { clip: id, place: "the disk".to_owned(), reason };
            let deliver = move || shipping.deliver(&order, Err(CutError::Sink(refused)));
            tokio::task::spawn_blocking(deliver).await.expect("it is told");
            handle.drain(Duration::from_secs(1)).await;
        }
        let (opened, _handle) = bench.restart_box().await;
        let plans: Vec<ClipId> = opened.plans.iter().map(|plan| plan.id).collect();
        assert_eq!(plans, [id]);
    });
}
