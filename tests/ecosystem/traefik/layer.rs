//! A layer of a gigabyte that is nowhere as a whole but on the server's volume: it is made while it is sent, and looked at while it
//! comes back.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use aws_lc_rs::digest::{self, SHA256};
use bytes::Bytes;
use futures::stream;
use http::{Method, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, StreamBody};
use hyper::body::Frame;

use super::client::{Client, location};

const BLOCK: usize = 1 << 20;
const BLOCKS: u64 = 1024;
const SIZE: u64 = BLOCKS * BLOCK as u64;

/// A part of the layer, unlike all others.
fn block(number: u64) -> Bytes {
    number.to_le_bytes().repeat(BLOCK / size_of::<u64>()).into()
}

/// The layer's digest.
pub(super) fn digest() -> String {
    let mut all = digest::Context::new(&SHA256);
    (0..BLOCKS).for_each(|number| all.update(&block(number)));
    shown(all)
}

fn shown(context: digest::Context) -> String {
    context.finish().as_ref().iter().fold("sha256:".to_owned(), |mut shown, byte| {
        // Writing to a String cannot fail.
        let _ = write!(shown, "{byte:02x}");
        shown
    })
}

/// Sends the layer into `repository`, and returns how long that took.
pub(super) async fn push(client: &Client, repository: &str, digest: &str) -> Result<Duration> {
    let start = Instant::now();
    let upload = client.start_upload(repository).await?;
    let blocks = (0..BLOCKS).map(|number| Ok::<_, Infallible>(Frame::data(block(number))));
    let request = client
        .request(Method::PATCH, &upload)
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .header(header::CONTENT_LENGTH, SIZE)
        .body(StreamBody::new(stream::iter(blocks)))?;
    let response = client.connection().await?.send_request(request).await.context("failed to send the layer")?;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = response.into_body().collect().await?.to_bytes();
    ensure!(status == StatusCode::ACCEPTED, "the layer was answered {status}: {}", String::from_utf8_lossy(&body));
    client.finish_upload(&location(&headers)?, digest).await?;
    Ok(start.elapsed())
}

/// Reads the layer back, compares it with its digest, and returns how long that took.
pub(super) async fn pull(client: &Client, repository: &str, digest: &str) -> Result<Duration> {
    let start = Instant::now();
    let request =
        client.request(Method::GET, &format!("/v2/{repository}/blobs/{digest}")).body(Empty::<Bytes>::new())?;
    let mut connection = client.connection().await?;
    let mut response = connection.send_request(request).await?;
    ensure!(response.status() == StatusCode::OK, "the layer's request was answered {}", response.status());
    let (mut found, mut size) = (digest::Context::new(&SHA256), 0);
    while let Some(frame) = response.frame().await {
        let frame = frame.context("failed to read the layer")?;
        if let Some(data) = frame.data_ref() {
            found.update(data);
            size += data.len() as u64;
        }
    }
    let found = shown(found);
    ensure!(found == digest && size == SIZE, "{size} bytes of {found} have come, not {digest}");
    Ok(start.elapsed())
}
