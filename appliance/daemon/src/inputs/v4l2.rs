//! A capture device: its pictures go to inference at once, and through an encoder to the recorder.
//!
//! Owns the two threads and what people are told. The device goes on by itself whatever happens to
//! it (`hw/v4l2`), and so do the stages ([`pipeline::captured`]); so this ends with the box alone.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_lite::future::{self, block_on};
use hal::Clock;
use hal::capture::Capture;
use pipeline::captured::encode::{EncodeStage, encode};
use pipeline::captured::{CaptureStage, Happening, PictureItem, capture};
use pipeline::feeder::Feeder;
use pipeline::source_clock::Pacing;
use tokio::task::JoinHandle;
use tracing::{error, info, warn};
use wire::ids::Name;

use super::{Outlet, Presence, Stop, Tell};
use crate::clock::SystemClock;
use crate::config::Card;
use crate::drivers::Software;
use crate::stages::{Tap, spawn};

/// How often it is looked whether a stage that is to end has died instead.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Starts the shell of a capture device.
pub(super) fn start(
    outlet: Outlet,
    stop: &Stop,
    (card, clock): (Card, &Arc<SystemClock>),
) -> JoinHandle<Feeder<SystemClock>> {
    let (clock, stop) = (Arc::clone(clock), stop.clone());
    tokio::task::spawn_blocking(move || {
        let wanted = v4l2::Wanted {
            file: PathBuf::from(&card.device),
            input: card.input.clone(),
            pixels: card.pixels,
            size: card.size,
            rate: card.rate,
        };
        let device = Box::new(v4l2::Device::new(wanted, Arc::clone(&clock)));
        serve(outlet, &stop, (device, card.bitrate, clock))
    })
}

/// Captures from a device until the box stops.
pub(super) fn serve(
    outlet: Outlet,
    stop: &Stop,
    (device, bitrate, clock): (
        Box<dyn Capture>,
        Option<hal::encode::BitsPerSecond>,
        Arc<SystemClock>,
    ),
) -> Feeder<SystemClock> {
    let Outlet { source, mut feeder, tell, tap: Tap { links, frame_waits }, .. } = outlet;
    // The kernel stamps its pictures by the box's own clock.
    feeder.pace(Pacing::Box);
    let name = source.clone();
    let encoding = EncodeStage {
        clock: Arc::clone(&clock),
        encoders: Arc::new(Software),
        links: Arc::clone(&links),
        feeder,
        bitrate,
        complain: Box::new(move |error| warn!(source = name.as_str(), "{error}")),
    };
    let thread = spawn(&format!("encode-{source}"), move || block_on(encode(encoding)));
    let encoder = match thread {
        Ok(thread) => thread,
        // At the start of the box: systemd starts it anew.
        Err(error) => panic!("source {source}: {error:#}"),
    };
    let teller = Teller { source, tell };
    let stage = CaptureStage {
        clock: Arc::clone(&clock),
        device,
        links: Arc::clone(&links),
        frame_waits,
        tell: Box::new(move |happening| teller.hear(happening)),
    };
    capture(stage, || stop.is_set());
    // Nobody receives any more if the encoder's thread died; then its panic is passed on below.
    let told = async { links.pictures.send(PictureItem::Shutdown).await };
    let died = async {
        while !encoder.is_finished() {
            clock.sleep_until(clock.now().plus(LOOK_EVERY)).await;
        }
    };
    block_on(future::or(told, died));
    encoder.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Tells people what a device does: everything in the log, and what they must know as a notice.
struct Teller {
    source: Name,
    tell: Tell,
}

impl Teller {
    fn hear(&self, happening: Happening) {
        let source = self.source.as_str();
        match happening {
            Happening::Comes(format) => {
                info!(source, "captures {format}");
                (self.tell)(Presence::Up { from: format!("captured {format}") });
            }
            Happening::Lost(reason) => {
                warn!(source, "{reason}");
                (self.tell)(Presence::Down { reason });
            }
            Happening::Repaired(repair, reason) => warn!(source, "{reason}: {repair}"),
            Happening::GivenUp(reason) => {
                error!(source, "{reason}");
                (self.tell)(Presence::Down { reason });
            }
        }
    }
}
