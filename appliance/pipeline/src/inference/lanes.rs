//! The lanes of one source, and which of them run on a frame.
//!
//! Owns their order: what comes in, hoops, rims, ball, board. What is shed is left out here; people
//! are looked for in [`crate::players`], after the report.

use fusion::{Ball, RimSlot};
use governor::Shed;
use hal::Clock;
use models::incoming::Incoming;
use models::lanes::LaneError;
use models::lanes::ball::BallLane;
use models::lanes::hoop::HoopLane;
use models::lanes::replay::ReplayWatch;
use models::lanes::rim::RimLane;
use models::lanes::scene::{Scene, SceneLane};
use models::manifest::Lane;
use models::picture::Luma;
use thiserror::Error;

use super::{FrameReport, HoopReport};
use crate::board::Board;
use crate::hoops::Hoops;
use crate::players::Players;
use crate::renewal::Fitness;
use crate::source::Frame;

/// A source's lanes.
pub struct Lanes {
    /// Ball lane, one per source.
    pub ball: BallLane,
    /// Rim lanes, one per hoop.
    pub rims: [RimLane; fusion::HOOPS_MAX],
    /// Finder; `None` when a technician drew the boxes of a fixed camera and wants no nudging.
    pub finder: Option<HoopLane>,
    /// Where the hoops are.
    pub hoops: Hoops,
    /// Notices what comes in.
    pub incoming: Incoming,
    /// Notices cuts.
    pub scene: SceneLane,
    /// Notices replays.
    pub replays: ReplayWatch,
    /// A replay was on in the frame before.
    pub in_replay: bool,
    /// Reads the scoreboard.
    pub board: Board,
    /// Looks for people.
    pub players: Players,
}

/// Why a frame gave no readings.
#[derive(Debug, Error)]
pub(super) enum AnalyseError {
    #[error(transparent)]
    Download(#[from] hal::surface::DownloadError),
    #[error("frame not analysed: {0}")]
    Plane(#[from] models::picture::PlaneError),
}

/// Lanes that failed on a frame.
type Failures = Vec<(Lane, LaneError)>;

impl Lanes {
    /// Runs every lane that is in service and not shed on one frame; returns those that failed.
    /// What the others read is in the report.
    pub(super) fn run(
        &mut self,
        frame: &Frame,
        report: &mut FrameReport,
        (clock, fitness): (&impl Clock, &Fitness),
    ) -> Result<Failures, AnalyseError> {
        let mut failures = Vec::new();
        let picture = frame.surface.download()?;
        let whole = Luma::of(&picture)?;
        let at = report.at;
        report.adaptation = self.incoming.observe(whole, frame.surface.scan(), at);
        let luma = report.adaptation.view(whole);
        self.watch_scene(luma, report);
        let began = clock.now();
        self.follow_hoops(luma, report, (fitness, &mut failures));
        report.searched = clock.now().since(began);
        self.judge_rims(luma, report, (fitness, &mut failures));
        if fitness.serves(Lane::Ball) {
            let ball = |b: &models::lanes::ball::BallReading| Ball {
                x: b.x,
                y: b.y,
                confidence: b.confidence,
            };
            match self.ball.observe(luma, at) {
                Ok(balls) => report.balls = balls.iter().flatten().map(ball).collect(),
                Err(error) => failures.push((Lane::Ball, error)),
            }
        }
        match report.point.shed {
            Shed::Nothing | Shed::Players if fitness.serves(Lane::Board) => {
                // Digits stand still, and have few rows: all of them are wanted.
                match self.board.observe(whole, at) {
                    Ok(fields) => report.board = fields,
                    Err(error) => failures.push((Lane::Board, error)),
                }
            }
            Shed::Nothing | Shed::Players => {}
            Shed::Board | Shed::Search => self.board.rest(at),
        }
        Ok(failures)
    }

    /// What was seen before a cut or a gap says nothing about what comes after it.
    fn watch_scene(&mut self, luma: Luma<'_>, report: &mut FrameReport) {
        let cut = matches!(self.scene.observe(luma, report.at), Scene::Cut(_));
        report.replay = self.replays.observe(self.scene.grid(), report.at);
        let is_live_again = std::mem::replace(&mut self.in_replay, report.replay.is_some())
            && report.replay.is_none();
        if cut || is_live_again {
            report.follows_gap = true;
            self.ball.reset();
            self.rims.iter_mut().for_each(RimLane::reset);
        }
        if report.follows_gap {
            self.hoops.forget_found();
        }
    }

    /// Follows the hoops that are known, and searches for others unless that is shed.
    fn follow_hoops(
        &mut self,
        luma: Luma<'_>,
        report: &FrameReport,
        (fitness, failures): (&Fitness, &mut Failures),
    ) {
        let finder = match report.point.shed {
            Shed::Nothing | Shed::Players | Shed::Board => self.finder.as_mut(),
            Shed::Search => None,
        };
        let finder = finder.filter(|_| fitness.serves(Lane::Hoop));
        if let Err(error) = self.hoops.observe(luma, report.at, finder) {
            failures.push((Lane::Hoop, error));
        }
    }

    fn judge_rims(
        &mut self,
        luma: Luma<'_>,
        report: &mut FrameReport,
        (fitness, failures): (&Fitness, &mut Failures),
    ) {
        for hoop in self.hoops.now() {
            let mut reading = None;
            if fitness.serves(Lane::Rim) {
                match self.rims[hoop.slot].observe(luma, report.at, hoop.area) {
                    Ok(read) => reading = read,
                    Err(error) => failures.push((Lane::Rim, error)),
                }
            }
            let slot = |s: &models::lanes::rim::RimSlot| RimSlot {
                at: s.at,
                missed: s.missed,
                made: s.made,
            };
            let slots = reading.map(|reading| reading.slots.iter().map(slot).collect());
            report.hoops.push(HoopReport::of(hoop, slots));
        }
    }
}
