//! Shots: which flight comes of an intention.
//!
//! A flavour says what is wanted (a swish, a long roll that falls out, an air ball …). Throws are
//! drawn until physics gives that; what is not to be had is replaced by what came nearest, and
//! the truth is always what physics did.

use crate::flight::{self, Flight, Outcome};
use crate::geometry::{Vec3, vec3};
use crate::physics::{BALL_RADIUS, Ball, HoopBody, Net};
use crate::random::Random;

/// What is wanted of a shot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    Swish,
    RimIn,
    RollIn,
    BankIn,
    LayupIn,
    DunkIn,
    RimOut,
    RollOut,
    Short,
    Long,
    Aside,
    AirBall,
    BoardOut,
    LayupOut,
    DunkOut,
    Block,
}

impl Flavour {
    /// A shot that shall be made.
    pub(crate) fn made(random: &mut Random) -> Self {
        random.weighted(&[
            (0.28, Self::Swish),
            (0.24, Self::RimIn),
            (0.1, Self::RollIn),
            (0.12, Self::BankIn),
            (0.17, Self::LayupIn),
            (0.09, Self::DunkIn),
        ])
    }

    /// A shot that shall be missed.
    pub(crate) fn missed(random: &mut Random) -> Self {
        random.weighted(&[
            (0.24, Self::RimOut),
            (0.14, Self::RollOut),
            (0.11, Self::Short),
            (0.09, Self::Long),
            (0.09, Self::Aside),
            (0.12, Self::AirBall),
            (0.06, Self::BoardOut),
            (0.12, Self::LayupOut),
            (0.03, Self::DunkOut),
        ])
    }

    /// Whether it is meant to go in.
    pub(crate) const fn wants_made(self) -> bool {
        matches!(
            self,
            Self::Swish | Self::RimIn | Self::RollIn | Self::BankIn | Self::LayupIn | Self::DunkIn
        )
    }

    /// Whether the player goes to the ring with the ball.
    pub(crate) const fn at_the_ring(self) -> bool {
        matches!(self, Self::LayupIn | Self::LayupOut | Self::DunkIn | Self::DunkOut)
    }

    /// Whether the ball is put through the ring from above.
    pub(crate) const fn dunked(self) -> bool {
        matches!(self, Self::DunkIn | Self::DunkOut)
    }

    fn banked(self, random: &mut Random) -> bool {
        match self {
            Self::BankIn | Self::BoardOut => true,
            Self::LayupIn | Self::LayupOut => random.chance(0.45),
            Self::Swish
            | Self::RimIn
            | Self::RollIn
            | Self::DunkIn
            | Self::RimOut
            | Self::RollOut
            | Self::Short
            | Self::Long
            | Self::Aside
            | Self::AirBall
            | Self::DunkOut
            | Self::Block => false,
        }
    }

    /// Where the throw is aimed beside the ring's centre: along and across its direction, metres.
    fn error(self, random: &mut Random) -> (f32, f32) {
        let mut spread = |s: f32| (random.normal() * s, random.normal() * s);
        match self {
            Self::Swish => spread(0.03),
            Self::RimIn => spread(0.13),
            Self::RollIn => spread(0.18),
            Self::BankIn | Self::LayupIn => spread(0.07),
            Self::DunkIn => spread(0.04),
            Self::RimOut | Self::RollOut => spread(0.24),
            Self::BoardOut | Self::LayupOut => spread(0.24),
            Self::Short => (random.range(-0.75, -0.28), random.normal() * 0.1),
            Self::Long => (random.range(0.25, 0.7), random.normal() * 0.12),
            Self::Aside => (random.normal() * 0.15, random.sign() * random.range(0.27, 0.6)),
            Self::AirBall | Self::Block => {
                let far = random.range(0.38, 1.0);
                let angle = random.range(-2.2, 2.2);
                (-far * angle.cos(), far * angle.sin())
            }
            Self::DunkOut => (random.range(0.16, 0.24), random.normal() * 0.1),
        }
    }

    /// 0 for a flight as wanted, up to 100 for one that went in and should not, or the reverse.
    fn misfit(self, flight: &Flight) -> f32 {
        if self.fits(flight) {
            return 0.0;
        }
        let right = matches!(flight.outcome, Outcome::Made(_)) == self.wants_made();
        let (Outcome::Made(end) | Outcome::Missed(end)) = flight.outcome else { return 100.0 };
        // The longest roll is the next best.
        let lingered = flight.first_touch.map_or(0.0, |t| end - t);
        let rolls = matches!(self, Self::RollIn | Self::RollOut);
        if !right { 100.0 } else { 20.0 - if rolls { 5.0 * lingered } else { 0.0 } }
    }

    fn fits(self, flight: &Flight) -> bool {
        let linger = |t: f32| flight.first_touch.map_or(0.0, |first| t - first);
        match (flight.outcome, self) {
            (Outcome::Made(_), Self::Swish) => flight.ring_touches + flight.board_touches == 0,
            (Outcome::Made(_), Self::RimIn) => flight.ring_touches > 0,
            (Outcome::Made(t), Self::RollIn) => linger(t) > 0.6 && flight.ring_touches > 1,
            (Outcome::Made(_), Self::BankIn) => flight.board_touches > 0,
            (Outcome::Made(_), Self::LayupIn | Self::DunkIn) => true,
            (Outcome::Missed(_), Self::RimOut | Self::DunkOut) => flight.ring_touches > 0,
            (Outcome::Missed(t), Self::RollOut) => linger(t) > 0.65 && flight.ring_touches > 1,
            (Outcome::Missed(_), Self::BoardOut) => flight.board_touches > 0,
            (Outcome::Missed(_), Self::AirBall) => {
                flight.ring_touches + flight.board_touches == 0 && flight.nearest < 1.1
            }
            (Outcome::Missed(_), f) => !f.wants_made() && flight.nearest < 1.2,
            (Outcome::Made(_) | Outcome::Stuck, _) => false,
        }
    }
}

/// What a throw is drawn from.
pub(super) struct Attempt<'a> {
    /// Release point in the hoop's frame.
    pub(super) from: Vec3,
    pub(super) flavour: Flavour,
    pub(super) hoop: &'a HoopBody,
    /// The camera in the hoop's frame, if the miss shall cross the hoop in its picture.
    pub(super) cross_from: Option<Vec3>,
}

/// Throws drawn before the wish is given up.
const TRIES: usize = 70;

impl Attempt<'_> {
    /// The flight that fits best.
    pub(super) fn choose(&self, random: &mut Random) -> Flight {
        let mut best: Option<(f32, Flight)> = None;
        let mut fitting = 0;
        for _ in 0..TRIES {
            let Some(ball) = self.throw(random) else { continue };
            let flight = flight::fly(ball, self.hoop);
            if flight.outcome == Outcome::Stuck {
                continue;
            }
            let misfit = self.flavour.misfit(&flight);
            let fits = misfit <= 0.0;
            let away = self.cross_from.map_or(0.0, |eye| crossing(&flight, eye));
            let enough = fits && away < 0.2;
            fitting += usize::from(fits);
            let cost = away + misfit;
            if best.as_ref().is_none_or(|b| cost < b.0) {
                best = Some((cost, flight));
            }
            if enough || fitting > 12 {
                break;
            }
        }
        best.map_or_else(|| self.straight_down(), |b| b.1)
    }

    fn throw(&self, random: &mut Random) -> Option<Ball> {
        let (along, across) = self.flavour.error(random);
        if self.flavour.dunked() {
            let p = vec3(across, -along, random.range(0.16, 0.34));
            let v = vec3(-across, along * 0.5, -random.range(2.0, 5.0));
            return Some(Ball { p, v, net: Net::Outside });
        }
        let mut target = vec3(0.0, 0.0, 0.0);
        if self.flavour.banked(random) {
            let plane = self.hoop.board_y + BALL_RADIUS;
            target.y = plane + plane / self.hoop.board_bounce;
        }
        let ahead = (target - self.from).at_height(0.0).unit();
        target += ahead * along + vec3(ahead.y, -ahead.x, 0.0) * across;
        let flat = (target - self.from).flat();
        let steepest = if flat < 1.6 { (62.0, 80.0) } else { (43.0, 62.0) };
        let angle = random.range(steepest.0, steepest.1).to_radians();
        let v = flight::launch(self.from, target, angle)?;
        Some(Ball { p: self.from, v, net: Net::Outside })
    }

    /// A ball dropped beside the ring: always possible, always a miss.
    fn straight_down(&self) -> Flight {
        let p = vec3(0.8, 0.6, 0.3);
        flight::fly(Ball { p, v: Vec3::default(), net: Net::Outside }, self.hoop)
    }
}

/// How near a missing ball comes to the net in the picture seen from `eye`, metres at the hoop,
/// counted only where it is not at the hoop.
fn crossing(flight: &Flight, eye: Vec3) -> f32 {
    let net = vec3(0.0, 0.0, -0.2);
    let sight = net - eye;
    let ahead = sight.unit();
    let mut best = 2.0f32;
    for instant in flight.path.iter().step_by(2).take_while(|i| i.floor < 0.3) {
        let d = instant.p - eye;
        let depth = d.dot(ahead);
        if depth > 0.5 && (instant.p - net).length() > 0.42 {
            let aside = (d - ahead * depth).length() * sight.length() / depth;
            best = best.min(aside);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::game::{Game, GameConfig};
    use crate::look::Look;
    use crate::physics::RING_RADIUS;

    const ALL: [Flavour; 15] = [
        Flavour::Swish,
        Flavour::RimIn,
        Flavour::RollIn,
        Flavour::BankIn,
        Flavour::LayupIn,
        Flavour::DunkIn,
        Flavour::RimOut,
        Flavour::RollOut,
        Flavour::Short,
        Flavour::Long,
        Flavour::Aside,
        Flavour::AirBall,
        Flavour::BoardOut,
        Flavour::LayupOut,
        Flavour::DunkOut,
    ];

    fn flights(flavour: Flavour, seeds: std::ops::Range<u64>) -> Vec<Flight> {
        seeds
            .map(|seed| {
                let look = Look::of_seed(seed);
                let body = Game::setting(&GameConfig::of_seed(seed), &look).hoop;
                let near = flavour.at_the_ring();
                let from = if near { vec3(0.3, 0.8, -0.2) } else { vec3(1.5, 5.0, -0.7) };
                let attempt = Attempt { from, flavour, hoop: &body, cross_from: None };
                attempt.choose(&mut Random::new(seed, "test"))
            })
            .collect()
    }

    #[test]
    fn shots_come_out_as_intended_nearly_always() {
        for flavour in ALL {
            let got = flights(flavour, 0..20);
            let right = got
                .iter()
                .filter(|f| matches!(f.outcome, Outcome::Made(_)) == flavour.wants_made())
                .count();
            assert!(right >= 18, "{flavour:?}: {right} of 20");
        }
    }

    #[test]
    fn a_made_shot_passes_the_inside_of_the_ring_downwards() {
        for flavour in ALL {
            for (seed, flight) in flights(flavour, 0..12).iter().enumerate() {
                let Outcome::Made(t) = flight.outcome else { continue };
                let index = (t * flight::RATE) as usize;
                let (a, b) = (flight.path[index].p, flight.path[index + 1].p);
                assert!(a.z >= -0.05 && b.z <= 0.05 && b.z < a.z, "seed {seed} {flavour:?}");
                assert!(b.flat() < RING_RADIUS, "seed {seed} {flavour:?}: {} aside", b.flat());
                let last = flight.path.iter().find(|i| i.floor > 0.3).expect("it lands");
                assert!(last.p.z < -2.5, "seed {seed} {flavour:?}");
            }
        }
    }

    #[test]
    fn a_swish_touches_nothing_and_a_roll_lingers() {
        for flight in flights(Flavour::Swish, 0..12) {
            assert_eq!(flight.ring_touches + flight.board_touches, 0);
        }
        let long = flights(Flavour::RollOut, 0..20)
            .iter()
            .filter(|f| match (f.outcome, f.first_touch) {
                (Outcome::Missed(t), Some(first)) => t - first > 0.6,
                (Outcome::Made(_) | Outcome::Missed(_) | Outcome::Stuck, _) => false,
            })
            .count();
        assert!(long >= 12, "{long} of 20 rolled");
    }

    #[test]
    fn misses_can_be_made_to_cross_the_hoop_in_the_picture() {
        let (mut plain, mut chosen) = (0.0, 0.0);
        for seed in 0..20 {
            let body = Game::setting(&GameConfig::of_seed(seed), &Look::of_seed(seed)).hoop;
            let eye = vec3(6.0, 6.0, 0.5);
            for wanted in [None, Some(eye)] {
                let from = vec3(1.5, 5.0, -0.7);
                let flavour = Flavour::AirBall;
                let attempt = Attempt { from, flavour, hoop: &body, cross_from: wanted };
                let away = crossing(&attempt.choose(&mut Random::new(seed, "test")), eye);
                *if wanted.is_some() { &mut chosen } else { &mut plain } += away;
            }
        }
        assert!(chosen < plain * 0.6, "{chosen} against {plain}");
    }
}
