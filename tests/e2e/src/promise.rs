//! What the project promises of one live game, and where a run fell short of it.

use crate::report::Report;

/// Least recall and least precision of shots.
pub const SHARE_MIN: f64 = 0.9;
/// From the arrival of the frame that decided to the subscriber, p95 in ms.
pub const DECIDED_MS_P95_MAX: f64 = 250.0;
/// From the arrival of the frame of the moment to the subscriber, p95 in ms.
pub const MOMENT_MS_P95_MAX: f64 = 900.0;
/// From the end of a clip's post-roll to the whole clip at the receiver, in s.
pub const CLIP_DELAY_S_MAX: f64 = 5.0;
/// Resident memory of the box in MiB.
pub const RSS_MIB_MAX: f64 = 500.0;
/// Cores that the box keeps busy on average.
pub const CORES_MAX: f64 = 1.0;

/// Every promise that the run did not keep, one sentence each.
pub fn shortfalls(report: &Report) -> Vec<String> {
    shortfalls_at(report, SHARE_MIN)
}

/// The same with another least recall and precision.
pub fn shortfalls_at(report: &Report, share_min: f64) -> Vec<String> {
    let mut told = Vec::new();
    let mut at_least = |what: &str, value: f64, least: f64| {
        if value < least {
            told.push(format!("{what} is {value:.2}, promised is at least {least:.2}"));
        }
    };
    at_least("recall of shots", report.recall, share_min);
    at_least("precision of shots", report.precision, share_min);
    let mut at_most = |what: &str, value: Option<f64>, most: f64| match value {
        Some(value) if value <= most => {}
        Some(value) => told.push(format!("{what} is {value:.1}, promised is at most {most}")),
        None => told.push(format!("{what} is unknown: nothing was measured")),
    };
    at_most(
        "p95 from deciding frame to subscriber, in ms,",
        report.latency_ms.p95,
        DECIDED_MS_P95_MAX,
    );
    at_most("p95 from moment to subscriber, in ms,", report.moment_ms.p95, MOMENT_MS_P95_MAX);
    if report.clips.expected > 0 {
        at_most(
            "latest clip after its post-roll, in s,",
            report.clips.delay_s_max,
            CLIP_DELAY_S_MAX,
        );
    }
    at_most("resident memory of the box, in MiB,", Some(report.box_.rss_mib_max), RSS_MIB_MAX);
    at_most("processor load of the box, in cores,", Some(report.box_.cores_mean), CORES_MAX);
    if report.clips.verified < report.clips.expected {
        told.push(format!(
            "{} of {} clips arrived and are what their records say",
            report.clips.verified, report.clips.expected
        ));
    }
    told.extend(report.clips.complaints.iter().cloned());
    told.extend(report.complaints.iter().cloned());
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::good;

    #[test]
    fn good_run_falls_short_of_nothing() {
        assert_eq!(shortfalls(&good()), Vec::<String>::new());
    }

    /// A way to break a promise, and a word of the sentence about it.
    type Broken = (fn(&mut Report), &'static str);

    #[test]
    fn each_broken_promise_is_told() {
        let break_one: [Broken; 9] = [
            (|r| r.recall = 0.89, "recall"),
            (|r| r.precision = 0.5, "precision"),
            (|r| r.latency_ms.p95 = Some(250.1), "deciding frame"),
            (|r| r.moment_ms.p95 = None, "unknown"),
            (|r| r.clips.verified = 2, "2 of 3 clips"),
            (|r| r.clips.delay_s_max = Some(5.1), "after its post-roll"),
            (|r| r.box_.rss_mib_max = 501.0, "resident memory"),
            (|r| r.box_.cores_mean = 1.01, "processor load"),
            (|r| r.complaints.push("something odd".to_owned()), "something odd"),
        ];
        for (break_it, word) in break_one {
            let mut report = good();
            break_it(&mut report);
            let told = shortfalls(&report);
            assert!(told.len() == 1 && told[0].contains(word), "{word}: {told:?}");
        }
    }
}
