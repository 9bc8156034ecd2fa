//! The engines: networks behind [`hal::infer::Infer`], run by tract or by ONNX Runtime.
//!
//! Loads a network from bytes, checks that it takes and gives what its pack says, and runs it on
//! the calling thread. Knows no files but the library that it is told, and no meaning of the
//! numbers. Which engine when, and what each costs: `docs/decisions/0011-two-engines.md`,
//! `docs/decisions/0014-tiers-and-precisions.md` and `docs/decisions/0018-accelerated-engines.md`.

mod accelerator;
mod choice;
mod onnxruntime;
mod tract;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

pub use hal::infer::Signature;
use hal::infer::{Infer, InferError, Tensor};
use thiserror::Error;

pub use accelerator::{Accelerator, AcceleratorError};
pub use choice::{Backend, EngineError, Engines, Measured, Preference, Speed};

/// A network, compiled for this machine. Cloning shares the weights.
#[derive(Clone)]
pub struct Plan {
    signature: Arc<Signature>,
    compiled: Compiled,
    backend: Backend,
}

#[derive(Clone)]
enum Compiled {
    Tract(tract::Plan),
    OnnxRuntime(onnxruntime::Plan),
}

/// A network that cannot be used.
#[derive(Debug, Error)]
pub enum LoadError {
    /// Not ONNX, or with an operator or a shape that the engine cannot work with.
    #[error("{engine} cannot load the network: {reason}")]
    Engine {
        /// Engine and precision.
        engine: &'static str,
        /// What it said.
        reason: String,
    },
    /// Other inputs or outputs than expected.
    #[error("the network has {part} {got}, but the manifest says {expected}")]
    Signature {
        /// Which part of the signature: `input`, `output`, `output shape`.
        part: &'static str,
        /// What the network has.
        got: String,
        /// What the manifest says.
        expected: String,
    },
}

impl Plan {
    /// Compiles an ONNX network. Takes 5 to 200 ms, with TensorRT more.
    ///
    /// - `onnx`: the file's bytes, in the backend's precision; weights inside, not in files beside
    ///   it.
    ///
    /// # Errors
    /// [`LoadError`], also if this process has not the backend; never panics, whatever the bytes
    /// are.
    pub fn load(
        (engines, backend): (&Engines, Backend),
        signature: Signature,
        onnx: &[u8],
    ) -> Result<Self, LoadError> {
        let engine = backend.as_str();
        let compile = || match (backend, &engines.onnxruntime) {
            (Backend::Tract, _) => tract::Plan::load(&signature, onnx).map(Compiled::Tract),
            (
                Backend::OnnxRuntime | Backend::OnnxRuntimeInt8 | Backend::Cuda | Backend::TensorRt,
                Some(library),
            ) => library.compile((&signature, backend), onnx).map(Compiled::OnnxRuntime),
            (
                Backend::OnnxRuntime | Backend::OnnxRuntimeInt8 | Backend::Cuda | Backend::TensorRt,
                None,
            ) => {
                let reason = "this process has not loaded ONNX Runtime".to_owned();
                Err(LoadError::Engine { engine, reason })
            }
        };
        // The half-built graph is dropped, so nothing inconsistent survives.
        let compiled = catch_unwind(AssertUnwindSafe(compile)).unwrap_or_else(|panic| {
            let said = panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
            let reason = format!("it panicked: {}", said.unwrap_or_else(|| "no message".into()));
            Err(LoadError::Engine { engine, reason })
        })?;
        Ok(Self { signature: Arc::new(signature), compiled, backend })
    }

    /// The network for one thread; the weights are shared.
    ///
    /// # Errors
    /// [`InferError::Engine`] if the engine cannot set up the network's state.
    pub fn spawn(&self) -> Result<Network, InferError> {
        let state = match &self.compiled {
            Compiled::Tract(plan) => plan.spawn().map(State::Tract).map_err(|reason| {
                InferError::Engine { network: self.signature.network.clone(), reason }
            })?,
            Compiled::OnnxRuntime(plan) => State::OnnxRuntime(plan.clone()),
        };
        Ok(Network { signature: Arc::clone(&self.signature), state, backend: self.backend })
    }

    /// Engine and precision.
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// Names and shapes.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }
}

/// A compiled network with its working memory, for one thread at a time.
pub struct Network {
    signature: Arc<Signature>,
    state: State,
    backend: Backend,
}

enum State {
    Tract(tract::Network),
    OnnxRuntime(onnxruntime::Plan),
}

impl Infer for Network {
    fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, InferError> {
        let signature = &*self.signature;
        let input = signature.only_input(inputs)?;
        let failed = |reason| InferError::Engine { network: signature.network.clone(), reason };
        let data = match &mut self.state {
            State::Tract(network) => network.run(input),
            State::OnnxRuntime(plan) => plan.run(signature, input),
        };
        let data = data.map_err(failed)?;
        if let Some(at) = data.iter().position(|v| !v.is_finite()) {
            let reason = format!("output element {at} is {}, not a finite number", data[at]);
            return Err(failed(reason));
        }
        Ok(vec![Tensor { shape: signature.output_shape.clone(), data }])
    }

    fn engine(&self) -> &str {
        self.backend.as_str()
    }
}

fn expect(part: &'static str, got: Vec<String>, expected: &str) -> Result<(), LoadError> {
    if got == [expected] {
        return Ok(());
    }
    Err(other(part, format!("{got:?}"), format!("[{expected:?}]")))
}

fn other(part: &'static str, got: String, expected: String) -> LoadError {
    LoadError::Signature { part, got, expected }
}
