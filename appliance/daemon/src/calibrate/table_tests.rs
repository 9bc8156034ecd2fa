//! Which tables are believed.

use wire::units::Milliwatts;

use super::*;

const MACHINE: &str = "x86_64, a processor, 2 cores";

fn timing(backend: Backend, median_ms: f32) -> Timing {
    let power = (backend == Backend::OnnxRuntime).then_some(Milliwatts(4_200));
    Timing { backend, median_ms, p95_ms: 2.0 * median_ms, runs: 60, power }
}

fn table() -> Table {
    let tier = |name: &str, chosen, median_ms| TierRow {
        name: name.to_owned(),
        chosen,
        why: "int8 takes 50 % of the time of onnxruntime f32".to_owned(),
        timings: vec![timing(Backend::Tract, 9.0), timing(chosen, median_ms)],
    };
    let pack = PackRow {
        name: "rim".to_owned(),
        version: 9,
        manifest_sha256: "ab".repeat(32),
        tiers: vec![
            tier("nano", Backend::OnnxRuntimeInt8, 0.5),
            tier("full", Backend::OnnxRuntime, 2.0),
        ],
    };
    Table::new(MACHINE.to_owned(), Some("build 1".to_owned()), vec![pack])
}

fn load(folder: &Path, machine: &str, library: Option<&str>) -> Result<Option<Table>, String> {
    Table::load(folder, &(machine.to_owned(), library)).map_err(|ignored| ignored.to_string())
}

#[test]
fn a_table_is_read_as_it_was_written_and_replaces_the_one_before() {
    let dir = tempfile::tempdir().expect("the system has a temporary folder");
    assert_eq!(load(dir.path(), MACHINE, None), Ok(None), "there is none yet");
    std::fs::write(dir.path().join(FILE), "damaged").expect("writable");
    table().write(dir.path()).expect("writable");
    let read = load(dir.path(), MACHINE, Some("build 1")).expect("it is good");
    assert_eq!(read, Some(table()));
    let left = std::fs::read_dir(dir.path()).expect("readable").count();
    assert_eq!(left, 1, "no draft is left");
}

#[test]
fn a_table_from_before_power_was_measured_is_read() {
    let dir = tempfile::tempdir().expect("the system has a temporary folder");
    let new = toml::to_string(&table()).expect("it has a text");
    assert_eq!(new.matches("power_mw = 4200\n").count(), 1, "{new}");
    let old = new.replace("power_mw = 4200\n", "");
    std::fs::write(dir.path().join(FILE), old).expect("writable");
    let read =
        load(dir.path(), MACHINE, Some("build 1")).expect("it is good").expect("it is there");
    assert!(read.tiers().all(|(_, tier)| tier.timings.iter().all(|t| t.power.is_none())));
    let mut expected = table().measured();
    expected.values_mut().for_each(|speed| speed.power = None);
    assert_eq!(read.measured(), expected);
}

#[test]
fn it_tells_what_was_chosen_of_which_manifest() {
    let key = |tier: &str| ("ab".repeat(32), tier.to_owned());
    let measured = table().measured();
    let speed = |backend, cost_ms| {
        let power = (backend == Backend::OnnxRuntime).then_some(Milliwatts(4_200));
        Speed { backend, cost_ms, power }
    };
    assert_eq!(measured.get(&key("nano")), Some(&speed(Backend::OnnxRuntimeInt8, 0.5)));
    assert_eq!(measured.get(&key("full")), Some(&speed(Backend::OnnxRuntime, 2.0)));
    assert_eq!(measured.len(), 2);
    assert_eq!(table().stale("rim", &"ab".repeat(32)), None);
    assert_eq!(table().stale("rim", &"cd".repeat(32)), Some(9));
    assert_eq!(table().stale("ball", &"ab".repeat(32)), Some(0));
}

#[test]
fn a_table_of_another_machine_or_library_is_ignored_with_the_remedy() {
    let dir = tempfile::tempdir().expect("the system has a temporary folder");
    table().write(dir.path()).expect("writable");
    for (machine, library, says) in [
        ("aarch64, another one, 6 cores", Some("build 1"), "this is \"aarch64, another one"),
        (MACHINE, Some("build 2"), "this box has \"build 2\""),
        (MACHINE, None, "this box has \"no ONNX Runtime\""),
    ] {
        let said = load(dir.path(), machine, library).expect_err(says);
        assert!(said.contains(says) && said.contains("courtside calibrate"), "{said}");
        assert!(said.contains(FILE), "{said}");
    }
}

#[test]
fn a_damaged_table_is_ignored_with_the_remedy() {
    let dir = tempfile::tempdir().expect("the system has a temporary folder");
    let good = toml::to_string(&table()).expect("it has a text");
    for (from, to, says) in [
        ("schema = 1", "schema = 2\nnew = 3", "its schema is 2"),
        ("chosen = \"onnxruntime int8\"", "chosen = \"tpu\"", "\"tpu\" is none of"),
        ("chosen = \"onnxruntime f32\"", "chosen = \"onnxruntime int8\"", "rim/full has no time"),
        ("median_ms = 2.0", "median_ms = nan", "rim/full has no time"),
        ("median_ms = 2.0", "median_ms = -2.0", "rim/full has no time"),
        ("median_ms = 2.0", "median_ms = 1e9", "rim/full has no time"),
        ("machine = ", "machines = ", "damaged"),
    ] {
        assert!(good.contains(from), "{from:?} is not in {good}");
        std::fs::write(dir.path().join(FILE), good.replacen(from, to, 1)).expect("writable");
        let said = load(dir.path(), MACHINE, Some("build 1")).expect_err(to);
        assert!(said.contains(says) && said.contains("courtside calibrate"), "{to:?}: {said}");
    }
    for cut in 1..good.len() {
        std::fs::write(dir.path().join(FILE), &good[..cut]).expect("writable");
        // A cut at the end of a table leaves a smaller one that is whole; never a panic.
        let _ = load(dir.path(), MACHINE, Some("build 1"));
    }
}

#[test]
fn a_table_that_cannot_be_written_says_where_and_what_to_do() {
    let error = table().write(Path::new("/nowhere/at/all")).expect_err("it was written");
    let text = format!("{error:#}");
    assert!(text.contains("/nowhere/at/all") && text.contains("user of the box"), "{text}");
}
