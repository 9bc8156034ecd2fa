//! Devices that stall, break, are pulled out, or are not there at all.

use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::time::Duration;

use hal::Clock;
use hal::capture::{Capture, Event, Repair};
use v4l2::Device;

use crate::rig::{Plugged, Rig, device_file, wanted};

#[test]
fn a_device_that_stalls_is_restarted_reopened_and_reset_until_it_delivers() {
    let Some(mut rig) = Rig::new(Plugged::P720, None) else { return };
    rig.picture();
    rig.vivid.drop_percent(100);
    let stalled = rig.clock.now();
    let (first, reason) = rig.stalled();
    assert_eq!(first, Repair::Restart);
    assert!(reason.contains("no pictures come although there is a signal"), "{reason}");
    println!("restarted after {} ms", rig.clock.now().since(stalled).as_millis());
    // The reset makes a new device of it, which has forgotten that it was told to drop everything.
    rig.climbs(&[Repair::Reopen, Repair::Reset]);
    rig.picture();
    println!("a picture after {} ms", rig.clock.now().since(stalled).as_millis());
}

#[test]
fn a_device_that_stalls_for_a_moment_goes_on_after_a_restart() {
    let Some(mut rig) = Rig::new(Plugged::P720, None) else { return };
    rig.picture();
    rig.vivid.drop_percent(100);
    rig.climbs(&[Repair::Restart]);
    rig.vivid.drop_percent(0);
    rig.picture();
}

#[test]
fn a_stream_that_breaks_is_restarted() {
    let Some(mut rig) = Rig::new(Plugged::P720, None) else { return };
    rig.picture();
    rig.vivid.break_stream();
    rig.climbs(&[Repair::Restart]);
    rig.picture();
}

#[test]
fn a_device_is_closed_before_it_is_reset() {
    let Some(mut rig) = Rig::new(Plugged::P720, None) else { return };
    let before = device_file();
    rig.picture();
    rig.vivid.drop_percent(100);
    rig.climbs(&[Repair::Restart, Repair::Reopen]);
    // Time for the stream to run, and to be old enough for the next repair when it breaks.
    let until = rig.clock.now().plus(Duration::from_millis(500));
    while rig.clock.now() < until {
        assert!(matches!(rig.device.next(Duration::from_millis(50)), Event::Nothing));
    }
    rig.vivid.break_stream();
    rig.climbs(&[Repair::Reset]);
    // One that was open when its driver let go of it keeps its number, and comes back with another.
    assert_eq!(device_file(), before);
    rig.picture();
}

#[test]
fn a_device_that_was_given_up_while_its_stream_ran_goes_on_when_it_delivers() {
    let Some(mut rig) = Rig::new(Plugged::P720, None) else { return };
    rig.picture();
    rig.vivid.drop_percent(100);
    rig.climbs(&[Repair::Restart, Repair::Reopen, Repair::Reset]);
    // The reset made it forget.
    rig.vivid.drop_percent(100);
    let reason = rig.given_up();
    assert!(reason.contains("no pictures come although there is a signal"), "{reason}");
    rig.vivid.drop_percent(0);
    let mended = rig.clock.now();
    rig.picture();
    println!("a picture {} ms after it delivers", rig.clock.now().since(mended).as_millis());
}

#[test]
fn a_device_that_is_pulled_out_without_a_signal_is_told_at_once() {
    let Some(mut rig) = Rig::new(Plugged::Nothing, None) else { return };
    rig.lost();
    rig.vivid.disconnect();
    let pulled = rig.clock.now();
    let (_, reason) = rig.stalled();
    let took = rig.clock.now().since(pulled);
    assert!(reason.contains("it was pulled out"), "{reason}");
    assert!(took < Duration::from_millis(1_000), "{took:?}");
    // A test device is back as soon as its file is closed.
    rig.vivid.plug(Plugged::P720);
    rig.picture();
}

#[test]
fn a_device_that_is_pulled_out_leaves_its_pictures_readable_and_is_taken_up_when_it_is_back() {
    let Some(mut rig) = Rig::new(Plugged::P720, None) else { return };
    let held = rig.picture();
    rig.vivid.disconnect();
    rig.stalled();
    let pixels = held.surface.download().expect("its memory is ours until we drop it");
    assert_eq!(pixels.planes[0].data.len(), 1280 * 720);
    assert!(pixels.planes[0].data.iter().any(|pixel| *pixel > 16));
    // A test device is back as soon as its file is closed.
    rig.picture();
}

#[test]
fn a_device_that_is_not_there_is_given_up_once_and_found_when_it_is_plugged_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("camera");
    let clock = Arc::new(crate::rig::real_clock());
    let mut device = Device::new(wanted(file.clone(), None), Arc::clone(&clock));
    let (mut repairs, mut given_up) = (Vec::new(), 0);
    let until = clock.now().plus(Duration::from_secs(3));
    while clock.now() < until {
        match device.next(Duration::from_millis(100)) {
            Event::Nothing => {}
            Event::Stalled { repair, .. } => repairs.push(repair),
            Event::GivenUp { reason } => {
                given_up += 1;
                assert!(reason.contains("camera is not there"), "{reason}");
            }
            other @ (Event::Picture(_) | Event::Format(_) | Event::Lost(_)) => {
                panic!("there is no device, but {other:?}")
            }
        }
    }
    assert_eq!(repairs, [Repair::Restart, Repair::Reopen, Repair::Reset]);
    assert_eq!(given_up, 1, "told once, tried for ever");
    let Some(vivid) = device_file() else { return };
    symlink(vivid, &file).expect("a link");
    let plugged = clock.now();
    while !matches!(device.next(Duration::from_millis(100)), Event::Picture(_)) {
        assert!(clock.now().since(plugged) < Duration::from_secs(2), "it is there");
    }
    println!("a picture {} ms after it was plugged in", clock.now().since(plugged).as_millis());
}
