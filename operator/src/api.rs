//! The custom resource's types, a version a module. No logic: what the values mean is decided in `controller::validate`.

pub mod v1alpha1;
