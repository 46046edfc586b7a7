//! What nodes are told, so that their container runtimes pull `<name>.<namespace>.svc.<cluster domain>/...`: nodes neither resolve
//! names of Services nor know a registry's authority.
//!
//! ```text
//!   config_map          ConfigMap <-> Entry: by which the operator tells all nodes of one registry
//!   agent      (runs)   on each node: watches these objects, carries them out, again and again, and reports
//!   layout     (pure)   entries -> Desired: the directories and files that the node's runtime reads
//!   plan       (pure)   Desired + what is there -> steps, and what is somebody else's
//!   tree       (writes) carries the steps out below one directory, atomically a file
//!   drop_in    (writes) the same for the one file that CRI-O reads beside them
//!   containerd (reads)  whether the node's containerd reads these directories at all
//!   crio       (reads)  whether its CRI-O reads that file again when it changes
//!   canary     (serves) an image by which the runtime proves that it reads these directories
//!   mounts     (reads)  whether these directories are still the node's
//!   report     (serves) what is so on this node, to those who ask
//! ```
//!
//! No runtime's own configuration is changed, and nothing is touched that another has made.

mod agent;
pub mod args;
pub mod canary;
pub mod config_map;
mod configuration;
pub mod containerd;
mod crio;
mod departure;
mod drop_in;
pub mod entry;
mod file;
pub mod layout;
mod mounts;
mod node;
mod owner;
mod plan;
mod registries;
pub mod report;
pub mod runtime;
mod tree;

pub use self::{
    entry::{Entry, Scheme},
    node::{Node, Outcome, Places, Problem},
    owner::Owner,
    report::{Report, Standing},
    runtime::Runtime,
};
