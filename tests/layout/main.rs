//! A volume changes hands: between this server and the reference implementation 2.8 and 3.1, in both directions, with every
//! byte where it was; and so does a configuration. A file is a promise.
//!
//! All three run as processes on this machine with the same configuration. `tests/tiers/layout` builds and runs them.

mod collections;
mod configuration;
mod hands;
mod sequences;
mod sha512;
mod trees;
mod uploads;
