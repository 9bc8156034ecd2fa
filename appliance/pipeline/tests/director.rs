//! What the director tells of a source's pictures, and how often. Owns no pictures.
#![forbid(unsafe_code)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use clips::planner::ClipPlan;
use fusion::Profile;
use hal::surface::Half;
use models::incoming::{Adaptation, Rows};
use pipeline::cut::Anchor;
use pipeline::director::{Director, DirectorHealth, Outputs, SourceProfile};
use pipeline::inference::FrameReport;
use pipeline::links::Arrival;
use wire::board::BoardReading;
use wire::event::GameEvent;
use wire::ids::{BootId, EventId};
use wire::time::{MediaSpan, MediaTime};
use wire::units::PictureSize;

/// Keeps what was told of the pictures: source and rows.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<(usize, Rows)>>>);

impl Outputs for Told {
    fn tell_adaptation(&mut self, source: usize, adaptation: Adaptation) {
        self.0.lock().expect("nobody panics").push((source, adaptation.rows));
    }

    fn announce(&mut self, _event: GameEvent) {}

    fn want_clip(&mut self, _source: usize, _event: &GameEvent) {}

    fn unwant_clip(&mut self, _source: usize, _id: EventId) {}

    fn tell_board(&mut self, _reading: BoardReading) {}

    fn cut(&mut self, _: usize, _: ClipPlan, _: Anchor) -> Result<(), Box<ClipPlan>> {
        Ok(())
    }
}

fn profile(name: &str) -> SourceProfile {
    let second = MediaSpan::from_millis(1_000);
    SourceProfile {
        name: name.parse().expect("a name"),
        sport: Profile::BASKETBALL,
        clips: clips::planner::Config::new(second, second, MediaSpan::from_millis(10_000))
            .expect("these spans fit"),
        clip_kinds: Vec::new(),
    }
}

fn frame(source: usize, number: i64, rows: Rows) -> FrameReport {
    FrameReport {
        source,
        at: MediaTime::from_millis(40 * number),
        arrived: Arrival::default(),
        follows_gap: false,
        size: PictureSize { width: 1920, height: 1080 },
        adaptation: Adaptation { rows },
        balls: Vec::new(),
        hoops: Vec::new(),
        board: Vec::new(),
        took: Duration::ZERO,
        searched: Duration::ZERO,
    }
}

#[test]
fn what_was_adapted_is_told_once_for_each_change_and_source() {
    let told = Told::default();
    let sources = vec![profile("court"), profile("bench")];
    let mut director = Director::new(BootId(1), sources, told.clone());
    let health = DirectorHealth::default();
    let half = Rows::Half(Half::Upper);
    let seen = |n| if (50..150).contains(&n) { half } else { Rows::All };
    // The report of the change itself is lost on the way, as a slow director's are.
    for number in (0..200).filter(|number| *number != 50) {
        director.handle_frame(&frame(0, number, seen(number)), &health);
        director.handle_frame(&frame(1, number, half), &health);
    }
    let told = told.0.lock().expect("nobody panics");
    assert_eq!(*told, [(1, half), (0, half), (0, Rows::All)]);
}
