//! One hoop: collects evidence, proposes an event as soon as it is likely, and settles it once
//! the rim lane has said all it can.
//!
//! ```text
//!           likely enough for its look-ahead          look-ahead of `settle_after`: confirm, retract
//!   Quiet ───────────────────────────────────► Open ────────────────────────────────────► Settled
//!     ▲                                          │ the other way round, not too late        ▲  │
//!     │                                          └──► Turned ──propose──► Replaced ──confirm──┘  │
//!     └──────────────────────────── `apart` has passed since the moment ─────────────────────────┘
//! ```

use heapless::Vec;
use wire::event::{CUES_MAX, Cue, CueKind, EventKind, Stage};
use wire::time::{MediaInterval, MediaSpan, MediaTime};
use wire::units::Permille;

use crate::odds::{logistic, logit};
use crate::shot::Shot;
use crate::slots::{SLOT, Slots};
use crate::{Ball, HoopView, Profile, Verdict};

/// Evidence from outside this hoop.
#[derive(Clone, Copy, Debug)]
pub struct OtherCues {
    /// The crowd became louder near now.
    pub crowd_swell: bool,
}

/// A moment at which a shot seems to have ended.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Moment {
    at: MediaTime,
    /// Probability that a shot ended here, all cues together.
    probability: f32,
    made: bool,
    /// Probability of `made` being as it is.
    kind_probability: f32,
    rim_log_odds: f32,
    ball_log_odds: f32,
    crowd_log_odds: f32,
}

impl Moment {
    /// The same moment as the kind that was told of it, however likely that is by now.
    fn as_told(self, told: &Self) -> Self {
        let same = told.made == self.made;
        let kind_probability =
            if same { self.kind_probability } else { 1.0 - self.kind_probability };
        Self { made: told.made, kind_probability, ..self }
    }
}

/// A verdict without the parts that only [`crate::Fusion`] knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// `None`: a new event.
    pub(crate) number: Option<u32>,
    revision: u8,
    stage: Stage,
    moment: Moment,
    interval: MediaInterval,
}

#[derive(Clone, Debug, Default)]
enum State {
    #[default]
    Quiet,
    Open {
        number: u32,
        revision: u8,
        moment: Moment,
        interval: MediaInterval,
    },
    /// An event was retracted because the other outcome happened.
    Turned {
        moment: Moment,
        interval: MediaInterval,
    },
    /// That outcome was proposed; all evidence is in, so that it is confirmed at once.
    Replaced {
        number: u32,
        moment: Moment,
        interval: MediaInterval,
    },
    Settled {
        at: MediaTime,
    },
}

/// One hoop's evidence and state.
#[derive(Clone, Debug, Default)]
pub struct Hoop {
    slots: Slots,
    shot: Shot,
    /// When the ball's present way began, kept until the event that belongs to it is made.
    began: Option<MediaTime>,
    state: State,
    /// The moment of the last confirmed event; what lies nearer to it than `apart` belongs to it.
    last: Option<MediaTime>,
}

impl Hoop {
    /// Adds what one frame showed.
    pub(crate) fn see(&mut self, at: MediaTime, view: &HoopView<'_>, balls: &[Ball]) {
        self.shot = self.shot.step(at, view.area, balls);
        self.began = self.shot.since().or(self.began);
        if let Some(window) = view.window {
            self.slots.add(&window);
        }
    }

    /// Since when the ball is on its way around this hoop, if it is.
    pub(crate) fn ball_since(&self) -> Option<MediaTime> {
        self.shot.since()
    }

    /// What to tell now; call until it is `None`.
    pub(crate) fn decide(
        &mut self,
        now: MediaTime,
        profile: &Profile,
        cues: OtherCues,
    ) -> Option<Draft> {
        match self.state.clone() {
            State::Quiet => self.propose(now, profile, cues),
            State::Open { number, revision, moment, interval } => {
                let open = Open { number, revision, moment, interval };
                self.review((now, profile), cues, open)
            }
            State::Turned { moment, interval } => {
                self.state = State::Replaced { number: 0, moment, interval };
                let stage = Stage::Provisional;
                Some(Draft { number: None, revision: 0, stage, moment, interval })
            }
            State::Replaced { number, moment, interval } => {
                self.confirm(moment);
                let replaced = Open { number, revision: 1, moment, interval };
                Some(replaced.into_draft(Stage::Confirmed))
            }
            State::Settled { at } => {
                if now.since(at) > profile.apart {
                    self.state = State::Quiet;
                }
                None
            }
        }
    }

    /// Tells the number that the event just proposed has got.
    pub(crate) fn adopt(&mut self, given: u32) {
        if let State::Open { number, .. } | State::Replaced { number, .. } = &mut self.state {
            *number = given;
        }
    }

    /// Ends an open event as it stands, because nothing more will be known about it, and forgets
    /// the evidence.
    pub(crate) fn settle(&mut self, now: MediaTime) -> Option<(u32, Draft)> {
        self.slots.clear();
        self.shot = Shot::Away;
        self.began = None;
        let State::Open { number, revision, moment, interval } = self.state.clone() else {
            return None;
        };
        self.state = State::Settled { at: now };
        self.last = Some(moment.at);
        let open = Open { number, revision, moment, interval };
        Some((number, open.into_draft(Stage::Confirmed)))
    }

    /// Ends an open event because a replay has been on since `began`: what was told to have
    /// happened since then had happened before, and is taken back.
    pub(crate) fn settle_in_replay(
        &mut self,
        now: MediaTime,
        began: MediaTime,
    ) -> Option<(u32, Draft)> {
        let shown_again = match &self.state {
            State::Open { moment, .. } => moment.at >= began,
            State::Quiet
            | State::Turned { .. }
            | State::Replaced { .. }
            | State::Settled { .. } => false,
        };
        let (number, draft) = self.settle(now)?;
        let stage = if shown_again { Stage::Retracted } else { draft.stage };
        Some((number, Draft { stage, ..draft }))
    }

    fn propose(&mut self, now: MediaTime, profile: &Profile, cues: OtherCues) -> Option<Draft> {
        let oldest = self.after_last(now.minus(profile.settle_after), profile);
        let moment = self.strongest(oldest, now, cues)?;
        let behind = now.since(moment.at);
        let sure = moment.probability >= profile.sure && moment.kind_probability >= profile.sure;
        let needed = if sure { profile.look_ahead_sure } else { profile.look_ahead_likely };
        if moment.probability < profile.likely || behind < needed {
            return None;
        }
        let interval = self.interval(moment.at);
        self.began = None;
        self.state = State::Open { number: 0, revision: 0, moment, interval };
        Some(Draft { number: None, revision: 0, stage: Stage::Provisional, moment, interval })
    }

    fn review(
        &mut self,
        (now, profile): (MediaTime, &Profile),
        cues: OtherCues,
        open: Open,
    ) -> Option<Draft> {
        // The outcome of a roll on the rim comes later than the first guess, so the strongest
        // moment is sought anew around and after the one that was published.
        let from = self.after_last(open.moment.at.minus(MediaSpan(6 * SLOT.0)), profile);
        let latest = self.strongest(from, now, cues);
        let held = latest.filter(|moment| moment.probability >= profile.likely);
        // That it was the other way round is told while it is still news; later, the kind stands.
        let held = held.map(|moment| {
            let too_late = now.since(moment.at) > profile.turn_until;
            if too_late { moment.as_told(&open.moment) } else { moment }
        });
        let turned = held.is_some_and(|moment| {
            moment.made != open.moment.made && now.since(moment.at) >= profile.turn_after
        });
        if !turned && now.since(open.moment.at) < profile.settle_after {
            return None;
        }
        match held {
            Some(moment) if moment.made == open.moment.made => {
                self.confirm(moment);
                let at_end = Open { moment, revision: open.revision + 1, ..open };
                Some(at_end.into_draft(Stage::Confirmed))
            }
            // It happened, but the other way round: the next calls tell that kind.
            Some(moment) => {
                self.state = State::Turned { moment, interval: open.interval };
                let retracted = Open { revision: open.revision + 1, ..open };
                Some(retracted.into_draft(Stage::Retracted))
            }
            None => {
                self.state = State::Settled { at: open.moment.at };
                let retracted = Open { revision: open.revision + 1, ..open };
                Some(retracted.into_draft(Stage::Retracted))
            }
        }
    }

    fn confirm(&mut self, moment: Moment) {
        self.state = State::Settled { at: moment.at };
        self.last = Some(moment.at);
    }

    /// `from`, or where the last confirmed event ends if that is later: the evidence for one shot
    /// goes on for longer than its event is open, and is not a second one.
    fn after_last(&self, from: MediaTime, profile: &Profile) -> MediaTime {
        self.last.map_or(from, |last| from.max(last.plus(profile.apart)))
    }

    fn interval(&self, at: MediaTime) -> MediaInterval {
        // Without a sighting of the ball a shot is taken to last a second.
        let start = self.began.filter(|began| *began < at);
        let start = start.unwrap_or(at.minus(MediaSpan::from_millis(1_000)));
        MediaInterval { start, end: at.plus(SLOT) }
    }

    /// The most probable end of a shot between two times.
    fn strongest(&self, from: MediaTime, to: MediaTime, cues: OtherCues) -> Option<Moment> {
        let (first, last) = (Slots::index_of(from), Slots::index_of(to));
        let smooth = |index: i64| {
            let around = [index - 1, index, index + 1].map(|i| self.slots.mean(i));
            around.iter().map(|mean| mean.either()).sum::<f32>() / 3.0
        };
        // Later wins a tie: a ball that rolls leaves the rim when it leaves it.
        let peak = (first..=last)
            .filter(|index| self.slots.mean(*index).weight > 0.0)
            .max_by(|a, b| smooth(*a).total_cmp(&smooth(*b)).then(a.cmp(b)))?;
        let (mut made, mut missed, mut weighted, mut mass) = (0.0, 0.0, 0.0, 0.0);
        for index in peak - 2..=peak + 2 {
            let mean = self.slots.mean(index);
            made += mean.made;
            missed += mean.missed;
            mass += mean.either();
            weighted += mean.either() * (index - peak) as f32;
        }
        let offset = if mass > 0.0 { weighted / mass } else { 0.0 };
        let rim_log_odds = logit(smooth(peak));
        let ball_log_odds = self.shot.evidence_for_a_shot();
        let made_log_odds = logit(made / (made + missed).max(1e-6)) + self.shot.evidence_for_made();
        let crowd_log_odds = if cues.crowd_swell { 0.4 } else { 0.0 };
        let went_in = made_log_odds > 0.0;
        Some(Moment {
            at: self.slots.time_of(peak).plus(MediaSpan((offset * SLOT.0 as f32) as i64)),
            probability: logistic(rim_log_odds + ball_log_odds + crowd_log_odds),
            made: went_in,
            kind_probability: logistic(if went_in { made_log_odds } else { -made_log_odds }),
            rim_log_odds,
            ball_log_odds,
            crowd_log_odds,
        })
    }
}

/// A published event that is not settled.
struct Open {
    number: u32,
    revision: u8,
    moment: Moment,
    interval: MediaInterval,
}

impl Open {
    fn into_draft(self, stage: Stage) -> Draft {
        let Self { number, revision, moment, interval } = self;
        Draft { number: Some(number), revision, stage, moment, interval }
    }
}

impl Draft {
    /// Completes the draft.
    pub(crate) fn into_verdict(
        self,
        profile: &Profile,
        (number, hoop): (u32, u8),
        decided_at: MediaTime,
    ) -> Verdict {
        let moment = self.moment;
        let mut cues = Vec::<Cue, CUES_MAX>::new();
        let evidence = [
            (CueKind::Rim, moment.rim_log_odds),
            (CueKind::BallTrack, moment.ball_log_odds),
            (CueKind::CrowdSwell, moment.crowd_log_odds),
        ];
        for (kind, log_odds) in evidence {
            if log_odds != 0.0 {
                // Cannot be full: three pieces of evidence, eight places.
                let _ = cues.push(Cue { kind, centi_nats: (log_odds * 100.0) as i16 });
            }
        }
        cues.sort_unstable_by_key(|cue| -i32::from(cue.centi_nats).abs());
        Verdict {
            number,
            revision: self.revision,
            stage: self.stage,
            kind: if moment.made { EventKind::MadeShot } else { EventKind::MissedShot },
            hoop: Some(hoop),
            at: moment.at,
            interval: self.interval,
            decided_at,
            confidence: Permille::from_share(
                profile.confidence(moment.probability * moment.kind_probability),
            ),
            cues,
        }
    }
}
