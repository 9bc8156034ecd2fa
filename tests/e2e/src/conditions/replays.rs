//! A program that shows the last seconds again, slowly: ffmpeg's filters for it, and when things
//! happen in it.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use serde_json::Value;

/// So much is shown again…
const SHOWN_S: u32 = 4;
/// …so many times slower.
const SLOWER: u32 = 2;

/// ffmpeg's filter graph: pictures `[0:v]` at 25 a second and sound `[1:a]` in, `[v]` and `[a]` out.
///
/// - every: seconds of play between two replays; more than 4.
/// - seconds: length of the play; what is left after the last replay is shown as well.
pub(super) fn filters(every: u32, seconds: u32) -> String {
    let parts: Vec<(u32, u32, u32)> = (0..seconds.div_ceil(every))
        .flat_map(|number| {
            let (from, to) = (number * every, ((number + 1) * every).min(seconds));
            let is_whole = to - from == every;
            let replay = is_whole.then(|| (to - SHOWN_S, to, SLOWER));
            std::iter::once((from, to, 1)).chain(replay)
        })
        .collect();
    let labels = |sort: char| {
        let label = |index: usize| format!("[{sort}{index}]");
        (0..parts.len()).map(label).collect::<String>()
    };
    let mut graph =
        format!("[0:v]split={n}{0};[1:a]asplit={n}{1};", labels('p'), labels('s'), n = parts.len());
    for (index, (from, to, slower)) in parts.iter().enumerate() {
        let _ = write!(
            graph,
            "[p{index}]trim={from}:{to},setpts={slower}*(PTS-STARTPTS),fps=25[v{index}];\
             [s{index}]atrim={from}:{to},asetpts=PTS-STARTPTS,atempo=1/{slower}[a{index}];"
        );
    }
    for index in 0..parts.len() {
        let _ = write!(graph, "[v{index}][a{index}]");
    }
    let _ = write!(graph, "concat=n={}:v=1:a=1[v][a]", parts.len());
    graph
}

/// Moves what happens to when it is shown first.
pub(super) fn shift_truth(truth: &mut Value, every: u32) -> Result<()> {
    for event in truth["events"].as_array_mut().context("the truth tells no events")? {
        let t = event["t"].as_f64().context("an event without a time")?;
        let replays = (t / f64::from(every)).floor();
        event["t"] = (t + replays * f64::from(SHOWN_S * SLOWER)).into();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_shown_and_whole_ones_end_with_a_replay() {
        let graph = filters(12, 30);
        let parts = ["0:12,", "8:12,", "12:24,", "20:24,", "24:30,"];
        assert_eq!(graph.matches("]trim=").count(), parts.len());
        for part in parts {
            assert!(graph.contains(&format!("]trim={part}")), "{part} in {graph}");
        }
        assert_eq!(graph.matches("setpts=2*").count(), 2);
        assert!(graph.ends_with("concat=n=5:v=1:a=1[v][a]"), "{graph}");
    }

    #[test]
    fn what_happens_after_a_replay_is_told_later() -> Result<()> {
        let mut truth = serde_json::json!({"events": [{"t": 11.0}, {"t": 13.0}, {"t": 25.5}]});
        shift_truth(&mut truth, 12)?;
        let times: Vec<_> = (0..3).map(|at| truth["events"][at]["t"].as_f64()).collect();
        assert_eq!(times, [Some(11.0), Some(21.0), Some(41.5)]);
        Ok(())
    }
}
