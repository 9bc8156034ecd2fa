//! Time as somebody outside the box sees it, and waiting for conditions.

use std::time::Duration;

use anyhow::{Result, bail};
use wire::time::WallTime;

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// UTC now. The box stamps arrivals with the same machine's clock, so differences are latencies.
#[allow(clippy::disallowed_methods)] // a subscriber has no `hal::Clock`, it is outside the box
pub fn wall() -> WallTime {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let micros = since.expect("the machine's clock is set to a time after 1970").as_micros();
    WallTime(i64::try_from(micros).expect("microseconds since 1970 fit into 63 bits"))
}

/// Milliseconds from `earlier` to `later`; negative if they are the other way round.
pub fn millis_between(earlier: WallTime, later: WallTime) -> f64 {
    (later.0 - earlier.0) as f64 / 1_000.0
}

/// Looks until `condition` gives a value.
///
/// # Errors
/// When it has not done so within `limit`; the message names `what` was awaited.
pub async fn until<T>(
    limit: Duration,
    what: &str,
    mut condition: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let mut looks = tokio::time::interval(LOOK_EVERY);
    let deadline = tokio::time::Instant::now() + limit;
    loop {
        looks.tick().await;
        if let Some(value) = condition().await? {
            return Ok(value);
        }
        if tokio::time::Instant::now() > deadline {
            bail!("{what} did not happen within {} s", limit.as_secs_f64());
        }
    }
}
