//! What several sections' values have in common: names, choices, ranges, paths.

use std::fmt::Display;
use std::path::PathBuf;

use wire::ids::Name;

use super::Surroundings;
use super::document::{Entry, nearest, quoted};

impl<'p> Entry<'p> {
    /// The value as a [`Name`].
    pub(super) fn name(&self) -> Option<Name> {
        match self.text()?.parse::<Name>() {
            Ok(name) => Some(name),
            Err(error) => {
                self.refuse_with_example(error);
                None
            }
        }
    }

    /// The value as a text that is not empty.
    pub(super) fn filled(&self) -> Option<&'p str> {
        let text = self.text()?;
        if text.is_empty() {
            self.refuse_with_example("it must not be empty");
            return None;
        }
        Some(text)
    }

    /// The meaning of the value's text.
    pub(super) fn one_of<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        let found = choices.iter().find(|(name, _)| *name == text);
        if found.is_none() {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            self.refuse("this is none of the possible values", advice(text, &names));
        }
        found.map(|(_, meaning)| *meaning)
    }

    /// The value as a number from `least` to `most`.
    pub(super) fn within(&self, least: f64, most: f64, why: impl Display) -> Option<f64> {
        let number = self.number()?;
        if !(least..=most).contains(&number) {
            self.refuse_with_example(why);
            return None;
        }
        Some(number)
    }
}

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

/// What to write instead of a text that is none of the names.
pub(super) fn advice(text: &str, names: &[&str]) -> String {
    nearest(text, names).map_or_else(
        || format!("write one of {}", quoted(names)),
        |near| format!("did you mean `{near}`?"),
    )
}
