//! A driver that may take its time, read on a thread of its own, so that a file, a disk or a GPU
//! that hangs keeps nobody waiting.
//!
//! LATEST: whoever reads asks for a reading and waits a moment for it, which is all that a driver
//! in order needs. One that is late is not waited for again before it has answered; meanwhile its
//! newest finished reading is handed out. When it no longer answers, its values become `None`,
//! name by name; nothing else is lost.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use hal::sensors::{Alarm, GroupMemory, Pressure, Readings, Sensors};

/// How long the first reading may take. Loading a GPU's driver takes seconds.
pub(crate) const FIRST_MAX: Duration = Duration::from_secs(10);
/// How long a reading is waited for: less than the second between two of them, and long beside the
/// milliseconds that a box's files take. A driver that begins to hang costs it once.
const PATIENCE: Duration = Duration::from_millis(500);
/// Readings in a row that may be handed out again while a newer one is waited for. Called once a
/// second, a driver that hangs is silent four seconds after its last answer, and its sensors are
/// lost to the governor at once: others answered later.
const REPEATS_MAX: u32 = 3;

/// See the module.
pub struct Aside {
    ask: SyncSender<()>,
    answers: Receiver<Readings>,
    newest: Readings,
    repeats: u32,
    /// It was asked and has not answered.
    owes: bool,
}

/// A driver that was started and has not given its first reading.
pub struct Starting {
    name: String,
    ask: SyncSender<()>,
    answers: Receiver<Readings>,
}

impl Aside {
    /// Starts the thread `name` and lets it make the driver and read it: `None` if that says that
    /// there is nothing to read.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(
        name: &str,
        open: impl FnOnce() -> Option<Box<dyn Sensors>> + Send + 'static,
    ) -> io::Result<Starting> {
        // One wish is enough, and one answer to it.
        let (ask, asked) = sync_channel(1);
        let (answer, answers) = sync_channel(1);
        std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            let Some(mut driver) = open() else { return };
            while answer.send(driver.read()).is_ok() && asked.recv().is_ok() {}
        })?;
        Ok(Starting { name: name.to_owned(), ask, answers })
    }

    /// What it read last, without asking.
    pub fn newest(&self) -> &Readings {
        &self.newest
    }

    /// Takes the reading that it owes, if that comes in time.
    fn is_new_within(&mut self, patience: Duration) -> bool {
        let answer = self.answers.recv_timeout(patience);
        let is_new = answer.is_ok();
        if let Ok(newest) = answer {
            (self.newest, self.owes) = (newest, false);
        }
        is_new
    }
}

impl Starting {
    /// Waits for the first reading; `None` if there is nothing to read.
    ///
    /// # Errors
    /// The driver does not answer in time; its thread is then left to itself.
    pub fn wait(self, patience: Duration) -> io::Result<Option<Aside>> {
        let Self { name, ask, answers } = self;
        match answers.recv_timeout(patience) {
            Ok(newest) => Ok(Some(Aside { ask, answers, newest, repeats: 0, owes: false })),
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("{name} did not answer within {} s", FIRST_MAX.as_secs()),
            )),
        }
    }
}

impl Sensors for Aside {
    fn read(&mut self) -> Readings {
        let patience = if self.owes { Duration::ZERO } else { PATIENCE };
        if !self.owes {
            self.owes = self.ask.try_send(()).is_ok();
        }
        let is_new = self.is_new_within(patience);
        self.repeats = if is_new { 0 } else { self.repeats.saturating_add(1) };
        if self.repeats > REPEATS_MAX { silent(&self.newest) } else { self.newest.clone() }
    }
}

/// The same sensors, none of which answers.
fn silent(readings: &Readings) -> Readings {
    let mut silent = readings.clone();
    silent.temperatures.iter_mut().for_each(|t| t.value = None);
    for power in &mut silent.power {
        (power.value, power.tension, power.current) = (None, None, None);
        power.alarm = None::<Alarm>;
    }
    silent.fans.iter_mut().for_each(|fan| (fan.speed, fan.drive) = (None, None));
    silent.throttles.iter_mut().for_each(|throttle| throttle.events = None);
    silent.wear.iter_mut().for_each(|wear| (wear.used, wear.spare) = (None, None));
    (silent.cpu, silent.memory_available_bytes, silent.memory_resident_bytes) = (None, None, None);
    silent.memory_total_bytes = None;
    (silent.pressure, silent.group_memory) = (Pressure::default(), GroupMemory::default());
    silent
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::Sender;

    use hal::sensors::Wear;
    use wire::units::Percent;

    use super::*;

    /// Answers when it is let, and says that it was asked.
    struct Slow {
        count: u8,
        let_go: Receiver<()>,
    }

    impl Sensors for Slow {
        fn read(&mut self) -> Readings {
            let hung_up = self.let_go.recv().is_err();
            assert!(!hung_up || self.count > 0, "it was let go at least once");
            self.count += 1;
            let used = Some(Percent(self.count));
            let wear = vec![Wear { name: "disk".to_owned(), used, spare: None, warning: None }];
            Readings { wear, ..Readings::default() }
        }
    }

    fn used(aside: &mut Aside) -> Option<u8> {
        aside.read().wear[0].used.map(|used| used.0)
    }

    #[allow(clippy::disallowed_methods, reason = "a test's own channel")]
    fn slow() -> (Sender<()>, Aside) {
        let (go, let_go) = std::sync::mpsc::channel();
        go.send(()).expect("it listens");
        let driver = Slow { count: 0, let_go };
        let starting = Aside::start("slow", move || Some(Box::new(driver))).expect("a thread");
        let aside = starting.wait(FIRST_MAX).expect("it answers in time");
        (go, aside.expect("it answers"))
    }

    #[test]
    fn driver_that_hangs_keeps_nobody_waiting_and_falls_silent() {
        let (go, mut aside) = slow();
        for _ in 0..REPEATS_MAX {
            assert_eq!(used(&mut aside), Some(1));
        }
        assert_eq!(used(&mut aside), None, "too old");
        go.send(()).expect("it listens");
        // Its name never went away, and its next answer is taken.
        let back = std::iter::repeat_with(|| {
            std::thread::yield_now();
            used(&mut aside)
        });
        assert_eq!(back.take(1_000_000).find(Option::is_some), Some(Some(2)));
    }

    #[test]
    fn driver_that_has_nothing_is_none() {
        let starting = Aside::start("nothing", || None).expect("a thread");
        assert!(starting.wait(FIRST_MAX).expect("it ends at once").is_none());
    }
}
