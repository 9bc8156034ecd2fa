//! The engine: tract in f32, behind [`hal::infer::Infer`].
//!
//! Loads a network from bytes, checks that it takes and gives what its pack says, and runs it on
//! the calling thread. Knows no files and no meaning of the numbers. Why tract, and what it costs:
//! `docs/decisions/`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use hal::infer::{Infer, InferError, Tensor};
use thiserror::Error;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::infer::{Factoid, ShapeFactoid};

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
    plan: Arc<TypedRunnableModel>,
}

/// A network that cannot be used.
#[derive(Debug, Error)]
pub enum LoadError {
    /// Not ONNX, or with an operator or a shape that the engine cannot work with.
    #[error("tract cannot load the network: {reason}")]
    Engine {
        /// What tract said.
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
    /// Compiles an ONNX network. Takes 50 to 200 ms.
    ///
    /// - `onnx`: the file's bytes; weights inside, not in files beside it.
    ///
    /// # Errors
    /// [`LoadError`]; never panics, whatever the bytes are.
    pub fn load(signature: Signature, onnx: &[u8]) -> Result<Self, LoadError> {
        // tract's parser indexes by names out of the file: a broken graph can panic in there. The
        // half-built graph is dropped, so nothing inconsistent survives.
        let compiled = catch_unwind(AssertUnwindSafe(|| compile(&signature, onnx)));
        let plan = compiled.unwrap_or_else(|panic| {
            let said = panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
            Err(LoadError::Engine {
                reason: format!("it panicked: {}", said.unwrap_or_else(|| "no message".into())),
            })
        })?;
        Ok(Self { signature: Arc::new(signature), plan })
    }

    /// A network of its own for one thread; the weights are shared.
    ///
    /// # Errors
    /// [`InferError::Engine`] if tract cannot set up the network's state.
    pub fn spawn(&self) -> Result<Network, InferError> {
        let state = self.plan.spawn().map_err(|e| failed(&self.signature, &e))?;
        Ok(Network { signature: Arc::clone(&self.signature), state })
    }

    /// Names and shapes.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }
}

fn compile(signature: &Signature, onnx: &[u8]) -> Result<Arc<TypedRunnableModel>, LoadError> {
    let engine = |e: TractError| LoadError::Engine { reason: format!("{e:#}") };
    let mut bytes = onnx;
    let model = tract_onnx::onnx().model_for_read(&mut bytes).map_err(engine)?;
    let inputs: Vec<String> = model
        .input_outlets()
        .map_err(engine)?
        .iter()
        .map(|outlet| model.node(outlet.node).name.clone())
        .collect();
    expect("input", inputs, &signature.input)?;
    let outputs: Vec<String> = model
        .output_outlets()
        .map_err(engine)?
        .iter()
        .map(|&outlet| {
            let label = model.outlet_label(outlet).map(str::to_owned);
            label.unwrap_or_else(|| model.node(outlet.node).name.clone())
        })
        .collect();
    expect("output", outputs, &signature.output)?;

    let declared = model.input_fact(0).map_err(engine)?.shape.clone();
    let expected: ShapeFactoid = signature.input_shape.iter().map(|&d| d.to_dim()).collect();
    if declared.unify(&expected).is_err() {
        return Err(LoadError::Signature {
            part: "input shape",
            got: format!("{declared:?}"),
            expected: format!("{:?}", signature.input_shape),
        });
    }
    let fact = f32::fact(signature.input_shape.as_slice()).into();
    let model = model.with_input_fact(0, fact).and_then(|m| m.into_optimized()).map_err(engine)?;
    let output = model.output_fact(0).map_err(engine)?;
    if output.datum_type != f32::datum_type() {
        return Err(LoadError::Signature {
            part: "output type",
            got: format!("{:?}", output.datum_type),
            expected: "f32".into(),
        });
    }
    let shape = output.shape.as_concrete();
    if shape != Some(signature.output_shape.as_slice()) {
        return Err(LoadError::Signature {
            part: "output shape",
            got: shape.map_or_else(|| format!("{:?}", output.shape), |s| format!("{s:?}")),
            expected: format!("{:?}", signature.output_shape),
        });
    }
    model.into_runnable().map_err(engine)
}

fn expect(part: &'static str, got: Vec<String>, expected: &str) -> Result<(), LoadError> {
    if got == [expected] {
        return Ok(());
    }
    let expected = format!("[{expected:?}]");
    Err(LoadError::Signature { part, got: format!("{got:?}"), expected })
}

fn failed(signature: &Signature, error: &TractError) -> InferError {
    InferError::Engine { network: signature.network.clone(), reason: format!("{error:#}") }
}

/// A compiled network with its working memory, for one thread at a time.
pub struct Network {
    signature: Arc<Signature>,
    state: TypedSimpleState,
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
        let mut evaluate = || -> TractResult<Vec<f32>> {
            let tensor = tract_onnx::prelude::Tensor::from_shape(&input.shape, &input.data)?;
            let outputs = self.state.run(tvec!(tensor.into()))?;
            Ok(outputs[0].try_as_plain_ram()?.as_slice::<f32>()?.to_vec())
        };
        let data = evaluate().map_err(|e| failed(signature, &e))?;
        if let Some(at) = data.iter().position(|v| !v.is_finite()) {
            let reason = format!("output element {at} is {}, not a finite number", data[at]);
            return Err(InferError::Engine { network: signature.network.clone(), reason });
        }
        Ok(vec![Tensor { shape: signature.output_shape.clone(), data }])
    }

    fn engine(&self) -> &str {
        "tract f32"
    }
}
