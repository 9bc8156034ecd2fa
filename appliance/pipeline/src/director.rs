//! Composes fusion and clip planning: reports in, events and cuts out.
//!
//! Owns, for each source, its fusion and its planner, and the numbers of the events. The pure
//! machines do not know each other; they meet here. Must not know files, MQTT or networks'
//! insides: everything leaves through [`Outputs`].

use std::collections::HashMap;
use std::sync::Arc;

use clips::planner::{ClipPlan, ClipRequest, Planner};
use embassy_sync::pubsub::WaitResult;
use fusion::board::{BoardChange, FieldView};
use fusion::{FrameView, Fusion, HoopView, Profile, RimWindow, Verdict};
use futures_lite::future;
use governor::Cue;
use models::incoming::Adaptation;
use wire::board::BoardReading;
use wire::event::{EventKind, GameEvent, Stage};
use wire::ids::{BootId, EventId, Name};
use wire::time::MediaTime;
use wire::units::Permille;

use crate::board::FieldReport;
use crate::cues::Edges;
use crate::cut::Anchor;
use crate::health::{Beat, Counter};
use crate::inference::{FrameReport, HoopReport, Report};
use crate::links::{Detections, Hint, Hints, Signal, Signals};
use crate::timeline::ArrivalLog;

/// Where the director's decisions go; implemented by the daemon.
pub trait Outputs: Send {
    /// Publishes an event, or a later revision of it.
    fn announce(&mut self, event: GameEvent);

    /// An event will be shown by a clip once its post-roll has been recorded: remember it, so
    /// that the clip is cut even if the box restarts before.
    fn want_clip(&mut self, source: usize, event: &GameEvent);

    /// An event that [`want_clip`](Self::want_clip) told about was retracted in time.
    fn unwant_clip(&mut self, source: usize, id: EventId);

    /// Publishes what a scoreboard says.
    fn tell_board(&mut self, reading: BoardReading);

    /// Tells how a source's pictures are looked at from now on; once for each change.
    fn tell_adaptation(&mut self, source: usize, adaptation: Adaptation);

    /// Tells that a replay has been on since `began`, in which nothing is counted; once for each.
    fn tell_replay(&mut self, source: usize, began: MediaTime);

    /// Cuts a clip; `anchor` is the newest frame's media time and arrival.
    ///
    /// # Errors
    /// The plan itself, when the cutter's link is full: it is offered again after the next
    /// report.
    fn cut(&mut self, source: usize, plan: ClipPlan, anchor: Anchor) -> Result<(), Box<ClipPlan>>;
}

/// What the director knows about a source.
pub struct SourceProfile {
    /// Its name.
    pub name: Name,
    /// Rules of its sport.
    pub sport: Profile,
    /// Rolls and longest clip.
    pub clips: clips::planner::Config,
    /// Kinds of events that get a clip.
    pub clip_kinds: Vec<EventKind>,
}

/// The director of a box.
pub struct Director<O> {
    boot: BootId,
    sources: Vec<Directed>,
    numbers: HashMap<(usize, u32), u32>,
    last_number: u32,
    outputs: O,
    /// To the governor, if there is one.
    hints: Option<Arc<Hints>>,
}

struct Directed {
    profile: SourceProfile,
    fusion: Fusion,
    planner: Planner,
    arrivals: ArrivalLog,
    hoop_names: [Option<Name>; fusion::HOOPS_MAX],
    held: Option<ClipPlan>,
    /// How its pictures were looked at when it was told last.
    adaptation: Adaptation,
    /// When the replay began that was on in the frame before.
    replay: Option<MediaTime>,
    edges: Edges,
    /// When the last whistle began.
    whistled: Option<MediaTime>,
    /// When the board showed points last.
    scored: Option<MediaTime>,
}

/// Counters and beat of the director.
#[derive(Default)]
pub struct DirectorHealth {
    /// Reports that were lost because the director was slow.
    pub detections_lagged: Counter,
    /// Events that got no clip because too many were waiting.
    pub clips_refused: Counter,
    /// Hints that the governor had no room for.
    pub hints_refused: Counter,
    /// Moves while it handles reports.
    pub beat: Arc<Beat>,
}

/// Runs the director until inference ends, and returns its outputs. Calls `subscribed` once no
/// report can be missed any more: only then may inference start.
pub async fn direct<O: Outputs>(
    mut director: Director<O>,
    detections: &Detections,
    signals: &Signals,
    (health, subscribed): (&DirectorHealth, impl FnOnce()),
) -> O {
    let mut reports = detections.subscriber().expect("links::Detections has room for its readers");
    subscribed();
    loop {
        let report = async { Input::Report(reports.next_message().await) };
        let sound = async { Input::Sound(signals.receive().await) };
        let input = future::or(sound, report).await;
        let _work = health.beat.work();
        match input {
            Input::Sound(signal) => director.handle_sound(&signal, health),
            Input::Report(WaitResult::Message(Report::Frame(report))) => {
                director.handle_frame(&report, health);
            }
            Input::Report(WaitResult::Message(Report::Ended { source, at })) => {
                director.handle_end(source, at, health);
            }
            Input::Report(WaitResult::Message(Report::Shutdown)) => return director.outputs,
            Input::Report(WaitResult::Lagged(lost)) => {
                health.detections_lagged.add(lost);
                director.handle_loss();
            }
        }
    }
}

enum Input {
    Report(WaitResult<Report>),
    Sound(Signal),
}

impl<O: Outputs> Director<O> {
    /// A director for `sources`, in the order of their numbers.
    pub fn new(boot: BootId, sources: Vec<SourceProfile>, outputs: O) -> Self {
        let directed = |profile: SourceProfile| Directed {
            fusion: Fusion::new(profile.sport),
            planner: Planner::new(profile.clips),
            arrivals: ArrivalLog::default(),
            hoop_names: [const { None }; fusion::HOOPS_MAX],
            held: None,
            adaptation: Adaptation::default(),
            replay: None,
            edges: Edges::default(),
            whistled: None,
            scored: None,
            profile,
        };
        let sources = sources.into_iter().map(directed).collect();
        Self { boot, sources, numbers: HashMap::new(), last_number: 0, outputs, hints: None }
    }

    /// Tells the governor when a moment may be coming, and when one came.
    pub fn telling(self, hints: &Arc<Hints>) -> Self {
        Self { hints: Some(Arc::clone(hints)), ..self }
    }

    /// Takes one analysed frame.
    pub fn handle_frame(&mut self, report: &FrameReport, health: &DirectorHealth) {
        let Some(source) = self.sources.get_mut(report.source) else { return };
        source.arrivals.note(report.at, report.arrived);
        // Compared here and not where it is decided: a report may be lost on the way.
        if std::mem::replace(&mut source.adaptation, report.adaptation) != report.adaptation {
            self.outputs.tell_adaptation(report.source, report.adaptation);
        }
        for hoop in &report.hoops {
            source.hoop_names[usize::from(hoop.slot)] = Some(hoop.name.clone());
        }
        if report.follows_gap {
            source.fusion.handle_gap(report.at);
        }
        if let Some(began) = report.replay {
            source.fusion.handle_replay(report.at, began);
        }
        let was_on = std::mem::replace(&mut source.replay, report.replay);
        if let (None, Some(began)) = (was_on, report.replay) {
            self.outputs.tell_replay(report.source, began);
        }
        if report.replay.is_none() {
            source.see(report, &mut self.outputs);
        }
        self.publish(report.source, health);
        self.tell_cues((report.source, report.at), health);
        self.hand_out(report.source, report.at);
    }

    /// The source's stream ended at `at`: open events are settled, waiting clips are cut with
    /// what there is.
    pub fn handle_end(&mut self, source: usize, at: MediaTime, health: &DirectorHealth) {
        let Some(directed) = self.sources.get_mut(source) else { return };
        directed.fusion.handle_end(at);
        self.publish(source, health);
        self.hand_out(source, MediaTime(i64::MAX));
    }

    /// Takes what was heard in 100 ms of a source.
    pub fn handle_sound(&mut self, signal: &Signal, health: &DirectorHealth) {
        let Some(source) = self.sources.get_mut(signal.source) else { return };
        source.fusion.handle_sound(&signal.view);
        self.publish(signal.source, health);
        self.tell_cues((signal.source, signal.view.at), health);
    }

    fn tell_cues(&mut self, (number, at): (usize, MediaTime), health: &DirectorHealth) {
        let Some(source) = self.sources.get_mut(number) else { return };
        for cue in source.cues(at) {
            tell(self.hints.as_deref(), Hint::Cue(cue), health);
        }
    }

    fn handle_loss(&mut self) {
        for source in &mut self.sources {
            // The next frame's time is not known yet; settling needs none.
            source.fusion.handle_gap(MediaTime(i64::MAX));
        }
    }

    fn publish(&mut self, number: usize, health: &DirectorHealth) {
        let Self { boot, sources, numbers, last_number, outputs, hints } = self;
        let Some(source) = sources.get_mut(number) else { return };
        while let Some(verdict) = source.fusion.next() {
            let key = (number, verdict.number);
            let event_number = *numbers.entry(key).or_insert_with(|| {
                *last_number += 1;
                *last_number
            });
            let id = EventId { boot: *boot, number: event_number };
            let event = source.event(id, &verdict);
            if event.stage == Stage::Provisional && is_moment(event.kind) {
                tell(hints.as_deref(), Hint::Moment, health);
            }
            if (event.kind, event.stage) == (EventKind::Whistle, Stage::Provisional) {
                source.whistled = Some(event.at);
            }
            outputs.announce(event.clone());
            if source.profile.clip_kinds.contains(&event.kind) {
                plan(source, number, &event, (outputs, health));
            }
            if event.stage != Stage::Provisional {
                numbers.remove(&key);
            }
        }
    }

    fn hand_out(&mut self, number: usize, now: MediaTime) {
        let Some(source) = self.sources.get_mut(number) else { return };
        let anchor = source.arrivals.newest();
        while let Some(plan) = source.held.take().or_else(|| source.planner.next(now)) {
            if let Err(refused) = self.outputs.cut(number, plan, anchor) {
                source.held = Some(*refused);
                return;
            }
        }
    }
}

impl FieldReport {
    fn view(&self) -> FieldView<'_> {
        let Self { field, text, confidence } = self;
        FieldView { field: *field, text, confidence: *confidence }
    }
}

impl HoopReport {
    fn view(&self) -> HoopView<'_> {
        HoopView {
            hoop: self.slot,
            area: self.area,
            window: self.slots.as_ref().map(|slots| RimWindow { slots }),
        }
    }
}

impl Directed {
    /// Hands what a frame of live play shows to the fusion.
    fn see(&mut self, report: &FrameReport, outputs: &mut impl Outputs) {
        let views: Vec<HoopView<'_>> = report.hoops.iter().map(HoopReport::view).collect();
        let frame = FrameView { at: report.at, balls: &report.balls, hoops: &views };
        self.fusion.handle_frame(&frame);
        let fields: Vec<FieldView<'_>> = report.board.iter().map(FieldReport::view).collect();
        if let Some(change) = self.fusion.handle_board(report.at, &fields) {
            if change.scored {
                self.scored = Some(change.at);
            }
            let reading = self.reading(&change);
            outputs.tell_board(reading);
        }
    }

    /// What begins to show at `at` that a moment may be coming.
    fn cues(&mut self, at: MediaTime) -> impl Iterator<Item = Cue> {
        let shows = [
            (Cue::BallNearRim, self.fusion.ball_near_rim()),
            (Cue::CrowdSwell, self.fusion.crowd_swell()),
            (Cue::Whistle, self.whistled),
            (Cue::ScoreChange, self.scored),
        ];
        shows.into_iter().filter_map(move |(cue, since)| self.edges.see(cue, at, since))
    }

    fn reading(&self, change: &BoardChange) -> BoardReading {
        let standing = change.standing;
        BoardReading {
            source: self.profile.name.clone(),
            at: change.at,
            at_arrived: self.arrivals.arrival(change.at),
            home: standing.home,
            away: standing.away,
            period: standing.period,
            clock_ds: standing.clock_ds,
            shot_clock_ds: standing.shot_clock_ds,
            confidence: Permille::from_share(change.confidence),
        }
    }

    fn event(&self, id: EventId, verdict: &Verdict) -> GameEvent {
        GameEvent {
            id,
            revision: verdict.revision,
            stage: verdict.stage,
            kind: verdict.kind,
            source: self.profile.name.clone(),
            hoop: verdict.hoop.and_then(|hoop| self.hoop_names[usize::from(hoop)].clone()),
            at: verdict.at,
            interval: verdict.interval,
            decided_at: verdict.decided_at,
            at_arrived: self.arrivals.arrival(verdict.at),
            decided_arrived: self.arrivals.arrival(verdict.decided_at),
            confidence: verdict.confidence,
            cues: verdict.cues.clone(),
        }
    }
}

/// Only settled events get clips: a provisional one may be taken back within the second, long
/// before its post-roll ends.
fn plan<O: Outputs>(
    source: &mut Directed,
    number: usize,
    event: &GameEvent,
    (outputs, health): (&mut O, &DirectorHealth),
) {
    match event.stage {
        Stage::Provisional => {}
        Stage::Confirmed => {
            let request = ClipRequest { id: event.id, kind: event.kind, at: event.at };
            match source.planner.handle_event(&request) {
                Ok(_) => outputs.want_clip(number, event),
                Err(_) => health.clips_refused.count(),
            }
        }
        Stage::Retracted => match source.planner.retract(event.id) {
            clips::planner::Retracted::Event | clips::planner::Retracted::Plan => {
                outputs.unwant_clip(number, event.id);
            }
            clips::planner::Retracted::TooLate | clips::planner::Retracted::Unknown => {}
        },
    }
}

/// What the governor learns from: what cues announce.
const fn is_moment(kind: EventKind) -> bool {
    match kind {
        EventKind::MadeShot | EventKind::MissedShot => true,
        EventKind::Whistle | EventKind::Buzzer | EventKind::ScoreChange => false,
    }
}

fn tell(hints: Option<&Hints>, hint: Hint, health: &DirectorHealth) {
    if hints.is_some_and(|hints| hints.try_send(hint).is_err()) {
        health.hints_refused.count();
    }
}
