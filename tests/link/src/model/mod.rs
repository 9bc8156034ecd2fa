//! One direction of a link: a queue with a limit, a line with a rate, a delay, losses, outages.
//!
//! ```text
//! handle_packet ─► queue (drop-tail) ─► line (one packet at a time) ─► loss ─► delay ─► next
//! ```
//! Pure: no clock, no sockets; all times are since the link began. Same seed and same calls, same
//! packets. What it does and does not model: `docs/link-emulator.md`.

mod chance;
mod counters;
#[cfg(test)]
mod tests;

use core::time::Duration;
use std::collections::VecDeque;

use chance::Chance;
pub use counters::{Count, Counters};

use crate::units::{BitsPerSecond, Bytes, PerMillion};

/// What one direction of a link is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What the line carries, counted in IP packets: no link layer is added.
    pub rate: BitsPerSecond,
    /// From the line's end of a packet to its delivery.
    pub delay: Duration,
    /// How much may wait. The packet on the line does not count.
    pub queue: Bytes,
    /// Share of the packets that are lost after their time on the line.
    pub loss: PerMillion,
}

/// A change of one direction of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A new rate. The packet on the line ends as it began.
    Rate(BitsPerSecond),
    /// A new delay. After a shorter one, packets that left later arrive with the last of those that
    /// were under way: nothing overtakes.
    Delay(Duration),
    /// A new limit of the queue; what does not fit any more is dropped from its tail.
    Queue(Bytes),
    /// A new share of losses.
    Loss(PerMillion),
    /// As if the cable were cut: what waits, is under way or comes is lost.
    Down,
    /// Mended, and empty.
    Up,
}

/// A change that is known beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// When, since the link began.
    pub at: Duration,
    /// What changes.
    pub change: Change,
}

/// A packet that comes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// When it should come out; later than that, whoever asks is late.
    pub due: Duration,
    /// The packet, as it came in.
    pub packet: Box<[u8]>,
}

/// One direction of a link. Whoever owns it calls [`handle_packet`](Self::handle_packet) with what
/// comes and [`next`](Self::next) at each [`deadline`](Self::deadline).
#[derive(Clone, Debug)]
pub struct Model {
    settings: Settings,
    path: Path,
    /// Sorted by time.
    script: VecDeque<Step>,
    chance: Chance,
    queue: VecDeque<Box<[u8]>>,
    queue_bytes: u64,
    line: Option<OnLine>,
    /// Sorted by when they are due.
    under_way: VecDeque<Delivery>,
    /// When the last packet that left the line is due: none after it comes earlier.
    due_last: Duration,
    now: Duration,
    counters: Counters,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Path {
    Whole,
    Cut,
}

#[derive(Clone, Debug)]
struct OnLine {
    ends: Duration,
    packet: Box<[u8]>,
}

impl Model {
    /// A link that is up and empty at time zero. Steps of the same time happen in their order.
    pub fn new(settings: Settings, mut script: Vec<Step>, seed: u64) -> Self {
        script.sort_by_key(|step| step.at);
        Self {
            settings,
            path: Path::Whole,
            script: script.into(),
            chance: Chance::of_seed(seed),
            queue: VecDeque::new(),
            queue_bytes: 0,
            line: None,
            under_way: VecDeque::new(),
            due_last: Duration::ZERO,
            now: Duration::ZERO,
            counters: Counters::default(),
        }
    }

    /// Takes a packet in. A `now` before that of an earlier call counts as that one.
    pub fn handle_packet(&mut self, now: Duration, packet: Box<[u8]>) {
        self.advance(now);
        let count = Count::of(&packet);
        self.counters.accepted += count;
        if self.path == Path::Cut {
            self.counters.dropped_outage += count;
        } else if self.line.is_none() {
            self.put_on_line(self.now, packet);
        } else if self.queue_bytes + count.bytes > self.settings.queue.0 {
            self.counters.dropped_queue += count;
        } else {
            self.queue_bytes += count.bytes;
            self.queue.push_back(packet);
            let peak = &mut self.counters.queue_bytes_peak;
            *peak = self.queue_bytes.max(*peak);
        }
    }

    /// Changes the link from now on.
    pub fn handle_change(&mut self, now: Duration, change: Change) {
        self.advance(now);
        self.apply(change);
    }

    /// The next packet that is due, if one is.
    pub fn next(&mut self, now: Duration) -> Option<Delivery> {
        self.advance(now);
        let delivery = self.under_way.pop_front_if(|delivery| delivery.due <= self.now)?;
        self.counters.delivered += Count::of(&delivery.packet);
        Some(delivery)
    }

    /// When [`next`](Self::next) should be asked again; `None` while nothing can come by itself.
    pub fn deadline(&self) -> Option<Duration> {
        let packet = match (self.under_way.front(), &self.line) {
            (Some(delivery), _) => Some(delivery.due),
            (None, Some(line)) => Some(self.due(line.ends)),
            (None, None) => None,
        };
        // A step may change when a packet is due.
        let step = self.script.front().map(|step| step.at);
        packet.into_iter().chain(step).min()
    }

    /// What the link is like now.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What became of the packets so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What is on its way: waits, is on the line, or will arrive after its delay.
    pub fn holds(&self) -> Count {
        let line = self.line.iter().map(|line| &line.packet);
        let under_way = self.under_way.iter().map(|delivery| &delivery.packet);
        let packets = self.queue.iter().chain(line).chain(under_way);
        packets.map(|packet| Count::of(packet)).fold(Count::default(), |sum, one| sum + one)
    }

    /// Lets all happen that happens until `to`, steps of the script between the packets.
    fn advance(&mut self, to: Duration) {
        while let Some(step) = self.script.pop_front_if(|step| step.at <= to) {
            self.run_line(step.at);
            self.apply(step.change);
        }
        self.run_line(to);
    }

    fn run_line(&mut self, to: Duration) {
        self.now = self.now.max(to);
        while let Some(done) = self.line.take_if(|line| line.ends <= self.now) {
            self.leave_line(done.ends, done.packet);
            if let Some(packet) = self.queue.pop_front() {
                self.queue_bytes -= packet.len() as u64;
                self.put_on_line(done.ends, packet);
            }
        }
    }

    fn put_on_line(&mut self, at: Duration, packet: Box<[u8]>) {
        let ends = at.saturating_add(self.settings.rate.time_of(packet.len()));
        self.line = Some(OnLine { ends, packet });
    }

    fn leave_line(&mut self, at: Duration, packet: Box<[u8]>) {
        if self.chance.happens(self.settings.loss) {
            self.counters.dropped_loss += Count::of(&packet);
            return;
        }
        let due = self.due(at);
        self.due_last = due;
        self.under_way.push_back(Delivery { due, packet });
    }

    /// When a packet that leaves the line at this time is due.
    fn due(&self, left: Duration) -> Duration {
        left.saturating_add(self.settings.delay).max(self.due_last)
    }

    fn apply(&mut self, change: Change) {
        match change {
            Change::Rate(rate) => self.settings.rate = rate,
            Change::Delay(delay) => self.settings.delay = delay,
            Change::Loss(loss) => self.settings.loss = loss,
            Change::Queue(limit) => {
                self.settings.queue = limit;
                self.drop_what_does_not_fit();
            }
            Change::Down => {
                self.path = Path::Cut;
                self.drop_all();
            }
            Change::Up => self.path = Path::Whole,
        }
    }

    fn drop_what_does_not_fit(&mut self) {
        while self.queue_bytes > self.settings.queue.0
            && let Some(packet) = self.queue.pop_back()
        {
            self.queue_bytes -= packet.len() as u64;
            self.counters.dropped_queue += Count::of(&packet);
        }
    }

    fn drop_all(&mut self) {
        // What was due before the cut has arrived, even if nobody has asked for it yet.
        let arrived = self.under_way.partition_point(|delivery| delivery.due <= self.now);
        let waiting = self.queue.drain(..);
        let on_line = self.line.take().map(|line| line.packet);
        let cut_off = self.under_way.drain(arrived..).map(|delivery| delivery.packet);
        for packet in waiting.chain(on_line).chain(cut_off) {
            self.counters.dropped_outage += Count::of(&packet);
        }
        self.queue_bytes = 0;
        // Nothing is left that could be overtaken.
        self.due_last = self.now;
    }
}
