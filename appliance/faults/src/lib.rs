//! Fail points: places around every write, fsync, rename, publish and acknowledgement at which a
//! proof may kill the program, as a power cut would, or let the disk fail.
//!
//! Owns the list of points and the reading of orders. Without the feature `armed` every function
//! is empty, and neither names nor orders are in the program. Must not: decide what fails (the
//! driver of `tests/e2e` does).
//! Design note: `docs/decisions/0029-kills-at-fail-points.md`.
#![forbid(unsafe_code)]

#[cfg(feature = "armed")]
mod armed;
mod order;
mod points;

pub use order::{Act, Order};
pub use points::{Kind, POINTS, Point, Program};

/// Names the file with the order of the moment; read at every point. For an armed program only.
pub const ORDER_VARIABLE: &str = "COURTSIDE_FAULTS";
/// Names the file that says by how many microseconds the wall clock is wrong. For an armed program
/// only.
pub const CLOCK_VARIABLE: &str = "COURTSIDE_FAULTS_CLOCK";

/// A point before or after something that the disk does: the program may end here, or the disk
/// may fail.
///
/// # Errors
/// As the disk would fail; only in an armed program.
#[cfg(not(feature = "armed"))]
#[inline(always)]
pub const fn pass(_point: &'static str) -> std::io::Result<()> {
    Ok(())
}

/// A point at which the program may end, and nothing can fail.
#[cfg(not(feature = "armed"))]
#[inline(always)]
pub const fn mark(_point: &'static str) {}

/// By how many microseconds the wall clock is wrong.
#[cfg(not(feature = "armed"))]
#[inline(always)]
pub const fn clock_error_us() -> i64 {
    0
}

#[cfg(feature = "armed")]
pub use armed::{clock_error_us, mark, pass};
