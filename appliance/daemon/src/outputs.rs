//! What becomes of the director's and the cutter's decisions: events to the uplink, wanted clips
//! to the store, cuts to the cutter, finished clips to the store and the uplink.
//!
//! Owns the link between an event that deserves a clip and the clip's identity. Every event gets
//! its own clip id when it is confirmed, stored durably; a clip that shows several events takes
//! the first one's id and settles the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use clips::planner::ClipPlan;
use models::incoming::Adaptation;
use pipeline::cut::{Anchor, CutError, Finished, Job, SinkError};
use pipeline::cutting::{CutOrder, Delivery};
use pipeline::director::Outputs;
use pipeline::links::{CutItem, Cuts};
use pipeline::record::FragmentStore;
use pipeline::recording::Progress;
use serde::{Deserialize, Serialize};
use tracing::{error, info, warn};
use wire::board::BoardReading;
use wire::envelope::{Body, Notice, NoticeKind};
use wire::event::{GameEvent, Stage};
use wire::ids::{BootId, ClipId, EventId, Name};
use wire::time::{MediaTime, WallTime};

use crate::store::{Finish, Store, StoredPlan};
use crate::uplink;
use crate::vault::Clips;

/// An event whose clip is not cut yet, as the store keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wanted {
    /// The source.
    pub source: Name,
    /// The boot whose recording shows it.
    pub boot: BootId,
    /// The event.
    pub event: EventId,
    /// What happened.
    pub kind: wire::event::EventKind,
    /// Its moment.
    pub at: MediaTime,
    /// UTC of the moment.
    pub wall: WallTime,
}

/// Clip ids of events that wait for their clip.
pub type Ids = Arc<Mutex<HashMap<EventId, ClipId>>>;

/// A source, as far as clips are concerned.
pub struct Recorded {
    /// Its name.
    pub name: Name,
    /// Its recording of this boot.
    pub recording: Arc<dyn FragmentStore>,
    /// How far it is.
    pub progress: Arc<Progress>,
}

/// The director's outputs.
pub struct Decisions {
    /// This start of the device.
    pub boot: BootId,
    /// Events and notices go here.
    pub uplink: uplink::Handle,
    /// Wanted clips are kept here.
    pub store: Store,
    /// Orders go here.
    pub cuts: Arc<Cuts>,
    /// The sources, in the order of their numbers.
    pub sources: Vec<Recorded>,
    /// Shared with the cutter's outputs.
    pub ids: Ids,
}

impl Outputs for Decisions {
    fn announce(&mut self, event: GameEvent) {
        let kind = event.kind.as_str();
        match event.stage {
            Stage::Provisional | Stage::Confirmed => info!(
                id = %event.id, kind, stage = ?event.stage, at = event.at.as_secs_f64(),
                confidence = event.confidence.as_share(), "event"
            ),
            Stage::Retracted => info!(id = %event.id, kind, "event retracted"),
        }
        if let Err(refused) = self.uplink.publish(Body::Game(event)) {
            error!(%refused, "event not published");
        }
    }

    fn tell_board(&mut self, reading: BoardReading) {
        info!(
            source = %reading.source, home = reading.home, away = reading.away,
            period = reading.period, at = reading.at.as_secs_f64(), "board"
        );
        if let Err(refused) = self.uplink.publish(Body::Board(reading)) {
            error!(%refused, "the board's reading not published");
        }
    }

    fn tell_adaptation(&mut self, source: usize, adaptation: Adaptation) {
        let name = &self.sources[source].name;
        info!(source = %name, "{adaptation}");
        let told = notice(NoticeKind::Adapted, Some(name.clone()), &adaptation.to_string());
        if let Err(refused) = self.uplink.publish(Body::Notice(told)) {
            warn!(%refused, "how the source is looked at was not published");
        }
    }

    fn tell_replay(&mut self, source: usize, began: MediaTime) {
        let name = &self.sources[source].name;
        info!(source = %name, began = began.as_secs_f64(), "a replay: nothing in it is counted");
    }

    fn want_clip(&mut self, source: usize, event: &GameEvent) {
        let wanted = Wanted {
            source: self.sources[source].name.clone(),
            boot: self.boot,
            event: event.id,
            kind: event.kind,
            at: event.at,
            wall: event.at_arrived,
        };
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let id = *ids.entry(event.id).or_insert_with(new_clip_id);
        drop(ids);
        // Strings, numbers and enums: nothing that JSON cannot say.
        let payload = serde_json::to_vec(&wanted).expect("a wanted clip is plain data");
        if let Err(refused) = self.store.put_plan(StoredPlan { id, payload }) {
            warn!(%refused, clip = %id, "clip not remembered over a restart");
        }
    }

    fn unwant_clip(&mut self, _source: usize, event: EventId) {
        let id = self.ids.lock().unwrap_or_else(PoisonError::into_inner).remove(&event);
        let Some(id) = id else { return };
        let finish = Finish::Dropped("its event was retracted".to_owned());
        if let Err(refused) = self.store.finish_plan(id, finish) {
            warn!(%refused, clip = %id, "retracted clip not forgotten; the next start cuts it");
        }
    }

    fn cut(&mut self, source: usize, plan: ClipPlan, anchor: Anchor) -> Result<(), Box<ClipPlan>> {
        let recorded = &self.sources[source];
        let (id, merged) = identities(&self.ids, &plan);
        let order = CutOrder {
            job: Job { id, source: recorded.name.clone(), plan, anchor },
            recording: Arc::clone(&recorded.recording),
            progress: Some(Arc::clone(&recorded.progress)),
            merged,
        };
        self.cuts.try_send(CutItem::Order(Box::new(order))).map_err(|full| {
            let embassy_sync::channel::TrySendError::Full(item) = full;
            match item {
                CutItem::Order(order) => Box::new(order.job.plan),
                CutItem::Shutdown => unreachable!("an order was sent"),
            }
        })
    }
}

/// The clip's id and those of the other events it shows.
fn identities(ids: &Ids, plan: &ClipPlan) -> (ClipId, Vec<ClipId>) {
    let ids = ids.lock().unwrap_or_else(PoisonError::into_inner);
    let mut known: Vec<ClipId> =
        plan.events.iter().filter_map(|event| ids.get(&event.id).copied()).collect();
    if known.is_empty() {
        return (new_clip_id(), Vec::new());
    }
    let first = known.remove(0);
    (first, known)
}

fn new_clip_id() -> ClipId {
    ClipId(uuid::Uuid::new_v4().as_u128())
}

/// The cutter's outputs.
pub struct Shipping {
    /// Records and notices go here.
    pub uplink: uplink::Handle,
    /// What became of a plan is kept here.
    pub store: Store,
    /// Knows where a clip's file is.
    pub clips: Arc<Clips>,
    /// Shared with the director's outputs.
    pub ids: Ids,
}

impl Delivery for Shipping {
    fn deliver(&mut self, order: &CutOrder, outcome: Result<Finished, CutError>) {
        let id = order.job.id;
        let finish = match &outcome {
            Ok(finished) => Finish::Cut(Box::new(finished.record.clone()), self.clips.path(id)),
            // A disk that took nothing is no reason to forget what was wanted: all plans of the
            // order stay, and the next start cuts them if the recording is still there.
            Err(CutError::Sink(error)) => return self.tell_not_cut(order, error),
            Err(error) => Finish::Dropped(error.to_string()),
        };
        faults::mark("clip.settle.before");
        let stored = self.store.finish_plan(id, finish).and_then(crate::store::Ticket::wait);
        faults::mark("clip.settle.after");
        for other in &order.merged {
            let finish = Finish::Dropped(format!("it is shown in clip {id}"));
            if let Err(refused) = self.store.finish_plan(*other, finish) {
                warn!(%refused, clip = %other, "merged clip not settled; the next start cuts it");
            }
        }
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        for event in &order.job.plan.events {
            ids.remove(&event.id);
        }
        drop(ids);
        match outcome {
            Ok(finished) => self.ship(order, finished, stored.err()),
            Err(error) => {
                error!(%error, clip = %id, "clip lost");
                self.notice(NoticeKind::ClipLost, &order.job.source, &error.to_string());
            }
        }
    }
}

impl Shipping {
    fn tell_not_cut(&self, order: &CutOrder, error: &SinkError) {
        error!(%error, clip = %order.job.id, "clip not cut; the next start tries again");
        self.notice(NoticeKind::ClipLost, &order.job.source, &error.to_string());
    }

    fn ship(
        &self,
        order: &CutOrder,
        finished: Finished,
        unstored: Option<crate::store::StoreError>,
    ) {
        let record = finished.record;
        info!(clip = %record.id, seconds = record.interval.end.since(record.interval.start)
            .as_secs_f64(), frames = record.frames, mib = record.bytes >> 20, "clip cut");
        if let Some(error) = unstored {
            warn!(%error, clip = %record.id, "clip not remembered over a restart");
        }
        if !finished.missing.is_nothing() {
            let text = format!(
                "clip {}: {} ms missing at the start, {} ms at the end, {} ms within",
                record.id,
                finished.missing.before.as_millis(),
                finished.missing.after.as_millis(),
                finished.missing.gaps.as_millis()
            );
            self.notice(NoticeKind::ClipIncomplete, &order.job.source, &text);
        }
        if let Err(refused) = self.uplink.publish(Body::Clip(record.clone())) {
            warn!(%refused, "clip not announced; its upload announces it");
        }
        let path = self.clips.path(record.id);
        if let Err(refused) = self.uplink.offer_clip(record, path) {
            warn!(%refused, "clip waits for the next start");
        }
        faults::mark("clip.offer.after");
    }

    fn notice(&self, kind: NoticeKind, source: &Name, text: &str) {
        let notice = notice(kind, Some(source.clone()), text);
        if let Err(refused) = self.uplink.publish(Body::Notice(notice)) {
            warn!(%refused, "notice not published");
        }
    }
}

/// A notice about one thing; a text that is too long is cut.
pub fn notice(kind: NoticeKind, source: Option<Name>, text: &str) -> Notice {
    let mut short = heapless::String::new();
    for character in text.chars() {
        if short.push(character).is_err() {
            break;
        }
    }
    Notice { kind, source, count: 1, text: short }
}
