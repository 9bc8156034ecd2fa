//! Counters in the box's telemetry, whatever the source they belong to.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::observer::{Heard, Observer};

/// The counters of a source once they are as `wanted`.
///
/// # Errors
/// When they are not within `limit`: with the last ones that were heard.
pub async fn source(
    observer: &mut Observer,
    (name, limit): (&str, Duration),
    wanted: impl Fn(&Value) -> bool,
) -> Result<Value> {
    let mut all = sources(observer, limit, |all| wanted(&all[name])).await?;
    Ok(all[name].take())
}

/// The counters of all sources, of one moment, once they are as `wanted`.
///
/// # Errors
/// As [`source`].
pub async fn sources(
    observer: &mut Observer,
    limit: Duration,
    wanted: impl Fn(&Value) -> bool,
) -> Result<Value> {
    let mut all = whole(observer, limit, |all| wanted(&all["sources"])).await?;
    Ok(all["sources"].take())
}

/// All that the box tells of its pipeline, once it is as `wanted`.
///
/// # Errors
/// As [`source`].
pub async fn whole(
    observer: &mut Observer,
    limit: Duration,
    wanted: impl Fn(&Value) -> bool,
) -> Result<Value> {
    let mut last = Value::Null;
    let found = async {
        while let Some(heard) = observer.next().await {
            if let Heard::Nonsense(why) = heard {
                anyhow::bail!(why);
            }
            let Heard::Telemetry(group, json) = heard else { continue };
            if group != "pipeline" {
                continue;
            }
            last = json;
            if wanted(&last) {
                return Ok(());
            }
        }
        anyhow::bail!("the subscriber ended")
    };
    let found = tokio::time::timeout(limit, found).await;
    found.with_context(|| format!("the telemetry is never as wanted: {last}"))??;
    Ok(last)
}

/// The sum of all numbers under this key, at any depth; `None` if it occurs nowhere.
pub fn counter(json: &Value, key: &str) -> Option<u64> {
    match json {
        Value::Object(fields) => {
            let own = fields.get(key).and_then(Value::as_u64);
            let others = fields.iter().filter(|(name, _)| name.as_str() != key);
            others.filter_map(|(_, value)| counter(value, key)).chain(own).reduce(|a, b| a + b)
        }
        Value::Array(items) => {
            items.iter().filter_map(|item| counter(item, key)).reduce(|a, b| a + b)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_of_all_sources_are_added_up() {
        let json = serde_json::json!({"sources": [{"frames": 3}, {"frames": 4}], "frames": 1});
        assert_eq!(counter(&json, "frames"), Some(8));
        assert_eq!(counter(&json, "sources"), None);
        assert_eq!(counter(&json, "nothing"), None);
    }
}
