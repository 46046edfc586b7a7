//! `kubectl preg status`: a registry and what belongs to it on one screen, or all of them a line each.

mod text;
mod view;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::{
    Api, ResourceExt,
    api::{ListParams, PartialObjectMeta},
};

use self::view::{Copies, View};
use super::{
    cluster::{self, Cluster, Unseen, name_of},
    output::{self, Format, columns, print},
    pod,
};
use crate::{
    api::v1alpha1::PrivateRegistry,
    names::{RegistryName, label},
};

/// Show a registry, or all of a namespace; exit code 1 when one is not ready
#[derive(Debug, clap::Args)]
pub(super) struct Status {
    /// Name of the registry; without it, all of the namespace, a line each
    name: Option<String>,

    /// All registries of all namespaces, a line each
    #[arg(long, short = 'A', conflicts_with = "name")]
    all_namespaces: bool,

    /// Form of the output
    #[arg(long, short, value_enum, default_value_t = Format::Text)]
    output: Format,
}

/// What there is to show.
#[derive(Debug)]
pub(super) enum Shown {
    /// A registry with what belongs to it.
    One(Box<View>),
    /// Several, as they are.
    Several(Vec<View>),
}

impl Status {
    /// Looks at what is to be shown.
    pub(super) async fn look(&self, cluster: &Cluster) -> Result<Shown, cluster::Error> {
        let Some(name) = &self.name else {
            let namespace = (!self.all_namespaces).then_some(cluster.namespace.as_str());
            let found = cluster.list::<PrivateRegistry>(namespace, ListParams::default()).await?;
            return Ok(Shown::Several(found.items.iter().map(View::of).collect()));
        };
        let registry = cluster.registry(name).await?;
        let name = name_of(&registry);
        let mut view = View::of(&registry);
        let (pods, copies) = tokio::join!(pods(cluster, &name), copies(cluster, &registry, &name));
        view.pods = pods.unwrap_or_else(|unseen| vec![unseen.to_string()]);
        view.copies = copies;
        Ok(Shown::One(Box::new(view)))
    }

    /// Prints it; whether all is well.
    pub(super) fn show(&self, shown: &Shown) -> Result<bool, output::Error> {
        match shown {
            Shown::One(view) => {
                print(self.output, view, |view| text::of(view, Timestamp::now()))?;
                Ok(view.ready)
            }
            Shown::Several(views) => {
                print(self.output, views, |views| lines(views))?;
                Ok(views.iter().all(|view| view.ready))
            }
        }
    }
}

/// Several registries, a line each.
fn lines(views: &[View]) -> String {
    if views.is_empty() {
        return "there is no PrivateRegistry here; -A looks into all namespaces\n".to_owned();
    }
    let head = ["NAMESPACE", "NAME", "READY", "REASON", "ENDPOINT"].map(str::to_owned);
    let line = |view: &View| {
        let (reason, _) = view.reason();
        let endpoint = view.endpoint.clone().unwrap_or_default();
        [view.namespace.clone(), view.name.clone(), view.ready.to_string(), reason, endpoint]
    };
    columns(&[head].into_iter().chain(views.iter().map(line)).collect::<Vec<_>>())
}

/// The registry's Pods, in words.
async fn pods(cluster: &Cluster, name: &RegistryName) -> Result<Vec<String>, Unseen> {
    let wanted = ListParams::default().labels(&name.pod_selector());
    let pods = cluster.list::<Pod>(Some(&name.namespace), wanted).await?;
    Ok(pods.items.iter().map(pod::state).collect())
}

/// Where the pull Secret was copied to; `None` when no copies are asked for.
async fn copies(cluster: &Cluster, registry: &PrivateRegistry, name: &RegistryName) -> Option<Copies> {
    registry.spec.pull_secrets.namespace_selector.as_ref()?;
    let api = Api::<PartialObjectMeta<Secret>>::all(cluster.client.clone());
    let labels = [(label::REGISTRY_NAMESPACE, &name.namespace), (label::REGISTRY_NAME, &name.name)];
    let selector = labels.map(|(key, value)| format!("{key}={value}")).join(",");
    let found = cluster::list(&api, "secrets in all namespaces", ListParams::default().labels(&selector)).await;
    let told = registry.status.as_ref().and_then(|status| status.pull_secrets.clone());
    Some(Copies {
        secret: name.pull_secret_copy(),
        namespaces: found.map(|found| found.items.iter().filter_map(ResourceExt::namespace).collect()),
        told,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::tests::fixtures::resource;

    #[test]
    fn several_registries_take_a_line_each() {
        let told = lines(&[View::of(&resource("{}"))]);
        assert_eq!(
            told,
            "NAMESPACE   NAME     READY   REASON          ENDPOINT\nkitchen     larder   false   NothingIsTold\n"
        );
        assert!(lines(&[]).contains("-A looks into all namespaces"));
    }
}
