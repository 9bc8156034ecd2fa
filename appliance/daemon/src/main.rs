//! The `courtside` command.
fn main() {}
