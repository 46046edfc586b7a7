//! Entry point of the registry server.

fn main() {}
