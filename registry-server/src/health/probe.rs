//! One look at the storage, a file, a URL or an address.

use std::{io, path::PathBuf, sync::Arc};

use tokio::net::TcpStream;

use super::http;
use crate::{config::Probe, registry::Registry};

/// Whether a look occupies a thread until the operating system answers.
pub(super) fn holds_a_thread(probe: &Probe) -> bool {
    matches!(probe, Probe::Storage | Probe::File(_))
}

/// Looks once; what is wrong, in the reference's words.
pub(super) async fn run(probe: Probe, registry: Arc<Registry>) -> Result<(), String> {
    match probe {
        Probe::Storage => registry.health().await.map_err(|error| describe(&error)),
        Probe::File(path) => absent(path).await,
        Probe::Http { uri, headers, status } => {
            http::head(&uri, &headers, status).await.map_err(|reason| format!("{uri}: {reason}"))
        }
        Probe::Tcp(address) => match TcpStream::connect(&address).await {
            Ok(_) => Ok(()),
            Err(error) => Err(format!("{address}: connection failed: {error}")),
        },
    }
}

async fn absent(path: PathBuf) -> Result<(), String> {
    let looked = tokio::task::spawn_blocking(move || std::fs::metadata(path)).await;
    match looked {
        Ok(Ok(_)) => Err("file exists".to_owned()),
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// An error with its causes.
pub(super) fn describe(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use ::http::{HeaderMap, StatusCode};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;
    use crate::storage::memory::Memory;

    async fn looked(probe: Probe) -> Result<(), String> {
        run(probe, Arc::new(Registry::new(Memory::default()))).await
    }

    #[tokio::test]
    async fn the_storage_works() {
        assert_eq!(looked(Probe::Storage).await, Ok(()));
    }

    #[tokio::test]
    async fn a_file_must_not_be_there() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("down");
        assert_eq!(looked(Probe::File(path.clone())).await, Ok(()));
        std::fs::write(&path, "").unwrap();
        assert_eq!(looked(Probe::File(path)).await, Err("file exists".to_owned()));
    }

    #[tokio::test]
    async fn an_address_has_to_accept_a_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        assert_eq!(looked(Probe::Tcp(address.clone())).await, Ok(()));
        drop(listener);
        let reason = looked(Probe::Tcp(address.clone())).await.unwrap_err();
        assert!(reason.starts_with(&format!("{address}: connection failed: ")), "{reason}");
    }

    /// A server that gives these answers, one a connection; the heads of the requests it got, and where it is.
    async fn answering(answers: Vec<&'static str>) -> (String, tokio::task::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let requests = tokio::spawn(async move {
            let mut requests = Vec::new();
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                requests.push(String::from_utf8(head).unwrap());
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
            requests
        });
        (address, requests)
    }

    fn url(address: &str, status: u16) -> Probe {
        let headers = HeaderMap::from_iter([("x-token".parse().unwrap(), "t".parse().unwrap())]);
        let status = StatusCode::from_u16(status).unwrap();
        Probe::Http { uri: format!("http://{address}/health?deep=1").parse().unwrap(), headers, status }
    }

    #[tokio::test]
    async fn a_url_has_to_answer_with_its_status() {
        let (address, requests) = answering(vec!["HTTP/1.1 204 No Content\r\n\r\n"; 2]).await;
        assert_eq!(looked(url(&address, 204)).await, Ok(()));
        let reason = looked(url(&address, 200)).await.unwrap_err();
        assert!(reason.ends_with("downstream service returned unexpected status: 204"), "{reason}");
        let request = requests.await.unwrap().remove(0);
        assert!(request.starts_with("HEAD /health?deep=1 HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("x-token: t\r\n") && request.contains(&format!("host: {address}\r\n")), "{request}");
    }

    #[tokio::test]
    async fn redirections_are_followed_and_not_for_ever() {
        let moved = "HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\n\r\n";
        let (address, requests) = answering(vec![moved, "HTTP/1.1 200 OK\r\n\r\n"]).await;
        assert_eq!(looked(url(&address, 200)).await, Ok(()));
        assert!(requests.await.unwrap()[1].starts_with("HEAD /elsewhere HTTP/1.1\r\n"));
        let (address, _requests) = answering(vec![moved; 11]).await;
        assert!(looked(url(&address, 200)).await.unwrap_err().contains("stopped after 10 redirects"));
    }

    #[tokio::test]
    async fn a_redirection_to_another_host_gets_no_passwords() {
        let (other, requests) = answering(vec!["HTTP/1.1 200 OK\r\n\r\n"]).await;
        let moved = format!("HTTP/1.1 302 Found\r\nlocation: http://{other}/\r\n\r\n").leak();
        let (address, _requests) = answering(vec![moved]).await;
        assert_eq!(looked(url(&address, 200)).await, Ok(()));
        assert!(!requests.await.unwrap()[0].contains("x-token"));
    }

    #[tokio::test]
    async fn a_url_that_cannot_be_reached_has_failed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(listener);
        assert!(looked(url(&address, 200)).await.unwrap_err().contains("error while checking"));
    }
}
