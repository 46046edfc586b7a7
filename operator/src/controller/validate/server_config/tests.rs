use k8s_openapi::api::core::v1::ConfigMap;

use super::*;
use crate::controller::{
    build::build,
    registry::Registry,
    tests::fixtures::{material, observed, try_validated, validated},
};

/// config.yml as it is written for this spec.
fn file(registry: &Registry) -> String {
    config_map(registry).data.unwrap()["config.yml"].clone()
}

fn config_map(registry: &Registry) -> ConfigMap {
    build(registry, Some(&material(registry))).children.unwrap().config
}

/// What a new registry is told about this spec.
fn refused(spec: &str) -> String {
    try_validated(spec, &observed()).unwrap_err().to_string()
}

#[test]
fn keys_of_the_server_are_added_to_the_operator_s() {
    let registry = validated(
        "
        config:
          log: {level: warn, fields: {team: kitchen}}
          http: {relativeurls: true, headers: {X-Frame-Options: [deny]}}
          validation: {manifests: {urls: {deny: ['^http://']}}}
          health: {storagedriver: {threshold: 3}}
        ",
    );
    assert!(registry.problems.is_empty());
    let written: Value = serde_saphyr::from_str(&file(&registry)).unwrap();
    assert_eq!(
        written["log"],
        serde_json::json!({
            "accesslog": {"disabled": true}, "formatter": "json", "level": "warn", "fields": {"team": "kitchen"},
        })
    );
    assert_eq!(written["health"]["storagedriver"], serde_json::json!({"enabled": true, "threshold": 3}));
    assert_eq!(written["validation"]["manifests"]["urls"]["deny"][0], "^http://");
    assert_eq!((&written["http"]["relativeurls"], &written["http"]["addr"]), (&true.into(), &":5000".into()));
    assert_eq!(written["http"]["headers"], serde_json::json!({"X-Frame-Options": ["deny"]}));
}

#[test]
fn nothing_is_added_where_nothing_is_asked_for() {
    assert_eq!(file(&validated("{config: {}}")), file(&validated("{}")));
}

#[test]
fn a_key_that_the_server_would_not_start_with_or_not_act_upon_is_named() {
    for (config, says) in [
        ("{log: {level: loud}}", "spec.config: log.level is loud, it has to be"),
        ("{http: {relativeurls: perhaps}}", "http.relativeurls is perhaps, it has to be true or false"),
        ("{catalog: {maxentries: many}}", "catalog.maxentries is many, it has to be a whole number"),
        (
            "{health: {tcp: [{addr: 'a:1', interval: 1d}]}}",
            "health.tcp[0].interval is 1d, it has to be a length of time",
        ),
        ("{http: {prefix: hub}}", "http.prefix is hub, it has to begin and end with /"),
        ("{http: {host: hub.example}}", "http.host is hub.example, it has to be a URL like https://hub.example"),
        ("{http: {headers: {'X Y': [z]}}}", "http.headers has X Y: z, which is no HTTP header"),
        ("{health: {tcp: [{addr: cache}]}}", "health.tcp[0].addr is cache, it has to be host:port"),
        ("{health: {file: [{interval: 1s}]}}", "health.file[0].file is missing"),
        ("{health: {http: [{uri: 'ftp://a'}]}}", "health.http[0].uri is \"ftp://a\", it has to be a URL"),
        (
            "{validation: {manifests: {urls: {allow: ['(']}}}}",
            "validation.manifests.urls: \"(\" is no regular expression: unclosed group",
        ),
        ("{validation: {manifests: {indexes: {platforms: list}}}}", "platforms is list, but platformlist is empty"),
        ("{proxy: {remoteurl: 'https://a'}}", "proxy is not supported"),
        ("{notifications: {endpoints: [{name: a}]}}", "notifications is not supported and ignored: no events are sent"),
        ("{catalogue: {}}", "catalogue is unknown"),
        ("{log: {Level: debug}}", "log.Level is unknown and ignored (did you mean level?)"),
        ("{log: [a]}", "log is a list, it has to be a mapping"),
        ("{storage: {filesystem: {}}}", "storage: where images are kept is said by spec.storage"),
        ("{auth: none}", "auth: who may log in is said by spec.auth"),
        ("{http: {addr: ':80'}}", "http.addr is the operator's own"),
    ] {
        let answer = refused(&format!("{{config: {config}}}"));
        assert!(answer.contains(says), "{config}: {answer:?} does not say {says:?}");
    }
    let many = refused("{config: {a: 1, b: 1, c: 1, d: 1, e: 1, f: 1, g: 1}}");
    assert!(many.ends_with("e is unknown and ignored; and 2 more"), "{many}");
}

#[test]
fn a_variable_that_the_server_would_not_start_with_is_named() {
    let variable = |name: &str, value: &str| format!("{{env: [{{name: {name}, value: '{value}'}}]}}");
    assert!(refused(&variable("REGISTRY_LOG_LEVEL", "loud")).contains("REGISTRY_LOG_LEVEL"));
    assert!(refused(&variable("REGISTRY_HTTP_PREFIX", "hub")).contains("http.prefix is hub"));
    assert!(refused(&variable("REGISTRY_LOG_LEVLE", "debug")).contains("is no configuration key and ignored"));
    assert!(validated(&variable("REGISTRY_LOG_LEVEL", "debug")).problems.is_empty());
    assert!(validated(&variable("HTTPS_PROXY", "http://proxy.example")).problems.is_empty());
    let of_a_secret = "{env: [{name: REGISTRY_LOG_LEVEL, valueFrom: {secretKeyRef: {name: a, key: b}}}]}";
    assert!(validated(of_a_secret).problems.is_empty(), "what it is nobody here knows");
}

#[test]
fn a_mistake_leaves_what_is_in_force_and_says_so() {
    let before = validated("{config: {log: {level: debug}, http: {relativeurls: true}}}");
    let running = Observed { config: Some(config_map(&before)), ..observed() };
    let after = try_validated("{config: {log: {level: loud}}}", &running).unwrap();
    assert_eq!(file(&after), file(&before), "no Pod is rolled");
    let [problem] = after.problems.as_slice() else { panic!("{:?}", after.problems) };
    assert_eq!((problem.about, problem.reason, problem.may_pass), (About::Configuration, "InvalidConfig", false));
    assert!(problem.message.starts_with("spec.config: log.level is loud"), "{}", problem.message);

    // What other fields say is done all the same.
    let open = try_validated("{config: {log: {level: loud}}, auth: {disabled: true}}", &running).unwrap();
    assert!(!file(&open).contains("htpasswd") && file(&open).contains("level: debug"), "{}", file(&open));
}
