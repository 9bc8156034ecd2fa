//! Whole boxes: throttling, the supply, failing sensors, and the tree that programs read.

use std::time::Duration;

use hal::sensors::Sensors as _;
use sim::rig::Make;
use sim::tree::{Tree, cold};
use sim::{
    Airflow, Board, Celsius, Drive, Failure, Fault, Load, Rig, Sensor, Setup, Surroundings, Watts,
};
use wire::units::Millicelsius;

const STEP: Duration = Duration::from_millis(250);

fn setup() -> Setup {
    Setup {
        board: Board::OrinNx,
        make: Make::Network,
        start: Celsius(25.0),
        supply_max: None,
        faults: Vec::new(),
        seed: 1,
    }
}

fn drive(gpu: f64, ambient: f64) -> Drive {
    let load = Load { cpu: Watts(3.0), gpu: Watts(gpu), board: Watts(6.0), disk: Watts(0.5) };
    let around = Surroundings { ambient: Celsius(ambient), sun: Watts(0.0), airflow: Airflow(1.0) };
    Drive { load, around }
}

fn run(rig: &mut Rig, seconds: u32, drive: &Drive) {
    (0..4 * seconds).for_each(|_| rig.step(STEP, drive));
}

#[test]
fn kernel_throttles_above_its_trip_point_and_lets_go_below_it() {
    let mut rig = Rig::new(setup());
    run(&mut rig, 3_600, &drive(8.0, 25.0));
    assert_eq!(rig.counts().throttled, Duration::ZERO);
    assert_eq!(rig.clock(), 1.0);
    while rig.zones().junction() < Celsius(100.0) {
        rig.step(STEP, &drive(26.0, 40.0));
    }
    run(&mut rig, 3, &drive(26.0, 40.0));
    assert!(rig.clock() < 0.9, "{}", rig.clock());
    run(&mut rig, 120, &drive(2.0, 25.0));
    assert_eq!(rig.clock(), 1.0);
    let throttled = rig.counts().throttled.as_secs_f64();
    assert!((3.0..60.0).contains(&throttled), "{throttled}");
}

#[test]
fn box_that_nothing_cools_switches_off() {
    let mut rig = Rig::new(setup());
    run(&mut rig, 3_600, &drive(30.0, 50.0));
    assert!(rig.counts().shutdowns >= 1);
}

#[test]
fn input_above_the_supply_for_too_long_halves_the_clock() {
    let mut rig = Rig::new(Setup { supply_max: Some(Watts(18.0)), ..setup() });
    run(&mut rig, 1, &drive(12.0, 25.0));
    assert_eq!((rig.counts().over_currents, rig.clock()), (0, 1.0));
    run(&mut rig, 1, &drive(12.0, 25.0));
    assert_eq!((rig.counts().over_currents, rig.clock()), (1, 0.5));
    run(&mut rig, 6, &drive(2.0, 25.0));
    assert_eq!((rig.counts().over_currents, rig.clock()), (1, 1.0));
}

#[test]
fn failing_sensors_say_nothing_or_the_same_for_their_time() {
    let seconds = Duration::from_secs;
    let fault = |sensor, failure| Fault { sensor, failure, from: seconds(60), until: seconds(600) };
    let faults = vec![fault(Sensor::Cpu, Failure::Lost), fault(Sensor::Gpu, Failure::Stuck)];
    let mut rig = Rig::new(Setup { faults, ..setup() });
    run(&mut rig, 59, &drive(8.0, 25.0));
    let before = rig.snapshot().temperatures;
    assert!(before.iter().all(Option::is_some));
    run(&mut rig, 500, &drive(8.0, 25.0));
    let [cpu, gpu, junction, _] = rig.snapshot().temperatures;
    assert_eq!(cpu, None);
    assert_eq!(gpu, junction, "the junction is the highest of what answers");
    assert!(Celsius::from(gpu.unwrap()).0 < rig.zones().gpu.0 - 10.0);
    run(&mut rig, 60, &drive(8.0, 25.0));
    assert!(rig.snapshot().temperatures.iter().all(Option::is_some));
}

#[test]
fn readings_come_in_half_degrees_near_the_truth() {
    let mut rig = Rig::new(setup());
    for _ in 0..200 {
        run(&mut rig, 1, &drive(8.0, 25.0));
        let Millicelsius(gpu) = rig.snapshot().temperatures[Sensor::Gpu as usize].unwrap();
        assert_eq!(gpu % 500, 0);
        assert!((f64::from(gpu) / 1_000.0 - rig.zones().gpu.0).abs() < 2.5);
    }
}

#[test]
fn same_seed_same_box() {
    let run = |seed| {
        let mut rig = Rig::new(Setup { seed, ..setup() });
        let told: Vec<_> = (0..300)
            .map(|_| {
                run(&mut rig, 1, &drive(8.0, 25.0));
                rig.snapshot()
            })
            .collect();
        told
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[test]
fn tree_is_recognised_as_its_board() {
    for board in Board::ALL {
        let folder = tempfile::tempdir().unwrap();
        Tree::create(folder.path(), board, &cold(Celsius(25.0))).unwrap();
        let identity = boards::Identity::read(folder.path());
        let found = boards::detect(boards::Board::shipped(), identity);
        assert_eq!(found.board.name, board.name());
    }
}

#[test]
fn tree_reads_back_as_the_box_that_wrote_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut tree = Tree::create(folder.path(), Board::OrinNx, &cold(Celsius(25.0))).unwrap();
    let now = std::sync::Arc::new(|| wire::time::Monotonic(0));
    let (mut sensors, _) = sensors::SysfsSensors::discover(folder.path(), now);
    let mut rig = Rig::new(setup());
    run(&mut rig, 120, &drive(8.0, 25.0));
    tree.update(&rig.snapshot()).unwrap();
    let readings = sensors.read();
    let expected = rig.snapshot().readings(tree.board());
    for wanted in &expected.temperatures[..3] {
        let found = readings.temperatures.iter().find(|found| found.name == wanted.name).unwrap();
        assert_eq!((found.value, found.trips), (wanted.value, wanted.trips));
    }
    let input = readings.power.iter().find(|rail| rail.name == "VDD_IN").unwrap();
    let gap = i64::from(input.value.unwrap().0) - i64::from(expected.power[0].value.unwrap().0);
    assert!(gap.abs() <= 5, "{gap} mW");
    assert_eq!(readings.fans.len(), 1);
    assert_eq!(readings.throttles[0].events, Some(0));
}
