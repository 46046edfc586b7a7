mod every_child;
mod optional;

use k8s_openapi::serde::Serialize;
use serde_json::{Value, json};

use super::*;
use crate::controller::fixtures::{material, validated, value};

fn built(spec: &str) -> (Service, Children) {
    let registry = validated(spec);
    let resources = build(&registry, Some(&material(&registry)));
    (resources.service, resources.children.unwrap())
}

fn json_of(object: &impl Serialize) -> Value {
    serde_json::to_value(object).unwrap()
}

fn labels(component: &str) -> Value {
    json!({
        "app.kubernetes.io/name": "private-registry",
        "app.kubernetes.io/instance": "larder",
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/managed-by": "private-registry-operator",
        "app.kubernetes.io/version": "0.1.0",
        "app.kubernetes.io/part-of": "private-registry",
    })
}

fn metadata(name: &str, component: &str) -> Value {
    json!({
        "name": name,
        "namespace": "kitchen",
        "labels": labels(component),
        "ownerReferences": [{
            "apiVersion": "privateregistry.io/v1alpha1",
            "kind": "PrivateRegistry",
            "name": "larder",
            "uid": "uid-of-larder",
            "controller": true,
        }],
    })
}

#[test]
fn without_an_address_there_is_the_service_alone() {
    assert!(build(&validated("{}"), None).children.is_none());
}

#[test]
fn the_service_speaks_https_on_443() {
    let (service, _) = built("{}");
    assert_eq!(
        json_of(&service),
        json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata("larder", "registry"),
            "spec": {
                "type": "ClusterIP",
                "selector": {"app.kubernetes.io/name": "private-registry", "app.kubernetes.io/instance": "larder"},
                "ports": [{"name": "registry", "port": 443, "targetPort": "registry", "protocol": "TCP", "appProtocol": "https"}],
            },
        })
    );
}

#[test]
fn a_service_can_be_exposed() {
    let (service, _) =
        built("{service: {type: NodePort, port: 5443, nodePort: 30443, annotations: {example.com/a: b}}}");
    let service = json_of(&service);
    assert_eq!(service["metadata"]["annotations"], json!({"example.com/a": "b"}));
    assert_eq!(service["spec"]["type"], "NodePort");
    assert_eq!(service["spec"]["ports"][0]["port"], 5443);
    assert_eq!(service["spec"]["ports"][0]["nodePort"], 30443);
}

#[test]
fn a_load_balancer_and_the_families_of_addresses_can_be_chosen() {
    let (service, _) =
        built("{service: {type: LoadBalancer, loadBalancerClass: inner, ipFamilyPolicy: RequireDualStack}}");
    let service = json_of(&service);
    assert_eq!(service["spec"]["type"], "LoadBalancer");
    assert_eq!(service["spec"]["loadBalancerClass"], "inner");
    assert_eq!(service["spec"]["ipFamilyPolicy"], "RequireDualStack");
}

#[test]
fn the_claim_is_kept_unless_it_is_to_be_deleted() {
    let spec =
        "{storage: {persistentVolumeClaim: {size: 3Gi, storageClassName: slate, accessModes: [ReadWriteOncePod]}}}";
    let (_, children) = built(spec);
    assert_eq!(
        json_of(&children.claim.unwrap()),
        json!({
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "larder", "namespace": "kitchen", "labels": labels("storage")},
            "spec": {
                "accessModes": ["ReadWriteOncePod"],
                "resources": {"requests": {"storage": "3Gi"}},
                "storageClassName": "slate",
            },
        })
    );
    let (_, deleted) = built("{storage: {deletionPolicy: Delete}}");
    assert_eq!(json_of(&deleted.claim.unwrap())["metadata"], metadata("larder", "storage"));
}

#[test]
fn blobs_are_kept_where_the_spec_says() {
    let volume = |spec| {
        let (_, children) = built(spec);
        let volume =
            json_of(&children.deployment)["spec"]["template"]["spec"]["volumes"].as_array().unwrap().last().cloned();
        (children.claim.is_some(), volume.unwrap())
    };
    assert_eq!(
        volume("{storage: {persistentVolumeClaim: {existingClaim: attic}}}"),
        (false, json!({"name": "data", "persistentVolumeClaim": {"claimName": "attic"}}))
    );
    assert_eq!(
        volume("{storage: {emptyDir: {sizeLimit: 2Gi}}}"),
        (false, json!({"name": "data", "emptyDir": {"sizeLimit": "2Gi"}}))
    );
}

#[test]
fn the_pod_passes_the_restricted_standard() {
    let (_, children) = built("{}");
    let deployment = json_of(&children.deployment);
    let hash = deployment["spec"]["template"]["metadata"]["annotations"]["privateregistry.io/config-hash"].clone();
    assert_eq!(hash.as_str().unwrap().len(), 64);
    let probe = |path: &str, period: i32, failures: i32| {
        json!({
            "httpGet": {"path": path, "port": "debug", "scheme": "HTTP"},
            "timeoutSeconds": 3,
            "periodSeconds": period,
            "failureThreshold": failures,
        })
    };
    let selector = json!({"app.kubernetes.io/name": "private-registry", "app.kubernetes.io/instance": "larder"});
    let mut pod_labels = labels("registry");
    pod_labels.as_object_mut().unwrap().remove("app.kubernetes.io/version");
    assert_eq!(
        deployment,
        json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata("larder", "registry"),
            "spec": {
                "replicas": 1,
                "revisionHistoryLimit": 3,
                "strategy": {"type": "Recreate"},
                "selector": {"matchLabels": selector},
                "template": {
                    "metadata": {"labels": pod_labels, "annotations": {"privateregistry.io/config-hash": hash}},
                    "spec": {
                        "serviceAccountName": "larder",
                        "automountServiceAccountToken": false,
                        "enableServiceLinks": false,
                        "terminationGracePeriodSeconds": 30,
                        "securityContext": {
                            "runAsNonRoot": true,
                            "runAsUser": 65532,
                            "runAsGroup": 65532,
                            "fsGroup": 65532,
                            "fsGroupChangePolicy": "OnRootMismatch",
                            "seccompProfile": {"type": "RuntimeDefault"},
                        },
                        "containers": [{
                            "name": "registry",
                            "image": "example.com/store:9",
                            "ports": [
                                {"name": "registry", "containerPort": 5000, "protocol": "TCP"},
                                {"name": "debug", "containerPort": 5001, "protocol": "TCP"},
                            ],
                            "env": [{
                                "name": "REGISTRY_HTTP_SECRET",
                                "valueFrom": {"secretKeyRef": {"name": "larder-http", "key": "secret"}},
                            }],
                            "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}},
                            "securityContext": {
                                "allowPrivilegeEscalation": false,
                                "capabilities": {"drop": ["ALL"]},
                                "readOnlyRootFilesystem": true,
                            },
                            "terminationMessagePolicy": "FallbackToLogsOnError",
                            "startupProbe": probe("/readyz", 1, 300),
                            "livenessProbe": probe("/livez", 10, 3),
                            "readinessProbe": probe("/readyz", 5, 2),
                            "volumeMounts": [
                                {"name": "config", "mountPath": "/etc/distribution", "readOnly": true},
                                {"name": "auth", "mountPath": "/auth", "readOnly": true},
                                {"name": "certificates", "mountPath": "/certs", "readOnly": true},
                                {"name": "data", "mountPath": "/var/lib/registry"},
                            ],
                        }],
                        "volumes": [
                            {"name": "config", "configMap": {"name": "larder-config"}},
                            {"name": "auth", "secret": {"secretName": "larder-htpasswd", "defaultMode": 0o440}},
                            {"name": "certificates", "secret": {"secretName": "larder-tls", "defaultMode": 0o440}},
                            {"name": "data", "persistentVolumeClaim": {"claimName": "larder"}},
                        ],
                    },
                },
            },
        })
    );
}

#[test]
fn what_is_handed_to_the_pod_arrives_there() {
    let (_, children) = built(
        "
        image: example.org/other:1
        imagePullPolicy: Never
        imagePullSecrets: [{name: to-pull-the-server}]
        resources: {limits: {cpu: '2'}}
        nodeSelector: {disk: ssd}
        tolerations: [{key: oven, operator: Exists}]
        affinity: {podAffinity: {}}
        priorityClassName: urgent
        podLabels: {shelf: top}
        podAnnotations: {example.com/light: 'on'}
        podSecurityContext: {fsGroup: 1000, supplementalGroups: [44]}
        env: [{name: SPOON, value: silver}, {name: FORK, valueFrom: {secretKeyRef: {name: staff, key: fork}}}]
        serviceAccount: {annotations: {example.com/role: cook}}
        ",
    );
    let template = json_of(&children.deployment)["spec"]["template"].clone();
    let (pod, container) = (&template["spec"], &template["spec"]["containers"][0]);
    assert_eq!(container["image"], "example.org/other:1");
    assert_eq!(container["imagePullPolicy"], "Never");
    assert_eq!(container["resources"], json!({"limits": {"cpu": "2"}}));
    assert_eq!(pod["imagePullSecrets"], json!([{"name": "to-pull-the-server"}]));
    assert_eq!(pod["nodeSelector"], json!({"disk": "ssd"}));
    assert_eq!(pod["tolerations"], json!([{"key": "oven", "operator": "Exists"}]));
    assert_eq!(pod["affinity"], json!({"podAffinity": {}}));
    assert_eq!(pod["priorityClassName"], "urgent");
    assert_eq!(template["metadata"]["labels"]["shelf"], "top");
    assert_eq!(
        pod["securityContext"],
        json!({
            "runAsNonRoot": true,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "fsGroup": 1000,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
            "supplementalGroups": [44],
        })
    );
    assert_eq!(container["env"][0]["name"], "REGISTRY_HTTP_SECRET");
    assert_eq!(container["env"][1], json!({"name": "SPOON", "value": "silver"}));
    assert_eq!(container["env"][2]["valueFrom"], json!({"secretKeyRef": {"name": "staff", "key": "fork"}}));
    let account = json_of(&children.service_account);
    assert_eq!(account["metadata"]["annotations"], json!({"example.com/role": "cook"}));
    assert_eq!(account["automountServiceAccountToken"], false);
    assert_eq!(template["metadata"]["annotations"]["example.com/light"], "on");
}

#[test]
fn a_service_account_of_somebody_else_s_is_used_as_it_is() {
    let (_, children) = built("{serviceAccount: {name: courier}}");
    assert!(children.service_account.is_none());
    let pod = json_of(&children.deployment)["spec"]["template"]["spec"].clone();
    assert_eq!((&pod["serviceAccountName"], &pod["automountServiceAccountToken"]), (&json!("courier"), &json!(false)));
}

#[test]
fn pods_are_spread_by_the_registry_s_own_labels_unless_others_are_given() {
    let (_, children) = built(
        "
        topologySpreadConstraints:
        - {maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule}
        - {maxSkew: 2, topologyKey: rack, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {shelf: top}}}
        ",
    );
    let constraints = json_of(&children.deployment)["spec"]["template"]["spec"]["topologySpreadConstraints"].clone();
    assert_eq!(constraints[0]["labelSelector"]["matchLabels"]["app.kubernetes.io/instance"], "larder");
    assert_eq!(constraints[1]["labelSelector"], json!({"matchLabels": {"shelf": "top"}}));
}

#[test]
fn a_stopped_registry_has_no_pod() {
    let (_, children) = built("{replicas: 0}");
    assert_eq!(json_of(&children.deployment)["spec"]["replicas"], 0);
}

#[test]
fn config_yml_names_what_is_mounted() {
    let (_, children) = built("{}");
    assert_eq!(
        children.config.data.unwrap()["config.yml"],
        "version: \"0.1\"\n\
         log:\n  accesslog:\n    disabled: true\n  formatter: json\n\
         storage:\n  filesystem:\n    rootdirectory: /var/lib/registry\n  delete:\n    enabled: true\n\
         auth:\n  htpasswd:\n    realm: kitchen/larder\n    path: /auth/htpasswd\n\
         access:\n  path: /auth/access.yml\n\
         http:\n  addr: \":5000\"\n  draintimeout: 20s\n  tls:\n    certificate: /certs/tls.crt\n    key: /certs/tls.key\n  \
         debug:\n    addr: \":5001\"\n    prometheus:\n      enabled: true\n\
         health:\n  storagedriver:\n    enabled: true\n"
    );
}

#[test]
fn plain_http_has_no_trace_of_certificates() {
    let (service, children) = built("{tls: {disabled: true}}");
    assert_eq!(json_of(&service)["spec"]["ports"][0]["port"], 80);
    assert_eq!(json_of(&service)["spec"]["ports"][0]["appProtocol"], "http");
    assert!(children.authority.is_none() && children.certificate.is_none());
    assert!(!children.config.data.unwrap()["config.yml"].contains("tls"));
    let pod = json_of(&children.deployment)["spec"]["template"]["spec"].to_string();
    assert!(!pod.contains("/certs") && !pod.contains("larder-tls"), "{pod}");
    assert!(!children.pull.unwrap().data.unwrap().contains_key("ca.crt"));
}

#[test]
fn certificates_are_in_secrets_that_every_tool_knows() {
    let (_, children) = built("{}");
    let [authority, certificate] = [children.authority, children.certificate].map(Option::unwrap);
    assert_eq!(json_of(&authority)["metadata"], metadata("larder-ca", "certificate"));
    assert_eq!(authority.type_.as_deref(), Some("kubernetes.io/tls"));
    assert_eq!(value(&authority, "tls.key"), "authority key");
    assert_eq!(json_of(&certificate)["metadata"], metadata("larder-tls", "certificate"));
    let keys: Vec<_> = certificate.data.as_ref().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["ca.crt", "tls.crt", "tls.key"]);
    assert_eq!(value(&certificate, "tls.crt"), "leaf certificate");
    assert_eq!(value(&certificate, "ca.crt"), "authorities");
}

#[test]
fn users_and_rights_are_two_files_of_one_secret() {
    let registry = validated(
        "
        auth:
          users:
          - {name: cook, access: Push, passwordSecretRef: {name: staff}}
          - {name: butler, access: Admin, passwordSecretRef: {name: staff}}
          - {name: 'yes', passwordSecretRef: {name: staff}}
        ",
    );
    let secret = build(&registry, Some(&material(&registry))).children.unwrap().htpasswd.unwrap();
    assert_eq!(value(&secret, "htpasswd"), "pull:hash-1\npush:hash-2\n");
    let access: Value = serde_saphyr::from_str(&value(&secret, "access.yml")).unwrap();
    assert_eq!(
        access,
        json!({"rules": [
            {"users": ["pull", "yes"], "actions": ["pull"]},
            {"users": ["push", "cook"], "actions": ["pull", "push"]},
            {"users": ["butler"], "actions": ["pull", "push", "delete"]},
        ]})
    );
    let record = secret.metadata.annotations.unwrap()["privateregistry.io/htpasswd-record"].clone();
    let record: Value = serde_json::from_str(&record).unwrap();
    assert_eq!(record[0], json!({"user": "pull", "source": {"uid": "u", "resourceVersion": "7", "key": "pull"}}));
}

#[test]
fn anonymous_pull_is_one_more_rule() {
    let (_, children) = built("{auth: {anonymousPull: true}}");
    let access: Value = serde_saphyr::from_str(&value(&children.htpasswd.unwrap(), "access.yml")).unwrap();
    assert_eq!(
        access,
        json!({"rules": [
            {"users": ["pull"], "actions": ["pull"]},
            {"users": ["push"], "actions": ["pull", "push"]},
            {"anonymous": true, "actions": ["pull"]},
        ]})
    );
}

#[test]
fn where_nobody_is_asked_for_a_password_nothing_is_said_of_users_and_nobody_may_delete() {
    let registry = validated("{auth: {disabled: true}}");
    let material = Material { generated: None, lines: vec![], ..material(&registry) };
    let children = build(&registry, Some(&material)).children.unwrap();
    assert!(children.htpasswd.is_none() && children.credentials.is_none());
    assert!(children.pull.is_none() && children.push.is_none());
    let config = children.config.data.unwrap()["config.yml"].clone();
    assert!(!config.contains("auth:") && !config.contains("access:"), "{config}");
    assert!(config.contains("delete:\n    enabled: false"), "{config}");
    let pod = json_of(&children.deployment)["spec"]["template"]["spec"].to_string();
    assert!(!pod.contains("/auth") && !pod.contains("htpasswd"), "{pod}");
}

#[test]
fn clients_are_told_the_published_password_under_every_host() {
    let (_, children) = built("{service: {port: 5443}}");
    let pull = children.pull.unwrap();
    assert_eq!(json_of(&pull)["metadata"], metadata("larder-pull", "credentials"));
    assert_eq!(pull.type_.as_deref(), Some("kubernetes.io/dockerconfigjson"));
    let entry = json!({"username": "pull", "password": "told-pull", "auth": "cHVsbDp0b2xkLXB1bGw="});
    let config: Value = serde_json::from_str(&value(&pull, ".dockerconfigjson")).unwrap();
    assert_eq!(
        config,
        json!({"auths": {
            "larder.kitchen.svc.house.example:5443": entry,
            "larder.kitchen.svc:5443": entry,
            "larder.kitchen:5443": entry,
        }})
    );
    let told = ["registry", "username", "password", "ca.crt"].map(|key| value(&pull, key));
    assert_eq!(told, ["larder.kitchen.svc.house.example:5443", "pull", "told-pull", "authorities"]);
    assert_eq!(value(&children.push.unwrap(), "password"), "told-push");
    assert_eq!(
        value(&children.credentials.unwrap(), "push"),
        "new-push",
        "what is stored may be ahead of what is told"
    );
}

#[test]
fn the_server_asks_the_api_server_for_nothing() {
    let (_, children) = built("{}");
    assert_eq!(
        json_of(&children.service_account),
        json!({
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": metadata("larder", "registry"),
            "automountServiceAccountToken": false,
        })
    );
}
