//! What is thought of the running box as a whole, and the files that are handed out.

use serde_json::{Value, json};

use super::report::Outcome;
use super::*;
use crate::status::Status;

fn found(age_s: u64, uplink: &Value) -> Found {
    let status = Status {
        v: 1,
        firmware: env!("CARGO_PKG_VERSION").to_owned(),
        boot: 7,
        wall_us: 0,
        mono_us: 300_000_000,
        connected: true,
        in_play: false,
        sources: [].into(),
        pipeline: json!({ "uplink": uplink }),
    };
    Found { status, age: Duration::from_secs(age_s) }
}

#[test]
fn box_that_does_not_run_or_hangs_is_bad_and_another_version_a_warning() {
    let good = running_box(&Ok(Some(found(2, &Value::Null))));
    assert_eq!(good.verdict, Verdict::Good);
    assert_eq!(good.found, format!("up for 5 min 0 s, firmware {}", env!("CARGO_PKG_VERSION")));
    for bad in [Ok(None), Ok(Some(found(60, &Value::Null))), Err(std::io::Error::other("no"))] {
        let check = running_box(&bad);
        assert_eq!(check.verdict, Verdict::Bad, "{check:?}");
        assert!(check.advice.is_some());
    }
    let mut other = found(2, &Value::Null);
    other.status.firmware = "0.0.1".to_owned();
    assert_eq!(running_box(&Ok(Some(other))).verdict, Verdict::Warning);
}

#[test]
fn events_that_pile_up_are_a_warning() {
    let told = json!({ "live_unacked": 0, "clips_waiting": 2, "event_round_trip_us": 31_400 });
    let check = events(&found(1, &told));
    assert_eq!(check.verdict, Verdict::Good);
    assert_eq!(check.found, "0 events and 2 clips wait; the last was answered in 31.4 ms");
    let many = json!({ "live_unacked": 21, "clips_waiting": 0, "event_round_trip_us": null });
    let check = events(&found(1, &many));
    assert_eq!(check.verdict, Verdict::Warning);
    assert!(check.found.ends_with("none was answered yet"), "{check:?}");
}

#[test]
fn soak_of_an_idle_box_is_a_warning_at_least() {
    let of = |verdict| {
        let check = Check::good("steady temperature", "cpu stays").with_advice(verdict, "air");
        of_load(check, Load::Idle)
    };
    assert_eq!(of(Verdict::Good).verdict, Verdict::Warning);
    let bad = of(Verdict::Bad);
    assert_eq!((bad.verdict, bad.advice.as_deref()), (Verdict::Bad, Some("air")));
    assert!(bad.found.ends_with("no box ran, so it had nothing to do"), "{bad:?}");
    let busy = of_load(Check::good("steady temperature", "cpu stays"), Load::Box);
    assert_eq!(busy.verdict, Verdict::Good);
}

#[test]
fn page_and_envelope_are_written_beside_each_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let report = report::tests::report(&[Verdict::Warning]);
    let page = Page::new(report, &Security::Plain).expect("JSON");
    let envelope = page.write(&folder.path().join("court-1.html")).expect("writable");
    assert_eq!(envelope, folder.path().join("court-1.json"));
    let envelope: Value =
        serde_json::from_slice(&std::fs::read(envelope).expect("readable")).expect("JSON");
    let signed = envelope["signed"].as_str().expect("a text");
    let signed: Value = serde_json::from_str(signed).expect("JSON");
    assert_eq!(signed["outcome"], "accepted_with_warnings");
    assert_eq!(page.outcome(), Outcome::AcceptedWithWarnings);
    let html = std::fs::read_to_string(folder.path().join("court-1.html")).expect("readable");
    assert!(html.contains("accepted with warnings: 1 warning"), "{html}");
    for (file, why) in [("none/page.html", "not written"), ("page.json", "ends in .html")] {
        let error = page.write(&folder.path().join(file)).expect_err("no page").to_string();
        assert!(error.contains(why), "{error}");
    }
}
