//! The custom resource's types, a version a module, and the document that is made of them. No logic: what the values mean is decided
//! in `controller::validate`.

pub mod reference;
pub mod v1alpha1;
