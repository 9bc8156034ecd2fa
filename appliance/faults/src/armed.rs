//! Points of an armed program. The order's file is read at every point, so that a driver may
//! change it while the program runs.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, PoisonError};

use crate::order::{Act, Order};
use crate::points::{Kind, POINTS};
use crate::{CLOCK_VARIABLE, ORDER_VARIABLE};

/// Linux's numbers of the two errors.
const ENOSPC: i32 = 28;
const EROFS: i32 = 30;

static ORDERS: LazyLock<Option<PathBuf>> =
    LazyLock::new(|| std::env::var_os(ORDER_VARIABLE).map(PathBuf::from));
static CLOCK: LazyLock<Option<PathBuf>> =
    LazyLock::new(|| std::env::var_os(CLOCK_VARIABLE).map(PathBuf::from));
static PROGRESS: Mutex<Progress> = Mutex::new(Progress { number: 0, passed: 0, failures: None });

/// How far the order of the moment is.
struct Progress {
    number: u64,
    passed: u32,
    /// The disk's error, and how often it still comes; 0 when it is over.
    failures: Option<(i32, u32)>,
}

/// See the unarmed function of this name.
///
/// # Errors
/// What was ordered.
pub fn pass(point: &'static str) -> io::Result<()> {
    match cross(point, Kind::Disk) {
        Some(error) => Err(io::Error::from_raw_os_error(error)),
        None => Ok(()),
    }
}

/// See the unarmed function of this name.
pub fn mark(point: &'static str) {
    cross(point, Kind::Moment);
}

/// By how many microseconds the wall clock is wrong.
pub fn clock_error_us() -> i64 {
    let text = CLOCK.as_ref().and_then(|path| fs::read_to_string(path).ok());
    text.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

fn cross(name: &'static str, kind: Kind) -> Option<i32> {
    let known = POINTS.iter().any(|point| point.name == name && point.kind == kind);
    assert!(known, "{name} is in the list of points, as what it is");
    let text = fs::read_to_string(ORDERS.as_ref()?).ok()?;
    let order: Order = text.parse().ok()?;
    let mut progress = PROGRESS.lock().unwrap_or_else(PoisonError::into_inner);
    if progress.number != order.number {
        *progress = Progress { number: order.number, passed: 0, failures: None };
    }
    if order.point == name {
        progress.passed = progress.passed.saturating_add(1);
        let due = progress.passed >= order.passing;
        match order.act {
            // Nothing is flushed, dropped or caught.
            Act::Kill if due => std::process::abort(),
            Act::Full(times) if due && progress.failures.is_none() => {
                progress.failures = Some((ENOSPC, times));
            }
            Act::ReadOnly(times) if due && progress.failures.is_none() => {
                progress.failures = Some((EROFS, times));
            }
            Act::Kill | Act::Full(_) | Act::ReadOnly(_) => {}
        }
    }
    if kind == Kind::Moment {
        return None;
    }
    let (error, left) = progress.failures.as_mut()?;
    *left = left.checked_sub(1)?;
    Some(*error)
}
