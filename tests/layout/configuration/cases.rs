//! Files and variables at random, from the table of keys, such that either program takes them.

use std::collections::BTreeMap;
use std::fmt;

use fastrand::Rng;
use registry_config::Config;
use registry_config::keys::{Described as _, Node, Support};
use serde_json::{Value, json};

/// The name of an entry of a mapping in files; variables have it in upper case.
const ENTRY: &str = "X-Entry";

/// What a configuration is made from.
#[derive(Debug)]
pub(super) struct Case {
    /// What is in the file. Texts are YAML: `yes` is no quoted text.
    pub(super) document: Value,
    /// By name.
    pub(super) variables: BTreeMap<String, String>,
}

/// A place for a value.
#[derive(Debug, Clone)]
struct Place {
    variable: String,
    /// As a pointer into the document.
    pointer: String,
    node: &'static Node,
}

impl Case {
    pub(super) fn of((document, variables): (Value, &[(&str, &str)])) -> Self {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Self { document, variables: variables.collect() }
    }

    pub(super) fn random(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let (mut document, excluded) = base(&mut random);
        let mut places = Vec::new();
        leaves(Config::NODE, "REGISTRY", "", &mut places);
        places.retain(|place| !excluded.iter().any(|excluded| place.pointer.starts_with(excluded)));
        for _ in 0..random.usize(0..10) {
            let place = &places[random.usize(..places.len())];
            insert(&mut document, &place.pointer, value(place, &mut random).into());
        }
        let mut case = Self { document, variables: BTreeMap::new() };
        for _ in 0..random.usize(0..10) {
            let place = &places[random.usize(..places.len())];
            let (name, value) = variable(place, &mut random);
            case.variables.insert(name, value);
        }
        if random.u8(0..6) == 0 {
            case.variables.insert("REGISTRY_STORAGE".to_owned(), "inmemory".to_owned());
            case.variables.retain(|name, _| !name.starts_with("REGISTRY_STORAGE_FILESYSTEM"));
        }
        case
    }

    /// The file as YAML.
    pub(super) fn file(&self) -> String {
        flow(&self.document)
    }
}

impl fmt::Display for Case {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}\nwith {:#?}", self.file(), self.variables)
    }
}

/// What no program does without, and some of what others need; and the beginnings of places that are left out for that.
fn base(random: &mut Rng) -> (Value, Vec<&'static str>) {
    let mut document = json!({"version": "0.1", "storage": {"filesystem": {"rootdirectory": "/data"}}});
    let mut excluded = vec!["/auth/none"];
    let parts = [
        ("/auth", json!({"htpasswd": {"realm": "a realm", "path": "/users"}})),
        ("/http/tls", json!({"certificate": "/tls.crt", "key": "/tls.key"})),
        ("/health/file", json!([{"file": "/down"}])),
        ("/health/http", json!([{"uri": "http://one.example/"}])),
        ("/health/tcp", json!([{"addr": "one.example:1"}])),
    ];
    insert(&mut document, "/http/addr", json!("127.0.0.1:5000"));
    for (pointer, part) in parts {
        if random.bool() { insert(&mut document, pointer, part) } else { excluded.push(pointer) }
    }
    (document, excluded)
}

/// Every place of a single value below `node` that this server does not refuse.
fn leaves(node: &'static Node, variable: &str, pointer: &str, places: &mut Vec<Place>) {
    match node {
        Node::Section(fields) | Node::Driver(fields) => {
            let fields = fields.iter().filter(|field| !matches!(field.support, Support::Refused(_)));
            for field in fields.filter(|field| field.key != "version" && !field.key.contains('_')) {
                let variable = format!("{variable}_{}", field.variable.to_uppercase());
                leaves(field.node, &variable, &format!("{pointer}/{}", field.key), places);
            }
        }
        Node::List(child) => leaves(child, &format!("{variable}_0"), &format!("{pointer}/0"), places),
        Node::Map(child) => {
            leaves(child, &format!("{variable}_{}", ENTRY.to_uppercase()), &format!("{pointer}/{ENTRY}"), places);
        }
        node => places.push(Place { variable: variable.to_owned(), pointer: pointer.to_owned(), node }),
    }
}

/// The variable of a place, or of the section, list or mapping that it is in.
fn variable(place: &Place, random: &mut Rng) -> (String, String) {
    let value = value(place, random);
    let whole = place.variable.rsplit_once('_').zip(place.pointer.rsplit_once('/'));
    match whole {
        Some(((list, _), (_, "0"))) if random.bool() => (list.to_owned(), format!("[{value}, {value}]")),
        Some(((map, _), (_, ENTRY))) if random.bool() => (map.to_owned(), format!("{{{ENTRY}: {value}}}")),
        Some((_, (_, "0" | ENTRY))) => (place.variable.clone(), value),
        // Others are given together with what they need.
        Some(((section, _), (above, key))) if random.u8(0..4) == 0 && may_be_given_whole(above) => {
            (section.to_owned(), format!("{{{key}: {value}}}"))
        }
        _ => (place.variable.clone(), value),
    }
}

fn may_be_given_whole(pointer: &str) -> bool {
    let needs_more = ["", "/http", "/http/tls", "/storage", "/storage/filesystem", "/auth", "/auth/htpasswd"];
    !needs_more.contains(&pointer) && !pointer.contains("/0") && !pointer.contains(ENTRY)
}

/// A value that belongs there, as YAML.
fn value(place: &Place, random: &mut Rng) -> String {
    let pointer = place.pointer.trim_end_matches("/0").replace("/0", "");
    let values: &[&str] = match &*pointer {
        "/http/addr" | "/http/debug/addr" => &["127.0.0.1:5001", "':5002'"],
        "/http/net" => &["tcp"],
        "/http/host" => &["https://example.com", "'http://example.com:5000'"],
        "/http/prefix" => &["/a/", "/a/b/"],
        "/http/debug/prometheus/path" => &["/numbers"],
        "/http/tls/ciphersuites" => &["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"],
        "/http/tls/minimumtls" => &["tls1.2", "tls1.3"],
        "/validation/manifests/urls/allow" | "/validation/manifests/urls/deny" => &["^https://vendor.example/"],
        "/health/http/uri" => &["https://two.example/"],
        "/health/http/statuscode" => &["204"],
        "/health/tcp/addr" => &["two.example:2"],
        _ => match place.node {
            Node::Boolean => &["true", "false", "yes", "no", "on", "off", "True"],
            Node::Natural(_) | Node::Integer => &["1", "7", "12", "010"],
            Node::Duration => &["10s", "90m", "1h30m", "500ms"],
            Node::Choice(words) => words,
            _ => &["word", "two words", "/a/path", "007", "1.50", "true", "'quoted: text'"],
        },
    };
    values[random.usize(..values.len())].to_owned()
}

/// Puts `value` at `pointer`; what is missing on the way is made.
fn insert(document: &mut Value, pointer: &str, value: Value) {
    let mut target = document;
    for part in pointer.split('/').skip(1) {
        if target.is_null() {
            *target = if part == "0" { json!([]) } else { json!({}) };
        }
        target = match target {
            Value::Array(values) => {
                if values.is_empty() {
                    values.push(Value::Null);
                }
                &mut values[0]
            }
            target => &mut target[part],
        };
    }
    *target = value;
}

/// YAML in one line; texts as they are.
fn flow(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let fields: Vec<_> = map.iter().map(|(key, value)| format!("{key}: {}", flow(value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        Value::Array(values) => format!("[{}]", values.iter().map(flow).collect::<Vec<_>>().join(", ")),
        value => value.as_str().map_or_else(|| value.to_string(), str::to_owned),
    }
}
