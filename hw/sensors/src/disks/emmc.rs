//! Wear of eMMC: `life_time` and `pre_eol_info` below `/sys/block/mmcblk*/device`.
//!
//! Source: JEDEC JESD84-B51, `DEVICE_LIFE_TIME_EST_TYP_A`, `_B` and `PRE_EOL_INFO` of the extended
//! card-specific data, as `Documentation/driver-api/mmc/mmc-dev-attrs.rst` of the kernel shows
//! them. SD cards have neither file.

use std::path::{Path, PathBuf};

use hal::sensors::{Warning, Wear};
use wire::units::Percent;

use crate::sysfs::{numbered, text};

/// The disk's share of its life, told in tenths: 0x01 is 0 to 10 %, 0x0a 90 to 100 %.
const TENTHS: core::ops::RangeInclusive<u8> = 1..=10;
/// The life that its maker rated is over.
const OVER: u8 = 11;

/// Disks that tell it. Partitions that are disks of their own (`mmcblk0boot0`) do not.
pub(super) fn discover(root: &Path) -> Vec<PathBuf> {
    let mut disks = numbered(&root.join("sys/block"), "mmcblk");
    disks.retain(|disk| disk.join("device/life_time").exists());
    disks
}

pub(super) fn read(disk: &Path) -> Wear {
    let name = disk.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let numbers = |file: &str| -> Option<Vec<u8>> {
        text(&disk.join("device").join(file))?.split_ascii_whitespace().map(number).collect()
    };
    // One number for each kind of memory in it; the more worn one ends the disk's life.
    let tenths = numbers("life_time").and_then(|kinds| kinds.into_iter().max());
    let used = match tenths {
        Some(tenths) if TENTHS.contains(&tenths) => Some(Percent(tenths * 10)),
        Some(OVER) => Some(Percent(101)),
        Some(_) | None => None,
    };
    let warning = match numbers("pre_eol_info").as_deref() {
        Some([2]) => Some(Warning::SpareLow),
        Some([3]) => Some(Warning::SpareNearlyGone),
        Some(_) | None => None,
    };
    Wear { name, used, spare: None, warning }
}

/// A number as the kernel writes it here: `0x0a`.
fn number(text: &str) -> Option<u8> {
    let digits = text.strip_prefix("0x")?;
    u8::from_str_radix(digits, 16).ok()
}
