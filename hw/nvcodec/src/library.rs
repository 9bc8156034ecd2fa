//! NVIDIA's libraries, opened while the box runs: the functions of theirs that are called here, and
//! why they are not there where they are not.
//!
//! Nothing is linked, so that the same program starts on a box without them. Every function answers
//! with a number and not with the vendor's enum: a newer driver may answer what the enum lacks.

use std::error::Error as _;
use std::ffi::{c_char, c_int, c_uint, c_void};
use std::path::{Path, PathBuf};

use libloading::Library;
use nvidia_video_codec_sdk::sys::cuviddec::{
    CUVIDDECODECAPS, CUVIDDECODECREATEINFO, CUVIDGETDECODESTATUS, CUVIDPICPARAMS, CUVIDPROCPARAMS,
    CUvideodecoder,
};
use nvidia_video_codec_sdk::sys::nvcuvid::{
    CUVIDPARSERPARAMS, CUVIDSOURCEDATAPACKET, CUvideoparser,
};
use thiserror::Error;

/// What a function of NVIDIA's answers; zero is success.
pub(crate) type Code = c_int;
/// An address in the GPU's memory.
pub(crate) type DevicePointer = u64;
/// A CUDA context.
pub(crate) type ContextPointer = *mut c_void;

/// Where the libraries are looked for; a name without a slash is looked up as the system does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The driver.
    pub cuda: PathBuf,
    /// The decoder.
    pub cuvid: PathBuf,
    /// The encoder.
    pub encode: PathBuf,
}

impl Default for Names {
    /// As NVIDIA's driver installs them.
    fn default() -> Self {
        Self {
            cuda: "libcuda.so.1".into(),
            cuvid: "libnvcuvid.so.1".into(),
            encode: "libnvidia-encode.so.1".into(),
        }
    }
}

/// Why NVIDIA's codecs cannot be used on this box.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Absent {
    /// A library is not there.
    #[error(
        "{} is not there; install NVIDIA's driver with its codec libraries, or choose software \
         ({reason})", .name.display()
    )]
    Library {
        /// Which one.
        name: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// A library is too old.
    #[error(
        "{} has no function {symbol}; install a newer driver of NVIDIA's, or choose software",
        .name.display()
    )]
    Function {
        /// Which library.
        name: PathBuf,
        /// Which function.
        symbol: &'static str,
    },
    /// The driver is there, a GPU that can be used is not.
    #[error("no NVIDIA GPU can be used: {reason}; see `nvidia-smi`, or choose software")]
    Device {
        /// What the driver said.
        reason: String,
    },
}

/// Names the functions of one library and finds them all.
macro_rules! functions {
    ($(#[$doc:meta])* $table:ident { $($field:ident = $symbol:literal ($($argument:ty),*);)* }) => {
        $(#[$doc])*
        pub(crate) struct $table {
            $(pub(crate) $field: unsafe extern "C" fn($($argument),*) -> Code,)*
            /// Keeps the functions' code in memory.
            _library: Library,
        }

        impl $table {
            pub(crate) fn load(name: &Path) -> Result<Self, Absent> {
                let library = open(name)?;
                $(
                    // SAFETY: NVIDIA's headers declare this function with these arguments.
                    let found = unsafe { library.get($symbol) };
                    let $field = *found.map_err(|_| Absent::Function {
                        name: name.to_owned(),
                        symbol: $symbol,
                    })?;
                )*
                Ok(Self { $($field,)* _library: library })
            }
        }
    };
}

functions! {
    /// The driver's functions, from `cuda.h`.
    Cuda {
        init = "cuInit" (c_uint);
        device_count = "cuDeviceGetCount" (*mut c_int);
        device_get = "cuDeviceGet" (*mut c_int, c_int);
        device_name = "cuDeviceGetName" (*mut c_char, c_int, c_int);
        context_retain = "cuDevicePrimaryCtxRetain" (*mut ContextPointer, c_int);
        context_release = "cuDevicePrimaryCtxRelease_v2" (c_int);
        context_push = "cuCtxPushCurrent_v2" (ContextPointer);
        context_pop = "cuCtxPopCurrent_v2" (*mut ContextPointer);
        allocate = "cuMemAllocPitch_v2"
            (*mut DevicePointer, *mut usize, usize, usize, c_uint);
        free = "cuMemFree_v2" (DevicePointer);
        copy = "cuMemcpy2D_v2" (*const Copy2d);
        error_name = "cuGetErrorName" (Code, *mut *const c_char);
    }
}

functions! {
    /// The decoder's functions, from `nvcuvid.h` and `cuviddec.h`.
    Cuvid {
        capabilities = "cuvidGetDecoderCaps" (*mut CUVIDDECODECAPS);
        create_parser = "cuvidCreateVideoParser" (*mut CUvideoparser, *mut CUVIDPARSERPARAMS);
        parse = "cuvidParseVideoData" (CUvideoparser, *mut CUVIDSOURCEDATAPACKET);
        destroy_parser = "cuvidDestroyVideoParser" (CUvideoparser);
        create_decoder = "cuvidCreateDecoder"
            (*mut CUvideodecoder, *mut CUVIDDECODECREATEINFO);
        destroy_decoder = "cuvidDestroyDecoder" (CUvideodecoder);
        decode = "cuvidDecodePicture" (CUvideodecoder, *mut CUVIDPICPARAMS);
        status = "cuvidGetDecodeStatus" (CUvideodecoder, c_int, *mut CUVIDGETDECODESTATUS);
        map = "cuvidMapVideoFrame64"
            (CUvideodecoder, c_int, *mut DevicePointer, *mut c_uint, *mut CUVIDPROCPARAMS);
        unmap = "cuvidUnmapVideoFrame64" (CUvideodecoder, DevicePointer);
    }
}

functions! {
    /// The encoder's two functions; the others come out of the second one.
    Nvenc {
        version_max = "NvEncodeAPIGetMaxSupportedVersion" (*mut u32);
        create_instance = "NvEncodeAPICreateInstance" (*mut c_void);
    }
}

fn open(name: &Path) -> Result<Library, Absent> {
    // SAFETY: NVIDIA's libraries may be loaded by any thread at any time; their initialisers
    // expect nothing of the program.
    unsafe { Library::new(name) }
        .map_err(|error| Absent::Library { name: name.to_owned(), reason: told(&error) })
}

/// What the system said, and not only which of its functions said it.
fn told(error: &libloading::Error) -> String {
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}

/// A copy of rows, as `CUDA_MEMCPY2D` of `cuda.h` has it.
#[repr(C)]
pub(crate) struct Copy2d {
    from_x: usize,
    from_y: usize,
    from_kind: c_uint,
    from_host: *const c_void,
    from_device: DevicePointer,
    from_array: *mut c_void,
    from_pitch: usize,
    to_x: usize,
    to_y: usize,
    to_kind: c_uint,
    to_host: *mut c_void,
    to_device: DevicePointer,
    to_array: *mut c_void,
    to_pitch: usize,
    bytes: usize,
    rows: usize,
}

/// `CU_MEMORYTYPE_HOST` and `CU_MEMORYTYPE_DEVICE`.
const HOST: c_uint = 1;
const DEVICE: c_uint = 2;

/// Rows in the GPU's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rows {
    pub(crate) at: DevicePointer,
    pub(crate) pitch: usize,
}

/// How much is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) bytes: usize,
    pub(crate) rows: usize,
}

impl Copy2d {
    /// From the GPU to the GPU.
    pub(crate) fn within(from: Rows, to: Rows, extent: Extent) -> Self {
        let to = Self { to_kind: DEVICE, to_device: to.at, to_pitch: to.pitch, ..Self::NONE };
        to.of(from, extent)
    }

    /// From the GPU to host memory, rows without gaps between them. `to` must hold `extent` and
    /// outlive the copy.
    pub(crate) fn down(from: Rows, to: *mut u8, extent: Extent) -> Self {
        let to = Self { to_kind: HOST, to_host: to.cast(), to_pitch: extent.bytes, ..Self::NONE };
        to.of(from, extent)
    }

    fn of(self, from: Rows, Extent { bytes, rows }: Extent) -> Self {
        let (from_device, from_pitch) = (from.at, from.pitch);
        Self { from_kind: DEVICE, from_device, from_pitch, bytes, rows, ..self }
    }

    const NONE: Self = Self {
        from_x: 0,
        from_y: 0,
        from_kind: 0,
        from_host: std::ptr::null(),
        from_device: 0,
        from_array: std::ptr::null_mut(),
        from_pitch: 0,
        to_x: 0,
        to_y: 0,
        to_kind: 0,
        to_host: std::ptr::null_mut(),
        to_device: 0,
        to_array: std::ptr::null_mut(),
        to_pitch: 0,
        bytes: 0,
        rows: 0,
    };
}
