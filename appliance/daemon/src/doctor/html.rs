//! The page to print: one file without scripts, pictures or links, with room for two signatures.

use std::fmt::Write as _;

use super::report::{Check, Report, Verdict};
use super::sign::Seal;

const STYLE: &str = "
body { font: 10pt/1.35 sans-serif; margin: 2em auto; max-width: 60em; color: #111; }
h1 { font-size: 15pt; margin-bottom: 0; }
h2 { font-size: 11pt; margin: 1.2em 0 0.2em; }
table { border-collapse: collapse; width: 100%; }
td, th { border-top: 1px solid #bbb; padding: 0.2em 0.5em; text-align: left; vertical-align: top; }
td.verdict { width: 6em; font-weight: bold; }
td.name { width: 14em; }
.good { color: #0a6b22; } .warning { color: #8a5a00; } .bad { color: #b00020; }
.unchecked { color: #555; }
.advice { font-style: italic; }
.outcome { border: 2px solid #111; padding: 0.5em; font-size: 12pt; font-weight: bold; }
.signatures { display: flex; gap: 4em; margin-top: 4em; }
.signatures div { flex: 1; border-top: 1px solid #111; padding-top: 0.2em; }
.blank { display: inline-block; border-bottom: 1px solid #111; width: 20em; }
code { overflow-wrap: anywhere; }
tr, .signatures, .outcome { break-inside: avoid; }
@page { margin: 15mm; }
";

/// The page as HTML.
pub(super) fn page(report: &Report, seal: &Seal) -> String {
    let mut html = String::new();
    // Writing into a text cannot fail.
    let _ = write_page(&mut html, report, seal);
    html
}

fn write_page(html: &mut String, report: &Report, seal: &Seal) -> std::fmt::Result {
    let (tenant, device) = (escaped(&report.tenant), escaped(&report.device));
    writeln!(
        html,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <title>Acceptance of {tenant}/{device}</title>\n<style>{STYLE}</style>\n</head>\n<body>"
    )?;
    writeln!(html, "<h1>Acceptance of box {device}</h1>")?;
    writeln!(
        html,
        "<p>Tenant {tenant} · venue <span class=\"blank\">&nbsp;</span><br>{} · firmware {}</p>",
        escaped(&report.at),
        escaped(&report.firmware)
    )?;
    writeln!(html, "<p class=\"outcome\">{}</p>", escaped(&report.conclusion()))?;
    for section in &report.sections {
        writeln!(html, "<h2>{}</h2>\n<table>", escaped(section.name))?;
        section.checks.iter().try_for_each(|check| write_check(html, check))?;
        writeln!(html, "</table>")?;
    }
    writeln!(html, "<p><code>{}</code></p>", escaped(&seal.sentence()))?;
    writeln!(
        html,
        "<div class=\"signatures\"><div>Installer: name, date, signature</div>\
         <div>Venue: name, date, signature</div></div>\n</body>\n</html>"
    )
}

fn write_check(html: &mut String, check: &Check) -> std::fmt::Result {
    let class = match check.verdict {
        Verdict::Good => "good",
        Verdict::NotChecked => "unchecked",
        Verdict::Warning => "warning",
        Verdict::Bad => "bad",
    };
    let advice = check.advice.as_ref();
    let advice =
        advice.map(|advice| format!("<br><span class=\"advice\">{}</span>", escaped(advice)));
    writeln!(
        html,
        "<tr><td class=\"verdict {class}\">{}</td><td class=\"name\">{}</td><td>{}{}</td></tr>",
        check.verdict.as_str(),
        escaped(&check.name),
        escaped(&check.found),
        advice.unwrap_or_default()
    )
}

/// Text that may stand anywhere in a page.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            letter => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::super::report::tests::report;
    use super::*;

    #[test]
    fn page_stands_alone_and_nothing_that_was_found_becomes_markup() {
        let seal = Seal::Unsigned { reason: "<script>".to_owned() };
        let page = page(&report(&[Verdict::Good, Verdict::Bad]), &seal);
        for part in [
            "<title>Acceptance of demo/court-1</title>",
            concat!("firmware ", env!("CARGO_PKG_VERSION")),
            "2026-11-30 00:53:20 UTC",
            "not accepted: 1 bad, 1 good",
            "<td class=\"verdict bad\">bad</td>",
            "12.5 °C &lt;warm&gt;",
            "cool it &amp; &quot;wait&quot;",
            "Installer: name, date, signature",
            "Venue: name, date, signature",
        ] {
            assert!(page.contains(part), "{part} is not in {page}");
        }
        for part in ["<script", "http", "src=", "@import"] {
            assert!(!page.contains(part), "{part} is in {page}");
        }
    }
}
