//! What the director tells of a source's pictures, and how often. Owns no pictures.
#![forbid(unsafe_code)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use clips::planner::ClipPlan;
use fusion::board::Field;
use fusion::{Ball, Heard, Profile, RimSlot, SoundView};
use governor::{Cue, OperatingPoint};
use hal::surface::Half;
use models::incoming::{Adaptation, Rows};
use pipeline::board::FieldReport;
use pipeline::cut::Anchor;
use pipeline::director::{Director, DirectorHealth, Outputs, SourceProfile};
use pipeline::inference::{FrameReport, HoopReport};
use pipeline::links::{Arrival, Hint, Hints, Signal};
use wire::board::BoardReading;
use wire::event::{EventKind, GameEvent};
use wire::ids::{BootId, EventId};
use wire::time::{MediaSpan, MediaTime};
use wire::units::{PictureSize, PixelBox};

/// Keeps what was told.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<All>>);

#[derive(Default)]
struct All {
    /// Of the pictures: source and rows.
    rows: Vec<(usize, Rows)>,
    replays: Vec<MediaTime>,
    events: Vec<EventKind>,
}

impl Outputs for Told {
    fn tell_adaptation(&mut self, source: usize, adaptation: Adaptation) {
        self.0.lock().expect("nobody panics").rows.push((source, adaptation.rows));
    }

    fn tell_replay(&mut self, _source: usize, began: MediaTime) {
        self.0.lock().expect("nobody panics").replays.push(began);
    }

    fn announce(&mut self, event: GameEvent) {
        self.0.lock().expect("nobody panics").events.push(event.kind);
    }

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
        replay: None,
        size: PictureSize { width: 1920, height: 1080 },
        adaptation: Adaptation { rows },
        balls: Vec::new(),
        hoops: Vec::new(),
        board: Vec::new(),
        point: OperatingPoint::SMALLEST,
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
    assert_eq!(told.rows, [(1, half), (0, half), (0, Rows::All)]);
}

/// The rim lane's answer in a frame: a shot went in at 4 s.
fn window(at: MediaTime) -> Vec<RimSlot> {
    let slot = |back: i64| {
        let moment = at.minus(MediaSpan::from_millis(80 * back));
        let near = moment.since(MediaTime::from_millis(4_000)).as_millis().abs() <= 80;
        RimSlot { at: moment, made: if near && back >= 2 { 0.95 } else { 0.01 }, missed: 0.01 }
    };
    (0..16).rev().map(slot).collect()
}

#[test]
fn a_shot_in_a_replay_is_no_event_and_the_replay_is_told_once() {
    let began = MediaTime::from_millis(3_000);
    for (replay, events, replays) in
        [(None, vec![EventKind::MadeShot; 2], vec![]), (Some(began), vec![], vec![began])]
    {
        let told = Told::default();
        let mut director = Director::new(BootId(1), vec![profile("court")], told.clone());
        for number in 0..200 {
            let plain = frame(0, number, Rows::All);
            let hoop = HoopReport {
                slot: 0,
                name: "a".parse().expect("a name"),
                area: PixelBox { x0: 600.0, y0: 150.0, x1: 640.0, y1: 190.0 },
                slots: Some(window(plain.at)),
            };
            let replay = replay.filter(|began| plain.at >= *began);
            let report = FrameReport { hoops: vec![hoop], replay, ..plain };
            director.handle_frame(&report, &DirectorHealth::default());
        }
        let told = told.0.lock().expect("nobody panics");
        assert_eq!((&told.events, &told.replays), (&events, &replays));
    }
}

/// What 100 ms sound like.
fn sound(ms: i64, whistle: f32, crowd: f32) -> Signal {
    let at = MediaTime::from_millis(ms);
    let heard = Some(Heard { at, whistle, buzzer: 0.0, crowd });
    Signal { source: 0, view: SoundView { at, centi_db: -3_000, heard } }
}

fn director(cues: &Arc<Hints>) -> Director<Told> {
    Director::new(BootId(1), vec![profile("court")], Told::default()).telling(cues)
}

fn taken(cues: &Hints) -> Vec<Cue> {
    let cue = |hint| match hint {
        Hint::Cue(cue) => Some(cue),
        Hint::Moment => None,
    };
    std::iter::from_fn(|| cues.try_receive().ok()).filter_map(cue).collect()
}

#[test]
fn ball_that_comes_near_a_rim_is_a_cue_once_for_each_way() {
    let (cues, health) = (Arc::new(Hints::new()), DirectorHealth::default());
    let mut director = director(&cues);
    let mut told = Vec::new();
    for number in 0..400 {
        let hoop = HoopReport {
            slot: 0,
            name: "a".parse().expect("a name"),
            area: PixelBox { x0: 600.0, y0: 150.0, x1: 640.0, y1: 190.0 },
            slots: None,
        };
        // Above the ring for a second, twice; far away otherwise.
        let near = (50..75).contains(&number) || (250..275).contains(&number);
        let ball = Ball { x: 620.0, y: if near { 120.0 } else { 1_000.0 }, confidence: 0.9 };
        let report =
            FrameReport { hoops: vec![hoop], balls: vec![ball], ..frame(0, number, Rows::All) };
        director.handle_frame(&report, &health);
        told.extend(taken(&cues).into_iter().map(|cue| (number, cue)));
    }
    assert_eq!(told, [(50, Cue::BallNearRim), (250, Cue::BallNearRim)]);
}

#[test]
fn whistle_and_crowd_are_cues_when_they_begin() {
    let (cues, health) = (Arc::new(Hints::new()), DirectorHealth::default());
    let mut director = director(&cues);
    let mut told = Vec::new();
    for tenth in 0..600 {
        let whistle = if (100..110).contains(&tenth) { 0.99 } else { 0.0 };
        let crowd = if (300..350).contains(&tenth) { 0.9 } else { 0.1 };
        director.handle_sound(&sound(100 * tenth, whistle, crowd), &health);
        told.extend(taken(&cues).into_iter().map(|cue| (tenth, cue)));
    }
    // A whistle is one after half a second.
    assert_eq!(told, [(104, Cue::Whistle), (300, Cue::CrowdSwell)]);
}

#[test]
fn points_on_the_board_are_a_cue() {
    let (cues, health) = (Arc::new(Hints::new()), DirectorHealth::default());
    let mut director = director(&cues);
    for number in 0..400 {
        let home = if number < 200 { "10" } else { "12" };
        let text =
            |field, text: &str| FieldReport { field, text: text.to_owned(), confidence: 0.99 };
        let board = vec![text(Field::Home, home), text(Field::Away, "7")];
        let board = if number % 6 == 0 { board } else { Vec::new() };
        director.handle_frame(&FrameReport { board, ..frame(0, number, Rows::All) }, &health);
    }
    assert_eq!(taken(&cues), [Cue::ScoreChange]);
}

#[test]
fn cues_that_nobody_takes_are_refused_and_counted_and_events_go_on() {
    let (cues, health) = (Arc::new(Hints::new()), DirectorHealth::default());
    let mut director = director(&cues);
    for swell in 0..12 {
        director.handle_sound(&sound(5_000 * swell, 0.0, 0.9), &health);
    }
    assert_eq!((taken(&cues).len(), health.hints_refused.get()), (8, 4));
}
