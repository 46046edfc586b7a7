//! End-to-end tests: a file is a promise.

fn main() {}
