//! `docs/links.md`: the table of links between the stages, taken from the header of the file that
//! declares them, so that page and code cannot disagree for long: `cargo xtask tidy` compares.

use std::path::Path;

use anyhow::{Context, Result, ensure};

/// The file that declares the links.
pub(crate) const SOURCE: &str = "appliance/pipeline/src/links.rs";
/// The generated page.
pub(crate) const PAGE: &str = "docs/links.md";

/// Writes the page of the workspace at `root`.
pub(crate) fn write(root: &Path) -> Result<()> {
    let page = page(&read_source(root)?);
    ensure!(page.contains("\n| "), "{SOURCE} has no table in its `//!` header");
    let path = root.join(PAGE);
    std::fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))
}

/// Whether the page says what the source says.
pub(crate) fn is_current(root: &Path) -> Result<bool> {
    let written = std::fs::read_to_string(root.join(PAGE)).unwrap_or_default();
    Ok(written == page(&read_source(root)?))
}

fn read_source(root: &Path) -> Result<String> {
    let path = root.join(SOURCE);
    std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

fn page(source: &str) -> String {
    let header = source.lines().map_while(|line| line.strip_prefix("//!"));
    // Links to items mean nothing outside rustdoc; their names stay.
    let plain = |line: &str| line.trim_start().replace("[`", "`").replace("`]", "`");
    let body: Vec<String> = header.map(plain).collect();
    format!(
        "# Links between the stages\n\n\
         Generated from `{SOURCE}` by `cargo xtask links-doc`; change it there.\n\n{}\n",
        body.join("\n")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_is_the_header_without_rustdoc_links_and_ends_with_it() {
        let source =
            "//! Every link.\n//!\n//! | link |\n//! |---|\n//! | [`Units`] |\n\nuse x;\n//! no\n";
        let page = page(source);
        assert!(page.ends_with("\n\nEvery link.\n\n| link |\n|---|\n| `Units` |\n"), "{page}");
    }
}
