//! Whether the definition that the cluster serves is this version's, or one that knows as much.

use std::collections::{BTreeMap, BTreeSet};

use kube::Client;
use serde_json::Value;

use super::{Finding, unanswered};
use crate::api::v1alpha1;

const SUBJECT: &str = "definition";
/// What everybody who is known to the cluster may read: the schemas of this version of the API.
const SCHEMAS: &str = "/openapi/v3/apis/privateregistry.io/v1alpha1";
/// The schema among them.
const SPEC: &str = "/components/schemas/io.privateregistry.v1alpha1.PrivateRegistry/properties/spec/properties";
const INSTALL: &str = "install crds/privateregistries.yaml of this version, or set the chart's crds.enabled";

pub(super) async fn look(client: &Client) -> Finding {
    let answer = match http::Request::get(SCHEMAS).body(Vec::new()) {
        Ok(request) => client.request::<Value>(request).await,
        Err(error) => Err(kube::Error::HttpError(error)),
    };
    match answer {
        Ok(schemas) => judge(&schemas, &known()),
        Err(kube::Error::Api(status)) if status.code == 404 => {
            Finding::wrong(SUBJECT, format!("the cluster does not serve PrivateRegistry: {INSTALL}"))
        }
        Err(error) => unanswered(SUBJECT, &error),
    }
}

/// The fields of the spec that this version knows.
fn known() -> BTreeSet<String> {
    let crd = v1alpha1::crd();
    let schemas = crd.spec.versions.into_iter().filter_map(|version| version.schema?.open_api_v3_schema?.properties);
    let specs = schemas.filter_map(|mut fields| fields.remove("spec")?.properties);
    specs.flat_map(BTreeMap::into_keys).collect()
}

fn judge(schemas: &Value, known: &BTreeSet<String>) -> Finding {
    let served = schemas.pointer(SPEC).and_then(Value::as_object);
    let missing: Vec<_> = known
        .iter()
        .filter(|field| served.is_none_or(|served| !served.contains_key(*field)))
        .map(String::as_str)
        .collect();
    if missing.is_empty() {
        return Finding::well(SUBJECT);
    }
    let missing = missing.join(", ");
    Finding::wrong(
        SUBJECT,
        format!("the cluster's is older than the operator and drops these fields of spec: {missing}; {INSTALL}"),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schemas(fields: &[&str]) -> Value {
        let fields: serde_json::Map<_, _> = fields.iter().map(|field| ((*field).to_owned(), json!({}))).collect();
        let spec = json!({"properties": {"spec": {"properties": fields}}});
        json!({"components": {"schemas": {"io.privateregistry.v1alpha1.PrivateRegistry": spec}}})
    }

    #[test]
    fn a_definition_that_lacks_a_field_is_told_with_the_field() {
        let known = BTreeSet::from(["storage".to_owned(), "tls".to_owned()]);
        assert_eq!(judge(&schemas(&["storage", "tls", "later"]), &known), Finding::well(SUBJECT));
        let older = judge(&schemas(&["storage"]), &known).fault.unwrap();
        assert!(older.contains("drops these fields of spec: tls; install crds/privateregistries.yaml"), "{older}");
        assert!(judge(&json!({}), &known).fault.unwrap().contains("storage, tls"));
    }

    #[test]
    fn the_fields_that_are_looked_for_are_those_of_the_spec() {
        let known = known();
        assert!(["auth", "service", "storage", "tls"].iter().all(|field| known.contains(*field)), "{known:?}");
    }
}
