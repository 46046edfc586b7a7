//! Promises about nodes, on a cluster of several whose containerd is of the second generation: none has been set up by anybody.
//!
//! `make nodes` makes the cluster and removes it. That one node with containerd 1 pulls is a promise of `tests/e2e`.

mod canary;
mod changes;
mod every_node;
mod fleet;
