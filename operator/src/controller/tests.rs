//! What the tests of several steps share: registries to work on, and passes one after another without a client.

pub(crate) mod fixtures;
mod simulation;
