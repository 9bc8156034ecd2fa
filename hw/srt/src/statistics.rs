//! What libsrt counts of a connection, from its receiving end.

use std::time::Duration;

use crate::ffi::Trace;

/// Counters since the connection began, and measures of now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// How long the connection has existed.
    pub age: Duration,
    /// Between a packet and the peer's word that it came; 100 ms until it was first measured.
    pub round_trip: Duration,
    /// Packets that came, those that were sent again among them.
    pub received_packets: u64,
    /// Bytes that came, headers of SRT, UDP and IP among them.
    pub received_bytes: u64,
    /// Packets that were missing when a later one came. Most come when they are sent again.
    pub lost_packets: u64,
    /// Packets that came because they were sent again.
    pub retransmitted_packets: u64,
    /// Packets that were given up because the latency was over: holes in the stream.
    pub dropped_packets: u64,
    /// Packets that came but could not be decrypted.
    pub undecrypted_packets: u64,
    /// How much of the stream waits in the receive buffer.
    pub receive_buffer: Duration,
    /// The latency that both ends agreed on for this direction.
    pub latency: Duration,
}

impl Statistics {
    /// Mb/s that came, on average since `earlier`, which is of the same connection. 0 if no time
    /// has passed. With [`Statistics::default`] as `earlier` since the connection began.
    pub fn receive_mbps_since(&self, earlier: &Self) -> f64 {
        let bytes = self.received_bytes.saturating_sub(earlier.received_bytes);
        let seconds = self.age.saturating_sub(earlier.age).as_secs_f64();
        if seconds > 0.0 { bytes as f64 * 8.0 / 1e6 / seconds } else { 0.0 }
    }
}

impl From<&Trace> for Statistics {
    fn from(trace: &Trace) -> Self {
        Self {
            age: milliseconds(trace.msTimeStamp as f64),
            round_trip: milliseconds(trace.msRTT),
            received_packets: count(trace.pktRecvTotal),
            received_bytes: trace.byteRecvTotal,
            lost_packets: count(trace.pktRcvLossTotal),
            // There is no total of it; this crate never clears the counters.
            retransmitted_packets: count(trace.pktRcvRetrans),
            dropped_packets: count(trace.pktRcvDropTotal),
            undecrypted_packets: count(trace.pktRcvUndecryptTotal),
            receive_buffer: milliseconds(f64::from(trace.msRcvBuf)),
            latency: milliseconds(f64::from(trace.msRcvTsbPdDelay)),
        }
    }
}

/// libsrt counts in signed numbers, most of them short; one that ran over is shown as 0.
fn count(packets: impl Into<i64>) -> u64 {
    u64::try_from(packets.into()).unwrap_or(0)
}

fn milliseconds(number: f64) -> Duration {
    Duration::try_from_secs_f64(number / 1000.0).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_is_that_between_two_looks() {
        let look = |seconds, received_bytes| Statistics {
            age: Duration::from_secs(seconds),
            received_bytes,
            ..Statistics::default()
        };
        let (first, second) = (look(10, 1_000_000), look(12, 3_500_000));
        assert_eq!(second.receive_mbps_since(&first), 10.0);
        assert_eq!(first.receive_mbps_since(&Statistics::default()), 0.8);
        assert_eq!(first.receive_mbps_since(&first), 0.0);
        assert_eq!(first.receive_mbps_since(&second), 0.0);
    }

    #[test]
    fn numbers_that_ran_over_become_zero_and_not_a_panic() {
        let trace =
            Trace { msRTT: f64::NAN, msRcvBuf: -5, pktRcvDropTotal: -1, ..Trace::default() };
        assert_eq!(Statistics::from(&trace), Statistics::default());
    }
}
