//! config.yml, and what plain HTTP leaves out of it and of everything else.

use super::{built, json_of};

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
