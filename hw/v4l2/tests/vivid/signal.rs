//! What is plugged in, is pulled out and changes.

use std::time::Duration;

use hal::Clock;
use hal::capture::{NoSignal, Rate, Repair};
use v4l2::list::State;

use crate::rig::{Plugged, Rig, device_file};

/// The promise: pictures are back this long after the signal.
const BACK_MAX: Duration = Duration::from_secs(2);

#[test]
fn pictures_are_back_within_two_seconds_of_the_signal() {
    let Some(mut rig) = Rig::new(Plugged::P1080, None) else { return };
    rig.picture();
    for (what, why) in
        [(Plugged::Nothing, NoSignal::Nothing), (Plugged::Unstable, NoSignal::Unstable)]
    {
        rig.vivid.plug(what);
        let pulled = rig.clock.now();
        assert_eq!(rig.lost(), why);
        println!("{what:?} is told after {} ms", rig.clock.now().since(pulled).as_millis());
        rig.vivid.plug(Plugged::P1080);
        let plugged = rig.clock.now();
        rig.format();
        rig.picture();
        let took = rig.clock.now().since(plugged);
        println!("a picture {} ms after the signal", took.as_millis());
        assert!(took < BACK_MAX, "{took:?}");
    }
}

#[test]
fn a_device_without_a_signal_is_no_failure_and_waits_for_one() {
    let Some(mut rig) = Rig::new(Plugged::Nothing, None) else { return };
    assert_eq!(rig.lost(), NoSignal::Nothing);
    // Longer than the ladder would wait for a picture.
    let until = rig.clock.now().plus(Duration::from_secs(4));
    while rig.clock.now() < until {
        let event = hal::capture::Capture::next(&mut rig.device, Duration::from_millis(100));
        assert!(matches!(event, hal::capture::Event::Nothing), "{event:?}");
    }
    rig.vivid.plug(Plugged::P720);
    let format = rig.format();
    assert_eq!(format.to_string(), "720p50 as NV12");
    rig.picture();
}

#[test]
fn another_format_is_followed_and_pictures_of_the_old_one_stay_readable() {
    let Some(mut rig) = Rig::new(Plugged::P1080, None) else { return };
    let format = rig.format();
    assert_eq!((format.to_string().as_str(), format.rate), ("1080p50 as NV12", Some(Rate(50_000))));
    let old = rig.picture();
    rig.vivid.plug(Plugged::P720);
    let changed = rig.clock.now();
    assert_eq!(rig.format().to_string(), "720p50 as NV12");
    let new = rig.picture();
    println!("a picture of another size after {} ms", rig.clock.now().since(changed).as_millis());
    assert_eq!((old.surface.size().height, new.surface.size().height), (1080, 720));
    assert!(new.surface.pts() > old.surface.pts());
    let pixels = old.surface.download().expect("its memory is ours until we drop it");
    assert_eq!(pixels.planes[0].data.len(), 1920 * 1080);
    assert!(pixels.planes[0].data.iter().any(|pixel| *pixel > 16));
}

#[test]
fn halves_of_pictures_are_refused_with_what_to_do() {
    let Some(mut rig) = Rig::new(Plugged::I1080, None) else { return };
    let (first, reason) = rig.stalled();
    assert!(reason.contains("halves of an interlaced picture apart"), "{reason}");
    assert!(reason.contains("set the camera to progressive"), "{reason}");
    // No reset, which would take down what else hangs on the card, mends a setting.
    assert_eq!((first, rig.stalled().0), (Repair::Restart, Repair::Reopen));
    let reason = rig.given_up();
    assert!(reason.contains("set the camera to progressive"), "{reason}");
    rig.vivid.plug(Plugged::P720);
    rig.picture();
}

#[test]
fn a_list_of_devices_says_what_is_plugged_in() {
    let Some(rig) = Rig::new(Plugged::P1080, None) else { return };
    let file = device_file().expect("it was there");
    let state = || {
        let found = v4l2::list::all("/sys".as_ref(), "/dev".as_ref());
        let card = found.into_iter().find(|found| found.file == file).expect("it is listed").card;
        card.expect("it captures")
    };
    let card = state();
    let State::Present(Some(timings)) = card.signal else { panic!("{:?}", card.signal) };
    assert_eq!(timings.to_string(), "1080p50");
    assert_eq!((card.inputs.len(), card.inputs[0].is_current), (1, true));
    assert!(card.inputs[0].name.starts_with("HDMI"), "{:?}", card.inputs);
    let usable: Vec<&str> =
        card.layouts.iter().filter(|l| l.is_usable).map(|l| l.code.as_str()).collect();
    assert_eq!(usable, ["YUYV", "UYVY", "NV12"]);
    rig.vivid.plug(Plugged::Nothing);
    assert_eq!(state().signal, State::Lost(NoSignal::Nothing));
}
