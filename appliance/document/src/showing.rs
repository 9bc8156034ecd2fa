//! What of a refused value a message may show.
//!
//! Knows no keys: which of them are secret stands with those who read them ([`Shown`](crate::Shown)).
//! But people paste whole addresses, with the stream key or the password in them, under any key: a
//! text that looks like one is shown under none.

use toml::de::DeValue;

use crate::Shown;

/// What addresses, logins and parameters have in them, and other texts hardly ever.
const SIGNS: [&str; 3] = ["://", "@", "="];

/// How a message shows a value that is written like `written`.
pub(crate) fn shown(value: &DeValue<'_>, written: &str, shown: Shown) -> String {
    match shown {
        Shown::Openly if !may_hold_a_secret(value) => shortened(written),
        Shown::Openly | Shown::Never => veil(value).to_owned(),
    }
}

/// The message without those texts of the value that may hold a secret: reasons name paths and
/// items of lists.
pub(crate) fn without_secrets(value: &DeValue<'_>, message: String) -> String {
    match value.as_str() {
        Some(text) if looks_like_one(text) => message.replace(text, "…"),
        Some(_) | None => {
            let items = value.as_array().into_iter().flatten();
            items.fold(message, |message, item| without_secrets(item.get_ref(), message))
        }
    }
}

/// Whether a value may hold a secret, whatever its key. A table may: somebody else's keys are not
/// known to be harmless.
fn may_hold_a_secret(value: &DeValue<'_>) -> bool {
    let mut items = value.as_array().into_iter().flatten();
    value.is_table()
        || value.as_str().is_some_and(looks_like_one)
        || items.any(|item| may_hold_a_secret(item.get_ref()))
}

/// What stands in a message in place of a value.
fn veil(value: &DeValue<'_>) -> &'static str {
    if value.is_table() {
        "{ … }"
    } else if value.is_array() {
        "[ … ]"
    } else {
        "\"…\""
    }
}

fn shortened(value: &str) -> String {
    const CHARACTERS_MAX: usize = 80;
    let line = value.lines().next().unwrap_or_default();
    let mut short: String = line.chars().take(CHARACTERS_MAX).collect();
    if short.len() < value.len() {
        short.push('…');
    }
    short
}

fn looks_like_one(text: &str) -> bool {
    SIGNS.iter().any(|sign| text.contains(sign))
}

#[cfg(test)]
mod tests {
    use crate::{Document, Key};

    const KEYS: &[Key] = &[Key::new("path", "\"/a.mp4\""), Key::new("paths", "[\"/a.mp4\"]")];

    /// What is told of the line `text` when all its values are refused with a reason that names them.
    fn told(text: &str) -> String {
        let document = Document::new(text);
        let _ = document.read(|root| {
            let section = root.with_keys(KEYS);
            if let Some(entry) = section.optional("path") {
                let path = entry.text()?;
                entry.refuse(format_args!("there is no file /etc/{path}"), "name another");
            }
            if let Some(entry) = section.optional("paths") {
                let paths = entry.texts()?.join(", ");
                entry.refuse(format_args!("these are no files: {paths}"), "name others");
            }
            Some(())
        });
        document.problems().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_text_that_looks_like_an_address_or_a_login_is_shown_under_no_key() {
        for text in ["rtsp://me:HUSH@10.0.0.2/1", "me:HUSH@b", "a&passphrase=HUSH", "srt://HUSH"] {
            assert_eq!(
                told(&format!("path = \"{text}\"")),
                "line 1: `path = \"…\"`: there is no file /etc/…; name another"
            );
        }
        assert_eq!(
            told("paths = [\"/b.mp4\", \"http://h/HUSH\"]"),
            "line 1: `paths = [ … ]`: these are no files: /b.mp4, …; name others"
        );
    }

    #[test]
    fn a_table_is_not_shown_where_something_else_belongs() {
        for text in ["path = { key = \"HUSH\" }", "path = [{ key = \"HUSH\" }]"] {
            let told = told(text);
            assert!(told.contains("a text in quotes belongs here"), "{told}");
            assert!(!told.contains("HUSH"), "{told}");
        }
    }

    #[test]
    fn an_ordinary_text_is_shown() {
        assert_eq!(
            told("path = \"/srv/b.mp4\""),
            "line 1: `path = \"/srv/b.mp4\"`: there is no file /etc//srv/b.mp4; name another"
        );
    }
}
