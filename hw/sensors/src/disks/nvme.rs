//! Wear of NVMe disks: the log page "SMART / Health Information" of a controller.
//!
//! It is asked by the command Get Log Page through `NVME_IOCTL_ADMIN_CMD`. The kernel lets only
//! CAP_SYS_ADMIN send it (`nvme_cmd_allowed` lets others send a few Identify commands), and that
//! capability would let a daemon format the disk as well. So a box asks as root, from a timer, and
//! keeps the pages as files ([`keep_log_pages`]); everybody else reads those.
//!
//! Source: NVM Express Base Specification 2.0, 5.16.1.3; `include/uapi/linux/nvme_ioctl.h`.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

use hal::sensors::{Warning, Wear};
use wire::units::Percent;

use crate::sysfs::numbered;

/// Where the pages that root asked for are kept, below the root folder.
const KEPT: &str = "run/courtside-wear";

const PAGE_BYTES: usize = 512;
const GET_LOG_PAGE: u8 = 0x02;
const HEALTH: u32 = 0x02;
/// The page of the whole controller.
const ALL_NAMESPACES: u32 = u32::MAX;
/// A disk that does not answer in so long is not waited for.
const TIMEOUT_MS: u32 = 5_000;
/// `_IOWR('N', 0x41, struct nvme_admin_cmd)`.
const ADMIN_COMMAND: u32 =
    (3 << 30) | ((size_of::<AdminCommand>() as u32) << 16) | ((b'N' as u32) << 8) | 0x41;

/// `struct nvme_admin_cmd`.
#[repr(C)]
#[derive(Default)]
struct AdminCommand {
    opcode: u8,
    flags: u8,
    reserved: u16,
    namespace: u32,
    words_2_and_3: [u32; 2],
    metadata: u64,
    data: u64,
    metadata_bytes: u32,
    data_bytes: u32,
    words_10_to_15: [u32; 6],
    timeout_ms: u32,
    result: u32,
}

const _: () = assert!(size_of::<AdminCommand>() == 72, "the kernel's header says so");

/// The log page "SMART / Health Information".
pub struct LogPage([u8; PAGE_BYTES]);

impl LogPage {
    /// Asks a controller, such as `/dev/nvme0`.
    ///
    /// # Errors
    /// It cannot be opened, the kernel does not let this process ask, or it does not answer.
    pub fn ask(controller: &Path) -> io::Result<Self> {
        let file = File::open(controller)?;
        let mut page = [0_u8; PAGE_BYTES];
        let dwords = (PAGE_BYTES / 4 - 1) as u32;
        let mut command = AdminCommand {
            opcode: GET_LOG_PAGE,
            namespace: ALL_NAMESPACES,
            data: page.as_mut_ptr() as u64,
            data_bytes: PAGE_BYTES as u32,
            words_10_to_15: [HEALTH | dwords << 16, 0, 0, 0, 0, 0],
            timeout_ms: TIMEOUT_MS,
            ..AdminCommand::default()
        };
        // SAFETY: the number carries the size of the command, which is the kernel's own structure,
        // and the kernel writes no more than `data_bytes` to `data`, which is `page`. Both outlive
        // the call. A file that is no NVMe controller refuses the number.
        let status = unsafe { libc::ioctl(file.as_raw_fd(), ADMIN_COMMAND as _, &raw mut command) };
        match status {
            0 => Ok(Self(page)),
            -1 => Err(io::Error::last_os_error()),
            status => Err(io::Error::other(format!("the disk refused, with status {status:#x}"))),
        }
    }

    /// A page that was kept.
    ///
    /// # Errors
    /// The file cannot be read, or is no page.
    fn kept(file: &Path) -> io::Result<Self> {
        let bytes = fs::read(file)?;
        let page = <[u8; PAGE_BYTES]>::try_from(bytes.as_slice());
        page.map(Self).map_err(|_| io::Error::other(format!("{} is no page", file.display())))
    }

    /// What it says.
    fn wear(&self, name: String) -> Wear {
        let Self(page) = self;
        let [critical, _, _, spare, _, used, ..] = *page;
        let warning =
            [(1 << 3, Warning::ReadOnly), (1 << 2, Warning::Unreliable), (1, Warning::SpareLow)];
        let warning = warning.into_iter().find(|(bit, _)| critical & bit != 0);
        Wear {
            name,
            used: Some(Percent(used)),
            spare: (spare <= 100).then_some(Percent(spare)),
            warning: warning.map(|(_, warning)| warning),
        }
    }
}

/// One controller.
pub(super) struct Controller {
    name: String,
    device: PathBuf,
    kept: PathBuf,
}

impl Controller {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Its page, asked for or kept.
    ///
    /// # Errors
    /// It can neither be asked nor was a page kept; a sentence that goes on after its name.
    pub(super) fn read(&self) -> Result<LogPage, String> {
        LogPage::ask(&self.device).or_else(|error| {
            LogPage::kept(&self.kept).map_err(|_| {
                format!(
                    "cannot be asked ({error}) and no page was kept in {}: only root may ask; \
                     enable courtside-wear.timer, which asks for everybody",
                    self.kept.display()
                )
            })
        })
    }

    pub(super) fn wear(&self) -> Wear {
        match self.read() {
            Ok(page) => page.wear(self.name.clone()),
            Err(_) => Wear { name: self.name.clone(), used: None, spare: None, warning: None },
        }
    }
}

pub(super) fn discover(root: &Path) -> Vec<Controller> {
    let controller = |path: PathBuf| {
        let name = path.file_name()?.to_str()?.to_owned();
        let device = root.join("dev").join(&name);
        let kept = page_of(&root.join(KEPT), &name);
        Some(Controller { name, device, kept })
    };
    numbered(&root.join("sys/class/nvme"), "nvme").into_iter().filter_map(controller).collect()
}

/// Asks every NVMe controller of the box for its page and keeps the pages as files of `folder`,
/// readable for all; says what could not be done. The page of a controller that refuses is
/// removed: what it said once is not what it says, and no page is told as no page.
///
/// # Errors
/// A page cannot be written, or an old one not removed.
pub fn keep_log_pages(root: &Path, folder: &Path) -> io::Result<Vec<String>> {
    let mut refused = Vec::new();
    for controller in discover(root) {
        let name = controller.name();
        match LogPage::ask(&controller.device) {
            Ok(LogPage(page)) => keep(folder, name, &page)?,
            Err(error) => {
                refused.push(format!("{name} cannot be asked: {error}"));
                forget(folder, name)?;
            }
        }
    }
    Ok(refused)
}

/// Writes beside and renames, so that a reader never sees half a page.
fn keep(folder: &Path, name: &str, page: &[u8]) -> io::Result<()> {
    use io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let beside = folder.join(format!("{name}.new"));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o644);
    options.open(&beside)?.write_all(page)?;
    fs::rename(&beside, page_of(folder, name))
}

fn forget(folder: &Path, name: &str) -> io::Result<()> {
    match fs::remove_file(page_of(folder, name)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The file of a controller's page among those that were kept.
fn page_of(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.smart"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(critical: u8, spare: u8, used: u8) -> LogPage {
        let mut page = [0; PAGE_BYTES];
        [page[0], page[3], page[5]] = [critical, spare, used];
        LogPage(page)
    }

    #[test]
    fn page_tells_wear_spare_and_the_worst_warning() {
        let told = |page: LogPage| {
            let wear = page.wear("nvme0".to_owned());
            (wear.used, wear.spare, wear.warning)
        };
        assert_eq!(told(page(0, 100, 3)), (Some(Percent(3)), Some(Percent(100)), None));
        let worn = (Some(Percent(255)), Some(Percent(0)), Some(Warning::SpareLow));
        assert_eq!(told(page(0b0000_0001, 0, 255)), worn);
        assert_eq!(told(page(0b0000_1101, 5, 9)).2, Some(Warning::ReadOnly));
        assert_eq!(told(page(0b0000_0110, 5, 9)).2, Some(Warning::Unreliable));
        assert_eq!(told(page(0b0001_0010, 255, 9)), (Some(Percent(9)), None, None), "too warm");
    }

    #[test]
    fn command_is_the_one_of_the_kernels_header() {
        assert_eq!(ADMIN_COMMAND, 0xC048_4E41);
    }

    #[test]
    fn what_is_no_controller_refuses_the_command() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        for (path, kind) in [
            (file.path(), None),
            (Path::new("/dev/null"), None),
            (Path::new("/no/such/nvme0"), Some(io::ErrorKind::NotFound)),
        ] {
            let error = LogPage::ask(path).err().expect("no controller");
            assert!(kind.is_none_or(|kind| error.kind() == kind), "{path:?}: {error}");
            assert!(kind.is_some() || error.raw_os_error() == Some(libc::ENOTTY), "{error}");
        }
    }
}
