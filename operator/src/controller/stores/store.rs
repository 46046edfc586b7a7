//! What a watch has shown, by namespace and name.
//!
//! Unlike a reflector's store, this one keeps of an object what its `V` keeps and nothing twice, finds the objects of one
//! namespace without a look at all others, and tells of what a new list no longer has. It does not watch: see [`super::open`].

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, PoisonError, RwLock},
};

use kube::{ResourceExt, runtime::watcher::Event};
use tokio::sync::watch;

/// Objects by name.
type Names<V> = BTreeMap<Box<str>, Entry<V>>;
/// Objects by namespace and name. What is in no namespace is in the one without a name.
type Objects<V> = Arc<RwLock<HashMap<Box<str>, Names<V>>>>;

#[derive(Debug)]
struct Entry<V> {
    value: Arc<V>,
    /// The list since which the watch has shown it.
    list: u32,
}

/// What a watch has shown.
#[derive(Debug)]
pub(in crate::controller) struct Store<V> {
    objects: Objects<V>,
    listed: watch::Receiver<bool>,
}

/// The watch has ended before it had listed anything.
#[derive(Debug)]
pub(in crate::controller) struct Ended;

impl<V> Store<V> {
    /// An empty store, and what fills it.
    pub(in crate::controller) fn new() -> (Self, Writer<V>) {
        let (objects, (sender, listed)) = (Objects::default(), watch::channel(false));
        (Self { objects: Arc::clone(&objects), listed }, Writer { objects, list: 0, listed: sender })
    }

    /// One object.
    pub(in crate::controller) fn get(&self, namespace: &str, name: &str) -> Option<Arc<V>> {
        self.read(|objects| Some(Arc::clone(&objects.get(namespace)?.get(name)?.value)))
    }

    /// The objects of a namespace that `wanted` chooses.
    pub(in crate::controller) fn in_namespace(&self, namespace: &str, wanted: impl Fn(&V) -> bool) -> Vec<Arc<V>> {
        self.read(|objects| chosen(objects.get(namespace), wanted))
    }

    /// The objects of that name, in whichever namespace.
    pub(in crate::controller) fn named(&self, name: &str) -> Vec<Arc<V>> {
        self.read(|objects| {
            objects.values().filter_map(|names| names.get(name)).map(|entry| Arc::clone(&entry.value)).collect()
        })
    }

    /// All objects that `wanted` chooses.
    pub(in crate::controller) fn all(&self, wanted: impl Fn(&V) -> bool) -> Vec<Arc<V>> {
        self.read(|objects| chosen(objects.values(), wanted))
    }

    /// Waits until the watch has listed what there is.
    pub(in crate::controller) async fn wait_until_ready(&self) -> Result<(), Ended> {
        self.listed.clone().wait_for(|listed| *listed).await.map(drop).map_err(|_| Ended)
    }

    /// A writer that panicked has left nothing half written: every change is one assignment.
    fn read<T>(&self, look: impl FnOnce(&HashMap<Box<str>, Names<V>>) -> T) -> T {
        look(&self.objects.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn chosen<'a, V: 'a>(names: impl IntoIterator<Item = &'a Names<V>>, wanted: impl Fn(&V) -> bool) -> Vec<Arc<V>> {
    let values = names.into_iter().flat_map(Names::values).map(|entry| &entry.value);
    values.filter(|value| wanted(value)).map(Arc::clone).collect()
}

impl<V> Clone for Store<V> {
    fn clone(&self) -> Self {
        Self { objects: Arc::clone(&self.objects), listed: self.listed.clone() }
    }
}

/// What fills a store.
#[derive(Debug)]
pub(in crate::controller) struct Writer<V> {
    objects: Objects<V>,
    list: u32,
    listed: watch::Sender<bool>,
}

impl<V> Writer<V> {
    /// Takes over what a watch shows. Returns what is there now and was not like that before, or is gone.
    pub(in crate::controller) fn apply<K>(&mut self, event: Event<K>) -> Vec<Arc<V>>
    where
        K: ResourceExt,
        V: From<K>,
    {
        match event {
            Event::Init => {
                self.list = self.list.wrapping_add(1);
                Vec::new()
            }
            Event::Apply(object) | Event::InitApply(object) => vec![self.insert(object)],
            Event::Delete(object) => {
                self.remove(&object.namespace().unwrap_or_default(), &object.name_any());
                vec![Arc::new(V::from(object))]
            }
            Event::InitDone => self.end_list(),
        }
    }

    fn insert<K>(&self, object: K) -> Arc<V>
    where
        K: ResourceExt,
        V: From<K>,
    {
        let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
        let value = Arc::new(V::from(object));
        let entry = Entry { value: Arc::clone(&value), list: self.list };
        self.write(|objects| {
            objects.entry(namespace.into()).or_default().insert(name.into(), entry);
        });
        value
    }

    fn remove(&self, namespace: &str, name: &str) {
        self.write(|objects| {
            let Some(names) = objects.get_mut(namespace) else { return };
            names.remove(name);
            if names.is_empty() {
                objects.remove(namespace);
            }
        });
    }

    /// What the last list did not have is gone.
    fn end_list(&self) -> Vec<Arc<V>> {
        let mut gone = Vec::new();
        self.write(|objects| {
            objects.retain(|_, names| {
                names.retain(|_, entry| {
                    let is_there = entry.list == self.list;
                    if !is_there {
                        gone.push(Arc::clone(&entry.value));
                    }
                    is_there
                });
                !names.is_empty()
            });
        });
        self.listed.send_replace(true);
        gone
    }

    fn write<T>(&self, change: impl FnOnce(&mut HashMap<Box<str>, Names<V>>) -> T) -> T {
        change(&mut self.objects.write().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::json;

    use super::*;

    struct Version(String);

    impl From<ConfigMap> for Version {
        fn from(object: ConfigMap) -> Self {
            Self(object.resource_version().unwrap_or_default())
        }
    }

    fn object(namespace: &str, name: &str, version: &str) -> ConfigMap {
        let metadata = json!({"namespace": namespace, "name": name, "resourceVersion": version});
        serde_json::from_value(json!({ "metadata": metadata })).unwrap()
    }

    fn versions(objects: Vec<Arc<Version>>) -> Vec<String> {
        objects.into_iter().map(|version| version.0.clone()).collect()
    }

    fn listed(objects: impl IntoIterator<Item = ConfigMap>) -> Vec<Event<ConfigMap>> {
        let all = objects.into_iter().map(Event::InitApply);
        [Event::Init].into_iter().chain(all).chain([Event::InitDone]).collect()
    }

    #[test]
    fn objects_are_found_by_namespace_and_name() {
        let (store, mut writer) = Store::<Version>::new();
        assert!(store.wait_until_ready().now_or_never().is_none());
        for event in listed([object("kitchen", "larder", "1"), object("hall", "larder", "2")]) {
            writer.apply(event);
        }
        assert!(store.wait_until_ready().now_or_never().is_some());
        writer.apply(Event::Apply(object("kitchen", "cellar", "3")));
        writer.apply(Event::Apply(object("kitchen", "larder", "4")));
        assert_eq!(store.get("kitchen", "larder").unwrap().0, "4");
        assert!(store.get("hall", "cellar").is_none() && store.get("attic", "larder").is_none());
        assert_eq!(versions(store.in_namespace("kitchen", |_| true)), ["3", "4"]);
        let mut everywhere = versions(store.named("larder"));
        everywhere.sort();
        assert_eq!(everywhere, ["2", "4"]);
        assert_eq!(versions(writer.apply(Event::Delete(object("hall", "larder", "5")))), ["5"]);
        assert_eq!(versions(store.named("larder")), ["4"]);
    }

    #[test]
    fn what_a_new_list_no_longer_has_is_told() {
        let (store, mut writer) = Store::<Version>::new();
        let apply = |writer: &mut Writer<Version>, events: Vec<Event<ConfigMap>>| -> Vec<String> {
            events.into_iter().flat_map(|event| versions(writer.apply(event))).collect()
        };
        apply(&mut writer, listed([object("kitchen", "larder", "1"), object("kitchen", "cellar", "2")]));
        // The first new list breaks off, the second comes to its end.
        apply(&mut writer, vec![Event::Init, Event::InitApply(object("kitchen", "cellar", "2"))]);
        assert_eq!(versions(store.all(|_| true)), ["2", "1"], "until it has ended, a list takes nothing away");
        assert_eq!(apply(&mut writer, listed([object("kitchen", "larder", "3")])), ["3", "2"]);
        assert_eq!(versions(store.all(|_| true)), ["3"]);
    }

    #[tokio::test]
    async fn nobody_waits_for_a_watch_that_has_ended() {
        let (store, writer) = Store::<Version>::new();
        drop(writer);
        assert!(store.wait_until_ready().await.is_err());
    }
}
