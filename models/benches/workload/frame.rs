//! A frame in which every lane is due: the most that a frame can take.
//!
//! On a box the finder is due once a second and the board four times; the sound lane has a thread
//! of its own. Here they all run, one after the other.

use hal::Scan;
use models::engine::Backend;
use models::incoming::Incoming;
use models::lanes::ball::BallLane;
use models::lanes::board::BoardLane;
use models::lanes::follow::Follower;
use models::lanes::hoop::HoopLane;
use models::lanes::rim::RimLane;
use models::lanes::scene::SceneLane;
use models::lanes::sound::SoundLane;
use models::{Luma, Pack};
use wire::time::MediaTime;
use wire::units::PixelBox;

use super::{FIELD, HOOP, LOADED, Work, block, open, watching};

/// Hoops in the picture.
pub(crate) const HOOPS: usize = 2;
/// Marked fields of the scoreboard.
pub(crate) const FIELDS: usize = 2;

struct Lanes {
    incoming: Incoming,
    scene: SceneLane,
    rims: [(PixelBox, Follower, RimLane); HOOPS],
    finder: HoopLane,
    ball: BallLane,
    board: BoardLane,
    sound: SoundLane,
    samples: Vec<f32>,
    blocks: i64,
}

/// Every lane on one frame of 720p, each in its best shipped tier; in f32 where a tier has no int8.
pub(crate) fn frame(backend: Backend) -> Work {
    let mut lanes = Lanes::load(backend);
    watching(move |luma, at| lanes.run(luma, at))
}

/// The dearest tier.
fn best(pack: &Pack) -> &str {
    &pack.tiers().last().expect("a manifest without tiers is refused").name
}

impl Lanes {
    fn load(backend: Backend) -> Self {
        let [rim, hoop, ball, board, sound] =
            ["rim", "hoop", "ball", "board", "sound"].map(|lane| open(lane, backend));
        let elsewhere = PixelBox { x0: HOOP.x0 - 600.0, x1: HOOP.x1 - 600.0, ..HOOP };
        let rims = [HOOP, elsewhere].map(|area| {
            (area, Follower::new(area), RimLane::load(&rim, best(&rim)).expect(LOADED))
        });
        Self {
            incoming: Incoming::default(),
            scene: SceneLane::default(),
            rims,
            finder: HoopLane::load(&hoop, best(&hoop)).expect(LOADED),
            ball: BallLane::load(&ball, best(&ball)).expect(LOADED),
            board: BoardLane::load(&board, best(&board)).expect(LOADED),
            sound: SoundLane::load(&sound, best(&sound)).expect(LOADED),
            samples: block(),
            blocks: 0,
        }
    }

    fn run(&mut self, whole: Luma<'_>, at: MediaTime) {
        let adaptation = self.incoming.observe(whole, Scan::Progressive, at);
        let luma = adaptation.view(whole);
        self.scene.observe(luma, at);
        self.finder.find(luma).expect("it runs");
        for (area, follower, rim) in &mut self.rims {
            // Where it should be: what is followed in this texture may go astray.
            follower.follow(luma, at);
            rim.observe(luma, at, *area).expect("it runs");
        }
        self.ball.observe(luma, at).expect("it runs");
        for _ in 0..FIELDS {
            self.board.read(whole, FIELD).expect("it runs");
        }
        self.blocks += 1;
        let heard = MediaTime::from_millis(100 * self.blocks);
        self.sound.hear(&self.samples, heard).expect("it runs");
    }
}
