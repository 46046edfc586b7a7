//! The rules of the CRD, evaluated here as the API server evaluates them, and the sentences that people read.

mod descriptions;

use std::sync::LazyLock;

use kube::core::cel::Validator;
use serde_json::{Value, json};

use super::*;

/// The schema that is installed.
static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let crd = serde_json::to_value(crd()).unwrap();
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
});

fn resource(name: &str, spec: &str) -> Value {
    let spec: Value = serde_saphyr::from_str(spec).unwrap();
    json!({
        "apiVersion": "privateregistry.io/v1alpha1",
        "kind": "PrivateRegistry",
        "metadata": {"name": name, "namespace": "kitchen"},
        "spec": spec,
    })
}

/// What the API server says to a resource, or to its change.
fn answer(new: &Value, old: Option<&Value>) -> String {
    Validator::new().validate(&SCHEMA, new, old).map_or_else(|errors| errors.to_string(), |()| String::new())
}

/// What the API server says to a new resource.
fn refused(spec: &str) -> String {
    answer(&resource("larder", spec), None)
}

/// What the API server says to a change.
fn change_refused(from: &str, to: &str) -> String {
    answer(&resource("larder", to), Some(&resource("larder", from)))
}

#[track_caller]
fn says(answer: &str, wanted: &str) {
    assert!(answer.contains(wanted), "{answer:?} does not say {wanted:?}");
}

#[test]
fn what_people_write_is_accepted() {
    for spec in [
        "{}",
        "{image: 'registry.example.com:5000/team/server@sha256:abc'}",
        "{storage: {persistentVolumeClaim: {size: 50Gi, storageClassName: slate, accessModes: [ReadWriteMany]}}}",
        "{storage: {persistentVolumeClaim: {existingClaim: attic}, deletionPolicy: Delete}}",
        "{storage: {emptyDir: {sizeLimit: 500M}}}",
        "{tls: {selfSigned: {duration: 1h, renewBefore: 59m, algorithm: RSA}}}",
        "{tls: {selfSigned: {dnsNames: [registry.example.com, '*.example.com'], ipAddresses: [192.0.2.1, '2001:db8::1']}}}",
        "{tls: {secretRef: {name: badge}}}",
        "{tls: {certManager: {issuerRef: {name: notary}}}}",
        "{tls: {certManager: {issuerRef: {name: notary, kind: ClusterIssuer, group: pki.example.com}, algorithm: RSA,
            serviceNames: false, dnsNames: [registry.example.com], duration: 12h, renewBefore: 5m}}}",
        "{tls: {disabled: true}}",
        "{tls: {selfSigned: {}, disabled: false}}",
        "{auth: {users: [{name: 'robot$ci', passwordSecretRef: {name: staff}, access: Admin}]}}",
        "{service: {type: NodePort, nodePort: 30443, port: 5443}}",
        "{service: {type: LoadBalancer, loadBalancerClass: example.com/inner, ipFamilyPolicy: PreferDualStack}}",
        "{ingress: {host: registry.example.com, className: slate, annotations: {a.example/b: c}, tlsSecretName: badge}}",
        "{httpRoute: {hostnames: [registry.example.com], parentRefs: [{name: gate, namespace: hall, sectionName: https}]}}",
        "{networkPolicy: {}, podDisruptionBudget: {}}",
        "{monitoring: {serviceMonitor: {interval: 30s, labels: {release: lens}}, prometheusRule: {}}}",
        "{networkPolicy: {allowedPeers: [{namespaceSelector: {}, podSelector: {}}, {ipBlock: {cidr: 10.0.0.0/8}}]}}",
        "{pullSecrets: {namespaceSelector: {}, serviceAccounts: [default, builder.v2]}}",
        "{pullSecrets: {namespaceSelector: {matchLabels: {team: blue}, matchExpressions: [{key: floor, operator: NotIn, \
         values: ['1']}, {key: lit, operator: Exists}]}}}",
        "{podLabels: {team: kitchen}, podAnnotations: {example.com/a: b}}",
        "{replicas: 0}",
        "{config: {log: {level: debug}, http: {headers: {X-Frame-Options: [deny]}}, anything: [1, a]}}",
        "{auth: {htpasswdSecretRef: {name: guests}, anonymousPull: true}}",
        "{auth: {disabled: true, anonymousPull: false}}",
        "{auth: {anonymousPull: true, users: [{name: cook, passwordSecretRef: {name: staff}}]}}",
        "{topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway}]}",
        "{podSecurityContext: {fsGroup: 1000, supplementalGroups: [44]}}",
        "{podSecurityContext: {runAsUser: 0, runAsNonRoot: false}}",
        "{env: [{name: HTTPS_PROXY, value: 'http://proxy.example:3128'}, {name: EMPTY}]}",
        "{env: [{name: REGISTRY_LOG_LEVEL, value: debug}, {name: REGISTRY_HTTP_HOST, value: 'https://hub.example'}]}",
        "{env: [{name: TOKEN, valueFrom: {secretKeyRef: {name: staff, key: token}}}]}",
        "{serviceAccount: {name: courier}}",
        "{serviceAccount: {annotations: {eks.amazonaws.com/role-arn: 'arn:aws:iam::1:role/larder'}}}",
    ] {
        assert_eq!(refused(spec), "", "{spec}");
    }
}

#[test]
fn a_name_has_to_make_a_service() {
    for name in ["Larder", "1-larder", "larder-", "a.b", &"x".repeat(51)] {
        says(&answer(&resource(name, "{}"), None), "use at most 50 lower case letters, digits and '-'");
    }
    assert_eq!(answer(&resource(&"x".repeat(50), "{}"), None), "");
}

#[test]
fn one_kind_of_storage_and_one_kind_of_tls() {
    says(&refused("{storage: {emptyDir: {}, persistentVolumeClaim: {}}}"), "one of persistentVolumeClaim and emptyDir");
    for two in [
        "{selfSigned: {}, secretRef: {name: x}}",
        "{secretRef: {name: x}, disabled: true}",
        "{certManager: {issuerRef: {name: x}}, secretRef: {name: x}}",
        "{certManager: {issuerRef: {name: x}}, disabled: true}",
    ] {
        let answer = refused(&format!("{{tls: {two}}}"));
        says(&answer, "one of selfSigned, secretRef, certManager and disabled: true");
    }
    says(&refused("{storage: {persistentVolumeClaim: {existingClaim: x, size: 1Gi}}}"), "existingClaim stands alone");
}

#[test]
fn a_reference_names_an_object_of_the_same_namespace() {
    for name in ["../../hall/secrets/safe", "hall/safe", "safe?watch=1", "safe#x", "%2e%2e", "..", "Safe", "a b", "-a"]
    {
        let user = format!("{{auth: {{users: [{{name: cook, passwordSecretRef: {{name: '{name}'}}}}]}}}}");
        says(&refused(&user), "passwordSecretRef.name must be the name of a Secret in the same namespace");
        let file = format!("{{auth: {{htpasswdSecretRef: {{name: '{name}'}}}}}}");
        says(&refused(&file), "htpasswdSecretRef.name must be the name of a Secret in the same namespace");
        let certificate = format!("{{tls: {{secretRef: {{name: '{name}'}}}}}}");
        says(&refused(&certificate), "secretRef.name must be the name of a Secret in the same namespace");
        let claim = format!("{{storage: {{persistentVolumeClaim: {{existingClaim: '{name}'}}}}}}");
        says(&refused(&claim), "existingClaim must be the name of a PersistentVolumeClaim in the same namespace");
    }
}

#[test]
fn pull_secrets_go_where_names_and_selectors_can_point() {
    for name in ["../../hall/serviceaccounts/butler", "hall/butler", "Butler", "a b"] {
        let spec = format!("{{pullSecrets: {{serviceAccounts: ['{name}']}}}}");
        says(&refused(&spec), "pullSecrets.serviceAccounts must be names of service accounts");
    }
    for requirement in ["operator: In", "operator: NotIn, values: []", "operator: Exists, values: [x]"] {
        let spec = format!("{{pullSecrets: {{namespaceSelector: {{matchExpressions: [{{key: k, {requirement}}}]}}}}}}");
        says(&refused(&spec), "In and NotIn need values, Exists and DoesNotExist take none");
    }
}

#[test]
fn what_is_stored_cannot_be_lost_by_an_edit() {
    let sized = |size: &str| format!("{{storage: {{persistentVolumeClaim: {{size: {size}}}}}}}");
    assert_eq!(change_refused(&sized("1Gi"), &sized("2Gi")), "");
    assert_eq!(change_refused(&sized("1024Mi"), &sized("1Gi")), "");
    assert_eq!(change_refused("{}", &sized("10Gi")), "");
    says(&change_refused(&sized("2Gi"), &sized("1Gi")), "size cannot shrink");
    says(&change_refused(&sized("20Gi"), "{}"), "size cannot shrink (left out, it is 10Gi)");
    let taken_back = |size: &str| {
        let [mut old, mut new] = ["20Gi", size].map(|size| resource("larder", &sized(size)));
        for object in [&mut old, &mut new] {
            object["status"] = json!({"storage": {"capacity": "10Gi"}});
        }
        answer(&new, Some(&old))
    };
    assert_eq!((taken_back("10Gi"), taken_back("15Gi")), (String::new(), String::new()), "it has not grown yet");
    says(&taken_back("9Gi"), "size cannot shrink");
    says(
        &change_refused("{}", "{storage: {emptyDir: {}}}"),
        "cannot change between persistentVolumeClaim and emptyDir",
    );
    says(
        &change_refused("{storage: {emptyDir: {}}}", "{}"),
        "cannot change between persistentVolumeClaim and emptyDir",
    );
    says(
        &change_refused("{}", "{storage: {persistentVolumeClaim: {storageClassName: slate}}}"),
        "storageClassName cannot change",
    );
    says(
        &change_refused("{}", "{storage: {persistentVolumeClaim: {accessModes: [ReadWriteMany]}}}"),
        "accessModes cannot",
    );
    assert_eq!(change_refused("{}", "{storage: {persistentVolumeClaim: {accessModes: [ReadWriteOnce]}}}"), "");
    says(
        &change_refused("{}", "{storage: {persistentVolumeClaim: {existingClaim: attic}}}"),
        "existingClaim cannot change",
    );
    assert_eq!(change_refused("{}", "{storage: {deletionPolicy: Delete}, tls: {disabled: true}}"), "");
}

#[test]
fn sizes_are_quantities() {
    for size in ["ten", "0", "-1Gi", "10 Gi"] {
        let answer = refused(&format!("{{storage: {{persistentVolumeClaim: {{size: '{size}'}}}}}}"));
        says(&answer, "size must be a positive quantity such as 10Gi");
        let answer = refused(&format!("{{storage: {{emptyDir: {{sizeLimit: '{size}'}}}}}}"));
        says(&answer, "sizeLimit must be a positive quantity such as 5Gi");
    }
}

#[test]
fn a_certificate_cannot_be_due_when_it_is_issued() {
    let spec = |duration: &str, before: &str| {
        refused(&format!("{{tls: {{selfSigned: {{duration: '{duration}', renewBefore: '{before}'}}}}}}"))
    };
    assert_eq!(spec("1825d", "90d"), "");
    assert_eq!(spec("24h", "1439m"), "");
    says(&spec("24h", "1d"), "renewBefore (left out: 30d) must be shorter than duration");
    says(&refused("{tls: {selfSigned: {duration: 30d}}}"), "must be shorter than duration");
    says(&refused("{tls: {selfSigned: {renewBefore: 90d}}}"), "must be shorter than duration");
    for duration in ["90", "1w", "P90D", "0d", "1.5h"] {
        says(&spec(duration, "30m"), "duration must be a whole number of days, hours or minutes");
    }
    for duration in ["1826d", "43801h", "59m"] {
        says(&spec(duration, "30m"), "between 1h and 1825d");
    }
    says(&spec("90d", "a week"), "renewBefore must be a whole number");
}

#[test]
fn what_cert_manager_could_not_issue_is_refused_with_the_rules_of_other_certificates() {
    let spec = |rest: &str| refused(&format!("{{tls: {{certManager: {{issuerRef: {{name: notary}}, {rest}}}}}}}"));
    says(&spec("duration: 20d"), "renewBefore (left out: 30d) must be shorter than duration");
    says(&spec("duration: 1h, renewBefore: 4m"), "renewBefore must be at least 5m");
    says(&spec("dnsNames: [Example.com]"), "dnsNames must be lower case host names");
    says(&spec("serviceNames: false"), "give dnsNames or ipAddresses");
    assert_eq!(spec("serviceNames: false, ipAddresses: [192.0.2.7]"), "");
}

#[test]
fn names_in_certificates_are_names_and_addresses_are_addresses() {
    for name in ["https://example.com", "Example.com", "a b", "*", "10.0.0.0/8", "-a.example"] {
        let answer = refused(&format!("{{tls: {{selfSigned: {{dnsNames: ['{name}']}}}}}}"));
        says(&answer, "dnsNames must be lower case host names");
    }
    for address in ["example.com", "10.0.0", "10.0.0.0/8"] {
        let answer = refused(&format!("{{tls: {{selfSigned: {{ipAddresses: ['{address}']}}}}}}"));
        says(&answer, "ipAddresses must be IPv4 or IPv6 addresses");
    }
}

#[test]
fn a_user_can_be_written_into_an_htpasswd_file() {
    let user =
        |name: &str| refused(&format!("{{auth: {{users: [{{name: '{name}', passwordSecretRef: {{name: s}}}}]}}}}"));
    for name in ["a:b", "a b", "#a", "-a", "ä"] {
        says(&user(name), "a user's name consists of letters");
    }
    for name in ["pull", "push"] {
        says(&user(name), "the names pull and push belong to the generated users");
    }
    assert_eq!(user("pusher"), "");
}

#[test]
fn the_server_s_configuration_does_not_change_what_other_fields_say() {
    for (config, wanted) in [
        ("auth: {none: {}}", "config.auth: who may log in is said by spec.auth"),
        ("access: {path: /x}", "config.access: who may do what is said by spec.auth"),
        ("storage: {inmemory: {}}", "config.storage: where images are kept is said by spec.storage"),
        ("http: {addr: ':80'}", "config.http: addr, net, tls, secret, debug, draintimeout are the operator's own"),
        ("http: {tls: {key: /k}}", "certificates are said by spec.tls"),
    ] {
        says(&refused(&format!("{{config: {{{config}}}}}")), wanted);
    }
}

#[test]
fn one_way_of_saying_who_may_do_what() {
    let cook = "users: [{name: cook, passwordSecretRef: {name: staff}}]";
    let both = refused(&format!("{{auth: {{htpasswdSecretRef: {{name: guests}}, {cook}}}}}"));
    says(&both, "auth.htpasswdSecretRef is in place of all other users: leave auth.users out");
    for other in [cook, "htpasswdSecretRef: {name: guests}", "anonymousPull: true"] {
        says(&refused(&format!("{{auth: {{disabled: true, {other}}}}}")), "auth.disabled stands alone");
    }
}

#[test]
fn labels_ports_and_annotations_of_ours_stay_ours() {
    says(&refused("{podLabels: {app.kubernetes.io/name: x}}"), "podLabels must not start with app.kubernetes.io/");
    says(
        &refused("{podAnnotations: {privateregistry.io/x: z}}"),
        "podAnnotations must not start with privateregistry.io/",
    );
    says(&refused("{service: {annotations: {privateregistry.io/x: z}}}"), "service.annotations must not start with");
    says(&refused("{service: {nodePort: 30443}}"), "nodePort needs service.type NodePort or LoadBalancer");
    says(&refused("{image: 'two words'}"), "image must be an image reference");
    says(
        &refused("{serviceAccount: {annotations: {privateregistry.io/x: z}}}"),
        "serviceAccount.annotations must not start with",
    );
}

#[test]
fn two_servers_never_write_one_volume() {
    for replicas in [-1, 2] {
        says(&refused(&format!("{{replicas: {replicas}}}")), "replicas must be 1, or 0 for a registry that is stopped");
    }
}

#[test]
fn variables_do_not_change_what_the_operator_decides() {
    let variable = |name: &str| refused(&format!("{{env: [{{name: '{name}', value: x}}]}}"));
    for name in [
        "REGISTRY_CONFIGURATION_PATH",
        "REGISTRY_HTTP_SECRET",
        "REGISTRY_HTTP_ADDR",
        "REGISTRY_HTTP",
        "REGISTRY_HTTP_TLS_CERTIFICATE",
        "REGISTRY_HTTP_DEBUG_PROMETHEUS_ENABLED",
        "REGISTRY_HTTP_DRAINTIMEOUT",
        "REGISTRY_AUTH",
        "REGISTRY_AUTH_HTPASSWD_PATH",
        "REGISTRY_ACCESS_PATH",
        "REGISTRY_STORAGE",
        "REGISTRY_STORAGE_DELETE_ENABLED",
        "REGISTRY_storage_filesystem_rootdirectory",
    ] {
        says(&variable(name), "this variable belongs to the operator");
    }
    for name in ["1ST", "a=b", "with space", "ä"] {
        says(&variable(name), "the name of an environment variable consists of letters, digits and _ - .");
    }
    assert_eq!(variable("REGISTRY_AUTHOR"), "");
    says(
        &refused("{env: [{name: A, value: x, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]}"),
        "env takes one of value and valueFrom",
    );
}

#[test]
fn root_and_windows_are_spelled_out_or_refused() {
    let context = |fields: &str| refused(&format!("{{podSecurityContext: {{{fields}}}}}"));
    says(&context("runAsUser: 0"), "runAsUser 0 is root: write runAsNonRoot: false beside it");
    says(&context("runAsUser: 0, runAsNonRoot: true"), "runAsUser 0 is root");
    says(&context("windowsOptions: {hostProcess: true}"), "the server runs on Linux alone");
}

#[test]
fn a_service_account_is_annotated_by_whoever_has_made_it() {
    let both = "{serviceAccount: {name: courier, annotations: {example.com/a: b}}}";
    says(&refused(both), "serviceAccount takes one of name and annotations");
}

#[test]
fn a_load_balancer_keeps_its_class() {
    let balanced = |class: &str| format!("{{service: {{type: LoadBalancer, loadBalancerClass: '{class}'}}}}");
    says(&refused("{service: {loadBalancerClass: inner}}"), "loadBalancerClass needs service.type LoadBalancer");
    says(&refused(&balanced("two words")), "loadBalancerClass must be a name such as internal-vip");
    for (from, to) in [
        (balanced("inner"), balanced("outer")),
        (balanced("inner"), "{service: {type: LoadBalancer}}".to_owned()),
        ("{service: {type: LoadBalancer}}".to_owned(), balanced("inner")),
    ] {
        says(&change_refused(&from, &to), "loadBalancerClass cannot change while service.type is LoadBalancer");
        assert_eq!(change_refused(&from, "{}"), "");
        assert_eq!(change_refused("{}", &to), "");
        assert_eq!(change_refused(&to, &to), "");
    }
}

#[test]
fn a_host_of_an_ingress_is_one_that_images_can_be_named_by() {
    for host in
        ["localhost", "Registry.example.com", "https://registry.example.com", "registry.example.com:5000", "*.b.c"]
    {
        says(
            &refused(&format!("{{ingress: {{host: '{host}'}}}}")),
            "ingress.host must be a lower case host name with a dot",
        );
    }
    let route = |host: &str| {
        refused(&format!("{{httpRoute: {{hostnames: [a.example, '{host}'], parentRefs: [{{name: gate}}]}}}}"))
    };
    says(&route("localhost"), "httpRoute.hostnames must be lower case host names with a dot");
    says(&route("*.example.com"), "httpRoute.hostnames must be lower case host names with a dot");
    let reserved = "{ingress: {host: registry.example.com, annotations: {privateregistry.io/x: z}}}";
    says(&refused(reserved), "ingress.annotations must not start with privateregistry.io/");
}

#[test]
fn alerts_need_what_they_are_about() {
    says(&refused("{monitoring: {prometheusRule: {}}}"), "monitoring.prometheusRule needs monitoring.serviceMonitor");
    let interval = refused("{monitoring: {serviceMonitor: {interval: often}}}");
    says(&interval, "serviceMonitor.interval must be a whole number of seconds or minutes");
    for kind in ["serviceMonitor", "prometheusRule"] {
        let labels =
            format!("{{monitoring: {{serviceMonitor: {{}}, {kind}: {{labels: {{app.kubernetes.io/name: x}}}}}}}}");
        let labels = labels.replace("serviceMonitor: {}, serviceMonitor", "serviceMonitor");
        says(&refused(&labels), &format!("{kind}.labels must not start with app.kubernetes.io/"));
    }
}

#[test]
fn a_peer_is_somebody() {
    for peer in ["{}", "{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}"] {
        let wanted = "a peer needs podSelector, namespaceSelector, or ipBlock alone";
        says(&refused(&format!("{{networkPolicy: {{allowedPeers: [{peer}]}}}}")), wanted);
        says(&refused(&format!("{{networkPolicy: {{metricsPeers: [{peer}]}}}}")), wanted);
    }
}

#[test]
fn it_is_small_enough_for_client_side_apply() {
    // kubectl keeps the whole object in an annotation, and those may have 262144 bytes.
    assert!(serde_json::to_string(&crd()).unwrap().len() < 200_000);
}

/// Every resource that the README shows: fields that exist, values that the rules accept.
#[test]
fn examples_of_the_readme_are_accepted() {
    let readme = include_str!("../../../README.md");
    let blocks = readme.split("```yaml\n").skip(1).filter_map(|block| block.split("```").next());
    let registries: Vec<Value> = blocks
        .map(|block| serde_saphyr::from_str::<Value>(block).unwrap())
        .filter(|object| object["kind"] == "PrivateRegistry")
        .collect();
    assert!(registries.len() >= 5);
    for written in registries {
        let resource: PrivateRegistry = serde_json::from_value(written.clone()).unwrap();
        assert_eq!(answer(&written, None), "");
        let understood = serde_json::to_value(&resource).unwrap();
        assert_contains(&understood, &written, "");
    }
}

#[track_caller]
fn assert_contains(whole: &Value, part: &Value, path: &str) {
    match part {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            assert_contains(&whole[name], value, &format!("{path}.{name}"));
        }),
        Value::Array(items) => items.iter().enumerate().for_each(|(index, value)| {
            assert_contains(&whole[index], value, &format!("{path}[{index}]"));
        }),
        value => assert_eq!(whole, value, "{path} is not a field, or has another meaning"),
    }
}
