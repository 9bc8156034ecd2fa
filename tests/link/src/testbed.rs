//! The whole thing: two namespaces with a link between them, for a program that measures something.

use std::ffi::OsStr;
use std::process::Command;
use std::time::Duration;

use crate::emulator::{self, Emulator, Report, Way};
use crate::model::{Change, Model, Settings, Step};
use crate::namespaces::{self, Namespaces, Side};

/// What a link is like, from its beginning on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// From the box to the cloud.
    pub up: Direction,
    /// From the cloud to the box.
    pub down: Direction,
    /// Decides which packets are lost.
    pub seed: u64,
}

/// What one direction is like, from its beginning on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Direction {
    /// At the beginning.
    pub settings: Settings,
    /// Then.
    pub script: Vec<Step>,
}

/// A running link. Dropping it stops the link, kills what runs at its ends and removes them.
pub struct Testbed {
    // Stopped before the namespaces go: its devices are in them.
    emulator: Emulator,
    namespaces: Namespaces,
}

/// Why there is no link, or no link any more.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Of its ends.
    #[error(transparent)]
    Namespaces(#[from] namespaces::Error),
    /// Of what is between them.
    #[error(transparent)]
    Emulator(#[from] emulator::Error),
}

impl Direction {
    /// One that stays as it is.
    pub const fn steady(settings: Settings) -> Self {
        Self { settings, script: Vec::new() }
    }

    /// And changes then.
    #[must_use]
    pub fn then(mut self, at: Duration, change: Change) -> Self {
        self.script.push(Step { at, change });
        self
    }

    /// And is down from then on for a while.
    #[must_use]
    pub fn outage(self, at: Duration, lasts: Duration) -> Self {
        self.then(at, Change::Down).then(at.saturating_add(lasts), Change::Up)
    }
}

impl Testbed {
    /// Makes the namespaces, and starts the link between them.
    ///
    /// # Errors
    /// When this process cannot make namespaces, or the system refuses something.
    pub fn open(plan: Plan) -> Result<Self, Error> {
        let (namespaces, devices) = Namespaces::make()?;
        let up = Model::new(plan.up.settings, plan.up.script, plan.seed);
        // Otherwise both directions would lose the same packets.
        let down = Model::new(plan.down.settings, plan.down.script, !plan.seed);
        let emulator = Emulator::start(devices, up, down)?;
        Ok(Self { emulator, namespaces })
    }

    /// A program to be started at one end ([`Namespaces::command`]).
    pub fn command(&self, side: Side, program: impl AsRef<OsStr>) -> Command {
        self.namespaces.command(side, program)
    }

    /// The ends.
    pub const fn namespaces(&self) -> &Namespaces {
        &self.namespaces
    }

    /// Time since the link began: that of its script.
    pub fn now(&self) -> Duration {
        self.emulator.now()
    }

    /// Changes one direction, now.
    pub fn change(&self, way: Way, change: Change) {
        self.emulator.change(way, change);
    }

    /// Changes both directions, now.
    pub fn change_both(&self, change: Change) {
        self.change(Way::Up, change);
        self.change(Way::Down, change);
    }

    /// What happened so far.
    pub fn report(&self) -> Report {
        self.emulator.report()
    }

    /// Ends all, and tells what happened.
    ///
    /// # Errors
    /// When the link had stopped before.
    pub fn close(self) -> Result<Report, Error> {
        let Self { emulator, namespaces } = self;
        let report = emulator.stop();
        drop(namespaces);
        Ok(report?)
    }
}
