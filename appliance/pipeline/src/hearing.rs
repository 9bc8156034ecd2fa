//! The hearing stage: what sounds in the blocks of sound that decode hands over, for all sources.
//!
//! Owns the sound lanes. Runs on a thread of its own, so that a slow network for sound keeps
//! neither pictures nor decoders waiting. Must not know what a whistle means for the game.

use std::sync::Arc;

use fusion::{Heard, SoundView};
use futures_lite::future;
use models::LaneError;
use models::lanes::sound::{SoundLane, SoundReading};
use models::manifest::Lane;

use crate::health::{Beat, Counter};
use crate::links::{Signal, Signals, SoundItem, Sounds};
use crate::renewal::{Fitness, NewLane, PackLinks, Renewal};
use crate::sound::Block;
use crate::source::{Pace, SourceLinks};

/// What the hearing stage works with.
pub struct HearingStage {
    /// The sources' counters, and a lane for each, in the order of their numbers.
    pub sources: Vec<(Arc<SourceLinks>, SoundLane)>,
    /// Blocks come from here.
    pub sounds: Arc<Sounds>,
    /// To the director.
    pub signals: Arc<Signals>,
    /// New lanes come from here, and failing ones are told here.
    pub packs: Arc<PackLinks>,
    /// How well the lane does.
    pub fitness: Fitness,
    /// What it did.
    pub health: Arc<HearingHealth>,
}

/// Counters and beat of the hearing stage.
#[derive(Default)]
pub struct HearingHealth {
    /// Lane runs that failed.
    pub failures: Counter,
    /// Moves with every block.
    pub beat: Arc<Beat>,
}

/// Listens on the calling thread until [`SoundItem::Shutdown`]. `complain` is told about every
/// failure.
pub async fn hear(mut stage: HearingStage, complain: impl Fn(&str)) {
    loop {
        // New networks first, and without waiting for a sound: a silent box must not keep the packs
        // waiting. Between two blocks, so that each is heard by one network alone.
        let renewal = async { Input::Renewal(stage.packs.sound_renewals.receive().await) };
        let sound = async { Input::Sound(stage.sounds.receive().await) };
        let input = future::or(renewal, sound).await;
        let _work = stage.health.beat.work();
        match input {
            Input::Renewal(renewal) => stage.renew(renewal),
            Input::Sound(SoundItem::Block { source, block }) => {
                stage.block(source, &block, &complain).await;
            }
            Input::Sound(SoundItem::Shutdown) => return,
        }
    }
}

enum Input {
    Renewal(Renewal),
    Sound(SoundItem),
}

impl HearingStage {
    async fn block(&mut self, number: usize, block: &Block, complain: &impl Fn(&str)) {
        self.fitness.frame();
        let Some((links, lane)) = self.sources.get_mut(number) else { return };
        let mut heard = None;
        if self.fitness.serves(Lane::Sound) {
            match lane.hear(&block.samples, block.at) {
                Ok(reading) => heard = reading.map(summed),
                Err(error) => {
                    self.health.failures.count();
                    complain(&error.to_string());
                    retire(&mut self.fitness, &error, (&self.packs, complain));
                }
            }
        }
        let view = SoundView { at: block.at, centi_db: block.centi_db(), heard };
        links.sight.hear(view.centi_db);
        let signal = Signal { source: number, view };
        match links.pace {
            Pace::Lossless => self.signals.send(signal).await,
            Pace::Live => {
                if self.signals.try_send(signal).is_err() {
                    links.counters.signals_dropped.count();
                }
            }
        }
    }

    fn renew(&mut self, renewal: Renewal) {
        for ((_, lane), new) in self.sources.iter_mut().zip(renewal.sources) {
            if let NewLane::Sound(mut new) = new {
                new.go_on_from(lane);
                *lane = *new;
            }
        }
        self.fitness.renewed(renewal.lane);
    }
}

fn retire(
    fitness: &mut Fitness,
    error: &LaneError,
    (packs, complain): (&PackLinks, &impl Fn(&str)),
) {
    let Some(retirement) = fitness.failed(Lane::Sound, error) else { return };
    complain("the Sound lane is out of service: it failed again and again");
    // Refused: nobody looks after the packs, and the lane stays off.
    let _ = packs.retirements.try_send(retirement);
}

/// A crowd cheers or claps; who asks for a swell does not care.
fn summed(reading: SoundReading) -> Heard {
    Heard {
        at: reading.at,
        whistle: reading.whistle,
        buzzer: reading.buzzer,
        crowd: reading.cheer.max(reading.applause),
    }
}
