#![doc = include_str!("../README.md")]
//!
//! # The pipeline
//!
//! ```text
//!                  PrivateRegistry
//!                         |
//!   observe   (reads the API server)   referenced Secrets, existing children, the Service's addresses
//!   validate  (pure)                   spec + observed  -> Registry   the only place that says no
//!   issue     (entropy, own thread)    Registry         -> Material   keys, certificates, passwords, hashes: where missing or due
//!   build     (pure)                   Registry + Material -> Resources<Desired>
//!   apply     (writes)                 server-side apply, ordered, prune -> Resources<Applied>
//!   status    (pure, then one patch)   Resources<Applied> -> conditions, endpoint, certificate dates
//! ```
//!
//! [`controller`] is the pipeline and what starts it, [`api`] what people write, [`names`] what two places must agree on,
//! [`pki`] and [`credentials`] the decisions that need neither clock nor cluster. [`args`] wires all of it together with
//! [`lease`], [`admin`], [`metrics`] and [`telemetry`]; [`check`] looks at an installation from inside. [`plugin`] is what the same program is under the name `kubectl-preg`.

pub mod admin;
pub mod api;
pub mod args;
pub mod check;
pub mod controller;
pub mod credentials;
pub mod lease;
pub mod metrics;
pub mod names;
pub mod node_trust;
pub mod plugin;
mod quantity;
pub mod telemetry;

pub use registry_pki as pki;
