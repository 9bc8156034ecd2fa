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

impl Signature {
    /// The only input of a network that looks like this.
    ///
    /// # Errors
    /// [`InferError::Shape`]: another number of tensors, another shape, or fewer or more elements
    /// than the shape says.
    pub fn only_input<'a>(&self, inputs: &'a [Tensor]) -> Result<&'a Tensor, InferError> {
        match inputs {
            [input]
                if input.shape == self.input_shape
                    && input.data.len() == input.shape.iter().product::<usize>() =>
            {
                Ok(input)
            }
            _ => Err(InferError::Shape {
                network: self.network.clone(),
                expected: vec![self.input_shape.clone()],
                got: inputs.iter().map(|input| input.shape.clone()).collect(),
            }),
        }
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

/// A network that another machine runs: it may be away, late, or another one than last time.
pub trait Remote: Infer {
    /// Asks whether it is there and is the network that is wanted. [`run`](Infer::run) gives
    /// answers of that shape from then on. Takes no longer than the driver was told.
    ///
    /// # Errors
    /// [`CheckError`]; asking again later is worth it.
    fn check(&mut self, wanted: &Signature) -> Result<(), CheckError>;
}

/// Why another machine's network is not used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CheckError {
    /// The machine is not reached, or does not have the network ready.
    #[error("{0}")]
    Away(String),
    /// What it has is not what is wanted.
    #[error(
        "its {part} is {got}, but that of the box's {network} is {expected}; serve a model with \
         the names and shapes of the box's pack, or install the pack that belongs to the model"
    )]
    Differs {
        /// Our network.
        network: String,
        /// Which part of the signature: `input`, `output`, `input's shape` …
        part: &'static str,
        /// What the machine says of its own.
        got: String,
        /// What the pack says.
        expected: String,
    },
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
    /// The network runs elsewhere, and no answer came in time.
    #[error("network {network} has not answered within {deadline_ms} ms")]
    Late {
        /// Which network.
        network: String,
        /// How long it was waited for.
        deadline_ms: u64,
    },
}
