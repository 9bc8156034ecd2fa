//! What is plugged in, for `courtside devices`. Opens each device and asks; changes nothing.

use std::fs;
use std::path::{Path, PathBuf};

use hal::capture::{NoSignal, Rate, Timings};
use wire::units::PictureSize;

use crate::fault::Fault;
use crate::negotiate::{Pixels, Sizes};
use crate::node::{Node, Signal};

/// One file of a video device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its file, such as `/dev/video0`.
    pub file: PathBuf,
    /// A name that stays the device's, whatever else is plugged in; the file itself without one.
    pub steady: PathBuf,
    /// What it is, or why it cannot be used.
    pub card: Result<Card, String>,
}

/// A device that captures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// Name and bus: `vivid at platform:vivid-000`.
    pub name: String,
    /// Its driver.
    pub driver: String,
    /// Its inputs.
    pub inputs: Vec<Input>,
    /// Layouts that it has.
    pub layouts: Vec<Layout>,
    /// What the input in use has now.
    pub signal: State,
}

/// An input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// It is the one in use.
    pub is_current: bool,
    /// It has the timings of SDI or HDMI.
    pub has_timings: bool,
}

/// A layout of pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Its code in Video4Linux.
    pub code: String,
    /// The box can take it.
    pub is_usable: bool,
    /// Sizes, where the device has a few, with the most pictures a second.
    pub sizes: Vec<(PictureSize, Option<Rate>)>,
    /// Smallest and largest size, where it has any in between.
    pub between: Option<(PictureSize, PictureSize)>,
}

/// What a signal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// There is one; with its timings where it has any.
    Present(Option<Timings>),
    /// There is none.
    Lost(NoSignal),
    /// The device does not say, or somebody uses it.
    Unknown,
}

/// Every file of a video device, in the order of its number.
pub fn all(sysfs: &Path, dev: &Path) -> Vec<Found> {
    let entries = fs::read_dir(sysfs.join("class/video4linux")).into_iter().flatten().flatten();
    let number = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        let number = name.strip_prefix("video")?.parse::<u32>().ok()?;
        Some((number, name))
    };
    let mut names: Vec<(u32, String)> = entries.filter_map(number).collect();
    names.sort_unstable();
    names.into_iter().map(|(_, name)| look(dev.join(name))).collect()
}

fn look(file: PathBuf) -> Found {
    let steady = crate::device::steady_name(&file);
    let card = Node::open(&file).and_then(card).map_err(|fault| fault.reason);
    Found { card, file, steady }
}

fn card(mut node: Node) -> Result<Card, Fault> {
    // The one in use.
    node.select(None)?;
    let inputs = node.inputs().into_iter().map(|input| Input {
        is_current: node.input() == Some(&input.name),
        name: input.name,
        has_timings: input.has_timings,
    });
    let signal = match node.signal() {
        Signal::Present(timings) => State::Present(timings.map(|(_, told)| told)),
        Signal::Lost(why) => State::Lost(why),
        Signal::Unknown => State::Unknown,
    };
    let layouts =
        node.codes().unwrap_or_default().into_iter().map(|code| layout(&node, code)).collect();
    Ok(Card {
        inputs: inputs.collect(),
        name: node.name().to_owned(),
        driver: node.driver().to_owned(),
        layouts,
        signal,
    })
}

fn layout(node: &Node, code: [u8; 4]) -> Layout {
    let pixels = Pixels::of_code(code);
    let (mut sizes, mut between) = (Vec::new(), None);
    match pixels.map(|pixels| (pixels, node.sizes(pixels))) {
        Some((pixels, Sizes::These(all))) => {
            let fastest = |size| (size, node.rates(pixels, size).first().copied());
            sizes = all.into_iter().map(fastest).collect();
        }
        Some((_, Sizes::Between(least, most))) => between = Some((least, most)),
        None => {}
    }
    Layout { code: name_of(code), is_usable: pixels.is_some(), sizes, between }
}

/// A code as people write it: its last bit says that the bytes are in the other order.
fn name_of([a, b, c, d]: [u8; 4]) -> String {
    let letters = [a, b, c, d & 0x7f];
    let name = String::from_utf8_lossy(&letters).trim().to_owned();
    if d & 0x80 == 0 { name } else { format!("{name}-BE") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_written_as_people_write_them() {
        let told = [*b"UYVY", *b"Y16 ", *b"Y16\xa0"].map(name_of);
        assert_eq!(told, ["UYVY", "Y16", "Y16-BE"]);
    }

    #[test]
    fn devices_are_told_in_order_and_one_that_is_no_camera_is_told_too() {
        let root = tempfile::tempdir().expect("a folder");
        let class = root.path().join("class/video4linux");
        for name in ["video10", "video2", "v4l-subdev0", "vbi0"] {
            fs::create_dir_all(class.join(name)).expect("a folder");
        }
        fs::write(root.path().join("video2"), "").expect("a file");
        let found = all(root.path(), root.path());
        let files: Vec<_> = found.iter().map(|f| f.file.file_name().expect("a name")).collect();
        assert_eq!(files, ["video2", "video10"]);
        let why = |index: usize| found[index].card.as_ref().expect_err("no camera").clone();
        assert!(why(0).contains("is no video device"), "{}", why(0));
        assert!(why(1).contains("is not there"), "{}", why(1));
        assert_eq!(all(&root.path().join("none"), root.path()), []);
    }
}
