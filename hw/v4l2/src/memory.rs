//! A device's buffers as memory of surfaces: mapped once, borrowed without a copy, and given back
//! to the device when the last handle of a picture is dropped.
//!
//! Whoever drops a picture only notes its number and rings a bell. The ioctl that gives the buffer
//! back is [`crate::queue`]'s, on the capture thread: a driver that hangs in it must not take
//! the thread of an analysis or an encoder along.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr::NonNull;
use std::slice;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use hal::surface::{DownloadError, HostPicture, PixelFormat, Plane, Scan, SurfaceMemory};
use wire::units::PictureSize;

use crate::negotiate::Pixels;
use crate::packed::{Order, Packed, Unpacked};

const DRIVER: &str = "Video4Linux";

/// Most buffers of a stream: a bit for each of them.
pub(crate) const BUFFERS_MAX: u32 = 32;

/// One buffer of a device in our address space. Outlives its stream if a picture does.
pub(crate) struct Mapping {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the memory is plain bytes; who may write to it and when is settled between the device and
// `queue`, not by threads.
unsafe impl Send for Mapping {}
// SAFETY: as above; shared references only read.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps `bytes` from `offset` on.
    pub(crate) fn new(fd: RawFd, offset: usize, bytes: usize) -> io::Result<Self> {
        let offset = libc::off_t::try_from(offset).map_err(io::Error::other)?;
        let (access, flags) = (libc::PROT_READ, libc::MAP_SHARED);
        // SAFETY: a new mapping at an address of the system's choice disturbs nothing.
        let start =
            unsafe { v4l::v4l2::mmap(std::ptr::null_mut(), bytes, access, flags, fd, offset) }?;
        let start = NonNull::new(start.cast()).ok_or_else(|| io::Error::other("mapped nowhere"))?;
        Ok(Self { start, bytes })
    }

    fn pixels(&self) -> &[u8] {
        // SAFETY: `bytes` bytes are mapped here for as long as `self` lives. The device does not
        // write to a buffer between `VIDIOC_DQBUF` and the next `VIDIOC_QBUF`, and only pictures in
        // between borrow it.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.bytes) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: mapped by `new` with this length, and nobody borrows from it any more.
        let done = unsafe { v4l::v4l2::munmap(self.start.as_ptr().cast(), self.bytes) };
        debug_assert!(done.is_ok(), "what was mapped can be unmapped");
    }
}

/// Buffers that nobody looks at any more, and a bell that wakes who gives them back.
pub(crate) struct Returns {
    /// A bit for each buffer.
    buffers: AtomicU32,
    bell: OwnedFd,
}

impl Returns {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: takes two numbers and answers with a new file or -1.
        let bell = unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) };
        if bell < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: a new file that nobody else owns.
        let bell = unsafe { OwnedFd::from_raw_fd(bell) };
        Ok(Self { buffers: AtomicU32::new(0), bell })
    }

    pub(crate) fn bell(&self) -> RawFd {
        self.bell.as_raw_fd()
    }

    /// Takes the numbers of the buffers that came back, as bits.
    pub(crate) fn take(&self) -> u32 {
        let mut count = 0_u64;
        // SAFETY: eight bytes of ours; an empty bell answers that it would block.
        let _ = unsafe { libc::read(self.bell(), (&raw mut count).cast(), 8) };
        self.buffers.swap(0, Ordering::AcqRel)
    }

    fn put(&self, index: u32) {
        self.buffers.fetch_or(1 << index, Ordering::AcqRel);
        let one = 1_u64;
        // SAFETY: eight bytes of ours. A bell that is full rings already.
        let _ = unsafe { libc::write(self.bell(), (&raw const one).cast(), 8) };
    }
}

/// Memory for unpacked pictures, used again and again: a new one for each picture would be a
/// page fault for each of its 800 pages.
#[derive(Default)]
pub(crate) struct Spares {
    free: Mutex<Vec<Unpacked>>,
    /// Pictures that were unpacked.
    pub(crate) unpacked: AtomicU64,
}

impl Spares {
    fn take(&self) -> Unpacked {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn put(&self, spare: Unpacked) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        // Bounded by the buffers of the stream, which bound the pictures.
        if free.len() < BUFFERS_MAX as usize {
            free.push(spare);
        }
    }
}

/// A picture in a device's buffer.
pub(crate) struct Captured {
    pub(crate) mapping: Arc<Mapping>,
    pub(crate) returns: Arc<Returns>,
    pub(crate) spares: Arc<Spares>,
    pub(crate) index: u32,
    pub(crate) size: PictureSize,
    pub(crate) stride: usize,
    pub(crate) pixels: Pixels,
    pub(crate) scan: Scan,
    /// Made when the pixels of a packed picture are first asked for.
    pub(crate) unpacked: OnceLock<Unpacked>,
}

impl Captured {
    fn unpacked(&self, order: Order) -> &Unpacked {
        self.unpacked.get_or_init(|| {
            self.spares.unpacked.fetch_add(1, Ordering::Relaxed);
            let mut target = self.spares.take();
            target.fill(Packed {
                data: self.mapping.pixels(),
                stride: self.stride,
                size: self.size,
                order,
                scan: self.scan,
            });
            target
        })
    }

    fn planes(&self) -> Option<HostPicture<'_>> {
        let data = self.mapping.pixels();
        let luma = self.stride * usize::from(self.size.height);
        let planes = [
            Plane { data: data.get(..luma)?, stride: self.stride },
            Plane { data: data.get(luma..)?, stride: self.stride },
            Plane { data: &[], stride: 0 },
        ];
        Some(HostPicture { size: self.size, format: PixelFormat::Nv12, planes })
    }
}

impl SurfaceMemory for Captured {
    fn download(&self) -> Result<HostPicture<'_>, DownloadError> {
        match self.pixels {
            Pixels::Nv12 => self.planes().ok_or_else(|| DownloadError {
                driver: DRIVER,
                reason: "the buffer is shorter than its picture".to_owned(),
            }),
            Pixels::Uyvy => Ok(self.unpacked(Order::Uyvy).picture()),
            Pixels::Yuyv => Ok(self.unpacked(Order::Yuyv).picture()),
        }
    }

    fn scan(&self) -> Scan {
        self.scan
    }
}

impl Drop for Captured {
    fn drop(&mut self) {
        if let Some(spare) = self.unpacked.take() {
            self.spares.put(spare);
        }
        self.returns.put(self.index);
    }
}
