//! Finds libsrt. Decides nothing else: which build of it is taken is the packages' business, see
//! the note on two libraries in `src/library.rs`.

fn main() {
    // `ffi::Trace` follows the header of 1.5; the next minor version may append to it.
    let found = pkg_config::Config::new().range_version("1.5".."1.6").probe("srt");
    if let Err(error) = found {
        panic!(
            "libsrt 1.5 with headers was not found, which courtside-srt is linked with; install \
             the package that scripts/setup names for SRT: {error}"
        );
    }
}
