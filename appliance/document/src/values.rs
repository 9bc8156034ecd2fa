//! What the values of several keys have in common: names, choices, ranges.

use std::fmt::Display;

use wire::ids::Name;

use crate::{Entry, nearest, quoted};

impl<'p> Entry<'p> {
    /// The value as a [`Name`].
    pub fn name(&self) -> Option<Name> {
        match self.text()?.parse::<Name>() {
            Ok(name) => Some(name),
            Err(error) => {
                self.refuse_with_example(error);
                None
            }
        }
    }

    /// The value as a text that is not empty.
    pub fn filled(&self) -> Option<&'p str> {
        let text = self.text()?;
        if text.is_empty() {
            self.refuse_with_example("it must not be empty");
            return None;
        }
        Some(text)
    }

    /// The meaning of the value's text.
    pub fn one_of<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        let found = choices.iter().find(|(name, _)| *name == text);
        if found.is_none() {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            self.refuse("this is none of the possible values", advice(text, &names));
        }
        found.map(|(_, meaning)| *meaning)
    }

    /// The value as a number from `least` to `most`.
    pub fn within(&self, least: f64, most: f64, why: impl Display) -> Option<f64> {
        let number = self.number()?;
        if !(least..=most).contains(&number) {
            self.refuse_with_example(why);
            return None;
        }
        Some(number)
    }
}

/// What to write instead of a text that is none of the names.
pub fn advice(text: &str, names: &[&str]) -> String {
    nearest(text, names).map_or_else(
        || format!("write one of {}", quoted(names)),
        |near| format!("did you mean `{near}`?"),
    )
}
