//! What the tests of several steps share: registries to work on, a Pod that answers, and passes one after another without a
//! client.

pub(crate) mod fixtures;
pub(crate) mod pod;
mod simulation;
