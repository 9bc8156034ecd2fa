//! The report as one HTML file without anything outside it, so that it can be mailed: the table,
//! the reliability of confidences as a plot, and a strip of pictures of every mistake.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::reliability::Reliability;
use super::report::{COLUMNS, Report, row};

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:60em;\
padding:0 1em;color:#222}table{border-collapse:collapse}td,th{padding:.2em .8em;text-align:right;\
border-bottom:1px solid #ddd}td:first-child,th:first-child{text-align:left}img{display:block;\
width:100%;image-rendering:pixelated;margin:.3em 0 1.2em}figure{margin:0}figcaption{\
font-weight:600}.ok{color:#2a7a2a}";

/// The page for one report a tier.
pub fn page(reports: &[Report]) -> String {
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Evaluation</title>\
         <style>{STYLE}</style><h1>Evaluation</h1>\n"
    );
    for report in reports {
        section(&mut html, report);
    }
    html.push_str("</html>\n");
    html
}

fn section(html: &mut String, report: &Report) {
    // Writing to a string cannot fail.
    let _ = writeln!(html, "<h2>Tier {}</h2>", report.tier());
    let _ = writeln!(html, "<p>{}</p>", escaped(&report.summary()));
    let _ = writeln!(html, "<table><tr><th>{}</tr>", COLUMNS.join("<th>"));
    for (kind, count) in report.kinds() {
        let _ = writeln!(html, "<tr><td>{}</tr>", row(kind, count).join("<td>"));
    }
    html.push_str("</table>\n<h3>Are confidences what they say?</h3>\n");
    plot(html, report.reliability());
    html.push_str("<h3>Mistakes</h3>\n");
    for video in report.videos() {
        let name = escaped(&video.name);
        if video.mistakes.is_empty() {
            let _ = writeln!(html, "<p class=\"ok\">{name}: none</p>");
        }
        for (mistake, strip) in video.mistakes.iter().zip(&video.pages.strips) {
            let picture = STANDARD.encode(strip);
            let what = escaped(&mistake.to_string());
            let _ = writeln!(
                html,
                "<figure><figcaption>{name}: {what}</figcaption>\
                 <img alt=\"the hoop around that moment, a picture every 80 ms\" \
                 src=\"data:image/png;base64,{picture}\"></figure>"
            );
        }
    }
}

/// Share of right reports over confidence, the size of a dot by how many there were.
fn plot(html: &mut String, table: &Reliability) {
    const SIZE: f64 = 220.0;
    let _ = write!(
        html,
        "<svg width=\"{0}\" height=\"{0}\" viewBox=\"-30 -10 {0} {0}\" font-size=\"10\">\
         <path d=\"M0 0V180H180M0 180L180 0\" fill=\"none\" stroke=\"#999\"/>\
         <text x=\"60\" y=\"196\">confidence</text>\
         <text transform=\"translate(-8 130) rotate(-90)\">share right</text>",
        SIZE
    );
    let most = table.bins().iter().map(|bin| bin.reports).max().unwrap_or(0).max(1);
    for bin in table.bins() {
        let Some((x, y)) = bin.confidence().zip(bin.right_share()) else { continue };
        let radius = 2.0 + 6.0 * (f64::from(bin.reports) / f64::from(most)).sqrt();
        let _ = write!(
            html,
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"{radius:.1}\" fill=\"#c60\"><title>{} of {} \
             right</title></circle>",
            180.0 * x,
            180.0 * (1.0 - y),
            bin.right,
            bin.reports
        );
    }
    let error = table.expected_calibration_error();
    let _ = writeln!(html, "</svg><p>Expected calibration error {error:.3}.</p>");
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
