//! How soon the box found the hoops of a video by itself, and again after the picture jumped.
//!
//! Owns what counts as found. Looks at no pixel; where the box believed hoops is
//! [`super::strips::Seen`]'s.

use serde_json::{Value, json};
use wire::time::MediaTime;
use wire::units::PixelBox;

/// A found box's centre is at most so many widths of the true one from its centre.
const AWAY_WIDTHS: f32 = 0.5;
/// A found box is so much wider than the true one.
const LARGER: std::ops::Range<f32> = 0.6..1.7;

/// A hoop that is in view from some moment on.
#[derive(Clone, Debug, PartialEq)]
pub struct InView {
    /// Its name.
    pub id: String,
    /// Ring and net then, in pixels.
    pub area: PixelBox,
    /// Since when.
    pub from: MediaTime,
    /// Until when that is true.
    pub until: MediaTime,
}

/// Whether a hoop was found, and how soon.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    hoop: InView,
    after_s: Option<f64>,
}

/// What the box believed at each frame.
pub(super) type Believed = (MediaTime, Vec<(String, PixelBox)>);

/// Boxes that were believed in the last frame where no hoop of `truth` was then.
pub(super) fn strangers(truth: &[InView], believed: &[Believed]) -> usize {
    let Some((at, areas)) = believed.last() else { return 0 };
    let there: Vec<&InView> =
        truth.iter().filter(|hoop| (hoop.from..hoop.until).contains(at)).collect();
    areas.iter().filter(|(_, area)| !there.iter().any(|hoop| same(hoop.area, *area))).count()
}

/// How soon each hoop of `truth` was believed to be where it is.
pub(super) fn findings(truth: &[InView], believed: &[Believed]) -> Vec<Finding> {
    let find = |hoop: &InView| {
        let time = hoop.from..hoop.until;
        let there = |(at, areas): &&Believed| {
            time.contains(at) && areas.iter().any(|(_, area)| same(hoop.area, *area))
        };
        let first = believed.iter().find(there);
        Finding {
            hoop: hoop.clone(),
            after_s: first.map(|(at, _)| at.since(hoop.from).as_secs_f64()),
        }
    };
    truth.iter().map(find).collect()
}

fn same(truth: PixelBox, found: PixelBox) -> bool {
    let ((x, y), (fx, fy)) = (truth.centre(), found.centre());
    let width = truth.width().max(1.0);
    (fx - x).hypot(fy - y) <= AWAY_WIDTHS * width && LARGER.contains(&(found.width() / width))
}

impl Finding {
    /// The finding for other programs: `after_s` is null for a hoop that was not found.
    pub fn json(&self) -> Value {
        json!({
            "hoop": self.hoop.id,
            "width": self.hoop.area.width(),
            "from_s": self.hoop.from.as_secs_f64(),
            "after_s": self.after_s,
        })
    }
}

/// Such as `hoop a found after 0.6 s`.
impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let InView { id, from, .. } = &self.hoop;
        let from = from.as_secs_f64();
        match self.after_s {
            Some(seconds) => {
                write!(f, "hoop {id}, in view from {from:.1} s, found {seconds:.1} s later")
            }
            None => write!(f, "hoop {id}, in view from {from:.1} s, not found"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AREA: PixelBox = PixelBox { x0: 100.0, y0: 50.0, x1: 140.0, y1: 90.0 };

    fn believed(at_ms: i64, area: PixelBox) -> Believed {
        (MediaTime::from_millis(at_ms), vec![("a".to_owned(), area)])
    }

    fn in_view(area: PixelBox, from_ms: i64, until_ms: i64) -> InView {
        let (from, until) = (MediaTime::from_millis(from_ms), MediaTime::from_millis(until_ms));
        InView { id: "a".to_owned(), area, from, until }
    }

    #[test]
    fn a_hoop_is_found_when_a_box_is_on_it_and_not_before_it_is_in_view() {
        let moved = AREA.moved(300.0, 0.0);
        let frames = [
            believed(0, moved),
            believed(600, AREA.moved(10.0, 5.0)),
            believed(6_000, AREA),
            believed(7_000, moved.moved(-8.0, 0.0)),
        ];
        let truth = [in_view(AREA, 0, 5_500), in_view(moved, 5_500, 20_000)];
        let after: Vec<_> = findings(&truth, &frames).iter().map(|f| f.after_s).collect();
        assert_eq!(after, [Some(0.6), Some(1.5)]);
    }

    #[test]
    fn what_is_believed_in_the_end_and_is_no_hoop_is_a_stranger() {
        let mut last = believed(9_000, AREA);
        last.1.push(("b".to_owned(), AREA.moved(300.0, 0.0)));
        let first = believed(0, AREA.moved(-80.0, 0.0));
        assert_eq!(strangers(&[in_view(AREA, 0, 10_000)], &[first, last]), 1);
    }

    #[test]
    fn a_box_beside_the_hoop_or_of_another_size_has_not_found_it() {
        let twice = PixelBox { x0: 80.0, y0: 30.0, x1: 160.0, y1: 110.0 };
        for wrong in [AREA.moved(25.0, 0.0), twice] {
            let found = findings(&[in_view(AREA, 0, 10_000)], &[believed(600, wrong)]);
            assert_eq!(found[0].after_s, None);
            assert_eq!(found[0].to_string(), "hoop a, in view from 0.0 s, not found");
        }
    }
}
