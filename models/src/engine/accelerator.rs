//! ONNX Runtime on a GPU: which of its providers there are, and whether one really computes here.
//!
//! A provider is asked for by name and never replaced: the library must have it, it must accept
//! the session, no node of the network may be left to the processor, and a small network must give
//! the right answer. Why, and what of it was never run: `docs/decisions/0018-accelerated-engines.md`.

use std::fmt;

use hal::infer::{Infer, Tensor};
use thiserror::Error;

use super::{Backend, Engines, Plan, Signature};
use crate::limits::GOLDEN_ERROR_MAX;

/// What computes on a GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accelerator {
    /// NVIDIA's CUDA, with cuDNN.
    Cuda,
    /// NVIDIA's TensorRT: compiles a network for the GPU when it is loaded, which takes a while.
    TensorRt,
}

impl Accelerator {
    /// All of them, in the order in which they are tried and told.
    pub const ALL: [Self; 2] = [Self::Cuda, Self::TensorRt];

    /// As people call it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cuda => "CUDA",
            Self::TensorRt => "TensorRT",
        }
    }

    /// What runs a network on it.
    pub const fn backend(self) -> Backend {
        match self {
            Self::Cuda => Backend::Cuda,
            Self::TensorRt => Backend::TensorRt,
        }
    }
}

impl fmt::Display for Accelerator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A provider that cannot be used here.
#[derive(Clone, Debug, Error)]
#[error(
    "{accelerator} not here: {reason}; install an ONNX Runtime with {accelerator}, its libraries \
     and the GPU's driver, and name its libonnxruntime.so as `[models] onnxruntime`, or write \
     `engine = \"auto\"`"
)]
pub struct AcceleratorError {
    /// Which one.
    pub accelerator: Accelerator,
    /// Why not.
    pub reason: String,
}

/// A convolution with nine ones, and what is negative made 0: `in` `[1, 1, 4, 4]` to `out`
/// `[1, 1, 2, 2]`, opset 17. Nine for each nine pixels that are 1.
const PROOF: &[u8] = include_bytes!("proof.onnx");
const PROOF_ANSWER: f32 = 9.0;

/// Whether a provider computes in this process.
pub(super) fn check(engines: &Engines, accelerator: Accelerator) -> Result<(), AcceleratorError> {
    let checked = match &engines.onnxruntime {
        None => Err("this process has not loaded ONNX Runtime".to_owned()),
        Some(library) => library.has(accelerator),
    };
    checked
        .and_then(|()| prove(engines, accelerator.backend()))
        .map_err(|reason| AcceleratorError { accelerator, reason })
}

/// Runs the small network.
fn prove(engines: &Engines, backend: Backend) -> Result<(), String> {
    let signature = Signature {
        network: "proof".to_owned(),
        input: "in".to_owned(),
        input_shape: vec![1, 1, 4, 4],
        output: "out".to_owned(),
        output_shape: vec![1, 1, 2, 2],
    };
    let input = Tensor { shape: signature.input_shape.clone(), data: vec![1.0; 16] };
    let plan = Plan::load((engines, backend), signature, PROOF).map_err(|e| e.to_string())?;
    let mut network = plan.spawn().map_err(|error| error.to_string())?;
    let answer = network.run(&[input]).map_err(|error| error.to_string())?;
    let wrong = answer[0]
        .data
        .iter()
        .find(|value| (*value - PROOF_ANSWER).abs() > GOLDEN_ERROR_MAX * PROOF_ANSWER);
    wrong.map_or(Ok(()), |wrong| Err(format!("it computes {wrong} where {PROOF_ANSWER} is right")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_small_network_is_right_by_an_engine_that_is_always_here() {
        prove(&Engines::default(), Backend::Tract).expect("tract runs it");
    }

    #[test]
    fn without_onnxruntime_no_provider_is_here_and_the_refusal_says_what_to_do() {
        for accelerator in Accelerator::ALL {
            let error = Engines::default().requiring(accelerator).map(drop).expect_err("is here");
            let text = error.to_string();
            assert!(text.starts_with(&format!("{accelerator} not here: ")), "{text}");
            assert!(
                text.contains("has not loaded") && text.contains("`[models] onnxruntime`"),
                "{text}"
            );
            let (engines, absent) = Engines::default().searching([accelerator]);
            assert!(engines.backends().eq([Backend::Tract]), "it is offered");
            assert_eq!(absent.len(), 1);
        }
    }
}
