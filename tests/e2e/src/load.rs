//! What a process takes: memory and processor time, from `/proc`.

use anyhow::{Context, Result};
use wire::time::WallTime;

use crate::clock::{millis_between, wall};

/// Clock ticks a second in `/proc/PID/stat`; the same on every Linux that Debian supports.
const TICKS_PER_SECOND: f64 = 100.0;

/// One look at a process.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// When.
    pub at: WallTime,
    /// Resident memory in bytes.
    pub rss_bytes: u64,
    /// Processor time since its start, in seconds, over all threads.
    pub cpu_s: f64,
}

/// Looks at a process.
///
/// # Errors
/// When it is gone.
pub fn sample(process: u32) -> Result<Sample> {
    let read = |file: &str| {
        let path = format!("/proc/{process}/{file}");
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
    };
    let status = read("status")?;
    let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let rss = rss.and_then(|text| text.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    let rss_bytes = rss.context("the process has no resident memory")? * 1024;
    let stat = read("stat")?;
    // The second field is the name in parentheses, which may contain spaces.
    let (_, fields) = stat.rsplit_once(')').context("/proc/PID/stat has no name")?;
    let ticks = |index: usize| fields.split_whitespace().nth(index)?.parse::<f64>().ok();
    let user_and_system = ticks(11).zip(ticks(12)).map(|(user, system)| user + system);
    let cpu_s = user_and_system.context("/proc/PID/stat has no times")? / TICKS_PER_SECOND;
    Ok(Sample { at: wall(), rss_bytes, cpu_s })
}

/// Cores that a process kept busy on average between its first and last sample.
pub fn cores_mean(samples: &[Sample]) -> f64 {
    match samples {
        [first, .., last] => {
            let seconds = millis_between(first.at, last.at) / 1_000.0;
            if seconds > 0.0 { (last.cpu_s - first.cpu_s) / seconds } else { 0.0 }
        }
        [] | [_] => 0.0,
    }
}

/// Largest resident memory in MiB.
pub fn rss_mib_max(samples: &[Sample]) -> f64 {
    let most = samples.iter().map(|sample| sample.rss_bytes).max().unwrap_or(0);
    most as f64 / f64::from(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_process_has_memory_and_the_dead_have_none() {
        let own = sample(std::process::id()).expect("this process runs");
        assert!(own.rss_bytes > 100_000, "{own:?}");
        assert!(sample(0).is_err());
    }

    #[test]
    fn half_a_core_for_ten_seconds_is_half_a_core() {
        let at = |s: i64, cpu_s| Sample { at: WallTime(s * 1_000_000), rss_bytes: 1 << 20, cpu_s };
        assert!((cores_mean(&[at(0, 3.0), at(4, 5.5), at(10, 8.0)]) - 0.5).abs() < 1e-9);
        assert!(cores_mean(&[at(0, 3.0)]).abs() < 1e-9);
        assert!((rss_mib_max(&[at(0, 1.0)]) - 1.0).abs() < 1e-9);
    }
}
