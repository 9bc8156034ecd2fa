//! Which hoops a source shows and where they are in the present frame.
//!
//! ```text
//!             a box in the configuration, or the finder agrees with itself
//!   Searching ─────────────────────────────────────────────────────────────► Following
//!       ▲                                                                        │
//!       └──────────── neither finder nor follower sees the hoop for 5 s ─────────┘
//! ```
//! A technician's boxes win over the finder: they are never given up, and the finder only brings
//! them back to a hoop that they lost, right beside them. Owns the boxes; runs the finder and the
//! followers, knows no other lane.

mod candidates;

use fusion::HOOPS_MAX;
use models::lanes::LaneError;
use models::lanes::follow::Follower;
use models::lanes::hoop::{HoopLane, HoopReading};
use models::picture::Luma;
use wire::ids::Name;
use wire::time::{MediaSpan, MediaTime};
use wire::units::PixelBox;

use self::candidates::{AGREEMENTS, BESIDE, Believed, Candidates, FAINT, SAME_OVERLAP};

/// Between two runs of the finder while no hoop is known.
const SEARCH_EVERY: MediaSpan = MediaSpan::from_millis(200);
/// Between two runs of the finder while every hoop is followed.
const CHECK_EVERY: MediaSpan = MediaSpan::from_millis(1_000);
/// A technician's box that overlaps the finder's less than this has lost its hoop. The finder's own
/// boxes overlap the truth by 0.7 on average.
const ADRIFT: f32 = 0.4;
/// A technician's hoop that the finder has not seen at its box for this long may be what the finder
/// sees beside it.
const ASTRAY: MediaSpan = MediaSpan::from_millis(2_000);
/// How far beside, in widths of its box: further away is another hoop, which nobody asked for.
const ASTRAY_WIDTHS: f32 = 3.0;
/// Found boxes that are so much wider than a technician's do not say that the camera was zoomed.
const ZOOM: std::ops::Range<f32> = 0.7..1.4;
/// A hoop that the finder saw this lately is in view.
const IN_VIEW: MediaSpan = MediaSpan::from_millis(2_000);
/// A found hoop that the finder has not seen for this long is given up.
const GIVE_UP: MediaSpan = MediaSpan::from_millis(5_000);

/// A hoop in the present frame.
#[derive(Clone, Debug, PartialEq)]
pub struct HoopNow {
    /// Place among the source's hoops; stays the same while the hoop is followed.
    pub slot: usize,
    /// Its name.
    pub name: Name,
    /// Ring and net in the picture's pixels.
    pub area: PixelBox,
}

/// The hoops of one source.
pub struct Hoops {
    known: [Option<Known>; HOOPS_MAX],
    candidates: Candidates,
    last_search: Option<MediaTime>,
}

struct Known {
    name: Name,
    follower: Follower,
    area: PixelBox,
    seen: MediaTime,
    /// Runs in which the finder saw it at its box clearly, counted up to [`AGREEMENTS`].
    recognised: u32,
    origin: Origin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Technician,
    Finder,
    /// Believed although the finder saw it faintly. A clear run now and then makes it no other:
    /// it would be given up at the first seconds without one.
    FinderFaintly,
}

impl Known {
    /// The finder saw something at its box in this run. What it sees faintly is enough for no other
    /// than a faint hoop: noise would keep the others alive where they are not.
    fn recognise(&mut self, at: MediaTime, reading: &HoopReading) {
        let faint = reading.confidence < FAINT;
        if faint && self.origin != Origin::FinderFaintly {
            return;
        }
        self.seen = at;
        if faint {
            return;
        }
        self.recognised = AGREEMENTS.min(self.recognised + 1);
        // What a technician drew is better than what the finder sees, while both agree.
        if self.origin == Origin::Finder || self.area.overlap(reading.area) < ADRIFT {
            self.put_onto(reading.area);
        }
    }

    /// Corrects the box with the finder's. A technician's keeps its size, which is the better one,
    /// unless the camera was zoomed.
    fn put_onto(&mut self, found: PixelBox) {
        let zoomed = !ZOOM.contains(&(found.width() / self.area.width()));
        let target = match self.origin {
            Origin::Technician if !zoomed => {
                let ((x, y), (fx, fy)) = (self.area.centre(), found.centre());
                self.area.moved(fx - x, fy - y)
            }
            Origin::Technician | Origin::Finder | Origin::FinderFaintly => found,
        };
        self.follower.anchor(target);
        self.area = self.follower.area();
    }
}

impl Hoops {
    /// Hoops as the technician drew them; empty to let the finder search.
    pub fn new(configured: &[(Name, PixelBox)]) -> Self {
        let mut known = [const { None }; HOOPS_MAX];
        for (place, (name, area)) in known.iter_mut().zip(configured) {
            *place = Some(Known {
                name: name.clone(),
                follower: Follower::new(*area),
                area: *area,
                seen: MediaTime::default(),
                recognised: 0,
                origin: Origin::Technician,
            });
        }
        Self { known, candidates: Candidates::default(), last_search: None }
    }

    /// Moves every known hoop to where it is in this frame, and searches for hoops when it is
    /// time to.
    ///
    /// # Errors
    /// [`LaneError`] of the finder; the hoops that are known stay usable.
    pub fn observe(
        &mut self,
        luma: Luma<'_>,
        at: MediaTime,
        finder: Option<&mut HoopLane>,
    ) -> Result<(), LaneError> {
        for known in self.known.iter_mut().flatten() {
            known.area = known.follower.follow(luma, at).area;
        }
        let Some(finder) = finder else { return Ok(()) };
        let every =
            if self.finds_by_itself() && self.is_empty() { SEARCH_EVERY } else { CHECK_EVERY };
        if self.last_search.is_some_and(|last| at.since(last).0.abs() < every.0) {
            return Ok(());
        }
        self.last_search = Some(at);
        let found = finder.find(luma)?;
        self.compare(at, &found);
        Ok(())
    }

    /// The picture jumped: a found hoop must be found again. A technician's box stays where it is
    /// until the finder sees the hoop beside it.
    pub fn forget_found(&mut self) {
        for place in &mut self.known {
            if place.as_ref().is_some_and(|known| known.origin != Origin::Technician) {
                *place = None;
            }
        }
        self.candidates.clear();
        self.last_search = None;
    }

    /// The hoops of the present frame.
    pub fn now(&self) -> impl Iterator<Item = HoopNow> + '_ {
        self.known.iter().enumerate().filter_map(|(slot, known)| {
            let known = known.as_ref()?;
            Some(HoopNow { slot, name: known.name.clone(), area: known.area })
        })
    }

    fn is_empty(&self) -> bool {
        self.known.iter().all(Option::is_none)
    }

    fn finds_by_itself(&self) -> bool {
        !self.known.iter().flatten().any(|known| known.origin == Origin::Technician)
    }

    fn compare(&mut self, at: MediaTime, found: &[HoopReading]) {
        let mut new = Vec::new();
        for reading in found {
            let same = |known: &&mut Known| known.area.overlap(reading.area) > SAME_OVERLAP;
            if let Some(known) = self.known.iter_mut().flatten().find(same) {
                known.recognise(at, reading);
            } else {
                new.push(*reading);
            }
        }
        for place in &mut self.known {
            let lost = place.as_ref().is_some_and(|known| {
                known.origin != Origin::Technician && at.since(known.seen) > GIVE_UP
            });
            if lost {
                *place = None;
            }
        }
        let in_view =
            |known: &Known| known.origin == Origin::Finder && at.since(known.seen) <= IN_VIEW;
        let average = if self.known.iter().flatten().any(in_view) { BESIDE } else { 0.0 };
        for Believed { area, faint } in self.candidates.add(&new, average) {
            match (self.finds_by_itself(), faint) {
                (true, false) => self.believe(at, area, Origin::Finder),
                (true, true) if self.is_empty() => self.believe(at, area, Origin::FinderFaintly),
                (false, false) => self.bring_back(at, area),
                (_, true) => {}
            }
        }
    }

    fn believe(&mut self, at: MediaTime, area: PixelBox, origin: Origin) {
        // Before a faint one goes, so that this one is judged in a slot of its own, without what
        // was seen at the other place.
        let free = self.known.iter().position(Option::is_none);
        for place in &mut self.known {
            if place.as_ref().is_some_and(|known| known.origin == Origin::FinderFaintly) {
                *place = None;
            }
        }
        let Some(slot) = free else { return };
        self.known[slot] = Some(Known {
            name: letter(slot),
            follower: Follower::new(area),
            area,
            seen: at,
            recognised: if origin == Origin::FinderFaintly { 0 } else { AGREEMENTS },
            origin,
        });
    }

    /// Puts a technician's box that has lost its hoop onto what the finder sees right beside it.
    fn bring_back(&mut self, at: MediaTime, found: PixelBox) {
        let away = |known: &Known| {
            let ((x, y), (fx, fy)) = (known.area.centre(), found.centre());
            (fx - x).abs().max((fy - y).abs()) / known.area.width()
        };
        let astray = |known: &&mut Known| {
            let larger = found.width() / known.area.width();
            // A hoop that the finder does not know from this side is not lost.
            known.recognised == AGREEMENTS
                && at.since(known.seen) > ASTRAY
                && away(known) < ASTRAY_WIDTHS
                && (0.5..2.0).contains(&larger)
        };
        let nearest = |a: &&mut Known, b: &&mut Known| away(a).total_cmp(&away(b));
        if let Some(known) = self.known.iter_mut().flatten().filter(astray).min_by(nearest) {
            known.put_onto(found);
            known.seen = at;
        }
    }
}

fn letter(slot: usize) -> Name {
    let letters = ["a", "b", "c", "d"];
    letters[slot].parse().expect("a letter is a name, and there are HOOPS_MAX letters")
}

#[cfg(test)]
mod tests {
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
}
