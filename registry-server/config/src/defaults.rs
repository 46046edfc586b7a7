//! What a configuration does not say: the defaults that its keys are declared with.

use serde_json::{Map, Value};

use crate::{
    document::{self, Report},
    keys::{Field, Node},
    yaml,
};

/// Gives every key below `node` that has a default and is not in `value` that default. A section that has none is left out,
/// not filled: it is an option that nobody asked for.
pub fn fill(value: &mut Value, node: &Node) {
    match (node, value) {
        (Node::Section(fields) | Node::Driver(fields), Value::Object(map)) => {
            for field in *fields {
                fill_field(map, field);
            }
        }
        (Node::List(node), Value::Array(values)) => values.iter_mut().for_each(|value| fill(value, node)),
        (Node::Map(node), Value::Object(map)) => map.values_mut().for_each(|value| fill(value, node)),
        _ => {}
    }
}

fn fill_field(map: &mut Map<String, Value>, field: &Field) {
    if let (Some(default), false) = (field.default, map.contains_key(field.key)) {
        map.extend(parse(default, field).map(|value| (field.key.to_owned(), value)));
    }
    if let Some(value) = map.get_mut(field.key) {
        fill(value, field.node);
    }
}

/// The default of a key. A test holds that every one can be read.
fn parse(default: &str, field: &Field) -> Option<Value> {
    let mut report = Report::default();
    document::shape(yaml::parse(default, field.node, field.key, &mut report).ok()?, field.node, field.key, &mut report)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Config, keys::Described};

    fn fields(node: &'static Node) -> Vec<&'static Field> {
        match node {
            Node::Section(children) | Node::Driver(children) => {
                children.iter().flat_map(|field| [vec![field], fields(field.node)].concat()).collect()
            }
            Node::List(node) | Node::Map(node) => fields(node),
            _ => Vec::new(),
        }
    }

    #[test]
    fn every_default_can_be_read() {
        for field in fields(Config::NODE) {
            let Some(default) = field.default else { continue };
            assert!(parse(default, field).is_some(), "{}: {default}", field.key);
        }
    }

    #[test]
    fn what_is_given_stays_and_what_nobody_asked_for_is_not_made() {
        let mut value = json!({"http": {"addr": ":1", "tls": {"minimumtls": "tls1.3"}}});
        fill(&mut value, Config::NODE);
        assert_eq!(value["http"]["addr"], ":1");
        assert_eq!(
            value["http"]["tls"],
            json!({"minimumtls": "tls1.3", "clientauth": "require-and-verify-client-cert"})
        );
        assert_eq!(value["http"]["draintimeout"], "8s");
        assert_eq!(value["http"].get("debug"), None);
        assert_eq!(value.get("auth"), None);
        assert_eq!(value["storage"].get("filesystem"), None, "which driver is asked for is not for a default to say");
    }
}
