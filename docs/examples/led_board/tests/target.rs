//! The board is built for a microcontroller without an operating system.

use std::path::Path;
use std::process::Command;

/// A Cortex-M4F, as on most boards that drive LEDs.
const TARGET: &str = "thumbv7em-none-eabihf";

#[test]
fn board_is_built_for_a_microcontroller() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let asked = Command::new(rustc).args(["--print", "sysroot"]).output().expect("rustc is there");
    let sysroot = String::from_utf8(asked.stdout).expect("a path");
    if !Path::new(sysroot.trim()).join("lib/rustlib").join(TARGET).is_dir() {
        eprintln!("SKIPPED: Rust has no {TARGET} here (rustup target add {TARGET})");
        return;
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--locked", "--lib", "--target", TARGET])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo is there");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
}
