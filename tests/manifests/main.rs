//! Drift tests of generated manifests.

fn main() {}
