//! The keys of a board file: which there are and what they may hold.
//!
//! Every part is read before the first `?`, so that all problems of a file are found in one go.

use document::{Entry, Key, Place, Problem, Section, wish};
use hal::sensors::Trips;
use wire::units::{Milliamperes, Millicelsius, Milliwatts};

use crate::{Board, Driver, Module, Pattern, Rail, RailRole, Saying, Sensors, Zone, ZoneRole};

const ROOT: &[Key] = &[
    Key::new("schema", "1"),
    Key::new("name", "\"my-board\""),
    Key::new("title", "\"My board\""),
    Key::new("slew_c_per_s", "0.5"),
    Key::new("decoders", "[\"libav\"]"),
    Key::new("encoders", "[\"libav\"]"),
    Key::new("module", "[{ … }]"),
    Key::new("zone", "[{ … }]"),
    Key::new("rail", "[{ … }]"),
    Key::new("fan", "[{ … }]"),
];
const MODULE: &[Key] = &[
    Key::new("title", "\"My board, 8 GB\""),
    Key::new("compatible", "\"maker,board\""),
    Key::new("model", "\"Maker Board\""),
    Key::new("dmi_sys_vendor", "\"Maker\""),
    Key::new("dmi_product_name", "\"Box 1\""),
    Key::new("dmi_board_vendor", "\"Maker\""),
    Key::new("dmi_board_name", "\"Board 1\""),
    Key::new("acpi", "\"PNP0501\""),
    Key::new("memory_mib", "8192"),
    Key::new("power_w", "25"),
];
const ZONE: &[Key] = &[
    Key::new("role", "\"cpu\""),
    Key::new("sensors", "[\"cpu-thermal\"]"),
    Key::new("passive_c", "95"),
    Key::new("hot_c", "100"),
    Key::new("critical_c", "105"),
    Key::new("when_off", "\"junction\""),
];
const RAIL: &[Key] = &[
    Key::new("role", "\"input\""),
    Key::new("sensors", "[\"VDD_IN\"]"),
    Key::new("power_max_w", "25"),
    Key::new("current_max_ma", "5000"),
];
const FAN: &[Key] = &[Key::new("sensors", "[\"pwmfan pwm1\"]")];

/// Reads a whole file.
///
/// # Errors
/// Everything that is wrong with it, in the order of the lines.
pub(crate) fn board(text: &str) -> Result<Board, Vec<Problem>> {
    document::read(text, root)
}

fn root(root: Place<'_>) -> Option<Board> {
    let root = root.with_keys(ROOT);
    let schema = root.schema(1);
    let name = root.required("name").and_then(|entry| entry.name());
    let title = root.required("title").and_then(|entry| entry.filled());
    let slew = wish(root.optional("slew_c_per_s"), |entry| {
        entry.within(0.05, 20.0, "a sensor warms up by 0.05 to 20 °C a second").map(celsius)
    });
    let decoders = root.required("decoders").and_then(|entry| drivers(&entry));
    let encoders = root.required("encoders").and_then(|entry| drivers(&entry));
    let modules = list(&root, "module", module);
    let zones = list(&root, "zone", zone);
    let rails = list(&root, "rail", rail);
    let fans = list(&root, "fan", |place| sensors(&place.with_keys(FAN)));
    schema?;
    let zones = zones?;
    let stand_ins = zones.iter().filter_map(|zone| zone.when_off);
    for role in stand_ins.filter(|role| zones.iter().all(|zone| zone.role != *role)) {
        root.refuse(format_args!(
            "`when_off = \"{role}\"` names a part that no zone of this board has; add a \
             `[[zone]]` with `role = \"{role}\"`"
        ));
    }
    Some(Board {
        name: name?.to_string(),
        title: title?.to_owned(),
        modules: modules?,
        decoders: decoders?,
        encoders: encoders?,
        zones,
        rails: rails?,
        fans: fans?,
        slew_per_second: slew?,
    })
}

/// A list of tables; empty if it is not there.
fn list<T>(root: &Section<'_>, name: &str, read: fn(Place<'_>) -> Option<T>) -> Option<Vec<T>> {
    let Some(entry) = root.optional(name) else { return Some(Vec::new()) };
    let items: Vec<Option<T>> = entry.tables().into_iter().map(read).collect();
    items.into_iter().collect()
}

fn module(place: Place<'_>) -> Option<Module> {
    let section = place.with_keys(MODULE);
    let title = section.required("title").and_then(|entry| entry.filled());
    let rule = |(saying, key): (Saying, &str)| {
        let text = section.optional(key)?.filled()?;
        Some((saying, Pattern(text.to_owned())))
    };
    let rules: Vec<_> = Saying::KEYS.into_iter().filter_map(rule).collect();
    if rules.is_empty() {
        section.refuse(
            "a module without a rule would be any box; write for example \
             `compatible = \"maker,board\"`, as /sys/firmware/devicetree/base/compatible has it",
        );
    }
    let memory_mib = wish(section.optional("memory_mib"), |entry| {
        entry.within(256.0, 4_194_304.0, "a box has 256 to 4194304 MiB").map(|mib| mib as u32)
    });
    let power = wish(section.optional("power_w"), watts);
    Some(Module { title: title?.to_owned(), rules, memory_mib: memory_mib?, power: power? })
}

fn zone(place: Place<'_>) -> Option<Zone> {
    let section = place.with_keys(ZONE);
    let role = section.required("role").and_then(|entry| entry.one_of(&ZoneRole::NAMES));
    let sensors = sensors(&section);
    let trip = |key: &str| {
        wish(section.optional(key), |entry| {
            entry.within(20.0, 150.0, "a limit lies between 20 and 150 °C").map(celsius)
        })
    };
    let (passive, hot, critical) = (trip("passive_c"), trip("hot_c"), trip("critical_c"));
    let when_off =
        wish(section.optional("when_off"), |entry| match role.filter(|role| !role.can_be_off()) {
            Some(role) => {
                entry.refuse(
                    format_args!("a part of role `{role}` is never off while the box runs"),
                    "leave it out, so that a sensor which falls silent counts as lost",
                );
                None
            }
            None => entry.one_of(&ZoneRole::NAMES),
        });
    let trips = Trips { passive: passive?, hot: hot?, critical: critical? };
    let rising: Vec<_> = [trips.passive, trips.hot, trips.critical].into_iter().flatten().collect();
    if !rising.is_sorted_by(|a, b| a < b) {
        section.refuse("`passive_c`, `hot_c` and `critical_c` must rise in this order");
    }
    Some(Zone { role: role?, sensors: sensors?, trips, when_off: when_off? })
}

fn rail(place: Place<'_>) -> Option<Rail> {
    let section = place.with_keys(RAIL);
    let role = section.required("role").and_then(|entry| entry.one_of(&RailRole::NAMES));
    let sensors = sensors(&section);
    let power_max = wish(section.optional("power_max_w"), watts);
    let current_max = wish(section.optional("current_max_ma"), |entry| {
        let current = entry.within(1.0, 100_000.0, "a rail carries 1 to 100000 mA")?;
        Some(Milliamperes(current as i32))
    });
    Some(Rail { role: role?, sensors: sensors?, power_max: power_max?, current_max: current_max? })
}

fn sensors(section: &Section<'_>) -> Option<Sensors> {
    let entry = section.required("sensors")?;
    let names = entry.texts()?;
    if names.is_empty() || names.iter().any(|name| name.is_empty() || *name == "*") {
        entry.refuse_with_example("name at least one sensor, as `courtside sensors` shows it");
        return None;
    }
    Some(Sensors(names.into_iter().map(|name| Pattern(name.to_owned())).collect()))
}

fn drivers(entry: &Entry<'_>) -> Option<Vec<Driver>> {
    let known = |name: &&str| Driver::NAMES.iter().find(|(known, _)| known == name);
    let names = entry.texts()?;
    let drivers: Option<Vec<Driver>> =
        names.iter().map(|name| known(name).map(|(_, driver)| *driver)).collect();
    let drivers = drivers.filter(|drivers| !drivers.is_empty());
    if drivers.is_none() {
        let all = Driver::NAMES.map(|(name, _)| name).join(", ");
        entry.refuse_with_example(format_args!("name at least one of {all}, the best first"));
    }
    drivers
}

fn watts(entry: &Entry<'_>) -> Option<Milliwatts> {
    let watts = entry.within(0.5, 1_000.0, "a box uses 0.5 to 1000 W")?;
    Some(Milliwatts((watts * 1_000.0).round() as u32))
}

fn celsius(degrees: f64) -> Millicelsius {
    Millicelsius((degrees * 1_000.0).round() as i32)
}
