//! The cameras, by what the running box tells of its sources: does media come, is it whole, is it
//! sharp, is a hoop in it, is the hall heard.
//!
//! Pure: two statuses of the box in, some seconds apart, checks out.

use std::time::Duration;

use serde_json::Value;
use wire::ids::Name;
use wire::units::PixelBox;

use super::report::{Check, Verdict};
use crate::config::{Input, Source};
use crate::status::{Found, Picture, SourceStatus};

/// A camera whose newest picture is older than this does not play.
const AGE_MAX: Duration = Duration::from_secs(5);
/// Pictures a second that the networks are made for: at least, with what a clock may be off.
const RATE_MIN: f64 = 14.5;
/// Rows of a picture that is analysed as it is.
const ROWS: std::ops::RangeInclusive<u16> = 360..=2_160;
/// Share of damaged pictures above which a person should look, although none came of late.
const DAMAGE_MAX: f64 = 0.001;
/// Below this a picture is plain, in the dark, or out of focus: a rendered hall at 720 rows has 150
/// to 240, blurred by a Gaussian of 2 pixels 19, of 4 pixels 4 (`court play --seed 20071`, H.264 at
/// 4 Mbit/s, ffmpeg's `gblur`, 2026-11-30).
const SHARP_MIN: f32 = 12.0;
/// Mean levels of a hall, in 1/100 dB below full scale: below there is no microphone, above it is
/// overdriven.
const LEVEL: std::ops::RangeInclusive<i16> = -7_500..=-300;

/// What is thought of one source.
pub(super) fn checks(source: &Source, before: Option<&Found>, now: &Found) -> Vec<Check> {
    let facts = Facts::of(&source.name, before, now);
    let mut checks = vec![pictures(source, &facts)];
    match checks[0].verdict {
        Verdict::Good | Verdict::Warning => {}
        // What its last picture was like says nothing.
        Verdict::NotChecked | Verdict::Bad => return checks,
    }
    checks.push(damage(source, &facts));
    checks.push(focus(source, &facts));
    checks.push(hoops(source, &facts));
    checks.push(sound(source, &facts));
    checks
}

/// What the box tells of one source.
#[derive(Debug)]
struct Facts {
    publishers: u64,
    pictures: u64,
    decoder: Option<String>,
    /// Pictures a second between the two statuses.
    rate: Option<f64>,
    picture: Option<Picture>,
    age: Duration,
    seen: SourceStatus,
    damaged: u64,
    /// How many of them came between the two statuses.
    damaged_lately: u64,
}

impl Facts {
    fn of(name: &Name, before: Option<&Found>, now: &Found) -> Self {
        let told = |found: &Found| found.status.pipeline["sources"][name.as_str()].clone();
        let (counters, seen) = (told(now), now.status.sources.get(name).cloned());
        let seen = seen.unwrap_or_default();
        // Counters of another start of the box say nothing.
        let before = before.filter(|before| before.status.boot == now.status.boot);
        let passed_us = before
            .map(|before| now.status.mono_us.saturating_sub(before.status.mono_us))
            .filter(|passed_us| *passed_us > 0);
        let earlier = before.map(told).unwrap_or(Value::Null);
        let more = |count: fn(&Value) -> u64| count(&counters).saturating_sub(count(&earlier));
        let rate = passed_us.map(|passed_us| more(pictures_of) as f64 * 1e6 / passed_us as f64);
        let age = seen.picture.as_ref().map(|picture| Duration::from_millis(picture.age_ms));
        Self {
            publishers: number(&counters, "publishers_total"),
            pictures: pictures_of(&counters),
            decoder: counters["decoder"].as_str().map(str::to_owned),
            rate,
            picture: seen.picture.clone(),
            age: age.unwrap_or_default().saturating_add(now.age),
            seen,
            damaged: damage_of(&counters),
            damaged_lately: if before.is_some() { more(damage_of) } else { 0 },
        }
    }
}

fn number(counters: &Value, key: &str) -> u64 {
    counters[key].as_u64().unwrap_or(0)
}

/// Pictures that came out of a decoder or of a device.
fn pictures_of(counters: &Value) -> u64 {
    number(counters, "frames_decoded_total") + number(counters, "frames_captured_total")
}

/// Pictures and parts of the stream that are missing or damaged.
fn damage_of(counters: &Value) -> u64 {
    let own = ["frames_corrupt_total", "decoders_failed_total", "frames_lost_total"];
    let stream = ["gaps_total", "malformed_dropped_total", "segments_missed_total"];
    let own: u64 = own.iter().map(|key| number(counters, key)).sum();
    let stream: u64 = stream.iter().map(|key| number(&counters["stream"], key)).sum();
    own + stream + number(&counters["network"], "packets_given_up_total")
}

/// Whether media is awaited from a source all the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comes {
    Always,
    WithFiles,
}

fn comes(input: &Input) -> Comes {
    match input {
        Input::File { .. } | Input::Watch { .. } => Comes::WithFiles,
        Input::Rtmp { .. }
        | Input::SrtListen { .. }
        | Input::SrtCall { .. }
        | Input::Hls { .. }
        | Input::Rtsp(_)
        | Input::V4l2(_) => Comes::Always,
    }
}

fn pictures(source: &Source, facts: &Facts) -> Check {
    let name = format!("{} pictures", source.name);
    let expected = format!("look at the camera, its power and its cable; the box awaits {source}");
    let Some(picture) = &facts.picture else {
        return match (comes(&source.input), facts.publishers) {
            (Comes::WithFiles, 0) => {
                Check::not_checked(name, "no file was played", format!("play one: {source}"))
            }
            (Comes::Always, 0) => {
                Check::bad(name, "nothing has come since the box started", expected)
            }
            (Comes::Always | Comes::WithFiles, _) => Check::bad(
                name,
                "media comes, and no picture of it could be analysed",
                "have the camera send H.264 or HEVC; the box's log says what is wrong",
            ),
        };
    };
    let age = seconds(facts.age);
    let (width, height) = (picture.size.width, picture.size.height);
    if facts.age > AGE_MAX {
        let found = format!("{width}x{height}, the newest {age} ago; {} came", facts.pictures);
        return match comes(&source.input) {
            Comes::Always => Check::bad(name, found, expected),
            Comes::WithFiles => {
                Check::not_checked(name, found, "the file has ended; play one while this looks")
            }
        };
    }
    let rate = facts
        .rate
        .map_or("at an unknown rate".to_owned(), |rate| format!("at {rate:.1} pictures a second"));
    let decoder = facts.decoder.as_ref().map(|by| format!(", decoded by {by}"));
    let found = format!(
        "{width}x{height} {rate}, {} came, the newest {age} ago{}",
        facts.pictures,
        decoder.unwrap_or_default()
    );
    let found = Check::good(name, found)
        .figure("width", width.into())
        .figure("height", height.into())
        .figure("rate_hz", facts.rate.unwrap_or(f64::NAN))
        .figure("pictures", facts.pictures as f64)
        .figure("age_s", facts.age.as_secs_f64());
    if facts.rate.is_some_and(|rate| rate < RATE_MIN) {
        let advice = "set the camera to 25 pictures a second or more; if it sends them, its network \
                      loses them";
        return found.with_advice(Verdict::Warning, advice);
    }
    if !ROWS.contains(&height) {
        return found.with_advice(Verdict::Warning, "set the camera to 720 or 1080 rows");
    }
    if picture.interlaced {
        let advice = "the picture is interlaced, and every second row of it is looked at; set the \
                      camera to progressive if it can";
        return found.with_advice(Verdict::Warning, advice);
    }
    found
}

fn damage(source: &Source, facts: &Facts) -> Check {
    let (damaged, lately) = (facts.damaged, facts.damaged_lately);
    let found = match damaged {
        0 => "none since the box started".to_owned(),
        damaged => format!("{damaged} since the box started, {lately} while this looked"),
    };
    let share = damaged as f64 / (facts.pictures.max(1)) as f64;
    let check = Check::good(format!("{} damage", source.name), found)
        .figure("damaged", damaged as f64)
        .figure("damaged_lately", lately as f64);
    if lately == 0 && share <= DAMAGE_MAX {
        return check;
    }
    let advice = "parts of the stream are lost or damaged on their way: look at cable, switch and \
                  radio between camera and box, or lower the camera's bitrate";
    check.with_advice(Verdict::Warning, advice)
}

fn focus(source: &Source, facts: &Facts) -> Check {
    let name = format!("{} focus", source.name);
    let Some(focus) = facts.seen.focus else {
        return Check::not_checked(name, "not measured yet", "look again in five seconds");
    };
    let (variance, size) = (focus.variance, focus.size);
    let found = format!(
        "{variance:.0} squared grey levels (variance of the Laplacian at {}x{}); turn the lens to \
         the greatest",
        size.width, size.height
    );
    let check = Check::good(name, found).figure("laplacian_variance", variance.into());
    if variance >= SHARP_MIN {
        return check;
    }
    let advice = "the picture is dark, plain or out of focus: light the hall, clean the lens, and \
                  turn it until the figure is the greatest";
    check.with_advice(Verdict::Warning, advice)
}

fn hoops(source: &Source, facts: &Facts) -> Check {
    let name = format!("{} hoop", source.name);
    let hoops = facts.picture.as_ref().map(|picture| &picture.hoops);
    let told = |(id, area): (&Name, &PixelBox)| {
        let PixelBox { x0, y0, x1, y1 } = area;
        format!("{id} at [{x0:.0}, {y0:.0}, {x1:.0}, {y1:.0}]")
    };
    let told: Vec<String> = hoops.into_iter().flatten().map(told).collect();
    let how = if source.hoops.is_empty() { "found" } else { "marked by hand" };
    if told.is_empty() {
        let advice = "turn the camera so that ring and net of a hoop are in the picture, wait ten \
                      seconds, or mark them with `hoops`";
        return Check::warning(name, "none is found", advice);
    }
    Check::good(name, format!("{how}: {}", told.join(", "))).figure("hoops", told.len() as f64)
}

fn sound(source: &Source, facts: &Facts) -> Check {
    let name = format!("{} sound", source.name);
    let silent = "whistle and buzzer are not heard; switch the camera's microphone on, or live \
                  without them";
    let Some(level) = facts.seen.level_centi_db else {
        return match source.input {
            Input::V4l2(_) => Check::not_checked(name, "none is captured", silent),
            Input::Rtmp { .. }
            | Input::File { .. }
            | Input::SrtListen { .. }
            | Input::SrtCall { .. }
            | Input::Hls { .. }
            | Input::Rtsp(_)
            | Input::Watch { .. } => Check::warning(name, "none comes", silent),
        };
    };
    let db = f64::from(level) / 100.0;
    let found = format!("{:.1} dB below full scale, mean of the last seconds", -db);
    let check = Check::good(name, found).figure("level_db", db);
    if level < *LEVEL.start() {
        check.with_advice(Verdict::Warning, format!("the microphone is silent: {silent}"))
    } else if level > *LEVEL.end() {
        check.with_advice(Verdict::Warning, "it is overdriven: turn the microphone down")
    } else {
        check
    }
}

/// A length of time as people write it.
fn seconds(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 10.0 { format!("{seconds:.1} s") } else { format!("{seconds:.0} s") }
}

#[cfg(test)]
#[path = "cameras_tests.rs"]
mod tests;
