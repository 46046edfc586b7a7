//! A control plane as the chart before this one and its operator have left it.
//!
//! `install.yaml` is that chart, `children.yaml` what that operator has written. Passwords in it are words, and there are no keys:
//! where a text has `@...@`, what belongs there is made or found when it is loaded, so that nothing has ended by then.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Secret, Service};
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use kube::{Api, ResourceExt as _};
use private_registry_operator::names::{FIELD_MANAGER, RegistryName};
use private_registry_operator::pki::{Authority, KeyAlgorithm, Pair, SubjectNames, leaf};
use serde_json::{Value, json};
use support::control_plane::Stage;
use support::{manifest, registry, root};

/// Who has made what the registries refer to.
const USER: &str = "a-user";

/// A file beside this one.
pub(super) fn file(name: &str) -> PathBuf {
    root().join("tests/control_plane/upgrade").join(name)
}

/// Puts every object of `children.yaml` into the test's namespace, as the operator before this one has written it.
pub(super) async fn load(stage: &Stage<'_>) -> Result<()> {
    let mut loader = Loader { stage, known: BTreeMap::new() };
    loader.learn("namespace", stage.namespace.name());
    for object in manifest::parse_all(&std::fs::read_to_string(file("children.yaml"))?)? {
        loader.load(object).await?;
    }
    Ok(())
}

struct Loader<'a> {
    stage: &'a Stage<'a>,
    /// What belongs in the place of a text.
    known: BTreeMap<String, String>,
}

impl Loader<'_> {
    fn learn(&mut self, what: &str, value: &str) {
        self.known.insert(format!("@{what}@"), value.to_owned());
    }

    async fn load(&mut self, object: DynamicObject) -> Result<()> {
        let mut object = serde_json::to_value(object)?;
        self.fill(&mut object);
        if object["kind"] == "Secret" {
            encode(&mut object["data"]);
        }
        let (name, applied) = self.apply(object).await?;
        self.learn(&format!("uid of {name}"), &applied.uid().unwrap_or_default());
        self.learn(&format!("version of {name}"), &applied.resource_version().unwrap_or_default());
        if applied.types.as_ref().is_some_and(|types| types.kind == "Service") {
            let registry = RegistryName { namespace: self.stage.namespace.name().to_owned(), name };
            let [authority, served] = match self.kept(&registry).await? {
                Some(kept) => kept,
                None => issued(&registry, &serde_json::from_value(serde_json::to_value(applied)?)?)?,
            };
            self.learn_pair(&registry.ca_secret(), &authority)?;
            self.learn_pair(&registry.tls_secret(), &served)?;
        }
        Ok(())
    }

    /// Server-side apply by whoever has written it, of the status too.
    async fn apply(&self, mut object: Value) -> Result<(String, DynamicObject)> {
        let status = object.as_object_mut().and_then(|object| object.remove("status"));
        let object: DynamicObject = serde_json::from_value(object)?;
        let (name, types) = (object.name_any(), object.types.clone().context("an object without a kind")?);
        let ours = object.labels().contains_key("app.kubernetes.io/managed-by");
        let resource = match types.kind.as_str() {
            "PrivateRegistry" => registry::resource(),
            _ => ApiResource::from_gvk(&GroupVersionKind::try_from(&types)?),
        };
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.stage.namespace.client.clone(), self.stage.namespace.name(), &resource);
        let manager = if ours { FIELD_MANAGER } else { USER };
        let mut applied = api
            .patch(&name, &PatchParams::apply(manager), &Patch::Apply(&object))
            .await
            .with_context(|| format!("failed to apply {} {name} of before", types.kind))?;
        if let Some(status) = status {
            let patch = Patch::Apply(json!({"apiVersion": types.api_version, "kind": types.kind, "status": status}));
            applied = api.patch_status(&name, &PatchParams::apply(FIELD_MANAGER), &patch).await?;
        }
        Ok((name, applied))
    }

    /// Authority and certificate of a registry that has them already.
    async fn kept(&self, registry: &RegistryName) -> Result<Option<[Pair; 2]>> {
        let secrets: Api<Secret> = self.stage.namespace.api();
        let [ca, tls] = [secrets.get_opt(&registry.ca_secret()).await?, secrets.get_opt(&registry.tls_secret()).await?];
        let pair = |secret: Secret| {
            let mut data = secret.data?;
            Some(Pair { certificate: data.remove("tls.crt")?.0, key: data.remove("tls.key")?.0 })
        };
        Ok(ca.and_then(pair).zip(tls.and_then(pair)).map(<[Pair; 2]>::from))
    }

    fn learn_pair(&mut self, secret: &str, pair: &Pair) -> Result<()> {
        self.learn(&format!("tls.crt of {secret}"), std::str::from_utf8(&pair.certificate)?);
        self.learn(&format!("tls.key of {secret}"), std::str::from_utf8(&pair.key)?);
        // Within a JSON document.
        let quoted = serde_json::to_string(std::str::from_utf8(&pair.certificate)?)?;
        self.learn(&format!("quoted tls.crt of {secret}"), quoted.trim_matches('"'));
        Ok(())
    }

    /// Puts what is known into every text of `value`.
    fn fill(&self, value: &mut Value) {
        match value {
            Value::String(text) if text.contains('@') => {
                for (place, known) in &self.known {
                    *text = text.replace(place, known);
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.fill(value)),
            Value::Object(map) => map.values_mut().for_each(|value| self.fill(value)),
            _ => {}
        }
    }
}

/// Authority and certificate of the registry behind this Service, as they have always been issued.
fn issued(registry: &RegistryName, service: &Service) -> Result<[Pair; 2]> {
    let now = Timestamp::now();
    let authority = Authority::generate(registry, now)?;
    let addresses = service.spec.iter().flat_map(|spec| spec.cluster_ips.iter().flatten());
    let addresses = addresses.map(|address| address.parse()).collect::<Result<Vec<_>, _>>()?;
    let mut names = SubjectNames::of_service(registry.hosts("cluster.local"), addresses);
    let mut days = 90;
    if registry.name == "team" {
        // As its spec has it.
        names.dns.insert("registry.example.com".to_owned());
        names.ip.insert("192.0.2.10".parse()?);
        days = 60;
    }
    let wanted = leaf::Wanted {
        common_name: registry.hosts("cluster.local").last().cloned().unwrap_or_default(),
        names,
        algorithm: KeyAlgorithm::Ecdsa,
        lifetime: SignedDuration::from_hours(24 * days),
        renew_before: SignedDuration::from_hours(24 * days / 3),
        at_once: false,
    };
    Ok([authority.pair.clone(), leaf::issue(&authority, &wanted, now)?])
}

/// The values of a Secret, which the file has as text.
fn encode(data: &mut Value) {
    for value in data.as_object_mut().into_iter().flat_map(|data| data.values_mut()) {
        *value = STANDARD.encode(value.as_str().unwrap_or_default()).into();
    }
}
