//! In the cutter's place: writes clips of seeded bytes through the real sink and hands them to the
//! real delivery.

use std::sync::Arc;
use std::time::Duration;

use clips::planner::ClipPlan;
use courtside::clock::SystemClock;
use courtside::outputs::Shipping;
use courtside::store::StoredPlan;
use courtside::vault::Clips;
use hal::Clock;
use pipeline::cut::{Anchor, ClipSink, CutError, Finished, Job, Missing, SinkError};
use pipeline::cutting::{CutOrder, Delivery};
use pipeline::record::FragmentStore;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use wire::clip::ClipRecord;
use wire::ids::{ClipId, Name};
use wire::time::{MediaInterval, MediaTime};
use wire::units::PictureSize;

/// As the cutter: a disk that refuses a clip is asked again after this.
const RETRY: Duration = Duration::from_secs(1);
/// Bytes that are written at a time.
const PIECE: usize = 64 * 1024;

/// A wanted clip, as its plan keeps it: its content follows from it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Wanted {
    pub(crate) id: ClipId,
    pub(crate) seed: u64,
    pub(crate) bytes: usize,
}

impl Wanted {
    pub(crate) fn read(plan: &StoredPlan) -> Option<Self> {
        serde_json::from_slice(&plan.payload).ok()
    }

    pub(crate) fn content(&self) -> Vec<u8> {
        let mut draw = Draw(self.seed);
        (0..self.bytes.div_ceil(8))
            .flat_map(|_| draw.number().to_le_bytes())
            .take(self.bytes)
            .collect()
    }
}

pub(crate) fn sha256(content: &[u8]) -> String {
    format!("{:x}", Sha256::digest(content))
}

/// splitmix64, by Steele, Lea and Flood.
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.number() % end
    }
}

/// See the module.
pub(crate) struct Cutter {
    pub(crate) clock: Arc<SystemClock>,
    pub(crate) clips: Arc<Clips>,
    pub(crate) shipping: Shipping,
    pub(crate) recording: Arc<dyn FragmentStore>,
    pub(crate) source: Name,
}

impl Cutter {
    pub(crate) fn run(mut self, orders: impl Iterator<Item = Wanted>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let Ok(runtime) = runtime else { return };
        for wanted in orders {
            let content = wanted.content();
            let outcome = loop {
                match self.write(wanted.id, &content) {
                    Ok(()) => break Ok(self.finished(wanted.id, &content)),
                    Err(error) => tracing::warn!(%error, "clip not cut yet"),
                }
                let again = self.clock.now().plus(RETRY);
                runtime.block_on(self.clock.sleep_until(again));
            };
            self.ship(wanted.id, outcome);
        }
    }

    fn write(&self, id: ClipId, content: &[u8]) -> Result<(), SinkError> {
        let mut file = self.clips.begin(id)?;
        for piece in content.chunks(PIECE) {
            file.write(piece)?;
        }
        file.finish()
    }

    fn finished(&self, id: ClipId, content: &[u8]) -> Finished {
        let record = ClipRecord {
            id,
            source: self.source.clone(),
            interval: interval(),
            frames: 250,
            picture: PictureSize { width: 1280, height: 720 },
            bytes: content.len() as u64,
            sha256: sha256(content).chars().collect(),
            starts: self.clock.wall().0,
            events: heapless::Vec::new(),
        };
        Finished { record, missing: Missing::default() }
    }

    fn ship(&mut self, id: ClipId, outcome: Result<Finished, CutError>) {
        let plan = ClipPlan { interval: interval(), events: heapless::Vec::new() };
        let anchor = Anchor { media: MediaTime(0), wall: self.clock.wall().0 };
        let job = Job { id, source: self.source.clone(), plan, anchor };
        let recording = Arc::clone(&self.recording);
        let order = CutOrder { job, recording, progress: None, merged: Vec::new() };
        self.shipping.deliver(&order, outcome);
    }
}

fn interval() -> MediaInterval {
    MediaInterval { start: MediaTime(0), end: MediaTime::from_millis(10_000) }
}
