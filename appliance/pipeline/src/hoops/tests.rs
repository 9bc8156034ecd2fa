//! When hoops are believed, followed, looked for and given up.

use super::*;

const BOX: PixelBox = PixelBox { x0: 100.0, y0: 50.0, x1: 140.0, y1: 90.0 };

fn reading(area: PixelBox) -> HoopReading {
    HoopReading { area, confidence: 0.9 }
}

#[test]
fn a_hoop_is_believed_only_when_three_runs_agree() {
    let mut hoops = Hoops::new(&[]);
    hoops.compare(MediaTime::from_millis(0), &[reading(BOX)]);
    hoops.compare(MediaTime::from_millis(200), &[reading(BOX.moved(3.0, 0.0))]);
    assert_eq!(hoops.now().count(), 0);
    hoops.compare(MediaTime::from_millis(400), &[reading(BOX)]);
    let now: Vec<_> = hoops.now().collect();
    assert_eq!(now.len(), 1);
    assert_eq!(now[0].name.as_str(), "a");
}

#[test]
fn a_hoop_that_is_hard_to_see_takes_more_runs() {
    let mut hoops = Hoops::new(&[]);
    let faint = HoopReading { area: BOX, confidence: 0.35 };
    let known: Vec<usize> = (0..5)
        .map(|run| {
            hoops.compare(MediaTime::from_millis(200 * run), &[faint]);
            hoops.now().count()
        })
        .collect();
    assert_eq!(known, [0, 0, 0, 0, 1]);
}

#[test]
fn beside_a_hoop_in_view_only_what_looks_like_one_is_another() {
    for (confidence, expected) in [(0.45, 1), (0.6, 2)] {
        let mut hoops = Hoops::new(&[]);
        let other = HoopReading { area: BOX.moved(200.0, 100.0), confidence };
        for second in 0..60 {
            let readings: &[_] = if second < 3 { &[] } else { &[other] };
            let readings = [&[reading(BOX)], readings].concat();
            hoops.compare(MediaTime::from_millis(1_000 * second), &readings);
        }
        assert_eq!(hoops.now().count(), expected, "{confidence}");
        // It may be the hoop itself when the one that was followed is seen no more.
        for second in 60..64 {
            hoops.compare(MediaTime::from_millis(1_000 * second), &[other]);
        }
        assert_eq!(hoops.now().count(), 2, "{confidence}");
    }
}

#[test]
fn a_ring_that_is_seen_now_here_and_now_there_is_one_hoop() {
    let mut hoops = Hoops::new(&[]);
    // Too far aside to overlap, too near to be another hoop.
    let aside = BOX.moved(30.0, 0.0);
    for run in 0..3 {
        hoops.compare(MediaTime::from_millis(200 * run), &[reading(BOX)]);
    }
    for run in 3..30 {
        hoops.compare(MediaTime::from_millis(200 * run), &[reading(BOX), reading(aside)]);
        assert_eq!(hoops.now().map(|hoop| hoop.area).collect::<Vec<_>>(), [BOX]);
    }
    // It is seen there alone from now on: the camera was moved a little.
    for run in 30..33 {
        hoops.compare(MediaTime::from_millis(200 * run), &[reading(aside)]);
    }
    assert_eq!(hoops.now().map(|hoop| (hoop.slot, hoop.area)).collect::<Vec<_>>(), [(0, aside)]);
}

#[test]
fn a_hoop_that_flickers_in_other_places_is_never_believed() {
    let mut hoops = Hoops::new(&[]);
    for step in 0_u8..20 {
        let at = MediaTime::from_millis(200 * i64::from(step));
        hoops.compare(at, &[reading(BOX.moved(60.0 * f32::from(step), 0.0))]);
    }
    assert_eq!(hoops.now().count(), 0);
}

#[test]
fn a_found_hoop_is_given_up_when_the_finder_misses_it_for_long() {
    let mut hoops = Hoops::new(&[]);
    for step in 0..3 {
        hoops.compare(MediaTime::from_millis(200 * step), &[reading(BOX)]);
    }
    hoops.compare(MediaTime::from_millis(5_000), &[]);
    assert_eq!(hoops.now().count(), 1);
    hoops.compare(MediaTime::from_millis(5_500), &[]);
    assert_eq!(hoops.now().count(), 0);
}

#[test]
fn a_faint_hoop_is_believed_when_it_stays_and_gives_way_to_a_clear_one() {
    let mut hoops = Hoops::new(&[]);
    let faint = HoopReading { area: BOX, confidence: 0.2 };
    let run = |hoops: &mut Hoops, run: i64, readings: &[HoopReading]| {
        hoops.compare(MediaTime::from_millis(200 * run), readings);
        hoops.now().map(|hoop| hoop.area).collect::<Vec<_>>()
    };
    for number in 0..9 {
        assert_eq!(run(&mut hoops, number, &[faint]), []);
    }
    assert_eq!(run(&mut hoops, 9, &[faint]), [BOX]);
    let other = BOX.moved(200.0, 0.0);
    assert_eq!(run(&mut hoops, 10, &[faint, reading(other)]), [BOX]);
    assert_eq!(run(&mut hoops, 11, &[faint, reading(other)]), [BOX]);
    assert_eq!(run(&mut hoops, 12, &[faint, reading(other)]), [other]);
    assert_eq!(hoops.now().next().map(|hoop| hoop.slot), Some(1), "a slot of its own");
    // Beside a clear one a faint one is never believed, however long it stays.
    for number in 13..60 {
        assert_eq!(run(&mut hoops, number, &[reading(other), faint]), [other]);
    }
}

#[test]
fn a_hoop_that_one_run_misses_is_not_forgotten() {
    let mut hoops = Hoops::new(&[]);
    for (run, seen) in [true, false, true, false, false, true].into_iter().enumerate() {
        assert_eq!(hoops.now().count(), 0);
        let readings = if seen { vec![reading(BOX)] } else { Vec::new() };
        hoops.compare(MediaTime::from_millis(200 * run as i64), &readings);
    }
    assert_eq!(hoops.now().count(), 1);
}

#[test]
fn a_hoop_that_three_runs_miss_begins_anew() {
    let mut hoops = Hoops::new(&[]);
    let runs = [true, true, false, false, false, true, true, false, true];
    for (run, seen) in runs.into_iter().enumerate() {
        assert_eq!(hoops.now().count(), 0);
        let readings = if seen { vec![reading(BOX)] } else { Vec::new() };
        hoops.compare(MediaTime::from_millis(200 * run as i64), &readings);
    }
    assert_eq!(hoops.now().count(), 1);
}

#[test]
fn a_place_that_was_faint_for_long_is_believed_as_soon_as_it_is_clear() {
    let mut hoops = Hoops::new(&[]);
    let other = BOX.moved(200.0, 0.0);
    let faint = HoopReading { area: other, confidence: 0.2 };
    let clear = HoopReading { area: other, confidence: 0.9 };
    for run in 0..603 {
        assert!(hoops.now().count() < 2, "run {run}");
        let beside = if run < 600 { faint } else { clear };
        hoops.compare(MediaTime::from_millis(1_000 * run), &[reading(BOX), beside]);
    }
    assert_eq!(hoops.now().count(), 2);
}

#[test]
fn noise_at_a_found_hoop_does_not_keep_it_alive() {
    let mut hoops = Hoops::new(&[]);
    for run in 0..3 {
        hoops.compare(MediaTime::from_millis(200 * run), &[reading(BOX)]);
    }
    let noise = HoopReading { area: BOX, confidence: 0.2 };
    hoops.compare(MediaTime::from_millis(5_300), &[noise]);
    assert_eq!(hoops.now().count(), 1);
    hoops.compare(MediaTime::from_millis(5_500), &[noise]);
    assert_eq!(hoops.now().count(), 0);
}

#[test]
fn clear_runs_now_and_then_neither_keep_a_faint_hoop_from_giving_way_nor_lose_it() {
    let mut hoops = Hoops::new(&[]);
    let with = |confidence| HoopReading { area: BOX, confidence };
    for run in 0..10 {
        hoops.compare(MediaTime::from_millis(200 * run), &[with(0.2)]);
    }
    for second in 3..30 {
        let confidence = if second % 8 == 3 { 0.5 } else { 0.2 };
        hoops.compare(MediaTime::from_millis(1_000 * second), &[with(confidence)]);
        assert_eq!(hoops.now().count(), 1, "second {second}");
    }
    let other = BOX.moved(200.0, 0.0);
    for second in 30..33 {
        hoops.compare(MediaTime::from_millis(1_000 * second), &[with(0.2), reading(other)]);
    }
    assert_eq!(hoops.now().map(|hoop| hoop.area).collect::<Vec<_>>(), [other]);
}

/// A camera that was knocked while the box did not look.
#[test]
fn a_technicians_box_that_lost_its_hoop_is_brought_back_to_it() {
    let mut hoops = Hoops::new(&[("north".parse().expect("a name"), BOX)]);
    for step in 0..3 {
        hoops.compare(MediaTime::from_millis(-1_000 * step), &[reading(BOX)]);
    }
    hoops.compare(MediaTime::from_millis(0), &[reading(BOX)]);
    let knocked = BOX.moved(70.0, -30.0);
    let larger = PixelBox { x0: knocked.x0 - 4.0, x1: knocked.x1 + 4.0, ..knocked };
    for second in 1..=2 {
        hoops.compare(MediaTime::from_millis(1_000 * second), &[reading(larger)]);
        assert_eq!(hoops.now().next().map(|hoop| hoop.area), Some(BOX), "second {second}");
    }
    hoops.compare(MediaTime::from_millis(3_000), &[reading(larger)]);
    assert_eq!(hoops.now().next().map(|hoop| hoop.area), Some(knocked));
}

/// A hoop that the finder does not know from this side, with a picture on the wall beside it
/// that it takes for one.
#[test]
fn a_technicians_box_that_the_finder_never_saw_stays_where_it_was_drawn() {
    let mut hoops = Hoops::new(&[("north".parse().expect("a name"), BOX)]);
    for second in 0..20 {
        hoops.compare(MediaTime::from_millis(1_000 * second), &[reading(BOX.moved(70.0, 0.0))]);
    }
    assert_eq!(hoops.now().next().map(|hoop| hoop.area), Some(BOX));
}

/// Two hoops side by side, of which one is watched.
#[test]
fn a_technicians_box_that_is_seen_never_goes_to_the_hoop_beside_it() {
    let mut hoops = Hoops::new(&[("north".parse().expect("a name"), BOX)]);
    for second in 0..20 {
        let both = [reading(BOX.moved(80.0, 0.0)), reading(BOX.moved(2.0, 0.0))];
        hoops.compare(MediaTime::from_millis(1_000 * second), &both);
    }
    assert_eq!(hoops.now().next().map(|hoop| hoop.area), Some(BOX));
}

#[test]
fn a_technicians_box_stays_and_keeps_the_finder_from_adding_others() {
    let name: Name = "north".parse().expect("a name");
    let mut hoops = Hoops::new(&[(name.clone(), BOX)]);
    for step in 0..20 {
        hoops.compare(MediaTime::from_millis(1_000 * step), &[reading(BOX.moved(300.0, 0.0))]);
    }
    let now: Vec<_> = hoops.now().map(|hoop| hoop.name).collect();
    assert_eq!(now, [name]);
}

/// A camera that was knocked: the finder looks where the hoop went at once, not a second later.
#[test]
fn a_hoop_that_is_missed_is_looked_for_more_often_until_it_is_seen_or_given_up() {
    let mut hoops = Hoops::new(&[]);
    let every = |hoops: &Hoops, ms: i64| hoops.search_every(MediaTime::from_millis(ms));
    assert_eq!(every(&hoops, 0), SEARCH_EVERY);
    for step in 0..3 {
        hoops.compare(MediaTime::from_millis(200 * step), &[reading(BOX)]);
    }
    assert_eq!(every(&hoops, 600), CHECK_EVERY);
    hoops.compare(MediaTime::from_millis(1_400), &[]);
    assert_eq!(every(&hoops, 1_500), SEARCH_EVERY);
    hoops.compare(MediaTime::from_millis(1_600), &[reading(BOX)]);
    assert_eq!(every(&hoops, 1_700), CHECK_EVERY);
    hoops.known[0].as_mut().expect("the hoop").adrift = true;
    assert_eq!(every(&hoops, 1_700), SEARCH_EVERY);
}

/// The finder need not know every hoop that a technician drew, and is dear.
#[test]
fn a_technicians_hoop_is_looked_for_more_often_only_if_the_finder_knew_it_lately() {
    let mut hoops = Hoops::new(&[("north".parse().expect("a name"), BOX)]);
    let every = |hoops: &Hoops, ms: i64| hoops.search_every(MediaTime::from_millis(ms));
    hoops.compare(MediaTime::from_millis(0), &[]);
    assert_eq!(every(&hoops, 100), CHECK_EVERY);
    for second in 1..=3 {
        hoops.compare(MediaTime::from_millis(1_000 * second), &[reading(BOX)]);
    }
    hoops.compare(MediaTime::from_millis(4_000), &[]);
    assert_eq!(every(&hoops, 4_100), SEARCH_EVERY);
    assert_eq!(every(&hoops, 8_100), CHECK_EVERY);
}

#[test]
fn what_is_seen_faintly_beside_a_hoop_is_believed_only_when_three_runs_have_missed_the_hoop() {
    let mut hoops = Hoops::new(&[]);
    let other = HoopReading { area: BOX.moved(200.0, 100.0), confidence: 0.45 };
    let mut run = 0;
    let mut look = |hoops: &mut Hoops, readings: &[HoopReading]| {
        run += 1;
        hoops.compare(MediaTime::from_millis(200 * run), readings);
        hoops.now().count()
    };
    for _ in 0..10 {
        look(&mut hoops, &[reading(BOX), other]);
    }
    assert_eq!(look(&mut hoops, &[other]), 1);
    assert_eq!(look(&mut hoops, &[other]), 1);
    assert_eq!(look(&mut hoops, &[other]), 2);
}
