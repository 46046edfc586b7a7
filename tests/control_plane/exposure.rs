//! What leads to a registry from outside, and who may come: made when the spec asks for it, gone when it does not.

use std::collections::BTreeSet;

use anyhow::Result;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use kube::Api;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams};
use serde_json::json;
use support::control_plane::{Options, beside_a_registry, on_control_plane, on_own_control_plane};
use support::manifest::at;
use support::registry::Registry;
use support::wait::{until, until_gone};

const EXPOSED: &str = "
ingress: {host: registry.example.com, className: slate}
networkPolicy: {allowedPeers: [{ipBlock: {cidr: 10.0.0.0/8}}]}
podDisruptionBudget: {}
";

const OPTIONAL: [&str; 3] = ["Ingress/team", "NetworkPolicy/team", "PodDisruptionBudget/team"];

/// The children of `registry` that only some have.
async fn optional_children(registry: &Registry) -> Result<BTreeSet<String>> {
    let children = registry.children().await?;
    Ok(children.into_iter().filter(|child| OPTIONAL.contains(&child.as_str())).collect())
}

async fn until_optional_children(registry: &Registry, wanted: &[&str]) -> Result<()> {
    let mut all = registry.children().await?;
    all.retain(|child| !OPTIONAL.contains(&child.as_str()));
    all.extend(wanted.iter().map(|child| (*child).to_owned()));
    registry.until_children(&all).await
}

#[tokio::test]
async fn children_that_are_asked_for_come_and_go_with_the_spec() -> Result<()> {
    on_control_plane("exposure", async |stage| {
        let mut operator = stage.operator()?.start().await?;
        let _controllers = stage.play_controllers();
        let team = stage.namespace.registry("team").spec(EXPOSED)?.ready().await?;
        assert_eq!(optional_children(&team).await?, OPTIONAL.map(str::to_owned).into());
        let told = team.until_condition("ExposureReady", "True", "no controller has put an address into it").await?;
        assert_eq!(told["reason"], "Ingress");
        assert_eq!(at(&team.object().await?, "/status/externalEndpoint"), "registry.example.com");

        // What a person changes comes back, and what a controller says is told.
        let ingresses: Api<Ingress> = stage.namespace.api();
        let other = json!({"spec": {"ingressClassName": "granite"}});
        ingresses.patch("team", &PatchParams::default(), &Patch::Merge(other)).await?;
        let class = |ingress: &Ingress| ingress.spec.as_ref().and_then(|spec| spec.ingress_class_name.clone());
        until(&ingresses, "team", "the class of the spec", |ingress| class(ingress).as_deref() == Some("slate"))
            .await?;
        let answer = json!({"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}}});
        ingresses.patch_status("team", &PatchParams::default(), &Patch::Merge(answer)).await?;
        team.until_condition("ExposureReady", "True", "a controller has taken it").await?;

        // One goes with the spec, the others while no operator is there to see it.
        team.apply(json!({"networkPolicy": {"allowedPeers": [{"podSelector": {}}]}, "podDisruptionBudget": {}}))
            .await?;
        until_optional_children(&team, &["NetworkPolicy/team", "PodDisruptionBudget/team"]).await?;
        operator.stop().await?;
        team.apply(json!({})).await?;
        let _operator = stage.operator()?.start().await?;
        until_optional_children(&team, &[]).await
    })
    .await
}

#[tokio::test]
async fn the_pods_of_the_namespace_and_the_operator_may_come_when_nobody_is_named() -> Result<()> {
    beside_a_registry("network_policy", "{networkPolicy: {}}", async |stage, _| {
        let policy = stage.namespace.api::<NetworkPolicy>().get("team").await?;
        let rules = serde_json::to_value(policy.spec.unwrap_or_default().ingress)?;
        assert_eq!(rules[0]["from"], json!([{"podSelector": {}}]));
        assert_eq!(rules[1]["ports"], json!([{"port": 5001, "protocol": "TCP"}]));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_a_load_balancer_gives_is_in_the_certificate_the_secrets_and_the_status() -> Result<()> {
    on_control_plane("load_balancer", async |stage| {
        let _operator = stage.operator()?.start().await?;
        let _controllers = stage.play_controllers();
        let spec =
            "service: {type: LoadBalancer, loadBalancerClass: example.com/none, ipFamilyPolicy: PreferDualStack}";
        let team = stage.namespace.registry("team").spec(spec)?.created().await?;
        team.until_condition("Ready", "False", "of class example.com/none").await?;
        let before = at(&team.object().await?, "/status/certificate/serialNumber").clone();

        let services: Api<Service> = stage.namespace.api();
        let given = json!({"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}}});
        services.patch_status("team", &PatchParams::default(), &Patch::Merge(given)).await?;
        let ready = team.until_ready().await?;

        assert_eq!(at(&ready, "/status/externalEndpoint"), "192.0.2.7");
        assert!(at(&ready, "/status/nodePort").is_number());
        assert_ne!(*at(&ready, "/status/certificate/serialNumber"), before, "a certificate with the address");
        let secret = stage.namespace.api::<Secret>().get("team-pull").await?;
        let config = secret.data.unwrap_or_default()[".dockerconfigjson"].0.clone();
        assert!(String::from_utf8(config)?.contains("\"192.0.2.7\""));
        assert_eq!(team.credentials("pull").await?.username, "pull");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_route_is_made_when_the_gateway_api_comes_and_what_the_gateway_says_is_told() -> Result<()> {
    on_own_control_plane("http_route", Options::default(), async |stage| {
        let _operator = stage.operator()?.start().await?;
        let _controllers = stage.play_controllers();
        let spec = "httpRoute: {hostnames: [registry.example.com], parentRefs: [{name: public, sectionName: https}]}";
        let team = stage.namespace.registry("team").spec(spec)?.created().await?;
        team.until_condition("ExposureReady", "False", "httproutes.gateway.networking.k8s.io: install").await?;

        for name in ["httproutes", "backendtlspolicies"] {
            stage.plane.define(&format!("gateway.networking.k8s.io_{name}")).await?;
        }
        team.until_ready().await?;
        let api = |kind: &str, plural: &str| {
            let kind = GroupVersionKind::gvk("gateway.networking.k8s.io", "v1", kind);
            let resource = ApiResource::from_gvk_with_plural(&kind, plural);
            Api::<DynamicObject>::namespaced_with(stage.namespace.client.clone(), stage.namespace.name(), &resource)
        };
        let policy = api("BackendTLSPolicy", "backendtlspolicies").get("team").await?;
        assert_eq!(at(&policy, "/spec/validation/caCertificateRefs/0/name"), "team-ca");
        assert!(team.children().await?.contains("ConfigMap/team-ca"));

        let refusal = json!({"type": "Accepted", "status": "False", "reason": "NoMatchingListenerHostname",
            "message": "no listener has this host", "lastTransitionTime": "2031-05-06T07:08:09Z"});
        let parent =
            json!({"controllerName": "example.com/gate", "parentRef": {"name": "public"}, "conditions": [refusal]});
        let answer = json!({"status": {"parents": [parent]}});
        let routes = api("HTTPRoute", "httproutes");
        routes.patch_status("team", &PatchParams::default(), &Patch::Merge(answer)).await?;
        team.until_condition("Ready", "False", "Gateway public: no listener has this host").await?;

        team.apply(json!({})).await?;
        until_gone(&routes, "team").await?;
        until_gone(&stage.namespace.api::<ConfigMap>(), "team-ca").await
    })
    .await
}
