//! A TOML document that is read key by key, so that every complaint can name the key, its line,
//! its value, why it cannot be used and what to write instead.
//!
//! Knows nothing of what the settings mean: that stands with those who read them, the box's
//! configuration and the board files. Opens no files. Collects all problems of a document instead
//! of stopping at the first. Never prints the value of a secret key, nor one that may hold a secret.
#![forbid(unsafe_code)]

mod showing;
mod values;

use std::cell::RefCell;
use std::fmt::{self, Display};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

pub use values::advice;

/// A key that a section may have.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Name in the file.
    pub name: &'static str,
    /// A value that could stand there, as TOML.
    pub example: &'static str,
    /// Whether the value may be shown.
    pub shown: Shown,
}

/// Whether a value may appear in messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// An ordinary value.
    Openly,
    /// A password or stream key, or what such a thing is often pasted into: replaced by `"…"`.
    Never,
}

impl Key {
    /// An ordinary key.
    pub const fn new(name: &'static str, example: &'static str) -> Self {
        Self { name, example, shown: Shown::Openly }
    }

    /// A key whose value is never printed.
    pub const fn secret(name: &'static str, example: &'static str) -> Self {
        Self { name, example, shown: Shown::Never }
    }
}

/// One thing that is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line in the file, from 1.
    pub line: usize,
    /// The whole message: key, value, why, what to write instead.
    pub message: String,
}

impl Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

/// The text being read and what was found wrong with it so far.
pub struct Document<'d> {
    text: &'d str,
    problems: RefCell<Vec<Problem>>,
}

impl<'d> Document<'d> {
    /// A document without problems yet.
    pub fn new(text: &'d str) -> Self {
        Self { text, problems: RefCell::default() }
    }

    /// Parses the text; syntax errors become problems. Without syntax errors `with` reads the root.
    pub fn read<T>(&self, with: impl FnOnce(Place<'_>) -> Option<T>) -> Option<T> {
        let (root, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            let line = self.line(error.span().map_or(0, |span| span.start));
            let told = error.message().replace('\n', ", ");
            self.push(line, format!("this is no TOML: {told}"));
        }
        if !errors.is_empty() {
            return None;
        }
        with(Place { document: self, table: Some(root.get_ref()), path: String::new(), line: 1 })
    }

    /// The problems in the order of their lines.
    pub fn problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| problem.line);
        problems
    }

    fn line(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().iter().take(offset);
        before.filter(|byte| **byte == b'\n').count() + 1
    }

    fn push(&self, line: usize, message: String) {
        self.problems.borrow_mut().push(Problem { line, message });
    }
}

/// A table of the document whose keys have not been looked at.
#[derive(Clone)]
pub struct Place<'p> {
    document: &'p Document<'p>,
    /// `None`: the table is not in the document, which is the same as an empty one.
    table: Option<&'p DeTable<'p>>,
    path: String,
    line: usize,
}

impl<'p> Place<'p> {
    /// Opens the table with the keys it may have. Unknown keys become problems at once.
    pub fn with_keys(self, known: &'static [Key]) -> Section<'p> {
        let section = Section { place: self, known };
        section.refuse_unknown_keys();
        section
    }

    /// The text under `name`, without any complaint: to choose which keys apply.
    pub fn peek(&self, name: &str) -> Option<&'p str> {
        self.table?.get(name).and_then(|value| value.get_ref().as_str())
    }

    fn named(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}

/// A table of the document together with the keys it may have.
pub struct Section<'p> {
    place: Place<'p>,
    known: &'static [Key],
}

impl<'p> Section<'p> {
    /// The entry under `name`, if it is there.
    pub fn optional(&self, name: &str) -> Option<Entry<'p>> {
        let key = self.key(name);
        let value = self.place.table?.get(name)?;
        Some(Entry {
            document: self.place.document,
            path: self.place.named(name),
            line: self.place.document.line(value.span().start),
            example: key.example,
            shown: key.shown,
            value,
        })
    }

    /// The entry under `name`; a problem if it is missing.
    pub fn required(&self, name: &str) -> Option<Entry<'p>> {
        let entry = self.optional(name);
        if entry.is_none() {
            let Key { example, .. } = self.key(name);
            self.refuse(format_args!(
                "`{}` is missing; write for example `{name} = {example}`",
                self.place.named(name)
            ));
        }
        entry
    }

    /// A problem of the section as a whole.
    pub fn refuse(&self, message: impl Display) {
        self.place.document.push(self.place.line, message.to_string());
    }

    /// The table under `name`; an empty one if it is missing, a problem if something else stands
    /// there.
    pub fn table(&self, name: &str) -> Option<Place<'p>> {
        let Some(entry) = self.optional(name) else {
            let Place { document, line, .. } = self.place;
            return Some(Place { document, table: None, path: self.place.named(name), line });
        };
        let table = entry.value.get_ref().as_table();
        if table.is_none() {
            entry
                .without_text()
                .refuse("this is a section", format_args!("write `[{name}]` on a line of its own"));
        }
        table.map(|table| Place {
            document: entry.document,
            table: Some(table),
            path: entry.path.clone(),
            line: entry.line,
        })
    }

    fn key(&self, name: &str) -> Key {
        let found = self.known.iter().find(|key| key.name == name);
        *found.expect("every key that is read stands in the section's list of known keys")
    }

    fn refuse_unknown_keys(&self) {
        let document = self.place.document;
        for name in self.place.table.into_iter().flat_map(|table| table.keys()) {
            let text: &str = name.get_ref();
            if self.known.iter().any(|key| key.name == text) {
                continue;
            }
            let names: Vec<&str> = self.known.iter().map(|key| key.name).collect();
            let advice = nearest(text, &names).map_or_else(
                || format!("known here are {}", quoted(&names)),
                |near| format!("did you mean `{near}`?"),
            );
            let path = self.place.named(text);
            document.push(
                document.line(name.span().start),
                format!("`{path}` is not a key that Courtside knows; {advice}"),
            );
        }
    }
}

/// One `key = value` of the document.
#[derive(Clone)]
pub struct Entry<'p> {
    document: &'p Document<'p>,
    path: String,
    line: usize,
    example: &'static str,
    shown: Shown,
    value: &'p Spanned<DeValue<'p>>,
}

impl<'p> Entry<'p> {
    /// Records why the value cannot be used and what to write instead. A value that may hold a secret
    /// is not shown, whatever its key, and is taken out of the reason too.
    pub fn refuse(&self, why: impl Display, instead: impl Display) {
        let value = self.value.get_ref();
        let shown = showing::shown(value, &self.document.text[self.value.span()], self.shown);
        let told = showing::without_secrets(value, format!("{why}; {instead}"));
        self.document.push(self.line, format!("`{} = {shown}`: {told}", self.path));
    }

    /// Like [`refuse`](Self::refuse) with the key's example as advice.
    pub fn refuse_with_example(&self, why: impl Display) {
        let name = self.path.rsplit('.').next().unwrap_or_default();
        self.refuse(why, format_args!("write for example `{name} = {}`", self.example));
    }

    /// The same entry whose value is not shown in messages.
    pub fn hidden(mut self) -> Self {
        self.shown = Shown::Never;
        self
    }

    /// The same entry, hidden if its value is a text: where tables belong, that may be anything.
    fn without_text(&self) -> Self {
        let entry = self.clone();
        if entry.value.get_ref().is_str() { entry.hidden() } else { entry }
    }

    /// The value as text.
    pub fn text(&self) -> Option<&'p str> {
        let text = self.value.get_ref().as_str();
        if text.is_none() {
            self.refuse_type("a text in quotes");
        }
        text
    }

    /// The value as a number, whole or not.
    pub fn number(&self) -> Option<f64> {
        let number = number_of(self.value.get_ref());
        if number.is_none() {
            self.refuse_type("a number");
        }
        number
    }

    /// The value as a whole number.
    pub fn whole(&self) -> Option<i64> {
        let whole = self.value.get_ref().as_integer();
        let whole = whole.and_then(|whole| i64::from_str_radix(whole.as_str(), whole.radix()).ok());
        if whole.is_none() {
            self.refuse_type("a whole number");
        }
        whole
    }

    /// The value as texts.
    pub fn texts(&self) -> Option<Vec<&'p str>> {
        let texts = self.value.get_ref().as_array().and_then(|array| {
            array.iter().map(|item| item.get_ref().as_str()).collect::<Option<Vec<_>>>()
        });
        if texts.is_none() {
            self.refuse_type("a list of texts");
        }
        texts
    }

    /// The value as numbers.
    pub fn numbers(&self) -> Option<Vec<f64>> {
        let numbers = self.value.get_ref().as_array().and_then(|array| {
            array.iter().map(|item| number_of(item.get_ref())).collect::<Option<Vec<_>>>()
        });
        if numbers.is_none() {
            self.refuse_type("a list of numbers");
        }
        numbers
    }

    /// The value as a list of tables, each named `path[1]`, `path[2]` …
    pub fn tables(&self) -> Vec<Place<'p>> {
        let places = self.value.get_ref().as_array().and_then(|array| {
            let numbered = array.iter().enumerate();
            numbered.map(|(index, item)| self.item(index, item)).collect::<Option<Vec<_>>>()
        });
        if places.is_none() {
            self.without_text().refuse_type("a list of tables");
        }
        places.unwrap_or_default()
    }

    /// The value as a table in braces.
    pub fn in_braces(&self) -> Option<Place<'p>> {
        let table = self.value.get_ref().as_table();
        if table.is_none() {
            self.without_text().refuse_type("a table in braces");
        }
        let (document, path, line) = (self.document, self.path.clone(), self.line);
        table.map(|table| Place { document, table: Some(table), path, line })
    }

    fn item(&self, index: usize, item: &'p Spanned<DeValue<'p>>) -> Option<Place<'p>> {
        item.get_ref().as_table().map(|table| Place {
            document: self.document,
            table: Some(table),
            path: format!("{}[{}]", self.path, index + 1),
            line: self.document.line(item.span().start),
        })
    }

    fn refuse_type(&self, expected: &str) {
        let found = self.value.get_ref().type_str();
        self.refuse_with_example(format_args!("{expected} belongs here, not {found}"));
    }
}

fn number_of(value: &DeValue<'_>) -> Option<f64> {
    let whole = value.as_integer().and_then(|whole| {
        i64::from_str_radix(whole.as_str(), whole.radix()).ok().map(|whole| whole as f64)
    });
    whole.or_else(|| value.as_float().and_then(|float| float.as_str().parse().ok()))
}

/// Names as `` `a`, `b` and `c` ``.
pub fn quoted(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}

/// The known name that `text` was most likely meant to be: at most half of its letters differ.
pub fn nearest<'n>(text: &str, names: &[&'n str]) -> Option<&'n str> {
    let distances = names.iter().map(|name| (edit_distance(text, name), *name));
    let (distance, name) = distances.min()?;
    (distance * 2 <= name.len()).then_some(name)
}

/// Levenshtein distance in bytes.
fn edit_distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}
