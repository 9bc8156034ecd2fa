//! The thread that moves packets between the two devices, each way through a [`Model`].
//!
//! Owns the clock and the waiting; must not know namespaces, nor decide anything about a packet. It
//! waits in `poll` with a timeout in nanoseconds, until a packet comes, one is due or it is woken.

use std::io;
use std::num::NonZeroU64;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;

use crate::lateness::Lateness;
use crate::model::{Change, Counters, Delivery, Model};
use crate::namespaces::Devices;
use crate::tun::{Device, MTU};

/// Packets that are read from one device before the other one has its turn.
const BATCH: usize = 64;

/// One direction of the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the box to the cloud.
    Up,
    /// From the cloud to the box.
    Down,
}

/// The link while it runs. Dropping it stops it.
pub struct Emulator {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<Result<(), Error>>>,
}

/// What happened on the link so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Time since it began, on which scripts run.
    pub at: Duration,
    /// From the box to the cloud.
    pub up: Counters,
    /// From the cloud to the box.
    pub down: Counters,
    /// How late packets were written to the other side, both ways.
    pub lateness: Lateness,
    /// Packets that came out of the link and that the other side's kernel did not take, as while its
    /// interface is down.
    pub refused_total: u64,
}

/// Why the link does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// At the start.
    #[error("the link's thread cannot be started: {0}")]
    Start(io::Error),
    /// While it ran.
    #[error("the link stopped, its devices cannot be waited for or read: {0}; were they removed?")]
    Devices(#[from] Errno),
    /// By a mistake of its own.
    #[error("the link's thread panicked")]
    Panicked,
}

struct Shared {
    state: Mutex<State>,
    /// Readable when the thread should look at the state.
    wake: OwnedFd,
    began: Instant,
}

struct State {
    up: Model,
    down: Model,
    lateness: Lateness,
    refused_total: u64,
    run: Run,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Run {
    On,
    Stop,
}

impl Emulator {
    /// Starts the link; time zero of both models is now.
    ///
    /// # Errors
    /// When the system gives no thread or descriptor.
    pub fn start(devices: Devices, up: Model, down: Model) -> Result<Self, Error> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
        let wake = wake.map_err(|error| Error::Start(error.into()))?;
        let (lateness, refused_total) = (Lateness::default(), 0);
        let state = Mutex::new(State { up, down, lateness, refused_total, run: Run::On });
        let shared = Arc::new(Shared { state, wake, began: clock() });
        let moved = Arc::clone(&shared);
        let thread = thread::Builder::new().name("link".to_owned());
        let thread = thread.spawn(move || moved.run(&devices)).map_err(Error::Start)?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Time since the link began: that of its scripts.
    pub fn now(&self) -> Duration {
        self.shared.now()
    }

    /// Changes one direction, now.
    pub fn change(&self, way: Way, change: Change) {
        let mut state = self.shared.state();
        // Under the lock, so that the model's time does not go back.
        let now = self.shared.now();
        state.model(way).handle_change(now, change);
        drop(state);
        self.shared.wake();
    }

    /// What happened so far.
    pub fn report(&self) -> Report {
        let state = self.shared.state();
        Report {
            at: self.shared.now(),
            up: *state.up.counters(),
            down: *state.down.counters(),
            lateness: state.lateness.clone(),
            refused_total: state.refused_total,
        }
    }

    /// Stops the link, and closes its devices.
    ///
    /// # Errors
    /// When it had stopped by itself.
    pub fn stop(mut self) -> Result<Report, Error> {
        self.join()?;
        Ok(self.report())
    }

    fn join(&mut self) -> Result<(), Error> {
        self.shared.state().run = Run::Stop;
        self.shared.wake();
        let Some(thread) = self.thread.take() else { return Ok(()) };
        thread.join().unwrap_or(Err(Error::Panicked))
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        if let Err(error) = self.join() {
            eprintln!("{error}");
        }
    }
}

impl State {
    fn model(&mut self, way: Way) -> &mut Model {
        match way {
            Way::Up => &mut self.up,
            Way::Down => &mut self.down,
        }
    }

    fn deadline(&self) -> Option<Duration> {
        self.up.deadline().into_iter().chain(self.down.deadline()).min()
    }
}

impl Shared {
    fn run(&self, devices: &Devices) -> Result<(), Error> {
        be_punctual();
        let mut buffer = [0; MTU as usize];
        loop {
            self.deliver(Way::Up, &devices.of_cloud);
            self.deliver(Way::Down, &devices.of_box);
            let (run, deadline) = {
                let state = self.state();
                (state.run, state.deadline())
            };
            if run == Run::Stop {
                return Ok(());
            }
            self.wait(devices, deadline)?;
            self.take(Way::Up, &devices.of_box, &mut buffer)?;
            self.take(Way::Down, &devices.of_cloud, &mut buffer)?;
        }
    }

    /// Waits until a device has a packet, somebody wakes this thread, or the deadline has come.
    fn wait(&self, devices: &Devices, deadline: Option<Duration>) -> Result<(), Errno> {
        let left = deadline.map(|deadline| deadline.saturating_sub(self.now()));
        let left = left.and_then(|left| Timespec::try_from(left).ok());
        let watched = [devices.of_box.as_fd(), devices.of_cloud.as_fd(), self.wake.as_fd()];
        let mut watched = watched.map(|one| PollFd::from_borrowed_fd(one, PollFlags::IN));
        match poll(&mut watched, left.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
        if !watched[2].revents().is_empty() {
            rustix::io::read(&self.wake, &mut [0; 8])?;
        }
        Ok(())
    }

    /// Reads what one side sent.
    fn take(&self, way: Way, from: &Device, buffer: &mut [u8]) -> Result<(), Errno> {
        for _ in 0..BATCH {
            match rustix::io::read(from, &mut *buffer) {
                Ok(length) => {
                    let packet = buffer[..length].into();
                    let mut state = self.state();
                    let now = self.now();
                    state.model(way).handle_packet(now, packet);
                }
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes what is due to the other side. The lock is not held meanwhile.
    fn deliver(&self, way: Way, to: &Device) {
        while let Some(Delivery { due, packet }) = self.next(way) {
            let late = self.now().saturating_sub(due);
            let taken = rustix::io::write(to, &packet);
            let mut state = self.state();
            state.lateness.add(late);
            if taken.is_err() {
                state.refused_total += 1;
            }
        }
    }

    fn next(&self, way: Way) -> Option<Delivery> {
        let mut state = self.state();
        let now = self.now();
        state.model(way).next(now)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic of the thread is told by `join`, which must come so far.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        // A full counter would mean that it is awake already.
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }
}

/// Has the kernel wake the calling thread as soon as it can. If something of it is not to be had, the
/// link is merely later, which its report tells.
fn be_punctual() {
    // Nanoseconds. Otherwise 50 µs, in which the kernel looks for wake-ups to put together.
    let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
    // Real time: this thread hardly computes, and on busy cores would wait for the end of others'
    // slices, milliseconds (docs/link-emulator.md). By a program, as no safe library call has it.
    let id = rustix::thread::gettid().as_raw_nonzero().to_string();
    let _ = Command::new("chrt")
        .args(["--fifo", "--reset-on-fork", "--pid", "10", &id])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

#[allow(clippy::disallowed_methods, reason = "the link is outside the box, and is its own clock")]
fn clock() -> Instant {
    Instant::now()
}
