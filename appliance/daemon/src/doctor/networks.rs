//! The model packs: whole and signed, and how fast their networks run here beside what their
//! manifests say.
//!
//! Runs each tier for a moment with what would run it on this box. Judging is pure.

use std::path::Path;
use std::time::Duration;

use hal::Clock;
use hal::infer::Infer;
use models::manifest::Tier;
use models::{Engines, Pack, Trust};

use super::report::{Check, Verdict};
use crate::calibrate;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::packs::shelf::{Shelf, Standing};
use crate::packs::{NAMES, engines, is_optional, keys, probe};

/// Runs that are not counted: caches fill.
const WARM_UPS: usize = 2;
/// Runs that are counted at most.
const RUNS_MAX: usize = 15;
/// No further run of a tier begins after so long.
const TIME_MAX: Duration = Duration::from_secs(1);
/// A network may take so many times what its manifest says, or a quarter of a frame's time, before
/// a person should look: another engine may have measured, and what is quick anyway hurts nobody.
const SLOWER: f32 = 2.0;
/// And so many before the box cannot do its work with it; below a frame's time of 40 ms it can.
const SLOWER_MAX: f32 = 5.0;
const FRAME_MS: f32 = 40.0;

/// What a tier takes.
struct Speed {
    tier: String,
    /// Median of the runs, in ms.
    took_ms: f32,
    /// What its manifest says, in ms.
    declared_ms: f32,
}

/// Whether something else uses the processors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Load {
    /// Nothing of ours.
    Idle,
    /// The running box.
    Box,
}

/// Looks at every pack of the box.
pub(super) fn checks(clock: &SystemClock, config: &Config, load: Load) -> Vec<Check> {
    let data_dir = &config.box_.data_dir;
    let engines = match engines::load(&config.models.engine) {
        Ok(engines) => calibrate::known(engines, data_dir),
        Err(error) => {
            let advice = "the box does not start with this: correct `[models]`, or install what it \
                          names";
            return vec![Check::bad("engine", format!("{error:#}"), advice)];
        }
    };
    let shelf = Shelf::new(data_dir, &config.models.packs);
    let trust = keys::load(&config.models.keys);
    let pack = |name: &str| {
        let title = format!("pack {name}");
        match look(name, shelf.standing(name, &trust), (&trust, &engines)) {
            Ok(None) => None,
            Ok(Some((pack, alerts))) => Some(one(clock, (title, &pack, alerts), load)),
            Err(why) => Some(Check::bad(title, why, "install the pack again (docs/models.md)")),
        }
    };
    NAMES.into_iter().filter_map(pack).collect()
}

/// The pack that the box would use, with what is wrong with others; `None` if the box does without.
fn look(
    name: &str,
    standing: Standing,
    (trust, engines): (&Trust, &Engines),
) -> Result<Option<(Pack, Vec<String>)>, String> {
    if standing.is_empty() && is_optional(name) {
        return Ok(None);
    }
    let mut alerts = standing.alerts;
    for candidate in standing.candidates {
        match open(&candidate.folder, (trust, engines)) {
            Ok(pack) => return Ok(Some((pack, alerts))),
            Err(why) => alerts.push(why),
        }
    }
    Err(if alerts.is_empty() { "there is none".to_owned() } else { alerts.join("; ") })
}

fn open(folder: &Path, (trust, engines): (&Trust, &Engines)) -> Result<Pack, String> {
    Pack::open(folder, trust, engines).map_err(|error| error.to_string())
}

fn one(
    clock: &SystemClock,
    (title, pack, alerts): (String, &Pack, Vec<String>),
    load: Load,
) -> Check {
    let speeds: Result<Vec<Speed>, String> =
        pack.tiers().iter().map(|tier| time(clock, (pack, tier))).collect();
    let speeds = match speeds {
        Ok(speeds) => speeds,
        Err(why) => return Check::bad(title, why, "install the pack again (docs/models.md)"),
    };
    let by = pack.tiers().first().and_then(|tier| pack.backend(&tier.name).ok());
    let by = by.map_or("nothing", models::engine::Backend::as_str);
    let version = pack.manifest().version;
    let whole = format!("version {version}, signature and files right, run by {by}");
    let check = judged(Check::good(title, whole), &speeds, load);
    if alerts.is_empty() {
        return check;
    }
    let found = format!("{}; another version is damaged: {}", check.found, alerts.join("; "));
    Check { found, ..check }.at_least_warning("install the pack again (docs/models.md)")
}

/// Runs a tier for a moment.
fn time(clock: &SystemClock, (pack, tier): (&Pack, &Tier)) -> Result<Speed, String> {
    let failed = |error: &dyn std::fmt::Display| format!("tier {} fails: {error}", tier.name);
    let mut network = pack.network(&tier.name).map_err(|error| failed(&error))?;
    let input = [probe::noise(pack.manifest(), tier)];
    let mut took = Vec::with_capacity(RUNS_MAX);
    let began = clock.now();
    for run in 0..WARM_UPS + RUNS_MAX {
        let before = clock.now();
        network.run(&input).map_err(|error| failed(&error))?;
        let now = clock.now();
        // A network so slow that its warm-ups use up the time is told by its last one.
        if run <= WARM_UPS {
            took.clear();
        }
        took.push(now.since(before));
        if now.since(began) >= TIME_MAX {
            break;
        }
    }
    took.sort_unstable();
    let median = took.get(took.len() / 2).copied().unwrap_or_default();
    let (took_ms, declared_ms) = (median.as_secs_f32() * 1_000.0, tier.cost_ms);
    Ok(Speed { tier: tier.name.clone(), took_ms, declared_ms })
}

/// What is thought of the speeds, behind what was found already.
fn judged(check: Check, speeds: &[Speed], load: Load) -> Check {
    let told = |speed: &Speed| {
        let Speed { tier, took_ms, declared_ms } = speed;
        format!("{tier} {took_ms:.1} ms ({declared_ms:.1} declared)")
    };
    let told: Vec<String> = speeds.iter().map(told).collect();
    let disturbed = match load {
        Load::Idle => "",
        Load::Box => "; the running box disturbs these figures",
    };
    let mut check =
        Check { found: format!("{}; {}{disturbed}", check.found, told.join(", ")), ..check };
    let ratio = |speed: &Speed| speed.took_ms / speed.declared_ms.max(f32::MIN_POSITIVE);
    let slowest = speeds.iter().map(ratio).fold(0.0, f32::max);
    check = check.figure("times_declared_max", slowest.into());
    let is_too_slow =
        |speed: &Speed| speed.took_ms > FRAME_MS && speed.took_ms > SLOWER_MAX * speed.declared_ms;
    let advice = format!(
        "a network takes {slowest:.1} times what its manifest says: calibrate (`courtside \
         calibrate`), look at cooling and power mode, or fix a smaller `models.tier`"
    );
    let is_slow = |speed: &Speed| {
        speed.took_ms > FRAME_MS / 4.0 && speed.took_ms > SLOWER * speed.declared_ms
    };
    match (speeds.iter().any(is_too_slow), load) {
        (true, Load::Idle) => check.with_advice(Verdict::Bad, advice),
        (true, Load::Box) => check.with_advice(Verdict::Warning, advice),
        (false, Load::Idle | Load::Box) if speeds.iter().any(is_slow) => {
            check.with_advice(Verdict::Warning, advice)
        }
        (false, Load::Idle | Load::Box) => check,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(took_ms: f32, declared_ms: f32, load: Load) -> Check {
        let speed = Speed { tier: "nano".to_owned(), took_ms, declared_ms };
        judged(Check::good("pack rim", "version 3"), &[speed], load)
    }

    #[test]
    fn speed_is_judged_beside_the_manifest_and_a_frames_time() {
        for (took, declared, idle, beside_a_box) in [
            (1.5, 1.0, Verdict::Good, Verdict::Good),
            (3.0, 1.0, Verdict::Good, Verdict::Good),
            (30.0, 1.0, Verdict::Warning, Verdict::Warning),
            (60.0, 10.0, Verdict::Bad, Verdict::Warning),
            (60.0, 25.0, Verdict::Warning, Verdict::Warning),
        ] {
            assert_eq!(of(took, declared, Load::Idle).verdict, idle, "{took} {declared}");
            assert_eq!(of(took, declared, Load::Box).verdict, beside_a_box, "{took} {declared}");
        }
        let told = of(1.5, 1.0, Load::Box).found;
        assert_eq!(
            told,
            "version 3; nano 1.5 ms (1.0 declared); the running box disturbs these figures"
        );
    }
}
