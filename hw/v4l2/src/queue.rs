//! The buffers of a running stream: which are the device's, which are pictures.
//!
//! Not the `v4l` crate's stream: that lends a buffer for as long as nobody asks for the next one,
//! queues one twice after an error, and panics when a device is gone that it wants to stop. Used by
//! one thread; the buffers that come back do so through [`Returns`].

use std::io;
use std::os::fd::RawFd;
use std::sync::{Arc, OnceLock};

use hal::surface::{Half, Scan, SurfaceMemory};
use v4l::v4l_sys as sys;
use wire::units::PictureSize;

use crate::ioctl::{self, Filled};
use crate::memory::{BUFFERS_MAX, Captured, Mapping, Returns, Spares};
use crate::negotiate::Pixels;

/// Buffers of a stream. One waits for inference, one is analysed, one is looked at for people, and
/// nine are on their way into the encoder.
pub(crate) const BUFFERS: u32 = 16;
/// So many the device keeps: one it fills, and one for each hiccup of two pictures' length.
const KEPT: usize = 3;

/// What a picture in a buffer is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) size: PictureSize,
    pub(crate) stride: usize,
    pub(crate) pixels: Pixels,
    /// Where the driver says that the rows of both halves are woven into one picture.
    pub(crate) scan: Scan,
}

/// What a device had for us.
pub(crate) enum Taken {
    /// A picture.
    Picture(Filled, Box<dyn SurfaceMemory>),
    /// A buffer that holds no whole picture.
    Damaged,
    /// Nothing yet.
    Nothing,
}

/// A stream that runs.
pub(crate) struct Queue {
    fd: RawFd,
    shape: Shape,
    mappings: Vec<Arc<Mapping>>,
    returns: Arc<Returns>,
    spares: Arc<Spares>,
    /// Buffers that the device has.
    queued: usize,
}

impl Queue {
    /// Maps buffers, gives all to the device and starts the stream. `fd` must stay open for as long
    /// as the queue lives.
    pub(crate) fn start(fd: RawFd, shape: Shape, spares: Arc<Spares>) -> io::Result<Self> {
        let count = ioctl::request_buffers(fd, BUFFERS)?.min(BUFFERS_MAX);
        let needed = shape.pixels.picture_bytes(shape.size, shape.stride);
        let mut queue = Self {
            fd,
            shape,
            mappings: Vec::new(),
            returns: Arc::new(Returns::new()?),
            spares,
            queued: 0,
        };
        for index in 0..count {
            let place = ioctl::buffer_place(fd, index)?;
            if place.len() < needed {
                return Err(io::Error::other(format!(
                    "its buffers have {} bytes, but a picture has {needed}",
                    place.len()
                )));
            }
            queue.mappings.push(Arc::new(Mapping::new(fd, place.start, place.len())?));
            ioctl::queue(fd, index)?;
            queue.queued += 1;
        }
        ioctl::stream_on(fd)?;
        Ok(queue)
    }

    /// Rings when a picture was dropped.
    pub(crate) fn bell(&self) -> RawFd {
        self.returns.bell()
    }

    /// The device has buffers to fill. Without, it can deliver nothing.
    pub(crate) fn feeds(&self) -> bool {
        self.queued > 0
    }

    /// So many pictures may be held at once.
    pub(crate) fn lends(&self) -> usize {
        self.mappings.len().saturating_sub(KEPT).max(1)
    }

    /// Gives the device what nobody looks at any more.
    pub(crate) fn give_back(&mut self) -> io::Result<()> {
        let mut back = self.returns.take();
        while back != 0 {
            let index = back.trailing_zeros();
            back &= back - 1;
            ioctl::queue(self.fd, index)?;
            self.queued += 1;
        }
        Ok(())
    }

    /// Takes the next filled buffer.
    pub(crate) fn take(&mut self) -> io::Result<Taken> {
        let filled = match ioctl::dequeue(self.fd) {
            Ok(filled) => filled,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Taken::Nothing),
            Err(error) => return Err(error),
        };
        self.queued -= 1;
        let Some(mapping) = self.mappings.get(filled.index as usize) else {
            return Err(io::Error::other("it filled a buffer that it was not given"));
        };
        let shape = self.shape;
        let memory = Captured {
            mapping: Arc::clone(mapping),
            returns: Arc::clone(&self.returns),
            spares: Arc::clone(&self.spares),
            index: filled.index,
            size: shape.size,
            stride: shape.stride,
            pixels: shape.pixels,
            scan: scan(filled.field, shape.scan),
            unpacked: OnceLock::new(),
        };
        let is_whole = filled.bytes >= shape.pixels.picture_bytes(shape.size, shape.stride);
        if filled.is_damaged || !is_whole {
            // Dropping the memory gives the buffer back.
            return Ok(Taken::Damaged);
        }
        Ok(Taken::Picture(filled, Box::new(memory)))
    }
}

impl Drop for Queue {
    /// Pictures that somebody still looks at keep their memory; the device has none of it any more.
    fn drop(&mut self) {
        // A device that is gone refuses both, and there is nothing to be done about it.
        let _ = ioctl::stream_off(self.fd);
        self.mappings.clear();
        let _ = ioctl::request_buffers(self.fd, 0);
    }
}

/// Which half of a picture is the earlier one, as the driver says of this buffer.
fn scan(field: u32, usual: Scan) -> Scan {
    match field {
        sys::v4l2_field_V4L2_FIELD_INTERLACED_TB => Scan::Interlaced(Half::Upper),
        sys::v4l2_field_V4L2_FIELD_INTERLACED_BT => Scan::Interlaced(Half::Lower),
        sys::v4l2_field_V4L2_FIELD_NONE => Scan::Progressive,
        // Those of an interlaced signal without an order: the usual one of its size.
        _ => usual,
    }
}
