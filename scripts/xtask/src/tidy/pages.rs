//! Pages that are named in tracked files must exist: a reader follows the name and finds nothing.

use std::collections::BTreeSet;
use std::path::{Component, Path};

use super::Finding;

/// Checks one tracked text file; `files` are all of them.
pub(super) fn check(file: &str, text: &str, files: &BTreeSet<&str>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let linked = if file.ends_with(".md") { links(file, line) } else { Vec::new() };
        for page in named(line).map(str::to_owned).chain(linked) {
            if !files.contains(page.as_str()) {
                let message = format!("{page} does not exist; write it, or name another page");
                findings.push(Finding::error(format!("{file}:{}", index + 1), message));
            }
        }
    }
    findings
}

/// Pages under `docs/` that are named from the workspace's folder.
fn named(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("docs/").filter_map(|(at, _)| {
        let before = line[..at].chars().next_back();
        let rest = &line[at..];
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.');
        let page = &rest[..rest.find(|c| !is_name(c)).unwrap_or(rest.len())];
        let starts = before.is_none_or(|c| !c.is_ascii_alphanumeric() && !"/._-}".contains(c));
        (starts && page.ends_with(".md")).then_some(page)
    })
}

/// Targets of a page's links to other files, from the workspace's folder.
fn links(file: &str, line: &str) -> Vec<String> {
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    line.match_indices("](")
        .filter_map(|(at, mark)| {
            let rest = &line[at + mark.len()..];
            let target = rest[..rest.find(')')?].split('#').next()?;
            let elsewhere = target.is_empty() || target.contains("://") || target.ends_with('/');
            (!elsewhere).then(|| plain(&folder.join(target)))
        })
        .collect()
}

/// The path without `..`.
fn plain(path: &Path) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(parts.pop()),
            Component::Normal(name) => parts.push(name.to_string_lossy().into_owned()),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `DOCS` is the folder, written so that this file names no page that is not there.
    fn missing(file: &str, text: &str) -> usize {
        let text = text.replace("DOCS", "docs");
        let pages = ["DOCS/a.md", "DOCS/b/c.md", "DOCS/p.png"].map(|p| p.replace("DOCS", "docs"));
        let files = pages.iter().map(String::as_str).chain(["README.md"]).collect();
        check(&file.replace("DOCS", "docs"), &text, &files).len()
    }

    #[test]
    fn a_page_that_is_named_must_exist() {
        assert_eq!(missing("src/lib.rs", "//! See `DOCS/a.md`, and DOCS/b/c.md.\n"), 0);
        assert_eq!(missing("src/lib.rs", "//! See `DOCS/x.md`.\n"), 1);
        assert_eq!(missing("src/lib.rs", "elsewhere/DOCS/x.md and $OUT/DOCS/x.md\n"), 0);
    }

    #[test]
    fn links_count_from_their_page() {
        assert_eq!(missing("README.md", "[a](DOCS/a.md#top) [b](DOCS/b/) [w](https://x.y/z)\n"), 0);
        assert_eq!(missing("DOCS/b/c.md", "[up](../a.md), ![p](../p.png), [here](#x)\n"), 0);
        assert_eq!(missing("DOCS/b/c.md", "[up](a.md)\n"), 1);
    }
}
