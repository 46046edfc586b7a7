//! What is said of users and of the copies of the pull Secret.

use super::*;
use crate::controller::tests::fixtures::secret;

#[test]
fn a_missing_secret_may_pass_and_an_unusable_one_has_to_be_corrected() {
    let spec = "{auth: {users: [{name: cook, passwordSecretRef: {name: staff}}]}}";
    let missing = Cluster::serving().status(spec, None, now());
    assert_eq!(condition_of(&missing, condition::CREDENTIALS_READY), is("False", "SecretNotFound"));
    assert_eq!(condition_of(&missing, condition::READY), is("False", "SecretNotFound"));
    assert_eq!(condition_of(&missing, condition::RECONCILING), is("True", "SecretNotFound"));
    assert_eq!(condition_of(&missing, condition::STALLED), is("False", "NothingToCorrect"));

    let mut unusable = Cluster::serving();
    let staff = secret("staff", "1", &[("password", b"")]);
    unusable.observed.referenced.insert("staff".into(), Some(staff));
    let unusable = unusable.status(spec, None, now());
    assert_eq!(condition_of(&unusable, condition::RECONCILING), is("False", "Settled"));
    assert_eq!(condition_of(&unusable, condition::STALLED), is("True", "InvalidPassword"));
}

#[test]
fn copies_are_counted_and_what_fails_is_told_without_taking_readiness_away() {
    let selects = "{pullSecrets: {namespaceSelector: {}}}";
    let with = |distributed| Cluster { distributed, ..Cluster::serving() }.status(selects, None, now());
    let message = |status: &PrivateRegistryStatus| {
        let credentials = status.conditions.iter().find(|condition| condition.type_ == condition::CREDENTIALS_READY);
        credentials.unwrap().message.clone()
    };
    assert_eq!(Cluster::serving().status("{}", None, now()).pull_secrets, None);

    let copied = with(Outcome { asked: true, namespaces: 2, ..Outcome::default() });
    assert_eq!(copied.pull_secrets, Some(PullSecretsStatus { namespaces: 2, failing: 0 }));
    assert!(message(&copied).ends_with("other namespaces with the pull Secret: 2"), "{}", message(&copied));

    let confined_to = Some(vec!["attic".to_owned(), "hall".to_owned()]);
    let confined = with(Outcome { asked: true, namespaces: 1, confined_to, ..Outcome::default() });
    assert!(message(&confined).contains("of the 2 in which the operator works"), "{}", message(&confined));

    let nothing = with(Outcome { asked: true, nothing_to_copy: true, ..Outcome::default() });
    assert!(message(&nothing).contains("no generated user whose pull Secret could be copied"), "{}", message(&nothing));

    let failures = [("hall".to_owned(), "Secret x: no".to_owned())].into();
    let failing = with(Outcome { asked: true, namespaces: 1, failures, ..Outcome::default() });
    assert_eq!(failing.pull_secrets, Some(PullSecretsStatus { namespaces: 1, failing: 1 }));
    assert_eq!(condition_of(&failing, condition::READY), is("True", "Serving"));
    assert_eq!(condition_of(&failing, condition::CREDENTIALS_READY), is("False", "PullSecretNotCopied"));
    assert!(message(&failing).contains("in namespace hall, Secret x: no"), "{}", message(&failing));

    let waiting = Outcome { waiting: true, ..Outcome::default() };
    let later = Cluster { distributed: waiting, ..Cluster::serving() }.status(selects, Some(&copied), now());
    assert_eq!(condition_of(&later, condition::CREDENTIALS_READY), is("False", "WaitingForNamespaces"));
    assert_eq!(later.pull_secrets, copied.pull_secrets, "what was known stays");
}
