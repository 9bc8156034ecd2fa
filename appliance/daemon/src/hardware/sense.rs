//! The work of `courtside sensors`: one look at the box, and the log pages that only root may ask
//! for.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use hal::Clock;
use sensors::{Now, Places};

use super::report::Report;
use super::{Hardware, board_of};
use crate::clock::SystemClock;
use crate::config::{self, BoardChoice};

/// Between the two readings that a share of time and a use of energy need.
const BETWEEN: Duration = Duration::from_secs(1);

/// How it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// Where sensors are: this box, or a copy of another one, which has no libraries. The copy may be
/// named by the environment too.
pub fn places(root: Option<PathBuf>) -> Places {
    root.or_else(config::default_sensors)
        .map_or_else(Places::of_this_box, |root| Places { root, nvml: None })
}

/// Which board the box is and what its sensors read.
///
/// # Errors
/// The system gives no runtime to wait with.
pub fn run(board: &BoardChoice, places: &Places, form: Form) -> Result<String> {
    let clock = Arc::new(SystemClock::start());
    let for_sensors = Arc::clone(&clock);
    let now: Now = Arc::new(move || for_sensors.now());
    let detected = board_of(board, &places.root);
    let (mut hardware, absent) = Hardware::open(detected.board.clone(), places, &now);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .context("the system gives no timer")?;
    runtime.block_on(clock.sleep_until(clock.now().plus(BETWEEN)));
    let readings = hardware.read();
    let missing = hardware.missing();
    let report = Report {
        detected: &detected,
        fit: hardware.fit(),
        readings: &readings,
        absent: &absent,
        missing: &missing,
    };
    Ok(match form {
        Form::Table => report.to_string().trim_end().to_owned(),
        Form::Json => format!("{:#}", report.json()),
    })
}

/// Asks every NVMe disk for its log page and keeps it in `folder`.
///
/// # Errors
/// A disk refused, or a page cannot be written.
pub fn keep_wear(places: &Places, folder: &Path) -> Result<()> {
    let refused = sensors::keep_log_pages(&places.root, folder)
        .with_context(|| format!("log pages not kept in {}", folder.display()))?;
    if !refused.is_empty() {
        bail!("{}; run this as root", refused.join("; "));
    }
    Ok(())
}
