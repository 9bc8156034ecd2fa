//! What the values of several keys have in common: names, choices, ranges, and what may be missing.

use std::fmt::Display;

use wire::ids::Name;

use crate::{Entry, Section, nearest, quoted};

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

impl Section<'_> {
    /// Whether the document's `schema` is `version`, the one that this program reads.
    pub fn schema(&self, version: i64) -> Option<()> {
        let entry = self.required("schema")?;
        if entry.whole()? != version {
            entry.refuse(
                format_args!("this version of Courtside reads schema {version} only"),
                format_args!("write `schema = {version}`"),
            );
            return None;
        }
        Some(())
    }
}

/// A value that may be missing, but not wrong.
pub fn wish<'p, T>(
    entry: Option<Entry<'p>>,
    read: impl FnOnce(&Entry<'p>) -> Option<T>,
) -> Option<Option<T>> {
    match entry {
        Some(entry) => read(&entry).map(Some),
        None => Some(None),
    }
}

/// What to write instead of a text that is none of the names.
pub fn advice(text: &str, names: &[&str]) -> String {
    nearest(text, names).map_or_else(
        || format!("write one of {}", quoted(names)),
        |near| format!("did you mean `{near}`?"),
    )
}

#[cfg(test)]
mod tests {
    use crate::{Key, read, wish};

    const ROOT: &[Key] = &[Key::new("schema", "2"), Key::new("rate", "25")];

    /// What is read of a text, or everything that is wrong with it.
    fn told(text: &str) -> Result<Option<i64>, Vec<String>> {
        let read = read(text, |root| {
            let root = root.with_keys(ROOT);
            let schema = root.schema(2);
            let rate = wish(root.optional("rate"), |entry| entry.whole());
            schema.and(rate)
        });
        read.map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn value_that_is_wished_for_may_be_missing_but_not_wrong() {
        assert_eq!(told("schema = 2\nrate = 30\n"), Ok(Some(30)));
        assert_eq!(told("schema = 2\n"), Ok(None));
        let wrong = told("schema = 2\nrate = \"fast\"\n").expect_err("it is no number");
        assert!(wrong[0].starts_with("line 2: `rate = \"fast\"`: a whole number"), "{wrong:?}");
    }

    #[test]
    fn document_of_another_schema_or_of_none_is_refused_with_all_that_is_wrong() {
        let wrong = told("rate = true\nschema = 3\n").expect_err("another schema");
        let schema = "line 2: `schema = 3`: this version of Courtside reads schema 2 only; write \
                      `schema = 2`";
        assert_eq!(wrong.len(), 2, "{wrong:?}");
        assert_eq!(wrong[1], schema);
        let wrong = told("").expect_err("no schema");
        assert_eq!(wrong, ["line 1: `schema` is missing; write for example `schema = 2`"]);
        assert!(told("schema = 2\nspeed = 1\n").is_err(), "a value and a problem are no success");
    }
}
