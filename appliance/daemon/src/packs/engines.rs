//! Which engine runs the networks of this process.
//!
//! Owns where ONNX Runtime is searched. What it does with a network is `models`' business.

use std::path::Path;

use anyhow::Result;
use models::Engines;
use tracing::info;

use crate::config::{Engine, EngineChoice};

/// Names under which systems have ONNX Runtime; Debian 13 has the first.
const LIBRARIES: [&str; 3] = ["libonnxruntime.so.1.21", "libonnxruntime.so.1", "libonnxruntime.so"];

/// Loads what the configuration asks for.
///
/// # Errors
/// A library that is named is not there or not usable, or none is and there must be one.
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
    };
    info!("networks are run by {}", engines.name());
    Ok(engines)
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
        for choice in [EngineChoice::Auto, EngineChoice::OnnxRuntime] {
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
}
