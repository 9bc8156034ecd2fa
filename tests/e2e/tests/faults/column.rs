//! One live source and its peer, through every fault of the table in turn.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use e2e::clock::{millis_between, until, wall};
use e2e::peer::{Peer, Program, RATE};
use e2e::relay::{Relay, Weather};
use e2e::vitals::{Told, Vitals};
use serde_json::Value;
use tokio::net::TcpStream;
use wire::time::WallTime;

use super::{BACK_MAX, Cell, FAULTS, Fault, GAP, Kind, PATIENCE, Row, cell, counter};

/// Pictures between two messages of counters that are play: half of what two seconds have.
const PLAYS: u64 = RATE;
/// What grows where something is lost.
const LOSSES: [&str; 8] = [
    "epochs_total",
    "units_dropped_total",
    "packets_dropped_total",
    "frames_corrupt_total",
    "stream.gaps_total",
    "stream.malformed_dropped_total",
    "stream.astray_dropped_total",
    "stream.segments_missed_total",
];
/// How long garbage comes.
const GARBAGE: Duration = Duration::from_secs(3);
/// Three segments of a second wait before they are played, and one is being made.
const HLS_BEHIND: Duration = Duration::from_secs(4);
/// Connections of a storm, and how long each lives.
const STORM: u32 = 6;
const STORM_EVERY: Duration = Duration::from_millis(400);

/// See the module.
pub(super) struct Column<'a> {
    kind: Kind,
    peer: Peer,
    program: Program,
    began: WallTime,
    relay: &'a Relay,
    vitals: &'a Vitals,
}

impl<'a> Column<'a> {
    pub(super) fn new((kind, peer): (Kind, Peer), relay: &'a Relay, vitals: &'a Vitals) -> Self {
        Self { kind, peer, program: Program::default(), began: wall(), relay, vitals }
    }

    /// Goes through the table; an error says that there is nothing to go through it with.
    pub(super) async fn run(mut self) -> Result<Vec<Row>> {
        self.plays(wall(), |_| true)
            .await
            .with_context(|| format!("{:?} does not begin", self.kind))?;
        let mut rows = Vec::new();
        for fault in FAULTS {
            let outcome = match cell(self.kind, fault) {
                Cell::None(reason) => Ok(format!("none: {reason}")),
                Cell::Tried(counted) => self.suffer(fault, counted).await,
            };
            rows.push(Row { kind: self.kind, fault, outcome });
        }
        Ok(rows)
    }

    async fn suffer(&mut self, fault: Fault, counted: &[&str]) -> Result<String> {
        let before = self.plays(wall(), |_| true).await?.told;
        let before = self.source(&before).clone();
        let ended = self.inflict(fault).await?;
        let lost = |now: &Value| -> Vec<String> {
            let more = |name: &str| counter(now, name).saturating_sub(counter(&before, name));
            let told = |name: &&&str| more(name) > 0;
            counted.iter().filter(told).map(|name| format!("{name} +{}", more(name))).collect()
        };
        // What a source plays late it notices late: until it is counted it has not happened.
        let happened = |now: &Value| counted.is_empty() || !lost(now).is_empty();
        let back = self.plays(ended, happened).await?;
        let lost = lost(self.source(&back.told));
        let after = millis_between(ended, back.at).max(0.0) / 1_000.0;
        ensure!(
            after <= BACK_MAX.as_secs_f64(),
            "back only after {after:.1} s; told: {:?}",
            self.vitals.notices(self.name())
        );
        let unexpected = LOSSES.iter().find(|name| {
            counted.is_empty() && counter(self.source(&back.told), name) > counter(&before, name)
        });
        if let Some(name) = unexpected {
            bail!("{name} has grown, and nothing may be lost: {}", self.source(&back.told));
        }
        let lost = if lost.is_empty() { "nothing lost".to_owned() } else { lost.join(", ") };
        Ok(format!("back after {after:.1} s; {lost}"))
    }

    /// Does it; returns when it was over.
    async fn inflict(&mut self, fault: Fault) -> Result<WallTime> {
        match fault {
            Fault::PeerKilled => {
                self.peer.kill().await?;
                match self.kind {
                    Kind::Hls | Kind::Rtsp => self.send(self.continuing()).await?,
                    Kind::Rtmp | Kind::Srt | Kind::Watch => self.peer.keep().await?,
                }
            }
            Fault::PeerFrozen => {
                self.peer.signal("STOP").await?;
                self.last(gap()).await?;
                self.peer.signal("CONT").await?;
            }
            Fault::Garbage => self.weather(Weather::Garbage, GARBAGE).await?,
            Fault::NetworkGap => self.weather(Weather::Silent, gap()).await?,
            Fault::JumpAhead => {
                let now = self.continuing();
                self.send(Program { offset_s: now.offset_s + 3_600, ..now }).await?;
            }
            Fault::JumpBack => {
                let now = self.continuing();
                self.send(Program { offset_s: now.offset_s - 3_600, ..now }).await?;
            }
            Fault::Resolution => {
                let now = self.continuing();
                self.send(Program { size: (192, 108), ..now }).await?;
            }
            Fault::SampleRate => {
                let now = self.continuing();
                self.send(Program { sample_hz: 44_100, ..now }).await?;
            }
            Fault::ReconnectStorm => match self.kind {
                Kind::Hls | Kind::Rtsp => self.weather(Weather::Refusing, gap()).await?,
                Kind::Rtmp | Kind::Srt | Kind::Watch => self.storm().await?,
            },
        }
        Ok(wall())
    }

    async fn weather(&mut self, weather: Weather, lasting: Duration) -> Result<()> {
        self.relay.set(weather);
        let lasted = self.last(lasting).await;
        self.relay.set(Weather::Clear);
        lasted
    }

    /// The publisher comes and goes, and strangers knock.
    async fn storm(&mut self) -> Result<()> {
        for _ in 0..STORM {
            self.peer.kill().await?;
            self.peer.keep().await?;
            if self.kind == Kind::Rtmp {
                for _ in 0..10 {
                    drop(TcpStream::connect(("127.0.0.1", self.relay.port())).await?);
                }
            }
            self.last(STORM_EVERY).await?;
        }
        Ok(())
    }

    /// What is sent, as if it had gone on until now.
    fn continuing(&self) -> Program {
        let since = millis_between(self.began, wall()) / 1_000.0;
        Program { offset_s: self.program.offset_s + since.ceil() as u32, ..self.program }
    }

    async fn send(&mut self, program: Program) -> Result<()> {
        (self.program, self.began) = (program, wall());
        self.peer.encode(program).await
    }

    /// Lets time pass, as its supervisor would for the peer.
    async fn last(&mut self, lasting: Duration) -> Result<()> {
        let began = wall();
        let over = |now| millis_between(began, now) >= lasting.as_secs_f64() * 1_000.0;
        until(2 * lasting + PATIENCE, "time passes", async || {
            self.peer.keep().await?;
            Ok(over(wall()).then_some(()))
        })
        .await
    }

    /// Waits until pictures play: in two stretches between messages, after this moment and what is
    /// awaited.
    async fn plays(&mut self, since: WallTime, awaited: impl Fn(&Value) -> bool) -> Result<Back> {
        let (mut before, mut first) = (self.vitals.newest(), None);
        let settled = WallTime(since.0 + i64::try_from(self.behind().as_micros())?);
        let deadline = since.0 + i64::try_from(PATIENCE.as_micros())?;
        loop {
            let told = self.told().await?;
            let grown = self.decoded(&told).saturating_sub(self.decoded(&before));
            let plays = grown >= PLAYS && told.at > since;
            match first {
                Some(at) if plays && told.at > settled && awaited(self.source(&told)) => {
                    return Ok(Back { at, told });
                }
                Some(_) if plays => {}
                Some(_) | None => {
                    // At the speed of play the first of them came so long before the message.
                    let played_us = i64::try_from(grown.saturating_sub(1) * 1_000_000 / RATE)?;
                    first = plays.then(|| WallTime((told.at.0 - played_us).max(before.at.0)));
                }
            }
            ensure!(
                told.at.0 < deadline,
                "no pictures, or nothing was counted: {}; told: {:?}",
                self.source(&told),
                self.vitals.notices(self.name())
            );
            before = told;
        }
    }

    /// How long after it was fetched something is played.
    fn behind(&self) -> Duration {
        match self.kind {
            Kind::Hls => HLS_BEHIND,
            Kind::Rtmp | Kind::Srt | Kind::Rtsp | Kind::Watch => Duration::ZERO,
        }
    }

    /// The next message, while the peer's supervisor does its work.
    async fn told(&mut self) -> Result<Told> {
        let next = self.vitals.next();
        tokio::pin!(next);
        let mut looks = tokio::time::interval(Duration::from_millis(100));
        loop {
            tokio::select! {
                told = &mut next => return told,
                _ = looks.tick() => self.peer.keep().await?,
            }
        }
    }

    fn decoded(&self, told: &Told) -> u64 {
        counter(self.source(told), "frames_decoded_total")
    }

    fn source<'t>(&self, told: &'t Told) -> &'t Value {
        &told.json["sources"][self.name()]
    }

    fn name(&self) -> &'static str {
        match self.kind {
            Kind::Rtmp => "rtmp",
            Kind::Srt => "srt",
            Kind::Hls => "hls",
            Kind::Rtsp => "rtsp",
            Kind::Watch => "watch",
        }
    }
}

/// Pictures that play again.
struct Back {
    /// When the first of them was decoded.
    at: WallTime,
    /// What was told when that was certain.
    told: Told,
}

/// How long a network, or a peer, is silent.
pub(super) fn gap() -> Duration {
    let wanted = std::env::var("COURTSIDE_FAULT_GAP_S").ok();
    wanted.and_then(|text| text.parse().ok()).map_or(GAP, Duration::from_secs)
}
