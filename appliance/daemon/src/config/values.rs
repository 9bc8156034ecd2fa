//! Paths: what the values of several sections have in common beside what [`document`] reads.

use std::path::PathBuf;

use document::Entry;

use super::Surroundings;

impl Surroundings {
    /// A path, counted from the configuration's folder if it is relative.
    pub(super) fn path(&self, entry: &Entry<'_>) -> Option<PathBuf> {
        Some(self.folder.join(entry.filled()?))
    }

    /// A path under which there is a file.
    pub(super) fn file(&self, entry: &Entry<'_>) -> Option<PathBuf> {
        let path = self.path(entry)?;
        if path.is_file() {
            return Some(path);
        }
        entry.refuse(
            format_args!("there is no file {}", path.display()),
            "name an existing file; a relative path counts from this configuration's folder",
        );
        None
    }

    /// A path under which there is a folder.
    pub(super) fn folder(&self, entry: &Entry<'_>) -> Option<PathBuf> {
        let path = self.path(entry)?;
        if path.is_dir() {
            return Some(path);
        }
        entry.refuse(
            format_args!("there is no folder {}", path.display()),
            "make it, and let the box's user write it; a relative path counts from this \
             configuration's folder",
        );
        None
    }
}
