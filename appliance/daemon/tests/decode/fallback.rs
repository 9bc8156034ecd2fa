//! Hardware that is not there, cannot decode a stream, or dies: software takes over, and says so.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use courtside::drivers::{Choice, Driver, Drivers, Found, Hardware, Missing};
use hal::decode::{DecodeError, DecodeVideo, Packet, VideoConfig};
use hal::surface::{Surface, SurfacePool};

use crate::stage::{film, play};

const NVCODEC: Choice = Choice::Only(Driver::Nvcodec);

/// Decodes as libav does, until it has had so many access units.
struct Mortal {
    decoder: libav::video::Decoder,
    left: u32,
}

impl DecodeVideo for Mortal {
    fn decode(
        &mut self,
        packet: Packet<'_>,
        deliver: &mut dyn FnMut(Surface),
    ) -> Result<(), DecodeError> {
        self.left = self.left.checked_sub(1).ok_or_else(|| DecodeError::Failed {
            decoder: "mortal",
            reason: "cuvidDecodePicture answered an error without a name (719)".into(),
        })?;
        self.decoder.decode(packet, deliver)
    }

    fn drain(&mut self, deliver: &mut dyn FnMut(Surface)) -> Result<(), DecodeError> {
        self.decoder.drain(deliver)
    }

    fn name(&self) -> &str {
        "mortal h264"
    }
}

/// Hardware that calls everything corrupt.
struct Blind;

impl Hardware for Blind {
    fn open(
        &self,
        _config: &VideoConfig,
        _pool: SurfacePool,
    ) -> Result<Box<dyn DecodeVideo>, DecodeError> {
        Ok(Box::new(Self))
    }
}

impl DecodeVideo for Blind {
    fn decode(
        &mut self,
        packet: Packet<'_>,
        _deliver: &mut dyn FnMut(Surface),
    ) -> Result<(), DecodeError> {
        Err(DecodeError::Corrupt { pts: packet.pts, reason: "I see nothing".into() })
    }

    fn drain(&mut self, _deliver: &mut dyn FnMut(Surface)) -> Result<(), DecodeError> {
        Ok(())
    }

    fn name(&self) -> &str {
        "blind"
    }
}

/// Hardware whose decoders live for so many access units; `None`: it opens none.
struct Engine {
    life: Option<u32>,
    opened: AtomicU32,
}

impl Hardware for Engine {
    fn open(
        &self,
        config: &VideoConfig,
        pool: SurfacePool,
    ) -> Result<Box<dyn DecodeVideo>, DecodeError> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        let refused = || DecodeError::Failed { decoder: "mortal", reason: "no room".into() };
        let left = self.life.ok_or_else(refused)?;
        Ok(Box::new(Mortal { decoder: libav::video::Decoder::open(config, pool)?, left }))
    }
}

fn engine(life: Option<u32>) -> Arc<Engine> {
    Arc::new(Engine { life, opened: AtomicU32::new(0) })
}

/// Decoders of a source, and what they tell.
fn drivers(
    choice: Choice,
    nvcodec: Result<Arc<dyn Hardware>, Missing>,
) -> (Arc<Drivers>, Arc<Mutex<Vec<String>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = {
        let told = Arc::clone(&told);
        Box::new(move |text: &str| told.lock().expect("no panic").push(text.to_owned()))
    };
    let source = "court-1".parse().expect("a name");
    (Arc::new(Drivers::new(source, choice, Found::with(nvcodec), tell)), told)
}

fn told(told: &Mutex<Vec<String>>) -> Vec<String> {
    told.lock().expect("no panic").clone()
}

#[test]
fn hardware_that_works_is_used_and_nothing_is_told() {
    for choice in [Choice::Auto, NVCODEC] {
        let engine = engine(Some(1_000));
        let (drivers, notices) = drivers(choice, Ok(engine.clone()));
        let played = play(drivers, film((320, 180), 0, 60).items());
        assert_eq!(played.frames.len(), 60);
        assert_eq!(played.links.decoder.get().as_deref(), Some("mortal h264"));
        assert_eq!((told(&notices), engine.opened.load(Ordering::Relaxed)), (vec![], 1));
    }
}

#[test]
fn software_by_choice_leaves_the_hardware_alone() {
    let engine = engine(Some(1_000));
    let (drivers, notices) = drivers(Choice::Only(Driver::Libav), Ok(engine.clone()));
    let played = play(drivers, film((320, 180), 0, 10).items());
    assert_eq!(played.links.decoder.get().as_deref(), Some("libavcodec h264"));
    assert_eq!((told(&notices), engine.opened.load(Ordering::Relaxed)), (vec![], 0));
}

#[test]
fn hardware_that_is_not_there_is_an_alert_where_it_was_wished_for_by_name() {
    for (choice, missing, expected) in [
        (NVCODEC, Missing::Absent("libcuda.so.1 is not there".into()), "libcuda.so.1"),
        (NVCODEC, Missing::NotBuilt, "--features nvidia"),
        (Choice::Auto, Missing::NotBuilt, ""),
    ] {
        let (drivers, notices) = drivers(choice, Err(missing));
        let mut items = film((320, 180), 0, 30).items();
        items.extend(film((640, 360), 30, 30).items());
        let played = play(drivers, items);
        assert_eq!(played.frames.len(), 60);
        assert_eq!(played.links.decoder.get().as_deref(), Some("libavcodec h264"));
        let notices = told(&notices);
        if choice == Choice::Auto {
            assert_eq!(notices, [] as [String; 0]);
        } else {
            assert_eq!(notices.len(), 1, "once: {notices:?}");
            assert!(notices[0].starts_with("software decodes and not nvcodec: "), "{notices:?}");
            assert!(notices[0].contains(expected), "{notices:?}");
        }
    }
}

#[test]
fn hardware_that_cannot_open_a_decoder_costs_no_picture_and_is_an_alert_always() {
    for choice in [Choice::Auto, NVCODEC] {
        let (drivers, notices) = drivers(choice, Ok(engine(None)));
        let played = play(drivers, film((320, 180), 0, 60).items());
        assert_eq!(played.frames.len(), 60);
        let notices = told(&notices);
        assert_eq!(notices.len(), 1, "{notices:?}");
        assert!(notices[0].contains("no room"), "{notices:?}");
    }
}

#[test]
fn hardware_that_dies_is_replaced_at_the_next_keyframe_counted_and_told() {
    let engine = engine(Some(20));
    let (drivers, notices) = drivers(Choice::Auto, Ok(engine.clone()));
    let mut items = film((320, 180), 0, 120).items();
    // Another stream may be one that it decodes: it gets its chance again.
    items.extend(film((640, 360), 120, 10).items());
    let played = play(drivers, items);
    let expected: Vec<i64> = (0..20).chain(50..130).collect();
    assert_eq!(played.times(), expected);
    let counters = &played.links.counters;
    assert_eq!((counters.decoders_failed.get(), counters.frames_corrupt.get()), (1, 1));
    assert_eq!(counters.units_dropped.get(), 29);
    assert_eq!(played.links.decoder.get().as_deref(), Some("mortal h264"));
    assert_eq!(engine.opened.load(Ordering::Relaxed), 2);
    let notices = told(&notices);
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert!(notices[0].contains("719"), "{notices:?}");
}

#[test]
fn hardware_that_calls_everything_corrupt_is_replaced_after_five_keyframes() {
    let (drivers, notices) = drivers(Choice::Auto, Ok(Arc::new(Blind)));
    let played = play(drivers, film((320, 180), 0, 300).items());
    assert_eq!(played.times(), (250..300).collect::<Vec<_>>());
    let counters = &played.links.counters;
    assert_eq!((counters.frames_corrupt.get(), counters.decoders_failed.get()), (5, 1));
    assert_eq!(played.links.decoder.get().as_deref(), Some("libavcodec h264"));
    let notices = told(&notices);
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert!(notices[0].contains("5 keyframes gave no picture"), "{notices:?}");
}
