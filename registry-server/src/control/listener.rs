//! The server's side.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{
        UnixListener, UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
    time::{sleep, timeout},
};

use super::{Address, LONGEST_LINE, Reply, Request};
use crate::registry::{
    Registry,
    collect::{self, Line, Options},
};

/// How long a caller may take to ask, and to take what it is told.
const PATIENCE: Duration = Duration::from_secs(60);

/// Time between two attempts to become the one that uses the directory.
const RETRY: Duration = Duration::from_secs(1);

/// Lines told ahead of a slow caller.
const AHEAD: usize = 256;

/// Answers callers from when this process is the only one that writes below `root`. Never returns.
pub(crate) async fn serve(registry: Arc<Registry>, root: PathBuf) {
    while !registry.is_only_writer() {
        sleep(RETRY).await;
        // Tries again to take the lock.
        let _ = registry.health().await;
    }
    let (listener, _socket) = match listen(&root) {
        Ok(listening) => listening,
        Err(error) => {
            tracing::warn!(
                directory = %root.display(), %error,
                "no command can reach this server: before garbage-collect it has to be stopped"
            );
            return std::future::pending().await;
        }
    };
    loop {
        match listener.accept().await {
            // One after another: a second collection would be refused anyway.
            Ok((stream, _)) => answer(&registry, stream).await,
            Err(error) => {
                tracing::warn!(%error, "failed to accept a command");
                sleep(RETRY).await;
            }
        }
    }
}

/// A socket's name, which goes with it.
struct Socket(Address);

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0.path);
    }
}

fn listen(root: &Path) -> io::Result<(UnixListener, Socket)> {
    Address::make_directory(root)?;
    let address = Address::below(root)?;
    // The lock of the directory is ours, so whoever made this is gone.
    match fs::remove_file(&address.path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&address.path)?;
    fs::set_permissions(&address.path, fs::Permissions::from_mode(0o600))?;
    Ok((listener, Socket(address)))
}

async fn answer(registry: &Registry, stream: UnixStream) {
    if !may_ask(&stream) {
        return;
    }
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    match timeout(PATIENCE, read(&mut reader)).await {
        Ok(Ok(Request::GarbageCollect(options))) => collect(registry, options, reader, writer).await,
        Ok(Err(error)) => {
            let _ =
                tell(&mut writer, &Reply::Failed(format!("the server does not understand the command: {error}"))).await;
        }
        Err(_) => {}
    }
}

/// Whether the caller is root or this server's user. The socket's mode says the same, but not on every file system.
fn may_ask(stream: &UnixStream) -> bool {
    let own = rustix::process::geteuid().as_raw();
    stream.peer_cred().is_ok_and(|peer| peer.uid() == 0 || peer.uid() == own)
}

async fn read(reader: &mut BufReader<OwnedReadHalf>) -> io::Result<Request> {
    let mut line = String::new();
    reader.take(LONGEST_LINE).read_line(&mut line).await?;
    Ok(serde_json::from_str(&line)?)
}

/// Collects while somebody listens.
async fn collect(
    registry: &Registry,
    options: Options,
    mut reader: BufReader<OwnedReadHalf>,
    mut writer: OwnedWriteHalf,
) {
    tracing::info!(?options, "garbage collection begins");
    let (lines, told) = mpsc::channel(AHEAD);
    let (result, ()) = tokio::join!(registry.collect(options, lines), pass_on(told, &mut reader, &mut writer));
    report(&result);
    let reply = match result {
        Ok(summary) => Reply::Done(summary),
        Err(error) => Reply::Failed(chain(&error)),
    };
    let _ = tell(&mut writer, &reply).await;
}

/// Tells the caller what is told, until the end or until it goes away. The end of `told` stops the collection.
async fn pass_on(mut told: mpsc::Receiver<Line>, reader: &mut BufReader<OwnedReadHalf>, writer: &mut OwnedWriteHalf) {
    loop {
        let line = tokio::select! {
            line = told.recv() => line,
            // A caller says nothing more: this is its end.
            _ = reader.read_u8() => return,
        };
        let Some(line) = line else { return };
        if tell(writer, &Reply::Line(line)).await.is_err() {
            return;
        }
    }
}

fn report(result: &Result<collect::Summary, collect::Error>) {
    match result {
        Ok(summary) => tracing::info!("garbage collection ended: {summary}"),
        Err(error @ (collect::Error::Stopped | collect::Error::Running)) => tracing::info!("{error}"),
        Err(error) => tracing::error!(error = error as &dyn std::error::Error, "failed to collect garbage"),
    }
}

/// An error and what caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

async fn tell(writer: &mut OwnedWriteHalf, reply: &Reply) -> io::Result<()> {
    let mut line = serde_json::to_vec(reply)?;
    line.push(b'\n');
    timeout(PATIENCE, writer.write_all(&line)).await?
}
