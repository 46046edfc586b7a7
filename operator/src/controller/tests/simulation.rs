//! The pure steps one pass after another, against Secrets that are kept as the API server keeps them.
//!
//! No client and no clock: a pass is `validate`, `issue` and `build`, and what it built is there for the next one.

mod cert_manager;
mod certificates;

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{ByteString, api::core::v1::Secret};
use proptest::prelude::*;
use serde_json::Value;

use super::fixtures;
use crate::{
    controller::{
        build::{Children, build, copy_of_pull_secret},
        issue::{Material, Occurrence, material},
        observe::Observed,
        optional_kinds::{Optional, OptionalKind, Unavailable},
        registry::Registry,
        validate::validate,
        versions::Loaded,
    },
    credentials::htpasswd,
    pki::Certificate,
};

#[derive(Clone)]
struct Cluster {
    spec: String,
    /// Annotations of the resource.
    annotations: BTreeMap<String, String>,
    secrets: BTreeMap<String, Secret>,
    version: u32,
    now: Timestamp,
    /// Whether all Pods have loaded what is in the Secrets.
    loaded: bool,
    /// What cert-manager says of the Certificate; `None` is a cluster without cert-manager.
    certificate: Option<Value>,
}

impl Cluster {
    fn with(spec: &str) -> Self {
        let now = fixtures::now();
        let (annotations, secrets) = (BTreeMap::new(), BTreeMap::new());
        Self { spec: spec.to_owned(), annotations, secrets, version: 0, now, loaded: true, certificate: None }
    }

    /// A cluster in which nothing is left to do.
    fn settled(spec: &str) -> Self {
        let mut cluster = Self::with(spec);
        cluster.settle();
        cluster
    }

    fn settle(&mut self) {
        for _ in 0..4 {
            if self.pass().1 == 0 {
                return;
            }
        }
        panic!("still changing after four passes: {:?}", self.secrets);
    }

    fn observed(&self) -> Observed {
        let secret = |name: &str| self.secrets.get(name).cloned().map(Arc::new);
        Observed {
            ca: secret("larder-ca"),
            tls: secret("larder-tls"),
            credentials: secret("larder-credentials"),
            htpasswd: secret("larder-htpasswd"),
            http: secret("larder-http"),
            pull: secret("larder-pull"),
            push: secret("larder-push"),
            issued: secret("larder-cert-manager"),
            optional: self.optional(),
            referenced: ["staff", "guests"].map(|name| (name.to_owned(), secret(name))).into(),
            loaded: Loaded { htpasswd: self.loaded, certificate: self.loaded, ..Loaded::default() },
            ..fixtures::observed()
        }
    }

    fn optional(&self) -> Optional {
        let mut optional = Optional::default();
        match &self.certificate {
            Some(status) => _ = optional.statuses.insert(OptionalKind::Certificate, status.clone()),
            None => _ = optional.unavailable.insert(OptionalKind::Certificate, Unavailable::NotInstalled),
        }
        optional
    }

    fn validated(&self) -> Registry {
        let mut resource = fixtures::resource(&self.spec);
        resource.metadata.annotations = Some(self.annotations.clone());
        validate(&resource, &self.observed(), &fixtures::settings(), self.now).unwrap()
    }

    /// One pass. Returns what was made and how many Secrets changed.
    fn pass(&mut self) -> (Material, usize) {
        let registry = self.validated();
        let material = material(&registry, fixtures::settings().grace, self.now).unwrap();
        let children = build(&registry, Some(&material)).children.unwrap();
        let copy = children.pull.as_ref().map(|pull| copy_of_pull_secret(&registry, pull));
        assert!(copy != Some(None), "a pull Secret can be copied");
        let wanted = secrets(children);
        let pruned = self.prune(&wanted);
        let changed = wanted.into_iter().filter(|secret| self.put(secret.clone())).count();
        (material, changed + pruned)
    }

    /// Removes Secrets of the operator's that are no longer wanted.
    fn prune(&mut self, wanted: &[Secret]) -> usize {
        let before = self.secrets.len();
        self.secrets.retain(|name, _| {
            !name.starts_with("larder-") || wanted.iter().any(|secret| secret.metadata.name.as_ref() == Some(name))
        });
        before - self.secrets.len()
    }

    /// Stores a Secret; the version changes with its content alone.
    fn put(&mut self, mut secret: Secret) -> bool {
        let name = secret.metadata.name.clone().unwrap();
        let known = self.secrets.get(&name);
        // Of cert-manager's Secret the operator writes no data.
        secret.data = secret.data.or_else(|| known.and_then(|known| known.data.clone()));
        secret.metadata.uid = known.map_or_else(|| Some(format!("uid-of-{name}")), |known| known.metadata.uid.clone());
        secret.metadata.resource_version = known.and_then(|known| known.metadata.resource_version.clone());
        if known == Some(&secret) {
            return false;
        }
        self.version += 1;
        secret.metadata.resource_version = Some(self.version.to_string());
        self.secrets.insert(name, secret);
        true
    }

    /// What a person does with `kubectl patch`.
    fn write(&mut self, secret: &str, key: &str, value: &[u8]) {
        let mut changed = self.secrets.get(secret).cloned().unwrap_or_default();
        changed.metadata.name = Some(secret.to_owned());
        changed.data.get_or_insert_default().insert(key.to_owned(), ByteString(value.to_vec()));
        self.put(changed);
    }

    fn value(&self, secret: &str, key: &str) -> String {
        fixtures::value(&self.secrets[secret], key)
    }

    /// Names in the htpasswd file, one a line.
    fn users(&self) -> Vec<String> {
        let lines = htpasswd::parse(&self.value("larder-htpasswd", "htpasswd"), None);
        lines.into_iter().map(|line| line.user).collect()
    }

    /// Whether the htpasswd file lets this user in with this password.
    fn accepts(&self, user: &str, password: &str) -> bool {
        let lines = htpasswd::parse(&self.value("larder-htpasswd", "htpasswd"), None);
        lines.iter().any(|line| line.user == user && bcrypt::verify(password, &line.hash).unwrap())
    }

    fn leaf(&self) -> Certificate {
        Certificate::of_bundle(self.value("larder-tls", "tls.crt").as_bytes()).remove(0)
    }

    fn authorities(&self) -> Vec<Certificate> {
        Certificate::of_bundle(self.value("larder-tls", "ca.crt").as_bytes())
    }

    fn wait(&mut self, time: SignedDuration) {
        self.now += time;
    }
}

fn secrets(children: Children) -> Vec<Secret> {
    let Children { authority, certificate, issued, credentials, htpasswd, http, pull, push, .. } = children;
    [authority, certificate, issued, credentials, htpasswd, Some(http), pull, push].into_iter().flatten().collect()
}

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

#[test]
fn two_passes_are_enough_and_then_nothing_changes() {
    let mut cluster = Cluster::with("{}");
    assert_eq!(cluster.pass().1, 7, "every Secret is made at once");
    assert_eq!(cluster.pass().1, 1, "the versions of the generated passwords are recorded");
    for _ in 0..3 {
        cluster.wait(DAY);
        let (material, changed) = cluster.pass();
        assert_eq!((changed, material.occurrences), (0, vec![]));
    }
    assert!(cluster.accepts("pull", &cluster.value("larder-pull", "password")));
    assert!(cluster.accepts("push", &cluster.value("larder-push", "password")));
    assert!(!cluster.accepts("push", &cluster.value("larder-pull", "password")));
}

#[test]
fn clients_are_told_a_new_password_when_pods_accept_it() {
    let mut cluster = Cluster::settled("{}");
    let old = cluster.value("larder-pull", "password");
    cluster.write("larder-credentials", "pull", b"chosen by a person");

    // Both are in the file; nobody is told yet, however long the Pods take.
    cluster.loaded = false;
    for _ in 0..3 {
        cluster.pass();
        cluster.wait(DAY);
        assert!(cluster.accepts("pull", &old) && cluster.accepts("pull", "chosen by a person"));
        assert_eq!(cluster.value("larder-pull", "password"), old);
    }

    // The Pods have loaded it: clients are told, and the old one works on for the grace period.
    cluster.loaded = true;
    let (material, _) = cluster.pass();
    assert_eq!(material.occurrences, [Occurrence::PasswordPublished { user: "pull".into() }]);
    assert_eq!(material.next_line_goes, Some(cluster.now + MINUTE * 5));
    assert_eq!(cluster.value("larder-pull", "password"), "chosen by a person");
    assert!(cluster.accepts("pull", &old));

    cluster.wait(MINUTE * 5);
    cluster.pass();
    assert!(!cluster.accepts("pull", &old) && cluster.accepts("pull", "chosen by a person"));
    assert_eq!(cluster.pass().1, 0);
}

#[test]
fn a_key_that_is_deleted_is_generated_anew() {
    let mut cluster = Cluster::settled("{}");
    let (pull, push) = (cluster.value("larder-pull", "password"), cluster.value("larder-push", "password"));
    cluster.secrets.get_mut("larder-credentials").unwrap().data.as_mut().unwrap().remove("push");
    cluster.settle();
    assert_eq!(cluster.value("larder-pull", "password"), pull);
    assert_ne!(cluster.value("larder-push", "password"), push);
    assert!(cluster.accepts("push", &cluster.value("larder-push", "password")));
}

#[test]
fn what_cannot_be_a_password_changes_nothing() {
    let mut cluster = Cluster::settled("{}");
    let pull = cluster.value("larder-pull", "password");
    let file = cluster.value("larder-htpasswd", "htpasswd");
    for wrong in ["", "\n", "with a NUL \0 inside", &"x".repeat(73), &"ä".repeat(37)] {
        cluster.write("larder-credentials", "pull", wrong.as_bytes());
        cluster.settle();
        assert_eq!(cluster.value("larder-htpasswd", "htpasswd"), file);
        assert_eq!(cluster.value("larder-credentials", "pull"), wrong, "what a person has written is not overwritten");
        assert!(cluster.accepts("pull", &pull));
        assert_eq!(cluster.value("larder-pull", "password"), pull);
    }
    cluster.write("larder-credentials", "pull", "x".repeat(72).as_bytes());
    cluster.settle();
    assert!(cluster.accepts("pull", &"x".repeat(72)));
}

#[test]
fn a_user_s_old_password_is_accepted_until_the_grace_period_after_loading_the_new_one() {
    let mut cluster = Cluster::with("{auth: {users: [{name: cook, passwordSecretRef: {name: staff}}]}}");
    cluster.write("staff", "password", b"pepper");
    cluster.settle();
    cluster.write("staff", "password", b"saffron");
    cluster.loaded = false;
    cluster.pass();
    cluster.wait(DAY);
    cluster.pass();
    assert!(cluster.accepts("cook", "pepper") && cluster.accepts("cook", "saffron"), "no Pod has loaded the new one");

    cluster.loaded = true;
    let (material, _) = cluster.pass();
    assert_eq!(material.next_line_goes, Some(cluster.now + MINUTE * 5));
    cluster.wait(MINUTE * 5 - SignedDuration::from_secs(1));
    cluster.pass();
    assert!(cluster.accepts("cook", "pepper"));
    cluster.wait(SignedDuration::from_secs(1));
    cluster.pass();
    assert!(!cluster.accepts("cook", "pepper") && cluster.accepts("cook", "saffron"));
}

#[test]
fn users_of_the_spec_come_and_go() {
    let with_cook = "{auth: {users: [{name: cook, passwordSecretRef: {name: staff}}]}}";
    let mut cluster = Cluster::settled("{}");
    cluster.spec = with_cook.to_owned();
    cluster.pass();
    assert_eq!(cluster.users(), ["pull", "push"], "the Secret does not exist yet");

    cluster.write("staff", "password", b"pepper\n");
    cluster.settle();
    assert!(cluster.accepts("cook", "pepper"));

    // The Secret goes: the last good password works on.
    cluster.secrets.remove("staff");
    assert_eq!(cluster.pass().1, 0);
    assert!(cluster.accepts("cook", "pepper"));

    // The user goes: at once.
    cluster.spec = "{}".to_owned();
    cluster.pass();
    assert_eq!(cluster.users(), ["pull", "push"]);
}

#[test]
fn a_file_of_ones_own_takes_the_place_of_all_users_once_it_can_be_used() {
    let mut cluster = Cluster::settled("{auth: {users: [{name: cook, passwordSecretRef: {name: staff}}]}}");
    cluster.write("staff", "password", b"pepper");
    cluster.settle();
    let before = cluster.secrets.clone();

    // What cannot be used changes nothing at all.
    cluster.spec = "{auth: {htpasswdSecretRef: {name: guests}}}".to_owned();
    assert_eq!(cluster.pass().1, 0, "the Secret does not exist yet");
    cluster.write("guests", "htpasswd", b"amy:secret\n");
    assert_eq!(cluster.pass().1, 0, "{:?}", cluster.secrets.keys());
    assert_eq!(cluster.value("larder-pull", "password"), fixtures::value(&before["larder-pull"], "password"));
    assert!(cluster.accepts("cook", "pepper"));

    // The file as a whole, and the Secrets of generated users go.
    let line = format!("amy:{}\n", bcrypt::hash("basil", 4).unwrap());
    cluster.write("guests", "htpasswd", line.as_bytes());
    cluster.settle();
    assert_eq!(cluster.users(), ["amy"]);
    assert!(cluster.accepts("amy", "basil"));
    let ours: Vec<_> = cluster.secrets.keys().filter(|name| name.starts_with("larder-")).collect();
    assert_eq!(ours, ["larder-ca", "larder-htpasswd", "larder-http", "larder-tls"]);

    // A mistake in it leaves it as it was.
    cluster.write("guests", "htpasswd", b"");
    assert_eq!(cluster.pass().1, 0);
    assert_eq!(cluster.users(), ["amy"]);

    // And back: the generated users are made anew.
    cluster.spec = "{}".to_owned();
    cluster.settle();
    assert_eq!(cluster.users(), ["pull", "push"]);
    assert!(cluster.accepts("pull", &cluster.value("larder-pull", "password")));
}

#[test]
fn where_nobody_is_asked_for_a_password_none_is_kept() {
    let mut cluster = Cluster::settled("{}");
    cluster.spec = "{auth: {disabled: true}}".to_owned();
    cluster.settle();
    let ours: Vec<_> = cluster.secrets.keys().collect();
    assert_eq!(ours, ["larder-ca", "larder-http", "larder-tls"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    /// Whatever is in the Secrets: no panic, and what the operator keeps is good again.
    #[test]
    fn malformed_secrets_are_made_anew(
        damage in prop::collection::vec((0_usize..7, prop::collection::vec(any::<u8>(), 0..40)), 1..4),
    ) {
        let mut cluster = Cluster::settled("{}");
        let names: Vec<_> = cluster.secrets.keys().cloned().collect();
        for (which, bytes) in damage {
            let secret = cluster.secrets.get_mut(&names[which]).unwrap();
            // The generated passwords are a person's to write: what they may be is tested above.
            if names[which] != "larder-credentials" {
                secret.data.iter_mut().flatten().for_each(|(_, value)| *value = ByteString(bytes.clone()));
            }
        }
        cluster.settle();
        cluster.wait(MINUTE * 5);
        cluster.settle();
        let password = cluster.value("larder-pull", "password");
        prop_assert!(cluster.accepts("pull", &password));
        prop_assert!(cluster.leaf().is_signed_by(&cluster.authorities()[0]));
    }
}
