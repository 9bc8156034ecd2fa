//! NVIDIA GPUs through NVML, the library that their driver brings: temperature with its limits,
//! power and fan.
//!
//! Opened at run time, so that the same program runs where there is none. What a GPU does not
//! tell (a Jetson's tells little) is absent, and read where the board shows it instead. Sets
//! nothing.

use std::ffi::{OsStr, c_int, c_uint, c_void};
use std::ptr::null_mut;

use hal::sensors::{Fan, Power, Readings, Sensors, Temperature, Trips};
use libloading::Library;
use wire::units::{Millicelsius, Milliwatts, Permille};

/// The library's name on Linux.
pub const LIBRARY: &str = "libnvidia-ml.so.1";
/// Most GPUs that are looked at.
const GPUS_MAX: u32 = 16;

const SUCCESS: c_int = 0;
const SENSOR_GPU: c_uint = 0;
const THRESHOLD_SHUTDOWN: c_uint = 0;
const THRESHOLD_SLOWDOWN: c_uint = 1;

/// `nvmlDevice_t`: the library's, never freed.
#[derive(Clone, Copy)]
struct Device(*mut c_void);

// SAFETY: NVML is thread-safe, and its handles belong to no thread ("NVML API Reference Guide",
// 2.8: "The functions in this library are thread-safe").
unsafe impl Send for Device {}

type Plain = unsafe extern "C" fn() -> c_int;
type Count = unsafe extern "C" fn(*mut c_uint) -> c_int;
type ByIndex = unsafe extern "C" fn(c_uint, *mut *mut c_void) -> c_int;
type Number = unsafe extern "C" fn(*mut c_void, *mut c_uint) -> c_int;
type Selected = unsafe extern "C" fn(*mut c_void, c_uint, *mut c_uint) -> c_int;

/// The GPUs of one box.
pub struct Nvml {
    gpus: Vec<Gpu>,
    functions: Functions,
}

/// Why there is nothing to read.
#[derive(Debug, thiserror::Error)]
pub enum Missing {
    /// There is no library.
    #[error("no NVIDIA driver is installed: {}", in_full(.0))]
    Library(libloading::Error),
    /// The library has not what it must have.
    #[error("this NVIDIA driver is not known, as it has no {name}: {}", in_full(.error))]
    Function {
        /// What it must have.
        name: &'static str,
        /// What the system says.
        error: libloading::Error,
    },
    /// It does not start, or shows no GPU.
    #[error("the NVIDIA driver says error {0} of nvml.h; check `nvidia-smi`")]
    Refused(c_int),
    /// There is a driver and no GPU.
    #[error("the NVIDIA driver shows no GPU")]
    NoGpu,
}

/// One GPU, and what it was found to tell.
struct Gpu {
    name: String,
    device: Device,
    trips: Trips,
    has_temperature: bool,
    has_power: bool,
    has_fan: bool,
}

/// The functions that are called. Their library stays open as long as they are there.
struct Functions {
    shutdown: Plain,
    temperature: Selected,
    threshold: Selected,
    power: Number,
    fan: Number,
    _library: Library,
}

impl Nvml {
    /// Opens the library, `libnvidia-ml.so.1` except in tests, and looks what its GPUs tell.
    ///
    /// # Errors
    /// There is nothing to read; says why.
    pub fn open(library: &OsStr) -> Result<Self, Missing> {
        // SAFETY: loading runs the initialisers of NVIDIA's driver library, which are made for
        // being loaded by any program; a test loads its own.
        let library = unsafe { Library::new(library) }.map_err(Missing::Library)?;
        let start: Plain = function(&library, "nvmlInit_v2")?;
        let count: Count = function(&library, "nvmlDeviceGetCount_v2")?;
        let by_index: ByIndex = function(&library, "nvmlDeviceGetHandleByIndex_v2")?;
        let functions = Functions {
            shutdown: function(&library, "nvmlShutdown")?,
            temperature: function(&library, "nvmlDeviceGetTemperature")?,
            threshold: function(&library, "nvmlDeviceGetTemperatureThreshold")?,
            power: function(&library, "nvmlDeviceGetPowerUsage")?,
            fan: function(&library, "nvmlDeviceGetFanSpeed")?,
            _library: library,
        };
        // SAFETY: takes nothing; may be called by any thread, any number of times.
        let started = unsafe { start() };
        if started != SUCCESS {
            return Err(Missing::Refused(started));
        }
        // From here on `drop` shuts NVML down.
        let mut nvml = Self { gpus: Vec::new(), functions };
        let mut gpus = 0;
        // SAFETY: NVML was started, and the pointer is that of a number of ours.
        let counted = unsafe { count(&raw mut gpus) };
        if counted != SUCCESS {
            return Err(Missing::Refused(counted));
        }
        for index in 0..gpus.min(GPUS_MAX) {
            let mut handle = null_mut();
            // SAFETY: NVML was started, the index is below its count, the pointer is ours.
            let found = unsafe { by_index(index, &raw mut handle) };
            // A GPU that fell off the bus has no handle; the others work on.
            if found == SUCCESS {
                nvml.gpus.push(nvml.functions.describe(index, Device(handle)));
            }
        }
        if nvml.gpus.is_empty() { Err(Missing::NoGpu) } else { Ok(nvml) }
    }
}

impl Drop for Nvml {
    fn drop(&mut self) {
        // SAFETY: NVML was started by `open`, and nobody uses a handle any more.
        unsafe { (self.functions.shutdown)() };
    }
}

impl Sensors for Nvml {
    fn read(&mut self) -> Readings {
        let mut readings = Readings::default();
        for gpu in &self.gpus {
            let name = gpu.name.clone();
            if gpu.has_temperature {
                let (value, trips) = (self.functions.temperature(gpu.device), gpu.trips);
                let condition = hal::sensors::Condition::Unremarkable;
                let temperature = Temperature { name: name.clone(), value, condition, trips };
                readings.temperatures.push(temperature);
            }
            if gpu.has_power {
                let value = self.functions.power(gpu.device);
                readings.power.push(Power { name: name.clone(), value, ..Power::default() });
            }
            if gpu.has_fan {
                // What it is told; NVML counts no revolutions in all of its versions.
                let drive = self.functions.fan(gpu.device);
                readings.fans.push(Fan { name, drive, ..Fan::default() });
            }
        }
        readings
    }
}

impl Functions {
    fn describe(&self, index: u32, device: Device) -> Gpu {
        Gpu {
            name: format!("nvidia gpu{index}"),
            device,
            trips: Trips {
                // Where the GPU slows itself down, and where it switches itself off.
                passive: self.threshold(device, THRESHOLD_SLOWDOWN),
                hot: None,
                critical: self.threshold(device, THRESHOLD_SHUTDOWN),
            },
            has_temperature: self.temperature(device).is_some(),
            has_power: self.power(device).is_some(),
            has_fan: self.fan(device).is_some(),
        }
    }

    fn temperature(&self, Device(device): Device) -> Option<Millicelsius> {
        let mut degrees = 0;
        // SAFETY: the handle is NVML's, which runs until `drop`; the pointer is ours.
        let told = unsafe { (self.temperature)(device, SENSOR_GPU, &raw mut degrees) };
        celsius(told, degrees)
    }

    fn threshold(&self, Device(device): Device, which: c_uint) -> Option<Millicelsius> {
        let mut degrees = 0;
        // SAFETY: the handle is NVML's, which runs until `drop`; the pointer is ours.
        let told = unsafe { (self.threshold)(device, which, &raw mut degrees) };
        celsius(told, degrees).filter(|trip| trip.0 > 0)
    }

    fn power(&self, Device(device): Device) -> Option<Milliwatts> {
        let mut milliwatts = 0;
        // SAFETY: the handle is NVML's, which runs until `drop`; the pointer is ours.
        let told = unsafe { (self.power)(device, &raw mut milliwatts) };
        (told == SUCCESS).then_some(Milliwatts(milliwatts))
    }

    fn fan(&self, Device(device): Device) -> Option<Permille> {
        let mut percent = 0;
        // SAFETY: the handle is NVML's, which runs until `drop`; the pointer is ours.
        let told = unsafe { (self.fan)(device, &raw mut percent) };
        // "It may exceed 100 % in certain cases", says its header.
        let permille = u16::try_from(percent.min(100) * 10).ok().map(Permille);
        permille.filter(|_| told == SUCCESS)
    }
}

/// Whole degrees as NVML tells them.
fn celsius(told: c_int, degrees: c_uint) -> Option<Millicelsius> {
    let milli = i32::try_from(degrees).ok()?.checked_mul(1_000)?;
    (told == SUCCESS).then_some(Millicelsius(milli))
}

/// A function of the library.
///
/// The caller names its type as `nvml.h` declares it.
fn function<F: Copy>(library: &Library, name: &'static str) -> Result<F, Missing> {
    // SAFETY: `F` is the function's type in `nvml.h`, whose functions keep their types once they
    // have a name: a changed one gets a new name (`_v2`).
    let symbol = unsafe { library.get::<F>(name) };
    symbol.map(|symbol| *symbol).map_err(|error| Missing::Function { name, error })
}

/// An error with what it was caused by, where the system's own words are.
fn in_full(error: &libloading::Error) -> String {
    use std::error::Error as _;
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}
