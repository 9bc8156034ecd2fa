//! Inference engines: tensors in, tensors out. A loaded network knows its shapes; what the
//! numbers mean is the model pack's business.

use thiserror::Error;

/// A dense tensor of f32, row-major.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tensor {
    /// Sizes of the dimensions, outermost first.
    pub shape: Vec<usize>,
    /// Elements; as many as the product of `shape`.
    pub data: Vec<f32>,
}

impl Tensor {
    /// A tensor of zeros.
    pub fn zeros(shape: &[usize]) -> Self {
        Self { shape: shape.to_vec(), data: vec![0.0; shape.iter().product()] }
    }
}

/// One network, loaded and ready, used by one thread at a time.
pub trait Infer: Send {
    /// Runs the network once.
    ///
    /// - `inputs`: as many as the network has, each of exactly its shape.
    /// - returns: the outputs in the network's order.
    ///
    /// # Errors
    /// [`InferError`]; the network stays loaded.
    fn run(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, InferError>;

    /// Engine and precision, for reports: `tract f32`.
    fn engine(&self) -> &str;
}

/// Why a network gave no answer.
#[derive(Debug, Error)]
pub enum InferError {
    /// The caller's tensors do not fit the network.
    #[error("network {network} takes {expected:?} but got {got:?}; the pack's manifest is wrong")]
    Shape {
        /// Which network.
        network: String,
        /// Shapes that it takes.
        expected: Vec<Vec<usize>>,
        /// Shapes that it got.
        got: Vec<Vec<usize>>,
    },
    /// The engine failed, or the network answered with something that is not a number.
    #[error("network {network} gave no answer: {reason}")]
    Engine {
        /// Which network.
        network: String,
        /// What happened.
        reason: String,
    },
}
