//! Who may know whom: the table of `docs/architecture.md` as data, and its comparison with the
//! dependencies that the crates really have.

use super::Finding;
use super::workspace::{Dependency, Member};

/// What one crate may be built with.
struct Rule {
    name: &'static str,
    ours: &'static [&'static str],
    foreign: Foreign,
}

/// Which crates from outside the workspace a crate may be built with.
enum Foreign {
    /// Only these: the crate is pure.
    Only(&'static [&'static str]),
    /// All but these, because the crate must not know sockets, runtimes, files or vendors.
    Without(&'static [&'static str]),
    /// Whatever it needs.
    Any,
}

const WIRE: &str = "courtside-wire";
const HAL: &str = "courtside-hal";
const FAULTS: &str = "courtside-faults";
const DOCUMENT: &str = "courtside-document";
const MQTT: &str = "courtside-mqtt";
/// Sockets, runtimes, brokers and databases belong to the programs.
const EDGES: &[&str] = &[
    "tokio",
    "async-std",
    "mio",
    "socket2",
    "rumqttc",
    "rusqlite",
    "tokio-postgres",
    "axum",
    "sd-notify",
];
/// Vendors' libraries belong to the drivers.
const VENDORS_AND_EDGES: &[&str] = &[
    "tokio",
    "async-std",
    "mio",
    "socket2",
    "rumqttc",
    "rusqlite",
    "tokio-postgres",
    "axum",
    "sd-notify",
    "ffmpeg-the-third",
    "v4l",
    "sysinfo",
    "tract-onnx",
];

/// Downward only, never sideways.
const TABLE: &[Rule] = &[
    // schemars behind a feature that no box has: docs/asyncapi.json is made of it.
    Rule {
        name: WIRE,
        ours: &[],
        foreign: Foreign::Only(&["serde", "postcard", "heapless", "schemars"]),
    },
    // Keys and certificates: PEM in, PEM out.
    Rule {
        name: "courtside-identity",
        ours: &[WIRE],
        foreign: Foreign::Without(VENDORS_AND_EDGES),
    },
    // Empty, unless it is armed.
    Rule { name: FAULTS, ours: &[], foreign: Foreign::Without(VENDORS_AND_EDGES) },
    pure("courtside-governor"),
    pure("courtside-fusion"),
    pure("courtside-clips"),
    pure("courtside-outbox"),
    Rule { name: "courtside-ingest", ours: &[WIRE], foreign: Foreign::Without(VENDORS_AND_EDGES) },
    Rule { name: DOCUMENT, ours: &[WIRE], foreign: Foreign::Without(VENDORS_AND_EDGES) },
    Rule { name: HAL, ours: &[WIRE], foreign: Foreign::Without(VENDORS_AND_EDGES) },
    // An HTTP client under a deadline, for a thread of its own.
    Rule { name: "courtside-kserve", ours: &[HAL], foreign: Foreign::Without(EDGES) },
    // Data, and which of it fits the box: no driver, no policy.
    Rule {
        name: "courtside-boards",
        ours: &[HAL, WIRE, DOCUMENT],
        foreign: Foreign::Without(VENDORS_AND_EDGES),
    },
    Rule { name: "courtside-libav", ours: &[HAL, WIRE], foreign: Foreign::Without(EDGES) },
    Rule { name: "courtside-nvcodec", ours: &[HAL, WIRE], foreign: Foreign::Without(EDGES) },
    Rule { name: "courtside-sensors", ours: &[HAL, WIRE], foreign: Foreign::Without(EDGES) },
    Rule {
        name: "courtside-sim",
        ours: &[HAL, WIRE],
        foreign: Foreign::Without(VENDORS_AND_EDGES),
    },
    // Its sockets are libsrt's own; knows nothing of ours.
    Rule { name: "courtside-srt", ours: &[], foreign: Foreign::Without(EDGES) },
    Rule { name: "courtside-v4l2", ours: &[HAL, WIRE], foreign: Foreign::Without(EDGES) },
    Rule { name: "courtside-models", ours: &[HAL, WIRE], foreign: Foreign::Without(EDGES) },
    Rule {
        name: "courtside-pipeline",
        ours: &[
            WIRE,
            HAL,
            "courtside-governor",
            "courtside-fusion",
            "courtside-clips",
            "courtside-outbox",
            "courtside-ingest",
            "courtside-models",
        ],
        foreign: Foreign::Without(VENDORS_AND_EDGES),
    },
    // One connection, for the programs at both ends; knows no topics.
    Rule { name: MQTT, ours: &[], foreign: Foreign::Any },
    Rule {
        name: "courtside",
        ours: &[
            WIRE,
            FAULTS,
            HAL,
            DOCUMENT,
            "courtside-boards",
            "courtside-governor",
            "courtside-fusion",
            "courtside-clips",
            "courtside-outbox",
            "courtside-ingest",
            "courtside-models",
            "courtside-pipeline",
            "courtside-kserve",
            "courtside-libav",
            "courtside-nvcodec",
            "courtside-sensors",
            "courtside-srt",
            "courtside-v4l2",
            "courtside-identity",
            MQTT,
        ],
        foreign: Foreign::Any,
    },
    // The clock, and the rules of retrying: the receiver waits for a broker as the box does.
    Rule {
        name: "courtside-fleet",
        ours: &[WIRE, FAULTS, HAL, "courtside-outbox", "courtside-identity", MQTT],
        foreign: Foreign::Any,
    },
    // An example for subscribers, as small as they are.
    Rule {
        name: "courtside-led-board",
        ours: &[WIRE],
        foreign: Foreign::Only(&["heapless", "postcard"]),
    },
    Rule { name: "courtside-court", ours: &[], foreign: Foreign::Any },
    // A stranger's server: knows S3 and nothing of ours.
    Rule { name: "courtside-s3-server", ours: &[], foreign: Foreign::Any },
    // Knows packets and nothing of what they carry.
    Rule { name: "courtside-link", ours: &[], foreign: Foreign::Without(EDGES) },
    Rule {
        name: "courtside-e2e",
        ours: &[WIRE, FAULTS, MQTT, "courtside-s3-server", "courtside-court", "courtside-sim"],
        foreign: Foreign::Any,
    },
    Rule {
        name: "courtside-trials",
        ours: &[WIRE, HAL, "courtside-governor", "courtside-sim"],
        foreign: Foreign::Any,
    },
    // Composes the box's store and uplink, as the daemon's own binary does.
    Rule {
        name: "courtside-smallbox",
        ours: &[
            WIRE,
            HAL,
            "courtside-clips",
            "courtside-outbox",
            "courtside-pipeline",
            MQTT,
            "courtside",
        ],
        foreign: Foreign::Any,
    },
    // The messages' description is generated.
    Rule { name: "xtask", ours: &[WIRE], foreign: Foreign::Any },
];

/// A crate that decides and never acts.
const fn pure(name: &'static str) -> Rule {
    Rule { name, ours: &[WIRE], foreign: Foreign::Only(&["heapless", "libm"]) }
}

/// Whether the crate must be `#![no_std]`.
pub(super) fn is_pure(name: &str) -> bool {
    rule(name).is_some_and(|rule| matches!(rule.foreign, Foreign::Only(_)))
}

/// Compares every crate with the table.
pub(super) fn check(members: &[Member]) -> Vec<Finding> {
    members.iter().flat_map(check_member).collect()
}

fn rule(name: &str) -> Option<&'static Rule> {
    TABLE.iter().find(|rule| rule.name == name)
}

fn check_member(member: &Member) -> Vec<Finding> {
    let Some(rule) = rule(&member.name) else {
        let advice = "this crate is not in the table of who may know whom; give it a row in \
                      xtask's layers.rs and in docs/architecture.md";
        return vec![Finding::error(&member.name, advice)];
    };
    let complaint = |dependency: &Dependency| {
        let (name, allowed) = match dependency {
            Dependency::Ours(name) => (name, rule.ours.contains(&name.as_str())),
            Dependency::Foreign(name) => (name, rule.foreign.allows(name)),
        };
        let message = format!(
            "must not depend on {name}: see \"Who may know whom\" in docs/architecture.md; move \
             the code to a crate that may, or give it a trait to call"
        );
        (!allowed).then(|| Finding::error(&member.name, message))
    };
    member.dependencies.iter().filter_map(complaint).collect()
}

impl Foreign {
    fn allows(&self, name: &str) -> bool {
        match self {
            Self::Only(names) => names.contains(&name),
            Self::Without(names) => !names.contains(&name),
            Self::Any => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, dependencies: &[Dependency]) -> Member {
        Member { name: name.to_owned(), dependencies: dependencies.to_vec(), roots: Vec::new() }
    }

    fn ours(name: &str) -> Dependency {
        Dependency::Ours(name.to_owned())
    }

    fn foreign(name: &str) -> Dependency {
        Dependency::Foreign(name.to_owned())
    }

    #[test]
    fn pure_crate_may_know_wire_and_nothing_beside_it() {
        let good = member("courtside-fusion", &[ours(WIRE), foreign("libm")]);
        assert_eq!(check(&[good]), []);
        for bad in [ours("courtside-clips"), ours(HAL), foreign("serde_json"), foreign("tokio")] {
            assert_eq!(check(&[member("courtside-fusion", &[bad])]).len(), 1);
        }
    }

    #[test]
    fn pipeline_may_not_know_a_driver_or_a_runtime() {
        let bad = [ours("courtside-libav"), foreign("tokio"), foreign("tract-onnx")];
        let found = check(&[member("courtside-pipeline", &bad)]);
        assert_eq!(found.len(), 3);
        assert!(found[0].message.contains("courtside-libav"), "{}", found[0]);
        assert_eq!(check(&[member("courtside-pipeline", &[foreign("sha2")])]), []);
    }

    #[test]
    fn nobody_may_depend_on_the_programs() {
        // But for the one that is a box without cameras.
        for rule in TABLE.iter().filter(|rule| rule.name != "courtside-smallbox") {
            for program in
                ["courtside", "courtside-fleet", "courtside-e2e", "courtside-trials", "xtask"]
            {
                assert!(!rule.ours.contains(&program), "{} knows {program}", rule.name);
            }
        }
    }

    #[test]
    fn table_has_no_way_round_in_a_circle() {
        // Everything that a crate may know stands above it in the table.
        for (index, rule) in TABLE.iter().enumerate() {
            for known in rule.ours {
                let above = TABLE[..index].iter().any(|rule| rule.name == *known);
                assert!(above, "{known} stands above {}", rule.name);
            }
        }
    }

    #[test]
    fn unknown_crate_is_asked_for_its_row() {
        let found = check(&[member("courtside-surprise", &[])]);
        assert!(found[0].message.contains("give it a row"), "{}", found[0]);
    }

    #[test]
    fn pure_crates_are_those_of_the_design() {
        let pure: Vec<&str> =
            TABLE.iter().map(|rule| rule.name).filter(|name| is_pure(name)).collect();
        assert_eq!(
            pure,
            [
                "courtside-wire",
                "courtside-governor",
                "courtside-fusion",
                "courtside-clips",
                "courtside-outbox",
                "courtside-led-board",
            ]
        );
    }
}
