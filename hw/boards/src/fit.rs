//! The sensors of a board among those that a box shows.
//!
//! Sensors keep their place in the readings for the life of a process, so they are looked for
//! once. Nothing here is a reading: what the kernel states goes before what the board's file says.

use std::fmt;

use hal::sensors::{Readings, Trips};

use crate::{Board, RailRole, Sensors, ZoneRole};

/// Which sensor is which.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    board: Board,
    /// Place in [`Readings::temperatures`] of each zone.
    zones: Vec<Option<usize>>,
    /// Place in [`Readings::power`] of each rail.
    rails: Vec<Option<usize>>,
    /// Place in [`Readings::fans`] of each fan.
    fans: Vec<Option<usize>>,
}

/// A sensor that the board has and the box does not show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Its part: `junction temperature`.
    pub part: String,
    /// The names that it may have.
    pub sensors: String,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { part, sensors } = self;
        write!(f, "this board has a {part}, but the kernel shows no {sensors}; check its driver")
    }
}

impl Fit {
    /// Looks for the sensors of `board` among those of `readings`.
    pub fn of(board: Board, readings: &Readings) -> Self {
        let temperatures: Vec<&str> =
            readings.temperatures.iter().map(|sensor| sensor.name.as_str()).collect();
        let power: Vec<&str> = readings.power.iter().map(|rail| rail.name.as_str()).collect();
        let fans: Vec<&str> = readings.fans.iter().map(|fan| fan.name.as_str()).collect();
        Self {
            zones: board.zones.iter().map(|zone| place(&zone.sensors, &temperatures)).collect(),
            rails: board.rails.iter().map(|rail| place(&rail.sensors, &power)).collect(),
            fans: board.fans.iter().map(|fan| place(fan, &fans)).collect(),
            board,
        }
    }

    /// The board.
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// What the board has and the box does not show.
    pub fn missing(&self) -> Vec<Missing> {
        let told = |part: String, sensors: &Sensors| Missing { part, sensors: sensors.to_string() };
        let zones = self.board.zones.iter().zip(&self.zones).filter(|(_, place)| place.is_none());
        let rails = self.board.rails.iter().zip(&self.rails).filter(|(_, place)| place.is_none());
        let fans = self.board.fans.iter().zip(&self.fans).filter(|(_, place)| place.is_none());
        let zones =
            zones.map(|(zone, _)| told(format!("{} temperature", zone.role), &zone.sensors));
        let rails = rails.map(|(rail, _)| told(format!("{} power rail", rail.role), &rail.sensors));
        let fans = fans.map(|(fan, _)| told("fan".to_owned(), fan));
        zones.chain(rails).chain(fans).collect()
    }

    /// The part of the temperature at `place`.
    pub fn zone_role(&self, place: usize) -> Option<ZoneRole> {
        self.zone(place).map(|zone| zone.role)
    }

    /// The part of the rail at `place`.
    pub fn rail_role(&self, place: usize) -> Option<RailRole> {
        self.rail(place).map(|rail| rail.role)
    }

    /// The board's rail at `place` of the readings.
    pub fn rail(&self, place: usize) -> Option<&crate::Rail> {
        let found = self.board.rails.iter().zip(&self.rails).find(|(_, at)| **at == Some(place));
        found.map(|(rail, _)| rail)
    }

    /// Place in the readings of the first temperature with this part that the box shows.
    pub fn zone_place(&self, role: ZoneRole) -> Option<usize> {
        let places = self.board.zones.iter().zip(&self.zones);
        places.filter(|(zone, _)| zone.role == role).find_map(|(_, place)| *place)
    }

    /// Place in the readings of the first rail with this part that the box shows.
    pub fn rail_place(&self, role: RailRole) -> Option<usize> {
        let places = self.board.rails.iter().zip(&self.rails);
        places.filter(|(rail, _)| rail.role == role).find_map(|(_, place)| *place)
    }

    /// Trip points of the temperature at `place`: `stated` by the kernel, and the board's where
    /// it states none of that kind.
    pub fn trips(&self, place: usize, stated: Trips) -> Trips {
        let board = self.zone(place).map(|zone| zone.trips).unwrap_or_default();
        Trips {
            passive: stated.passive.or(board.passive),
            hot: stated.hot.or(board.hot),
            critical: stated.critical.or(board.critical),
        }
    }

    /// Place of the reading that counts for the temperature at `place`: its own or, while its part
    /// is switched off, that of the zone which stands for it. A sensor that sleeps is not one that
    /// was lost. Value and trip points belong together: both are those of the place returned.
    pub fn reads_at(&self, place: usize, readings: &Readings) -> usize {
        let is_silent = readings.temperatures.get(place).is_some_and(|own| own.value.is_none());
        let stand_in = self.zone(place).and_then(|zone| self.zone_place(zone.when_off?));
        // Also if the stand-in is silent itself: both are lost then, by the same limits.
        stand_in.filter(|_| is_silent).unwrap_or(place)
    }

    fn zone(&self, place: usize) -> Option<&crate::Zone> {
        let found = self.board.zones.iter().zip(&self.zones).find(|(_, at)| **at == Some(place));
        found.map(|(zone, _)| zone)
    }
}

/// Where a sensor is among `names`: by its most likely name that is there.
fn place(sensors: &Sensors, names: &[&str]) -> Option<usize> {
    sensors.0.iter().find_map(|pattern| names.iter().position(|name| pattern.fits(name)))
}
