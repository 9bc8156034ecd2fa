//! Which engine runs a network, in which precision: what this process can do, what was measured,
//! and what is taken where nobody measured.
//!
//! Owns the rule. Measures nothing: who measured hands the result in as [`Measured`].

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;
use wire::units::Milliwatts;

use super::accelerator::{self, Accelerator, AcceleratorError};
use super::onnxruntime;
use crate::manifest::Precision;

/// An engine with a precision that it is good for: tract's int8 is slower than its f32, so there
/// is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Backend {
    /// tract in f32.
    Tract,
    /// ONNX Runtime in f32.
    OnnxRuntime,
    /// ONNX Runtime with u8 activations and s8 weights.
    OnnxRuntimeInt8,
    /// ONNX Runtime in f32, all of it by CUDA.
    Cuda,
    /// ONNX Runtime in f32, all of it by TensorRT.
    TensorRt,
}

impl Backend {
    /// All of them, in the order in which they are tried and told.
    pub const ALL: [Self; 5] =
        [Self::Tract, Self::OnnxRuntime, Self::OnnxRuntimeInt8, Self::Cuda, Self::TensorRt];

    /// Engine and precision: `tract f32`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tract => "tract f32",
            Self::OnnxRuntime => "onnxruntime f32",
            Self::OnnxRuntimeInt8 => "onnxruntime int8",
            Self::Cuda => "onnxruntime cuda f32",
            Self::TensorRt => "onnxruntime tensorrt f32",
        }
    }

    /// Number format of the file that it runs.
    pub const fn precision(self) -> Precision {
        match self {
            Self::Tract | Self::OnnxRuntime | Self::Cuda | Self::TensorRt => Precision::F32,
            Self::OnnxRuntimeInt8 => Precision::Int8,
        }
    }

    /// What it computes on, if that is no processor.
    pub const fn accelerator(self) -> Option<Accelerator> {
        match self {
            Self::Tract | Self::OnnxRuntime | Self::OnnxRuntimeInt8 => None,
            Self::Cuda => Some(Accelerator::Cuda),
            Self::TensorRt => Some(Accelerator::TensorRt),
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Backend {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|backend| backend.as_str() == text);
        let names = Self::ALL.map(Self::as_str).join(", ");
        found.ok_or_else(|| format!("{text:?} is none of {names}"))
    }
}

/// The precision of tiers that nobody measured on this machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Preference {
    /// int8 where the pack has it and ONNX Runtime is there: a trainer ships it only where it was
    /// faster and as good. A tier whose int8 network fails on this machine runs f32.
    #[default]
    Int8WhereShipped,
    /// f32.
    F32,
}

/// What a tier takes on this machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed {
    /// What runs it fastest.
    pub backend: Backend,
    /// Median time of one run in ms, one thread.
    pub cost_ms: f32,
    /// What the box draws more while it runs again and again, where that was measured.
    pub power: Option<Milliwatts>,
}

/// What was measured on this machine: by the SHA-256 of a pack's manifest, so that no other
/// version is meant, and the tier's name.
pub type Measured = BTreeMap<(String, String), Speed>;

/// What runs networks in this process. The default is tract, which is compiled in.
#[derive(Clone, Debug, Default)]
pub struct Engines {
    pub(super) onnxruntime: Option<onnxruntime::Library>,
    /// Those that were tried and compute here.
    accelerators: Vec<Accelerator>,
    /// The only one that may run anything.
    required: Option<Accelerator>,
    preference: Preference,
    measured: Arc<Measured>,
}

/// ONNX Runtime cannot be used.
#[derive(Clone, Debug, Error)]
#[error(
    "ONNX Runtime not loaded from {library}: {reason}; give the path of libonnxruntime.so of \
     version 1.21 or later, or take the engine tract"
)]
pub struct EngineError {
    /// Path or name of the library.
    pub library: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Engines {
    /// Networks are run by ONNX Runtime from now on. `library` is the path of
    /// `libonnxruntime.so`, or its name, for the system to search. One process can load one
    /// library: a later call with another path keeps the first.
    ///
    /// # Errors
    /// [`EngineError`]: there is no such library, it is another one, or too old.
    pub fn with_onnxruntime(library: &Path) -> Result<Self, EngineError> {
        let onnxruntime = Some(onnxruntime::Library::load(library)?);
        Ok(Self { onnxruntime, ..Self::default() })
    }

    /// The same with another precision where nobody measured.
    #[must_use]
    pub fn preferring(self, preference: Preference) -> Self {
        Self { preference, ..self }
    }

    /// The same with what was measured on this machine.
    #[must_use]
    pub fn with_measured(self, measured: Measured) -> Self {
        Self { measured: Arc::new(measured), ..self }
    }

    /// Networks are run by this provider and by nothing else from now on, whatever was measured.
    ///
    /// # Errors
    /// [`AcceleratorError`]: it is not here, or does not compute.
    pub fn requiring(self, accelerator: Accelerator) -> Result<Self, AcceleratorError> {
        accelerator::check(&self, accelerator)?;
        Ok(Self { accelerators: vec![accelerator], required: Some(accelerator), ..self })
    }

    /// The same with those of the providers that are here, for what was or will be measured, and
    /// why the others are not. Nothing runs on a GPU that nobody asked for or measured.
    pub fn searching(
        self,
        wanted: impl IntoIterator<Item = Accelerator>,
    ) -> (Self, Vec<AcceleratorError>) {
        let (mut engines, mut absent) = (self, Vec::new());
        for accelerator in wanted {
            match accelerator::check(&engines, accelerator) {
                Ok(()) if engines.accelerators.contains(&accelerator) => {}
                Ok(()) => engines.accelerators.push(accelerator),
                Err(error) => absent.push(error),
            }
        }
        (engines, absent)
    }

    /// The same without [`requiring`](Self::requiring), to measure everything.
    #[must_use]
    pub fn unbound(self) -> Self {
        Self { required: None, ..self }
    }

    /// The only provider that may run anything, if there is one.
    pub fn required(&self) -> Option<Accelerator> {
        self.required
    }

    /// The engine of what nobody measured, in its f32 form: `tract f32`.
    pub fn name(&self) -> &'static str {
        self.usual().as_str()
    }

    /// What this process can and may run networks with.
    pub fn backends(&self) -> impl Iterator<Item = Backend> {
        Backend::ALL.into_iter().filter(|backend| self.runs(*backend))
    }

    fn runs(&self, backend: Backend) -> bool {
        match (backend.accelerator(), self.required) {
            (Some(accelerator), None) => self.accelerators.contains(&accelerator),
            (Some(accelerator), Some(required)) => accelerator == required,
            (None, None) => self.onnxruntime.is_some() || backend == Backend::Tract,
            (None, Some(_)) => false,
        }
    }

    /// What ONNX Runtime's library says of itself, such as its version; `None` without one.
    pub fn library(&self) -> Option<&'static str> {
        self.onnxruntime.as_ref().map(onnxruntime::Library::about)
    }

    /// What was measured of a tier, if this process can run it so.
    pub(crate) fn measured(&self, digest: &str, tier: &str) -> Option<Speed> {
        let speed = self.measured.get(&(digest.to_owned(), tier.to_owned())).copied();
        speed.filter(|speed| self.runs(speed.backend))
    }

    /// What runs f32 files that nobody measured.
    pub(crate) fn usual(&self) -> Backend {
        match (self.required, &self.onnxruntime) {
            (Some(accelerator), _) => accelerator.backend(),
            (None, Some(_)) => Backend::OnnxRuntime,
            (None, None) => Backend::Tract,
        }
    }

    /// The precision of tiers that nobody measured.
    pub(crate) fn preference(&self) -> Preference {
        self.preference
    }

    /// Whether int8 files can be run at all.
    pub(crate) fn runs_int8(&self) -> bool {
        self.runs(Backend::OnnxRuntimeInt8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(backend: Backend) -> Measured {
        [(("ab".to_owned(), "nano".to_owned()), Speed { backend, cost_ms: 0.5, power: None })]
            .into()
    }

    fn backends(engines: &Engines) -> Vec<Backend> {
        engines.backends().collect()
    }

    #[test]
    fn a_gpu_that_is_asked_for_runs_everything_whatever_was_measured() {
        let (accelerators, required) = (vec![Accelerator::Cuda], Some(Accelerator::Cuda));
        let cuda = Engines { accelerators, required, ..Engines::default() };
        assert_eq!(backends(&cuda), [Backend::Cuda]);
        assert_eq!((cuda.name(), cuda.runs_int8()), ("onnxruntime cuda f32", false));
        for other in [Backend::Tract, Backend::OnnxRuntimeInt8, Backend::TensorRt] {
            let engines = cuda.clone().with_measured(measured(other));
            assert_eq!(engines.measured("ab", "nano"), None, "{other}");
        }
        let engines = cuda.clone().with_measured(measured(Backend::Cuda));
        assert!(engines.measured("ab", "nano").is_some());
        let free = cuda.unbound();
        assert_eq!(backends(&free), [Backend::Tract, Backend::Cuda], "both can be measured");
        assert_eq!(free.name(), "tract f32");
    }

    #[test]
    fn a_gpu_that_is_here_runs_only_what_was_measured_on_it() {
        let here = Engines { accelerators: vec![Accelerator::TensorRt], ..Engines::default() };
        assert_eq!(here.usual(), Backend::Tract);
        for (backend, runs) in [(Backend::TensorRt, true), (Backend::Cuda, false)] {
            let engines = here.clone().with_measured(measured(backend));
            assert_eq!(engines.measured("ab", "nano").is_some(), runs, "{backend}");
            assert_eq!(engines.measured("ab", "full"), None);
        }
    }

    #[test]
    fn backends_are_read_as_they_are_written() {
        for backend in Backend::ALL {
            assert_eq!(backend.as_str().parse(), Ok(backend));
            let back = backend.accelerator().map(Accelerator::backend);
            assert!(back.is_none_or(|back| back == backend), "{backend}");
        }
    }
}
