//! Every board that comes with this version: a tree of it is taken for it, its sensors are found
//! by their parts, and what its file says has a source.

mod trees;

use std::path::Path;
use std::sync::Arc;

use boards::{Board, FALLBACK, Fit, Identity, RailRole, Why, ZoneRole, detect, named};
use hal::sensors::{Readings, Sensors as _, Trips};
use sensors::SysfsSensors;
use wire::time::Monotonic;
use wire::units::{Millicelsius, Milliwatts};

fn tree_of(board: &str) -> (tempfile::TempDir, Readings) {
    let root = tempfile::tempdir().expect("a temporary folder");
    trees::grow(root.path(), board);
    let (mut sensors, _) = SysfsSensors::discover(root.path(), Arc::new(|| Monotonic(0)));
    let readings = sensors.read();
    (root, readings)
}

fn fit(board: &str) -> (Fit, Readings) {
    let (root, readings) = tree_of(board);
    let detected = detect(Board::shipped(), Identity::read(root.path()));
    assert_eq!(detected.board.name, board);
    (Fit::of(detected.board, &readings), readings)
}

#[test]
fn tree_of_each_board_is_taken_for_it_and_says_why() {
    let expected = [
        "jetson-orin-nano (NVIDIA Jetson Orin Nano, Orin Nano 8 GB, developer kit): its device \
         tree is compatible with nvidia,p3767-0005",
        "jetson-orin-nx (NVIDIA Jetson Orin NX, Orin NX 16 GB): its device tree is compatible \
         with nvidia,p3767-0000",
        "jetson-agx-orin (NVIDIA Jetson AGX Orin, AGX Orin 64 GB): its device tree is compatible \
         with nvidia,p3701-0005",
        "jetson-thor (NVIDIA Jetson Thor, T5000): its device tree is compatible with \
         nvidia,p3834-0008",
        "generic-x86 (a PC): no known board; its DMI says ASUSTeK COMPUTER INC., NUC14, ASUSTeK \
         COMPUTER INC., NUC14RVB. Nothing is known of its limits beyond what its kernel says; \
         write a board file and name it with `[box] board`",
        "development-vm (a virtual machine, Firecracker): ACPI describes a VMGENCTR",
    ];
    for ((board, _), expected) in trees::TREES.iter().zip(expected) {
        let (root, _) = tree_of(board);
        let detected = detect(Board::shipped(), Identity::read(root.path()));
        assert_eq!(detected.to_string(), expected);
    }
}

#[test]
fn every_shipped_board_has_a_tree_under_its_own_name() {
    let names: Vec<String> = Board::shipped().into_iter().map(|board| board.name).collect();
    assert_eq!(names, trees::TREES.map(|(name, _)| name));
}

#[test]
fn temperatures_and_rails_are_found_by_their_parts() {
    use RailRole::{
        Cpu as CpuRail, Gpu as GpuRail, Input, Memory, Processors, Soc as SocRail, System,
    };
    use ZoneRole::{Board as BoardZone, Cpu, Gpu, Junction, Soc};
    let small: &[(RailRole, &str)] =
        &[(Input, "VDD_IN"), (Processors, "VDD_CPU_GPU_CV"), (SocRail, "VDD_SOC")];
    let orin: &[(ZoneRole, &str)] = &[
        (Junction, "tj-thermal"),
        (Cpu, "cpu-thermal"),
        (Gpu, "gpu-thermal"),
        (Soc, "soc0-thermal"),
    ];
    let thor: &[(ZoneRole, &str)] = &[
        (Junction, "tj-thermal"),
        (Cpu, "cpu-thermal"),
        (Gpu, "gpu-thermal"),
        (Soc, "soc012-thermal"),
    ];
    let agx_rails: &[(RailRole, &str)] = &[
        (GpuRail, "VDD_GPU_SOC"),
        (CpuRail, "VDD_CPU_CV"),
        (System, "VIN_SYS_5V0"),
        (Memory, "VDDQ_VDD2_1V8AO"),
    ];
    let thor_rails: &[(RailRole, &str)] =
        &[(GpuRail, "VDD_GPU"), (Processors, "VDD_CPU_SOC_MSS"), (System, "VIN_SYS_5V0")];
    let agx: Vec<_> = orin.iter().copied().chain([(BoardZone, "tboard-thermal")]).collect();
    for (board, zones, rails) in [
        ("jetson-orin-nano", orin, small),
        ("jetson-orin-nx", orin, small),
        ("jetson-agx-orin", agx.as_slice(), agx_rails),
        ("jetson-thor", thor, thor_rails),
        ("generic-x86", &[(Cpu, "coretemp Package id 0")], &[]),
        ("development-vm", &[], &[]),
    ] {
        let (fit, readings) = fit(board);
        assert_eq!(fit.missing(), [], "{board}");
        for (role, name) in zones {
            let place = fit.zone_place(*role).expect("the box shows it");
            assert_eq!(readings.temperatures[place].name, *name, "{board}");
            assert_eq!(fit.zone_role(place), Some(*role), "{board}");
        }
        for (role, name) in rails {
            let place = fit.rail_place(*role).expect("the box shows it");
            assert_eq!(readings.power[place].name, *name, "{board}");
            assert_eq!(fit.rail_role(place), Some(*role), "{board}");
        }
    }
}

#[test]
fn what_the_kernel_states_goes_before_what_the_file_says() {
    let (fit, readings) = fit("jetson-orin-nano");
    let trips = |role| {
        let place = fit.zone_place(role).expect("the box shows it");
        fit.trips(place, readings.temperatures[place].trips)
    };
    let celsius = |degrees: f32| Some(Millicelsius((degrees * 1_000.0) as i32));
    // The tree's kernel states a passive trip point of the cores and no other.
    let cpu = Trips { passive: celsius(97.0), hot: None, critical: celsius(104.5) };
    assert_eq!(trips(ZoneRole::Cpu), cpu);
    assert_eq!(trips(ZoneRole::Gpu), Trips { passive: celsius(99.0), ..cpu });
    assert_eq!(trips(ZoneRole::Soc), Trips::default());
    assert_eq!(fit.trips(9_999, cpu), cpu, "no sensor of the board");
}

#[test]
fn part_that_is_switched_off_reads_at_the_junction_and_no_other_part_does() {
    let (fit, mut readings) = fit("jetson-thor");
    let place = |role| fit.zone_place(role).expect("the box shows it");
    let (gpu, junction, cpu) =
        (place(ZoneRole::Gpu), place(ZoneRole::Junction), place(ZoneRole::Cpu));
    assert_eq!(readings.temperatures[gpu].value, None);
    assert_eq!(fit.reads_at(gpu, &readings), junction);
    readings.temperatures[gpu].value = Some(Millicelsius(51_000));
    assert_eq!(fit.reads_at(gpu, &readings), gpu, "it is on again");
    // The program runs on the cores: their sensor does not sleep, it was lost.
    readings.temperatures[cpu].value = None;
    assert_eq!(fit.reads_at(cpu, &readings), cpu);
    (readings.temperatures[gpu].value, readings.temperatures[junction].value) = (None, None);
    assert_eq!(fit.reads_at(gpu, &readings), junction, "nothing is invented");
    assert_eq!(fit.reads_at(junction, &readings), junction);
    assert_eq!(fit.reads_at(9_999, &readings), 9_999, "no sensor of the board");
}

/// A network processor that ran once and rests now has no sensor that was lost.
#[test]
fn network_processors_of_orin_read_at_the_junction_while_they_are_off() {
    for board in ["jetson-orin-nano", "jetson-orin-nx", "jetson-agx-orin"] {
        let (fit, readings) = fit(board);
        let place = |name: &str| readings.temperatures.iter().position(|t| t.name == name);
        let junction = place("tj-thermal").expect("the box shows it");
        for name in ["cv0-thermal", "cv1-thermal", "cv2-thermal"] {
            let place = place(name).expect("the box shows it");
            assert_eq!(readings.temperatures[place].value, None, "{board}: {name} is off");
            assert_eq!(fit.reads_at(place, &readings), junction, "{board}: {name}");
        }
    }
}

#[test]
fn missing_sensors_are_told_with_the_names_that_they_may_have() {
    let board = Board::shipped().into_iter().find(|board| board.name == "jetson-thor");
    let fit = Fit::of(board.expect("it is shipped"), &Readings::default());
    let told: Vec<String> = fit.missing().iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 9, "{told:#?}");
    assert_eq!(
        told[8],
        "this board has a fan, but the kernel shows no pwmfan pwm1 or pwm_tach rpm; check its \
         driver"
    );
}

#[test]
fn box_that_says_nothing_or_something_unknown_is_taken_for_the_fallback() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let empty = detect(Board::shipped(), Identity::read(root.path()));
    assert_eq!(empty.board.name, FALLBACK);
    assert!(empty.to_string().contains("neither a device tree nor DMI"), "{empty}");
    let tree = "sys/firmware/devicetree/base/compatible";
    trees::write(root.path(), tree, "maker,box\\0nvidia,tegra234\\0");
    let unknown = detect(Board::shipped(), Identity::read(root.path()));
    assert!(matches!(unknown.why, Why::Unknown(_)));
    assert!(unknown.to_string().contains("its device tree names maker,box"), "{unknown}");
}

#[test]
fn unreadable_and_malformed_words_of_a_box_are_not_said() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let dmi = root.path().join("sys/class/dmi/id");
    // A folder where a file is expected cannot be read by anybody, not even by root.
    std::fs::create_dir_all(dmi.join("product_name")).expect("a folder");
    std::fs::write(dmi.join("sys_vendor"), [0xff, 0xfe, b'\n']).expect("a file");
    std::fs::write(dmi.join("board_name"), "x".repeat(1 << 20)).expect("a file");
    std::fs::write(root.path().join("sys/bus"), "no folder").expect("a file");
    let detected = detect(Board::shipped(), Identity::read(root.path()));
    assert_eq!(detected.board.name, FALLBACK);
    assert!(detected.to_string().len() < 6_000, "a text of a box is cut");
}

#[test]
fn more_particular_claim_wins_whatever_the_order() {
    let root = tempfile::tempdir().expect("a temporary folder");
    trees::grow(root.path(), "jetson-thor");
    for shuffled in [Board::shipped(), Board::shipped().into_iter().rev().collect()] {
        let detected = detect(shuffled, Identity::read(root.path()));
        assert_eq!(detected.module.map(|module| module.title).as_deref(), Some("T5000"));
    }
}

#[test]
fn no_two_modules_make_the_same_claim() {
    let boards = Board::shipped();
    let mut rules: Vec<_> =
        boards.iter().flat_map(|board| &board.modules).map(|module| &module.rules).collect();
    let count = rules.len();
    rules.sort();
    rules.dedup();
    assert_eq!(rules.len(), count);
}

#[test]
fn configured_board_is_taken_whatever_the_box_says() {
    let root = tempfile::tempdir().expect("a temporary folder");
    trees::grow(root.path(), "jetson-orin-nx");
    let identity = Identity::read(root.path());
    let by_name = |name: &str| Board::shipped().into_iter().find(|board| board.name == name);
    let thor = named(by_name("jetson-thor").expect("it is shipped"), &identity);
    assert_eq!((thor.board.name.as_str(), thor.module), ("jetson-thor", None));
    let own = named(by_name("jetson-orin-nx").expect("it is shipped"), &identity);
    assert_eq!(own.module.and_then(|module| module.power), Some(Milliwatts(25_000)));
    assert_eq!(own.why, Why::Configured);
}

/// A figure without a source cannot be told from a guess.
#[test]
fn every_figure_of_a_board_file_names_its_source_or_says_that_it_is_unchecked() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut figures = 0;
    for (board, _) in trees::TREES {
        let text = std::fs::read_to_string(folder.join(format!("{board}.toml"))).expect("a file");
        let sources: Vec<&str> =
            text.lines().filter_map(|line| line.strip_prefix("# [")?.get(..1)).collect();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((key, value)) = line.split_once(" = ") else { continue };
            let is_figure = value.starts_with(|c: char| c.is_ascii_digit());
            let names_a_box = ["compatible", "acpi", "dmi_sys_vendor"].contains(&key);
            if key == "schema" || !(is_figure || names_a_box) {
                continue;
            }
            figures += 1;
            let comment = value.split_once("# ").map_or("", |(_, comment)| comment);
            let source = comment.strip_prefix('[').and_then(|rest| rest.get(..1));
            let told = source.is_some_and(|source| sources.contains(&source));
            assert!(told || comment.starts_with("unchecked"), "{board}.toml: {line}");
        }
    }
    assert!(figures > 40, "{figures} figures were looked at");
}
