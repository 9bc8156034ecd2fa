//! What a box says of itself: device tree, DMI and ACPI, below a root folder.

use std::fmt;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use crate::Saying;

/// Longest text that is read, in bytes; a device tree's list of names is the longest.
const TEXT_BYTES_MAX: u64 = 4_096;
/// Most devices of ACPI that are looked at.
const DEVICES_MAX: usize = 4_096;

/// See the module. A box has a device tree, or DMI and ACPI, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// From the most particular to the most general.
    compatible: Vec<String>,
    model: Option<String>,
    dmi: Vec<(Saying, String)>,
    acpi: Vec<String>,
}

impl Identity {
    /// Reads it below `root`, which is `/` except in tests. What cannot be read is not said.
    pub fn read(root: &Path) -> Self {
        let tree = root.join("sys/firmware/devicetree/base");
        let dmi = root.join("sys/class/dmi/id");
        let field = |(saying, file)| Some((saying, texts(&dmi.join(file)).into_iter().next()?));
        let fields = [
            (Saying::SysVendor, "sys_vendor"),
            (Saying::ProductName, "product_name"),
            (Saying::BoardVendor, "board_vendor"),
            (Saying::BoardName, "board_name"),
        ];
        Self {
            compatible: texts(&tree.join("compatible")),
            model: texts(&tree.join("model")).into_iter().next(),
            dmi: fields.into_iter().filter_map(field).collect(),
            acpi: devices(&root.join("sys/bus/acpi/devices")),
        }
    }

    /// What it says of this, from the most particular to the most general.
    pub(crate) fn says(&self, saying: Saying) -> Vec<&str> {
        match saying {
            Saying::Compatible => self.compatible.iter().map(String::as_str).collect(),
            Saying::Model => self.model.iter().map(String::as_str).collect(),
            Saying::Acpi => self.acpi.iter().map(String::as_str).collect(),
            Saying::SysVendor | Saying::ProductName | Saying::BoardVendor | Saying::BoardName => {
                let of_this = self.dmi.iter().filter(|(field, _)| *field == saying);
                of_this.map(|(_, text)| text.as_str()).collect()
            }
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.compatible.first().or(self.model.as_ref());
        let dmi: Vec<&str> = self.dmi.iter().map(|(_, text)| text.as_str()).collect();
        match (names, dmi.as_slice()) {
            (Some(name), _) => write!(f, "its device tree names {name}"),
            (None, []) => f.write_str("it has neither a device tree nor DMI"),
            (None, texts) => write!(f, "its DMI says {}", texts.join(", ")),
        }
    }
}

/// The texts of a file: a device tree ends each with a zero byte.
fn texts(path: &Path) -> Vec<String> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|f| f.take(TEXT_BYTES_MAX).read_to_end(&mut bytes));
    if read.is_err() {
        return Vec::new();
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    bytes.split(|byte| *byte == 0).map(text).filter(|text| !text.is_empty()).collect()
}

/// Hardware ids of a folder of devices, which are called `PNP0501:00`.
fn devices(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let id = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        name.split_once(':').map(|(id, _)| id.to_owned())
    };
    let mut ids: Vec<String> =
        entries.take(DEVICES_MAX).filter_map(Result::ok).filter_map(id).collect();
    ids.sort();
    ids.dedup();
    ids
}
