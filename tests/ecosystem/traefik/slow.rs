//! A client on a slow line, where traefik limits the time in which it reads a request, as by default it does to a minute
//! (`respondingTimeouts.readTimeout`).

use std::convert::Infallible;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use http::{Method, StatusCode, header};
use http_body_util::StreamBody;
use hyper::body::Frame;
use support::image::sha256;
use support::wait::eventually;
use tokio::time::interval;

use super::client::{Client, location};
use super::front::READ_WITHIN;

const PIECE: usize = 64 * 1024;
const PIECES: usize = 8;

/// Sends a blob in one request that takes twice as long as `hurried` allows: there it is cut, and goes on from where it was by short
/// requests. `patient` has no limit and takes it as it is.
pub(super) async fn is_cut_where_time_is_limited_and_goes_on(hurried: &Client, patient: &Client) -> Result<()> {
    let blob: Vec<u8> = (0..PIECE * PIECES).map(|place| (place % 251) as u8).collect();
    let blob = Bytes::from(blob);
    let (cut, whole) = tokio::join!(is_cut_and_goes_on(hurried, &blob), passes(patient, &blob));
    cut.context("with a limit")?;
    whole.context("without a limit")
}

async fn is_cut_and_goes_on(client: &Client, blob: &Bytes) -> Result<()> {
    let upload = client.start_upload("hurried").await?;
    let answered = send_slowly(client, &upload, blob).await;
    ensure!(!matches!(answered, Ok((StatusCode::ACCEPTED, _))), "it was not cut");
    // The server learns of it when traefik has closed its own connection.
    let mut kept = 0;
    eventually("the upload to go on", async || {
        let answer = client.ask(Method::GET, &upload, &[], Bytes::new()).await?;
        ensure!(answer.status == StatusCode::NO_CONTENT, "the upload is answered {}: {}", answer.status, answer.text());
        let range = answer.headers.get(header::RANGE).context("no Range")?.to_str()?;
        kept = range.strip_prefix("0-").and_then(|last| last.parse::<usize>().ok()).context("another Range")? + 1;
        ensure!(kept >= PIECE && kept < blob.len(), "{kept} bytes have come");
        let rest = format!("{kept}-{}", blob.len() - 1);
        let headers = [("content-range", rest.as_str()), ("content-type", "application/octet-stream")];
        let answer = client.ask(Method::PATCH, &location(&answer.headers)?, &headers, blob.slice(kept..)).await?;
        ensure!(answer.status == StatusCode::ACCEPTED, "the rest is answered {}: {}", answer.status, answer.text());
        client.finish_upload(&location(&answer.headers)?, &sha256(blob)).await.map(drop)
    })
    .await?;
    is_there(client, "hurried", blob).await
}

async fn passes(client: &Client, blob: &Bytes) -> Result<()> {
    let upload = client.start_upload("patient").await?;
    let (status, upload) = send_slowly(client, &upload, blob).await?;
    ensure!(status == StatusCode::ACCEPTED, "it is answered {status}");
    client.finish_upload(&upload.context("no Location")?, &sha256(blob)).await?;
    is_there(client, "patient", blob).await
}

/// Sends the blob piece by piece, evenly over twice the time of the limit.
async fn send_slowly(client: &Client, upload: &str, blob: &Bytes) -> Result<(StatusCode, Option<String>)> {
    let request = client
        .request(Method::PATCH, upload)
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .header(header::CONTENT_LENGTH, blob.len())
        .body(StreamBody::new(pieces(blob.clone()).boxed()))?;
    let response = client.connection().await?.send_request(request).await?;
    Ok((response.status(), location(response.headers()).ok()))
}

fn pieces(blob: Bytes) -> impl Stream<Item = Result<Frame<Bytes>, Infallible>> {
    let pause = 2 * READ_WITHIN / u32::try_from(PIECES).unwrap_or(u32::MAX);
    stream::unfold((interval(pause.max(Duration::from_millis(1))), blob), async |(mut clock, mut blob)| {
        if blob.is_empty() {
            return None;
        }
        clock.tick().await;
        let piece = blob.split_to(PIECE.min(blob.len()));
        Some((Ok(Frame::data(piece)), (clock, blob)))
    })
}

async fn is_there(client: &Client, repository: &str, blob: &Bytes) -> Result<()> {
    let path = format!("/v2/{repository}/blobs/{}", sha256(blob));
    let answer = client.ask(Method::GET, &path, &[], Bytes::new()).await?;
    ensure!(answer.body == *blob, "{} bytes have come back, of {}", answer.body.len(), blob.len());
    Ok(())
}
