//! What the supply says, from the readings of a second: how much the box draws, and how often an
//! over-current alarm came since the second before.
//!
//! Pure. Decides nothing: the governor does.

use boards::{Fit, RailRole};
use governor::power::Sample;
use hal::sensors::{Alarm, Power, Readings, Throttle};
use wire::units::Milliwatts;

/// Words by which a counter of throttling says that the supply is too weak. Their names are those
/// of `hw/sensors`.
const OF_THE_SUPPLY: [&str; 2] = ["over-current", "under-voltage"];
/// An energy counter of the whole box, and those of its processors.
const WHOLE: &str = "psys";
const PACKAGE: &str = "package";

/// What was seen of the supply a second ago.
#[derive(Debug, Default)]
pub struct Supply {
    alarms: Vec<Option<Alarm>>,
    throttles: Vec<Option<u64>>,
}

impl Supply {
    /// What the supply says now. Alarms and counts from before the first call are history.
    pub fn sample(&mut self, readings: &Readings, fit: &Fit) -> Sample {
        let alarms: Vec<Option<Alarm>> = readings.power.iter().map(|rail| rail.alarm).collect();
        let before = std::mem::replace(&mut self.alarms, alarms);
        let rose = |(rail, before): &(&Power, Option<Alarm>)| match (before, rail.alarm) {
            (Some(before), Some(now)) => now > Alarm::Quiet && now > *before,
            (None, _) | (_, None) => false,
        };
        let rises = readings.power.iter().zip(before).filter(rose).count();
        let counts: Vec<Option<u64>> = readings.throttles.iter().map(|t| t.events).collect();
        let before = std::mem::replace(&mut self.throttles, counts);
        let more = |(throttle, before): (&Throttle, Option<u64>)| {
            let is_ours = OF_THE_SUPPLY.iter().any(|word| throttle.name.contains(word));
            throttle.events?.checked_sub(before?).filter(|_| is_ours)
        };
        let counted: u64 = readings.throttles.iter().zip(before).filter_map(more).sum();
        let over_current = u32::try_from(counted).unwrap_or(u32::MAX).saturating_add(rises as u32);
        Sample { input: input(readings, fit), over_current }
    }
}

/// What the whole box draws: by the board's input rail, else by the processors' own counters,
/// which leave out disks and fans.
pub fn input(readings: &Readings, fit: &Fit) -> Option<Milliwatts> {
    let is_input = |place: &usize| fit.rail_role(*place) == Some(RailRole::Input);
    if let Some(place) = (0..readings.power.len()).find(is_input) {
        return readings.power[place].value;
    }
    let whole = readings.power.iter().find(|power| power.name == WHOLE);
    if let Some(whole) = whole {
        return whole.value;
    }
    let packages = readings.power.iter().filter(|power| power.name.starts_with(PACKAGE));
    // One that is silent leaves the sum unknown.
    packages
        .map(|power| power.value)
        .try_fold(None, |sum: Option<u32>, value| {
            Some(Some(sum.unwrap_or(0).saturating_add(value?.0)))
        })?
        .map(Milliwatts)
}

#[cfg(test)]
mod tests {
    use boards::Board;

    use super::*;

    fn rail(name: &str, milliwatts: Option<u32>, alarm: Option<Alarm>) -> Power {
        Power {
            name: name.to_owned(),
            value: milliwatts.map(Milliwatts),
            alarm,
            ..Power::default()
        }
    }

    fn readings(power: Vec<Power>, counts: &[(&str, u64)]) -> Readings {
        let throttle = |(name, events): &(&str, u64)| Throttle {
            name: (*name).to_owned(),
            events: Some(*events),
        };
        let throttles = counts.iter().map(throttle).collect();
        Readings { power, throttles, ..Readings::default() }
    }

    fn fit(board: &str, readings: &Readings) -> Fit {
        let board = Board::shipped().into_iter().find(|known| known.name == board);
        Fit::of(board.expect("it is shipped"), readings)
    }

    #[test]
    fn input_rail_goes_before_counters_of_the_processor() {
        let jetson =
            readings(vec![rail("VDD_CPU", Some(9), None), rail("VDD_IN", Some(7_000), None)], &[]);
        assert_eq!(input(&jetson, &fit("jetson-orin-nano", &jetson)), Some(Milliwatts(7_000)));
        for (rails, expected) in [
            (
                vec![rail("package-0", Some(5_000), None), rail("psys", Some(9_000), None)],
                Some(9_000),
            ),
            (
                vec![
                    rail("package-0", Some(5_000), None),
                    rail("core", Some(4_000), None),
                    rail("package-1", Some(6_000), None),
                ],
                Some(11_000),
            ),
            (vec![rail("package-0", Some(5_000), None), rail("package-1", None, None)], None),
            (vec![rail("core", Some(4_000), None)], None),
            (vec![], None),
        ] {
            let pc = readings(rails, &[]);
            assert_eq!(input(&pc, &fit("generic-x86", &pc)), expected.map(Milliwatts), "{pc:?}");
        }
    }

    #[test]
    fn alarm_counts_when_it_rises_and_counters_by_how_much_they_grew() {
        let mut supply = Supply::default();
        let mut events = |alarm, counts: &[(&str, u64)]| {
            let readings = readings(vec![rail("VDD_IN", Some(1), alarm)], counts);
            let fit = fit("jetson-orin-nano", &readings);
            supply.sample(&readings, &fit).over_current
        };
        let counts = |over, under, hot| {
            [
                ("instantaneous over-current", over),
                ("under-voltage", under),
                ("processor too hot", hot),
            ]
        };
        use Alarm::{Critical, High, Quiet};
        assert_eq!(events(Some(High), &counts(37, 2, 9)), 0, "from before the start");
        assert_eq!(events(Some(High), &counts(37, 2, 9)), 0, "it lasts");
        assert_eq!(events(Some(Critical), &counts(37, 2, 9)), 1, "it became worse");
        assert_eq!(events(Some(High), &counts(40, 3, 19)), 4, "heat is not the supply's");
        assert_eq!(events(Some(Quiet), &counts(40, 3, 19)), 0);
        assert_eq!(events(Some(High), &counts(40, 3, 19)), 1);
        assert_eq!(events(None, &counts(0, 0, 0)), 0, "counters that begin anew");
    }
}
