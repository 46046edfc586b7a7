//! The API server of these tests: server-side apply of one manager, and writes that it refuses.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use kube::{Client, client::Body};
use serde_json::{Value, json};

use crate::controller::tests::fixtures::larder;

/// Objects by path, and the requests that changed or asked for them.
#[derive(Default)]
pub(super) struct Server {
    pub(super) objects: BTreeMap<String, Value>,
    pub(super) requests: Vec<String>,
    version: u32,
    /// What it does not let anybody write, and what it says then.
    pub(super) refuses: Option<(&'static str, &'static str)>,
    /// Whether it lets no claim change its size.
    pub(super) fixed_size: bool,
}

impl Server {
    fn answer(&mut self, method: &Method, path: &str, body: &[u8]) -> (StatusCode, Value) {
        // `<plural>/<name>`, which is all that tells these objects apart.
        let place = path.rsplit('/').take(2).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("/");
        self.requests.push(format!("{method} {place}"));
        match *method {
            Method::PATCH if self.fixed_size && self.is_resize(&place, body) => {
                let message = "its class does not allow it";
                (StatusCode::FORBIDDEN, json!({"kind": "Status", "status": "Failure", "message": message, "code": 403}))
            }
            Method::PATCH if self.refuses.is_some_and(|(refused, _)| refused == place) => {
                let message = self.refuses.map(|(_, message)| message);
                (StatusCode::FORBIDDEN, json!({"kind": "Status", "status": "Failure", "message": message, "code": 403}))
            }
            Method::PATCH if self.is_outdated(&place, body) => (
                StatusCode::CONFLICT,
                json!({"kind": "Status", "status": "Failure", "reason": "Conflict", "code": 409}),
            ),
            Method::PATCH => (StatusCode::OK, self.apply(&place, serde_json::from_slice(body).unwrap())),
            Method::DELETE => {
                self.objects.remove(&place);
                (StatusCode::OK, json!({"kind": "Status", "apiVersion": "v1", "status": "Success"}))
            }
            _ => self.objects.get(&place).map_or_else(
                || {
                    (
                        StatusCode::NOT_FOUND,
                        json!({"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404}),
                    )
                },
                |object| (StatusCode::OK, object.clone()),
            ),
        }
    }

    /// Whether the object is to be written over another one, or another version, than there is. Where there is none, a version
    /// alone does not matter.
    fn is_outdated(&self, place: &str, body: &[u8]) -> bool {
        let over = &serde_json::from_slice::<Value>(body).unwrap()["metadata"];
        let differs = |known: &Value, key: &str| !over[key].is_null() && over[key] != known[key];
        match self.objects.get(place).map(|known| &known["metadata"]) {
            Some(known) => differs(known, "uid") || differs(known, "resourceVersion"),
            None => !over["uid"].is_null(),
        }
    }

    fn is_resize(&self, place: &str, body: &[u8]) -> bool {
        let size = |claim: &Value| claim["spec"]["resources"]["requests"]["storage"].clone();
        let known = self.objects.get(place).filter(|_| place.starts_with("persistentvolumeclaims/"));
        known.is_some_and(|known| size(known) != size(&serde_json::from_slice(body).unwrap()))
    }

    /// The version changes with the content alone.
    fn apply(&mut self, place: &str, mut object: Value) -> Value {
        let known = self.objects.get(place).cloned();
        let version = known.as_ref().map_or(Value::Null, |known| known["metadata"]["resourceVersion"].clone());
        object["metadata"]["resourceVersion"] = version;
        object["metadata"]["uid"] = json!(format!("uid-of-{place}"));
        if known.as_ref() != Some(&object) {
            self.version += 1;
            object["metadata"]["resourceVersion"] = json!(self.version.to_string());
            self.objects.insert(place.to_owned(), object.clone());
        }
        object
    }
}

pub(super) fn client(server: &Arc<Mutex<Server>>) -> Client {
    let server = Arc::clone(server);
    let service = tower::service_fn(move |request: Request<Body>| {
        let server = Arc::clone(&server);
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            let mut server = server.lock().unwrap_or_else(PoisonError::into_inner);
            let (status, answer) = server.answer(&parts.method, parts.uri.path(), &body);
            let answer = Response::builder().status(status).body(Body::from(answer.to_string().into_bytes()));
            answer.map_err(tower::BoxError::from)
        }
    });
    Client::new(service, larder().namespace)
}
