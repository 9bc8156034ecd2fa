//! What happens to whom, drawn from a seed: rounds of kills, some of them under a trouble that
//! lasts for the round.

use std::fmt;

use faults::{Act, Kind, POINTS, Point};

use crate::chance::Chance;
use crate::venue::Role;

/// Most kills in one round.
const KILLS_MAX: u64 = 6;
/// Points that are passed only when a program starts or connects.
const AT_START: [&str; 2] = ["store.opened", "uplink.birth.after"];
const HOUR_US: i64 = 3_600_000_000;

/// Points of clips that come to the receiver as messages.
const BY_MESSAGES: [&str; 4] = ["fleet.file.", "fleet.ranges.", "fleet.seal.", "fleet.sidecar."];

/// How the bytes of clips go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClipWay {
    /// Through the broker, to the receiver's disk.
    Messages,
    /// To a bucket, by links.
    Links,
}

/// One round: everything up to the next time that all must be well again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    /// What is wrong all the while.
    pub trouble: Option<Trouble>,
    /// Who is killed, and how.
    pub kills: Vec<Kill>,
}

/// One kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kill {
    /// Who.
    pub victim: Role,
    /// How.
    pub way: Way,
}

/// How somebody is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By a signal, at any moment.
    Moment {
        /// After so many ms.
        after_ms: u64,
    },
    /// By itself, at a fail point.
    Point {
        /// Which.
        point: &'static Point,
        /// At which passing, from 1.
        passing: u32,
    },
}

/// What is wrong with somebody for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Its disk is full.
    Full(Role),
    /// It is killed, and its disk is read-only when it comes back.
    ReadOnly(Role),
    /// Its disk fails at a point, so often, while it runs.
    Errors(Role, &'static Point, Act),
    /// Its clock is wrong by so many microseconds.
    Clock(Role, i64),
    /// The broker does nothing, and its connections stay.
    Frozen,
    /// The bucket's server is gone.
    BucketAway,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(role) => write!(f, "{role:?}: disk full"),
            Self::ReadOnly(role) => write!(f, "{role:?}: disk read-only"),
            Self::Errors(role, point, act) => write!(f, "{role:?}: {act:?} at {}", point.name),
            Self::Clock(role, us) => write!(f, "{role:?}: clock wrong by {} s", us / 1_000_000),
            Self::Frozen => f.write_str("Broker: frozen"),
            Self::BucketAway => f.write_str("bucket: away"),
        }
    }
}

impl Trouble {
    /// Its line in the table.
    pub fn label(self) -> &'static str {
        match self {
            Self::Full(_) => "disk full",
            Self::ReadOnly(_) => "disk read-only",
            Self::Errors(..) => "disk errors at a point",
            Self::Clock(..) => "clock jump",
            Self::Frozen => "broker frozen",
            Self::BucketAway => "bucket away",
        }
    }
}

/// A role's name in the table.
pub fn role_label(role: Role) -> &'static str {
    match role {
        Role::Broker => "broker",
        Role::Receiver => "receiver",
        Role::Appliance => "box",
    }
}

/// Whether the point is passed only when its program starts or connects.
pub fn is_at_start(point: &Point) -> bool {
    AT_START.contains(&point.name)
}

/// Points in an order of their own, each before any comes again.
struct Deck {
    points: Vec<&'static Point>,
    next: usize,
}

impl Deck {
    fn of(points: impl Iterator<Item = &'static Point>) -> Self {
        Self { points: points.collect(), next: 0 }
    }

    fn draw(&mut self, chance: &mut Chance) -> &'static Point {
        if self.next == 0 {
            chance.shuffle(&mut self.points);
        }
        let point = self.points[self.next];
        self.next = (self.next + 1) % self.points.len();
        point
    }
}

/// Rounds with that many kills in all. The same seed gives the same rounds.
pub fn rounds((seed, clips): (u64, ClipWay), kills: usize) -> Vec<Round> {
    let mut chance = Chance::of_seed(seed);
    let passed = |point: &&Point| {
        clips == ClipWay::Messages || !BY_MESSAGES.iter().any(|way| point.name.starts_with(way))
    };
    let mut deck = Deck::of(POINTS.iter().filter(passed));
    let disk = |point: &&Point| point.kind == Kind::Disk;
    let mut disks = Deck::of(POINTS.iter().filter(passed).filter(disk));
    let (mut rounds, mut left) = (Vec::new(), kills);
    while left > 0 {
        let wanted = usize::try_from(1 + chance.below(KILLS_MAX)).unwrap_or(1).min(left);
        left -= wanted;
        let trouble = trouble((&mut chance, clips), &mut disks);
        let kills = (0..wanted).map(|_| kill(&mut chance, &mut deck)).collect();
        rounds.push(Round { trouble, kills });
    }
    rounds
}

fn kill(chance: &mut Chance, deck: &mut Deck) -> Kill {
    let after_ms = chance.below(700);
    if chance.below(100) < 65 {
        let point = deck.draw(chance);
        let passing = if is_at_start(point) { 1 } else { 1 + chance.below(4) as u32 };
        return Kill { victim: owner(point), way: Way::Point { point, passing } };
    }
    let victim = match chance.below(4) {
        0 => Role::Appliance,
        1 => Role::Receiver,
        _half => Role::Broker,
    };
    Kill { victim, way: Way::Moment { after_ms } }
}

/// In two rounds of five.
fn trouble((chance, clips): (&mut Chance, ClipWay), disks: &mut Deck) -> Option<Trouble> {
    let role = if chance.below(2) == 0 { Role::Appliance } else { Role::Receiver };
    let jump = [2 * HOUR_US, -2 * HOUR_US, 24 * HOUR_US, -500_000 * HOUR_US];
    match chance.below(15) {
        0 => Some(Trouble::Full(role)),
        1 => Some(Trouble::ReadOnly(role)),
        2 | 3 => {
            let point = disks.draw(chance);
            let times = 1 + chance.below(6) as u32;
            let act = if chance.below(2) == 0 { Act::Full(times) } else { Act::ReadOnly(times) };
            Some(Trouble::Errors(owner(point), point, act))
        }
        4 => Some(Trouble::Clock(role, jump[chance.below(4) as usize])),
        5 => Some(Trouble::Frozen),
        6 | 7 if clips == ClipWay::Links => Some(Trouble::BucketAway),
        _well => None,
    }
}

/// Whose point it is.
pub fn owner(point: &Point) -> Role {
    match point.program {
        faults::Program::Box => Role::Appliance,
        faults::Program::Receiver => Role::Receiver,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_rounds_with_as_many_kills_as_were_asked_for() {
        let first = rounds((7, ClipWay::Messages), 1_000);
        assert_eq!(first, rounds((7, ClipWay::Messages), 1_000));
        assert_ne!(first, rounds((8, ClipWay::Messages), 1_000));
        assert_eq!(first.iter().map(|round| round.kills.len()).sum::<usize>(), 1_000);
    }

    #[test]
    fn thousand_kills_try_every_point_and_every_trouble() {
        let rounds = rounds((1, ClipWay::Messages), 1_000);
        for point in POINTS {
            let tried = rounds
                .iter()
                .flat_map(|round| &round.kills)
                .any(|kill| matches!(kill.way, Way::Point { point: tried, .. } if tried == point));
            assert!(tried, "{}", point.name);
        }
        let labels = ["disk full", "disk read-only", "clock jump", "broker frozen"];
        for label in labels {
            let troubles = rounds.iter().filter_map(|round| round.trouble);
            assert!(troubles.into_iter().any(|trouble| trouble.label() == label), "{label}");
        }
    }
}
