//! What an earlier start left undone: clips that were planned and not cut, and files that nobody
//! knows any more.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Result;
use clips::planner::{ClipRequest, Planner};
use pipeline::cut::{Anchor, Job};
use pipeline::cutting::CutOrder;
use pipeline::links::{CutItem, Cuts};
use tracing::{info, warn};
use wire::ids::{BootId, ClipId, EventId, Name};
use wire::time::MediaTime;

use crate::config::Config;
use crate::outputs::Wanted;
use crate::store::{Finish, Opened};
use crate::vault::{Clips, Recordings};

/// Removes clip files that the store does not know: the power went between the file and its row.
/// Its plan is still there, and the clip is cut again.
///
/// # Errors
/// The folder of clips cannot be read, or a file cannot be removed.
pub fn remove(opened: &Opened, clips: &Clips) -> Result<()> {
    for (id, bytes) in clips.list()? {
        let known = opened.clips.iter().chain(&opened.leftovers).any(|clip| clip.record.id == id);
        if !known {
            info!(clip = %id, bytes, "removed a clip file that was not finished");
            clips.remove(id)?;
        }
    }
    Ok(())
}

/// Orders the clips that an earlier boot planned and did not cut, from its recordings.
pub(super) async fn cut(
    config: &Config,
    opened: Opened,
    (recordings, cuts): (&Arc<Recordings>, &Arc<Cuts>),
) {
    let mut by_recording: BTreeMap<(BootId, Name), Vec<(ClipId, Wanted)>> = BTreeMap::new();
    for plan in opened.plans {
        match serde_json::from_slice::<Wanted>(&plan.payload) {
            Ok(wanted) => {
                let key = (wanted.boot, wanted.source.clone());
                by_recording.entry(key).or_default().push((plan.id, wanted));
            }
            Err(error) => {
                warn!(clip = %plan.id, %error, "planned clip not understood; it is dropped");
                let finish = Finish::Dropped(format!("its plan cannot be read: {error}"));
                if let Err(refused) = opened.store.finish_plan(plan.id, finish) {
                    warn!(%refused, clip = %plan.id, "it is looked at again at the next start");
                }
            }
        }
    }
    for ((boot, source), wanted) in by_recording {
        let recording = match recordings.recording(&source, boot) {
            Ok(recording) => Arc::new(recording),
            Err(error) => {
                warn!(%error, "clips of an earlier start are not cut now");
                continue;
            }
        };
        for (job, merged) in jobs(config, &source, &wanted) {
            info!(clip = %job.id, source = source.as_str(), boot = boot.0, "clip of an earlier start");
            let recording = Arc::clone(&recording) as _;
            let order = CutOrder { job, recording, progress: None, merged };
            cuts.send(CutItem::Order(Box::new(order))).await;
        }
    }
}

/// The clips of one recording, merged as they would have been.
fn jobs(config: &Config, source: &Name, wanted: &[(ClipId, Wanted)]) -> Vec<(Job, Vec<ClipId>)> {
    let clips = &config.clips;
    let rolls = clips::planner::Config::new(clips.pre_roll, clips.post_roll, clips.max)
        .expect("the configuration's rolls were checked when it was read");
    let mut planner = Planner::new(rolls);
    let ids: BTreeMap<EventId, (ClipId, &Wanted)> =
        wanted.iter().map(|(id, wanted)| (wanted.event, (*id, wanted))).collect();
    let mut jobs = Vec::new();
    let mut hand_out = |planner: &mut Planner| {
        while let Some(plan) = planner.next(MediaTime(i64::MAX)) {
            let known = plan.events.iter().filter_map(|event| ids.get(&event.id)).copied();
            let mut known = known.collect::<Vec<_>>().into_iter();
            let Some((id, first)) = known.next() else { continue };
            let anchor = Anchor { media: first.at, wall: first.wall };
            let merged = known.map(|(id, _)| id).collect();
            jobs.push((Job { id, source: source.clone(), plan, anchor }, merged));
        }
    };
    for (_, wanted) in wanted {
        let request = ClipRequest { id: wanted.event, kind: wanted.kind, at: wanted.at };
        if planner.handle_event(&request).is_err() {
            // Full: what waits is complete, since nothing is live here.
            hand_out(&mut planner);
            // Cannot be full now.
            let _ = planner.handle_event(&request);
        }
    }
    hand_out(&mut planner);
    jobs
}
