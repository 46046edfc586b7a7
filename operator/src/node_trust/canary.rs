//! The proof that the node's container runtime reads what is written for it: it pulls an image that nobody else has.
//!
//! The Pod itself serves that image, under a host whose name ends in `.invalid`, for which no resolver has an answer (RFC 6761): the
//! only way to it is the directory that is written for this host among those of the registries. A second container of the Pod names
//! the image, and the kubelet has it pulled whenever that container starts. It runs where the runtime takes notice of such directories,
//! and nowhere else; where it does not run, the Pod's status has the runtime's own words, which the operator reads.
//!
//! So nobody needs the runtime's socket, and with it everything on the node. It is for containerd alone: CRI-O may not have read yet where
//! the newest Pod is, and Docker cannot be led to another place than the host's own.

mod image;
mod registry;

pub(super) use self::{image::Image, registry::router};
use crate::names::is_object_name;

/// The container that has the image.
pub const CONTAINER: &str = "canary";
/// The name of no host (RFC 6761, section 6.4).
const NO_HOST: &str = ".invalid";

/// The host under which this Pod serves the image, as a flag has it.
///
/// # Errors
/// When a node could find it otherwise than by what is written, or it is no host: why, for people.
pub(super) fn host(text: &str) -> Result<String, String> {
    let is_good = text.ends_with(NO_HOST) && is_object_name(text);
    is_good.then(|| text.to_owned()).ok_or_else(|| format!("is no host that ends in {NO_HOST}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_resolver_knows_the_host() {
        assert_eq!(host("canary.system.invalid"), Ok("canary.system.invalid".to_owned()));
        for other in ["docker.io", "team.apps.svc.cluster.local", ".invalid", "../x.invalid", "canary.invalid.io", ""] {
            assert!(host(other).is_err(), "{other}");
        }
    }
}
