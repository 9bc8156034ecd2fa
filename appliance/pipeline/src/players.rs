//! The people in a source's picture: looked for about twice a second.
//!
//! Owns when the players lane looks and what becomes of what it saw. It looks at a frame after
//! that frame was reported: no event waits for it, and the next frame waits for one look at most.
//! Must not know what anybody does with the people.

use std::time::Duration;

use governor::OperatingPoint;
use hal::Clock;
use models::LaneError;
use models::colour::Colour;
use models::lanes::players::{PlayersLane, PlayersReading};
use models::manifest::Lane;
use thiserror::Error;
use wire::time::{MediaSpan, MediaTime};
use wire::units::PictureSize;

use crate::inference::InferenceStage;
use crate::links::Arrival;
use crate::source::{Frame, SourceLinks};

/// Between two looks. Somebody who runs moves by three metres meanwhile.
const EVERY: MediaSpan = MediaSpan::from_millis(500);
/// The pause after a look is at least so many times as long as the look, so that the lane never
/// takes more than 6 % of the time of its thread from the lanes that make events. 31 ms a look
/// leave it at two a second.
const PAUSE: i64 = 16;

/// Who was in one picture of a source.
#[derive(Clone, Debug, PartialEq)]
pub struct PlayersReport {
    /// The picture.
    pub at: MediaTime,
    /// When its last byte had arrived.
    pub arrived: Arrival,
    /// Its size.
    pub size: PictureSize,
    /// Who, in the picture's pixels.
    pub seen: PlayersReading,
}

/// Looks for the people of a source, if there is a pack for it.
#[derive(Default)]
pub struct Players {
    lane: Option<PlayersLane>,
    /// The last picture that was looked at.
    last: Option<MediaTime>,
    /// Media time from there to the next one.
    pause: MediaSpan,
}

/// Why a look gave nothing.
#[derive(Debug, Error)]
enum LookError {
    #[error(transparent)]
    Download(#[from] hal::surface::DownloadError),
    #[error("people not looked for: {0}")]
    Plane(#[from] models::picture::PlaneError),
    #[error(transparent)]
    Lane(#[from] LaneError),
}

impl Players {
    /// Looks with this lane; without one, nobody is ever looked for.
    pub fn new(lane: Option<PlayersLane>) -> Self {
        Self { lane, ..Self::default() }
    }

    fn is_due(&self, at: MediaTime) -> bool {
        // Time that falls is another stream's.
        let due = |last: MediaTime| at < last || at.since(last).0 >= self.pause.0;
        self.lane.is_some() && self.last.is_none_or(due)
    }

    /// Remembers a look that took so long.
    fn looked(&mut self, at: MediaTime, took: Duration) {
        let took = MediaSpan::from_millis(took.as_millis() as i64);
        self.last = Some(at);
        self.pause = MediaSpan(EVERY.0.max(PAUSE * took.0));
    }

    fn look(&mut self, frame: &Frame) -> Result<Option<PlayersReading>, LookError> {
        let Some(lane) = &mut self.lane else { return Ok(None) };
        let picture = frame.surface.download()?;
        Ok(Some(lane.see(Colour::of(&picture)?)?))
    }
}

impl<C: Clock> InferenceStage<C> {
    /// Looks for people in a frame that was reported, if it is time. Not on the governor's lowest
    /// rung: what is left of a box that is too hot or too busy belongs to the game.
    pub(crate) fn look_for_players(
        &mut self,
        (number, frame): (usize, &Frame),
        point: OperatingPoint,
        complain: &impl Fn(&str),
    ) {
        let (links, lanes) = &mut self.sources[number];
        let at = frame.surface.pts();
        let spared = point == OperatingPoint::SMALLEST || !self.fitness.serves(Lane::Players);
        if spared || !lanes.players.is_due(at) {
            return;
        }
        let began = self.clock.now();
        let seen = lanes.players.look(frame);
        let took = self.clock.now().since(began);
        lanes.players.looked(at, took);
        let took_us = took.as_micros() as u64;
        self.health.busy_us.add(took_us);
        self.health.players_us.add(took_us);
        match seen {
            Ok(Some(seen)) => {
                let (arrived, size) = (frame.arrived, frame.surface.size());
                put(links, PlayersReport { at, arrived, size, seen });
            }
            Ok(None) => {}
            Err(LookError::Lane(error)) => self.judge(vec![(Lane::Players, error)], complain),
            Err(error @ (LookError::Download(_) | LookError::Plane(_))) => {
                self.health.unreadable.count();
                complain(&error.to_string());
            }
        }
    }
}

/// The newest report replaces the one before, which is dropped outside the link's lock.
fn put(links: &SourceLinks, report: PlayersReport) {
    links.counters.players_looks.count();
    let stale = links.players.try_take();
    links.players.signal(report);
    if stale.is_some() {
        links.counters.players_superseded.count();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pause_grows_with_what_a_look_takes() {
        let pause = |ms| {
            let mut players = Players::default();
            players.looked(MediaTime(0), Duration::from_millis(ms));
            players.pause
        };
        assert_eq!(pause(3), EVERY);
        assert_eq!(pause(31), EVERY);
        assert_eq!(pause(200), MediaSpan::from_millis(3_200));
    }
}
