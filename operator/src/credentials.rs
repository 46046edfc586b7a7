//! Passwords: what may be one, the htpasswd file made of them, and how a new one takes over from an old one without a gap.
//!
//! [`password`] says what may be a password, [`htpasswd`] reads and writes the file together with the record of where each line
//! came from, [`rotation`] decides. Only [`hashing`] computes, and only what [`rotation::work`] asks for.

pub mod hashing;
pub mod htpasswd;
pub mod password;
pub mod rotation;

pub use self::{
    htpasswd::{Line, Source},
    password::{Password, PasswordError},
};
