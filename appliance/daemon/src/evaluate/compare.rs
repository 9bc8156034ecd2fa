//! Two results side by side: what became better, and which mistakes came and went.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::matching::TOLERANCE_S;

/// What `--json` wrote, as far as it is compared.
#[derive(Deserialize)]
struct Written {
    tier: String,
    kinds: BTreeMap<String, Numbers>,
    videos: Vec<Video>,
}

#[derive(Deserialize)]
struct Numbers {
    precision: f64,
    recall: f64,
}

#[derive(Deserialize)]
struct Video {
    name: String,
    mistakes: Vec<Noted>,
}

#[derive(Clone, Deserialize)]
struct Noted {
    /// In words.
    what: String,
    /// The sort of mistake.
    sort: String,
    t: Option<f64>,
}

impl Noted {
    /// Whether it is the same mistake: moments of false reports differ a little from run to run.
    fn is(&self, other: &Self) -> bool {
        let near = match (self.t, other.t) {
            (Some(a), Some(b)) => (a - b).abs() <= TOLERANCE_S,
            (a, b) => a == b,
        };
        near && self.sort == other.sort
    }
}

/// Two results of the same videos.
pub struct Comparison {
    before: Written,
    after: Written,
}

impl Comparison {
    /// Reads two files that `--json` wrote.
    ///
    /// # Errors
    /// Names the file that is none, and what to do.
    pub fn load(before: &Path, after: &Path) -> Result<Self> {
        Ok(Self { before: load(before)?, after: load(after)? })
    }

    /// Mistakes of `of` that `other` does not have, in words, for the videos that both have.
    fn only(of: &Written, other: &Written) -> Vec<String> {
        let mut only = Vec::new();
        for video in &of.videos {
            let Some(twin) = other.videos.iter().find(|v| v.name == video.name) else { continue };
            let known = |mistake: &Noted| twin.mistakes.iter().any(|other| other.is(mistake));
            let new = video.mistakes.iter().filter(|mistake| !known(mistake));
            only.extend(new.map(|mistake| format!("{}: {}", video.name, mistake.what)));
        }
        only
    }

    /// Videos that only one of the two has.
    fn alone(&self) -> Vec<String> {
        let (a, b) = (&self.before.videos, &self.after.videos);
        let without = |of: &[Video], name: &str| of.iter().all(|video| video.name != name);
        let names = |of: &'_ [Video]| of.iter().map(|video| video.name.clone()).collect::<Vec<_>>();
        let mut alone: Vec<String> = names(a).into_iter().filter(|n| without(b, n)).collect();
        alone.extend(names(b).into_iter().filter(|n| without(a, n)));
        alone
    }
}

fn load(file: &Path) -> Result<Written> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("result {} not read", file.display()))?;
    serde_json::from_str(&text).with_context(|| {
        format!(
            "{} is no result of an evaluation; `courtside evaluate DIR --json FILE` writes one",
            file.display()
        )
    })
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (a, b) = (&self.before, &self.after);
        writeln!(f, "tier {} against tier {}", a.tier, b.tier)?;
        writeln!(f, "{:<12} {:>26} {:>26}", "kind", "precision", "recall")?;
        for (kind, before) in &a.kinds {
            let Some(after) = b.kinds.get(kind) else { continue };
            let change = |a: f64, b: f64| format!("{a:.3} → {b:.3} ({:+.3})", b - a);
            writeln!(
                f,
                "{kind:<12} {:>26} {:>26}",
                change(before.precision, after.precision),
                change(before.recall, after.recall)
            )?;
        }
        for (title, mistakes) in [("gone", Self::only(a, b)), ("new", Self::only(b, a))] {
            writeln!(f, "mistakes that are {title}: {}", mistakes.len())?;
            for mistake in mistakes {
                writeln!(f, "    {mistake}")?;
            }
        }
        for name in self.alone() {
            writeln!(f, "only one of the two has {name}: its mistakes are not compared")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(sort: &str, t: f64) -> Noted {
        Noted { what: format!("{sort} at {t:.2} s"), sort: sort.into(), t: Some(t) }
    }

    fn result(recall: f64, mistakes: &[Noted]) -> Written {
        Written {
            tier: "full".into(),
            kinds: [("made_shot".to_owned(), Numbers { precision: 1.0, recall })].into(),
            videos: vec![Video { name: "g1".into(), mistakes: mistakes.to_vec() }],
        }
    }

    #[test]
    fn mistakes_that_came_and_went_are_told_and_those_that_stayed_are_not() {
        let before = result(0.8, &[noted("missed made_shot", 5.0), noted("false made_shot", 9.0)]);
        let after = result(0.9, &[noted("false made_shot", 9.1), noted("false made_shot", 12.0)]);
        let text = Comparison { before, after }.to_string();
        assert!(text.contains("0.800 → 0.900 (+0.100)"), "{text}");
        assert!(text.contains("gone: 1\n    g1: missed made_shot at 5.00 s"), "{text}");
        assert!(text.contains("new: 1\n    g1: false made_shot at 12.00 s"), "{text}");
    }

    #[test]
    fn a_video_that_only_one_has_is_named() {
        let after = Written { videos: Vec::new(), ..result(0.8, &[]) };
        let text = Comparison { before: result(0.8, &[]), after }.to_string();
        assert!(text.contains("only one of the two has g1"), "{text}");
    }
}
