//! What each verb does.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use outbox::Wish;
use wire::command::{DuringPlay, Verb};
use wire::time::Monotonic;

use super::Restart;
use super::judge::Order;
use crate::govern::request;
use crate::uplink::{Handle, Tempo};

/// If a command does not say for how long.
const WATCH_S: u32 = 600;
const CLIPS_S: u32 = 3_600;

/// What commands can move.
#[derive(Clone, Debug)]
pub struct Means {
    /// Where the governor looks for the technician's button.
    pub data_dir: PathBuf,
    /// Stops the box and starts it again.
    pub restart: Restart,
    /// Until when counters come every two seconds.
    pub watched: Watched,
}

/// Until when somebody watches the counters.
#[derive(Clone, Debug, Default)]
pub struct Watched(Arc<AtomicU64>);

impl Watched {
    /// Whether somebody watches at `now`.
    pub fn at(&self, now: Monotonic) -> bool {
        now.0 < self.0.load(Ordering::Relaxed)
    }

    fn until(&self, at: Monotonic) {
        self.0.store(at.0, Ordering::Relaxed);
    }
}

impl Means {
    /// Does it; returns what to tell, or why it is not done.
    pub(super) fn perform(
        &self,
        order: &Order,
        uplink: &Handle,
        now: Monotonic,
    ) -> Result<String, String> {
        let seconds = |default| order.command.for_s.unwrap_or(default);
        let until = |seconds: u32| now.plus(Duration::from_secs(seconds.into()));
        match order.verb {
            Verb::Birth => uplink
                .announce()
                .map(|()| "state and info are published again".to_owned())
                .map_err(|busy| busy.to_string()),
            Verb::Sprint => request::leave(&self.data_dir)
                .map(|()| {
                    "the governor is asked to look closely for a minute, as far as heat and supply \
                     allow; tel/pipeline tells whether it does"
                        .to_owned()
                })
                .map_err(|error| format!("the governor cannot be asked: {error}")),
            Verb::Watch => {
                let seconds = seconds(WATCH_S);
                self.watched.until(until(seconds));
                Ok(format!("counters come every 2 s for {seconds} s"))
            }
            Verb::HoldClips => {
                let seconds = seconds(CLIPS_S);
                uplink.wish(Wish::Hold, until(seconds));
                Ok(format!("no clip is uploaded for {seconds} s, or until the box starts again"))
            }
            Verb::SendClips => {
                let seconds = seconds(CLIPS_S);
                uplink.wish(Wish::Send, until(seconds));
                Ok(format!("clips are uploaded at any hour and during play for {seconds} s"))
            }
            Verb::Restart => match (uplink.tempo(), order.command.during_play) {
                (Tempo::Live, None | Some(DuringPlay::Refuse)) => Err(
                    "a game is or may be on, less than five minutes after the last picture; wait, \
                     or ask with \"during_play\": \"allow\""
                        .to_owned(),
                ),
                (Tempo::Idle, _) | (Tempo::Live, Some(DuringPlay::Allow)) => {
                    Ok("the box stops in order and starts again".to_owned())
                }
            },
        }
    }

    /// What a verb does once its answer is on its way.
    pub(super) fn after(&self, verb: Verb) {
        match verb {
            Verb::Restart => self.restart.ask(),
            Verb::Birth | Verb::Sprint | Verb::Watch | Verb::HoldClips | Verb::SendClips => {}
        }
    }
}
