//! What connections are accepted from: a TCP port, or a socket in the file system.

use std::{
    fmt, io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    os::unix::fs::FileTypeExt,
    path::{Path, PathBuf},
};

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// A socket that listens.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixSocket),
}

/// A connection before anything was said.
#[derive(Debug)]
pub(crate) enum Connected {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// Who is at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// A machine.
    Tcp(SocketAddr),
    /// A process of this machine.
    Unix,
}

impl fmt::Display for Peer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(formatter),
            // As Go writes the end of a socket that has no name.
            Self::Unix => formatter.write_str("@"),
        }
    }
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// An address and port of this machine.
    Tcp(SocketAddr),
    /// The path of a socket.
    Unix(PathBuf),
}

impl fmt::Display for Address {
    /// As people write it: without a host when it is every address.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) if address.ip().is_unspecified() => write!(formatter, ":{}", address.port()),
            Self::Tcp(address) => address.fmt(formatter),
            Self::Unix(path) => write!(formatter, "unix:{}", path.display()),
        }
    }
}

impl Listener {
    /// Binds `host:port`. An empty host is every address, of IPv6 too where the machine has it.
    pub(crate) async fn tcp(address: &str) -> io::Result<Self> {
        let everywhere = address.strip_prefix(':').and_then(|port| port.parse::<u16>().ok());
        let Some(port) = everywhere else {
            return TcpListener::bind(address).await.map(Self::Tcp);
        };
        match TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).await {
            Ok(listener) => Ok(Self::Tcp(listener)),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(error),
            Err(_) => TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await.map(Self::Tcp),
        }
    }

    /// Binds a socket in the file system, with the permissions that the umask leaves.
    pub(crate) fn unix(path: &Path) -> io::Result<Self> {
        remove_stale(path)?;
        UnixListener::bind(path).map(|listener| Self::Unix(UnixSocket { listener, path: path.to_owned() }))
    }

    /// Where it listens, with the port that was given for port 0.
    pub(crate) fn address(&self) -> io::Result<Address> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(Address::Tcp),
            Self::Unix(socket) => Ok(Address::Unix(socket.path.clone())),
        }
    }

    pub(super) async fn accept(&self) -> io::Result<(Connected, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                // A client of IPv4 is one, whatever the socket speaks.
                let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
                Ok((Connected::Tcp(stream), Peer::Tcp(peer)))
            }
            Self::Unix(socket) => {
                socket.listener.accept().await.map(|(stream, _)| (Connected::Unix(stream), Peer::Unix))
            }
        }
    }
}

/// A socket in the file system, which goes when this does.
#[derive(Debug)]
pub(crate) struct UnixSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl Drop for UnixSocket {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::debug!(%error, "failed to remove socket {}", self.path.display());
        }
    }
}

/// Removes the socket that a server left behind. One that somebody listens on stays, and so does what is no socket.
fn remove_stale(path: &Path) -> io::Result<()> {
    let kind = match std::fs::symlink_metadata(path) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !kind.is_socket() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "the file exists and is no socket"));
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path),
        Err(error) => Err(error),
        Ok(_) => Err(io::ErrorKind::AddrInUse.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(result: io::Result<Listener>) -> Option<io::ErrorKind> {
        result.err().map(|error| error.kind())
    }

    #[tokio::test]
    async fn a_socket_left_behind_is_replaced_and_one_in_use_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("registry.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "a process that ends leaves its socket behind");

        let listener = Listener::unix(&path).unwrap();
        assert_eq!(kind(Listener::unix(&path)), Some(io::ErrorKind::AddrInUse));
        drop(listener);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_file_that_is_no_socket_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("registry.sock");
        std::fs::write(&path, "precious").unwrap();
        assert_eq!(kind(Listener::unix(&path)), Some(io::ErrorKind::AlreadyExists));
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
    }
}
