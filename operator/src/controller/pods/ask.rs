//! A question to a server on its port for health: a short answer, or none in time.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{
    Request, StatusCode,
    client::conn::http1,
    header::{ETAG, HOST, IF_NONE_MATCH},
};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::{net::TcpStream, time::timeout};

use crate::names::port;

/// A Pod answers at once or is not well. A pass waits for it.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// Almost nothing that is asked for is longer.
const ANSWER_LIMIT: usize = 16 * 1024;

/// What a Pod is asked for.
#[derive(Clone, Copy, Debug)]
pub(in crate::controller) struct Question<'a> {
    pub(in crate::controller) path: &'a str,
    /// Entity tags of what is known already (RFC 9110, section 13.1.2), with commas between them.
    pub(in crate::controller) known: &'a str,
    /// Bytes of the longest answer that is taken.
    pub(in crate::controller) limit: usize,
    /// How long it may take.
    pub(in crate::controller) within: Duration,
}

/// What a Pod answers.
#[derive(Debug)]
pub(in crate::controller) struct Answer {
    pub(in crate::controller) status: StatusCode,
    /// Empty where there is none.
    pub(in crate::controller) tag: String,
    pub(in crate::controller) body: Bytes,
}

/// Asks the server at `address`.
///
/// # Errors
/// When there is no answer: why, for people.
pub(in crate::controller) async fn ask(address: IpAddr, question: Question<'_>) -> Result<Answer, String> {
    let answer = timeout(question.within, exchange(address, question)).await;
    answer.unwrap_or_else(|_| Err(format!("no answer within {:?}", question.within)))
}

/// Asks the server at `address` for `path`.
///
/// # Errors
/// When there is no answer: why, for people.
pub(in crate::controller) async fn get(address: IpAddr, path: &str) -> Result<Answer, String> {
    ask(address, Question { path, known: "", limit: ANSWER_LIMIT, within: ANSWER_WITHIN }).await
}

/// Asks the server at `address` for the document at `path`.
///
/// # Errors
/// When there is no answer, or another one: why, for people.
pub(in crate::controller) async fn json<T: DeserializeOwned>(address: IpAddr, path: &str) -> Result<T, String> {
    let answer = get(address, path).await?;
    match answer.status {
        StatusCode::OK => serde_json::from_slice(&answer.body).map_err(|error| error.to_string()),
        status => Err(format!("it answers {status}")),
    }
}

async fn exchange(address: IpAddr, question: Question<'_>) -> Result<Answer, String> {
    let text = |error: &dyn std::error::Error| error.to_string();
    let port = u16::try_from(port::DEBUG).map_err(|error| text(&error))?;
    let stream = TcpStream::connect((address, port)).await.map_err(|error| text(&error))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| text(&error))?;
    let mut request = Request::get(question.path).header(HOST, SocketAddr::new(address, port).to_string());
    if !question.known.is_empty() {
        request = request.header(IF_NONE_MATCH, question.known);
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(|error| text(&error))?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(|error| text(&error))?;
        let status = response.status();
        let tag = response.headers().get(ETAG).and_then(|tag| tag.to_str().ok()).unwrap_or_default().to_owned();
        let body = Limited::new(response.into_body(), question.limit).collect().await;
        Ok(Answer { status, tag, body: body.map_err(|error| error.to_string())?.to_bytes() })
    };
    tokio::select! {
        answer = exchange => answer,
        Err(error) = connection => Err(text(&error)),
    }
}
