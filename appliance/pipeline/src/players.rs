//! The people in a source's picture: looked for about twice a second.
//!
//! Owns when the players lane looks and what becomes of what it saw. It looks at a frame after
//! that frame was reported: no event waits for it, and the next frame waits for one look at most.
//! A look that is asked elsewhere ([`crate::remote`]) keeps no frame waiting.
//! Must not know what anybody does with the people.

use std::time::Duration;

use governor::{OperatingPoint, Shed};
use hal::Clock;
use models::LaneError;
use models::colour::Colour;
use models::lanes::players::{PlayersLane, PlayersReading, View};
use models::manifest::Lane;
use thiserror::Error;
use wire::time::{MediaSpan, MediaTime, Monotonic};
use wire::units::PictureSize;

use crate::inference::InferenceStage;
use crate::links::Arrival;
use crate::remote::{By, Line, Outcome};
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
    /// What that look has taken of the thread's time so far.
    took: Duration,
    /// Media time from there to the next one.
    pause: MediaSpan,
    /// The way to the server that answers looks, if the lane is served elsewhere.
    line: Option<Line>,
    /// The look that it was asked about. Its picture is still the lane's input.
    asked: Option<Look>,
}

/// A picture that the lane has prepared.
struct Look {
    view: View,
    at: MediaTime,
    arrived: Arrival,
    size: PictureSize,
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

    /// Asks the server at the end of this line first, from the next look on.
    pub fn ask(&mut self, line: Line) {
        self.line = Some(line);
    }

    /// Looks with another lane from now on.
    pub(crate) fn renew(&mut self, lane: PlayersLane) {
        let mut line = self.line.take();
        if let Some(line) = &mut line {
            line.renewed();
        }
        *self = Self { lane: Some(lane), line, ..Self::default() };
    }

    fn is_due(&self, at: MediaTime) -> bool {
        // Time that falls is another stream's.
        let due = |last: MediaTime| at < last || at.since(last).0 >= self.pause.0;
        self.lane.is_some() && self.last.is_none_or(due)
    }

    /// The look has taken so much more of the thread's time.
    fn worked(&mut self, took: Duration) {
        self.took += took;
        let took = MediaSpan::from_millis(self.took.as_millis() as i64);
        self.pause = MediaSpan(EVERY.0.max(PAUSE * took.0));
    }

    /// What is under way is of no use any more.
    fn rest(&mut self) {
        self.asked = None;
        if let Some(line) = &mut self.line {
            line.abandon();
        }
    }

    /// Looks at a frame, or asks for somebody else's look.
    fn look(&mut self, frame: &Frame, now: Monotonic) -> Result<Option<PlayersReport>, LookError> {
        let (at, arrived, size) = (frame.surface.pts(), frame.arrived, frame.surface.size());
        (self.last, self.took) = (Some(at), Duration::ZERO);
        let Some(lane) = &mut self.lane else { return Ok(None) };
        let picture = frame.surface.download()?;
        let look = Look { view: lane.prepare(Colour::of(&picture)?), at, arrived, size };
        let by = self.line.as_mut().map_or(By::Here, |line| {
            line.look(now, || lane.input().clone(), || lane.signature().clone())
        });
        match by {
            By::Server => {
                self.asked = Some(look);
                Ok(None)
            }
            By::Here => Ok(Some(look.seen(lane.run(look.view)?))),
        }
    }

    /// Sees to a look that the server was asked about.
    fn collect(&mut self, look: Look, now: Monotonic) -> Result<Option<PlayersReport>, LookError> {
        let (Some(lane), Some(line)) = (&mut self.lane, &mut self.line) else { return Ok(None) };
        Ok(match line.outcome(now) {
            Outcome::Waiting => {
                self.asked = Some(look);
                None
            }
            Outcome::Answered(answer) => Some(look.seen(lane.read(look.view, &answer))),
            Outcome::Here => Some(look.seen(lane.run(look.view)?)),
        })
    }
}

impl Look {
    fn seen(&self, seen: PlayersReading) -> PlayersReport {
        PlayersReport { at: self.at, arrived: self.arrived, size: self.size, seen }
    }
}

impl<C: Clock> InferenceStage<C> {
    /// Looks for people in a frame that was reported, if it is time, and sees to the look that was
    /// asked elsewhere. Not while that is shed: what is left of a box that is too hot or too busy
    /// belongs to the game.
    pub(crate) fn look_for_players(
        &mut self,
        (number, frame): (usize, &Frame),
        point: OperatingPoint,
        complain: &impl Fn(&str),
    ) {
        let (links, lanes) = &mut self.sources[number];
        let players = &mut lanes.players;
        let began = self.clock.now();
        if let Some(line) = &mut players.line {
            line.picture(began);
        }
        let is_wanted = match point.shed {
            Shed::Nothing => self.fitness.serves(Lane::Players),
            Shed::Players | Shed::Board | Shed::Search => false,
        };
        if !is_wanted {
            return players.rest();
        }
        let seen = match players.asked.take() {
            Some(look) => players.collect(look, began),
            None if players.is_due(frame.surface.pts()) => players.look(frame, began),
            None => return,
        };
        let took = self.clock.now().since(began);
        players.worked(took);
        let took_us = took.as_micros() as u64;
        self.health.busy_us.add(took_us);
        self.health.players_us.add(took_us);
        match seen {
            Ok(Some(report)) => put(links, report),
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
            players.worked(Duration::from_millis(ms));
            players.pause
        };
        assert_eq!(pause(3), EVERY);
        assert_eq!(pause(31), EVERY);
        assert_eq!(pause(200), MediaSpan::from_millis(3_200));
    }
}
