//! Reasons of `Ready` while a Pod says why it does not serve.

/// The server has ended, or was ended.
pub(in crate::controller) const ENDED: &str = "ServerEnded";
/// The server runs and is not ready.
pub(in crate::controller) const NOT_READY: &str = "ServerNotReady";
/// The kubelet does not get the image.
pub(in crate::controller) const IMAGE: &str = "ImageNotPulled";
/// The kubelet cannot make the container.
pub(in crate::controller) const CONTAINER: &str = "ContainerNotStarted";
/// No node takes the Pod.
pub(in crate::controller) const UNSCHEDULABLE: &str = "PodUnschedulable";
/// The Pod was evicted, or refused by its node.
pub(in crate::controller) const FAILED: &str = "PodFailed";
/// All of them.
pub(in crate::controller) const ALL: [&str; 6] = [ENDED, NOT_READY, IMAGE, CONTAINER, UNSCHEDULABLE, FAILED];
