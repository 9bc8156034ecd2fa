//! Lanes that change while the box runs: new ones take over between two frames, and a lane whose
//! network keeps failing is taken out of service.
//!
//! Owns what crosses between the daemon, which knows packs and files, and the stages that run their
//! lanes, inference and hearing. Decides one thing: when a lane has failed too often ([`Fitness`]).

use fusion::HOOPS_MAX;
use models::lanes::LaneError;
use models::lanes::ball::BallLane;
use models::lanes::board::BoardLane;
use models::lanes::hoop::HoopLane;
use models::lanes::players::PlayersLane;
use models::lanes::rim::RimLane;
use models::lanes::sound::SoundLane;
use models::manifest::Lane;

use crate::inference::Lanes;
use crate::links::{Renewals, Retirements};

/// What one failure of a lane weighs, in frames: a lane that fails more often than once in so many
/// frames gets worse, one that fails more seldom recovers.
const FAILURE_WEIGHT: u32 = 50;
/// A lane that has got worse than this is of no use: five failures in a row, or eight of a finder
/// that runs once in 25 frames.
const BAD_MAX: u32 = 4 * FAILURE_WEIGHT;

/// Both ways between inference and whoever looks after the packs.
pub struct PackLinks {
    /// New lanes that see, for the inference stage.
    pub renewals: Renewals,
    /// New lanes that hear, for the hearing stage.
    pub sound_renewals: Renewals,
    /// Lanes that failed.
    pub retirements: Retirements,
}

impl Default for PackLinks {
    fn default() -> Self {
        let (renewals, sound_renewals) = (Renewals::new(), Renewals::new());
        Self { renewals, sound_renewals, retirements: Retirements::new() }
    }
}

impl PackLinks {
    /// Hands new lanes to the stage that runs them, as soon as it has room for them.
    pub async fn renew(&self, renewal: Renewal) {
        match renewal.lane {
            Lane::Rim | Lane::Ball | Lane::Hoop | Lane::Board | Lane::Players => {
                self.renewals.send(renewal).await;
            }
            Lane::Sound => self.sound_renewals.send(renewal).await,
        }
    }
}

/// A pack's new lanes, one entry for each source in the order of their numbers.
pub struct Renewal {
    /// Which lane is new.
    pub lane: Lane,
    /// Its new networks.
    pub sources: Vec<NewLane>,
}

/// New networks of one lane of one source.
pub enum NewLane {
    /// Of the ball lane.
    Ball(Box<BallLane>),
    /// Of every hoop.
    Rims(Box<[RimLane; HOOPS_MAX]>),
    /// Of the hoop finder.
    Finder(Box<HoopLane>),
    /// Of the board lane.
    Board(Box<BoardLane>),
    /// Of the sound lane.
    Sound(Box<SoundLane>),
    /// Of the players lane, or its first ones.
    Players(Box<PlayersLane>),
}

/// A lane that was taken out of service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retirement {
    /// Which.
    pub lane: Lane,
    /// What it said last.
    pub reason: String,
}

impl Lanes {
    /// Lets new networks take over from the next frame on. They go on with the pictures that the
    /// old ones had kept, where both want the same, so that no moment is missed.
    pub(crate) fn renew(&mut self, new: NewLane) {
        match new {
            NewLane::Ball(mut ball) => {
                ball.go_on_from(&mut self.ball);
                self.ball = *ball;
            }
            NewLane::Rims(mut rims) => {
                for (rim, old) in rims.iter_mut().zip(&mut self.rims) {
                    rim.go_on_from(old);
                }
                self.rims = *rims;
            }
            NewLane::Finder(finder) => self.finder = Some(*finder),
            NewLane::Board(lane) => self.board.lane = *lane,
            NewLane::Players(lane) => self.players.renew(*lane),
            // The hearing stage's.
            NewLane::Sound(_) => {}
        }
    }
}

/// How well each lane has done lately, over all sources, which share its pack.
#[derive(Clone, Debug, Default)]
pub struct Fitness {
    rim: Record,
    ball: Record,
    hoop: Record,
    board: Record,
    sound: Record,
    players: Record,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Record {
    /// In service; how bad it has been, in frames.
    #[default]
    Good,
    Failing(u32),
    Retired,
}

impl Fitness {
    /// Whether the lane is in service.
    pub fn serves(&self, lane: Lane) -> bool {
        match self.record(lane) {
            Record::Good | Record::Failing(_) => true,
            Record::Retired => false,
        }
    }

    /// A frame was analysed, or a block of sound.
    pub fn frame(&mut self) {
        let Self { rim, ball, hoop, board, sound, players } = self;
        for record in [rim, ball, hoop, board, sound, players] {
            *record = match *record {
                Record::Good | Record::Failing(0) => Record::Good,
                Record::Failing(bad) => Record::Failing(bad - 1),
                Record::Retired => Record::Retired,
            };
        }
    }

    /// The lane failed; returns its retirement when that was once too often.
    pub fn failed(&mut self, lane: Lane, error: &LaneError) -> Option<Retirement> {
        let bad = match self.record(lane) {
            Record::Good => FAILURE_WEIGHT,
            Record::Failing(bad) => bad + FAILURE_WEIGHT,
            Record::Retired => return None,
        };
        let unfit = bad > BAD_MAX;
        *self.record_mut(lane) = if unfit { Record::Retired } else { Record::Failing(bad) };
        unfit.then(|| Retirement { lane, reason: error.to_string() })
    }

    /// The lane has new networks.
    pub fn renewed(&mut self, lane: Lane) {
        *self.record_mut(lane) = Record::Good;
    }

    fn record(&self, lane: Lane) -> Record {
        match lane {
            Lane::Rim => self.rim,
            Lane::Ball => self.ball,
            Lane::Hoop => self.hoop,
            Lane::Board => self.board,
            Lane::Sound => self.sound,
            Lane::Players => self.players,
        }
    }

    fn record_mut(&mut self, lane: Lane) -> &mut Record {
        match lane {
            Lane::Rim => &mut self.rim,
            Lane::Ball => &mut self.ball,
            Lane::Hoop => &mut self.hoop,
            Lane::Board => &mut self.board,
            Lane::Sound => &mut self.sound,
            Lane::Players => &mut self.players,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure() -> LaneError {
        LaneError::NoTier { tier: "x".into(), tiers: "y".into() }
    }

    /// Frames until a lane that fails once in `every` frames is retired, if it is.
    fn retired_after(every: u32) -> Option<u32> {
        let mut fitness = Fitness::default();
        (1..=100_000).find(|number| {
            fitness.frame();
            number % every == 0 && fitness.failed(Lane::Rim, &failure()).is_some()
        })
    }

    #[test]
    fn a_lane_that_fails_again_and_again_is_retired_and_one_that_hiccups_is_not() {
        assert_eq!(retired_after(1), Some(5));
        assert_eq!(retired_after(25), Some(200));
        assert_eq!(retired_after(FAILURE_WEIGHT), None);
    }

    #[test]
    fn a_retired_lane_serves_again_only_with_new_networks_and_the_others_go_on() {
        let mut fitness = Fitness::default();
        let told = (0..20).filter_map(|_| fitness.failed(Lane::Ball, &failure())).count();
        assert_eq!(told, 1, "it is told once");
        assert!(!fitness.serves(Lane::Ball));
        assert!(fitness.serves(Lane::Rim) && fitness.serves(Lane::Hoop));
        (0..10_000).for_each(|_| fitness.frame());
        assert!(!fitness.serves(Lane::Ball), "time mends no network");
        fitness.renewed(Lane::Ball);
        assert!(fitness.serves(Lane::Ball));
    }
}
