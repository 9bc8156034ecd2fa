//! tract in f32: compiled in, so it is always there.

use std::sync::Arc;

use hal::infer::Tensor;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::infer::{Factoid, ShapeFactoid};

use super::{LoadError, Signature, expect, other};

/// Engine and precision, for reports.
const NAME: &str = super::Backend::Tract.as_str();

/// A network, compiled for this machine. Cloning shares the weights.
#[derive(Clone)]
pub(super) struct Plan(Arc<TypedRunnableModel>);

impl Plan {
    /// Compiles an ONNX network. Takes 50 to 200 ms. May panic on a broken one: tract's parser
    /// indexes by names out of the file.
    pub(super) fn load(signature: &Signature, onnx: &[u8]) -> Result<Self, LoadError> {
        Ok(Self(compile(signature, onnx)?))
    }

    /// The same network for one thread; the weights are shared.
    pub(super) fn spawn(&self) -> Result<Network, String> {
        self.0.spawn().map(Network).map_err(|error| format!("{error:#}"))
    }
}

fn compile(signature: &Signature, onnx: &[u8]) -> Result<Arc<TypedRunnableModel>, LoadError> {
    let engine = |e: TractError| LoadError::Engine { engine: NAME, reason: format!("{e:#}") };
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
        let (got, expected) = (format!("{declared:?}"), format!("{:?}", signature.input_shape));
        return Err(other("input shape", got, expected));
    }
    let fact = f32::fact(signature.input_shape.as_slice()).into();
    let model = model.with_input_fact(0, fact).and_then(|m| m.into_optimized()).map_err(engine)?;
    let output = model.output_fact(0).map_err(engine)?;
    if output.datum_type != f32::datum_type() {
        return Err(other("output type", format!("{:?}", output.datum_type), "f32".into()));
    }
    let shape = output.shape.as_concrete();
    if shape != Some(signature.output_shape.as_slice()) {
        let got = shape.map_or_else(|| format!("{:?}", output.shape), |s| format!("{s:?}"));
        return Err(other("output shape", got, format!("{:?}", signature.output_shape)));
    }
    model.into_runnable().map_err(engine)
}

/// A compiled network with its working memory, for one thread at a time.
pub(super) struct Network(TypedSimpleState);

impl Network {
    /// The output's elements. `input` has the network's shape.
    pub(super) fn run(&mut self, input: &Tensor) -> Result<Vec<f32>, String> {
        let mut evaluate = || -> TractResult<Vec<f32>> {
            let tensor = tract_onnx::prelude::Tensor::from_shape(&input.shape, &input.data)?;
            let outputs = self.0.run(tvec!(tensor.into()))?;
            Ok(outputs[0].try_as_plain_ram()?.as_slice::<f32>()?.to_vec())
        };
        evaluate().map_err(|error| format!("{error:#}"))
    }
}
