//! From one rung to another: what that forgets, what it counts, and how long it is rested after.
//!
//! Owns the hour's allowance of tier changes and the setbacks. Why a rung is left is
//! [`pursuit`](crate::pursuit)'s business.

use core::time::Duration;

use wire::time::Monotonic;

use crate::machine::{
    CLIMB_DWELL, Choice, DWELL, Governor, HOUR, Play, SETBACK_MEMORY, TIER_CHANGES_PER_HOUR,
};
use crate::reason::Reason;

/// Most doublings of [`CLIMB_DWELL`]: 16 minutes.
const SETBACKS_MAX: u8 = 6;

impl Governor {
    /// One rung down, or out of a sprint at once.
    pub(crate) fn step_down(&mut self, now: Monotonic, dwell: Duration, reason: Reason) {
        if let Play::Sprint { from } = self.play {
            return self.move_to(now, from, reason);
        }
        if self.rung > 0 && self.rests(now) >= dwell && self.choice == Choice::Adaptive {
            self.set_back(now);
            self.move_to(now, self.rung - 1, reason);
        }
    }

    /// Puts another rung in force. With the last tier change of the hour a step down leads to the
    /// lowest rung.
    pub(crate) fn move_to(&mut self, now: Monotonic, rung: usize, reason: Reason) {
        let quiet = match self.play {
            Play::Quiet => self.rung,
            Play::Sprint { from } => from,
        };
        let is_asked = matches!(reason, Reason::Sprint(_) | Reason::Live)
            || (self.is_sprinting() && !self.tiers_differ(rung, quiet));
        let mut rung = rung;
        if !is_asked && self.tiers_differ(quiet, rung) {
            self.forget_tier_changes(now);
            if rung < quiet && self.tier_changes.len() + 1 >= TIER_CHANGES_PER_HOUR {
                rung = 0;
            }
            // It may have been the last one while a sprint led over several rungs.
            let _ = self.tier_changes.push(now);
        }
        if rung == self.rung {
            return;
        }
        let (from, to) = (self.busy(now, self.rung), self.busy(now, rung));
        self.supply.restart(now, (from, to));
        self.meter.restart(now, &self.ladder, (self.rung, rung));
        self.rung = rung;
        self.reason = reason;
        self.changed = Some(now);
        if self.play == Play::Quiet || rung < quiet {
            self.settled = Some(now);
        }
        if rung <= quiet {
            self.play = Play::Quiet;
        }
    }

    /// The rung of the sprint is that of quiet play from now on.
    pub(crate) fn settle_in_sprint(&mut self, now: Monotonic, from: usize) {
        if self.tiers_differ(from, self.rung) {
            self.forget_tier_changes(now);
            // There is room: two changes were left.
            let _ = self.tier_changes.push(now);
        }
        (self.play, self.settled) = (Play::Quiet, Some(now));
        self.plan.base = self.rung;
    }

    /// Time since the rung of quiet play changed; for ever before the first.
    pub(crate) fn rests_in_quiet(&self, now: Monotonic) -> Duration {
        self.settled.map_or(Duration::MAX, |at| now.since(at))
    }

    /// Time since the last change; for ever before the first.
    pub(crate) fn rests(&self, now: Monotonic) -> Duration {
        self.changed.map_or(Duration::MAX, |at| now.since(at))
    }

    pub(crate) fn set_back(&mut self, now: Monotonic) {
        self.setbacks = (self.setbacks + 1).min(SETBACKS_MAX);
        self.setback = now;
    }

    pub(crate) fn climb_dwell(&mut self, now: Monotonic) -> Duration {
        while self.setbacks > 0 && now.since(self.setback) >= SETBACK_MEMORY {
            self.setbacks -= 1;
            self.setback = self.setback.plus(SETBACK_MEMORY);
        }
        match self.setbacks {
            0 => DWELL,
            n => CLIMB_DWELL * (1 << (n - 1)),
        }
    }

    pub(crate) fn tiers_differ(&self, a: usize, b: usize) -> bool {
        let (a, b) = (self.ladder[a], self.ladder[b]);
        (a.ball_tier, a.rim_tier) != (b.ball_tier, b.rim_tier)
    }

    /// Whether a climb to `rung` and a way down again fit the hour's allowance.
    pub(crate) fn has_tier_changes_for(&self, now: Monotonic, rung: usize) -> bool {
        let recent = self.tier_changes.iter().filter(|at| now.since(**at) < HOUR).count();
        !self.tiers_differ(self.rung, rung) || recent + 2 <= TIER_CHANGES_PER_HOUR
    }

    fn forget_tier_changes(&mut self, now: Monotonic) {
        self.tier_changes.retain(|at| now.since(*at) < HOUR);
    }
}
