//! Where a device is in sysfs: by it a device is found that got another number, and reset, which is
//! the hardest repair: its driver lets go of it and takes it up anew.
//!
//! Where sysfs is, is a parameter, so that tests have a tree of their own. May need rights that the
//! box does not have; then it says which.

use std::fs;
use std::path::{Path, PathBuf};

/// Where Linux has it.
pub const SYSFS: &str = "/sys";

/// Where a device is. Found while it is there: one that has fallen off its driver is no longer in
/// the class of video devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    driver: PathBuf,
    device: PathBuf,
    name: String,
    /// Which of its files; cameras on USB have a second one without pictures.
    index: String,
}

impl Place {
    /// Where the device behind a file such as `/dev/video0` is; `None` if sysfs does not say.
    pub fn of(sysfs: &Path, file: &Path) -> Option<Self> {
        // Names that stay, such as those below /dev/v4l/by-id, are links.
        let file = fs::canonicalize(file).ok()?;
        let class = sysfs.join("class/video4linux").join(file.file_name()?);
        let device = fs::canonicalize(class.join("device")).ok()?;
        let driver = fs::canonicalize(device.join("driver")).ok()?;
        let name = device.file_name()?.to_str()?.to_owned();
        Some(Self { driver, device, name, index: index(&class) })
    }

    /// The name of the file that the device has now, such as `video1`: one that was reset, or pulled
    /// out while a picture of it was held, gets another number.
    pub fn file_name(&self) -> Option<String> {
        let files = fs::read_dir(self.device.join("video4linux")).ok()?.flatten();
        let same = |entry: &fs::DirEntry| index(&entry.path()) == self.index;
        files.filter(same).find_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            name.starts_with("video").then_some(name)
        })
    }

    /// Resets the device.
    ///
    /// # Errors
    /// A sentence for a technician; what was possible was done.
    pub fn reset(&self) -> Result<(), String> {
        let write = |file: &str| {
            let path = self.driver.join(file);
            fs::write(&path, &self.name).map_err(|error| {
                format!(
                    "{} not written ({error}); reset {} by hand. The service that comes with \
                     Courtside may not write there (ProtectKernelTunables=yes)",
                    path.display(),
                    self.name
                )
            })
        };
        // One that fell off already cannot let go.
        let _ = write("unbind");
        write("bind")
    }
}

fn index(class: &Path) -> String {
    fs::read_to_string(class.join("index")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn tree() -> (tempfile::TempDir, PathBuf) {
        let root = tempfile::tempdir().expect("a folder");
        let at = |path: &str| root.path().join(path);
        for folder in [
            "sys/class/video4linux/video3",
            "sys/devices/pci/0000:03:00.0",
            "sys/bus/pci/drivers/card",
            "dev",
        ] {
            fs::create_dir_all(at(folder)).expect("a folder");
        }
        symlink(at("sys/devices/pci/0000:03:00.0"), at("sys/class/video4linux/video3/device"))
            .expect("a link");
        symlink(at("sys/bus/pci/drivers/card"), at("sys/devices/pci/0000:03:00.0/driver"))
            .expect("a link");
        fs::write(at("sys/class/video4linux/video3/index"), "0\n").expect("a file");
        fs::write(at("dev/video3"), "").expect("a file");
        symlink(at("dev/video3"), at("dev/by-id")).expect("a link");
        let sysfs = at("sys");
        (root, sysfs)
    }

    #[test]
    fn a_driver_lets_go_of_its_device_and_takes_it_up() {
        let (root, sysfs) = tree();
        let place = Place::of(&sysfs, &root.path().join("dev/by-id")).expect("it is known");
        place.reset().expect("it may write there");
        let driver = root.path().join("sys/bus/pci/drivers/card");
        for file in ["unbind", "bind"] {
            assert_eq!(fs::read_to_string(driver.join(file)).expect("written"), "0000:03:00.0");
        }
    }

    #[test]
    fn a_box_that_may_not_is_told_where() {
        let (root, sysfs) = tree();
        let place = Place::of(&sysfs, &root.path().join("dev/video3")).expect("it is known");
        fs::remove_dir(root.path().join("sys/bus/pci/drivers/card")).expect("it is empty");
        let told = place.reset().expect_err("nobody is there to write to");
        assert!(told.contains("drivers/card/") && told.contains("0000:03:00.0"), "{told}");
        assert_eq!(Place::of(&sysfs, &root.path().join("dev/video9")), None);
    }

    #[test]
    fn a_device_that_its_driver_does_not_take_up_again_is_no_success() {
        let (root, sysfs) = tree();
        let place = Place::of(&sysfs, &root.path().join("dev/video3")).expect("it is known");
        fs::create_dir(root.path().join("sys/bus/pci/drivers/card/bind")).expect("a folder");
        let told = place.reset().expect_err("nothing takes it up");
        assert!(told.contains("drivers/card/bind not written"), "{told}");
        assert!(told.contains("ProtectKernelTunables"), "{told}");
    }

    #[test]
    fn a_device_with_another_number_is_found_by_its_place() {
        let (root, sysfs) = tree();
        let place = Place::of(&sysfs, &root.path().join("dev/video3")).expect("it is known");
        assert_eq!(place.file_name(), None, "it was pulled out");
        let files = root.path().join("sys/devices/pci/0000:03:00.0/video4linux");
        for (name, index) in [("video4", "1\n"), ("video5", "0\n"), ("vbi0", "0\n")] {
            fs::create_dir_all(files.join(name)).expect("a folder");
            fs::write(files.join(name).join("index"), index).expect("a file");
        }
        assert_eq!(place.file_name().as_deref(), Some("video5"));
    }
}
