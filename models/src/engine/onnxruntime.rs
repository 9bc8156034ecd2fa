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
use ort::ep::{CUDA, ExecutionProvider, TensorRT};
use ort::session::Session;
use ort::session::builder::SessionBuilder;
use ort::value::{TensorElementType, TensorRef, ValueType};

use super::{Accelerator, Backend, EngineError, LoadError, Signature, expect, other};

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

    /// Whether it was built with a provider; not whether that works.
    pub(super) fn has(&self, accelerator: Accelerator) -> Result<(), String> {
        let (name, has) = match accelerator {
            Accelerator::Cuda => (CUDA::NAME, CUDA::is_available()),
            Accelerator::TensorRt => (TensorRT::NAME, TensorRT::is_available()),
        };
        if has.map_err(|error| error.to_string())? {
            return Ok(());
        }
        Err(format!("the ONNX Runtime that is loaded was built without its {name}"))
    }

    pub(super) fn compile(
        &self,
        (signature, backend): (&Signature, Backend),
        onnx: &[u8],
    ) -> Result<Plan, LoadError> {
        let session = self.session(backend.accelerator(), onnx);
        let engine = backend.as_str();
        let session = session.map_err(|reason| LoadError::Engine { engine, reason })?;
        let names = |outlets: &[ort::value::Outlet]| {
            outlets.iter().map(|outlet| outlet.name().to_owned()).collect()
        };
        expect("input", names(session.inputs()), &signature.input)?;
        expect("output", names(session.outputs()), &signature.output)?;
        check_shape("input shape", session.inputs()[0].dtype(), &signature.input_shape)?;
        check_shape("output shape", session.outputs()[0].dtype(), &signature.output_shape)?;
        Ok(Plan(Arc::new(Mutex::new(session))))
    }

    fn session(&self, on: Option<Accelerator>, onnx: &[u8]) -> Result<Session, String> {
        let builder = Session::builder(&self.0).map_err(|error| error.to_string())?;
        let builder = builder.with_intra_threads(1).map_err(|error| error.to_string())?;
        let builder = builder.with_inter_threads(1).map_err(|error| error.to_string())?;
        let builder = builder.with_intra_op_spinning(false);
        let builder = builder.map_err(|error| error.to_string())?;
        let mut builder = match on {
            Some(accelerator) => provided_by(accelerator, nothing_by_processor(builder)?)?,
            None => builder,
        };
        builder.commit_from_memory(onnx).map_err(|error| error.to_string())
    }
}

/// ONNX Runtime gives the processor what a provider does not take, and says nothing. With this,
/// loading the network is an error then.
fn nothing_by_processor(builder: SessionBuilder) -> Result<SessionBuilder, String> {
    builder.with_disable_cpu_fallback().map_err(|error| error.to_string())
}

/// The session asks for the provider; an error if that cannot be had.
fn provided_by(on: Accelerator, builder: SessionBuilder) -> Result<SessionBuilder, String> {
    let provider = match on {
        // In f32, as the golden answers are: TensorFloat-32 has 10 bits of fraction.
        Accelerator::Cuda => CUDA::default().with_tf32(false).build(),
        // Not CUDA beside it: what runs is what was asked for.
        Accelerator::TensorRt => TensorRT::default().build(),
    };
    let builder = builder.with_execution_providers([provider.error_on_failure()]);
    builder.map_err(|error| error.to_string())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_that_no_provider_takes_is_not_given_to_the_processor() {
        let Some(library) = std::env::var_os("COURTSIDE_ONNXRUNTIME") else {
            eprintln!("SKIPPED: COURTSIDE_ONNXRUNTIME names no library");
            return;
        };
        let library = Library::load(Path::new(&library)).unwrap_or_else(|error| panic!("{error}"));
        let builder = Session::builder(&library.0).expect("it has sessions");
        let mut builder = nothing_by_processor(builder).expect("it knows the option");
        let onnx = include_bytes!("proof.onnx");
        let error = builder.commit_from_memory(onnx).map(drop).expect_err("the processor runs it");
        assert!(error.to_string().contains("disabled"), "{error}");
        library.session(None, onnx).expect("without the option it does");
    }
}
