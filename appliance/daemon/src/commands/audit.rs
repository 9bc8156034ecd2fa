//! `courtside commands`: who asked the box for what, and what became of it.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::store::read_commands;

/// How it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Lines for people.
    Lines,
    /// JSON lines for programs.
    Json,
}

/// The last `count` commands of the box with this data folder, oldest first, a line each.
///
/// # Errors
/// The box's database is not there or cannot be read.
pub fn tell(data_dir: &Path, count: u32, form: Form) -> Result<String> {
    let path = data_dir.join("courtside.sqlite");
    let rows = read_commands(&path, count).with_context(|| {
        format!(
            "{} cannot be read; run this as root, on a box that this version was started on",
            path.display()
        )
    })?;
    if rows.is_empty() && form == Form::Lines {
        return Ok("nobody has asked this box for anything".to_owned());
    }
    let line = |row: &Value| match form {
        Form::Json => row.to_string(),
        Form::Lines => people(row),
    };
    Ok(rows.iter().map(line).collect::<Vec<_>>().join("\n"))
}

fn people(row: &Value) -> String {
    let text = |key: &str| row[key].as_str().unwrap_or_default();
    let at = row["at_us"].as_i64().unwrap_or_default();
    let at = jiff::Timestamp::from_microsecond(at).map(|at| format!("{at:.0}")).unwrap_or_default();
    let signer = match row["signer"].as_str() {
        Some(file) => format!(", signed by {file}"),
        None => String::new(),
    };
    format!(
        "{at}  {:<11}  {:<11}  {}{signer}  ({})\n    {}",
        text("verb"),
        text("outcome"),
        if text("by").is_empty() { "?" } else { text("by") },
        if text("id").is_empty() { "no id" } else { text("id") },
        text("text")
    )
}
