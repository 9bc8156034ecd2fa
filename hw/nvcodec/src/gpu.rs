//! One NVIDIA GPU: its context, its memory, and NVIDIA's libraries.
//!
//! Owns the first GPU's primary context for as long as a decoder, an encoder or a picture lives.
//! Knows no video.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::sync::Arc;

use thiserror::Error;

use crate::library::{Absent, Code, ContextPointer, Copy2d, Cuda, Cuvid, Extent, Names, Rows};

/// The GPU that decodes and encodes. Cloned freely.
#[derive(Clone)]
pub struct Gpu(Arc<Inner>);

struct Inner {
    cuda: Cuda,
    cuvid: Cuvid,
    context: ContextPointer,
    device: c_int,
    name: String,
    names: Names,
}

// SAFETY: CUDA's driver may be called by any thread; a context may be current in several threads
// at once, and the pointer to it is never dereferenced here.
unsafe impl Send for Inner {}
// SAFETY: as above; nothing inside changes after it was made.
unsafe impl Sync for Inner {}

/// A call of NVIDIA's that did not work.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{call} answered {name} ({code})")]
pub(crate) struct Fault {
    /// Which function.
    pub(crate) call: &'static str,
    /// What it answered.
    pub(crate) code: Code,
    /// The driver's name for that.
    pub(crate) name: String,
}

/// Longest name of a GPU that is asked for, in bytes.
const NAME_BYTES: usize = 128;

impl Gpu {
    /// Opens NVIDIA's libraries and the first GPU.
    ///
    /// # Errors
    /// [`Absent`] says which part is not there.
    pub fn find(names: &Names) -> Result<Self, Absent> {
        let cuda = Cuda::load(&names.cuda)?;
        let cuvid = Cuvid::load(&names.cuvid)?;
        let refused = |fault: Fault| Absent::Device { reason: fault.to_string() };
        // SAFETY: `cuInit` may be called any number of times; its argument must be zero.
        let code = unsafe { (cuda.init)(0) };
        cuda.checked("cuInit", code).map_err(refused)?;
        let mut count = 0;
        // SAFETY: writes one `int`.
        let code = unsafe { (cuda.device_count)(&mut count) };
        cuda.checked("cuDeviceGetCount", code).map_err(refused)?;
        if count < 1 {
            return Err(Absent::Device { reason: "the driver knows none".into() });
        }
        let mut device = 0;
        // SAFETY: writes one `int`; the number 0 is below `count`.
        let code = unsafe { (cuda.device_get)(&mut device, 0) };
        cuda.checked("cuDeviceGet", code).map_err(refused)?;
        let name = name_of(&cuda, device);
        let mut context = ptr::null_mut();
        // SAFETY: writes one pointer; `device` is one that the driver told.
        let code = unsafe { (cuda.context_retain)(&mut context, device) };
        cuda.checked("cuDevicePrimaryCtxRetain", code).map_err(refused)?;
        let names = names.clone();
        Ok(Self(Arc::new(Inner { cuda, cuvid, context, device, name, names })))
    }

    /// What the GPU is called.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    pub(crate) fn cuvid(&self) -> &Cuvid {
        &self.0.cuvid
    }

    pub(crate) fn names(&self) -> &Names {
        &self.0.names
    }

    pub(crate) fn context(&self) -> ContextPointer {
        self.0.context
    }

    /// Makes the context the thread's current one until the guard is dropped.
    pub(crate) fn enter(&self) -> Result<Entered<'_>, Fault> {
        // SAFETY: the context was retained and is released when the last `Gpu` is dropped.
        let code = unsafe { (self.0.cuda.context_push)(self.0.context) };
        self.checked("cuCtxPushCurrent", code)?;
        Ok(Entered(self))
    }

    pub(crate) fn checked(&self, call: &'static str, code: Code) -> Result<(), Fault> {
        self.0.cuda.checked(call, code)
    }
}

/// The GPU's context is the thread's current one.
pub(crate) struct Entered<'g>(&'g Gpu);

impl Entered<'_> {
    /// Memory for so many rows, which the driver aligns. [`Self::free`] it.
    pub(crate) fn allocate(&self, extent: Extent) -> Result<Rows, Fault> {
        /// What each read of the GPU takes at once at most, which the rows are aligned to.
        const ELEMENT_BYTES: u32 = 16;
        let (mut at, mut pitch) = (0, 0);
        let allocate = self.0.0.cuda.allocate;
        // SAFETY: writes an address and a size; the context is current.
        let code =
            unsafe { allocate(&mut at, &mut pitch, extent.bytes, extent.rows, ELEMENT_BYTES) };
        self.0.checked("cuMemAllocPitch", code)?;
        Ok(Rows { at, pitch })
    }

    /// Gives memory back; nobody may use it any more.
    pub(crate) fn free(&self, rows: Rows) {
        // SAFETY: the address came from `allocate`, and its owner gives it up.
        let code = unsafe { (self.0.0.cuda.free)(rows.at) };
        // A context that failed has lost its memory with it.
        drop(self.0.checked("cuMemFree", code));
    }

    /// Copies rows. Those that go to host memory are there afterwards.
    ///
    /// # Safety
    /// Both ends of the copy must hold as much as it says.
    pub(crate) unsafe fn copy(&self, copy: &Copy2d) -> Result<(), Fault> {
        // SAFETY: the caller answers for both ends; the context is current.
        let code = unsafe { (self.0.0.cuda.copy)(copy) };
        self.0.checked("cuMemcpy2D", code)
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        let mut popped = ptr::null_mut();
        // SAFETY: writes one pointer; the context was pushed when the guard was made.
        unsafe { (self.0.0.cuda.context_pop)(&mut popped) };
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // SAFETY: retained once in `Gpu::find`; every user held this `Inner`.
        unsafe { (self.cuda.context_release)(self.device) };
    }
}

impl Cuda {
    fn checked(&self, call: &'static str, code: Code) -> Result<(), Fault> {
        if code == 0 {
            return Ok(());
        }
        let mut name: *const c_char = ptr::null();
        // SAFETY: writes one pointer, to a constant of the driver's or null.
        unsafe { (self.error_name)(code, &mut name) };
        let name = if name.is_null() {
            "an error without a name".to_owned()
        } else {
            // SAFETY: the driver's names are constants that end with a zero.
            unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned()
        };
        Err(Fault { call, code, name })
    }
}

fn name_of(cuda: &Cuda, device: c_int) -> String {
    let mut name = [0u8; NAME_BYTES];
    let to: *mut c_void = name.as_mut_ptr().cast();
    // SAFETY: writes at most as many bytes as it is told, with a zero at the end.
    let code = unsafe { (cuda.device_name)(to.cast(), NAME_BYTES as c_int, device) };
    match CStr::from_bytes_until_nul(&name) {
        Ok(name) if code == 0 => name.to_string_lossy().into_owned(),
        Ok(_) | Err(_) => "NVIDIA GPU".to_owned(),
    }
}
