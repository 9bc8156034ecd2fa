//! `courtside devices`: which capture devices are plugged in, what they deliver, and whether they
//! have a signal. As text for people, or as JSON.

use std::fmt::{self, Write as _};
use std::path::Path;

use hal::capture::Timings;
use serde_json::{Value, json};
use v4l2::list::{self, Card, Found, Layout, State};
use wire::units::PictureSize;

/// What is plugged in.
pub struct Devices(Vec<Found>);

/// Looks what is plugged in.
pub fn look() -> Devices {
    Devices(list::all(Path::new(v4l2::reset::SYSFS), Path::new("/dev")))
}

impl Devices {
    /// As JSON: a list of devices.
    pub fn json(&self) -> Value {
        Value::Array(self.0.iter().map(of_device).collect())
    }
}

impl fmt::Display for Devices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str(
                "No capture device is plugged in, or its driver is not loaded (`lsmod`, `dmesg`).",
            );
        }
        let told: Vec<String> = self.0.iter().map(text_of).collect();
        f.write_str(told.join("\n").trim_end())
    }
}

fn text_of(found: &Found) -> String {
    let mut text = String::new();
    // Writing into a text cannot fail.
    let _ = write_device(&mut text, found);
    text
}

fn write_device(text: &mut String, found: &Found) -> fmt::Result {
    let card = match &found.card {
        Ok(card) => card,
        Err(reason) => return writeln!(text, "{}\n  not usable: {reason}", found.file.display()),
    };
    writeln!(text, "{}  {} (driver {})", found.file.display(), card.name, card.driver)?;
    if found.steady != found.file {
        writeln!(text, "  always    {}", found.steady.display())?;
    }
    for input in &card.inputs {
        let current = if input.is_current { ", in use" } else { "" };
        let timings = if input.has_timings { ", SDI or HDMI" } else { "" };
        writeln!(text, "  input     {}{timings}{current}", input.name)?;
    }
    writeln!(text, "  signal    {}", signal(card))?;
    for layout in card.layouts.iter().filter(|layout| layout.is_usable) {
        writeln!(text, "  format    {}{}", layout.code, sizes(layout))?;
    }
    let others: Vec<&str> = card
        .layouts
        .iter()
        .filter(|layout| !layout.is_usable)
        .map(|layout| layout.code.as_str())
        .collect();
    if !others.is_empty() {
        writeln!(text, "  not taken {}", others.join(", "))?;
    }
    Ok(())
}

/// What its input in use has, in words.
pub(crate) fn signal(card: &Card) -> String {
    match card.signal {
        State::Present(Some(timings)) => timings.to_string(),
        State::Present(None) => "yes".to_owned(),
        State::Lost(why) => why.to_string(),
        State::Unknown => "the device does not say; is it in use?".to_owned(),
    }
}

fn sizes(layout: &Layout) -> String {
    let size = |size: PictureSize| format!("{}x{}", size.width, size.height);
    if let Some((least, most)) = layout.between {
        return format!(", {} to {}", size(least), size(most));
    }
    let told = layout.sizes.iter().map(|(picture, rate)| match rate {
        Some(rate) => format!("{} at {rate}", size(*picture)),
        None => size(*picture),
    });
    let told: Vec<String> = told.collect();
    if told.is_empty() { String::new() } else { format!(", {}", told.join(", ")) }
}

fn of_device(found: &Found) -> Value {
    match &found.card {
        Err(reason) => json!({ "file": found.file, "error": reason }),
        Ok(card) => json!({
            "file": found.file,
            "steady": found.steady,
            "name": card.name,
            "driver": card.driver,
            "inputs": card.inputs.iter().map(|input| json!({
                "name": input.name,
                "in_use": input.is_current,
                "timings": input.has_timings,
            })).collect::<Vec<_>>(),
            "signal": of_signal(card.signal),
            "formats": card.layouts.iter().map(of_layout).collect::<Vec<_>>(),
        }),
    }
}

fn of_signal(state: State) -> Value {
    let timings = |timings: Timings| {
        json!({
            "name": timings.to_string(),
            "width": timings.size.width,
            "height": timings.size.height,
            "rate_millihertz": timings.rate.0,
        })
    };
    match state {
        State::Present(told) => json!({ "state": "present", "timings": told.map(timings) }),
        State::Lost(why) => json!({ "state": "lost", "reason": why.to_string() }),
        State::Unknown => json!({ "state": "unknown" }),
    }
}

fn of_layout(layout: &Layout) -> Value {
    let sizes: Vec<Value> = layout
        .sizes
        .iter()
        .map(|(size, rate)| {
            let rate = rate.map(|rate| rate.0);
            json!({ "width": size.width, "height": size.height, "rate_millihertz": rate })
        })
        .collect();
    let between = layout
        .between
        .map(|(least, most)| [[least.width, least.height], [most.width, most.height]]);
    json!({
        "code": layout.code,
        "taken": layout.is_usable,
        "sizes": sizes,
        "sizes_between": between,
    })
}

#[cfg(test)]
mod tests {
    use hal::capture::{NoSignal, Rate, SentRows};

    use super::*;

    fn card(signal: State) -> Found {
        let size = PictureSize { width: 1920, height: 1080 };
        let layout = |code: &str, is_usable| Layout {
            code: code.to_owned(),
            is_usable,
            sizes: if is_usable { vec![(size, Some(Rate(59_940)))] } else { Vec::new() },
            between: None,
        };
        Found {
            file: "/dev/video0".into(),
            steady: "/dev/v4l/by-path/pci-0000:03:00.0-video-index0".into(),
            card: Ok(Card {
                name: "Card at PCI:0000:03:00.0".to_owned(),
                driver: "card".to_owned(),
                inputs: vec![list::Input {
                    name: "SDI 1".to_owned(),
                    is_current: true,
                    has_timings: true,
                }],
                layouts: vec![layout("UYVY", true), layout("RGB3", false)],
                signal,
            }),
        }
    }

    #[test]
    fn a_technician_sees_device_input_signal_and_formats() {
        let size = PictureSize { width: 1920, height: 1080 };
        let timings = Timings { size, rows: SentRows::Progressive, rate: Rate(50_000) };
        let told = Devices(vec![card(State::Present(Some(timings)))]).to_string();
        assert_eq!(
            told,
            "/dev/video0  Card at PCI:0000:03:00.0 (driver card)\n  \
               always    /dev/v4l/by-path/pci-0000:03:00.0-video-index0\n  \
               input     SDI 1, SDI or HDMI, in use\n  \
               signal    1080p50\n  \
               format    UYVY, 1920x1080 at 59.94\n  \
               not taken RGB3"
        );
        let lost = Devices(vec![card(State::Lost(NoSignal::Nothing))]);
        assert!(lost.to_string().contains("signal    no signal: is the cable in"), "{lost}");
        assert_eq!(lost.json()[0]["signal"]["state"], "lost");
        assert_eq!(lost.json()[0]["formats"][0]["sizes"][0]["rate_millihertz"], 59_940);
    }

    #[test]
    fn no_device_and_an_unusable_one_are_told_in_words() {
        let none = Devices(Vec::new());
        assert!(none.to_string().contains("No capture device is plugged in"), "{none}");
        assert_eq!(none.json(), json!([]));
        let found = Found { card: Err("it is in use".to_owned()), ..card(State::Unknown) };
        let unusable = Devices(vec![found]);
        assert_eq!(unusable.to_string(), "/dev/video0\n  not usable: it is in use");
        assert_eq!(unusable.json()[0]["error"], "it is in use");
    }
}
