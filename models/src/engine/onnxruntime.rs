//! ONNX Runtime, from a library that is loaded when the process starts.
//!
//! One thread a run and no spinning: the box's other core decodes and records. Sessions may be
//! used by one thread at a time, so a lock lies around each; all lanes run on one thread, so
//! nobody ever waits for it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use hal::infer::Tensor;
use ort::environment::Environment;
use ort::session::Session;
use ort::value::{TensorElementType, TensorRef, ValueType};

use super::{EngineError, LoadError, Signature, expect, other};

/// ONNX Runtime allows one environment a process.
static LOADED: OnceLock<Environment> = OnceLock::new();
static LOADING: Mutex<()> = Mutex::new(());

/// The loaded library.
#[derive(Clone, Debug)]
pub(super) struct Library(Environment);

impl Library {
    pub(super) fn load(library: &Path) -> Result<Self, EngineError> {
        let failed = |reason| EngineError { library: library.display().to_string(), reason };
        let _one_at_a_time = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(loaded) = LOADED.get() {
            return Ok(Self(loaded.clone()));
        }
        // Another library under that name: `ort` asserts what it expects of it.
        let environment = catch_unwind(|| {
            let builder = ort::init_from(library).map_err(|error| error.to_string())?;
            let builder = builder.with_name("courtside").with_telemetry(false);
            builder.build().map_err(|error| error.to_string())
        });
        let environment = environment
            .unwrap_or_else(|_| Err("it is another library".to_owned()))
            .map_err(failed)?;
        Ok(Self(LOADED.get_or_init(|| environment).clone()))
    }

    /// Which build of the library it is: another one has other speeds.
    pub(super) fn about(&self) -> &'static str {
        ort::info()
    }

    /// `engine`: engine and precision, for reports.
    pub(super) fn compile(
        &self,
        (signature, engine): (&Signature, &'static str),
        onnx: &[u8],
    ) -> Result<Plan, LoadError> {
        let session = self.session(onnx).map_err(|reason| LoadError::Engine { engine, reason })?;
        let names = |outlets: &[ort::value::Outlet]| {
            outlets.iter().map(|outlet| outlet.name().to_owned()).collect()
        };
        expect("input", names(session.inputs()), &signature.input)?;
        expect("output", names(session.outputs()), &signature.output)?;
        check_shape("input shape", session.inputs()[0].dtype(), &signature.input_shape)?;
        check_shape("output shape", session.outputs()[0].dtype(), &signature.output_shape)?;
        Ok(Plan(Arc::new(Mutex::new(session))))
    }

    fn session(&self, onnx: &[u8]) -> Result<Session, String> {
        let builder = Session::builder(&self.0).map_err(|error| error.to_string())?;
        let builder = builder.with_intra_threads(1).map_err(|error| error.to_string())?;
        let builder = builder.with_inter_threads(1).map_err(|error| error.to_string())?;
        let builder = builder.with_intra_op_spinning(false);
        let mut builder = builder.map_err(|error| error.to_string())?;
        builder.commit_from_memory(onnx).map_err(|error| error.to_string())
    }
}

/// A dimension that the file leaves open fits any.
fn check_shape(part: &'static str, is: &ValueType, expected: &[usize]) -> Result<(), LoadError> {
    let ValueType::Tensor { ty: TensorElementType::Float32, shape, .. } = is else {
        return Err(other(part, format!("{is:?}"), format!("f32 {expected:?}")));
    };
    let fits = |(is, expected): (&i64, &usize)| *is < 0 || *is as usize == *expected;
    if shape.len() == expected.len() && shape.iter().zip(expected).all(fits) {
        return Ok(());
    }
    Err(other(part, format!("{shape:?}"), format!("{expected:?}")))
}

/// A network, ready to run. Cloning shares everything.
#[derive(Clone)]
pub(super) struct Plan(Arc<Mutex<Session>>);

impl Plan {
    /// The output's elements. `input` has the network's shape.
    pub(super) fn run(&self, signature: &Signature, input: &Tensor) -> Result<Vec<f32>, String> {
        let mut session = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut evaluate = || -> ort::Result<(Vec<i64>, Vec<f32>)> {
            let view = TensorRef::from_array_view((input.shape.clone(), &*input.data))?;
            let outputs = session.run(ort::inputs![view])?;
            let (shape, data) = outputs[0].try_extract_tensor::<f32>()?;
            Ok((shape.to_vec(), data.to_vec()))
        };
        let ran = catch_unwind(AssertUnwindSafe(&mut evaluate));
        let (shape, data) = ran
            .unwrap_or_else(|_| Err(ort::Error::new("it panicked")))
            .map_err(|error| error.to_string())?;
        // The file may leave the output's shape open.
        if data.len() == signature.output_shape.iter().product::<usize>() {
            return Ok(data);
        }
        Err(format!("its output is {shape:?}, but the manifest says {:?}", signature.output_shape))
    }
}
