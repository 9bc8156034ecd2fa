//! Who decides the operating point: the governor alone, or the configuration as long as the box
//! can stand it.
//!
//! ```text
//!   Kept ──critical──► Departed ──no longer critical──► Kept
//! ```
//! Owns the governor of the box. Pure.

use governor::machine::Governor;
use governor::{OperatingPoint, Shed, Status};
use wire::time::Monotonic;

use crate::config::GovernorMode;

/// See the module.
pub struct Rule {
    /// Decides, or only watches over heat and supply.
    pub governor: Governor,
    mode: GovernorMode,
    /// What a deterministic box keeps to.
    kept: OperatingPoint,
    /// What is in force, as it was told last.
    told: OperatingPoint,
}

impl Rule {
    /// The rule of a box with this ladder, of which a deterministic one keeps to the highest rung.
    pub fn new(now: Monotonic, mode: GovernorMode, ladder: &[OperatingPoint]) -> Self {
        let highest = &ladder[ladder.len() - 1..];
        let (ladder, kept) = match mode {
            GovernorMode::Adaptive => (ladder, highest[0]),
            GovernorMode::Deterministic => (highest, highest[0]),
        };
        let governor = Governor::new(now, ladder);
        let told = governor.operating_point();
        Self { governor, mode, kept, told }
    }

    /// Who chooses.
    pub fn mode(&self) -> GovernorMode {
        self.mode
    }

    /// What is in force.
    pub fn point(&self) -> OperatingPoint {
        use governor::state::State::{Boot, Critical, Nominal, Shutdown, Throttled};
        match (self.mode, self.governor.state()) {
            (GovernorMode::Deterministic, Critical { .. } | Shutdown) => {
                // All that is left of a box near its limit is the game.
                OperatingPoint { shed: Shed::Players, ..OperatingPoint::SMALLEST }
            }
            (GovernorMode::Deterministic, Boot { .. } | Nominal | Throttled { .. })
            | (GovernorMode::Adaptive, _) => self.governor.operating_point(),
        }
    }

    /// What is in force, why, and what would be next, for people.
    pub fn explain(&self, now: Monotonic) -> String {
        let head = match self.mode {
            GovernorMode::Adaptive => String::new(),
            GovernorMode::Deterministic => {
                format!("deterministic: {} as long as the box can stand it\n", self.kept)
            }
        };
        let Status { mode, point } = self.governor.explain(now);
        format!("{head}operating point  {point} ({mode})\n")
    }

    /// What is in force, if that is not what this told before.
    pub fn changed(&mut self) -> Option<OperatingPoint> {
        let point = self.point();
        (std::mem::replace(&mut self.told, point) != point).then_some(point)
    }
}

#[cfg(test)]
mod tests {
    use governor::operating_point::{LADDER, LADDER_FULL};
    use governor::{Probe, Tier, Trips};
    use wire::units::Millicelsius;

    use super::*;

    fn feel(rule: &mut Rule, second: u64, degrees: i32) {
        let value = Some(Millicelsius(1_000 * degrees));
        let probe = Probe { name: "cpu", value, trips: Trips::default() };
        let now = Monotonic::from_millis(1_000 * second);
        rule.governor.handle_readings(now, &[probe]);
        while rule.governor.next(now).is_some() {}
    }

    #[test]
    fn deterministic_box_keeps_its_tier_from_the_first_frame_and_only_critical_heat_ends_that() {
        let mut rule = Rule::new(Monotonic(0), GovernorMode::Deterministic, LADDER_FULL);
        assert_eq!(rule.point().rim_tier, Tier::Full);
        for second in 0..60 {
            feel(&mut rule, second, 82);
        }
        assert_eq!((rule.point().rim_tier, rule.changed()), (Tier::Full, None), "it is only hot");
        feel(&mut rule, 60, 95);
        assert_eq!(rule.changed(), Some(OperatingPoint::SMALLEST));
        assert_eq!(rule.changed(), None, "told once");
        for second in 61..200 {
            feel(&mut rule, second, 60);
        }
        assert_eq!(rule.changed().map(|point| point.rim_tier), Some(Tier::Full), "it cooled down");
    }

    #[test]
    fn adaptive_box_begins_on_the_lowest_rung() {
        let rule = Rule::new(Monotonic(0), GovernorMode::Adaptive, LADDER);
        assert_eq!((rule.point(), rule.mode()), (LADDER[0], GovernorMode::Adaptive));
    }
}
