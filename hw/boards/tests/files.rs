//! Board files that people write: what is understood, and how every mistake is told.

use std::path::Path;

use boards::{Board, Driver};
use wire::units::{Millicelsius, Milliwatts};

const GOOD: &str = r#"schema = 1
name = "my-board"
title = "My board"
slew_c_per_s = 0.25
decoders = ["v4l2", "libav"]
encoders = ["libav"]
[[module]]
title = "the big one"
dmi_sys_vendor = "Maker*"
dmi_product_name = "Box 1"
power_w = 12.5
[[zone]]
role = "cpu"
sensors = ["cpu*"]
passive_c = 80
critical_c = 95.5
[[rail]]
role = "input"
sensors = ["VIN"]
power_max_w = 20
[[fan]]
sensors = ["fan1"]
"#;

fn problems(text: &str) -> Vec<String> {
    match Board::parse(Path::new("b.toml"), text) {
        Ok(_) => Vec::new(),
        Err(refusal) => refusal.to_string().lines().map(str::to_owned).collect(),
    }
}

#[test]
fn good_file_is_understood() {
    let board = Board::parse(Path::new("b.toml"), GOOD).expect("nothing is wrong with it");
    assert_eq!(board.decoders, [Driver::V4l2, Driver::Libav]);
    assert_eq!(board.slew_per_second, Some(Millicelsius(250)));
    assert_eq!(board.modules[0].power, Some(Milliwatts(12_500)));
    assert_eq!(board.zones[0].trips.critical, Some(Millicelsius(95_500)));
    assert!(board.modules[0].rules[0].1.fits("Maker of boxes"));
    assert!(!board.modules[0].rules[1].1.fits("Box 10"));
}

#[test]
fn each_mistake_is_told_with_file_line_and_what_to_write() {
    for (good, bad, expected) in [
        (
            "schema = 1",
            "schema = 2",
            "b.toml:1: `schema = 2`: this version of Courtside reads schema 1 only",
        ),
        ("name = \"my-board\"", "name = \"My Board\"", "b.toml:2: `name = \"My Board\"`"),
        ("title = \"My board\"", "", "b.toml:1: `title` is missing"),
        (
            "slew_c_per_s = 0.25",
            "slew_c_per_s = 90",
            "b.toml:4: `slew_c_per_s = 90`: a sensor warms up by",
        ),
        (
            "[\"v4l2\", \"libav\"]",
            "[\"v4l3\"]",
            "b.toml:5: `decoders = [\"v4l3\"]`: name at least one of libav",
        ),
        ("encoders = [\"libav\"]", "encoders = []", "b.toml:6: `encoders = []`: name at least one"),
        (
            "dmi_product_name",
            "dmi_product",
            "b.toml:10: `module[1].dmi_product` is not a key that Courtside knows; did you mean `dmi_product_name`?",
        ),
        (
            "power_w = 12.5",
            "power_w = \"much\"",
            "b.toml:11: `module[1].power_w = \"much\"`: a number belongs here",
        ),
        (
            "role = \"cpu\"",
            "role = \"cpus\"",
            "b.toml:13: `zone[1].role = \"cpus\"`: this is none of the possible values; did you mean `cpu`?",
        ),
        (
            "sensors = [\"cpu*\"]",
            "sensors = [\"*\"]",
            "b.toml:14: `zone[1].sensors = [\"*\"]`: name at least one sensor",
        ),
        (
            "passive_c = 80",
            "passive_c = 96",
            "b.toml:12: `passive_c`, `hot_c` and `critical_c` must rise",
        ),
        (
            "critical_c = 95.5",
            "critical_c = 955",
            "b.toml:16: `zone[1].critical_c = 955`: a limit lies between",
        ),
        (
            "role = \"cpu\"",
            "role = \"soc\"\nwhen_off = \"gpu\"",
            "b.toml:1: `when_off = \"gpu\"` names a part that no zone",
        ),
        (
            "critical_c = 95.5",
            "when_off = \"cpu\"",
            "b.toml:16: `zone[1].when_off = \"cpu\"`: a part of role `cpu` is never off while the \
             box runs; leave it out",
        ),
        ("power_max_w = 20", "power_max_w = -1", "b.toml:20: `rail[1].power_max_w = -1`"),
        ("[[fan]]\nsensors", "[[fan]]\nsensor", "b.toml:22: `fan[1].sensor` is not a key"),
    ] {
        assert!(GOOD.contains(good), "{good}");
        let found = problems(&GOOD.replacen(good, bad, 1));
        assert!(found.iter().any(|line| line.starts_with(expected)), "{bad}: {found:#?}");
    }
}

#[test]
fn module_that_would_be_any_box_is_refused() {
    let text = GOOD.replace("dmi_sys_vendor = \"Maker*\"\ndmi_product_name = \"Box 1\"\n", "");
    let found = problems(&text);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(
        found[0].starts_with("b.toml:7: a module without a rule would be any box"),
        "{found:?}"
    );
}

#[test]
fn all_mistakes_of_a_file_are_told_at_once() {
    let text = GOOD.replace("0.25", "\"slow\"").replace("\"cpu\"", "7").replace("12.5", "0");
    assert_eq!(problems(&text).len(), 3, "{:#?}", problems(&text));
    assert!(problems("schema = ")[0].starts_with("b.toml:1: this is no TOML"));
}

#[test]
fn file_that_is_not_there_is_told_by_its_name() {
    let refusal = Board::load(Path::new("/no/such/board.toml")).expect_err("it is not there");
    assert!(refusal.to_string().starts_with("/no/such/board.toml: the board file cannot be read"));
}
