//! What is asked of an API server of a few lines, and how often.

use http::{Request, Response};
use kube::client::Body;
use serde_json::json;

use super::*;
use crate::controller::tests::fixtures::larder;

/// Answers lists with this status and remembers who asked for what.
fn kinds(answer: u16) -> (OptionalKinds, Arc<Mutex<Vec<String>>>) {
    let requests: Arc<Mutex<Vec<String>>> = Arc::default();
    let asked = Arc::clone(&requests);
    let service = tower::service_fn(move |request: Request<Body>| {
        asked.lock().unwrap().push(request.uri().to_string());
        let body = if answer == 200 {
            json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": {}, "items": []})
        } else {
            json!({"kind": "Status", "status": "Failure", "message": "no", "code": answer})
        };
        let answer = Response::builder().status(answer).body(Body::from(body.to_string().into_bytes()));
        std::future::ready(answer.map_err(tower::BoxError::from))
    });
    let client = Client::new(service, "kitchen");
    (OptionalKinds::new(client, Scope::Cluster, Arc::default()).0, requests)
}

#[tokio::test]
async fn a_kind_that_nobody_wants_is_asked_for_once_and_not_watched() {
    let (kinds, requests) = kinds(200);
    for _ in 0..3 {
        let optional = kinds.look(&larder(), &BTreeSet::new()).await.unwrap();
        assert!(optional.unavailable.is_empty() && optional.ask_again.is_none());
    }
    let asked = requests.lock().unwrap().clone();
    assert_eq!(asked.len(), OptionalKind::ALL.len(), "{asked:?}");
    let one_of_ours = |uri: &str| uri.contains("limit=1") && uri.contains("managed-by");
    assert!(asked.iter().all(|uri| one_of_ours(uri)), "{asked:?}");
    assert!(asked.iter().any(|uri| uri.starts_with("/apis/networking.k8s.io/v1/ingresses?")), "{asked:?}");
    assert!(kinds.stores().is_empty());
}

#[tokio::test]
async fn a_kind_that_cannot_be_had_is_told_and_asked_for_again_later() {
    for (status, why) in [(404, Unavailable::NotInstalled), (403, Unavailable::Forbidden)] {
        let (kinds, requests) = kinds(status);
        for _ in 0..3 {
            let optional = kinds.look(&larder(), &[OptionalKind::Ingress].into()).await.unwrap();
            assert_eq!(optional.unavailable[&OptionalKind::Ingress], why);
            assert!(optional.ask_again.is_some_and(|wait| wait <= FIRST_WAIT));
        }
        assert_eq!(requests.lock().unwrap().len(), OptionalKind::ALL.len());
        let unwanted = kinds.look(&larder(), &BTreeSet::new()).await.unwrap();
        assert_eq!(unwanted.ask_again, None, "nobody waits for it");
    }
}

#[tokio::test]
async fn an_api_server_in_trouble_is_not_taken_for_an_answer() {
    let (kinds, _) = kinds(500);
    let error = kinds.look(&larder(), &BTreeSet::new()).await.unwrap_err();
    assert_eq!(error.to_string(), "failed to list ingresses");
    assert!(kinds.states().is_empty());
}

#[test]
fn the_waits_double_up_to_ten_minutes() {
    let mut state = State::unavailable(Unavailable::NotInstalled, None);
    let mut waits = Vec::new();
    for _ in 0..8 {
        let State::Unavailable { wait, .. } = &state else { panic!() };
        waits.push(wait.as_secs());
        state = State::unavailable(Unavailable::NotInstalled, Some(&state));
    }
    assert_eq!(waits, [10, 20, 40, 80, 160, 320, 600, 600]);
}
