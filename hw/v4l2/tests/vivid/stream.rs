//! Pictures: where they lie, when they came, how many may be held, and what is lost.

use std::time::Duration;

use hal::Clock;
use hal::capture::{Capture, Event};
use hal::surface::PixelFormat;
use v4l2::Pixels;

use crate::rig::{Plugged, Rig};

/// What came in a while.
struct Taken {
    pictures: u64,
    lost: u64,
    age_max: Duration,
    /// From the first to the last, as the device stamped them.
    seconds: f64,
}

fn take_for(rig: &mut Rig, length: Duration) -> Taken {
    let first = rig.picture().surface.pts();
    let began = rig.clock.now();
    let mut taken = Taken { pictures: 0, lost: 0, age_max: Duration::ZERO, seconds: 0.0 };
    while rig.clock.now().since(began) < length {
        if let Event::Picture(picture) = rig.device.next(Duration::from_millis(50)) {
            taken.pictures += 1;
            taken.lost += u64::from(picture.lost);
            taken.age_max = taken.age_max.max(rig.clock.now().since(picture.arrived));
            taken.seconds = picture.surface.pts().since(first).0 as f64 / 90_000.0;
        }
    }
    taken
}

fn tell(what: &str, rig: &Rig, taken: &Taken) {
    println!(
        "{what}: {} pictures in {:.1} s, {} lost, oldest {} ms when taken, {} unpacked, {} downloaded",
        taken.pictures,
        taken.seconds,
        taken.lost,
        taken.age_max.as_millis(),
        rig.device.unpacked(),
        rig.device.pool().downloads(),
    );
}

#[test]
fn every_picture_of_1080p50_comes_or_is_counted_and_none_is_copied() {
    for pixels in [Pixels::Nv12, Pixels::Uyvy, Pixels::Yuyv] {
        let Some(mut rig) = Rig::new(Plugged::P1080, Some(pixels)) else { return };
        let taken = take_for(&mut rig, Duration::from_secs(3));
        tell(&format!("1080p50 as {pixels}"), &rig, &taken);
        let told = (taken.pictures + taken.lost) as f64;
        let due = taken.seconds * 50.0;
        // The emulated device stamps a picture late when its machine is busy.
        assert!((told - due).abs() < due * 0.1 + 5.0, "{told} of {due:.0} are accounted for");
        assert!(taken.pictures > 30, "{} in three seconds", taken.pictures);
        assert_eq!((rig.device.unpacked(), rig.device.pool().downloads()), (0, 0));
    }
}

#[test]
fn a_picture_is_read_where_the_device_wrote_it_or_unpacked_once_for_all_readers() {
    let Some(mut rig) = Rig::new(Plugged::P720, Some(Pixels::Nv12)) else { return };
    let picture = rig.picture();
    let place = |picture: &hal::capture::Picture| {
        let host = picture.surface.download().expect("it is in host memory");
        assert_eq!(host.format, PixelFormat::Nv12);
        let luma: u64 = host.planes[0].data.iter().map(|pixel| u64::from(*pixel)).sum();
        (host.planes[0].data.as_ptr() as usize, luma / host.planes[0].data.len() as u64)
    };
    let (nv12, grey) = place(&picture);
    assert_eq!(place(&picture).0, nv12);
    assert_eq!(rig.device.unpacked(), 0);
    let maps = std::fs::read_to_string("/proc/self/maps").expect("Linux has it");
    let is_mapped = |address: usize| {
        maps.lines().filter(|line| line.contains("/dev/video")).any(|line| {
            let (from, to) =
                line.split_once(' ').and_then(|(range, _)| range.split_once('-')).expect("a range");
            let number = |text| usize::from_str_radix(text, 16).expect("an address");
            (number(from)..number(to)).contains(&address)
        })
    };
    assert!(is_mapped(nv12), "the lanes read the device's own memory");
    drop((picture, rig));

    let Some(mut rig) = Rig::new(Plugged::P720, Some(Pixels::Uyvy)) else { return };
    let picture = rig.picture();
    let (first, unpacked_grey) = place(&picture);
    assert_eq!(place(&picture).0, first, "the second reader gets the same memory");
    assert_eq!((rig.device.unpacked(), rig.device.pool().downloads()), (1, 2));
    assert!(grey.abs_diff(unpacked_grey) <= 2, "the same picture: {grey} and {unpacked_grey}");
}

#[test]
fn whoever_holds_pictures_loses_pictures_and_the_device_goes_on() {
    let Some(mut rig) = Rig::new(Plugged::P720, None) else { return };
    let mut held = vec![rig.picture()];
    let until = rig.clock.now().plus(Duration::from_millis(2_500));
    while rig.clock.now() < until {
        match rig.device.next(Duration::from_millis(50)) {
            Event::Picture(picture) => held.push(picture),
            Event::Nothing => {}
            Event::Format(_) | Event::Lost(_) | Event::Stalled { .. } | Event::GivenUp { .. } => {
                panic!("nothing is wrong with the device")
            }
        }
    }
    let most = held.len();
    assert!((4..16).contains(&most), "{most} of 16 buffers");
    assert_eq!(rig.device.pool().in_use(), most);
    held.clear();
    let next = rig.picture();
    assert!(next.lost > 50, "what was lost is counted: {}", next.lost);
    assert_eq!(rig.picture().lost, 0);
}

#[test]
fn times_are_those_of_capture_on_the_box_s_clock() {
    let Some(mut rig) = Rig::new(Plugged::P720, None) else { return };
    let mut before = rig.picture();
    let (first, mut steps) = (before.surface.pts(), 0);
    for _ in 0..100 {
        let picture = rig.picture();
        let age = rig.clock.now().since(picture.arrived);
        assert!(age < Duration::from_secs(1), "{age:?}");
        let by_media = picture.surface.pts().since(before.surface.pts()).0 as f64 / 90.0;
        let by_clock = picture.arrived.since(before.arrived).as_micros() as f64 / 1_000.0;
        assert!((by_media - by_clock).abs() < 0.1, "{by_media} and {by_clock} ms");
        steps += picture.lost + 1;
        before = picture;
    }
    let (took, due) = (before.surface.pts().since(first).0 as f64 / 90.0, f64::from(steps) * 20.0);
    assert!((took - due).abs() < due * 0.1 + 50.0, "{took} ms for {steps} pictures");
}

/// `scripts/test-vm --long SECONDS`.
#[test]
#[ignore = "takes as long as it is told"]
fn long_capture_of_1080p50_loses_nothing() {
    let Some(mut rig) = Rig::new(Plugged::P1080, Some(Pixels::Uyvy)) else { return };
    let seconds = std::env::var("COURTSIDE_LONG_S").ok().and_then(|text| text.parse().ok());
    let taken = take_for(&mut rig, Duration::from_secs(seconds.unwrap_or(600)));
    tell("1080p50 as UYVY", &rig, &taken);
    assert_eq!(taken.lost, 0);
    assert_eq!((rig.device.unpacked(), rig.device.pool().downloads()), (0, 0));
}
