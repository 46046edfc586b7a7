//! A wrong spec is refused when it is written, with a sentence that a person understands.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use support::manifest;
use support::namespace::in_namespace;
use support::registry::Registry;

/// What somebody may write, and a part of what the API server has to say about it.
const REFUSED: &[(&str, &str)] = &[
    ("{storage: {persistentVolumeClaim: {size: ten}}}", "size must be a positive quantity such as 10Gi"),
    ("{storage: {persistentVolumeClaim: {size: 1Gi}, emptyDir: {}}}", "one of persistentVolumeClaim and emptyDir"),
    ("{storage: {persistentVolumeClaim: {existingClaim: old, size: 1Gi}}}", "existingClaim stands alone"),
    ("{storage: {deletionPolicy: Keep}}", "supported values: \"Retain\", \"Delete\""),
    (
        "{tls: {disabled: true, secretRef: {name: own}}}",
        "tls takes one of selfSigned, secretRef, certManager and disabled: true",
    ),
    ("{tls: {selfSigned: {duration: 1y}}}", "duration must be a whole number of days, hours or minutes"),
    ("{tls: {selfSigned: {duration: 10d, renewBefore: 20d}}}", "must be shorter than duration"),
    ("{tls: {selfSigned: {dnsNames: ['https://x.test']}}}", "dnsNames must be lower case host names"),
    ("{tls: {selfSigned: {ipAddresses: [nowhere]}}}", "ipAddresses must be IPv4 or IPv6 addresses"),
    ("{auth: {users: [{name: push, passwordSecretRef: {name: x}}]}}", "belong to the generated users"),
    ("{auth: {users: [{name: 'a:b', passwordSecretRef: {name: x}}]}}", "a user's name consists of"),
    ("{auth: {users: [{name: ci}]}}", "passwordSecretRef"),
    ("{auth: {users: [{name: ci, access: Write, passwordSecretRef: {name: x}}]}}", "\"Pull\", \"Push\", \"Admin\""),
    ("{service: {nodePort: 30500}}", "service.nodePort needs service.type NodePort or LoadBalancer"),
    ("{image: 'not an image'}", "without white space"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_spec_is_refused_in_words() -> Result<()> {
    in_namespace("bad_input", async |namespace| {
        let team = Registry::named(&namespace, "team");
        for (spec, sentence) in REFUSED {
            refused(&team, manifest::parse(spec)?, sentence).await.context(*spec)?;
        }
        let long = "a-name-that-is-too-long-for-the-names-made-from-it-by-far";
        refused(&Registry::named(&namespace, long), json!({}), "at most 50").await?;
        refused(&Registry::named(&namespace, "1st"), json!({}), "starting with a letter").await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_would_lose_data_is_refused() -> Result<()> {
    in_namespace("bad_input", async |namespace| {
        let spec = "{storage: {persistentVolumeClaim: {size: 2Gi}}}";
        let team = namespace.registry("team").spec(spec)?.created().await?;

        for (spec, sentence) in [
            ("{storage: {persistentVolumeClaim: {size: 1Gi}}}", "cannot shrink"),
            (
                "{storage: {persistentVolumeClaim: {size: 2Gi, storageClassName: other}}}",
                "storageClassName cannot change",
            ),
            (
                "{storage: {persistentVolumeClaim: {size: 2Gi, accessModes: [ReadWriteMany]}}}",
                "accessModes cannot change",
            ),
            ("{storage: {emptyDir: {}}}", "what is stored would be lost"),
        ] {
            refused(&team, manifest::parse(spec)?, sentence).await.context(spec)?;
        }
        team.delete().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_does_not_exist_is_refused_by_strict_clients() -> Result<()> {
    in_namespace("bad_input", async |namespace| {
        let registry = json!({
            "apiVersion": "privateregistry.io/v1alpha1",
            "kind": "PrivateRegistry",
            "metadata": {"name": "team", "namespace": namespace.name()},
            "spec": {"storrage": {}},
        });
        let create = support::command::command("kubectl", ["create", "--validate=strict", "--filename", "-"]);
        let output = support::command::outcome(create, &registry.to_string()).await?;
        assert!(!output.success && output.stderr.contains("unknown field \"spec.storrage\""), "{output:?}");
        Ok(())
    })
    .await
}

/// That the API server refuses `spec` and says `sentence`.
async fn refused(registry: &Registry, spec: Value, sentence: &str) -> Result<()> {
    let Err(error) = registry.apply(spec).await else {
        registry.delete().await?;
        anyhow::bail!("accepted, but should be refused with: {sentence}");
    };
    let said = format!("{error:#}");
    anyhow::ensure!(said.contains(sentence), "refused, but not with {sentence:?}: {said}");
    Ok(())
}
