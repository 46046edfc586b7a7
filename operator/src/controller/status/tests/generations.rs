//! Which spec each condition is about.

use super::{super::conditions::failed, *};

/// Types of the conditions that are about this generation.
fn about(status: &PrivateRegistryStatus, generation: i64) -> Vec<&str> {
    let about = status.conditions.iter().filter(|known| known.observed_generation == Some(generation));
    about.map(|known| known.type_.as_str()).collect()
}

#[test]
fn a_condition_of_which_a_failed_pass_knows_nothing_goes_on_being_about_the_spec_before() {
    let serving = Cluster::serving().status("{}", None, now());
    assert_eq!(about(&serving, 3).len(), serving.conditions.len());

    let failed = failed(Some(&serving), "ApplyFailed", "failed to apply", false, Some(4), now());
    assert_eq!(about(&failed, 4), ["Ready", "Stalled", "Reconciling"]);
    assert_eq!(about(&failed, 3), ["CertificateReady", "StorageReady", "CredentialsReady", "ExposureReady"]);
    assert_eq!(failed.observed_generation, Some(4));
}

#[test]
fn conditions_of_a_paused_registry_are_about_the_spec_that_is_followed() {
    let followed = PrivateRegistryStatus { observed_generation: Some(2), ..PrivateRegistryStatus::default() };
    let paused = Cluster { paused: true, ..Cluster::serving() }.status("{}", Some(&followed), now());
    assert_eq!(about(&paused, 2).len(), paused.conditions.len());
}
