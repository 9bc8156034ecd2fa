//! What holds whatever the game, the air and the sensors do.

use governor::state::COOL_DWELL;
use governor::{Cue, Mode};
use proptest::prelude::*;

use crate::warming::{Sensor, Warming};

/// A second of a game: how the air is, whether a cue comes.
fn games() -> impl Strategy<Value = Vec<(f32, Option<Cue>)>> {
    let cue = proptest::option::weighted(0.05, proptest::sample::select(Cue::ALL.to_vec()));
    proptest::collection::vec((15f32..60.0, cue), 100..900)
}

proptest! {
    /// A box whose sensor is silent is never faster than one whose sensor says what it said last.
    #[test]
    fn missing_sensor_never_makes_a_box_faster(game in games(), lost_at in 60usize..400) {
        let mut boxes = [Warming::new(35.0), Warming::new(35.0)];
        let lost_at = lost_at.min(game.len() - 1);
        for (second, (air, cue)) in game.into_iter().enumerate() {
            if second == lost_at {
                let stuck = (boxes[1].celsius() * 1_000.0) as i32;
                (boxes[0].sensor, boxes[1].sensor) = (Sensor::Silent, Sensor::Stuck(stuck));
            }
            for warm in &mut boxes {
                warm.air += (air - warm.air) / 60.0;
                if let Some(cue) = cue {
                    warm.cue(cue);
                }
                warm.second();
            }
            let [silent, stuck] = [&boxes[0], &boxes[1]].map(Warming::rung);
            prop_assert!(silent <= stuck, "{silent} and {stuck} in second {second}, lost in {lost_at}");
        }
    }

    /// However hot it was, a box that is cool leaves Critical.
    #[test]
    fn critical_is_left_when_it_is_cool(
        hot in 96_000i32..101_000,
        cool in 20_000i32..85_000,
        seconds in 1u32..200,
    ) {
        let mut warm = Warming::new(25.0);
        warm.seconds(60);
        warm.sensor = Sensor::Stuck(hot);
        warm.seconds(seconds);
        prop_assume!(warm.governor.status().mode != Mode::Shutdown);
        warm.sensor = Sensor::Stuck(cool);
        warm.seconds(COOL_DWELL.as_secs() as u32 + 1);
        prop_assert!(warm.governor.status().mode != Mode::Critical);
        warm.seconds(2 * COOL_DWELL.as_secs() as u32);
        prop_assert_eq!(warm.governor.status().mode, Mode::Nominal);
    }

    /// Whatever the air and the cues: a box that the smallest point can cool stays below the
    /// kernel's trip point.
    #[test]
    fn the_kernel_never_has_to_throttle(game in games(), cold in 15f32..45.0) {
        let mut warm = Warming::new(cold);
        for (air, cue) in game {
            warm.air += (air - warm.air) / 120.0;
            if let Some(cue) = cue {
                warm.cue(cue);
            }
            warm.second();
            prop_assert!(warm.sink + warm.chip < 99.0, "{}", warm.why());
        }
    }
}
