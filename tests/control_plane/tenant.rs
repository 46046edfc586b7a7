//! Whoever may make registries in one namespace gains nothing in any other. A tenant with that right alone tries.

use anyhow::{Context as _, Result, bail, ensure};
use k8s_openapi::api::core::v1::{Secret, ServiceAccount};
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::ResourceExt as _;
use kube::api::{DynamicObject, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use support::control_plane::{Identity, Options, Stage, on_control_plane, on_own_control_plane};
use support::manifest;
use support::namespace::Namespace;
use support::registry::{Registry, resource};

use crate::place::{Place, TAKES, copy_name, until_counted};

const TENANT: &str = "mallory";

/// The test's namespace as the tenant has it.
async fn den(stage: &Stage<'_>) -> Result<Namespace> {
    let role: Role = manifest::parse(
        "
metadata: {name: makes-registries}
rules:
- apiGroups: [privateregistry.io]
  resources: [privateregistries]
  verbs: [get, list, watch, create, update, patch, delete]
",
    )?;
    let binding: RoleBinding = serde_json::from_value(json!({
        "metadata": {"name": "makes-registries"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "makes-registries"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": TENANT}],
    }))?;
    stage.namespace.api::<Role>().create(&PostParams::default(), &role).await?;
    stage.namespace.api::<RoleBinding>().create(&PostParams::default(), &binding).await?;
    let mut den = stage.namespace.clone();
    den.client = stage.plane.client_of(&Identity::User(TENANT.to_owned())).await?;
    Ok(den)
}

#[tokio::test]
async fn no_copy_reaches_a_namespace_that_does_not_take_copies() -> Result<()> {
    on_own_control_plane("tenant", Options::default(), async |stage| {
        let _operator = stage.operator_of_cluster()?.flags(["--leader-elect=false"]).start().await?;
        let mut victims =
            vec![Place::existing(stage, "kube-system"), Place::existing(stage, "private-registry-system")];
        for (suffix, labels) in
            [("plain", json!({})), ("refuses", json!({TAKES: "false"})), ("misspelt", json!({TAKES: "True"}))]
        {
            victims.push(Place::new(stage, suffix, labels).await?);
        }
        let hall = Place::new(stage, "hall", json!({TAKES: "true"})).await?;
        let before = accounts(&victims).await?;
        let loot = den(stage).await?.registry("loot").created().await?;
        for selector in [
            "{}".to_owned(),
            format!("{{matchLabels: {{kubernetes.io/metadata.name: {}}}}}", victims[2].name),
            format!("{{matchExpressions: [{{key: {TAKES}, operator: DoesNotExist}}]}}"),
            format!("{{matchExpressions: [{{key: {TAKES}, operator: NotIn, values: ['true']}}]}}"),
            "{matchExpressions: [{key: kubernetes.io/metadata.name, operator: In, values: [kube-system]}]}".to_owned(),
        ] {
            let spec = format!("{{pullSecrets: {{namespaceSelector: {selector}, serviceAccounts: [default]}}}}");
            loot.apply(manifest::parse(&spec)?).await?;
            let selects_all = u32::from(selector == "{}");
            until_counted(&loot, selects_all, 0).await.context(selector.clone())?;
            untouched(&victims, &loot, &before).await.context(selector)?;
        }
        what_is_there_already_stays(stage, &loot, &hall).await?;
        a_copy_says_what_the_operator_says(stage, &hall).await?;
        untouched(&victims, &loot, &before).await
    })
    .await
}

/// That no namespace has a copy, and no account has changed.
async fn untouched(victims: &[Place], loot: &Registry, before: &[ServiceAccount]) -> Result<()> {
    for victim in victims {
        ensure!(!victim.secret_names().await?.contains(&copy_name(loot)), "a copy in {}", victim.name);
    }
    ensure!(accounts(victims).await? == before, "an account has changed");
    Ok(())
}

/// The `default` accounts with their versions.
async fn accounts(places: &[Place]) -> Result<Vec<ServiceAccount>> {
    let mut accounts = Vec::new();
    for place in places {
        let there = place.account("default").await;
        accounts.push(if there.is_ok() { there? } else { place.add_account("default").await? });
    }
    Ok(accounts)
}

/// In a namespace that takes copies: Secrets of that name, whatever their labels say, and with them the accounts.
async fn what_is_there_already_stays(stage: &Stage<'_>, loot: &Registry, hall: &Place) -> Result<()> {
    hall.add_account("default").await?;
    let everywhere = json!({"pullSecrets": {"namespaceSelector": {}, "serviceAccounts": ["default"]}});
    let labels = [
        json!({}),
        json!({"app.kubernetes.io/managed-by": "private-registry-operator"}),
        json!({
            "app.kubernetes.io/managed-by": "private-registry-operator",
            "privateregistry.io/registry-name": "other",
            "privateregistry.io/registry-namespace": stage.namespace.name(),
        }),
    ];
    for labels in labels {
        loot.apply(json!({})).await?;
        hall.until_no_copy_of(loot).await?;
        let secret = json!({
            "metadata": {"name": copy_name(loot), "labels": labels},
            "stringData": {"precious": "mine"},
        });
        let precious: Secret = hall.secrets().create(&PostParams::default(), &serde_json::from_value(secret)?).await?;
        let account = hall.until_account_pulls_with("default", &["theirs"]).await?;

        loot.apply(everywhere.clone()).await?;
        until_counted(loot, 0, 1).await?;
        let told = format!("in namespace {}, Secret {}: a Secret of that name exists", hall.name, copy_name(loot));
        loot.until_condition("CredentialsReady", "False", &told).await?;
        ensure!(hall.secrets().get(&copy_name(loot)).await? == precious, "{labels}");
        ensure!(hall.account("default").await? == account, "led to a Secret that is not the registry's: {labels}");

        // Nor does it go with the registry; and when its owner removes it, the copy comes.
        loot.apply(json!({})).await?;
        loot.until("an answer to the last spec", support::registry::is_current).await?;
        ensure!(hall.secrets().get(&copy_name(loot)).await? == precious, "{labels}");
        loot.apply(everywhere.clone()).await?;
        hall.secrets().delete(&copy_name(loot), &kube::api::DeleteParams::default()).await?;
        hall.until_copy_of(&Registry::named(&stage.namespace, loot.name())).await?;
    }
    Ok(())
}

/// Labels and annotations that a tenant writes on the registry, and its finalizers, are not carried on.
async fn a_copy_says_what_the_operator_says(stage: &Stage<'_>, hall: &Place) -> Result<()> {
    let injected = json!({
        "apiVersion": "privateregistry.io/v1alpha1",
        "kind": "PrivateRegistry",
        "metadata": {
            "name": "sly",
            "labels": {"app.kubernetes.io/part-of": "mallory", "privateregistry.io/registry-namespace": "kube-system"},
            "annotations": {"privateregistry.io/image-pull-secrets": "theirs", "example.com/x": "y"},
        },
        "spec": {
            "podLabels": {"privateregistry.io/registry-name": "other"},
            "podAnnotations": {"example.com/x": "y"},
            "pullSecrets": {"namespaceSelector": {}},
        },
    });
    let api = kube::Api::<DynamicObject>::namespaced_with(
        stage.namespace.client.clone(),
        stage.namespace.name(),
        &resource(),
    );
    api.patch("sly", &PatchParams::apply("a-user"), &Patch::Apply(injected)).await?;
    let copy = hall.until_copy_of(&Registry::named(&stage.namespace, "sly")).await?;
    let labels = json!({
        "app.kubernetes.io/component": "pull-secret-copy",
        "app.kubernetes.io/managed-by": "private-registry-operator",
        "app.kubernetes.io/name": "private-registry",
        "app.kubernetes.io/part-of": "private-registry",
        "privateregistry.io/registry-name": "sly",
        "privateregistry.io/registry-namespace": stage.namespace.name(),
    });
    ensure!(json!(copy.labels()) == labels, "{:?}", copy.labels());
    ensure!(copy.annotations().is_empty() && copy.metadata.owner_references.is_none(), "{:?}", copy.metadata);
    let config: Value = serde_json::from_slice(&copy.data.context("no data")?[".dockerconfigjson"].0)?;
    let host = format!("sly.{}.svc", stage.namespace.name());
    let hosts: Vec<_> = config["auths"].as_object().context("no hosts")?.keys().cloned().collect();
    ensure!(hosts == [host.clone(), format!("{host}.cluster.local")], "{hosts:?}");
    Ok(())
}

/// What a tenant writes to reach an object of somebody else's, and a part of what the API server has to say about it.
const REFUSED: &[(&str, &str)] = &[
    ("auth: {htpasswdSecretRef: {name: ../../kube-system/secrets/root}}", "htpasswdSecretRef.name must be"),
    (
        "auth: {users: [{name: x, passwordSecretRef: {name: ../../kube-system/secrets/root}}]}",
        "passwordSecretRef.name must be",
    ),
    ("auth: {users: [{name: x, passwordSecretRef: {name: 'a?watch=1'}}]}", "passwordSecretRef.name must be"),
    ("auth: {users: [{name: \"x:y\\nroot\", passwordSecretRef: {name: a}}]}", "a user's name consists of"),
    (
        "tls: {secretRef: {name: ../../kube-system/secrets/root}}",
        "secretRef.name must be the name of a Secret in the same",
    ),
    ("tls: {secretRef: {name: kube-system/root}}", "secretRef.name must be the name of a Secret in the same"),
    (
        "storage: {persistentVolumeClaim: {existingClaim: ../../shop/persistentvolumeclaims/data}}",
        "existingClaim must be",
    ),
    ("pullSecrets: {serviceAccounts: [../../kube-system/serviceaccounts/root]}", "must be names of service accounts"),
    ("podLabels: {app.kubernetes.io/name: shop}", "podLabels must not start with app.kubernetes.io/"),
    ("podAnnotations: {privateregistry.io/config-hash: x}", "podAnnotations must not start with privateregistry.io/"),
    (
        "service: {annotations: {privateregistry.io/x: on-it}}",
        "service.annotations must not start with privateregistry.io/",
    ),
    ("env: [{name: REGISTRY_AUTH, value: none}]", "this variable belongs to the operator"),
    ("image: \"a\\n- name: b\"", "without white space"),
];

#[tokio::test]
async fn a_spec_names_objects_of_its_own_namespace_alone() -> Result<()> {
    on_control_plane("tenant", async |stage| {
        let _operator = stage.operator()?.start().await?;
        let den = den(stage).await?;
        let loot = Registry::named(&den, "loot");
        for (spec, sentence) in REFUSED {
            let Err(error) = loot.apply(manifest::parse(&format!("{{{spec}}}"))?).await else {
                bail!("accepted: {spec}");
            };
            ensure!(format!("{error:#}").contains(sentence), "{spec}: {error:#}");
        }
        for name in ["loot.hall", "Loot", "../loot"] {
            ensure!(Registry::named(&den, name).apply(json!({})).await.is_err(), "accepted: {name}");
        }

        // A namespace in a reference is not a field: it is not kept, and the Secret is looked for at home.
        let elsewhere =
            json!({"users": [{"name": "x", "passwordSecretRef": {"name": "root", "namespace": "kube-system"}}]});
        loot.apply(json!({"auth": elsewhere})).await.ok();
        let spec = json!({"auth": {"users": [{"name": "x", "passwordSecretRef": {"name": "root"}}]}});
        loot.apply(spec).await?;
        let told = format!("Secret {}/root", den.name());
        loot.until_condition("CredentialsReady", "False", &told).await?;
        ensure!(!loot.object().await?.data.to_string().contains("kube-system"), "kept");

        // Everything that was made is at home.
        let team = Registry::named(&stage.namespace, "loot");
        for child in team.child_objects().await? {
            ensure!(child.namespace().as_deref() == Some(den.name()), "{child:?}");
        }
        // The status is the operator's: what it says of other namespaces cannot be forged to be acted on.
        let forged = Patch::Merge(json!({"status": {"endpoint": "docker.io"}}));
        let api = kube::Api::<DynamicObject>::namespaced_with(den.client.clone(), den.name(), &resource());
        let refused = api.patch_status("loot", &PatchParams::default(), &forged).await;
        ensure!(matches!(&refused, Err(kube::Error::Api(status)) if status.code == 403), "{refused:?}");
        Ok(())
    })
    .await
}
