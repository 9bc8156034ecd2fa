//! Fake trees: what a box of each board shows, one file a line.
//!
//! `path = text`; `\0` in a text is a zero byte. Lines that begin with `#` say where it is from.

use std::fs;
use std::path::Path;

/// The trees, by the names of their boards.
pub(crate) const TREES: [(&str, &str); 6] = [
    ("jetson-orin-nano", include_str!("jetson-orin-nano.tree")),
    ("jetson-orin-nx", include_str!("jetson-orin-nx.tree")),
    ("jetson-agx-orin", include_str!("jetson-agx-orin.tree")),
    ("jetson-thor", include_str!("jetson-thor.tree")),
    ("generic-x86", include_str!("generic-x86.tree")),
    ("development-vm", include_str!("development-vm.tree")),
];

/// Grows the tree of `board` below `root`.
pub(crate) fn grow(root: &Path, board: &str) {
    let (_, tree) = TREES.iter().find(|(name, _)| *name == board).expect("it has a tree");
    for line in tree.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (path, text) = line.split_once(" =").expect("path = text");
        write(root, path, text.trim());
    }
}

/// Writes one file of a tree.
pub(crate) fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().expect("it lies in a folder")).expect("a folder");
    let text = text.replace("\\0", "\0");
    let end = if text.ends_with('\0') { "" } else { "\n" };
    fs::write(path, format!("{text}{end}")).expect("a file");
}
