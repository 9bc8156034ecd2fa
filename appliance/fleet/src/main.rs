//! The `courtside-fleet` command.
fn main() {}
