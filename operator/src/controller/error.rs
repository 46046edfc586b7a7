//! Why a pass did not come to its end, in the words of its step, and what that means for the registry.

use super::{apply, distribute, issue, nodes, observe, status, validate};

/// Why a pass did not come to its end: which step, and that step's own error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Step one.
    #[error(transparent)]
    Observe(observe::Error),
    /// Step two.
    #[error("the spec is not valid")]
    Validate(#[source] validate::Error),
    /// Step three.
    #[error(transparent)]
    Issue(issue::Error),
    /// Step five.
    #[error(transparent)]
    Apply(apply::Error),
    /// Step six.
    #[error(transparent)]
    Status(status::Error),
    /// What a deleted registry has left elsewhere.
    #[error(transparent)]
    CleanUp(distribute::Error),
    /// What nodes were told of a deleted registry.
    #[error(transparent)]
    Forget(nodes::Error),
    /// The object does not have the shape of our kind.
    #[error("the object cannot be read")]
    Unreadable(#[source] Box<kube::core::error_boundary::InvalidObject>),
}

impl Error {
    /// For a condition.
    pub(super) const fn reason(&self) -> &'static str {
        match self {
            Self::Observe(_) => "ObserveFailed",
            Self::Validate(_) | Self::Unreadable(_) => "InvalidSpec",
            Self::Issue(_) => "IssueFailed",
            Self::Apply(apply::Error::Taken { .. }) => "NameTaken",
            Self::Apply(_) => "ApplyFailed",
            Self::Status(_) => "StatusFailed",
            Self::CleanUp(_) | Self::Forget(_) => "CleanUpFailed",
        }
    }

    /// Whether a person has to correct something before trying again can help.
    pub(super) const fn needs_correction(&self) -> bool {
        matches!(self, Self::Validate(_) | Self::Unreadable(_) | Self::Apply(apply::Error::Taken { .. }))
    }

    /// Whether only a change of the object itself can help.
    pub(super) const fn waits_for_change(&self) -> bool {
        matches!(self, Self::Validate(_) | Self::Unreadable(_))
    }
}

/// The text of an error with those of its causes, each once.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    if let Some(kube::Error::Api(status)) = error.downcast_ref() {
        // What the API server says to a person; the error's own text has the whole structure behind it.
        return status.message.clone();
    }
    match error.source() {
        Some(cause) => format!("{error}: {}", chain(cause)),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_server_s_own_words_end_an_error() {
        let answer = kube::core::Status::failure("exceeded quota", "Forbidden").with_code(403);
        let error = Error::Apply(apply::Error::Request {
            verb: "apply",
            kind: "Secret".into(),
            namespace: "kitchen".into(),
            name: "larder-tls".into(),
            source: kube::Error::Api(Box::new(answer)),
        });
        assert_eq!(chain(&error), "failed to apply Secret kitchen/larder-tls: exceeded quota");
    }

    #[test]
    fn an_error_says_its_causes_once() {
        let error = Error::Validate(validate::Error::Lifetime("selfSigned"));
        assert_eq!(
            chain(&error),
            "the spec is not valid: spec.tls.selfSigned: renewBefore must be shorter than duration, and duration between 1h \
             and 1825d"
        );
    }
}
