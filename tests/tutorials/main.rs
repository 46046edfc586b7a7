//! Tutorials for `registry:2`, command by command, with our image under that name: a file is a tutorial. What each says one will
//! see is seen, and the mistakes in them are answered by a line of the log that says what to change.
//!
//! Each test has a machine of its own, with a Docker engine that it may configure and restart and with ports 443 and 5000 to
//! itself; see `machine.rs`. `make tutorials` runs all. They need root, and the programs that the tier provides.

mod browser;
mod compose_file;
mod compose_lab;
mod guide;
mod machine;
mod moving;
mod open_source_registry;
mod private_registry;
mod tls_and_htpasswd;
