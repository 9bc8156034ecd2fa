//! Makes the stand-in, one for each test, and asks it for its accounts.

use std::ffi::{CString, c_char, c_int, c_long, c_void};
use std::path::PathBuf;
use std::process::Command;

use libloading::{Library, Symbol};
use nvcodec::{Gpu, Names};

/// One test's libraries.
pub(crate) struct Fake {
    library: Library,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Fake {
    /// `None`, said aloud, where there is no C compiler.
    pub(crate) fn build() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("libfake.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/fake.c");
        let built = Command::new("cc")
            .args(["-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", "-pthread", "-o"])
            .arg(&path)
            .arg(source)
            .status();
        let Ok(status) = built else {
            eprintln!("SKIPPED: there is no C compiler to make NVIDIA's stand-in with");
            return None;
        };
        assert!(status.success(), "the stand-in compiles");
        // SAFETY: the stand-in has no initialisers.
        let library = unsafe { Library::new(&path) }.expect("the stand-in loads");
        Some(Self { library, path, _folder: folder })
    }

    pub(crate) fn names(&self) -> Names {
        let path = || self.path.clone();
        Names { cuda: path(), cuvid: path(), encode: path() }
    }

    pub(crate) fn gpu(&self) -> Gpu {
        Gpu::find(&self.names()).expect("the stand-in has everything")
    }

    /// How many of these there are.
    pub(crate) fn live(&self, what: &str) -> i64 {
        self.ask("fake_live", what)
    }

    /// How many of these there were in all.
    pub(crate) fn made(&self, what: &str) -> i64 {
        self.ask("fake_made", what)
    }

    /// The call of `function` after `after` others fails, and each later one.
    pub(crate) fn fail(&self, function: &str, after: i32, code: i32) {
        type Fail = unsafe extern "C" fn(*const c_char, c_int, c_int);
        // SAFETY: the stand-in declares it so.
        let fail: Symbol<'_, Fail> = unsafe { self.library.get("fake_fail") }.expect("it is");
        let function = CString::new(function).expect("a name");
        // SAFETY: copies the name.
        unsafe { fail(function.as_ptr(), after, code) };
    }

    /// Where the functions of an encoding session come from.
    pub(crate) fn encoder(&self, create: unsafe extern "C" fn(*mut c_void) -> c_int) {
        type Set = unsafe extern "C" fn(unsafe extern "C" fn(*mut c_void) -> c_int);
        // SAFETY: the stand-in declares it so.
        let set: Symbol<'_, Set> = unsafe { self.library.get("fake_encoder") }.expect("it is");
        // SAFETY: only keeps the pointer; the function lives as long as the program.
        unsafe { set(create) };
    }

    fn ask(&self, question: &str, what: &str) -> i64 {
        type Ask = unsafe extern "C" fn(*const c_char) -> c_long;
        // SAFETY: the stand-in declares it so.
        let ask: Symbol<'_, Ask> = unsafe { self.library.get(question) }.expect("it is");
        let name = CString::new(what).expect("a name");
        // SAFETY: only reads the name.
        let count = unsafe { ask(name.as_ptr()) };
        assert!(count >= 0, "the stand-in counts no {what}");
        count
    }

    /// Asserts that nothing is left of anything, and that no address was wrong.
    pub(crate) fn assert_empty(&self) {
        for what in ["contexts", "allocations", "maps", "decoders", "parsers", "violations"] {
            assert_eq!(self.live(what), 0, "{what}");
        }
    }
}
