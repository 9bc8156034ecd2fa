//! A decoded picture as a handle. Where its pixels live (host, GPU, DMA buffer) is the driver's
//! business; host code reads them through [`Surface::download`], which is counted.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use thiserror::Error;
use wire::time::MediaTime;
use wire::units::PictureSize;

/// How the pixels are laid out once they are in host memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixelFormat {
    /// Three planes, 8 bit: luma `[h, w]`, then Cb and Cr `[h / 2, w / 2]` (rounded up).
    I420,
    /// Two planes, 8 bit: luma `[h, w]`, then interleaved CbCr `[h / 2, w]`.
    Nv12,
}

/// How the rows of a picture were taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scan {
    /// All at one moment.
    #[default]
    Progressive,
    /// Every second row half a frame later: two halves, woven into one picture.
    Interlaced(Half),
}

/// Every second row of an interlaced picture, taken at one moment: what broadcasters call a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Half {
    /// The rows 0, 2, 4 and so on.
    Upper,
    /// The rows 1, 3, 5 and so on.
    Lower,
}

/// One plane in host memory.
#[derive(Clone, Copy)]
pub struct Plane<'a> {
    /// Pixels, row after row; at least `stride * (rows - 1) + row bytes` long.
    pub data: &'a [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
}

/// A picture's pixels in host memory, borrowed from its [`Surface`].
pub struct HostPicture<'a> {
    /// Columns and rows of the luma plane.
    pub size: PictureSize,
    /// Layout; decides how many of `planes` are used.
    pub format: PixelFormat,
    /// Luma first. Planes that `format` does not have are empty.
    pub planes: [Plane<'a>; 3],
}

/// What a driver implements for its kind of memory.
pub trait SurfaceMemory: Send + Sync {
    /// The pixels in host memory: a borrow where they are there already, else a transfer.
    ///
    /// # Errors
    /// [`DownloadError`] if the device refuses the transfer; the frame is then lost, not the
    /// stream.
    fn download(&self) -> Result<HostPicture<'_>, DownloadError>;

    /// How the decoder says that the rows were taken; with the half that is the earlier one.
    /// Streams lie about it in both directions.
    fn scan(&self) -> Scan {
        Scan::Progressive
    }
}

/// The device did not hand out a picture's pixels.
#[derive(Debug, Error)]
#[error("picture not downloaded from {driver}: {reason}; the frame is skipped")]
pub struct DownloadError {
    /// Which driver.
    pub driver: &'static str,
    /// What it said.
    pub reason: String,
}

/// A decoded picture. Cloning clones the handle; the pixels go back to the driver with the last
/// clone.
#[derive(Clone)]
pub struct Surface {
    shared: Arc<Shared>,
}

struct Shared {
    memory: Box<dyn SurfaceMemory>,
    size: PictureSize,
    pts: MediaTime,
    pool: SurfacePool,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.pool.counters.in_use.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Surface {
    /// Picture size in pixels.
    pub fn size(&self) -> PictureSize {
        self.shared.size
    }

    /// Presentation time on the source's timeline.
    pub fn pts(&self) -> MediaTime {
        self.shared.pts
    }

    /// How the decoder says that the rows were taken.
    pub fn scan(&self) -> Scan {
        self.shared.memory.scan()
    }

    /// The pixels in host memory. Explicit and counted, because it is what a GPU pipeline must
    /// not do by accident.
    ///
    /// # Errors
    /// [`DownloadError`] if the device refuses; skip the frame.
    pub fn download(&self) -> Result<HostPicture<'_>, DownloadError> {
        self.shared.pool.counters.downloads.fetch_add(1, Ordering::Relaxed);
        self.shared.memory.download()
    }
}

impl fmt::Debug for Surface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surface").field("size", &self.size()).field("pts", &self.pts()).finish()
    }
}

/// Bounds how many pictures of one source exist at once, and counts.
#[derive(Clone)]
pub struct SurfacePool {
    capacity: usize,
    counters: Arc<Counters>,
}

#[derive(Default)]
struct Counters {
    in_use: AtomicUsize,
    refused: AtomicU64,
    downloads: AtomicU64,
}

impl SurfacePool {
    /// A pool of at most `capacity` pictures.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, counters: Arc::default() }
    }

    /// Wraps a decoded picture into a handle; `None` (and one more [`refused`](Self::refused))
    /// when `capacity` pictures are still held somewhere.
    pub fn wrap(
        &self,
        memory: Box<dyn SurfaceMemory>,
        size: PictureSize,
        pts: MediaTime,
    ) -> Option<Surface> {
        let admit = |used: usize| (used < self.capacity).then_some(used + 1);
        let counters = &self.counters;
        if counters.in_use.fetch_update(Ordering::Relaxed, Ordering::Relaxed, admit).is_err() {
            counters.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let shared = Shared { memory, size, pts, pool: self.clone() };
        Some(Surface { shared: Arc::new(shared) })
    }

    /// Pictures held now.
    pub fn in_use(&self) -> usize {
        self.counters.in_use.load(Ordering::Relaxed)
    }

    /// Pictures dropped because the pool was empty.
    pub fn refused(&self) -> u64 {
        self.counters.refused.load(Ordering::Relaxed)
    }

    /// Times that pixels were asked for in host memory.
    pub fn downloads(&self) -> u64 {
        self.counters.downloads.load(Ordering::Relaxed)
    }
}
