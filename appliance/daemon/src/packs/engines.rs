//! Which engine runs the networks of this process.
//!
//! Owns where ONNX Runtime is searched. What it does with a network is `models`' business.

use std::path::Path;

use anyhow::Result;
use models::Engines;
use models::engine::Accelerator;
use tracing::info;

use crate::config::{Engine, EngineChoice};

/// Names under which systems have ONNX Runtime; Debian 13 has the first.
const LIBRARIES: [&str; 3] = ["libonnxruntime.so.1.21", "libonnxruntime.so.1", "libonnxruntime.so"];

/// Loads what the configuration asks for.
///
/// # Errors
/// A library that is named is not there or not usable, or none is and there must be one; a GPU
/// must compute and does not. What is asked for is never silently replaced.
pub fn load(engine: &Engine) -> Result<Engines> {
    let engines = match (engine.choice, &engine.library) {
        (EngineChoice::Tract, _) => Engines::default(),
        (EngineChoice::Auto | EngineChoice::OnnxRuntime, Some(library)) => {
            Engines::with_onnxruntime(library)?
        }
        (EngineChoice::OnnxRuntime, None) => of_the_system()?,
        (EngineChoice::Auto, None) => of_the_system().unwrap_or_else(|error| {
            info!("{error}");
            Engines::default()
        }),
        (EngineChoice::Cuda, library) => on(Accelerator::Cuda, library.as_deref())?,
        (EngineChoice::TensorRt, library) => on(Accelerator::TensorRt, library.as_deref())?,
    };
    info!("networks are run by {}", engines.name());
    Ok(engines)
}

/// ONNX Runtime on a GPU.
fn on(accelerator: Accelerator, library: Option<&Path>) -> Result<Engines> {
    let engines = match library {
        Some(library) => Engines::with_onnxruntime(library)?,
        None => of_the_system()?,
    };
    Ok(engines.requiring(accelerator)?)
}

/// The first of the system's libraries that can be used.
fn of_the_system() -> Result<Engines> {
    let mut failed = None;
    for name in LIBRARIES {
        match Engines::with_onnxruntime(Path::new(name)) {
            Ok(engines) => return Ok(engines),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    Err(failed.map_or_else(|| anyhow::anyhow!("no library is known"), anyhow::Error::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(choice: EngineChoice, library: Option<&str>) -> Result<Engines> {
        load(&Engine { choice, library: library.map(Into::into) })
    }

    #[test]
    fn a_library_that_is_named_is_never_silently_replaced() {
        for (_, choice) in EngineChoice::NAMES {
            if choice == EngineChoice::Tract {
                continue;
            }
            let error = asked(choice, Some("/nowhere/libort.so")).expect_err("it is not there");
            assert!(error.to_string().contains("/nowhere/libort.so"), "{error}");
        }
    }

    #[test]
    fn tract_needs_no_library() {
        let engines = asked(EngineChoice::Tract, Some("/nowhere/libort.so")).expect("compiled in");
        assert_eq!(engines.name(), "tract f32");
    }

    #[test]
    fn a_system_without_the_library_runs_tract_unless_it_must_not() {
        let name = asked(EngineChoice::Auto, None).expect("one of the two").name();
        match asked(EngineChoice::OnnxRuntime, None) {
            Ok(engines) => assert_eq!(engines.name(), name),
            Err(error) => {
                assert_eq!(name, "tract f32");
                assert!(error.to_string().contains("take the engine tract"), "{error}");
            }
        }
    }

    #[test]
    fn a_gpu_that_is_asked_for_is_there_or_the_refusal_says_why_and_what_to_do() {
        let Some(library) = std::env::var("COURTSIDE_ONNXRUNTIME").ok() else {
            eprintln!("SKIPPED: COURTSIDE_ONNXRUNTIME names no library");
            return;
        };
        for (choice, name) in [(EngineChoice::Cuda, "CUDA"), (EngineChoice::TensorRt, "TensorRT")] {
            match asked(choice, Some(&library)) {
                Ok(engines) => {
                    let on: Vec<_> = engines.backends().map(|b| b.accelerator()).collect();
                    assert_eq!(on, [engines.required()], "it alone may run");
                }
                Err(error) => {
                    let told = error.to_string();
                    assert!(told.starts_with(&format!("{name} not here: ")), "{told}");
                    assert!(told.contains("driver") && told.contains("engine = "), "{told}");
                }
            }
        }
    }
}
