use proptest::prelude::*;
use serde_json::json;

use super::*;

fn applied(document: Value, variables: &[(&str, &str)]) -> (Value, Report) {
    let (mut document, mut report) = (document, Report::default());
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    apply(&mut document, variables, &mut report);
    (document, report)
}

fn result(document: Value, variables: &[(&str, &str)]) -> Value {
    let (document, report) = applied(document, variables);
    assert!(report.errors.is_empty() && report.warnings.is_empty(), "{report:?}");
    document
}

#[test]
fn a_key_is_set_and_its_sections_are_made() {
    assert_eq!(
        result(json!({}), &[("REGISTRY_HTTP_TLS_CERTIFICATE", "/certs/domain.crt")]),
        json!({"http": {"tls": {"certificate": "/certs/domain.crt"}}})
    );
}

#[test]
fn values_are_yaml() {
    let variables = [
        ("REGISTRY_STORAGE_MAINTENANCE_READONLY", "{enabled: true}"),
        ("REGISTRY_HTTP_SECRET", "00123"),
        ("REGISTRY_CATALOG_MAXENTRIES", "7"),
    ];
    assert_eq!(
        result(json!({}), &variables),
        json!({
            "catalog": {"maxentries": 7},
            "http": {"secret": "00123"},
            "storage": {"maintenance": {"readonly": {"enabled": true}}},
        })
    );
}

#[test]
fn a_driver_given_by_name_replaces_the_section_before_others_add_to_it() {
    let document = json!({"storage": {"filesystem": {"rootdirectory": "/a"}, "delete": {"enabled": false}}});
    let variables = [("REGISTRY_STORAGE_DELETE_ENABLED", "true"), ("REGISTRY_STORAGE", "inmemory")];
    assert_eq!(result(document, &variables), json!({"storage": {"inmemory": {}, "delete": {"enabled": true}}}));
}

#[test]
fn the_tutorials_htpasswd_variables_work() {
    let variables = [
        ("REGISTRY_AUTH", "htpasswd"),
        ("REGISTRY_AUTH_HTPASSWD_REALM", "Registry Realm"),
        ("REGISTRY_AUTH_HTPASSWD_PATH", "/auth/htpasswd"),
    ];
    assert_eq!(
        result(json!({}), &variables),
        json!({"auth": {"htpasswd": {"realm": "Registry Realm", "path": "/auth/htpasswd"}}})
    );
}

#[test]
fn map_keys_are_matched_without_case_and_new_ones_are_lower_case() {
    let document = json!({"http": {"headers": {"X-Frame-Options": ["deny"]}}});
    let variables = [
        ("REGISTRY_HTTP_HEADERS_ACCESS-CONTROL-ALLOW-ORIGIN", "['*']"),
        ("REGISTRY_HTTP_HEADERS_X-FRAME-OPTIONS", "[sameorigin]"),
    ];
    assert_eq!(
        result(document, &variables),
        json!({"http": {"headers": {"X-Frame-Options": ["sameorigin"], "access-control-allow-origin": ["*"]}}})
    );
}

#[test]
fn lists_are_set_by_index_without_gaps() {
    let variables = [("REGISTRY_HTTP_TLS_CLIENTCAS_0", "/a"), ("REGISTRY_HTTP_TLS_CLIENTCAS_1", "/b")];
    assert_eq!(result(json!({}), &variables), json!({"http": {"tls": {"clientcas": ["/a", "/b"]}}}));

    let (_, report) = applied(json!({}), &[("REGISTRY_HTTP_TLS_CLIENTCAS_1", "/b")]);
    assert_eq!(
        report.errors,
        ["environment variable REGISTRY_HTTP_TLS_CLIENTCAS_1 sets entry 1 of a list that has no entry 0"]
    );
}

#[test]
fn go_names_differ_from_keys_in_places() {
    let variables = [
        ("REGISTRY_COMPATIBILITY_SCHEMA1_TRUSTKEY", "/key"),
        ("REGISTRY_HEALTH_FILECHECKERS_0_FILE", "/down"),
        ("REGISTRY_HEALTH_HTTPCHECKERS_0_STATUSCODE", "204"),
        ("REGISTRY_HEALTH_TCPCHECKERS_0_ADDR", "cache:6379"),
        ("REGISTRY_LOG_HOOKS_0_MAILOPTIONS_SMTP_ADDR", "mail:25"),
        ("REGISTRY_NOTIFICATIONS_EVENTCONFIG_INCLUDEREFERENCES", "true"),
    ];
    assert_eq!(
        result(json!({}), &variables),
        json!({
            "compatibility": {"schema1": {"signingkeyfile": "/key"}},
            "health": {
                "file": [{"file": "/down"}],
                "http": [{"statuscode": 204}],
                "tcp": [{"addr": "cache:6379"}],
            },
            "log": {"hooks": [{"options": {"smtp": {"addr": "mail:25"}}}]},
            "notifications": {"events": {"includereferences": true}},
        })
    );
}

#[test]
fn the_keys_of_a_file_are_not_those_of_variables() {
    for name in ["REGISTRY_HEALTH_FILE_0_FILE", "REGISTRY_NOTIFICATIONS_EVENTS_INCLUDEREFERENCES"] {
        let (document, report) = applied(json!({}), &[(name, "true")]);
        assert_eq!(document, json!({}));
        assert_eq!(report.warnings, [format!("environment variable {name} is no configuration key and ignored")]);
    }
}

#[test]
fn the_case_of_parts_does_not_matter() {
    assert_eq!(result(json!({}), &[("REGISTRY_http_RelativeURLs", "true")]), json!({"http": {"relativeurls": true}}));
}

#[test]
fn redis_has_the_keys_of_both_versions() {
    let variables = [
        ("REGISTRY_REDIS_ADDR", "cache:6379"),
        ("REGISTRY_REDIS_ADDRS", "[a:6379, b:6379]"),
        ("REGISTRY_REDIS_POOLSIZE", "7"),
        ("REGISTRY_REDIS_POOL_MAXIDLE", "16"),
        ("REGISTRY_REDIS_TLS_ROOTCAS_0", "/ca.pem"),
    ];
    assert_eq!(
        result(json!({}), &variables),
        json!({"redis": {
            "addr": "cache:6379",
            "addrs": ["a:6379", "b:6379"],
            "poolsize": 7,
            "pool": {"maxidle": 16},
            "tls": {"rootcas": ["/ca.pem"]},
        }})
    );
}

#[test]
fn options_below_a_section_of_the_file_are_reached() {
    let document = json!({"storage": {"maintenance": {"uploadpurging": {"enabled": true, "age": "1h"}}}});
    assert_eq!(
        result(document, &[("REGISTRY_STORAGE_MAINTENANCE_UPLOADPURGING_ENABLED", "false")]),
        json!({"storage": {"maintenance": {"uploadpurging": {"enabled": false, "age": "1h"}}}})
    );
}

#[test]
fn an_empty_value_empties_the_key() {
    let document = json!({"http": {"host": "https://a", "headers": {"X-A": ["b"]}}, "auth": {"htpasswd": {}}});
    let variables = [("REGISTRY_AUTH", ""), ("REGISTRY_HTTP_HEADERS", ""), ("REGISTRY_HTTP_HOST", "")];
    assert_eq!(result(document, &variables), json!({"http": {"host": "", "headers": {}}, "auth": {}}));
}

#[test]
fn an_unknown_driver_is_not_lost() {
    assert_eq!(
        result(json!({"storage": {"filesystem": {}}}), &[("REGISTRY_STORAGE_CEPH_POOL", "images")]),
        json!({"storage": {"filesystem": {}, "ceph": null}})
    );
}

#[test]
fn the_version_of_an_image_is_not_that_of_the_format() {
    let (document, report) = applied(json!({"version": "0.1"}), &[("REGISTRY_VERSION", "2.8.3")]);
    assert_eq!(document, json!({"version": "0.1"}));
    assert_eq!(
        report.warnings,
        ["environment variable REGISTRY_VERSION cannot change the version of the format and is ignored"]
    );
}

#[test]
fn an_unknown_variable_is_a_warning_and_changes_nothing() {
    let (document, report) = applied(json!({}), &[("REGISTRY_HTTP_PORT", "80"), ("REGISTRY_FOO", "1")]);
    assert_eq!(document, json!({}));
    assert_eq!(
        report.warnings,
        [
            "environment variable REGISTRY_FOO is no configuration key and ignored",
            "environment variable REGISTRY_HTTP_PORT is no configuration key and ignored",
        ]
    );
}

#[test]
fn links_to_services_are_one_warning() {
    let (document, report) = applied(
        json!({}),
        &[
            ("REGISTRY_PORT", "tcp://10.0.0.1:5000"),
            ("REGISTRY_PORT_5000_TCP", "tcp://10.0.0.1:5000"),
            ("REGISTRY_PORT_5000_TCP_ADDR", "10.0.0.1"),
            ("REGISTRY_SERVICE_HOST", "10.0.0.1"),
            ("REGISTRY_STORAGE_SERVICE_PORT", "80"),
            ("REGISTRY_SERVICE_PORT_HTTP", "80"),
        ],
    );
    assert_eq!(document, json!({}));
    assert_eq!(report.warnings.len(), 1);
    assert!(report.warnings[0].contains("and 5 others"), "{report:?}");
}

#[test]
fn a_header_as_name_and_value_is_taken_with_a_warning_that_shows_the_proper_form() {
    let (document, report) = applied(json!({}), &[("REGISTRY_HTTP_HEADERS", "X-Content-Type-Options=no-sniff")]);
    assert_eq!(document, json!({"http": {"headers": {"X-Content-Type-Options": ["no-sniff"]}}}));
    assert_eq!(
        report.warnings,
        ["environment variable REGISTRY_HTTP_HEADERS is a mapping: write \
          REGISTRY_HTTP_HEADERS='{X-Content-Type-Options: [\"no-sniff\"]}'"]
    );
}

#[test]
fn a_value_of_the_wrong_kind_is_an_error_that_names_the_variable() {
    let (_, report) = applied(json!({}), &[("REGISTRY_STORAGE_DELETE_ENABLED", "maybe")]);
    assert_eq!(report.errors, ["REGISTRY_STORAGE_DELETE_ENABLED is maybe, it has to be true or false"]);
}

/// What is below `node`: the name of a variable without its prefix, the place in a document, and what is there.
fn places(node: &'static Node, name: &str, place: &str) -> Vec<(String, String, &'static Node)> {
    match node {
        Node::Section(fields) | Node::Driver(fields) => fields
            .iter()
            .filter(|field| !field.key.contains('_'))
            .flat_map(|field| {
                let name = format!("{name}_{}", field.variable.to_uppercase());
                places(field.node, &name, &format!("{place}/{}", field.key))
            })
            .collect(),
        Node::List(child) => places(child, &format!("{name}_0"), &format!("{place}/0")),
        Node::Map(child) => places(child, &format!("{name}_ENTRY"), &format!("{place}/entry")),
        node => vec![(name.to_owned(), place.to_owned(), node)],
    }
}

#[test]
fn every_key_is_reached_by_its_variable() {
    let places = places(Config::NODE, "REGISTRY", "");
    assert!(places.len() > 200, "{}", places.len());
    for (name, place, node) in places.into_iter().filter(|(name, ..)| name != VERSION) {
        let value = match node {
            Node::Boolean => "true",
            Node::Natural(_) | Node::Integer => "12",
            Node::Duration => "3s",
            Node::Choice(words) => words[0],
            _ => "text",
        };
        let document = result(json!({}), &[(&name, value)]);
        let set = document.pointer(&place).unwrap_or_else(|| panic!("{name}: nothing at {place} in {document}"));
        assert_eq!(set.as_str().map_or_else(|| set.to_string(), ToOwned::to_owned), value, "{name}");
    }
}

proptest! {
    #[test]
    fn no_variable_makes_it_panic(
        name in "REGISTRY_(STORAGE|HTTP|AUTH|LOG|HEALTH)?(_[A-Z0-9]{0,12}){0,5}",
        value in "\\PC{0,40}",
    ) {
        applied(json!({"http": {"headers": {}}, "storage": "filesystem"}), &[(&name, &value)]);
    }

    #[test]
    fn what_is_no_key_changes_nothing(name in "REGISTRY_(HTTP_|LOG_|HEALTH_)?[B-Z][QXZ]{3,8}(_[A-Z]{1,8}){0,3}") {
        let document = json!({"http": {"addr": ":5000"}, "storage": {"filesystem": {}}});
        let (after, report) = applied(document.clone(), &[(&name, "value")]);
        prop_assert_eq!(after, document);
        prop_assert_eq!(report.errors, Vec::<String>::new());
        prop_assert_eq!(report.warnings.len(), 1);
    }

    #[test]
    fn the_order_of_the_environment_does_not_matter(order in Just(vec![
        ("REGISTRY_STORAGE", "filesystem"),
        ("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", "/data"),
        ("REGISTRY_STORAGE_DELETE", "{enabled: true}"),
        ("REGISTRY_HTTP_TLS_CLIENTCAS_0", "/a"),
        ("REGISTRY_HTTP_TLS_CLIENTCAS_1", "/b"),
        ("REGISTRY_HTTP_HEADERS_X-A", "[b]"),
    ]).prop_shuffle()) {
        let document = json!({"storage": {"inmemory": {}, "maintenance": {"readonly": {"enabled": true}}}});
        prop_assert_eq!(result(document, &order), json!({
            "storage": {"filesystem": {"rootdirectory": "/data"}, "delete": {"enabled": true}},
            "http": {"tls": {"clientcas": ["/a", "/b"]}, "headers": {"x-a": ["b"]}},
        }));
    }

    #[test]
    fn a_list_takes_the_index_after_its_last_one_and_no_higher(length in 0_usize..5, index in 0_usize..9) {
        let list: Vec<String> = (0..length).map(|number| format!("/{number}")).collect();
        let document = json!({"http": {"tls": {"clientcas": list}}});
        let name = format!("REGISTRY_HTTP_TLS_CLIENTCAS_{index}");
        let (after, report) = applied(document.clone(), &[(&name, "/new")]);
        if index > length {
            prop_assert_eq!(report.errors.len(), 1);
            prop_assert_eq!(after, document);
        } else {
            let list = after["http"]["tls"]["clientcas"].as_array().unwrap();
            prop_assert_eq!(list.len(), length.max(index + 1));
            prop_assert_eq!(&list[index], "/new");
        }
    }
}
