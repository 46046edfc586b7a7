//! The watch of one optional kind.

use std::{
    future::ready,
    sync::{Arc, Mutex},
};

use futures::{StreamExt, stream::BoxStream};
use kube::{
    Api, ResourceExt,
    api::DynamicObject,
    runtime::{
        WatchStreamExt,
        reflector::{Store, store::Writer},
        watcher,
    },
};

use super::{OptionalKind, State, States, Unavailable, lock};
use crate::{
    controller::stores::{self, Known, RegistryRef},
    metrics::Metrics,
};

/// The registries whose children of one kind have changed, as long as the cluster has the kind.
pub(super) type Triggers = BoxStream<'static, RegistryRef>;

/// A store of our objects of this kind, and the registries whose objects were touched.
pub(super) fn open(
    kind: OptionalKind,
    api: Api<DynamicObject>,
    states: &Arc<Mutex<States>>,
    metrics: &Arc<Metrics>,
) -> (Store<DynamicObject>, Triggers) {
    let writer = Writer::new(kind.resource());
    let reader = writer.as_reader();
    let (states, metrics) = (Arc::clone(states), Arc::clone(metrics));
    let config = watcher::Config::default().labels(&stores::our_label()).page_size(stores::PAGE_SIZE);
    let triggers = watcher(api, config)
        .default_backoff()
        .modify(keep_status)
        .reflect(writer)
        .touched_objects()
        .inspect(move |event| stores::tell_failure(kind.kind(), event, &metrics))
        .take_while(move |event| {
            let gone = event.as_ref().is_err_and(is_gone);
            if gone {
                lock(&states).insert(kind, State::unavailable(Unavailable::NotInstalled, None));
            }
            ready(!gone)
        })
        .filter_map(|event| ready(event.ok().and_then(|object| Known::of(&object).registry())))
        .boxed();
    (reader, triggers)
}

/// Of an object no more than metadata and, as all of its data, the status.
fn keep_status(object: &mut DynamicObject) {
    object.managed_fields_mut().clear();
    object.data = object.data.get_mut("status").map(serde_json::Value::take).unwrap_or_default();
}

/// Whether the kind itself was removed from the cluster.
fn is_gone(error: &watcher::Error) -> bool {
    use watcher::Error::{InitialListFailed, WatchFailed, WatchStartFailed};
    match error {
        InitialListFailed(kube::Error::Api(status))
        | WatchStartFailed(kube::Error::Api(status))
        | WatchFailed(kube::Error::Api(status)) => status.code == 404,
        _ => false,
    }
}
