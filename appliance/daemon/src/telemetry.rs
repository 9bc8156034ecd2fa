//! What the box tells about itself on `…/tel/pipeline`, as JSON, every two seconds while something
//! happens (`cadence`), and about the people in its sources' pictures every second on `…/tel/players`, and about their clocks on
//! `…/tel/timeline`.
//!
//! Owns the shape of the first message; the others are [`wire`]'s. Reads counters; changes nothing.

mod cadence;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use boards::Detected;
use hal::Clock;
use models::lanes::players::Figure;
use outbox::Closed;
use pipeline::cutting::CutHealth;
use pipeline::director::DirectorHealth;
use pipeline::health::{NetworkCounters, StreamCounters};
use pipeline::inference::InferenceHealth;
use pipeline::players::PlayersReport;
use pipeline::recording::RecordHealth;
use pipeline::remote::{Shared, Status};
use pipeline::source::SourceLinks;
use pipeline::source_clock::{Pacing, Reading};
use serde_json::{Value, json};
use wire::ids::Name;
use wire::players::{PlayersSeen, Sighting, VERSION};
use wire::time::{Monotonic, WallTime};
use wire::timeline::{ClockState, SourceTimeline};
use wire::units::PictureSize;

use crate::clock::SystemClock;
use crate::govern::Latest;
use crate::hardware::figures;
use crate::uplink;
pub use cadence::{Cadence, EVERY, Happened, Line};

/// Everything that is told about.
pub struct Telemetry {
    /// Name, links and recorder of each source.
    pub sources: Vec<(Name, Arc<SourceLinks>, Arc<RecordHealth>)>,
    /// The inference stage.
    pub inference: Arc<InferenceHealth>,
    /// The director.
    pub director: Arc<DirectorHealth>,
    /// The cutter.
    pub cutter: Arc<CutHealth>,
    /// Which board the box is.
    pub board: Arc<Detected>,
    /// The governor.
    pub governor: Arc<Mutex<Latest>>,
    /// The account of the players lane, if another machine serves it.
    pub remote_players: Option<Shared>,
    /// The uplink.
    pub uplink: uplink::Handle,
}

impl Telemetry {
    /// Who was in the newest pictures of the sources that were looked at since the last call: one
    /// message for each.
    pub fn players(&self) -> Vec<PlayersSeen> {
        let newest = |(name, links, _): &(Name, Arc<SourceLinks>, _)| {
            links.players.try_take().map(|report| seen(name, &report))
        };
        self.sources.iter().filter_map(newest).collect()
    }

    /// How the sources' clocks run: one message for each.
    pub fn timelines(&self, clock: &SystemClock) -> Vec<SourceTimeline> {
        let (now, wall) = (clock.now(), clock.wall().0);
        let told = |(name, links, _): &(Name, Arc<SourceLinks>, _)| {
            timeline(name, &links.clock.get(), (now, wall))
        };
        self.sources.iter().map(told).collect()
    }

    /// What changes while something happens: media that comes, clips that wait, decisions.
    pub fn activity(&self) -> Activity {
        let latest = self.governor.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = |(_, links, _): &(Name, Arc<SourceLinks>, _)| {
            let counters = &links.counters;
            let media = [&counters.publishers, &counters.bytes, &counters.frames_captured];
            media.into_iter().map(|counter| counter.get()).fold(0, u64::wrapping_add)
        };
        let stats = self.uplink.stats();
        Activity {
            sources: self.sources.iter().map(counted).collect(),
            governor: latest.state().to_string(),
            clips: (stats.clips_waiting, stats.clips_delivered),
            messages: stats.messages.sent,
        }
    }

    /// The message as of now.
    pub fn message(&self) -> Value {
        let latest = self.governor.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let stats = self.uplink.stats();
        let sources: serde_json::Map<String, Value> =
            self.sources.iter().map(|source| (source.0.to_string(), of_source(source))).collect();
        json!({
            "sources": sources,
            "inference": {
                "frames_total": self.inference.frames.get(),
                "busy_us_total": self.inference.busy_us.get(),
                "players_us_total": self.inference.players_us.get(),
                "failures_total": self.inference.failures.get(),
                "unreadable_total": self.inference.unreadable.get(),
                "load": latest.engine_load,
                "operating_point": latest.status.map(|status| status.point.to_string()),
            },
            "governor": of_governor(&latest),
            "remote": { "players": self.remote_players.as_ref().map(of_remote) },
            "director": {
                "detections_lagged_total": self.director.detections_lagged.get(),
                "clips_refused_total": self.director.clips_refused.get(),
                "hints_refused_total": self.director.hints_refused.get(),
            },
            "cutter": {
                "clips_total": self.cutter.clips.get(),
                "failed_total": self.cutter.failed.get(),
                "incomplete_total": self.cutter.incomplete.get(),
            },
            "uplink": {
                "live_unacked": stats.live_unacked,
                "clips_waiting": stats.clips_waiting,
                "clip_bytes_waiting": stats.clip_bytes_waiting,
                "clips_held": stats.clips_held.map(|why| match why {
                    Closed::Hours => "hours",
                    Closed::Play => "play",
                    Closed::Asked => "asked",
                    Closed::Budget => "budget",
                }),
                "clips_delivered_total": stats.clips_delivered,
                "clips_dropped_total": stats.clips_dropped,
                "links_failed_total": stats.links_failed,
                "link_bytes_per_second": stats.link.map(|link| link.rate),
                "link_round_trip_us": stats.link.map(|link| link.round_trip.as_micros()),
                "clip_bytes_today": stats.clip_bytes_today,
                "telemetry_bytes_today": stats.telemetry_bytes_today,
                "commands_dropped_total": stats.commands_dropped,
                "event_round_trip_us": stats.event_round_trip.map(|took| took.as_micros()),
            },
            "rss_bytes": latest.readings.memory_resident_bytes,
            "memory_available_bytes": latest.readings.memory_available_bytes,
            "cpu_permille": latest.readings.cpu.map(|share| share.0),
            "pressure_permille": figures::pressure(&latest.readings),
            "group_memory_bytes": figures::group_memory(&latest.readings),
            "board": of_board(&self.board),
            "temperatures_millicelsius": figures::temperatures(&latest.readings),
            "power_milliwatts": figures::power(&latest.readings),
            "fans": figures::fans(&latest.readings),
            "hardware_throttles_total": figures::throttles(&latest.readings),
            "disks": figures::disks(&latest.readings),
        })
    }
}

/// What changes while something happens; compared, never told.
#[derive(Debug, PartialEq, Eq)]
pub struct Activity {
    sources: Vec<u64>,
    governor: String,
    clips: (usize, u64),
    messages: u64,
}

/// What is in force, and why.
fn of_governor(latest: &Latest) -> Value {
    let point = latest.status.map(|status| status.point);
    json!({
        "mode": latest.mode.as_str(),
        "state": latest.state().to_string(),
        "frames_per_second_max": point.map(|point| f64::from(point.frame_rate.0) / 1_000.0),
        "ball_tier": point.map(|point| point.ball_tier.as_str()),
        "rim_tier": point.map(|point| point.rim_tier.as_str()),
        "shed": point.map(|point| point.shed.to_string()),
        "reason": latest.reason,
        "sprint": latest.is_sprinting,
        "in_a_minute": latest.outlook.as_ref().map(|outlook| json!({
            "sensor": outlook.sensor.as_str(),
            "millicelsius": outlook.value.0,
            "margin_millicelsius": outlook.margin.0,
            "limit_millicelsius": outlook.limit.0,
        })),
    })
}

fn of_board(Detected { board, module, .. }: &Detected) -> Value {
    json!({ "name": board.name, "module": module.as_ref().map(|module| &module.title) })
}

fn of_source((_, links, recorder): &(Name, Arc<SourceLinks>, Arc<RecordHealth>)) -> Value {
    let counters = &links.counters;
    json!({
        "decoder": links.decoder.get(),
        "network": of_network(&links.network),
        "stream": of_stream(&counters.stream),
        "publishers_total": counters.publishers.get(),
        "epochs_total": counters.epochs.get(),
        "units_video_total": counters.units_video.get(),
        "units_audio_total": counters.units_audio.get(),
        "bytes_total": counters.bytes.get(),
        "units_dropped_total": counters.units_dropped.get(),
        "packets_dropped_total": counters.packets_dropped.get(),
        "frames_decoded_total": counters.frames_decoded.get(),
        "frames_corrupt_total": counters.frames_corrupt.get(),
        "decoders_failed_total": counters.decoders_failed.get(),
        "surfaces_refused_total": links.surfaces.refused(),
        "downloads_total": links.surfaces.downloads(),
        "frames_captured_total": counters.frames_captured.get(),
        "frames_lost_total": counters.frames_lost.get(),
        "pictures_dropped_total": counters.pictures_dropped.get(),
        "slates_total": counters.slates.get(),
        "frames_analysed_total": counters.frames_analysed.get(),
        "frames_superseded_total": links.frames.superseded(),
        "sounds_dropped_total": counters.sounds_dropped.get(),
        "signals_dropped_total": counters.signals_dropped.get(),
        "players_looks_total": counters.players_looks.get(),
        "players_superseded_total": counters.players_superseded.get(),
        "fragments_total": recorder.fragments.get(),
        "fragments_lost_total": recorder.fragments_lost.get(),
        "fragments_evicted_total": recorder.evicted.get(),
    })
}

fn of_stream(stream: &StreamCounters) -> Value {
    json!({
        "gaps_total": stream.gaps.get(),
        "malformed_dropped_total": stream.malformed.get(),
        "early_dropped_total": stream.early.get(),
        "astray_dropped_total": stream.astray.get(),
        "times_repaired_total": stream.repaired.get(),
        "jumps_total": stream.jumps.get(),
        "segments_missed_total": stream.segments_missed.get(),
        "requests_failed_total": stream.requests_failed.get(),
    })
}

fn of_network(network: &NetworkCounters) -> Value {
    json!({
        "packets_total": network.packets.get(),
        "packets_lost_total": network.lost.get(),
        "packets_sent_again_total": network.sent_again.get(),
        "packets_given_up_total": network.given_up.get(),
        "round_trip_us": network.round_trip_us.load(Ordering::Relaxed),
    })
}

/// What another machine did for a lane. Money in millionths of the operator's currency.
fn of_remote(account: &Shared) -> Value {
    let Status { state, counts, spent, budget } = account.status();
    json!({
        "state": state,
        "checks_total": counts.checks,
        "calls_total": counts.calls,
        "answers_total": counts.answers,
        "failures_total": counts.failures,
        "overruns_total": counts.overruns,
        "busy_total": counts.busy,
        "here_total": counts.here,
        "spent_millionths": spent.0,
        "budget_millionths": budget.0,
    })
}

/// What is told of a look. A lane reports no more than a message holds.
fn seen(name: &Name, report: &PlayersReport) -> PlayersSeen {
    fn told<const N: usize>(figures: &[Figure], size: PictureSize) -> heapless::Vec<Sighting, N> {
        let sighting = |f: &Figure| Sighting::of(f.area, size, f.confidence);
        figures.iter().take(N).map(sighting).collect()
    }
    PlayersSeen {
        v: VERSION,
        source: name.clone(),
        at: report.at,
        at_arrived: report.arrived.wall,
        people: told(&report.seen.people, report.size),
        balls: told(&report.seen.balls, report.size),
    }
}

fn timeline(name: &Name, reading: &Reading, (now, wall): (Monotonic, WallTime)) -> SourceTimeline {
    let state = match (reading.pacing, reading.drift_ppm) {
        (Pacing::Box, _) => ClockState::Paced,
        (Pacing::Sender, None) => ClockState::Settling,
        (Pacing::Sender, Some(_)) if reading.is_beyond() => ClockState::Beyond,
        (Pacing::Sender, Some(_)) => ClockState::Measured,
    };
    // Both saturate.
    let ppb = |ppm: f64| (ppm * 1_000.0).round() as i32;
    let sound = reading.sound_drift_ppm.zip(reading.drift_ppm);
    let at_box = reading.box_time(reading.at).map(|at| {
        let ago = now.0.cast_signed().saturating_sub(at.0.cast_signed());
        WallTime(wall.0.saturating_sub(ago))
    });
    SourceTimeline {
        v: wire::timeline::VERSION,
        source: name.clone(),
        state,
        epoch: reading.epoch,
        began: reading.began,
        at: reading.at,
        at_box,
        drift_ppb: reading.drift_ppm.map(|(ppm, _)| ppb(ppm)),
        drift_error_ppb: reading.drift_ppm.map(|(_, error)| ppb(error)),
        sound_drift_ppb: sound.map(|((sound, _), (video, _))| ppb(sound - video)),
        sound_offset_us: reading.sound_offset_us.map(|offset| offset.round() as i32),
    }
}

#[cfg(test)]
mod tests {
    use models::lanes::players::PlayersReading;
    use pipeline::links::Arrival;
    use wire::time::MediaTime;
    use wire::units::{Permille, PixelBox};

    use super::*;

    #[test]
    fn people_are_told_in_thousandths_of_the_picture_and_not_more_than_a_message_holds() {
        let area = PixelBox { x0: 160.0, y0: 90.0, x1: 320.0, y1: 360.0 };
        let figure = |confidence| Figure { area, confidence };
        let people = (0..40_i8).map(|i| figure(1.0 - f32::from(i) / 100.0)).collect();
        let wall = WallTime(77);
        let arrived = Arrival { monotonic: Monotonic(5), wall, steady: wall };
        let report = PlayersReport {
            at: MediaTime(900),
            arrived,
            size: PictureSize { width: 640, height: 360 },
            seen: PlayersReading { people, balls: vec![figure(0.5)] },
        };
        let told = seen(&"court-1".parse().expect("a name"), &report);
        assert_eq!((told.v, told.at, told.at_arrived), (VERSION, MediaTime(900), WallTime(77)));
        assert_eq!((told.people.len(), told.balls.len()), (wire::players::PEOPLE_MAX, 1));
        assert_eq!(told.people[0].area, [250, 250, 500, 1000].map(Permille));
        assert_eq!(
            (told.people[0].confidence, told.people[31].confidence.0),
            (Permille(1000), 690)
        );
    }
}
