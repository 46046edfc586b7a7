//! A cluster of maps in which plans are carried out: they settle, and touch nothing that is somebody else's.

use kube::core::Expression;
use proptest::prelude::*;

use super::*;
use crate::controller::tests::fixtures::larder;

const COPY: &str = "larder.kitchen.pull";
const NAMESPACES: [&str; 5] = ["attic", "cellar", "hall", "kitchen", "stable"];

/// What a person or another registry has written and the operator must not change.
#[derive(Clone, Debug, PartialEq)]
struct Cluster {
    places: BTreeMap<String, Place>,
    /// Secrets with the copy's name: namespace to whether it is ours.
    secrets: BTreeMap<String, bool>,
    accounts: BTreeMap<(String, String), (Vec<String>, BTreeSet<String>)>,
}

impl Cluster {
    fn seen(&self) -> Seen {
        Seen {
            places: self.places.values().cloned().collect(),
            secrets: self
                .secrets
                .iter()
                .map(|(namespace, ours)| Found {
                    namespace: namespace.clone(),
                    ours: *ours,
                    resource_version: "1".into(),
                })
                .collect(),
            accounts: self
                .accounts
                .iter()
                .map(|((namespace, name), (entries, added))| Account {
                    namespace: namespace.clone(),
                    name: name.clone(),
                    resource_version: "1".into(),
                    entries: entries.clone(),
                    added: added.clone(),
                })
                .collect(),
        }
    }

    /// Carries a plan out as the API server would, and says what there was to do beside refreshing copies.
    fn pass(&mut self, asked: &Asked<'_>) -> usize {
        let seen = self.seen();
        let copies = asked.copies(&seen);
        let mut done = copies.remove.len();
        for (namespace, version) in &copies.put {
            assert_eq!(self.secrets.get(namespace).copied(), version.as_ref().map(|_| true), "{namespace}");
            done += usize::from(version.is_none());
            self.secrets.insert(namespace.clone(), true);
        }
        let served: BTreeSet<String> = copies.put.into_iter().map(|(namespace, _)| namespace).collect();
        for edit in asked.accounts(&seen, &served) {
            self.accounts.insert((edit.namespace, edit.name), (edit.entries, edit.added));
            done += 1;
        }
        for (namespace, _) in copies.remove {
            assert_eq!(self.secrets.remove(&namespace), Some(true), "{namespace}");
        }
        done
    }

    fn settle(&mut self, asked: &Asked<'_>) {
        self.pass(asked);
        assert_eq!(self.pass(asked), 0, "one pass is enough: {self:?}");
    }

    /// All that the operator has not made.
    fn of_others(&self) -> Self {
        let mut cluster = self.clone();
        cluster.secrets.retain(|_, ours| !*ours);
        for (entries, added) in cluster.accounts.values_mut() {
            entries.retain(|entry| !added.contains(entry));
            added.clear();
        }
        cluster
    }
}

fn place(name: &str, labels: &[(&str, &str)]) -> (String, Place) {
    let mut labels: BTreeMap<_, _> = labels.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    labels.insert(label::NAMESPACE_NAME.into(), name.into());
    (name.to_owned(), Place { name: name.to_owned(), labels, terminating: false })
}

fn account(namespace: &str, name: &str, entries: &[&str]) -> ((String, String), (Vec<String>, BTreeSet<String>)) {
    let entries = entries.iter().map(|entry| (*entry).to_owned()).collect();
    ((namespace.to_owned(), name.to_owned()), (entries, BTreeSet::new()))
}

fn house() -> Cluster {
    let takes = (label::PULL_SECRETS, "true");
    Cluster {
        places: [
            place("attic", &[takes, ("team", "blue")]),
            place("cellar", &[("team", "blue")]),
            place("hall", &[takes]),
            place("kitchen", &[]),
            place("stable", &[(label::PULL_SECRETS, "True")]),
        ]
        .into(),
        secrets: BTreeMap::new(),
        accounts: NAMESPACES.map(|namespace| account(namespace, "default", &["theirs"])).into(),
    }
}

/// Asks for copies everywhere, and hands what was asked to `work`.
fn with_asked(selector: Option<Selector>, accounts: &[&str], allowed: &[&str], work: impl FnOnce(&Asked<'_>)) {
    let accounts: Vec<String> = accounts.iter().map(|name| (*name).to_owned()).collect();
    let allowed = allowed.iter().map(|name| (*name).to_owned()).collect();
    work(&Asked { registry: &larder(), selector: selector.as_ref(), accounts: &accounts, allowed: &allowed });
}

fn copies(cluster: &Cluster) -> Vec<&str> {
    cluster.secrets.iter().filter(|(_, ours)| **ours).map(|(namespace, _)| namespace.as_str()).collect()
}

fn entries<'a>(cluster: &'a Cluster, namespace: &str) -> &'a [String] {
    &cluster.accounts[&(namespace.to_owned(), "default".to_owned())].0
}

#[test]
fn only_namespaces_that_take_copies_and_are_selected_get_one() {
    let blue = || Selector::from(Expression::Equal("team".into(), "blue".into()));
    for (selector, allowed, wanted) in [
        (None, &["cellar"][..], &[][..]),
        (Some(Selector::default()), &[], &["attic", "hall"]),
        (Some(blue()), &[], &["attic"]),
        (Some(blue()), &["cellar", "kitchen"], &["attic", "cellar"]),
        (Some(Expression::DoesNotExist(label::PULL_SECRETS.into()).into()), &[], &[]),
        (Some(Expression::In(label::NAMESPACE_NAME.into(), ["stable".into()].into()).into()), &[], &[]),
    ] {
        let mut cluster = house();
        with_asked(selector, &[], allowed, |asked| cluster.settle(asked));
        assert_eq!(copies(&cluster), wanted);
    }
}

#[test]
fn copies_follow_the_labels_and_go_when_nothing_is_asked_for() {
    let mut cluster = house();
    let before = cluster.clone();
    with_asked(Some(Selector::default()), &["default"], &[], |asked| {
        cluster.settle(asked);
        assert_eq!(entries(&cluster, "hall"), ["theirs", COPY]);
        assert_eq!(entries(&cluster, "kitchen"), ["theirs", "larder-pull"]);
        assert_eq!(entries(&cluster, "cellar"), ["theirs"]);

        let moved = cluster.places.get_mut("hall").unwrap().labels.remove(label::PULL_SECRETS).unwrap();
        cluster.places.get_mut("cellar").unwrap().labels.insert(label::PULL_SECRETS.into(), moved);
        cluster.settle(asked);
        assert_eq!(copies(&cluster), ["attic", "cellar"]);
        assert_eq!(entries(&cluster, "hall"), ["theirs"]);
    });
    with_asked(None, &[], &[], |asked| cluster.settle(asked));
    assert_eq!((cluster.secrets, cluster.accounts), (before.secrets, before.accounts));
}

#[test]
fn kept_are_the_copies_that_are_there_and_may_be_whatever_is_selected_by_now() {
    let mut cluster = house();
    with_asked(Some(Selector::default()), &[], &["cellar"], |asked| cluster.settle(asked));
    // One namespace takes no copies any more, and in another a stranger has taken the name.
    cluster.places.get_mut("attic").unwrap().labels.remove(label::PULL_SECRETS);
    cluster.secrets.insert("stable".into(), false);
    with_asked(None, &[], &["cellar", "stable"], |asked| {
        let kept = asked.kept(&cluster.seen());
        assert_eq!(kept, [("cellar".into(), Some("1".into())), ("hall".into(), Some("1".into()))]);
    });
}

#[test]
fn a_secret_of_somebody_else_stays_and_no_account_is_led_to_it() {
    let mut cluster = house();
    cluster.secrets.insert("hall".into(), false);
    with_asked(Some(Selector::default()), &["default"], &[], |asked| {
        assert_eq!(asked.copies(&cluster.seen()).taken, ["hall"]);
        cluster.settle(asked);
    });
    assert!(!cluster.secrets["hall"]);
    assert_eq!(entries(&cluster, "hall"), ["theirs"]);
}

#[test]
fn an_entry_that_a_person_has_written_is_used_and_left() {
    let mut cluster = house();
    cluster.accounts.extend([account("kitchen", "default", &["larder-pull", "theirs"])]);
    let before = cluster.accounts.clone();
    with_asked(None, &["default"], &[], |asked| cluster.settle(asked));
    with_asked(None, &[], &[], |asked| cluster.settle(asked));
    assert_eq!(cluster.accounts, before);
}

#[test]
fn a_namespace_that_is_being_deleted_gets_nothing_and_gives_back_what_it_has() {
    let mut cluster = house();
    cluster.secrets.insert("hall".into(), true);
    for namespace in ["attic", "hall"] {
        cluster.places.get_mut(namespace).unwrap().terminating = true;
    }
    with_asked(Some(Selector::default()), &[], &[], |asked| cluster.settle(asked));
    assert!(copies(&cluster).is_empty());
}

fn clusters() -> impl Strategy<Value = Cluster> {
    let opted = prop::sample::select(vec![None, Some("true"), Some("false"), Some("True"), Some("")]);
    let team = prop::sample::select(vec!["blue", "red"]);
    let secret = prop::sample::select(vec![None, Some(true), Some(false)]);
    let entry = prop::sample::select(vec!["theirs", "larder-pull", COPY, "cellar.kitchen.pull", "other"]);
    let account = (prop::collection::vec(entry.clone(), 0..4), prop::collection::btree_set(entry, 0..2));
    let namespace = (opted, team, secret, any::<bool>(), prop::collection::vec(account, 2));
    prop::collection::vec(namespace, NAMESPACES.len()).prop_map(|namespaces| {
        let mut cluster = house();
        for (name, (opted, team, secret, terminating, accounts)) in NAMESPACES.into_iter().zip(namespaces) {
            let (_, mut place) = place(name, &[("team", team)]);
            place.labels.extend(opted.map(|value| (label::PULL_SECRETS.to_owned(), value.to_owned())));
            place.terminating = terminating;
            cluster.places.insert(name.to_owned(), place);
            cluster.secrets.extend(secret.map(|ours| (name.to_owned(), ours)));
            for (account, (entries, added)) in ["default", "builder"].into_iter().zip(accounts) {
                let entries = entries.into_iter().map(str::to_owned).collect();
                let added = added.into_iter().map(str::to_owned).collect();
                cluster.accounts.insert((name.to_owned(), account.to_owned()), (entries, added));
            }
        }
        cluster
    })
}

proptest! {
    /// Whatever there is and whatever is asked for: one pass settles it, only namespaces that take copies have one, and what the
    /// operator has not made is as it was, in its order.
    #[test]
    fn plans_settle_and_touch_nothing_of_others(
        mut cluster in clusters(),
        asks in prop::collection::vec((prop::option::of(any::<bool>()), prop::sample::subsequence(vec!["default", "builder"], 0..=2),
            prop::sample::subsequence(NAMESPACES.to_vec(), 0..=2)), 1..4),
    ) {
        let others = cluster.of_others();
        let foreign_marks = |cluster: &Cluster| -> Vec<BTreeSet<String>> {
            let ours = ["larder-pull", COPY];
            cluster.accounts.values().map(|(_, added)| added.iter().filter(|entry| !ours.contains(&entry.as_str())).cloned().collect()).collect()
        };
        let marks = foreign_marks(&cluster);
        for (blue, accounts, allowed) in asks {
            let selector = blue.map(|blue| if blue { Expression::Equal("team".into(), "blue".into()).into() } else { Selector::default() });
            with_asked(selector, &accounts, &allowed, |asked| cluster.settle(asked));
            for namespace in copies(&cluster) {
                let place = &cluster.places[namespace];
                let takes = place.labels.get(label::PULL_SECRETS).map(String::as_str) == Some("true");
                prop_assert!(takes || allowed.contains(&namespace), "{namespace}");
                prop_assert!(namespace != "kitchen" && !place.terminating);
            }
        }
        prop_assert_eq!(foreign_marks(&cluster), marks);
        let after = cluster.of_others();
        prop_assert_eq!(&after.secrets, &others.secrets);
        for (account, (entries, _)) in &others.accounts {
            prop_assert_eq!(&after.accounts[account].0, entries, "{:?}", account);
        }
    }
}
