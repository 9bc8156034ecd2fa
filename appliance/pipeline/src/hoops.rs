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
use models::limits::FOLLOW_CERTAINTY_MIN;
use models::picture::Luma;
use wire::ids::Name;
use wire::time::{MediaSpan, MediaTime};
use wire::units::PixelBox;

use self::candidates::{AGREEMENTS, BESIDE, Believed, Candidates, FAINT, SAME_OVERLAP};

/// Between two runs of the finder while no hoop is known, or one may not be where its box is.
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
/// Two boxes whose centres are nearer than this, in widths of the wider one, are one hoop: where
/// there is no net, the finder sees the ring now here and now there.
const ONE_HOOP_WIDTHS: f32 = 1.0;
/// A hoop that this many runs of the finder in a row have missed is not in view.
const OUT_OF_VIEW: u8 = 3;
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
    /// Runs in a row in which the finder did not see it at its box, counted up to [`OUT_OF_VIEW`].
    missed: u8,
    /// The follower does not recognise the surroundings of its box in the present frame.
    adrift: bool,
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
        self.missed = 0;
        if faint {
            return;
        }
        self.recognised = AGREEMENTS.min(self.recognised + 1);
        // What a technician drew is better than what the finder sees, while both agree.
        if self.origin == Origin::Finder || self.area.overlap(reading.area) < ADRIFT {
            self.put_onto(reading.area);
        }
    }

    /// It may be somewhere else by now: the camera was knocked, or somebody stands in front. A hoop
    /// that the finder does not know from this side, or has not seen for long, is not looked for
    /// more often than others.
    fn is_astray(&self, at: MediaTime) -> bool {
        let known_to_finder = self.recognised == AGREEMENTS && at.since(self.seen) <= GIVE_UP;
        known_to_finder && (self.adrift || self.missed > 0)
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
                missed: 0,
                adrift: false,
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
            let followed = known.follower.follow(luma, at);
            known.area = followed.area;
            known.adrift = followed.certainty < FOLLOW_CERTAINTY_MIN;
        }
        let Some(finder) = finder else { return Ok(()) };
        let every = self.search_every(at);
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

    fn search_every(&self, at: MediaTime) -> MediaSpan {
        let astray = self.known.iter().flatten().any(|known| known.is_astray(at));
        let none = self.finds_by_itself() && self.is_empty();
        if none || astray { SEARCH_EVERY } else { CHECK_EVERY }
    }

    fn is_empty(&self) -> bool {
        self.known.iter().all(Option::is_none)
    }

    fn finds_by_itself(&self) -> bool {
        !self.known.iter().flatten().any(|known| known.origin == Origin::Technician)
    }

    fn compare(&mut self, at: MediaTime, found: &[HoopReading]) {
        for known in self.known.iter_mut().flatten() {
            known.missed = OUT_OF_VIEW.min(known.missed + 1);
        }
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
        let in_view = |known: &Known| known.origin == Origin::Finder && known.missed < OUT_OF_VIEW;
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
        let one = |known: &&mut Known| {
            known.origin == Origin::Finder && widths_apart(known.area, area) < ONE_HOOP_WIDTHS
        };
        if let Some(known) = self.known.iter_mut().flatten().find(one) {
            // Seen at its own box as well: the finder does not know which it is.
            if origin == Origin::Finder && known.missed > 0 {
                known.put_onto(area);
                known.seen = at;
            }
            return;
        }
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
            missed: 0,
            adrift: false,
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

/// How far the centres of two boxes are from each other along the axis along which they are
/// further, in widths of the wider one.
fn widths_apart(one: PixelBox, other: PixelBox) -> f32 {
    let ((x, y), (ox, oy)) = (one.centre(), other.centre());
    (ox - x).abs().max((oy - y).abs()) / one.width().max(other.width()).max(1.0)
}

fn letter(slot: usize) -> Name {
    let letters = ["a", "b", "c", "d"];
    letters[slot].parse().expect("a letter is a name, and there are HOOPS_MAX letters")
}

#[cfg(test)]
mod tests;
