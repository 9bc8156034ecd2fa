//! What the box tells about itself every two seconds on `…/tel/pipeline`, as JSON.
//!
//! Owns the shape of that message. Reads counters; changes nothing.

use std::sync::{Arc, Mutex, PoisonError};

use pipeline::cutting::CutHealth;
use pipeline::director::DirectorHealth;
use pipeline::inference::InferenceHealth;
use pipeline::recording::RecordHealth;
use pipeline::source::SourceLinks;
use serde_json::{Value, json};
use wire::ids::Name;

use crate::govern::Latest;
use crate::uplink;

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
    /// The governor.
    pub governor: Arc<Mutex<Latest>>,
    /// The uplink.
    pub uplink: uplink::Handle,
}

impl Telemetry {
    /// The message as of now.
    pub fn message(&self) -> Value {
        let latest = self.governor.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let stats = self.uplink.stats();
        let sources: serde_json::Map<String, Value> =
            self.sources.iter().map(|source| (source.0.to_string(), of_source(source))).collect();
        let temperatures: serde_json::Map<String, Value> = latest
            .readings
            .temperatures
            .iter()
            .map(|t| (t.name.clone(), json!(t.value.map(|value| value.0))))
            .collect();
        json!({
            "sources": sources,
            "inference": {
                "frames_total": self.inference.frames.get(),
                "busy_us_total": self.inference.busy_us.get(),
                "failures_total": self.inference.failures.get(),
                "unreadable_total": self.inference.unreadable.get(),
                "load": latest.engine_load,
                "operating_point": latest.status,
            },
            "director": {
                "detections_lagged_total": self.director.detections_lagged.get(),
                "clips_refused_total": self.director.clips_refused.get(),
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
                "clips_delivered_total": stats.clips_delivered,
                "clips_dropped_total": stats.clips_dropped,
            },
            "rss_bytes": latest.readings.memory_resident_bytes,
            "memory_available_bytes": latest.readings.memory_available_bytes,
            "cpu_permille": latest.readings.cpu.map(|share| share.0),
            "temperatures_millicelsius": temperatures,
        })
    }
}

fn of_source((_, links, recorder): &(Name, Arc<SourceLinks>, Arc<RecordHealth>)) -> Value {
    let counters = &links.counters;
    json!({
        "publishers_total": counters.publishers.get(),
        "epochs_total": counters.epochs.get(),
        "units_video_total": counters.units_video.get(),
        "units_audio_total": counters.units_audio.get(),
        "bytes_total": counters.bytes.get(),
        "units_dropped_total": counters.units_dropped.get(),
        "packets_dropped_total": counters.packets_dropped.get(),
        "frames_decoded_total": counters.frames_decoded.get(),
        "frames_corrupt_total": counters.frames_corrupt.get(),
        "frames_analysed_total": counters.frames_analysed.get(),
        "frames_superseded_total": links.frames.superseded(),
        "sounds_dropped_total": counters.sounds_dropped.get(),
        "signals_dropped_total": counters.signals_dropped.get(),
        "fragments_total": recorder.fragments.get(),
        "fragments_lost_total": recorder.fragments_lost.get(),
        "fragments_evicted_total": recorder.evicted.get(),
    })
}
