//! Decoded pictures in the GPU's memory as [`SurfaceMemory`]: NV12, copied out of the decoder
//! within the GPU, so that the decoder is never held up by whoever still looks at a picture.
//!
//! Owns that memory and lends it again: as much as there were pictures at once, which the source's
//! [`SurfacePool`](hal::surface::SurfacePool) limits. Pixels come to host memory with the first
//! download, once a picture.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use hal::PixelFormat;
use hal::surface::{DownloadError, HostPicture, Plane, Scan, SurfaceMemory};
use wire::units::PictureSize;

use crate::gpu::{Fault, Gpu};
use crate::library::{Copy2d, Extent, Rows};

/// The memory of pictures of one size.
pub(crate) struct Store {
    gpu: Gpu,
    size: PictureSize,
    free: Mutex<Vec<Room>>,
}

/// Room for one picture, in the GPU and, once it was downloaded, in the host.
struct Room {
    rows: Rows,
    host: Vec<u8>,
}

/// Columns and rows in memory: chroma of half of both needs an even number.
#[derive(Clone, Copy)]
struct Shape {
    luma: Extent,
    chroma: Extent,
}

impl Shape {
    fn of(size: PictureSize) -> Self {
        let even = |side: u16| usize::from(side).next_multiple_of(2);
        let (bytes, rows) = (even(size.width), even(size.height));
        Self { luma: Extent { bytes, rows }, chroma: Extent { bytes, rows: rows / 2 } }
    }

    fn whole(self) -> Extent {
        Extent { bytes: self.luma.bytes, rows: self.luma.rows + self.chroma.rows }
    }

    /// Chroma behind `rows` of luma.
    fn chroma_of(self, rows: Rows) -> Rows {
        Rows { at: rows.at + (rows.pitch * self.luma.rows) as u64, ..rows }
    }

    fn bytes(self) -> usize {
        self.luma.bytes * (self.luma.rows + self.chroma.rows)
    }
}

impl Store {
    pub(crate) fn new(gpu: Gpu, size: PictureSize) -> Arc<Self> {
        Arc::new(Self { gpu, size, free: Mutex::default() })
    }

    /// Columns and rows that a decoder must put out for [`Store::keep`]: the size, made even.
    pub(crate) fn decoded(size: PictureSize) -> (usize, usize) {
        let luma = Shape::of(size).luma;
        (luma.bytes, luma.rows)
    }

    pub(crate) fn size(&self) -> PictureSize {
        self.size
    }

    /// Copies a picture that the decoder lends.
    ///
    /// # Safety
    /// `lent` must be NV12 of [`Store::decoded`], chroma straight behind luma.
    pub(crate) unsafe fn keep(
        self: &Arc<Self>,
        lent: Rows,
        scan: Scan,
    ) -> Result<Box<dyn SurfaceMemory>, Fault> {
        let entered = self.gpu.enter()?;
        let shape = Shape::of(self.size);
        let free = self.free().pop();
        let room = match free {
            Some(room) => room,
            None => Room { rows: entered.allocate(shape.whole())?, host: Vec::new() },
        };
        // From here the room goes back to the store, whatever happens.
        let host = OnceLock::new();
        let picture = Resident { store: Arc::clone(self), room: Mutex::new(room), scan, host };
        let copy = Copy2d::within(lent, picture.rows(), shape.luma);
        // SAFETY: the caller answers for `lent`, the room holds the whole shape.
        unsafe { entered.copy(&copy) }?;
        let chroma = (shape.chroma_of(lent), shape.chroma_of(picture.rows()));
        let copy = Copy2d::within(chroma.0, chroma.1, shape.chroma);
        // SAFETY: as above.
        unsafe { entered.copy(&copy) }?;
        Ok(Box::new(picture))
    }

    fn free(&self) -> std::sync::MutexGuard<'_, Vec<Room>> {
        // A panic while the list is held leaves it whole.
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let rooms = std::mem::take(&mut *self.free());
        if let Ok(entered) = self.gpu.enter() {
            rooms.into_iter().for_each(|room| entered.free(room.rows));
        }
    }
}

/// One picture in the GPU's memory.
struct Resident {
    store: Arc<Store>,
    /// Only a download changes it, and the end of the picture.
    room: Mutex<Room>,
    scan: Scan,
    host: OnceLock<Vec<u8>>,
}

impl Resident {
    fn rows(&self) -> Rows {
        self.room().rows
    }

    fn room(&self) -> std::sync::MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The pixels in host memory, luma and behind it chroma, rows without gaps.
    fn fetched(&self) -> Result<&[u8], Fault> {
        // Two threads that ask at once fetch once.
        let mut room = self.room();
        if let Some(pixels) = self.host.get() {
            return Ok(pixels);
        }
        let shape = Shape::of(self.store.size);
        let mut pixels = std::mem::take(&mut room.host);
        pixels.resize(shape.bytes(), 0);
        let entered = self.store.gpu.enter()?;
        let (luma, chroma) = pixels.split_at_mut(shape.luma.bytes * shape.luma.rows);
        let copy = Copy2d::down(room.rows, luma.as_mut_ptr(), shape.luma);
        // SAFETY: the room holds the whole shape, and `luma` has as many bytes as are copied.
        unsafe { entered.copy(&copy) }?;
        let copy = Copy2d::down(shape.chroma_of(room.rows), chroma.as_mut_ptr(), shape.chroma);
        // SAFETY: as above, `chroma` is the rest.
        unsafe { entered.copy(&copy) }?;
        Ok(self.host.get_or_init(|| pixels))
    }
}

impl SurfaceMemory for Resident {
    fn download(&self) -> Result<HostPicture<'_>, DownloadError> {
        let refused =
            |fault: Fault| DownloadError { driver: crate::DRIVER, reason: fault.to_string() };
        let pixels = self.fetched().map_err(refused)?;
        let shape = Shape::of(self.store.size);
        let stride = shape.luma.bytes;
        let (luma, chroma) = pixels.split_at(stride * shape.luma.rows);
        let planes = [luma, chroma, &[]].map(|data| Plane { data, stride });
        Ok(HostPicture { size: self.store.size, format: PixelFormat::Nv12, planes })
    }

    fn scan(&self) -> Scan {
        self.scan
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        let room = self.room.get_mut().unwrap_or_else(PoisonError::into_inner);
        // The larger of the two: a picture that was not downloaded keeps what it was lent with.
        let host = self.host.take().unwrap_or_else(|| std::mem::take(&mut room.host));
        let room = Room { rows: room.rows, host };
        self.store.free().push(room);
    }
}
