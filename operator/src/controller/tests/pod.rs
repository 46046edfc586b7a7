//! A Pod that answers: a listener on a loopback address that nobody else has, at the port that every registry's Pod has.

use std::{
    net::{IpAddr, Ipv4Addr},
    process,
    sync::atomic::{AtomicU8, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// The next address of this process.
static NEXT: AtomicU8 = AtomicU8::new(2);

/// Answers one request, which has to be for `path`, with `response` as it stands. Returns the address at which it listens.
pub(crate) async fn answer_once(path: &str, response: &str) -> IpAddr {
    let listener = listen().await;
    let address = listener.local_addr().unwrap().ip();
    let (asked, response) = (format!("GET {path} HTTP/1.1\r\n"), response.to_owned());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        let length = stream.read(&mut request).await.unwrap();
        assert!(request[..length].starts_with(asked.as_bytes()));
        stream.write_all(response.as_bytes()).await.unwrap();
    });
    address
}

/// Where a Pod is asked, at an address of its own.
pub(crate) async fn listen() -> TcpListener {
    let [_, _, high, low] = process::id().to_be_bytes();
    TcpListener::bind((Ipv4Addr::new(127, high, low, NEXT.fetch_add(1, Ordering::Relaxed)), 5001)).await.unwrap()
}
