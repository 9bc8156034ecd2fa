//! What is left out of a frame when the governor says so, lane by lane, and how old a frame became.

use std::time::Duration;

use fusion::board::Field;
use governor::{FrameRate, OperatingPoint, Shed};
use pipeline::source::Pace;
use wire::units::PixelBox;

use crate::fixture;
use crate::swap::{Running, packs};

const BRIGHT: u8 = 230;
const GREY: [u8; 3] = [120, 128, 128];
const DIGITS: PixelBox = PixelBox { x0: 10.0, y0: 10.0, x1: 40.0, y1: 30.0 };

fn without(shed: Shed) -> OperatingPoint {
    OperatingPoint { frame_rate: FrameRate(30_000), shed, ..OperatingPoint::SMALLEST }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_the_first_to_be_left_out_and_are_looked_for_again_afterwards() {
    for shed in [Shed::Players, Shed::Board, Shed::Search] {
        let mut running = Running::at(without(shed), Some(&fixture::players()));
        running.show_yuv(GREY, 30).await;
        assert_eq!(running.links.counters.players_looks.get(), 0, "{shed}");
        running.points.signal(without(Shed::Nothing));
        running.show_yuv(GREY, 3).await;
        assert_eq!(running.links.counters.players_looks.get(), 1, "{shed}");
        running.stop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn board_is_read_until_it_is_shed_at_the_next_frame() {
    let hoop = [("a".parse().expect("a name"), DIGITS)];
    let lanes = packs(None).lanes(&hoop, vec![(Field::Home, DIGITS)]).expect("they are good");
    let mut running = Running::with(lanes, without(Shed::Players), Pace::Lossless);
    for (shed, looks) in
        [(Shed::Players, true), (Shed::Board, false), (Shed::Search, false), (Shed::Nothing, true)]
    {
        running.points.signal(without(shed));
        let reports = running.show_yuv(GREY, 20).await;
        let looked = reports.iter().any(|report| !report.board.is_empty());
        assert_eq!(looked, looks, "{shed}");
        assert!(reports.iter().all(|report| report.point == without(shed)), "{shed}");
    }
    running.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn hoops_that_are_known_are_followed_on_when_the_search_is_shed_and_no_new_one_is_found() {
    let lanes = packs(None).lanes(&[], Vec::new()).expect("they are good");
    let mut running = Running::with(lanes, without(Shed::Search), Pace::Lossless);
    let known = |reports: &[std::sync::Arc<pipeline::inference::FrameReport>]| {
        reports.last().map_or(0, |report| report.hoops.len())
    };
    assert_eq!(known(&running.show(BRIGHT, 60).await), 0, "nobody searched");
    running.points.signal(without(Shed::Board));
    let found = known(&running.show(BRIGHT, 60).await);
    assert!(found > 0, "the search goes on");
    running.points.signal(without(Shed::Search));
    assert_eq!(known(&running.show(BRIGHT, 300).await), found, "12 s without a search");
    running.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn oldest_frame_of_a_camera_is_told_once_and_a_file_that_waits_has_no_age() {
    for (pace, expected) in [(Pace::Live, Some(Duration::from_millis(70))), (Pace::Lossless, None)]
    {
        let lanes = packs(None).lanes(&[], Vec::new()).expect("they are good");
        let mut running = Running::with(lanes, without(Shed::Nothing), pace);
        // Every frame arrived at 0.
        running.wait(70);
        running.show_yuv(GREY, 3).await;
        assert_eq!(running.health.take_frame_age(), expected);
        assert_eq!(running.health.take_frame_age(), None, "since the last look");
        running.stop();
    }
}
