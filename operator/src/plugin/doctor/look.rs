//! Looks at everything that belongs to a registry: many small questions, asked at the same time, each bounded.

use std::cmp::Reverse;

use futures::{StreamExt as _, stream};
use k8s_openapi::api::{
    coordination::v1::Lease,
    core::v1::{Event, Namespace, PersistentVolumeClaim, Pod, Secret, ServiceAccount},
    storage::v1::StorageClass,
};
use kube::{
    Api, ResourceExt,
    api::{ListParams, PartialObjectMeta},
    core::{Selector, SelectorExt as _},
};

use super::{
    checks::hosts_of_pull_secret,
    observed::{Copy, NamedAccounts, Observed, Seen, Users},
    probe,
    pulls::Failing,
};
use crate::{
    api::v1alpha1::PrivateRegistry,
    controller::validate::namespace_selector,
    names::{LEASE, RegistryName, label},
    plugin::{
        cluster::{Cluster, Unseen, answered, list, name_of},
        endpoints::endpoints,
        pod,
    },
};

/// Questions about other namespaces that are asked at the same time.
const AT_ONCE: usize = 8;
/// Pods that cannot get their image of which the events are read: the others fail for the same few reasons.
const READ_EVENTS_OF: usize = 20;

/// Whether the cluster serves the kind, which everybody may ask who is known to it.
pub(super) async fn served(cluster: &Cluster) -> Seen<bool> {
    let question = async {
        match cluster.client.list_api_group_resources("privateregistry.io/v1alpha1").await {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(false),
            answer => answer.map(|_| true),
        }
    };
    answered("read", "the API group privateregistry.io", question).await
}

/// Everything that belongs to `registry`.
pub(super) async fn around(cluster: &Cluster, registry: PrivateRegistry) -> Observed {
    let name = name_of(&registry);
    let namespace = Some(name.namespace.as_str());
    let labelled = |labels: &str| ListParams::default().labels(labels);
    let warnings = ListParams::default().fields("type=Warning");
    let of_service = format!("kubernetes.io/service-name={}", name.workload());
    let (tls_secret, pull_secret, workload, selector) =
        (name.tls_secret(), name.pull_secret(), name.workload(), name.pod_selector());
    let (leases, claim, events, deployment, pods, slices, certificate, pull) = tokio::join!(
        cluster.list::<Lease>(None, ListParams::default().fields(&format!("metadata.name={LEASE}"))),
        claim(cluster, &registry, &name.namespace),
        cluster.list::<Event>(namespace, warnings),
        cluster.get(&name.namespace, &workload),
        cluster.list::<Pod>(namespace, labelled(&selector)),
        cluster.list(namespace, labelled(&of_service)),
        cluster.get::<Secret>(&name.namespace, &tls_secret),
        cluster.get::<Secret>(&name.namespace, &pull_secret),
    );
    let pods = pods.map(|pods| pods.items);
    let known = |secret: &Seen<Option<Secret>>| secret.as_ref().ok().cloned().flatten();
    let serving = pods.as_ref().ok().and_then(|pods| pods.iter().find(|pod| pod::trouble(pod).is_none()));
    let hosts = hosts(&registry, known(&pull).as_ref());
    let (classes, answer, copies, accounts, users) = tokio::join!(
        classes(cluster, &claim),
        probe::answer(cluster, &registry, serving, known(&certificate), known(&pull)),
        copies(cluster, &registry, &name),
        accounts(cluster, &registry, &name.namespace),
        users(cluster, &hosts, &name.namespace),
    );
    Observed {
        leases: leases.map(|leases| leases.items),
        claim,
        classes,
        events: events.map(|events| events.items),
        deployment,
        pods,
        slices: slices.map(|slices| slices.items),
        certificate,
        pull,
        answer,
        copies,
        accounts,
        users,
        name,
        registry,
    }
}

/// The hosts by which images of the registry are named.
fn hosts(registry: &PrivateRegistry, pull: Option<&Secret>) -> Vec<String> {
    let told = pull.map(hosts_of_pull_secret).unwrap_or_default();
    endpoints(registry).into_iter().chain(told).collect()
}

/// The claim that the spec asks for; `None` where it asks for none.
pub(super) fn claim_name(registry: &PrivateRegistry) -> Option<String> {
    let storage = &registry.spec.storage;
    let existing = storage.persistent_volume_claim.as_ref().and_then(|claim| claim.existing_claim.clone());
    storage.empty_dir.is_none().then(|| existing.unwrap_or_else(|| name_of(registry).workload()))
}

async fn claim(cluster: &Cluster, registry: &PrivateRegistry, namespace: &str) -> Seen<Option<PersistentVolumeClaim>> {
    match claim_name(registry) {
        Some(name) => cluster.get(namespace, &name).await,
        None => Ok(None),
    }
}

/// The storage classes, where a claim is not bound.
async fn classes(cluster: &Cluster, claim: &Seen<Option<PersistentVolumeClaim>>) -> Seen<Vec<StorageClass>> {
    let phase = |claim: &PersistentVolumeClaim| claim.status.as_ref()?.phase.clone();
    let Ok(Some(claim)) = claim else { return Ok(Vec::new()) };
    if phase(claim).as_deref() == Some("Bound") {
        return Ok(Vec::new());
    }
    let api = Api::<StorageClass>::all(cluster.client.clone());
    list(&api, "storageclasses", ListParams::default()).await.map(|classes| classes.items)
}

/// The copies of the pull Secret, where such are asked for.
async fn copies(cluster: &Cluster, registry: &PrivateRegistry, name: &RegistryName) -> Option<Seen<Vec<Copy>>> {
    let selector = namespace_selector(registry.spec.pull_secrets.namespace_selector.as_ref()?);
    let api = Api::<PartialObjectMeta<Namespace>>::all(cluster.client.clone());
    let namespaces = match list(&api, "namespaces", ListParams::default()).await {
        Ok(namespaces) => namespaces.items,
        Err(unseen) => return Some(Err(unseen)),
    };
    let takes = namespaces.into_iter().filter(|namespace| takes_copy(namespace, &selector));
    let places = takes.map(|namespace| namespace.name_any()).filter(|place| *place != name.namespace);
    let secret = &name.pull_secret_copy();
    let copies = stream::iter(places).map(|namespace| async {
        let secret = cluster.get(&namespace, secret).await;
        Copy { namespace, secret }
    });
    Some(Ok(copies.buffered(AT_ONCE).collect().await))
}

/// The service accounts that the spec names.
async fn accounts(cluster: &Cluster, registry: &PrivateRegistry, own: &str) -> Vec<NamedAccounts> {
    let wanted = &registry.spec.pull_secrets;
    let place = wanted.namespace_selector.is_none().then_some(own);
    let named = stream::iter(wanted.service_accounts.clone()).map(|name| async {
        let of_name = ListParams::default().fields(&format!("metadata.name={name}"));
        let found = cluster.list::<ServiceAccount>(place, of_name).await;
        NamedAccounts { name, found: found.map(|found| found.items) }
    });
    named.buffered(AT_ONCE).collect().await
}

/// Whether a namespace takes copies and is selected, by its labels.
fn takes_copy(namespace: &PartialObjectMeta<Namespace>, selector: &Selector) -> bool {
    let labels = namespace.labels();
    namespace.metadata.deletion_timestamp.is_none()
        && labels.get(label::PULL_SECRETS).is_some_and(|takes| takes == "true")
        && selector.matches(labels)
}

/// Pods that use images of `hosts`: in all namespaces, or in `own` where that is all that may be looked at.
async fn users(cluster: &Cluster, hosts: &[String], own: &str) -> Seen<Users> {
    let (pods, only) = match cluster.list::<Pod>(None, ListParams::default()).await {
        Err(Unseen::Forbidden { .. }) => {
            (cluster.list::<Pod>(Some(own), ListParams::default()).await?, Some(own.to_owned()))
        }
        pods => (pods?, None),
    };
    let more = pods.more;
    let users: Vec<_> = pods.items.iter().filter(|pod| images(pod).any(|image| is_of(image, hosts))).collect();
    let failing = users.iter().filter_map(|pod| Some((failing(pod, hosts)?, *pod)));
    let failing = stream::iter(failing.enumerate()).map(|(number, (failing, pod))| async move {
        let said = if number < READ_EVENTS_OF { event_of(cluster, pod).await } else { None };
        Failing { said: said.unwrap_or_else(|| failing.said.clone()), ..failing }
    });
    Ok(Users { count: users.len(), failing: failing.buffered(AT_ONCE).collect().await, only, more })
}

/// The images that a Pod names.
fn images(pod: &Pod) -> impl Iterator<Item = &str> {
    let containers = pod.spec.iter().flat_map(|spec| spec.init_containers.iter().flatten().chain(&spec.containers));
    containers.filter_map(|container| container.image.as_deref())
}

fn is_of(image: &str, hosts: &[String]) -> bool {
    hosts.iter().any(|host| image.strip_prefix(host.as_str()).is_some_and(|rest| rest.starts_with('/')))
}

/// What a Pod lacks whose container waits for an image of `hosts`.
fn failing(pod: &Pod, hosts: &[String]) -> Option<Failing> {
    let waiting = pod::containers(pod).find_map(|container| {
        let waiting = container.state.as_ref()?.waiting.as_ref()?;
        let of_image = |reason: &String| ["Image", "Registry", "Signature"].iter().any(|word| reason.contains(word));
        (waiting.reason.as_ref().is_some_and(of_image) && is_of(&container.image, hosts))
            .then_some((container, waiting))
    });
    let (container, waiting) = waiting?;
    let reason = waiting.reason.clone().unwrap_or_default();
    let secrets = pod.spec.as_ref().and_then(|spec| spec.image_pull_secrets.clone()).unwrap_or_default();
    Some(Failing {
        pod: format!("{}/{}", pod.namespace().unwrap_or_default(), pod.name_any()),
        node: pod::node(pod),
        image: container.image.clone(),
        said: format!("{reason}: {}", waiting.message.as_deref().unwrap_or_default()),
        pull_secrets: secrets.into_iter().map(|secret| secret.name).collect(),
    })
}

/// What the kubelet has last said about a pull of this Pod. Its status may tell no more than that it waits.
async fn event_of(cluster: &Cluster, pod: &Pod) -> Option<String> {
    let about = format!("involvedObject.name={},reason=Failed", pod.name_any());
    let namespace = pod.namespace()?;
    let events = cluster.list::<Event>(Some(&namespace), ListParams::default().fields(&about)).await.ok()?;
    let pulls: Vec<_> = events.items.iter().filter(|event| mentions_pull(event)).collect();
    latest(pulls.into_iter())
}

fn mentions_pull(event: &Event) -> bool {
    event.message.as_ref().is_some_and(|message| message.contains("Failed to pull image"))
}

/// The last warning about an object of the registry's namespace.
pub(super) fn warning_about(observed: &Observed, name: &str) -> Option<String> {
    let events = observed.events.as_ref().ok()?;
    latest(events.iter().filter(|event| event.involved_object.name.as_deref() == Some(name)))
}

/// The words of the last of these events.
fn latest<'a>(events: impl Iterator<Item = &'a Event>) -> Option<String> {
    let time = |event: &Event| {
        let counted = event.last_timestamp.as_ref().map(|time| time.0);
        counted.or_else(|| event.event_time.as_ref().map(|time| time.0))
    };
    events.min_by_key(|event| Reverse(time(event)))?.message.clone()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plugin::pod::tests::pod;

    #[test]
    fn an_image_is_of_a_host_and_not_of_one_that_begins_like_it() {
        let hosts = ["larder.example".to_owned(), "larder.example:5443".to_owned()];
        assert!(is_of("larder.example/app:1", &hosts) && is_of("larder.example:5443/app:1", &hosts));
        assert!(!is_of("larder.example.evil/app:1", &hosts) && !is_of("larder.example:1/app", &hosts));
        assert!(!is_of("app:1", &hosts));
    }

    #[test]
    fn a_pod_that_waits_for_an_image_of_the_registry_is_one_that_fails() {
        let waits = |reason: &str, image: &str| {
            let state = json!({"image": image, "state": {"waiting": {"reason": reason, "message": "x"}}});
            failing(&pod("Pending", false, &state), &["larder.example".to_owned()])
        };
        let failing = waits("ImagePullBackOff", "larder.example/app:1").unwrap();
        assert_eq!((failing.pod.as_str(), failing.said.as_str()), ("kitchen/larder-1", "ImagePullBackOff: x"));
        assert_eq!(waits("ImagePullBackOff", "elsewhere.example/app:1"), None);
        assert_eq!(waits("ContainerCreating", "larder.example/app:1"), None);
    }

    #[test]
    fn the_last_event_counts() {
        let event = |name: &str, time: &str| -> Event {
            serde_json::from_value(
                json!({"metadata": {}, "involvedObject": {}, "message": name, "lastTimestamp": time}),
            )
            .unwrap()
        };
        let events = [event("second", "2031-05-06T07:08:09Z"), event("first", "2031-05-06T07:00:00Z")];
        assert_eq!(latest(events.iter()).as_deref(), Some("second"));
    }
}
