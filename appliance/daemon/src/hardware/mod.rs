//! The box as hardware: which board it is, its sensors, and which of them plays which part.
//!
//! Joins what `boards` knows with what `sensors` reads, for the governor's shell, telemetry and
//! `courtside sensors`. Decides nothing: [`concerns`] says what a person should look at.

pub mod concerns;
pub mod figures;
pub mod report;
pub mod sense;

use std::path::Path;

use boards::{Board, Detected, Fit, Identity, Missing, detect, named};
use governor::{Probe, Trips};
use hal::sensors::{Condition, Readings, Sensors as _};
use sensors::{Absent, BoxSensors, Now, Places};

use crate::config::BoardChoice;

/// Which board a box is whose files lie below `root`.
pub fn board_of(choice: &BoardChoice, root: &Path) -> Detected {
    let identity = Identity::read(root);
    match choice {
        BoardChoice::Detected => detect(Board::shipped(), identity),
        BoardChoice::Named(board) => named((**board).clone(), &identity),
    }
}

/// The sensors of a box, each with its part on the board.
pub struct Hardware {
    sensors: BoxSensors,
    fit: Fit,
}

impl Hardware {
    /// Looks for the sensors; says what is not measured.
    pub fn open(board: Board, places: &Places, now: &Now) -> (Self, Vec<Absent>) {
        let (mut sensors, absent) = sensors::discover(places, now);
        let fit = Fit::of(board, &sensors.read());
        (Self { sensors, fit }, absent)
    }

    /// Reads everything once.
    pub fn read(&mut self) -> Readings {
        self.sensors.read()
    }

    /// Which sensor is which.
    pub fn fit(&self) -> &Fit {
        &self.fit
    }

    /// What the board has and the box does not show.
    pub fn missing(&self) -> Vec<Missing> {
        self.fit.missing()
    }
}

/// The temperatures as the governor takes them: with the board's limits where the kernel states
/// none. A sensor that seems frozen does not answer: the governor then takes it for as hot as it
/// could be by now. For a part that is switched off counts the zone which stands for it, temperature and
/// limits both: one zone's temperature says nothing against another one's limits.
pub fn probes<'r>(fit: &Fit, readings: &'r Readings) -> Vec<Probe<'r>> {
    let probe = |(place, sensor): (usize, &'r hal::sensors::Temperature)| {
        let place = fit.reads_at(place, readings);
        let read = readings.temperatures.get(place).unwrap_or(sensor);
        let trips = fit.trips(place, read.trips);
        Probe {
            name: &sensor.name,
            value: match read.condition {
                Condition::Unremarkable | Condition::Faulty => read.value,
                Condition::Frozen => None,
            },
            trips: Trips { passive: trips.passive, hot: trips.hot, critical: trips.critical },
        }
    };
    readings.temperatures.iter().enumerate().map(probe).collect()
}

#[cfg(test)]
mod tests {
    use hal::sensors::Temperature;
    use wire::units::Millicelsius;

    use super::*;

    fn zone(name: &str, degrees: Option<i32>) -> Temperature {
        Temperature {
            name: name.to_owned(),
            value: degrees.map(|degrees| Millicelsius(degrees * 1_000)),
            condition: Condition::Unremarkable,
            trips: hal::sensors::Trips::default(),
        }
    }

    #[test]
    fn governor_gets_the_boards_limits_where_the_kernel_states_none() {
        let mut own = zone("cpu-thermal", Some(50));
        own.trips.passive = Some(Millicelsius(70_000));
        let readings = Readings {
            temperatures: vec![zone("tj-thermal", Some(61)), own, zone("gpu-thermal", None)],
            ..Readings::default()
        };
        let board = Board::shipped().into_iter().find(|board| board.name == "jetson-agx-orin");
        let fit = Fit::of(board.expect("it is shipped"), &readings);
        let probes = probes(&fit, &readings);
        let trips: Vec<_> = probes.iter().map(|p| (p.trips.passive, p.trips.critical)).collect();
        let milli = |degrees: i32| Some(Millicelsius(degrees));
        assert_eq!(trips[0], (milli(99_000), milli(104_500)));
        assert_eq!(trips[1], (milli(70_000), milli(104_500)), "the kernel's own goes before");
        assert_eq!(probes[2].value, milli(61_000), "the junction stands for a GPU that is off");
    }

    #[test]
    fn sensor_that_seems_frozen_does_not_answer_and_nor_does_what_it_stands_for() {
        let mut junction = zone("tj-thermal", Some(61));
        junction.condition = Condition::Frozen;
        let temperatures = vec![junction, zone("cpu-thermal", Some(50)), zone("gpu-thermal", None)];
        let readings = Readings { temperatures, ..Readings::default() };
        let board = Board::shipped().into_iter().find(|board| board.name == "jetson-agx-orin");
        let fit = Fit::of(board.expect("it is shipped"), &readings);
        let values: Vec<_> = probes(&fit, &readings).iter().map(|probe| probe.value).collect();
        assert_eq!(values, [None, Some(Millicelsius(50_000)), None]);
    }

    #[test]
    fn zone_that_stands_for_a_part_that_is_off_brings_its_own_limits() {
        let (mut junction, mut gpu) = (zone("tj-thermal", Some(88)), zone("gpu-thermal", None));
        junction.trips.passive = Some(Millicelsius(85_000));
        gpu.trips.passive = Some(Millicelsius(95_000));
        let readings = Readings { temperatures: vec![junction, gpu], ..Readings::default() };
        let board = Board::shipped().into_iter().find(|board| board.name == "jetson-agx-orin");
        let fit = Fit::of(board.expect("it is shipped"), &readings);
        let probes = probes(&fit, &readings);
        assert_eq!(probes[1].name, "gpu-thermal");
        assert_eq!((probes[1].value, probes[1].trips), (probes[0].value, probes[0].trips));
        assert_eq!(probes[0].trips.passive, Some(Millicelsius(85_000)));
    }
}
