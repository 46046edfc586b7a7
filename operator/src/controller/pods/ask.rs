//! A question to a server on its port for health: an answer of a few hundred bytes, or none in time.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{Request, StatusCode, client::conn::http1, header::HOST};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::{net::TcpStream, time::timeout};

use crate::names::port;

/// A Pod answers at once or is not well.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// Nothing that is asked for is longer.
const ANSWER_LIMIT: usize = 16 * 1024;

/// What a Pod answers.
#[derive(Debug)]
pub(in crate::controller) struct Answer {
    pub(in crate::controller) status: StatusCode,
    pub(in crate::controller) body: Bytes,
}

/// Asks the server at `address` for `path`.
///
/// # Errors
/// When there is no answer: why, for people.
pub(in crate::controller) async fn get(address: IpAddr, path: &str) -> Result<Answer, String> {
    let answer = timeout(ANSWER_WITHIN, exchange(address, path)).await;
    answer.unwrap_or_else(|_| Err(format!("no answer within {ANSWER_WITHIN:?}")))
}

/// Asks the server at `address` for the document at `path`.
///
/// # Errors
/// When there is no answer, or another one: why, for people.
pub(in crate::controller) async fn json<T: DeserializeOwned>(address: IpAddr, path: &str) -> Result<T, String> {
    json_if_found(address, path).await?.ok_or_else(|| format!("it answers {}", StatusCode::NOT_FOUND))
}

/// The same for a document that may not be there.
///
/// # Errors
/// When there is no answer, or another one: why, for people.
pub(in crate::controller) async fn json_if_found<T: DeserializeOwned>(
    address: IpAddr,
    path: &str,
) -> Result<Option<T>, String> {
    let answer = get(address, path).await?;
    match answer.status {
        StatusCode::OK => serde_json::from_slice(&answer.body).map(Some).map_err(|error| error.to_string()),
        StatusCode::NOT_FOUND => Ok(None),
        status => Err(format!("it answers {status}")),
    }
}

async fn exchange(address: IpAddr, path: &str) -> Result<Answer, String> {
    let text = |error: &dyn std::error::Error| error.to_string();
    let port = u16::try_from(port::DEBUG).map_err(|error| text(&error))?;
    let stream = TcpStream::connect((address, port)).await.map_err(|error| text(&error))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| text(&error))?;
    let request = Request::get(path)
        .header(HOST, SocketAddr::new(address, port).to_string())
        .body(Empty::<Bytes>::new())
        .map_err(|error| text(&error))?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(|error| text(&error))?;
        let status = response.status();
        let body =
            Limited::new(response.into_body(), ANSWER_LIMIT).collect().await.map_err(|error| error.to_string())?;
        Ok(Answer { status, body: body.to_bytes() })
    };
    tokio::select! {
        answer = exchange => answer,
        Err(error) = connection => Err(text(&error)),
    }
}
