//! A seeded day of two games: when play is live, when moments come, and what announces them.
//!
//! Every number of this file is assumed: how often shots come is what basketball's statistics say
//! (about one in 24 s of play), how well cues announce them nobody has measured yet.

use governor::Cue;
use sim::Seeded;

use crate::time::At;

/// Minutes of the day's parts: what happens, and how long.
const DAY: [(Part, f64); 20] = [
    (Part::Empty, 8.0),
    (Part::WarmUp, 15.0),
    (Part::Quarter, 18.0),
    (Part::Pause, 2.0),
    (Part::Quarter, 18.0),
    (Part::Pause, 15.0),
    (Part::Quarter, 18.0),
    (Part::Pause, 2.0),
    (Part::Quarter, 18.0),
    (Part::Empty, 5.0),
    (Part::WarmUp, 15.0),
    (Part::Quarter, 18.0),
    (Part::Pause, 2.0),
    (Part::Quarter, 18.0),
    (Part::Pause, 15.0),
    (Part::Quarter, 18.0),
    (Part::Pause, 2.0),
    (Part::Quarter, 18.0),
    (Part::Empty, 10.0),
    (Part::Empty, 5.0),
];

/// Mean time between the first shots of two attacks in live play, in s. With the shots that follow
/// one at once there is one in about 24 s.
const ATTACK_S: f64 = 40.0;
/// No attack is shorter, in s.
const ATTACK_MIN_S: f64 = 6.0;
/// How often a shot is followed by another at once: a rebound, a tip-in.
const FOLLOWED: f64 = 0.25;
/// How soon, in s.
const FOLLOWS_S: (f64, f64) = (1.5, 4.5);
/// Live play between two interruptions, mean, in s.
const LIVE_S: f64 = 55.0;
/// Interruptions, in s.
const DEAD_S: (f64, f64) = (10.0, 35.0);
/// How often an interruption brings two free throws.
const FREE_THROWS: f64 = 0.25;
/// How often it is a time-out, and how long that is, in s.
const TIME_OUT: (f64, f64) = (0.06, 70.0);

/// A ball near the rim is seen before a shot: how often, and by how much, in s.
const NEAR_RIM: (f64, (f64, f64)) = (0.85, (0.6, 2.2));
/// ... and without one, mean time between two in live play, in s.
const NEAR_RIM_FALSE_S: f64 = 60.0;
/// The same in a warm-up, where everybody shoots, in s.
const WARM_UP_NEAR_RIM_S: f64 = 15.0;
/// The crowd swells before a shot: how often, and by how much, in s.
const CROWD: (f64, (f64, f64)) = (0.35, (0.5, 4.0));
/// ... and without one, mean time between two, in s.
const CROWD_FALSE_S: f64 = 360.0;
/// The whistle is heard at an interruption: how often.
const WHISTLE: f64 = 0.9;
/// How often a shot changes the score, and how long the board takes, in s.
const SCORE: (f64, (f64, f64)) = (0.45, (1.0, 4.0));
/// Somebody asks for attention before a moment: how often, and by how much, in s.
const BUTTON: (f64, (f64, f64)) = (0.01, (2.0, 8.0));

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// The hall is empty, or nobody plays.
    Empty,
    /// People throw at the hoop; nothing counts.
    WarmUp,
    /// Play, and its interruptions.
    Quarter,
    /// Between two quarters.
    Pause,
}

/// A day of play.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Game {
    /// Its end.
    pub end: At,
    /// Live play in all, in s.
    pub live_s: f64,
    /// The moments, in order: shots.
    pub moments: Vec<At>,
    /// What the box hears and sees of what comes, in order.
    pub cues: Vec<(At, Cue)>,
}

impl Game {
    /// The day with this seed.
    pub fn new(seed: u64) -> Self {
        let mut writer =
            Writer { game: Self::default(), play: Seeded::new(seed, 1), cue: Seeded::new(seed, 2) };
        let mut now = 0.0;
        for (part, minutes) in DAY {
            let end = now + minutes * 60.0;
            match part {
                Part::Empty | Part::Pause => {}
                Part::WarmUp => {
                    let (mean, cue) = (WARM_UP_NEAR_RIM_S, Cue::BallNearRim);
                    writer.false_cues((now, end), mean, cue);
                }
                Part::Quarter => writer.quarter(now, end),
            }
            writer.false_cues((now, end), CROWD_FALSE_S, Cue::CrowdSwell);
            now = end;
        }
        let Writer { mut game, .. } = writer;
        game.end = At(now);
        game.moments.sort_by(|a, b| a.0.total_cmp(&b.0));
        game.cues.retain(|(at, _)| at.0 >= 0.0);
        game.cues.sort_by(|(a, _), (b, _)| a.0.total_cmp(&b.0));
        game
    }

    /// Its first part alone, for quick tests.
    pub fn until(mut self, end: At) -> Self {
        self.moments.retain(|at| *at < end);
        self.cues.retain(|(at, _)| *at < end);
        self.end = end;
        self
    }

    /// The same with play from the start: what lies before `start` is left out.
    pub fn from(mut self, start: At) -> Self {
        let moved = |at: At| At(at.0 - start.0);
        self.moments = self.moments.into_iter().map(moved).filter(|at| at.0 >= 0.0).collect();
        let cues = self.cues.into_iter().map(|(at, cue)| (moved(at), cue));
        self.cues = cues.filter(|(at, _)| at.0 >= 0.0).collect();
        self.end = moved(self.end);
        self
    }
}

struct Writer {
    game: Game,
    /// What happens.
    play: Seeded,
    /// What the box notices of it; another generator, so that it changes no game.
    cue: Seeded,
}

impl Writer {
    fn quarter(&mut self, start: f64, end: f64) {
        let mut now = start;
        while now < end {
            let live_until = (now + self.play.wait(LIVE_S).max(ATTACK_MIN_S)).min(end);
            self.live(now, live_until);
            now = self.interruption(live_until).min(end);
        }
        self.false_cues((start, end), NEAR_RIM_FALSE_S, Cue::BallNearRim);
    }

    fn live(&mut self, start: f64, end: f64) {
        let mut now = start + ATTACK_MIN_S + self.play.wait(ATTACK_S - ATTACK_MIN_S) / 2.0;
        self.game.live_s += end - start;
        while now < end {
            self.moment(now);
            while self.play.happens(FOLLOWED) {
                now += self.play.between(FOLLOWS_S.0, FOLLOWS_S.1);
                if now >= end {
                    return;
                }
                self.moment(now);
            }
            now += ATTACK_MIN_S + self.play.wait(ATTACK_S - ATTACK_MIN_S);
        }
    }

    /// Returns when play goes on.
    fn interruption(&mut self, start: f64) -> f64 {
        if self.cue.happens(WHISTLE) {
            self.game.cues.push((At(start + 0.3), Cue::Whistle));
        }
        if self.play.happens(TIME_OUT.0) {
            return start + TIME_OUT.1;
        }
        let length = self.play.between(DEAD_S.0, DEAD_S.1);
        if self.play.happens(FREE_THROWS) {
            let first = start + self.play.between(10.0, 16.0);
            self.moment(first);
            let second = first + self.play.between(8.0, 12.0);
            self.moment(second);
            return second + 3.0;
        }
        start + length
    }

    fn moment(&mut self, at: f64) {
        self.game.moments.push(At(at));
        for (cue, (often, (least, most)), sign) in [
            (Cue::BallNearRim, NEAR_RIM, -1.0),
            (Cue::CrowdSwell, CROWD, -1.0),
            (Cue::Button, BUTTON, -1.0),
            (Cue::ScoreChange, SCORE, 1.0),
        ] {
            let lead = self.cue.between(least, most);
            if self.cue.happens(often) {
                self.game.cues.push((At(at + sign * lead), cue));
            }
        }
    }

    fn false_cues(&mut self, (start, end): (f64, f64), mean: f64, cue: Cue) {
        let mut now = start + self.cue.wait(mean);
        while now < end {
            self.game.cues.push((At(now), cue));
            now += self.cue.wait(mean);
        }
    }
}
