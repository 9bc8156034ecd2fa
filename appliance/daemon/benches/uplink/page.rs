//! `docs/benchmarks/uplink.md`.

use std::fmt::Write;

use super::burst::Burst;
use super::stretch::Stretch;
use super::{Arguments, Design, Measured};

pub(super) fn page(
    arguments: &Arguments,
    (measured, quiet): (&[Measured], &[(String, Stretch)]),
    burst: Option<&Burst>,
) -> String {
    let mut text = format!(
        "# Uplink: events beside a clip\n\n\
         What an event waits for while a clip is uploaded over a slow link: our uplink beside two \
         designs that anybody would write first, over the same [emulated link](../link-emulator.md). \
         Events happen every {} ms on average; measured is the time from an event's making on the \
         box to its arrival at a subscriber behind the broker, which is half a round trip and the \
         queue. RTT 50 ms, drop-tail queue of 128 KB, {} s each. *Alone*: events without a clip.\n\n\
         - **ours**: two connections, segments paced by `outbox::Pacer`\n\
         - **ours, links**: events as before, clips by HTTP to links of the receiver's bucket, by the same pacer\n\
         - **one connection**: events and 64 KB segments on one connection, no pace\n\
         - **two connections**: the same, each on its own\n\n\
         `scripts/bench-uplink` at {}.\n",
        super::EVENT_EVERY.as_millis(),
        arguments.seconds,
        arguments.commit,
    );
    let titles = [
        ("steady", "2 Mbit/s"),
        ("lossy", "2 Mbit/s, 1 % of the packets lost"),
        ("step", "1 Mbit/s, 5 s after a step down from 10 Mbit/s"),
    ];
    for (name, title) in titles {
        let rows: Vec<&Measured> = measured.iter().filter(|m| m.scenario == name).collect();
        if rows.is_empty() {
            continue;
        }
        let _infallible = write!(
            text,
            "\n## {title}\n| kernel's control | design | event p50 / p95 ms | above alone | clip, of the link |\n|---|---|---|---|---|\n"
        );
        for measured in rows {
            write_rows(&mut text, measured);
        }
    }
    if !quiet.is_empty() {
        text.push_str("\n## 2 Mbit/s, no event for a minute\n| kernel's control | clip, of the link |\n|---|---|\n");
        for (control, stretch) in quiet {
            let _infallible =
                writeln!(text, "| {control} | {:.1} % |", stretch.goodput() / 2e6 * 100.0);
        }
    }
    if let Some(Burst { stretch, refused, tail }) = burst {
        let _infallible = writeln!(
            text,
            "\n## A thousand events a second\nFor {:.0} s, from the box's store through mosquitto into \
             the receiver's database, all on one machine: {} events, from the making to the commit \
             p50 {:.0} ms, p95 {:.0} ms, p99 {:.0} ms; {refused} times the box had no room at once; the \
             last one was stored {} ms after it was made. Not over the emulated link.",
            stretch.seconds,
            stretch.events.len(),
            stretch.at_most(0.5),
            stretch.at_most(0.95),
            stretch.at_most(0.99),
            tail.as_millis(),
        );
    }
    text
}

fn write_rows(text: &mut String, measured: &Measured) {
    let (p50, p95) = (measured.idle.at_most(0.5), measured.idle.at_most(0.95));
    let control = &measured.control;
    let _infallible = writeln!(text, "| {control} | alone | {p50:.0} / {p95:.0} | | |");
    for (design, stretch) in &measured.designs {
        let name = match design {
            Design::Ours => "**ours**",
            Design::Links => "**ours, links**",
            Design::OneConnection => "one connection",
            Design::TwoConnections => "two connections",
        };
        let share = stretch.goodput() / measured.rate.get() as f64 * 100.0;
        let (at50, at95) = (stretch.at_most(0.5), stretch.at_most(0.95));
        let _infallible = writeln!(
            text,
            "| {control} | {name} | {at50:.0} / {at95:.0} | {:+.0} / {:+.0} | {share:.0} % |",
            at50 - p50,
            at95 - p95,
        );
    }
}
