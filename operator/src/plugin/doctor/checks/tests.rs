//! One part of a healthy registry is spoiled at a time: the finding names it, and says what to do.

mod healthy;
mod spoiled_access;
mod spoiled_server;

use serde_json::json;

use self::healthy::{accounts, growing, healthy, pull_secret, set_room};
use super::*;
use crate::{
    controller::tests::fixtures::{now, resource},
    plugin::{
        cluster::Unseen,
        doctor::{
            finding::Level,
            observed::{Answer, Copy, NamedAccounts},
        },
    },
};

/// What is spoiled, and what is told of it: the level and the part, words of the message, words of the remedy.
type Case = (fn(&mut Observed), &'static str, &'static str, &'static str);

fn unseen() -> Unseen {
    Unseen::Forbidden { verb: "list", what: "everything".to_owned() }
}

fn told(observed: &Observed) -> Vec<String> {
    all(observed, now()).iter().map(ToString::to_string).collect()
}

#[test]
fn of_a_healthy_registry_each_part_is_well() {
    let findings = all(&healthy(), now());
    assert!(findings.iter().all(|finding| finding.level == Level::Ok), "{:#?}", told(&healthy()));
    assert_eq!(findings.len(), 9, "{:#?}", told(&healthy()));
}

#[test]
fn what_is_spoiled_is_found_and_told_with_a_remedy() {
    for (spoil, head, message, remedy) in spoiled_server::CASES.iter().chain(spoiled_access::CASES) {
        let mut observed = healthy();
        spoil(&mut observed);
        let told = told(&observed);
        let found = told.iter().any(|told| told.starts_with(head) && told.contains(message) && told.contains(remedy));
        assert!(found, "{head} .. {message} .. {remedy}: {told:#?}");
    }
}

#[test]
fn what_may_not_be_looked_at_is_said_and_the_rest_goes_on() {
    let mut observed = healthy();
    observed.leases = Err(unseen());
    observed.claim = Err(unseen());
    observed.deployment = Err(unseen());
    observed.pods = Err(unseen());
    observed.slices = Err(unseen());
    observed.certificate = Err(unseen());
    observed.pull = Err(unseen());
    observed.answer = Some(Err(unseen()));
    observed.copies = Some(Err(unseen()));
    observed.accounts = vec![NamedAccounts { name: "cook".into(), found: Err(unseen()) }];
    observed.users = Err(unseen());
    let findings = all(&observed, now());
    let unseen = findings.iter().filter(|finding| finding.message.starts_with("not looked at: you may not list"));
    assert_eq!(unseen.count(), 11);
    assert!(findings.iter().all(|finding| finding.level != Level::Fail), "{:#?}", told(&observed));
}

#[test]
fn plain_http_and_nobody_to_ask_are_what_the_spec_may_say() {
    let mut observed = healthy();
    observed.registry.spec = resource("{tls: {disabled: true}, auth: {disabled: true}, storage: {emptyDir: {}}}").spec;
    observed.certificate = Ok(None);
    observed.pull = Ok(None);
    observed.claim = Ok(None);
    observed.answer = Some(Ok(Answer::Status { code: 200, logged_in: false }));
    assert!(all(&observed, now()).iter().all(|finding| finding.level == Level::Ok), "{:#?}", told(&observed));
}

#[test]
fn a_cluster_without_the_definition_is_told_how_to_get_it() {
    let remedy = |served| definition(&served)[0].remedy.clone().unwrap_or_default();
    assert!(remedy(Ok(false)).contains("private-registry-operator crd | kubectl apply -f -"));
    assert_eq!(definition(&Ok(true))[0].level, Level::Ok);
    assert_eq!(definition(&Err(unseen()))[0].level, Level::Warn);
}

#[test]
fn copies_that_are_the_same_are_well() {
    let mut observed = healthy();
    let copy = |namespace: &str| Copy { namespace: namespace.to_owned(), secret: Ok(Some(pull_secret())) };
    observed.copies = Some(Ok(vec![copy("hall"), copy("attic")]));
    let told = told(&observed);
    assert!(
        told.iter().any(|told| told.contains("larder.kitchen.pull is in all 2 namespaces that are to have it")),
        "{told:#?}"
    );
}

#[test]
fn room_and_growth_and_accounts_that_are_well_are_said_once() {
    let mut observed = healthy();
    set_room(&mut observed, 37, "True", "Bound");
    observed.claim = Ok(growing(&json!({"type": "Resizing", "status": "True"})));
    let copy = Copy { namespace: "hall".to_owned(), secret: Ok(Some(pull_secret())) };
    observed.copies = Some(Ok(vec![copy]));
    let found = [("kitchen", "larder-pull"), ("hall", "larder.kitchen.pull"), ("attic", "theirs")];
    observed.accounts = accounts("cook", &found);
    let told = told(&observed);
    assert!(all(&observed, now()).iter().all(|finding| finding.level == Level::Ok), "{told:#?}");
    for promised in [
        "ok    storage      PersistentVolumeClaim larder is growing from 10Gi to 20Gi",
        "ok    storage      the volume has room: 37 % of 10Gi are taken",
        "ok    secrets      Pods of ServiceAccount cook pull with it, in 2 namespaces",
    ] {
        assert!(told.iter().any(|told| told.starts_with(promised)), "{promised}: {told:#?}");
    }

    set_room(&mut observed, 100, "False", "VolumeFull");
    let lines = all(&observed, now()).iter().filter(|finding| finding.level != Level::Ok).count();
    assert_eq!(lines, 1, "StorageReady says the same");
}
