//! The TLS handshake, and what to tell those who do not get through it.

use std::io;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// What a client gets to read that speaks plain HTTP to a TLS port: an error as clients show it. Docker sends plain HTTP where
/// HTTPS has failed and the registry is on the loopback or called insecure; this is the last it hears then, and the cause is
/// another.
const PLAIN_HTTP_ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n\
    {\"errors\":[{\"code\":\"UNSUPPORTED\",\"message\":\"this port speaks HTTPS, the request was plain HTTP: use https:// in the \
    address; Docker asks again by HTTP where HTTPS has failed: log in (docker login), or let it trust the certificate\"}]}\n";

/// Whether the client spoke plain HTTP, and was told so.
pub(super) async fn is_plain_http(stream: &mut TcpStream) -> io::Result<bool> {
    let mut first = [0];
    // A method begins with a capital letter, a TLS record does not.
    if stream.peek(&mut first).await? == 0 || !first[0].is_ascii_uppercase() {
        return Ok(false);
    }
    // Closing on what was not read would take the answer back.
    let _ = stream.read(&mut [0; 8192]).await?;
    stream.write_all(PLAIN_HTTP_ANSWER).await?;
    stream.shutdown().await?;
    Ok(true)
}

/// Whether the client ended the handshake by an alert of its own.
pub(super) fn is_refused_by_client(error: &io::Error) -> bool {
    let error = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
    matches!(error, Some(rustls::Error::AlertReceived(_)))
}
