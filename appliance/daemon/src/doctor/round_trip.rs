//! How long the way to the broker and back takes, and how evenly.
//!
//! Pure: gets what was measured.

use std::time::Duration;

use super::report::{Check, Verdict};

/// An event is seen by so much later than it could be; in a game a second counts.
const MEDIAN_MAX: Duration = Duration::from_millis(300);
/// A line that varies by more is shared with something that fills it.
const JITTER_MAX: Duration = Duration::from_millis(100);

/// What was measured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RoundTrips {
    /// Those that came back, in the order in which they left.
    pub(super) times: Vec<Duration>,
    /// How many did not.
    pub(super) lost: u32,
}

/// What went to and fro.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// Messages with QoS 1, which the broker answers.
    Messages,
    /// Connections of TCP, which the broker's machine answers.
    Connections,
}

impl RoundTrips {
    /// The middle one.
    fn median(&self) -> Option<Duration> {
        let mut times = self.times.clone();
        times.sort_unstable();
        times.get(times.len() / 2).copied()
    }

    /// Mean difference between one and the next.
    fn jitter(&self) -> Duration {
        let pairs = self.times.windows(2).map(|pair| pair[0].abs_diff(pair[1]));
        let count = u32::try_from(self.times.len().saturating_sub(1)).unwrap_or(u32::MAX);
        pairs.sum::<Duration>() / count.max(1)
    }

    /// What is thought of it.
    pub(super) fn check(&self, by: By) -> Check {
        const NAME: &str = "round trip";
        let what = match by {
            By::Messages => "messages with QoS 1",
            By::Connections => "TCP connections; the broker did not answer messages",
        };
        let sent = self.times.len() + self.lost as usize;
        let Some(median) = self.median() else {
            let advice = "the line is up and carries nothing: look at firewalls and the uplink";
            return Check::bad(NAME, format!("none of {sent} came back ({what})"), advice);
        };
        let jitter = self.jitter();
        let found = format!(
            "median {}, jitter {}, {} of {sent} lost ({what})",
            millis(median),
            millis(jitter),
            self.lost
        );
        let found = Check::good(NAME, found)
            .figure("median_ms", median.as_secs_f64() * 1_000.0)
            .figure("jitter_ms", jitter.as_secs_f64() * 1_000.0)
            .figure("lost", self.lost.into());
        if self.lost > 0 {
            let advice = "something on the way loses packets: look at cable, radio and uplink";
            found.with_advice(Verdict::Warning, advice)
        } else if median > MEDIAN_MAX || jitter > JITTER_MAX {
            let advice = "the line is slow or something else fills it: events come late; keep \
                          others off it, or give the box a line of its own";
            found.with_advice(Verdict::Warning, advice)
        } else {
            found
        }
    }
}

/// A length of time as people write it.
pub(super) fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ms: &[u64], lost: u32) -> Check {
        let times = ms.iter().copied().map(Duration::from_millis).collect();
        RoundTrips { times, lost }.check(By::Messages)
    }

    #[test]
    fn median_jitter_and_losses_are_told() {
        let check = of(&[20, 30, 20, 40, 20], 0);
        assert_eq!(check.verdict, Verdict::Good);
        assert_eq!(
            check.found,
            "median 20.0 ms, jitter 15.0 ms, 0 of 5 lost (messages with QoS 1)"
        );
        assert_eq!(of(&[20], 0).figures["jitter_ms"], 0.0);
    }

    #[test]
    fn losses_slowness_and_unevenness_are_warnings_and_silence_is_bad() {
        assert_eq!(of(&[20, 20, 20], 1).verdict, Verdict::Warning);
        assert_eq!(of(&[400, 400, 400], 0).verdict, Verdict::Warning);
        assert_eq!(of(&[20, 250, 20, 250, 20], 0).verdict, Verdict::Warning);
        let none = of(&[], 20);
        assert_eq!(
            (none.verdict, none.found.as_str()),
            (Verdict::Bad, "none of 20 came back (messages with QoS 1)")
        );
    }
}
