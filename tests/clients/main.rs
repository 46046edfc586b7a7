//! What people push and pull with, against the server as a process over verified TLS, with users of different rights: a file
//! is a client. Each does what it can of logging in, pushing, pulling, listing and deleting, and is told what its user may not
//! do. registry-server/README.md has the table of it.
//!
//! `make clients` runs all; they need no cluster, but the programs that the tier provides. One that is missing is a failure.

mod containerd;
mod crane;
mod crictl;
mod ctr;
mod docker;
mod helm;
mod oras;
mod regctl;
mod skopeo;
