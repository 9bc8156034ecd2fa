//! Whole games through the public interface: the same for a seed, true to their truth.

use court::{Game, GameConfig, Kind, Quality, Rect, SOUND_RATE};

fn config(seed: u64) -> GameConfig {
    GameConfig { size: (320, 180), seconds: 12.0, ..GameConfig::of_seed(seed) }
}

fn picture(game: &Game, rect: Rect, index: usize) -> Vec<u8> {
    let mut bytes = vec![0; rect.i420_len()];
    court::Frames::new(game, rect, Quality::Plain).render(index, &mut bytes);
    bytes
}

fn whole(game: &Game, index: usize) -> Vec<u8> {
    picture(game, Rect::whole(game.config().size), index)
}

#[test]
fn a_seed_gives_the_same_pictures_sound_and_truth_every_time() {
    let (one, two) = (Game::new(config(7)), Game::new(config(7)));
    assert_eq!(one.truth(), two.truth());
    assert_eq!(one.sound(), two.sound());
    for index in [0, 60, 123] {
        assert_eq!(whole(&one, index), whole(&two, index));
        assert_eq!(one.frame_truth(index), two.frame_truth(index));
    }
}

#[test]
fn frames_do_not_depend_on_the_order_they_are_rendered_in() {
    let game = Game::new(config(8));
    let frames = game.frames();
    let mut bytes = vec![0; Rect::whole(game.config().size).i420_len()];
    frames.render(50, &mut bytes);
    let late = bytes.clone();
    frames.render(3, &mut bytes);
    frames.render(50, &mut bytes);
    assert_eq!(late, bytes);
}

#[test]
fn two_seeds_look_and_play_differently() {
    let (one, two) = (Game::new(config(1)), Game::new(config(2)));
    assert_ne!(one.truth().events, two.truth().events);
    let (a, b) = (whole(&one, 0), whole(&two, 0));
    let luma = 320 * 180;
    let apart: f64 = a[..luma].iter().zip(&b[..luma]).map(|(a, b)| f64::from(a.abs_diff(*b))).sum();
    assert!(apart / luma as f64 > 12.0, "{}", apart / luma as f64);
}

#[test]
fn every_made_shot_changes_the_score_within_two_seconds_and_nothing_else_does() {
    for seed in 0..12 {
        let game = Game::new(GameConfig { seconds: 60.0, ..config(seed) });
        let truth = game.truth();
        let times = |kind| truth.events.iter().filter(move |e| e.kind == kind).map(|e| e.t);
        for made in times(Kind::MadeShot).filter(|t| *t < 58.0) {
            let follows = times(Kind::ScoreChange).any(|t| t > made && t < made + 2.0);
            assert!(follows, "seed {seed}: no score after {made}");
        }
        assert!(times(Kind::ScoreChange).count() <= times(Kind::MadeShot).count());
    }
}

#[test]
fn about_half_of_the_shots_are_made_and_one_comes_every_five_to_eight_seconds() {
    let (mut made, mut missed) = (0, 0);
    for seed in 0..30 {
        let game = Game::new(GameConfig { seconds: 60.0, ..config(seed) });
        for event in game.truth().events {
            made += u32::from(event.kind == Kind::MadeShot);
            missed += u32::from(event.kind == Kind::MissedShot);
        }
    }
    let share = f64::from(made) / f64::from(made + missed);
    let gap = 30.0 * 60.0 / f64::from(made + missed);
    assert!((0.38..0.62).contains(&share), "{made} made, {missed} missed");
    assert!((5.0..8.0).contains(&gap), "a shot every {gap} s");
}

#[test]
fn at_the_moment_of_a_shot_the_ball_is_at_the_hoop_in_the_picture() {
    let mut checked = 0;
    for seed in 0..20 {
        let game = Game::new(GameConfig { seconds: 40.0, ..config(seed) });
        for event in game.truth().events {
            let Some(hoop) = &event.hoop else { continue };
            let truth = game.frame_truth((event.t * 25.0).round() as usize);
            let Some((_, b)) = truth.hoops.iter().find(|h| h.0.to_string() == *hoop) else {
                continue;
            };
            let width = b[2] - b[0];
            let ball = truth.balls[0];
            let aside = (ball[0] - (b[0] + b[2]) / 2.0).abs() / width;
            let below = (ball[1] - b[1]) / width;
            let reach = if event.kind == Kind::MadeShot { (0.6, 1.0) } else { (3.2, 3.2) };
            assert!(
                aside < reach.0 && below.abs() < reach.1,
                "seed {seed} {event:?}: {aside} {below}"
            );
            checked += 1;
        }
    }
    assert!(checked > 60, "only {checked} shots to check");
}

/// A shot at a hoop that is cut off by the picture's edge, or that was not there at first, happens,
/// and nobody can be asked to find it.
#[test]
fn shots_are_certain_at_hoops_that_are_wholly_in_the_picture() {
    let (mut certain, mut not) = (0, 0);
    for seed in 0..60 {
        let game = Game::new(GameConfig { seconds: 60.0, ..config(seed) });
        let truth = game.truth();
        for event in truth.events.iter().filter(|event| event.hoop.is_some()) {
            let name = event.hoop.as_deref().unwrap_or_default();
            let now = game.frame_truth((event.t * 25.0).round() as usize);
            let hoop = now.hoops.iter().find(|hoop| hoop.0.to_string() == name);
            let whole = hoop
                .is_some_and(|(_, b)| b[0] > -1.0 && b[1] > -1.0 && b[2] < 321.0 && b[3] < 181.0);
            assert!(whole || !event.certain, "seed {seed}: {event:?}");
            let at_first = truth.hoops.iter().any(|hoop| hoop.id == name);
            assert!(at_first || !event.certain, "seed {seed}: {event:?}");
            certain += u32::from(event.certain);
            not += u32::from(!event.certain);
        }
    }
    // Both kinds were looked at; most games are shot from where whole hoops are seen.
    assert!(not > 0 && certain > 10 * not, "{certain} certain, {not} not");
}

#[test]
fn the_ball_of_the_truth_is_where_the_picture_changes() {
    // Without grain, the ball's place is where two frames differ most often.
    let (mut hits, mut tried) = (0, 0);
    for seed in 0..25 {
        let mut look = court::Look::of_seed(seed);
        look.lens.grain = 0.0;
        look.lens.flicker = 0.0;
        look.view.shake = 0.0;
        look.view.pan = 0.0;
        look.view.reaim = 0.0;
        let game = Game::with_look(config(seed), look);
        for event in game.truth().events.iter().filter(|e| e.kind == Kind::MadeShot) {
            let index = (event.t * 25.0) as usize - 6;
            let (now, before) =
                (game.frame_truth(index).balls[0], game.frame_truth(index - 3).balls[0]);
            let apart = (now[0] - before[0]).hypot(now[1] - before[1]);
            if now[3] < 0.9 || apart < now[2] * 3.0 {
                continue;
            }
            let (a, b) = (whole(&game, index), whole(&game, index - 3));
            let at = now[1] as usize * 320 + now[0] as usize;
            hits += usize::from(a[at].abs_diff(b[at]) > 2);
            tried += 1;
        }
    }
    assert!(tried >= 4 && hits * 10 >= tried * 7, "{hits} of {tried}");
}

#[test]
fn a_viewport_is_exactly_the_crop_of_the_whole_picture() {
    for seed in [3, 11, 14] {
        let game = Game::new(config(seed));
        let rect = Rect { x: 100, y: 36, width: 90, height: 70 };
        for index in [0, 77] {
            let (full, part) = (whole(&game, index), picture(&game, rect, index));
            for row in 0..70 {
                let from = (36 + row) * 320 + 100;
                assert_eq!(
                    full[from..from + 90],
                    part[row * 90..row * 90 + 90],
                    "seed {seed} row {row}"
                );
            }
            for plane in 0..2 {
                let (start, begin) = (320 * 180 + plane * 160 * 90, 90 * 70 + plane * 45 * 35);
                for row in 0..35 {
                    let from = start + (18 + row) * 160 + 50;
                    let to = begin + row * 45;
                    assert_eq!(
                        full[from..from + 45],
                        part[to..to + 45],
                        "seed {seed} chroma {row}"
                    );
                }
            }
        }
    }
}

#[test]
fn odd_sizes_and_portrait_are_rendered() {
    for size in [(321, 241), (180, 320), (97, 33), (1281, 401)] {
        let game = Game::new(GameConfig { size, seconds: 2.0, ..config(5) });
        let bytes = whole(&game, 10);
        let middle = &bytes[size.0 * size.1 / 2..size.0 * size.1 / 2 + size.0];
        assert!(middle.iter().any(|v| v.abs_diff(middle[0]) > 3), "{size:?} is empty");
        assert!(!game.truth().hoops.is_empty(), "{size:?} shows no hoop");
    }
}

#[test]
fn luma_alone_is_the_luma_of_i420() {
    let game = Game::new(config(6));
    let rect = Rect::whole(game.config().size);
    let mut luma = vec![0; rect.width * rect.height];
    court::Frames::luma(&game, rect, Quality::Plain).render(40, &mut luma);
    assert_eq!(luma, whole(&game, 40)[..luma.len()]);
}

#[test]
fn the_buzzer_is_heard_when_the_truth_says_so() {
    let mut heard = 0;
    for seed in 0..12 {
        let game = Game::new(GameConfig { seconds: 70.0, ..config(seed) });
        let sound = game.sound();
        assert_eq!(sound.len(), 70 * SOUND_RATE as usize);
        let power = |from: f64, to: f64| {
            let rate = f64::from(SOUND_RATE);
            let part = &sound[(from * rate) as usize..(to * rate) as usize];
            part.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / part.len() as f64
        };
        for event in game.truth().events {
            if event.kind == Kind::Buzzer && event.t > 1.0 && event.t < 68.0 {
                let (before, after) =
                    (power(event.t - 0.2, event.t), power(event.t + 0.02, event.t + 0.3));
                assert!(after > before * 1.5, "seed {seed} at {}: {before} {after}", event.t);
                heard += 1;
            }
        }
    }
    assert!(heard >= 6, "only {heard} buzzers");
}

#[test]
fn events_are_in_order_within_the_video_and_name_hoops_in_view() {
    for seed in 0..20 {
        let game = Game::new(config(seed));
        let truth = game.truth();
        assert!(truth.events.windows(2).all(|w| w[0].t <= w[1].t));
        for event in &truth.events {
            assert!(event.t >= 0.0 && event.t < 12.0);
            let shot = matches!(event.kind, Kind::MadeShot | Kind::MissedShot);
            assert_eq!(event.hoop.is_some(), shot);
            if let Some(hoop) = &event.hoop {
                assert!(truth.hoops.iter().any(|h| h.id == *hoop));
            }
        }
    }
}
