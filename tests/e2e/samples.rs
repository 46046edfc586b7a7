//! Every sample is accepted by a real API server, unknown fields included in the check.

use anyhow::{Context as _, Result};
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use support::namespace::{Namespace, in_namespace};
use support::{manifest, registry, root};

#[tokio::test(flavor = "multi_thread")]
async fn the_api_server_accepts_every_sample() -> Result<()> {
    in_namespace("samples", async |namespace| {
        let mut registries = 0;
        for file in std::fs::read_dir(root().join("deploy/samples"))? {
            let path = file?.path();
            for object in manifest::parse_all(&std::fs::read_to_string(&path)?)? {
                let kind = dry_run(&namespace, object).await.with_context(|| format!("in {}", path.display()))?;
                registries += usize::from(kind == "PrivateRegistry");
            }
        }
        assert!(registries > 0, "deploy/samples has no PrivateRegistry");
        Ok(())
    })
    .await
}

/// Applies `object` in the test's namespace without effect, and returns its kind.
async fn dry_run(namespace: &Namespace, mut object: DynamicObject) -> Result<String> {
    let types = object.types.clone().context("an object without kind")?;
    let resource = match types.kind.as_str() {
        "PrivateRegistry" => registry::resource(),
        _ => ApiResource::from_gvk(&kube::core::GroupVersionKind::try_from(&types)?),
    };
    let api: Api<DynamicObject> = match types.kind.as_str() {
        "Namespace" => Api::all_with(namespace.client.clone(), &resource),
        _ => Api::namespaced_with(namespace.client.clone(), namespace.name(), &resource),
    };
    object.metadata.namespace = None;
    let how = PatchParams::apply("a-user").force().dry_run().validation_strict();
    let name = object.name_any();
    api.patch(&name, &how, &Patch::Apply(&object))
        .await
        .with_context(|| format!("{} {name} was refused", types.kind))?;
    Ok(types.kind)
}
