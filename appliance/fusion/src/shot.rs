//! The ball's way around one hoop, as the ball lane sees it.
//!
//! ```text
//! Away ──ball over the ring──► Above ──into the ring's width──► AtRim ──under the net──► Through
//!   ▲                            │                                │
//!   └───── not seen for 2 s ─────┴──────── beside, outside ───────┴──────────────────────► Off
//! ```
//! Owns the state; gives evidence, decides nothing. The ball lane loses the ball in the net and
//! behind hands, so absence is weak evidence and the rim lane decides.

use wire::time::{MediaSpan, MediaTime};
use wire::units::PixelBox;

use crate::Ball;

/// A ball that is not seen for this long has left: longer than the highest arc out of the picture.
const FORGET: MediaSpan = MediaSpan::from_millis(2_000);
/// How long `Through` and `Off` stay readable.
const OUTCOME_KEPT: MediaSpan = MediaSpan::from_millis(1_500);

/// Where the ball is on its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shot {
    /// No ball near this hoop.
    #[default]
    Away,
    /// A ball is over the ring's height, near the hoop.
    Above {
        /// First sighting.
        since: MediaTime,
        /// Last sighting.
        seen: MediaTime,
    },
    /// The ball is within the ring and net in the picture, having been above.
    AtRim {
        /// First sighting above.
        since: MediaTime,
        /// Last sighting.
        seen: MediaTime,
    },
    /// It came out under the net.
    Through {
        /// First sighting above.
        since: MediaTime,
        /// When it was seen under the net.
        at: MediaTime,
    },
    /// It left sideways or in front.
    Off {
        /// First sighting above.
        since: MediaTime,
        /// When it was seen outside.
        at: MediaTime,
    },
}

/// Where a ball is relative to a hoop in the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Above,
    Ring,
    Under,
    Beside,
    Far,
}

fn place(ball: &Ball, hoop: PixelBox) -> Place {
    let (width, height) = (hoop.width().max(1.0), hoop.height().max(1.0));
    let (centre_x, _) = hoop.centre();
    let sideways = (ball.x - centre_x).abs() / width;
    let down = (ball.y - hoop.y0) / height;
    if sideways > 3.0 || !(-5.0..=3.5).contains(&down) {
        Place::Far
    } else if down < 0.0 {
        Place::Above
    } else if sideways <= 0.6 && down <= 1.0 {
        Place::Ring
    } else if sideways <= 0.9 && down > 1.0 {
        Place::Under
    } else {
        Place::Beside
    }
}

impl Shot {
    /// The state after a frame in which `balls` were seen.
    pub fn step(self, at: MediaTime, hoop: PixelBox, balls: &[Ball]) -> Self {
        use Shot::{Above, AtRim, Away, Off, Through};
        let nearest = balls
            .iter()
            .filter(|ball| place(ball, hoop) != Place::Far)
            .max_by(|a, b| a.confidence.total_cmp(&b.confidence));
        let seen_place = nearest.map(|ball| place(ball, hoop));
        match (self, seen_place) {
            (Away, Some(Place::Above)) => Above { since: at, seen: at },
            (Away, Some(Place::Ring | Place::Under | Place::Beside | Place::Far) | None) => Away,
            (Above { since, .. }, Some(Place::Above)) => Above { since, seen: at },
            (Above { since, .. }, Some(Place::Ring)) => AtRim { since, seen: at },
            (Above { since, .. }, Some(Place::Beside | Place::Under | Place::Far)) => {
                Off { since, at }
            }
            // Back up from the rim: it bounced, and is above again.
            (AtRim { since, .. }, Some(Place::Above)) => Above { since, seen: at },
            (AtRim { since, .. }, Some(Place::Ring)) => AtRim { since, seen: at },
            (AtRim { since, .. }, Some(Place::Under)) => Through { since, at },
            (AtRim { since, .. }, Some(Place::Beside | Place::Far)) => Off { since, at },
            (Above { seen, .. } | AtRim { seen, .. }, None) if at.since(seen) > FORGET => Away,
            (Above { .. } | AtRim { .. }, None) => self,
            (Through { at: end, .. } | Off { at: end, .. }, Some(Place::Above))
                if at.since(end) > MediaSpan::from_millis(400) =>
            {
                Above { since: at, seen: at }
            }
            (Through { at: end, .. } | Off { at: end, .. }, _) if at.since(end) > OUTCOME_KEPT => {
                Away
            }
            (Through { .. } | Off { .. }, _) => self,
        }
    }

    /// First sighting of the ball on this way, if it is on one.
    pub fn since(self) -> Option<MediaTime> {
        match self {
            Self::Away => None,
            Self::Above { since, .. }
            | Self::AtRim { since, .. }
            | Self::Through { since, .. }
            | Self::Off { since, .. } => Some(since),
        }
    }

    /// Log-odds (natural) that a shot ended near now, either way. Small numbers: the first ball
    /// pack sees about a quarter of the balls, and as much again that is none, so that its track
    /// may tip a balance and not more.
    pub fn evidence_for_a_shot(self) -> f32 {
        match self {
            Self::Away => -0.3,
            Self::Above { .. } => 0.2,
            Self::AtRim { .. } | Self::Off { .. } => 0.4,
            Self::Through { .. } => 0.6,
        }
    }

    /// Log-odds (natural) that the shot went in, given that it ended. A ball seen beside the hoop
    /// says nothing: it may be another one, or a head.
    pub fn evidence_for_made(self) -> f32 {
        match self {
            Self::Through { .. } => 0.3,
            Self::Off { .. } | Self::Away | Self::Above { .. } | Self::AtRim { .. } => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOOP: PixelBox = PixelBox { x0: 100.0, y0: 100.0, x1: 140.0, y1: 140.0 };

    fn run(path: &[(f32, f32)]) -> Shot {
        let mut shot = Shot::default();
        for (step, (x, y)) in (0..).zip(path) {
            let ball = Ball { x: *x, y: *y, confidence: 0.9 };
            shot = shot.step(MediaTime::from_millis(40 * step), HOOP, &[ball]);
        }
        shot
    }

    #[test]
    fn a_ball_from_above_through_the_ring_and_under_the_net_went_through() {
        let shot =
            run(&[(60.0, 40.0), (100.0, 60.0), (118.0, 95.0), (120.0, 120.0), (121.0, 150.0)]);
        let expected = Shot::Through { since: MediaTime(0), at: MediaTime::from_millis(160) };
        assert_eq!(shot, expected);
    }

    #[test]
    fn a_ball_that_leaves_sideways_is_off() {
        let shot = run(&[(100.0, 60.0), (118.0, 105.0), (170.0, 120.0)]);
        assert!(matches!(shot, Shot::Off { .. }));
    }

    #[test]
    fn a_dribble_under_the_hoop_is_no_shot() {
        assert_eq!(run(&[(120.0, 200.0), (120.0, 230.0), (120.0, 190.0)]), Shot::Away);
    }

    #[test]
    fn a_ball_that_is_lost_for_long_is_forgotten() {
        let shot = run(&[(120.0, 60.0)]);
        assert!(matches!(shot, Shot::Above { .. }));
        assert_eq!(shot.step(MediaTime::from_millis(3_000), HOOP, &[]), Shot::Away);
    }
}
