//! Asks the server itself, through the API server's port-forward to its Pod, as a client would: over TLS that `ca.crt` vouches
//! for, with the password of the pull Secret.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::{Api, ResourceExt, client::UpgradeConnectionError};
use rustls::{ClientConfig, RootCertStore, client::WebPkiServerVerifier, crypto::aws_lc_rs};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::observed::{Answer, Seen};
use crate::{
    api::v1alpha1::PrivateRegistry,
    names::{key, port},
    plugin::cluster::{Cluster, Unseen},
};

/// How long the whole exchange may take.
const WITHIN: Duration = Duration::from_secs(15);

/// How the server is asked.
struct Question {
    /// The endpoint.
    host: String,
    /// The authorities in PEM; `None` for plain HTTP.
    authorities: Option<Vec<u8>>,
    /// The header that names the pull user.
    login: Option<String>,
}

/// What the server in `pod` answers; `None` when there is none to be asked.
pub(super) async fn answer(
    cluster: &Cluster,
    registry: &PrivateRegistry,
    pod: Option<&Pod>,
    certificate: Option<Secret>,
    pull: Option<Secret>,
) -> Option<Seen<Answer>> {
    let pod = pod?;
    let data = |secret: &Option<Secret>, key: &str| Some(secret.as_ref()?.data.as_ref()?.get(key)?.0.clone());
    let plain = registry.spec.tls.disabled == Some(true);
    let authorities = data(&pull, key::AUTHORITY).or_else(|| data(&certificate, key::AUTHORITY));
    if authorities.is_none() && !plain {
        let cause = "no ca.crt was seen by which it could be known".to_owned();
        return Some(Err(Unseen::Failed { verb: "ask", what: "the server".to_owned(), cause }));
    }
    let login = data(&pull, key::USERNAME).zip(data(&pull, key::PASSWORD));
    let login =
        login.map(|(user, password)| format!("Basic {}", STANDARD.encode([&user[..], b":", &password].concat())));
    let host = registry.status.as_ref()?.endpoint.clone()?;
    Some(
        through_port_forward(cluster, pod, Question { host, authorities: authorities.filter(|_| !plain), login }).await,
    )
}

async fn through_port_forward(cluster: &Cluster, pod: &Pod, question: Question) -> Seen<Answer> {
    let (namespace, name) = (pod.namespace().unwrap_or_default(), pod.name_any());
    let api = Api::<Pod>::namespaced(cluster.client.clone(), &namespace);
    let port = u16::try_from(port::REGISTRY).unwrap_or_default();
    let broken = |why: String| Ok(Answer::Broken(why));
    let mut forward = match timeout(WITHIN, api.portforward(&name, &[port])).await {
        Err(_) => return broken(format!("the API server has not connected to Pod {name} within {WITHIN:?}")),
        Ok(Err(error)) => return refused(&namespace, &name, &error),
        Ok(Ok(forward)) => forward,
    };
    let Some(stream) = forward.take_stream(port) else { return broken("the port-forward has no stream".to_owned()) };
    let asked = timeout(WITHIN, ask(stream, &question)).await;
    forward.abort();
    asked.unwrap_or_else(|_| Err(format!("no answer within {WITHIN:?}"))).or_else(broken)
}

/// Why there is no port-forward: a missing right is no fault of the server.
fn refused(namespace: &str, pod: &str, error: &kube::Error) -> Seen<Answer> {
    let what = format!("pods/portforward of Pod {namespace}/{pod}");
    let forbidden =
        matches!(error, kube::Error::UpgradeConnection(UpgradeConnectionError::ProtocolSwitch(StatusCode::FORBIDDEN)));
    if forbidden {
        return Err(Unseen::Forbidden { verb: "get or create", what });
    }
    Err(Unseen::Failed { verb: "use", what, cause: crate::controller::chain(error) })
}

/// Asks over `stream`; an error is what a client would say.
async fn ask<S>(stream: S, question: &Question) -> Result<Answer, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Some(authorities) = &question.authorities else { return get(stream, question).await };
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots(authorities)?)
        .with_no_client_auth();
    let name = ServerName::try_from(host_of(&question.host).to_owned()).map_err(|error| error.to_string())?;
    let connected = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    get(connected.map_err(|error| format!("TLS for {}: {error}", question.host))?, question).await
}

async fn get<S>(stream: S, question: &Question) -> Result<Answer, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let text = |error: &dyn std::error::Error| error.to_string();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| text(&error))?;
    let mut request = Request::get("/v2/").header(header::HOST, &question.host);
    if let Some(login) = &question.login {
        request = request.header(header::AUTHORIZATION, login);
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(|error| text(&error))?;
    let status = tokio::select! {
        answer = sender.send_request(request) => answer.map_err(|error| text(&error))?.status(),
        Err(error) = connection => return Err(text(&error)),
    };
    Ok(Answer::Status { code: status.as_u16(), logged_in: question.login.is_some() })
}

fn roots(authorities: &[u8]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(CertificateDer::pem_slice_iter(authorities).flatten());
    if roots.is_empty() { Err("ca.crt holds no certificate".to_owned()) } else { Ok(roots) }
}

/// Verifies certificates as clients do that trust `authorities`.
pub(super) fn verifier(authorities: &[u8]) -> Result<Arc<WebPkiServerVerifier>, String> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots(authorities)?), provider).build();
    verifier.map_err(|error| error.to_string())
}

/// `host` without its port.
pub(super) fn host_of(host: &str) -> &str {
    if let Some((address, _)) = host.strip_prefix('[').and_then(|host| host.split_once(']')) {
        return address;
    }
    match host.split_once(':') {
        Some((name, port)) if !port.contains(':') => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_what_stands_before_the_port() {
        for (host, name) in [
            ("team.apps.svc", "team.apps.svc"),
            ("team.apps.svc:5443", "team.apps.svc"),
            ("[2001:db8::1]:5443", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
        ] {
            assert_eq!(host_of(host), name);
        }
    }
}
