//! The plants against what is published, and against physics.

use std::time::Duration;

use sim::plant::{Plant, settle};
use sim::rig::Make;
use sim::{Airflow, Board, Celsius, Drive, Load, Surroundings, Watts};

const STEP: Duration = Duration::from_millis(250);

/// An Orin NX that uses `watts`: 9.5 W without an engine, of the engine's power four fifths in its
/// cores.
fn drive(watts: f64, ambient: f64) -> Drive {
    let engine = watts - 9.5;
    let load = Load {
        cpu: Watts(3.0),
        gpu: Watts(0.5 + 0.8 * engine),
        board: Watts(5.5 + 0.2 * engine),
        disk: Watts(0.5),
    };
    let ambient = Celsius(ambient);
    Drive { load, around: Surroundings { ambient, sun: Watts(0.0), airflow: Airflow::FREE } }
}

fn steady(make: Make, drive: &Drive) -> f64 {
    let mut plant = make.plant(Board::OrinNx, drive.around.ambient);
    settle(&mut *plant, drive);
    // A fan in steps never settles: the mean of 20 minutes.
    let mut sum = 0.0;
    for _ in 0..4_800 {
        plant.step(STEP, drive);
        sum += plant.zones().junction().0;
    }
    sum / 4_800.0
}

#[test]
fn orin_nx_settles_where_owners_measured_it() {
    for (watts, published) in [(16.9, 71.0), (27.6, 86.0), (29.4, 90.5)] {
        for (make, within) in [(Make::Network, 2.0), (Make::Layered, 4.0)] {
            let settled = steady(make, &drive(watts, 25.0));
            println!("{make:?} {watts} W: {settled:.1} °C, published {published}");
            let off = (settled - published).abs();
            assert!(off <= within, "{make:?} {watts} W: {settled}");
        }
    }
}

#[test]
fn more_power_or_less_air_is_hotter() {
    for make in Make::ALL {
        let at = |watts, ambient, airflow| {
            let mut drive = drive(watts, ambient);
            drive.around.airflow = Airflow(airflow);
            steady(make, &drive)
        };
        for airflow in [0.0, 0.4, 1.0] {
            let row: Vec<String> = [11.5, 14.0, 16.5, 23.5]
                .iter()
                .map(|watts| format!("{watts} W {:.1}", at(*watts, 25.0, airflow)))
                .collect();
            println!("{make:?} at 25 °C, {airflow} of the air: {}", row.join(", "));
        }
        assert!(at(11.5, 25.0, 1.0) < at(16.5, 25.0, 1.0));
        assert!(at(14.0, 25.0, 1.0) < at(14.0, 35.0, 1.0));
        assert!(at(14.0, 25.0, 1.0) < at(14.0, 25.0, 0.4));
        assert!(at(14.0, 25.0, 0.4) < at(14.0, 25.0, 0.0));
    }
}

#[test]
fn no_energy_is_lost_or_made() {
    for make in Make::ALL {
        let mut plant = make.plant(Board::OrinNx, Celsius(25.0));
        let before = plant.energy();
        for step in 0..20_000 {
            let watts = if step / 400 % 2 == 0 { 11.5 } else { 23.5 };
            plant.step(STEP, &drive(watts, 25.0));
        }
        let after = plant.energy();
        let gap = after.taken - after.released - (after.stored - before.stored);
        assert!(gap.abs() < 1e-6 * after.taken, "{make:?}: {gap} J of {}", after.taken);
    }
}

#[test]
fn second_plant_tells_of_a_jump_seconds_later() {
    let rises_within = |make: Make| {
        let mut plant = make.plant(Board::OrinNx, Celsius(25.0));
        settle(&mut *plant, &drive(11.5, 25.0));
        let before = plant.zones().junction().0;
        let steps = (1..).find(|_| {
            plant.step(STEP, &drive(23.5, 25.0));
            plant.zones().junction().0 > before + 0.5
        });
        f64::from(steps.unwrap()) * STEP.as_secs_f64()
    };
    assert!(rises_within(Make::Network) <= 1.0);
    assert!((5.0..7.0).contains(&rises_within(Make::Layered)));
}

#[test]
fn hot_chips_of_the_second_plant_leak() {
    let input = |ambient: f64| {
        let drive = drive(14.0, ambient);
        let mut plant = Make::Layered.plant(Board::OrinNx, drive.around.ambient);
        settle(&mut *plant, &drive);
        plant.drawn().0
    };
    assert!(input(45.0) > input(15.0) + 0.5, "{} and {}", input(45.0), input(15.0));
}

/// How far the two numbers are off after four minutes of changing power.
fn drift(plant: &mut dyn Plant) -> f64 {
    settle(plant, &drive(14.0, 35.0));
    let mut guess = plant.lumps();
    let mut worst: f64 = 0.0;
    for stage in 0..48 {
        let drive = drive(if stage / 4 % 2 == 0 { 23.5 } else { 11.5 }, 35.0);
        guess = plant.glide(guess, &drive, Duration::from_secs(5));
        (0..20).for_each(|_| plant.step(STEP, &drive));
        worst = worst.max((guess.slow.0 - plant.lumps().slow.0).abs());
        worst = worst.max((guess.fast.0 - plant.lumps().fast.0).abs());
    }
    worst
}

#[test]
fn two_numbers_follow_the_plant_within_two_degrees_for_minutes() {
    for make in Make::ALL {
        let off = drift(&mut *make.plant(Board::OrinNx, Celsius(35.0)));
        println!("{make:?}: {off:.2} K");
        assert!(off < 2.0, "{make:?}: {off}");
    }
}

#[test]
fn every_board_settles_at_its_own_power() {
    for board in Board::ALL {
        for make in Make::ALL {
            let mut drive = drive(16.9, 25.0);
            drive.load = drive.load.scaled(board.scale());
            let mut plant = make.plant(board, Celsius(25.0));
            settle(&mut *plant, &drive);
            let settled = plant.zones().junction().0;
            assert!((60.0..80.0).contains(&settled), "{board:?} {make:?}: {settled}");
        }
    }
}
