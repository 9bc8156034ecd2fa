//! The state of a game over time: the main ball, the players, the sounds and the events.

use super::spare::Spare;
use crate::color::Rgb;
use crate::flight::{Instant, RATE};
use crate::geometry::{Vec3, vec3};
use crate::physics::{GRAVITY, Net};
use crate::truth::Kind;

/// Everything that happens, for the whole length of the game.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timeline {
    /// The main ball, [`RATE`] samples a second.
    pub(crate) ball: Vec<BallAt>,
    /// Who holds the main ball when.
    pub(crate) holds: Vec<Hold>,
    pub(crate) players: Vec<Player>,
    /// What balls did at the hoops, for the nets: sample of the ball, hoop, instant.
    pub(crate) contacts: Vec<(usize, usize, Instant)>,
    pub(crate) events: Vec<EventAt>,
    pub(crate) sounds: Vec<Sound>,
    /// Points of the two teams from this time on.
    pub(crate) scores: Vec<(f32, [u32; 2])>,
    /// The clock stands still in these intervals.
    pub(crate) stops: Vec<(f32, f32)>,
    /// Balls beside the game.
    pub(crate) spares: Vec<Spare>,
}

/// The main ball at one sample.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BallAt {
    pub(crate) p: Vec3,
    /// Where it is relative to the net of `hoop`.
    pub(crate) net: Net,
    pub(crate) hoop: usize,
}

/// A player has the ball.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hold {
    pub(crate) from: f32,
    pub(crate) to: f32,
    pub(crate) player: usize,
}

/// Something that happened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EventAt {
    pub(crate) kind: Kind,
    pub(crate) t: f32,
    pub(crate) hoop: Option<usize>,
}

/// What can be heard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Noise {
    /// The ball on the floor, with its speed in m/s.
    Bounce(f32),
    /// The ball on ring or board.
    Rim(f32),
    Board(f32),
    /// The ball through the net.
    Swish,
    Whistle,
    Buzzer,
    /// The crowd holds its breath, cheers, or sighs: strength 0 to 1.
    Anticipation,
    Cheer(f32),
    Sigh,
}

/// A sound and when it starts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sound {
    pub(crate) t: f32,
    pub(crate) noise: Noise,
}

/// One player: a body and its way over the floor.
#[derive(Clone, Debug)]
pub(crate) struct Player {
    /// 0 or 1; 2 is a referee or bystander.
    pub(crate) team: usize,
    pub(crate) number: u32,
    /// Height in metres.
    pub(crate) tall: f32,
    pub(crate) skin: Rgb,
    pub(crate) hair: Rgb,
    /// Places with times, in order.
    pub(crate) way: Vec<(f32, Vec3)>,
    pub(crate) jumps: Vec<Jump>,
    /// Both hands up during these intervals.
    pub(crate) raised: Vec<(f32, f32)>,
}

/// A jump: the time of its top and its height in metres.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Jump {
    pub(crate) top: f32,
    pub(crate) height: f32,
}

impl Timeline {
    /// Seconds written so far.
    pub(crate) fn now(&self) -> f32 {
        self.ball.len() as f32 / RATE
    }

    /// The main ball's place at `t`, between samples.
    pub(crate) fn ball_at(&self, t: f32) -> BallAt {
        let place = (t * RATE - 1.0).clamp(0.0, (self.ball.len() - 1) as f32);
        let index = (place as usize).min(self.ball.len().saturating_sub(2));
        let u = place - index as f32;
        let (a, b) = (self.ball[index], self.ball[(index + 1).min(self.ball.len() - 1)]);
        BallAt { p: a.p.towards(b.p, u), ..if u < 0.5 { a } else { b } }
    }

    /// The place of a ball: 0 is the main one, then come the spares.
    pub(crate) fn any_ball_at(&self, which: usize, t: f32) -> Vec3 {
        match which.checked_sub(1) {
            Some(spare) => self.spares[spare].at(t),
            None => self.ball_at(t).p,
        }
    }

    /// Who holds the main ball at `t`.
    pub(crate) fn holder_at(&self, t: f32) -> Option<usize> {
        let index = self.holds.partition_point(|h| h.from <= t);
        index.checked_sub(1).map(|i| self.holds[i]).filter(|h| t < h.to).map(|h| h.player)
    }

    /// The score at `t`.
    pub(crate) fn score_at(&self, t: f32) -> [u32; 2] {
        let index = self.scores.partition_point(|s| s.0 <= t);
        index.checked_sub(1).map_or([0, 0], |i| self.scores[i].1)
    }

    /// Seconds the game clock has run at `t`.
    pub(crate) fn played_at(&self, t: f32) -> f32 {
        let stood: f32 = self.stops.iter().map(|(a, b)| (t.min(*b) - a).max(0.0)).sum();
        t - stood
    }
}

impl Player {
    /// Feet on the floor at `t`.
    pub(crate) fn place(&self, t: f32) -> Vec3 {
        let next = self.way.partition_point(|key| key.0 <= t);
        match (next.checked_sub(1).map(|i| self.way[i]), self.way.get(next)) {
            (Some(a), Some(b)) => {
                let u = ((t - a.0) / (b.0 - a.0).max(1e-3)).clamp(0.0, 1.0);
                a.1.towards(b.1, u * u * (3.0 - 2.0 * u))
            }
            (Some(a), None) => a.1,
            (None, Some(b)) => b.1,
            (None, None) => Vec3::default(),
        }
    }

    /// Speed along the floor at `t`, m/s.
    pub(crate) fn velocity(&self, t: f32) -> Vec3 {
        (self.place(t + 0.06) - self.place(t - 0.06)) * (1.0 / 0.12)
    }

    /// Height of the feet above the floor at `t`.
    pub(crate) fn lift(&self, t: f32) -> f32 {
        let lift = |jump: &Jump| jump.height - 0.5 * GRAVITY * (t - jump.top).powi(2);
        self.jumps.iter().map(lift).fold(0.0, f32::max)
    }

    /// Whether both hands are up at `t`.
    pub(crate) fn hands_up(&self, t: f32) -> bool {
        self.raised.iter().any(|(a, b)| (*a..*b).contains(&t))
    }

    /// From `now` on, go to `to` and be there at `arrive`; plans beyond `now` are dropped.
    pub(crate) fn go(&mut self, now: f32, arrive: f32, to: Vec3) {
        let here = self.place(now);
        self.way.retain(|key| key.0 < now);
        self.way.push((now, here));
        self.way.push((arrive.max(now + 0.05), vec3(to.x, to.y, 0.0)));
    }
}
