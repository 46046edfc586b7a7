//! What nodes are told, so that their container runtimes pull `<name>.<namespace>.svc.<cluster domain>/...`: nodes neither resolve
//! names of Services nor know a registry's authority.
//!
//! ```text
//!   Entry      (checked)           a registry as nodes know it: host, address, authorities
//!   layout     (pure)   entries -> Desired       the directories and files that the node's runtime reads
//!   plan       (pure)   Desired + what is there -> steps, and what is somebody else's
//!   tree       (writes)            carries the steps out below one directory, atomically a file
//!   drop_in    (writes)            the same for the one file that CRI-O reads beside them
//!   containerd (reads)             whether the node's containerd reads these directories at all
//! ```
//!
//! Nothing here knows Kubernetes or changes a runtime's own configuration, and nothing is touched that another has made.

pub mod containerd;
mod drop_in;
pub mod entry;
mod file;
pub mod layout;
mod node;
mod owner;
mod plan;
pub mod runtime;
mod tree;

pub use self::{
    entry::{Entry, Scheme},
    node::{Node, Outcome, Places},
    owner::Owner,
    runtime::Runtime,
};
