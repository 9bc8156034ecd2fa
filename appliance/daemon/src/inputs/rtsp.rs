//! RTSP: a camera is called, and called again after whatever happened to it.
//!
//! Owns how often, what of it is told, and how a camera's silence is noticed. Speaks no RTSP and
//! reads no packet (`retina` does, see `call`), judges no frame (`ingest::rtp`).

mod call;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_lite::FutureExt;
use hal::Clock;
use ingest::elementary::{Output, StreamError};
use ingest::limits::Limits;
use ingest::rtp::Assembly;
use tracing::{info, warn};
use wire::codec::VideoCodec;

use self::call::{Answer, Came, Refusal};
use super::{Outlet, Presence, Stop};
use crate::clock::SystemClock;
use crate::config::Camera;

/// Between the end of a call and the next one: first, and at most.
const AGAIN_AFTER: Duration = Duration::from_millis(500);
const AGAIN_AFTER_MAX: Duration = Duration::from_secs(2);
/// After a name or password that the camera does not take: many lock themselves after a few.
const STRANGER_AFTER: Duration = Duration::from_secs(30);
/// From the call to the beginning of the stream. A camera answers within a second; a deadline above
/// that for its whole answer finds one that is back within five seconds.
const ANSWER_MAX: Duration = Duration::from_secs(4);

/// Why a call is over.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("the box stops")]
    Stopped,
    #[error("{0}")]
    Refused(#[from] Refusal),
    #[error(
        "the camera did not answer within {} s; look at its power, its network and `url`",
        ANSWER_MAX.as_secs()
    )]
    NoAnswer,
    #[error("it sent nothing for {} s", .0.as_secs())]
    Silent(Duration),
    #[error("{0}")]
    Media(#[from] StreamError),
    /// The crate panicked. No other source may notice.
    #[error("its stream is one that the box's RTSP client fails at; report this camera's model")]
    Broken,
}

/// Takes a camera's stream until the box stops; calls again whenever it ends.
pub(super) async fn serve(
    outlet: &mut Outlet,
    camera: &Camera,
    clock: &Arc<SystemClock>,
    stop: &mut Stop,
) {
    let (mut pause, mut told) = (AGAIN_AFTER, String::new());
    loop {
        let mut service = Service::new(outlet, camera, clock);
        let ended = tokio::select! {
            ended = service.take() => ended,
            () = stop.wait() => Ended::Stopped,
        };
        let (came, reason) = (service.came, ended.to_string());
        if came {
            outlet.feeder.end().await;
            (outlet.tell)(Presence::Down { reason: format!("camera gone: {reason}") });
            (pause, told) = (AGAIN_AFTER, String::new());
        }
        // The same once is enough: a camera may be away for days.
        if reason != told && !matches!(ended, Ended::Stopped) {
            let word = if came { "camera gone: " } else { "" };
            warn!(source = outlet.source.as_str(), "{word}{reason}");
            told = if came { String::new() } else { reason };
        }
        let after = match ended {
            Ended::Stopped => return,
            Ended::Refused(Refusal::Stranger | Refusal::Nameless) => STRANGER_AFTER,
            Ended::Refused(_)
            | Ended::NoAnswer
            | Ended::Silent(_)
            | Ended::Media(_)
            | Ended::Broken => {
                let after = pause;
                pause = (2 * pause).min(AGAIN_AFTER_MAX);
                after
            }
        };
        tokio::select! {
            () = clock.sleep_until(clock.now().plus(after)) => {}
            () = stop.wait() => return,
        }
    }
}

/// What the crate says, or that it panicked. What it holds is dropped then, and never used again.
async fn guarded<T>(saying: impl Future<Output = Result<T, Refusal>>) -> Result<T, Ended> {
    match AssertUnwindSafe(saying).catch_unwind().await {
        Ok(said) => Ok(said?),
        Err(_panic) => Err(Ended::Broken),
    }
}

/// One call, from its beginning to its end.
struct Service<'a> {
    outlet: &'a mut Outlet,
    camera: &'a Camera,
    clock: &'a Arc<SystemClock>,
    assembly: Assembly,
    /// Media came.
    came: bool,
    /// The camera's sound cannot be taken.
    deaf: bool,
}

impl<'a> Service<'a> {
    fn new(outlet: &'a mut Outlet, camera: &'a Camera, clock: &'a Arc<SystemClock>) -> Self {
        let assembly = Assembly::new(Limits::default());
        Self { outlet, camera, clock, assembly, came: false, deaf: false }
    }

    async fn take(&mut self) -> Ended {
        match self.try_take().await {
            Ok(never) => match never {},
            Err(ended) => ended,
        }
    }

    async fn try_take(&mut self) -> Result<std::convert::Infallible, Ended> {
        let deadline = self.clock.now().plus(ANSWER_MAX);
        let answer = tokio::select! {
            answer = guarded(call::camera(self.camera)) => answer?,
            () = self.clock.sleep_until(deadline) => return Err(Ended::NoAnswer),
        };
        let Answer { mut stream, codec, peer, sound_refused } = answer;
        self.outlet.feeder.start_stream();
        let source = self.outlet.source.as_str();
        match sound_refused {
            Some(codec) => info!(
                source,
                peer,
                "camera answered; its sound is in {codec}, which is not taken: \
                 set the camera to AAC to have it"
            ),
            None => info!(source, peer, "camera answered"),
        }
        // What counts is pictures: a camera whose encoder hangs may go on sending sound.
        let mut seen = self.clock.now();
        loop {
            let silence = self.camera.idle_timeout;
            let came = tokio::select! {
                came = guarded(stream.next(self.clock)) => came?,
                () = self.clock.sleep_until(seen.plus(silence)) => {
                    return Err(Ended::Silent(silence));
                }
            };
            if let Came::Picture { .. } = &came {
                seen = self.clock.now();
            }
            let handled = self.handle(came, codec);
            self.hand_out(&peer).await;
            handled?;
        }
    }

    fn handle(&mut self, came: Came, codec: VideoCodec) -> Result<(), StreamError> {
        match came {
            Came::Picture { frame, record } => {
                self.outlet.network.lost.add(frame.lost_packets.into());
                if let Some(record) = record {
                    self.assembly.configure_video(codec, &record)?;
                }
                self.assembly.handle(frame)
            }
            Came::Sound { frame, record } => {
                self.outlet.network.lost.add(frame.lost_packets.into());
                if let Some(Err(error)) = record.map(|sound| self.assembly.configure_audio(sound)) {
                    let source = self.outlet.source.as_str();
                    warn!(source, "{error}; the pictures are taken without sound");
                    self.deaf = true;
                }
                if self.deaf { Ok(()) } else { self.assembly.handle(frame) }
            }
        }
    }

    async fn hand_out(&mut self, peer: &str) {
        while let Some(output) = self.assembly.next_output() {
            match output {
                Output::Discontinuity => self.outlet.feeder.start_epoch(),
                Output::Item(item) => {
                    if !std::mem::replace(&mut self.came, true) {
                        (self.outlet.tell)(Presence::Up { from: format!("camera {peer}") });
                    }
                    self.outlet.feeder.feed(item).await;
                }
            }
        }
        self.outlet.feeder.note(self.assembly.counters());
    }
}
