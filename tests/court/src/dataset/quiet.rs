//! Clips of one hoop in play without a shot, taken where a ball comes near the hoop in the picture:
//! what a rim network must leave untold for hours on end.
//!
//! Owns the choice of play and moment; what a clip is, and its rendering, are [`super::rim`]'s.

use super::Piece;
use super::rim::{self, Clip, FPS, FRAMES, Plan};
use crate::game::Game;
use crate::play::Quiet;
use crate::play::director::Director;
use crate::random::Random;

/// Length of the play that a clip is taken from, seconds.
const SECONDS: f32 = 40.0;
/// A ball within so many widths of the hoop's box from its middle is near it.
const NEAR_WIDTHS: f32 = 1.6;

/// One such clip; listed like those of [`rim`].
#[derive(serde::Serialize)]
#[serde(transparent)]
pub struct QuietClip(Clip);

impl Piece for QuietClip {
    fn render(seed: u64) -> (Self, Vec<u8>) {
        let (clip, bytes) = rim::render_plan(seed, plan(seed));
        (Self(clip), bytes)
    }

    fn set_offset(&mut self, offset: u64) {
        self.0.set_offset(offset);
    }
}

fn plan(seed: u64) -> Plan {
    let mut random = Random::new(seed, "quiet clip");
    let (side, width) = rim::draw_side(&mut random);
    let quiet = random.weighted(&[
        (0.6, Quiet::Possession),
        (0.2, Quiet::Across),
        (0.08, Quiet::Toss),
        (0.12, Quiet::Hands),
    ]);
    let (config, look) = rim::setting_of(seed, width, f64::from(SECONDS));
    let timeline = Director::drill_quiet(Game::setting(&config, &look), (quiet, SECONDS));
    let game = Game::with_timeline(config, look, timeline);
    let start = start(&game, &mut random);
    Plan { game, start, side, play: format!("{quiet:?}"), random }
}

/// First frame of a clip in which a ball comes near the hoop; any other if none does.
fn start(game: &Game, random: &mut Random) -> usize {
    let last = game.frame_count() - FRAMES;
    let nearest: Vec<usize> = nearest_moments(game);
    if nearest.is_empty() {
        return random.below(last);
    }
    let at = random.pick(&nearest);
    at.saturating_sub(10 + random.below(FRAMES - 20)).min(last)
}

/// Frames in which a ball is nearer to the hoop than a quarter of a second before and after.
fn nearest_moments(game: &Game) -> Vec<usize> {
    let away: Vec<f32> = (0..game.frame_count()).map(|index| away(game, index)).collect();
    let around = (FPS / 4.0) as usize;
    let nearest = |index: &usize| {
        let near = &away[index.saturating_sub(around)..(index + around).min(away.len())];
        away[*index] < NEAR_WIDTHS && near.iter().all(|other| *other >= away[*index])
    };
    (0..away.len()).filter(nearest).collect()
}

/// Widths of the hoop's box from its middle to the nearest ball that can be seen.
fn away(game: &Game, index: usize) -> f32 {
    let [x0, y0, x1, y1] = game.hoop_box_at(index);
    let (x, y) = ((x0 + x1) / 2.0, (y0 + y1) / 2.0);
    let truth = game.frame_truth(index);
    let seen = truth.balls.iter().filter(|ball| ball[3] > 0.3);
    seen.map(|ball| (ball[0] - x).hypot(ball[1] - y) / (x1 - x0)).fold(f32::INFINITY, f32::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_clip_has_a_shot_and_wherever_a_ball_is_thrown_across_it_comes_near() {
        let (mut thrown, mut near) = (0, 0);
        for seed in 0..60 {
            let plan = plan(seed);
            assert!(plan.game.timeline.events.is_empty(), "seed {seed}");
            if ["Across", "Toss"].contains(&plan.play.as_str()) {
                let frames = plan.start..plan.start + FRAMES;
                thrown += 1;
                near += usize::from(frames.into_iter().any(|i| away(&plan.game, i) < NEAR_WIDTHS));
            }
        }
        assert!(thrown >= 10 && near == thrown, "{near} of {thrown}");
    }
}
