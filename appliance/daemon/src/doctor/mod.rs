//! `courtside doctor`: the installer's one page about a box, from its board to its broker.
//!
//! Owns the order of the checks and what is written. Each part has a module, in which looking is
//! apart from judging; [`report`] holds what was found, [`text`] and [`html`] show it, [`sign`]
//! vouches for it. Changes nothing on the box but one file in its data folder, which it removes.
//! For people: `docs/install.md`.

mod board;
mod broker;
mod cameras;
mod clock;
mod disk;
mod html;
mod networks;
mod ports;
pub mod report;
mod round_trip;
pub mod sign;
mod soak;
mod steady;
pub mod text;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use hal::Clock;
use mqtt::Security;
use v4l2::list;

use self::board::Look;
use self::networks::Load;
use self::report::{Check, Report, Section, Verdict};
use self::sign::Seal;
use self::text::Paint;
use crate::clock::SystemClock;
use crate::config::{Config, Input};
use crate::devices;
use crate::status::{self, Found};

/// Between two looks at the cameras: their rate is the difference of two counters.
const RATE_OVER: Duration = Duration::from_secs(6);
/// Above so many events that no receiver has acknowledged, something is wrong behind the broker.
const UNACKED_MAX: u64 = 20;

/// What is asked for beside the checks.
pub struct Job {
    /// Watch the temperatures for so many seconds.
    pub soak: Option<u32>,
}

/// Looks at everything; `progress` is told what takes long.
pub async fn examine(config: &Config, job: &Job, progress: impl Fn(&str)) -> Report {
    let clock = Arc::new(SystemClock::start());
    let (wall, quality) = clock.wall();
    let data_dir = &config.box_.data_dir;
    progress("looking at the board and the network …");
    let before = status_of(&clock, data_dir).ok().flatten().filter(Found::is_fresh);
    let looked = clock.now();
    let mut look = Look::take(&clock, &config.box_.board).await;
    let board = look.checks();
    let mut network = ports::checks(&ports::read(Path::new("/")));
    network.extend(broker::checks(&clock, config).await);
    if before.is_some() {
        clock.sleep_until(looked.plus(RATE_OVER)).await;
    }
    let now = status_of(&clock, data_dir);
    let running = now.as_ref().ok().and_then(Option::as_ref).filter(|found| found.is_fresh());
    network.extend(running.map(events));
    let load = if running.is_some() { Load::Box } else { Load::Idle };
    let mut sections = vec![
        Section { name: "box", checks: vec![running_box(&now)] },
        Section { name: "board", checks: board },
        Section { name: "cameras", checks: cameras(config, before.as_ref(), running) },
        Section { name: "network", checks: network },
        Section { name: "clock", checks: vec![clock::check(wall, quality)] },
    ];
    progress("measuring the disk and the networks …");
    let mut disk = disk::checks(&clock, data_dir, config.storage);
    disk.extend(disk::wear(&look.readings.wear));
    sections.push(Section { name: "disk", checks: disk });
    let models = networks::checks(&clock, config, load);
    sections.push(Section { name: "models", checks: models });
    if let Some(seconds) = job.soak {
        progress(&format!("watching the temperatures for {seconds} s …"));
        let check = soak::check(&clock, &mut look, seconds).await;
        sections.push(Section { name: "thermal soak", checks: vec![of_load(check, load)] });
    }
    let who = (config.box_.tenant.as_str(), config.box_.device.as_str());
    Report::new(who, wall, sections)
}

/// A report in the forms in which it is handed out.
pub struct Page {
    report: Report,
    json: String,
    seal: Seal,
}

impl Page {
    /// Writes the report as JSON and signs that.
    ///
    /// # Errors
    /// The report has no JSON.
    pub fn new(report: Report, security: &Security) -> Result<Self> {
        let json = serde_json::to_string(&report).context("the report has no JSON")?;
        let seal = Seal::of(&json, security);
        Ok(Self { report, json, seal })
    }

    /// For a terminal.
    pub fn text(&self, paint: Paint) -> String {
        text::page(&self.report, &self.seal, paint)
    }

    /// For programs: the report as text, with who signed it.
    pub fn envelope(&self) -> String {
        format!("{:#}", self.seal.envelope(&self.json))
    }

    /// Writes the page to print, and beside it the envelope; returns the envelope's file.
    ///
    /// # Errors
    /// One of them cannot be written.
    pub fn write(&self, html: &Path) -> Result<PathBuf> {
        let envelope = html.with_extension("json");
        if envelope == html {
            let file = html.display();
            bail!("{file} is not written: the JSON goes there; name a page that ends in .html");
        }
        let write = |file: &Path, text: String| {
            std::fs::write(file, text).with_context(|| {
                format!("{} not written; name a file in a folder that is there", file.display())
            })
        };
        write(html, html::page(&self.report, &self.seal))?;
        write(&envelope, self.envelope() + "\n")?;
        Ok(envelope)
    }

    /// What follows of all checks.
    pub fn outcome(&self) -> report::Outcome {
        self.report.outcome
    }
}

fn status_of(clock: &SystemClock, data_dir: &Path) -> std::io::Result<Option<Found>> {
    status::read(data_dir, clock.wall_time())
}

/// Whether the box runs, and this is what it runs.
fn running_box(found: &std::io::Result<Option<Found>>) -> Check {
    const NAME: &str = "running box";
    const START: &str = "start it (`systemctl start courtside`), wait a minute, and look again";
    match found {
        Err(error) => {
            let found = format!("what it tells cannot be read: {error}");
            Check::bad(NAME, found, "run this as root, with the version that runs")
        }
        Ok(None) => Check::bad(NAME, "no box runs with this configuration", START),
        Ok(Some(found)) if !found.is_fresh() => {
            let seconds = found.age.as_secs();
            let advice = "it hangs or was killed: look at `systemctl status courtside`";
            Check::bad(NAME, format!("last seen {seconds} s ago"), advice)
        }
        Ok(Some(found)) => {
            let status = &found.status;
            let up_s = status.mono_us / 1_000_000;
            let told =
                format!("up for {} min {} s, firmware {}", up_s / 60, up_s % 60, status.firmware);
            let check = Check::good(NAME, told).figure("up_s", up_s as f64);
            if status.firmware == env!("CARGO_PKG_VERSION") {
                return check;
            }
            let advice = "this program has another version: restart the box";
            check.with_advice(Verdict::Warning, advice)
        }
    }
}

fn cameras(config: &Config, before: Option<&Found>, running: Option<&Found>) -> Vec<Check> {
    let mut checks = Vec::new();
    for source in &config.sources {
        match running {
            Some(now) => checks.extend(cameras::checks(source, before, now)),
            None => checks.push(Check::not_checked(
                format!("{} pictures", source.name),
                "no box runs",
                "start the box and look again",
            )),
        }
    }
    let is_card = |input: &Input| matches!(input, Input::V4l2(_));
    if config.sources.iter().any(|source| is_card(&source.input)) {
        let found = list::all(Path::new(v4l2::reset::SYSFS), Path::new("/dev"));
        checks.extend(found.iter().map(device));
        if found.is_empty() {
            let advice = "plug the capture card in; `dmesg` tells whether its driver found it";
            checks.push(Check::bad("capture devices", "none is there", advice));
        }
    }
    checks
}

fn device(found: &list::Found) -> Check {
    let name = format!("device {}", found.file.display());
    match &found.card {
        Err(reason) => Check::warning(name, reason.clone(), "look at its driver (`dmesg`)"),
        Ok(card) => {
            let told = format!("{}, signal: {}", card.name, devices::signal(card));
            match card.signal {
                list::State::Present(_) => Check::good(name, told),
                list::State::Unknown => {
                    Check::not_checked(name, told, "the pictures of its source tell, see above")
                }
                list::State::Lost(_) => Check::warning(
                    name,
                    told,
                    "look at the cable and the camera's output (SDI or HDMI, format, HDCP off)",
                ),
            }
        }
    }
}

/// What waits for the receiver.
fn events(now: &Found) -> Check {
    let uplink = &now.status.pipeline["uplink"];
    let number = |key: &str| uplink[key].as_u64();
    let (unacked, clips) = (number("live_unacked"), number("clips_waiting"));
    let (unacked, clips) = (unacked.unwrap_or(0), clips.unwrap_or(0));
    let took = number("event_round_trip_us");
    let took = took.map_or("none was answered yet".to_owned(), |us| {
        format!("the last was answered in {:.1} ms", us as f64 / 1_000.0)
    });
    let found = format!("{unacked} events and {clips} clips wait; {took}");
    let check = Check::good("deliveries", found)
        .figure("events_waiting", unacked as f64)
        .figure("clips_waiting", clips as f64);
    if unacked <= UNACKED_MAX {
        return check;
    }
    let advice = "no receiver acknowledges: look whether `courtside-fleet receive` runs, and at the \
                  broker's access list";
    check.with_advice(Verdict::Warning, advice)
}

/// A soak of a box that does nothing says little.
fn of_load(check: Check, load: Load) -> Check {
    match load {
        Load::Box => check,
        Load::Idle => {
            let found = format!("{}; no box ran, so it had nothing to do", check.found);
            Check { found, ..check }
                .at_least_warning("start the box with its cameras, and watch again")
        }
    }
}

#[cfg(test)]
#[path = "mod_tests.rs"]
mod tests;
