//! People in the pictures of a running inference stage, with a pack that sees them in red; and a
//! box with such a pack, without one, and with a damaged one.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use courtside::packs::shelf::Shelf;
use courtside::packs::watch::Stock;
use governor::{FrameRate, OperatingPoint, Shed};
use models::Engines;
use models::manifest::Lane;
use wire::time::MediaTime;

use crate::fixture::{self, Folder};
use crate::swap::Running;

const RED: [u8; 3] = [81, 90, 240];
const BLUE: [u8; 3] = [41, 240, 110];
const DARK: [u8; 3] = [16, 128, 128];
/// Above the lowest rung.
const ENOUGH: OperatingPoint = OperatingPoint {
    frame_rate: FrameRate(30_000),
    shed: Shed::Nothing,
    ..OperatingPoint::SMALLEST
};

#[tokio::test(flavor = "multi_thread")]
async fn people_are_looked_for_twice_a_second_and_only_the_newest_look_is_kept() {
    let mut running = Running::at(ENOUGH, Some(&fixture::players()));
    // Of 25 pictures a second every thirteenth is the first one 500 ms later. A look follows its
    // picture's report, so that the last look is over when the last picture is reported.
    let reports = running.show_yuv(RED, 54).await;
    assert_eq!(reports.len(), 54, "every picture was analysed");
    let counters = &running.links.counters;
    assert_eq!((counters.players_looks.get(), counters.players_superseded.get()), (5, 4));
    let newest = running.links.players.try_take().expect("there are people");
    assert_eq!(newest.at, MediaTime::from_millis(52 * 40));
    let people = &newest.seen.people;
    assert!(people.len() >= 2 && people.iter().all(|p| p.confidence > 0.5), "{people:?}");
    running.show_yuv(BLUE, 14).await;
    let newest = running.links.players.try_take().expect("a look that found nobody is told too");
    assert_eq!((newest.at, newest.seen.people.len()), (MediaTime::from_millis(65 * 40), 0));
    assert_eq!(running.health.failures.get(), 0);
    running.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_that_sheds_people_or_has_no_pack_looks_for_nobody() {
    let shed = OperatingPoint { shed: Shed::Players, ..ENOUGH };
    let mut spared = Running::at(shed, Some(&fixture::players()));
    let mut without = Running::at(ENOUGH, None);
    for stage in [&mut spared, &mut without] {
        stage.show_yuv(RED, 30).await;
        assert_eq!(stage.links.counters.players_looks.get(), 0);
        assert!(stage.links.players.try_take().is_none());
    }
    spared.points.signal(ENOUGH);
    spared.show_yuv(RED, 3).await;
    assert_eq!(spared.links.counters.players_looks.get(), 1, "it has recovered");
    without.exchange(&fixture::players()).await;
    without.show_yuv(RED, 3).await;
    assert_eq!(without.links.counters.players_looks.get(), 1, "a pack was installed");
    spared.stop();
    without.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pack_that_fails_is_taken_out_and_every_picture_is_analysed() {
    let blind = fixture::players();
    blind.replace("nano.f32.onnx", &fixture::players_network_blind_in_the_dark());
    let mut running = Running::at(ENOUGH, Some(&blind));
    running.show_yuv(RED, 15).await;
    assert_eq!((running.links.counters.players_looks.get(), running.health.failures.get()), (2, 0));
    assert_eq!(running.show_yuv(DARK, 200).await.len(), 200);
    let retirement = running.packs.retirements.try_receive().expect("it was retired");
    assert_eq!(retirement.lane, Lane::Players);
    assert!(retirement.reason.contains("not a finite number"), "{retirement:?}");
    assert_eq!(running.health.failures.get(), 6, "then it was not run any more");
    running.exchange(&fixture::players()).await;
    running.show_yuv(DARK, 3).await;
    assert_eq!(running.links.counters.players_looks.get(), 3);
    running.stop();
}

/// Names of the packs that a box opens whose image has the repository's packs and `players`.
fn opened(players: Option<&Folder>) -> Vec<String> {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    let place = tempfile::tempdir().expect("the system has a temporary folder");
    let (image, keys) = (place.path().join("image"), place.path().join("keys"));
    fs::create_dir_all(&image).expect("writable");
    fs::create_dir_all(&keys).expect("writable");
    let key = fixture::keys().pk.to_box().expect("it has a text").to_string();
    fs::write(keys.join("test.pub"), key).expect("writable");
    for name in ["ball", "board", "hoop", "rim", "sound"] {
        symlink(models.join("packs").join(name), image.join(name)).expect("writable");
    }
    if let Some(players) = players {
        symlink(players.path(), image.join("players")).expect("writable");
    }
    let stock = Stock {
        shelf: Shelf::new(&place.path().join("data"), &image),
        keys: vec![models.join("keys"), keys],
        engines: Engines::default(),
    };
    let packs = stock.open().expect("the repository's packs are good");
    packs.all().map(|pack| pack.manifest().name.clone()).collect()
}

#[test]
fn a_box_starts_with_a_players_pack_without_one_and_with_a_damaged_one() {
    let plain = ["ball", "rim", "hoop", "board", "sound"];
    assert_eq!(opened(None), plain);
    let players = fixture::players();
    assert_eq!(opened(Some(&players)), [&plain[..], &["players"]].concat());
    fs::write(players.path().join("nano.f32.onnx"), "no network").expect("writable");
    assert_eq!(opened(Some(&players)), plain);
}

#[test]
fn a_box_without_a_players_pack_misses_none() {
    let place = tempfile::tempdir().expect("the system has a temporary folder");
    let shelf = Shelf::new(&place.path().join("data"), &place.path().join("image"));
    assert!(shelf.standing("players", &fixture::trust()).is_empty());
    assert!(!shelf.standing("rim", &fixture::trust()).is_empty(), "a rim pack is missed");
}
