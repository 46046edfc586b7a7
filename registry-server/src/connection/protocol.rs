//! Which HTTP a client begins with on a connection without TLS (RFC 9113, "Starting HTTP/2 with Prior Knowledge").

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

/// What HTTP/2 begins with. No method of HTTP/1.1 does.
const PREFACE: &[u8] = b"PRI ";

/// Reads enough to know, and gives the stream back with what was read still in it, and whether it is HTTP/2.
pub(super) async fn detect<S>(stream: S) -> io::Result<(impl AsyncRead + AsyncWrite + Unpin + Send + 'static, bool)>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut reader, writer) = tokio::io::split(stream);
    let mut begin = [0; PREFACE.len()];
    let mut length = 0;
    while length < PREFACE.len() && begin[..length] == PREFACE[..length] {
        let read = reader.read(&mut begin[length..]).await?;
        if read == 0 {
            break;
        }
        length += read;
    }
    let begin = io::Cursor::new(bytes::Bytes::copy_from_slice(&begin[..length]));
    let http2 = begin.get_ref() == PREFACE;
    Ok((tokio::io::join(begin.chain(reader), writer), http2))
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    async fn detected(pieces: &[&[u8]]) -> (bool, Vec<u8>) {
        let (mut client, server) = tokio::io::duplex(1);
        let pieces: Vec<Vec<u8>> = pieces.iter().map(|piece| piece.to_vec()).collect();
        let writing = tokio::spawn(async move {
            for piece in pieces {
                client.write_all(&piece).await.unwrap();
            }
        });
        let (mut stream, http2) = detect(server).await.unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        writing.await.unwrap();
        (http2, all)
    }

    #[tokio::test]
    async fn the_first_bytes_tell_and_stay() {
        assert_eq!(detected(&[b"PRI * HTTP/2.0"]).await, (true, b"PRI * HTTP/2.0".to_vec()));
        assert_eq!(detected(&[b"P", b"UT / HTTP/1.1"]).await, (false, b"PUT / HTTP/1.1".to_vec()));
        assert_eq!(detected(&[b"GET"]).await, (false, b"GET".to_vec()));
        assert_eq!(detected(&[]).await, (false, Vec::new()));
    }
}
