//! What the server's Pod may do: no more than the restricted Pod security standard allows, unless the spec says otherwise.

use k8s_openapi::api::core::v1::{Capabilities, PodSecurityContext, SeccompProfile, SecurityContext};

/// User and group of the server: no name in any image, the number of distroless' `nonroot`.
const USER: i64 = 65532;

/// `asked` with the operator's own values where it has none.
pub(super) fn pod_security(asked: PodSecurityContext) -> PodSecurityContext {
    PodSecurityContext {
        run_as_non_root: asked.run_as_non_root.or(Some(true)),
        run_as_user: asked.run_as_user.or(Some(USER)),
        run_as_group: asked.run_as_group.or(Some(USER)),
        fs_group: asked.fs_group.or(Some(USER)),
        // A volume that another server filled is made accessible once; walking a large one at every start takes minutes.
        fs_group_change_policy: asked.fs_group_change_policy.or_else(|| Some("OnRootMismatch".to_owned())),
        seccomp_profile: asked
            .seccomp_profile
            .or_else(|| Some(SeccompProfile { type_: "RuntimeDefault".to_owned(), localhost_profile: None })),
        ..asked
    }
}

/// The server needs no privilege, and writes to its volume alone.
pub(super) fn container_security() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None }),
        read_only_root_filesystem: Some(true),
        ..SecurityContext::default()
    }
}
