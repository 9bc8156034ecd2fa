//! Draws what happened on one day: temperature, power, point and moments over time, ours beside
//! others.

use std::fmt::Write as _;

/// One line of a panel.
#[derive(Clone, Debug)]
pub struct Line {
    /// For the legend.
    pub name: String,
    /// A colour of SVG.
    pub colour: &'static str,
    /// Evenly over the picture's time.
    pub values: Vec<f64>,
}

/// How neighbouring values are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joined {
    /// Straight.
    Straight,
    /// In steps, as what holds until it changes.
    Steps,
}

/// One panel.
#[derive(Clone, Debug)]
pub struct Panel {
    /// What is shown, with its unit.
    pub title: String,
    /// The lines.
    pub lines: Vec<Line>,
    /// Lowest and highest value of the axis.
    pub range: (f64, f64),
    /// Lines of the grid with their labels.
    pub marks: Vec<(f64, String)>,
    /// A limit, drawn dashed.
    pub limit: Option<(f64, String)>,
    /// How values are joined.
    pub joined: Joined,
}

/// The picture.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Its title.
    pub title: String,
    /// First and last minute.
    pub minutes: (f64, f64),
    /// Minutes between two marks of the time's axis.
    pub mark_every: f64,
    /// Minutes that are marked in every panel by a thin line.
    pub ticks: Vec<f64>,
    /// From above to below.
    pub panels: Vec<Panel>,
}

const WIDTH: f64 = 960.0;
const LEFT: f64 = 100.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 62.0;
const PANEL: f64 = 140.0;
const GAP: f64 = 46.0;

impl Picture {
    /// As SVG, on a light ground.
    pub fn draw(&self) -> String {
        let height = TOP + self.panels.len() as f64 * (PANEL + GAP) + 20.0;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
             font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
             <text x=\"{LEFT}\" y=\"22\" font-size=\"16\" fill=\"#111111\">{}</text>\n",
            self.title
        );
        self.legend(&mut svg);
        for (index, panel) in self.panels.iter().enumerate() {
            let top = TOP + index as f64 * (PANEL + GAP) + 14.0;
            self.panel(&mut svg, panel, top);
        }
        svg.push_str("</svg>\n");
        svg
    }

    fn legend(&self, svg: &mut String) {
        let Some(panel) = self.panels.first() else { return };
        for (index, Line { name, colour, .. }) in panel.lines.iter().enumerate() {
            let x = LEFT + index as f64 * 150.0;
            let (end, text) = (x + 22.0, x + 28.0);
            let _ = writeln!(
                svg,
                "<line x1=\"{x}\" y1=\"42\" x2=\"{end}\" y2=\"42\" stroke=\"{colour}\" \
                 stroke-width=\"3\"/><text x=\"{text}\" y=\"46\" fill=\"#333333\">{name}</text>"
            );
        }
    }

    fn panel(&self, svg: &mut String, panel: &Panel, top: f64) {
        let (right, bottom) = (WIDTH - RIGHT, top + PANEL);
        let (low, high) = panel.range;
        let y = |value: f64| bottom - (value.clamp(low, high) - low) / (high - low) * PANEL;
        let _ = writeln!(
            svg,
            "<text x=\"{LEFT}\" y=\"{:.0}\" fill=\"#333333\" font-weight=\"bold\">{}</text>\
             <rect x=\"{LEFT}\" y=\"{top:.0}\" width=\"{:.0}\" height=\"{PANEL}\" \
             fill=\"#fafafa\" stroke=\"#bbbbbb\"/>",
            top - 5.0,
            panel.title,
            right - LEFT,
        );
        for (value, label) in &panel.marks {
            let (y, text) = (y(*value), LEFT - 6.0);
            let _ = writeln!(
                svg,
                "<line x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\" \
                 stroke=\"#e4e4e4\"/><text x=\"{text}\" y=\"{:.1}\" text-anchor=\"end\" \
                 fill=\"#555555\">{label}</text>",
                y + 4.0
            );
        }
        self.time_marks(svg, (top, bottom));
        for line in &panel.lines {
            let values: Vec<f64> = line.values.iter().map(|value| y(*value)).collect();
            let points = points(&values, panel.joined);
            let _ = writeln!(
                svg,
                "<polyline points=\"{points}\" fill=\"none\" stroke=\"{}\" \
                 stroke-width=\"1.3\"/>",
                line.colour
            );
        }
        if let Some((value, label)) = &panel.limit {
            let y = y(*value);
            let _ = writeln!(
                svg,
                "<line x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\" \
                 stroke=\"#aa0000\" stroke-dasharray=\"6 4\"/><text x=\"{:.0}\" y=\"{:.1}\" \
                 text-anchor=\"end\" fill=\"#aa0000\">{label}</text>",
                right - 4.0,
                y - 3.0
            );
        }
    }

    fn time_marks(&self, svg: &mut String, (top, bottom): (f64, f64)) {
        let (from, until) = self.minutes;
        let x_of = |minute: f64| LEFT + (minute - from) / (until - from) * (WIDTH - RIGHT - LEFT);
        let inside = self.ticks.iter().filter(|minute| (from..until).contains(*minute));
        for x in inside.map(|minute| x_of(*minute)) {
            let _ = writeln!(
                svg,
                "<line x1=\"{x:.1}\" y1=\"{top:.0}\" x2=\"{x:.1}\" y2=\"{bottom:.0}\" \
                 stroke=\"#d9b8e8\"/>"
            );
        }
        let count = ((until - from) / self.mark_every) as usize;
        for mark in 0..=count {
            let minute = from + mark as f64 * self.mark_every;
            let x = x_of(minute);
            let _ = writeln!(
                svg,
                "<text x=\"{x:.0}\" y=\"{:.0}\" text-anchor=\"middle\" \
                 fill=\"#555555\">{}:{:02}</text>",
                bottom + 14.0,
                minute as u32 / 60,
                minute as u32 % 60
            );
        }
    }
}

/// A line's corners, from heights at even distances.
fn points(heights: &[f64], joined: Joined) -> String {
    let step = (WIDTH - RIGHT - LEFT) / (heights.len().max(2) - 1) as f64;
    let mut points = String::new();
    let mut before: Option<f64> = None;
    for (index, now) in heights.iter().enumerate() {
        let x = LEFT + index as f64 * step;
        match (joined, before) {
            (Joined::Steps, Some(before)) if before == *now => continue,
            (Joined::Steps, Some(before)) => {
                let _ = write!(points, "{x:.1},{before:.1} ");
            }
            (Joined::Steps, None) | (Joined::Straight, _) => {}
        }
        let _ = write!(points, "{x:.1},{now:.1} ");
        before = Some(*now);
    }
    if let Some(before) = before {
        let _ = write!(points, "{:.1},{before:.1}", WIDTH - RIGHT);
    }
    points
}
