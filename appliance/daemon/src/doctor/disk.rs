//! The disk of the data folder: its room, how fast it takes data for good, and how worn it is.
//!
//! [`measure`] writes a file and removes it; judging is pure.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use hal::Clock;
use hal::sensors::{Warning, Wear};

use super::report::{Check, Verdict};
use super::round_trip::millis;
use crate::clock::SystemClock;
use crate::config::Storage;
use crate::hardware::concerns::WORN;

const MIB: u64 = 1024 * 1024;
/// What is written to measure speed.
const WRITTEN_MIB: u64 = 64;
/// With less room nothing is written.
const ROOM_MIN: u64 = 512 * MIB;
/// With less room the box cannot work.
const ROOM_LEAST: u64 = 128 * MIB;
/// Below the first a camera's recording and a clip beside it do not fit through; the second leaves
/// room for four, in MiB/s.
const SPEED_LEAST: f64 = 4.0;
const SPEED_MIN: f64 = 20.0;
/// Small writes that are made durable, and what they may take: the recorder syncs each second.
const SYNCS: usize = 20;
const SYNC_BYTES: usize = 4 * 1024;
const SYNC_MEDIAN_MAX: Duration = Duration::from_millis(100);
const SYNC_MAX: Duration = Duration::from_secs(1);
/// Name of the file.
const PROBE: &str = "doctor.probe";

/// What was measured.
pub(super) struct Measured {
    /// In MiB/s, with the sync at the end.
    speed: f64,
    /// Of small writes, sorted.
    syncs: Vec<Duration>,
}

/// Room, speed and the configuration's wishes.
pub(super) fn checks(clock: &SystemClock, data_dir: &Path, storage: Storage) -> Vec<Check> {
    let free = match sensors::free_bytes(data_dir) {
        Ok(free) => free,
        Err(error) => {
            let found = format!("{} cannot be looked at: {error}", data_dir.display());
            let advice = "start the box once, which makes the folder, and run this as root";
            return vec![Check::bad("room", found, advice)];
        }
    };
    let used = used_bytes(data_dir, 0);
    let mut checks = vec![room((free, used), storage)];
    if free < ROOM_MIN {
        let found = format!("nothing was written: only {} MiB are free", free / MIB);
        checks.push(Check::warning("write speed", found, "make room, and run this again"));
        return checks;
    }
    match measure(clock, data_dir) {
        Ok(measured) => checks.extend([speed(measured.speed), syncs(&measured.syncs)]),
        Err(error) => {
            let found = format!("{} cannot be written to: {error}", data_dir.display());
            let advice = "run this as root; if it is root, the disk is read-only or broken";
            checks.push(Check::bad("write speed", found, advice));
        }
    }
    checks
}

/// The wear of the disks that tell it.
pub(super) fn wear(disks: &[Wear]) -> Vec<Check> {
    if disks.is_empty() {
        let advice = "enable `courtside-wear.timer` for NVMe disks; others do not tell";
        return vec![Check::not_checked("wear", "no disk tells it", advice)];
    }
    disks.iter().map(wear_of).collect()
}

fn wear_of(disk: &Wear) -> Check {
    let name = format!("wear {}", disk.name);
    let used = disk.used.map(|used| format!("{} % of its rated life used", used.0));
    let spare = disk.spare.map(|spare| format!("{} % spare", spare.0));
    let told: Vec<String> = used.into_iter().chain(spare).collect();
    let told = if told.is_empty() { "silent".to_owned() } else { told.join(", ") };
    let found = Check::good(name, told)
        .figure("used_percent", disk.used.map_or(f64::NAN, |used| used.0.into()));
    match disk.warning {
        Some(Warning::ReadOnly | Warning::Unreliable) => {
            found.with_advice(Verdict::Bad, "the disk warns that it fails: replace it now")
        }
        Some(Warning::SpareNearlyGone | Warning::SpareLow) => {
            found.with_advice(Verdict::Warning, "it runs out of spare blocks: plan to replace it")
        }
        None if disk.used.is_some_and(|used| used >= WORN) => {
            found.with_advice(Verdict::Warning, "it nears the end of its life: plan to replace it")
        }
        None => found,
    }
}

fn room((free, used): (u64, u64), storage: Storage) -> Check {
    let wanted = storage.recordings_bytes.saturating_add(storage.clips_bytes);
    let found = format!(
        "{} MiB free, {} MiB used by the box, which may take {} MiB",
        free / MIB,
        used / MIB,
        wanted / MIB
    );
    let found = Check::good("room", found)
        .figure("free_mib", (free / MIB) as f64)
        .figure("used_mib", (used / MIB) as f64);
    if free < ROOM_LEAST {
        let advice =
            "there is no room to work: remove what is not the box's, or take a larger disk";
        return found.with_advice(Verdict::Bad, advice);
    }
    if free.saturating_add(used) < wanted {
        let advice = "it would be full before the quotas are reached: lower `storage.recordings_mib` \
                      or `storage.clips_mib`, or take a larger disk";
        return found.with_advice(Verdict::Warning, advice);
    }
    found
}

fn speed(mib_s: f64) -> Check {
    let found = format!("{mib_s:.0} MiB/s for {WRITTEN_MIB} MiB, written for good");
    let found = Check::good("write speed", found).figure("mib_s", mib_s);
    if mib_s < SPEED_LEAST {
        found.with_advice(Verdict::Bad, "too slow to record on: take an SSD or a faster card")
    } else if mib_s < SPEED_MIN {
        let advice = "slow: it may do for one camera; take an SSD for more";
        found.with_advice(Verdict::Warning, advice)
    } else {
        found
    }
}

/// - sorted: what small writes took, the fastest first.
fn syncs(sorted: &[Duration]) -> Check {
    const NAME: &str = "sync";
    let (Some(median), Some(max)) = (sorted.get(sorted.len() / 2), sorted.last()) else {
        return Check::not_checked(NAME, "not measured", "run this again");
    };
    let found = format!(
        "median {}, at most {}, of {} small writes",
        millis(*median),
        millis(*max),
        sorted.len()
    );
    let found = Check::good(NAME, found)
        .figure("median_ms", median.as_secs_f64() * 1_000.0)
        .figure("max_ms", max.as_secs_f64() * 1_000.0);
    if *median <= SYNC_MEDIAN_MAX && *max <= SYNC_MAX {
        return found;
    }
    let advice = "the disk stalls: events wait for it; take an SSD, and keep other programs off it";
    found.with_advice(Verdict::Warning, advice)
}

/// Bytes of all files in a folder. What cannot be read is not counted; nor is what lies deeper than
/// anything of the box's does.
fn used_bytes(folder: &Path, depth: u32) -> u64 {
    const DEPTH_MAX: u32 = 6;
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let bytes = |entry: fs::DirEntry| match entry.metadata() {
        Ok(about) if about.is_dir() && depth < DEPTH_MAX => used_bytes(&entry.path(), depth + 1),
        Ok(about) if about.is_file() => about.len(),
        Ok(_) | Err(_) => 0,
    };
    entries.map(bytes).sum()
}

fn measure(clock: &SystemClock, folder: &Path) -> io::Result<Measured> {
    let (probe, mut file) = Probe::make(folder)?;
    let block = noise(usize::try_from(MIB).unwrap_or(SYNC_BYTES));
    let began = clock.now();
    for _ in 0..WRITTEN_MIB {
        file.write_all(&block)?;
    }
    file.sync_all()?;
    let took = clock.now().since(began);
    let speed = WRITTEN_MIB as f64 / took.as_secs_f64().max(1e-6);
    let mut syncs = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let began = clock.now();
        file.write_all(&block[..SYNC_BYTES])?;
        file.sync_all()?;
        syncs.push(clock.now().since(began));
    }
    syncs.sort_unstable();
    drop(probe);
    Ok(Measured { speed, syncs })
}

/// The file that is written; gone when dropped.
struct Probe(PathBuf);

impl Probe {
    /// A new file: one of a run that was killed goes first, and a link of that name is not
    /// followed.
    fn make(folder: &Path) -> io::Result<(Self, File)> {
        let path = folder.join(PROBE);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        Ok((Self(path), file))
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        // The next run removes it.
        let _ = fs::remove_file(&self.0);
    }
}

/// Bytes that no disk can compress.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..count).map(|_| next()).collect()
}

#[cfg(test)]
mod tests {
    use wire::units::Percent;

    use super::*;

    const STORAGE: Storage = Storage { recordings_bytes: 2_048 * MIB, clips_bytes: 4_096 * MIB };

    #[test]
    fn room_is_judged_by_what_the_box_may_take() {
        for (free, used, verdict) in [
            (10_000, 0, Verdict::Good),
            (1_000, 6_000, Verdict::Good),
            (1_000, 0, Verdict::Warning),
            (100, 9_000, Verdict::Bad),
        ] {
            let check = room((free * MIB, used * MIB), STORAGE);
            assert_eq!(check.verdict, verdict, "{check:?}");
        }
    }

    #[test]
    fn slow_and_stalling_disks_are_found() {
        let verdicts = [500.0, 12.0, 2.0].map(|mib_s| speed(mib_s).verdict);
        assert_eq!(verdicts, [Verdict::Good, Verdict::Warning, Verdict::Bad]);
        let ms = |ms: &[u64]| ms.iter().copied().map(Duration::from_millis).collect::<Vec<_>>();
        let good = syncs(&ms(&[2, 3, 40]));
        assert_eq!(good.found, "median 3.0 ms, at most 40.0 ms, of 3 small writes");
        assert_eq!(good.verdict, Verdict::Good);
        assert_eq!(syncs(&ms(&[2, 3, 1_500])).verdict, Verdict::Warning);
        assert_eq!(syncs(&ms(&[200, 200])).verdict, Verdict::Warning);
        assert_eq!(syncs(&[]).verdict, Verdict::NotChecked);
    }

    #[test]
    fn disk_is_measured_and_nothing_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let elsewhere = folder.path().join("elsewhere");
        fs::write(&elsewhere, "kept").expect("writable");
        std::os::unix::fs::symlink(&elsewhere, folder.path().join(PROBE)).expect("a link");
        let clock = SystemClock::start();
        let measured = measure(&clock, folder.path()).expect("writable");
        assert!(measured.speed > 0.0 && measured.syncs.len() == SYNCS);
        assert!(!folder.path().join(PROBE).exists());
        assert_eq!(fs::read_to_string(elsewhere).expect("readable"), "kept");
        assert_eq!(used_bytes(folder.path(), 0), 4);
    }

    #[test]
    fn folder_that_is_not_there_is_told_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let checks = checks(&SystemClock::start(), &folder.path().join("none"), STORAGE);
        assert_eq!(checks.len(), 1);
        assert_eq!(checks[0].verdict, Verdict::Bad);
    }

    #[test]
    fn wear_is_judged_by_the_disks_own_word_first() {
        let disk = |used: u8, warning| Wear {
            name: "nvme0".to_owned(),
            used: Some(Percent(used)),
            spare: Some(Percent(100)),
            warning,
        };
        let verdict = |used, warning| wear(&[disk(used, warning)])[0].verdict;
        assert_eq!(verdict(3, None), Verdict::Good);
        assert_eq!(verdict(85, None), Verdict::Warning);
        assert_eq!(verdict(3, Some(Warning::SpareLow)), Verdict::Warning);
        assert_eq!(verdict(3, Some(Warning::ReadOnly)), Verdict::Bad);
        assert_eq!(wear(&[])[0].verdict, Verdict::NotChecked);
    }
}
