//! In the director's place: events every few milliseconds, wanted clips now and then, each noted
//! in the ledger once the store calls it durable.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use anyhow::Result;
use courtside::clock::SystemClock;
use courtside::store::{Store, StoredPlan};
use courtside::uplink;
use hal::Clock;
use wire::envelope::Body;
use wire::event::{EventKind, GameEvent, Stage};
use wire::ids::{BootId, ClipId, EventId, Seq};
use wire::time::{MediaInterval, MediaTime};
use wire::units::Permille;

use crate::cutter::{Draw, Wanted, sha256};
use crate::ledger::{Ledger, Line};

/// Shortest and longest pause between two events, in ms: about forty a second.
const PAUSE_MS: (u64, u64) = (2, 48);
/// One event in so many asks for a clip.
const CLIP_ONE_IN: u64 = 24;
/// Smallest and largest clip.
const CLIP_BYTES: (u64, u64) = (1_000, 300_000);
/// The same of clips that have two or three parts in a bucket.
const LARGE_CLIP_BYTES: (u64, u64) = (5_300_000, 12_000_000);
/// One clip in so many is large, if some are.
const LARGE_ONE_IN: u64 = 12;

/// See the module.
pub(crate) struct Generator {
    pub(crate) clock: Arc<SystemClock>,
    pub(crate) boot: BootId,
    pub(crate) store: Store,
    pub(crate) uplink: uplink::Handle,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) orders: SyncSender<Wanted>,
    pub(crate) seed: u64,
    pub(crate) sizes: Sizes,
}

/// Which clips are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sizes {
    Small,
    /// Large ones among them.
    Mixed,
}

/// An event that may not be durable yet.
struct Pending {
    seq: Seq,
    number: u32,
    confidence: u16,
}

impl Generator {
    pub(crate) async fn run(self) -> Result<()> {
        let mut draw = Draw(self.seed ^ (u64::from(self.boot.0) << 20));
        let mut pending = VecDeque::new();
        let mut persisted = self.store.persisted();
        let mut number = 0;
        let mut next = self.clock.now();
        loop {
            tokio::select! {
                Ok(()) = persisted.changed() => {
                    let upto = *persisted.borrow_and_update();
                    self.note(upto, &mut pending)?;
                }
                () = self.clock.sleep_until(next) => {
                    let (least, most) = PAUSE_MS;
                    let pause = Duration::from_millis(least + draw.below(most - least));
                    next = self.clock.now().plus(pause);
                    number += 1;
                    let confidence = u16::try_from(draw.below(1_001)).unwrap_or_default();
                    let event = Body::Game(self.event(number, confidence));
                    // A store that is behind refuses: nothing was promised.
                    if let Ok(seq) = self.uplink.publish(event) {
                        pending.push_back(Pending { seq, number, confidence });
                    }
                    if draw.below(CLIP_ONE_IN) == 0 {
                        self.want_clip(&mut draw);
                    }
                }
            }
        }
    }

    fn note(&self, upto: Seq, pending: &mut VecDeque<Pending>) -> Result<()> {
        let boot = self.boot.0;
        let mut lines = vec![Line::Upto { boot, seq: upto.0 }];
        while let Some(event) = pending.pop_front_if(|event| event.seq <= upto) {
            let Pending { seq, number, confidence } = event;
            lines.push(Line::Event { boot, seq: seq.0, number, confidence });
        }
        Ok(self.ledger.note(&lines)?)
    }

    /// The wish is durable before the cutter hears of it, as a retry after a crash needs it.
    fn want_clip(&self, draw: &mut Draw) {
        let is_large = self.sizes == Sizes::Mixed && draw.below(LARGE_ONE_IN) == 0;
        let (least, most) = if is_large { LARGE_CLIP_BYTES } else { CLIP_BYTES };
        let id = (u128::from(draw.number()) << 64) | u128::from(draw.number());
        let bytes = usize::try_from(least + draw.below(most - least)).unwrap_or_default();
        let wanted = Wanted { id: ClipId(id), seed: draw.number(), bytes };
        let payload = serde_json::to_vec(&wanted).expect("a wish is plain data");
        let Ok(mut ticket) = self.store.put_plan(StoredPlan { id: wanted.id, payload }) else {
            return;
        };
        let (ledger, orders) = (Arc::clone(&self.ledger), self.orders.clone());
        tokio::spawn(async move {
            if ticket.outcome().await.is_err() {
                return;
            }
            let (id, sha256) = (wanted.id.to_string(), sha256(&wanted.content()));
            let line = Line::Clip { id: &id, bytes: wanted.bytes as u64, sha256: &sha256 };
            if let Err(error) = ledger.note(&[line]) {
                tracing::error!(%error, "the ledger cannot be written");
            }
            let ordered = tokio::task::spawn_blocking(move || orders.send(wanted)).await;
            if !matches!(ordered, Ok(Ok(()))) {
                tracing::error!("the cutter has ended");
            }
        });
    }

    fn event(&self, number: u32, confidence: u16) -> GameEvent {
        let wall = self.clock.wall().0;
        let at = MediaTime::from_millis(i64::from(number) * 40);
        GameEvent {
            id: EventId { boot: self.boot, number },
            revision: 0,
            stage: Stage::Provisional,
            kind: EventKind::MadeShot,
            source: "court-1".parse().expect("a name"),
            hoop: None,
            at,
            interval: MediaInterval { start: at, end: at },
            decided_at: at,
            at_arrived: wall,
            decided_arrived: wall,
            confidence: Permille(confidence),
            cues: heapless::Vec::new(),
        }
    }
}
