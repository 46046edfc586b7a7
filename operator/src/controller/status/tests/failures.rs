//! Passes that did not come to their end.

use super::*;

#[test]
fn an_error_of_the_api_server_does_not_take_readiness_away() {
    let serving = Cluster::serving().status("{}", None, now());
    let failed = conditions::failed(Some(&serving), "ApplyFailed", "failed to apply", false, Some(3), now());
    assert_eq!(condition_of(&failed, condition::READY), is("True", "Serving"));
    assert_eq!(condition_of(&failed, condition::RECONCILING), is("True", "ApplyFailed"));
    assert_eq!(failed.endpoint, serving.endpoint);

    // A new spec is not fulfilled, whatever served the old one.
    let changed = conditions::failed(Some(&serving), "ApplyFailed", "failed to apply", false, Some(4), now());
    assert_eq!(condition_of(&changed, condition::READY), is("False", "ApplyFailed"));
    let invalid = conditions::failed(None, "InvalidSpec", "spec.storage ...", true, Some(1), now());
    assert_eq!(condition_of(&invalid, condition::READY), is("False", "InvalidSpec"));
    assert_eq!(condition_of(&invalid, condition::STALLED), is("True", "InvalidSpec"));
    assert_eq!(condition_of(&invalid, condition::RECONCILING), is("False", "InvalidSpec"));
}
