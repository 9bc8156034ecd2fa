//! What became of the packets, as a table for people.

use std::fmt::Write;

use link::emulator::Report;
use link::model::{Count, Counters};

/// The table of a link that has stopped; `overruns`: packets that never reached it.
pub(super) fn of(report: &Report, overruns: u64) -> String {
    let mut text = String::new();
    let mut line = |words: [&str; 5]| {
        let [name, up, up_bytes, down, down_bytes] = words;
        let numbers = format!("{up:>14} {up_bytes:>14} {down:>14} {down_bytes:>14}");
        let _ = writeln!(text, "{name:<22}{numbers}");
    };
    line(["", "up: packets", "bytes", "down: packets", "bytes"]);
    for (name, count) in LINES {
        let (up, down) = (count(&report.up), count(&report.down));
        let [up, up_bytes] = [up.packets, up.bytes].map(|number| number.to_string());
        let [down, down_bytes] = [down.packets, down.bytes].map(|number| number.to_string());
        line([name, &up, &up_bytes, &down, &down_bytes]);
    }
    let peaks = [&report.up, &report.down].map(|way| way.queue_bytes_peak.to_string());
    line(["longest queue", "", &peaks[0], "", &peaks[1]]);
    let late = &report.lateness;
    let _ = writeln!(
        text,
        "{:.1} s; written late by {} µs (p50), {} µs (p99), {} µs (max); {} refused by a kernel; \
         {} never reached the link",
        report.at.as_secs_f64(),
        late.quantile(500).as_micros(),
        late.quantile(990).as_micros(),
        late.max().as_micros(),
        report.refused_total,
        overruns,
    );
    text
}

type Line = (&'static str, fn(&Counters) -> Count);

const LINES: [Line; 6] = [
    ("came in", |way| way.accepted),
    ("delivered", |way| way.delivered),
    ("dropped, queue full", |way| way.dropped_queue),
    ("dropped at random", |way| way.dropped_loss),
    ("dropped, link down", |way| way.dropped_outage),
    ("still under way", |way| way.accepted - way.settled()),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_shows_each_counter_in_its_place() {
        let mut report = Report::default();
        report.up.accepted = Count { packets: 12, bytes: 3_456 };
        report.up.delivered = Count { packets: 11, bytes: 3_356 };
        report.down.dropped_queue = Count { packets: 0, bytes: 0 };
        report.down.queue_bytes_peak = 789;
        let table = of(&report, 5);
        let fields = |name: &str| -> Vec<String> {
            let line = table.lines().find(|line| line.starts_with(name)).unwrap();
            line[name.len()..].split_whitespace().map(str::to_owned).collect()
        };
        assert_eq!(fields("came in"), ["12", "3456", "0", "0"]);
        assert_eq!(fields("still under way"), ["1", "100", "0", "0"]);
        assert_eq!(fields("longest queue"), ["0", "789"]);
        assert!(table.contains("5 never reached the link"), "{table}");
    }
}
