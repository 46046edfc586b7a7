use k8s_openapi::ByteString;

use super::*;
use crate::controller::tests::pod::answer_once;

fn versions(htpasswd: &str) -> Versions {
    Versions { htpasswd: Some(htpasswd.into()), access: Some("a".into()), certificate: None }
}

#[test]
fn a_file_is_loaded_when_every_pod_says_so() {
    let wanted = versions("new");
    assert_eq!(
        compare(&wanted, &[("p-1".into(), Ok(versions("new"))), ("p-2".into(), Ok(versions("new")))]),
        Loaded { htpasswd: true, access: true, certificate: true, ..Loaded::default() }
    );

    let mixed = compare(&wanted, &[("p-1".into(), Ok(versions("new"))), ("p-2".into(), Ok(versions("old")))]);
    assert!(!mixed.htpasswd && mixed.access && mixed.certificate);
    assert!(mixed.lagging.unwrap().starts_with("Pod p-2 has not loaded"));

    let silent = compare(&wanted, &[("p-1".into(), Err("connection refused".into()))]);
    assert!(!silent.htpasswd && !silent.access && !silent.certificate);
    assert!(silent.lagging.unwrap().ends_with("connection refused"));
}

#[test]
fn nobody_lags_behind_where_nobody_runs() {
    assert!(compare(&versions("new"), &[]).htpasswd);
}

#[test]
fn a_version_is_the_hash_of_the_file() {
    let mut secret = Secret::default();
    assert_eq!(file_version(Some(&secret), key::HTPASSWD), None);
    secret.data = Some([(key::HTPASSWD.to_owned(), ByteString(b"abc".to_vec()))].into());
    let sha256_of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(file_version(Some(&secret), key::HTPASSWD).as_deref(), Some(sha256_of_abc));
}

#[tokio::test]
async fn a_pod_is_asked_over_http() {
    let body = r#"{"certificate":null,"htpasswd":{"sha256":"new"},"access":{"sha256":"a"}}"#;
    let response = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let address = answer_once("/versions", &response).await;
    assert_eq!(get_versions(address).await, Ok(versions("new")));
}

#[tokio::test]
async fn an_image_that_does_not_report_is_named() {
    let address = answer_once("/versions", "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(get_versions(address).await, Err("it answers 404 Not Found".into()));
}
