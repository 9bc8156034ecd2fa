//! The engines: networks behind [`hal::infer::Infer`], run by tract or by ONNX Runtime.
//!
//! Loads a network from bytes, checks that it takes and gives what its pack says, and runs it on
//! the calling thread. Knows no files but the library that it is told, and no meaning of the
//! numbers. Which engine when, and what each costs: `docs/decisions/0011-two-engines.md`.

mod onnxruntime;
mod tract;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use hal::infer::{Infer, InferError, Tensor};
use thiserror::Error;

/// What runs networks in this process. The default is tract, which is compiled in.
#[derive(Clone, Debug, Default)]
pub struct Engines {
    onnxruntime: Option<onnxruntime::Library>,
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
        Ok(Self { onnxruntime: Some(onnxruntime::Library::load(library)?) })
    }

    /// Engine and precision of the networks: `tract f32`.
    pub fn name(&self) -> &'static str {
        match self.onnxruntime {
            Some(_) => onnxruntime::NAME,
            None => tract::NAME,
        }
    }
}

/// What a network must look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Name of the network, for reports: `rim/nano`.
    pub network: String,
    /// Name of its only input.
    pub input: String,
    /// Shape of its only input.
    pub input_shape: Vec<usize>,
    /// Name of its only output.
    pub output: String,
    /// Shape of its only output.
    pub output_shape: Vec<usize>,
}

/// A network, compiled for this machine. Cloning shares the weights.
#[derive(Clone)]
pub struct Plan {
    signature: Arc<Signature>,
    compiled: Compiled,
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
    /// Compiles an ONNX network. Takes 5 to 200 ms.
    ///
    /// - `onnx`: the file's bytes; weights inside, not in files beside it.
    ///
    /// # Errors
    /// [`LoadError`]; never panics, whatever the bytes are.
    pub fn load(engines: &Engines, signature: Signature, onnx: &[u8]) -> Result<Self, LoadError> {
        let compile = || match &engines.onnxruntime {
            Some(library) => library.compile(&signature, onnx).map(Compiled::OnnxRuntime),
            None => tract::Plan::load(&signature, onnx).map(Compiled::Tract),
        };
        // The half-built graph is dropped, so nothing inconsistent survives.
        let compiled = catch_unwind(AssertUnwindSafe(compile)).unwrap_or_else(|panic| {
            let said = panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
            let reason = format!("it panicked: {}", said.unwrap_or_else(|| "no message".into()));
            Err(LoadError::Engine { engine: engines.name(), reason })
        })?;
        Ok(Self { signature: Arc::new(signature), compiled })
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
        Ok(Network { signature: Arc::clone(&self.signature), state })
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
}

enum State {
    Tract(tract::Network),
    OnnxRuntime(onnxruntime::Plan),
}

impl Infer for Network {
    fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, InferError> {
        let signature = &*self.signature;
        let input = match inputs {
            [t] if t.shape == signature.input_shape
                && t.data.len() == t.shape.iter().product::<usize>() =>
            {
                t
            }
            _ => {
                return Err(InferError::Shape {
                    network: signature.network.clone(),
                    expected: vec![signature.input_shape.clone()],
                    got: inputs.iter().map(|t| t.shape.clone()).collect(),
                });
            }
        };
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
        match self.state {
            State::Tract(_) => tract::NAME,
            State::OnnxRuntime(_) => onnxruntime::NAME,
        }
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
