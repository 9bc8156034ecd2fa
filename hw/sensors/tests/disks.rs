//! Wear of disks, in a fake tree.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hal::sensors::{Sensors as _, Warning, Wear};
use sensors::{Disks, Places, discover, keep_log_pages};
use wire::time::Monotonic;
use wire::units::Percent;

fn write(root: &Path, path: &str, bytes: &[u8]) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap_or(root)).expect("a folder");
    fs::write(path, bytes).expect("a file");
}

fn wear(root: &Path) -> Vec<Wear> {
    Disks::discover(root, Arc::new(|| Monotonic(0))).0.read().wear
}

#[test]
fn emmc_tells_its_life_in_tenths_and_what_it_warns_of() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let told = |life: &str, end: &str| {
        write(root.path(), "sys/block/mmcblk0/device/life_time", life.as_bytes());
        write(root.path(), "sys/block/mmcblk0/device/pre_eol_info", end.as_bytes());
        let wear = wear(root.path()).remove(0);
        assert_eq!(wear.name, "mmcblk0");
        (wear.used.map(|used| used.0), wear.warning)
    };
    assert_eq!(told("0x01 0x01\n", "0x01\n"), (Some(10), None));
    assert_eq!(told("0x03 0x05\n", "0x02\n"), (Some(50), Some(Warning::SpareLow)));
    assert_eq!(told("0x0a 0x00\n", "0x03\n"), (Some(100), Some(Warning::SpareNearlyGone)));
    assert_eq!(told("0x0b 0x01\n", "0x00\n"), (Some(101), None), "past what was rated");
    for life in ["0x00 0x00\n", "0xff 0x01\n", "0x0c\n", "-1 2\n", "1 2\n", "0x100 0x01\n", "\n"] {
        assert_eq!(told(life, life), (None, None), "{life:?}");
    }
}

#[test]
fn parts_of_an_emmc_and_sd_cards_are_no_disks_with_wear() {
    let root = tempfile::tempdir().expect("a temporary folder");
    write(root.path(), "sys/block/mmcblk0/device/life_time", b"0x01 0x01\n");
    write(root.path(), "sys/block/mmcblk0boot0/device/life_time", b"0x01 0x01\n");
    write(root.path(), "sys/block/mmcblk1/device/type", b"SD\n");
    let disks: Vec<String> = wear(root.path()).into_iter().map(|wear| wear.name).collect();
    assert_eq!(disks, ["mmcblk0"]);
}

#[test]
fn disk_that_vanishes_keeps_its_place() {
    let root = tempfile::tempdir().expect("a temporary folder");
    write(root.path(), "sys/block/mmcblk0/device/life_time", b"0x01 0x01\n");
    let hours = Arc::new(AtomicU64::new(0));
    let clock = Arc::clone(&hours);
    let now = move || Monotonic::from_millis(clock.load(Ordering::Relaxed) * 3_600_000);
    let (mut disks, _) = Disks::discover(root.path(), Arc::new(now));
    assert_eq!(disks.read().wear[0].used, Some(Percent(10)));
    fs::remove_dir_all(root.path().join("sys")).expect("it was there");
    assert_eq!(disks.read().wear[0].used, Some(Percent(10)), "a disk is asked seldom");
    hours.store(1, Ordering::Relaxed);
    let gone = Wear { name: "mmcblk0".to_owned(), used: None, spare: None, warning: None };
    assert_eq!(disks.read().wear, [gone]);
}

#[test]
fn nvme_that_may_not_be_asked_is_told_by_the_page_that_root_kept() {
    let root = tempfile::tempdir().expect("a temporary folder");
    write(root.path(), "sys/class/nvme/nvme0/model", b"A disk\n");
    // A plain file refuses the command, as a controller refuses it from anybody but root.
    write(root.path(), "dev/nvme0", b"");
    let (mut disks, absent) = Disks::discover(root.path(), Arc::new(|| Monotonic(0)));
    assert_eq!(disks.read().wear[0].used, None);
    assert_eq!(absent.len(), 1);
    let told = absent[0].to_string();
    assert!(told.starts_with("disk wear is not measured: nvme0 cannot be asked ("), "{told}");
    assert!(told.ends_with("enable courtside-wear.timer, which asks for everybody"), "{told}");
    let mut page = [0_u8; 512];
    [page[0], page[3], page[5]] = [0b0100, 97, 42];
    write(root.path(), "run/courtside-wear/nvme0.smart", &page);
    let (mut disks, absent) = Disks::discover(root.path(), Arc::new(|| Monotonic(0)));
    assert!(absent.is_empty(), "{absent:?}");
    let expected = Wear {
        name: "nvme0".to_owned(),
        used: Some(Percent(42)),
        spare: Some(Percent(97)),
        warning: Some(Warning::Unreliable),
    };
    assert_eq!(disks.read().wear, [expected]);
    for bad in [&page[..511], b"".as_slice()] {
        write(root.path(), "run/courtside-wear/nvme0.smart", bad);
        assert_eq!(wear(root.path())[0].used, None, "half a page");
    }
}

#[test]
fn page_of_a_controller_that_refuses_is_told_and_the_one_that_was_kept_is_removed() {
    let (root, folder) =
        (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    write(root.path(), "sys/class/nvme/nvme0/model", b"A disk\n");
    write(root.path(), "dev/nvme0", b"");
    let refused = keep_log_pages(root.path(), folder.path()).expect("nothing had to be written");
    assert_eq!(refused.len(), 1);
    assert!(refused[0].starts_with("nvme0 cannot be asked: "), "{refused:?}");
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
    // The page of yesterday, and that of a disk that is none of these.
    write(folder.path(), "nvme0.smart", &[0; 512]);
    write(folder.path(), "nvme1.smart", &[0; 512]);
    assert_eq!(keep_log_pages(root.path(), folder.path()).expect("it is removed"), refused);
    let left = fs::read_dir(folder.path()).expect("a folder");
    let left: Vec<_> = left.map(|file| file.expect("a file").file_name()).collect();
    assert_eq!(left, ["nvme1.smart"]);
}

#[test]
fn box_as_a_whole_has_sysfs_and_disks_and_says_what_it_lacks() {
    let root = tempfile::tempdir().expect("a temporary folder");
    write(root.path(), "sys/block/mmcblk0/device/life_time", b"0x01 0x02\n");
    write(root.path(), "sys/class/thermal/thermal_zone0/type", b"cpu-thermal\n");
    write(root.path(), "sys/class/thermal/thermal_zone0/temp", b"40000\n");
    let library = root.path().join("libnvidia-ml.so.1").into_os_string();
    let places = Places { root: root.path().to_owned(), nvml: Some(library) };
    let now: sensors::Now = Arc::new(|| Monotonic(0));
    let (mut sensors, absent) = discover(&places, &now);
    let readings = sensors.read();
    assert_eq!((readings.temperatures.len(), readings.wear.len()), (1, 1));
    assert_eq!(readings.wear[0].used, Some(Percent(20)));
    let what: Vec<&str> = absent.iter().map(|a| a.what).collect();
    assert_eq!(what, ["power", "pressure", "memory limit", "NVIDIA GPU"]);
}
