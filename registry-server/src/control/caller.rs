//! The command's side.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
};

use super::{Address, LONGEST_LINE, Reply, Request};
use crate::registry::collect::{Line, Options, Summary};

/// Why a server did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// No server listens there.
    #[error("no server that uses the storage directory answers")]
    Unreachable(#[source] io::Error),
    /// It ended or broke off in the middle.
    #[error("the server broke off")]
    Interrupted(#[source] io::Error),
    /// What it says.
    #[error("{0}")]
    Refused(String),
}

/// Has the server that uses `root` collect garbage, and passes on what it tells. Blocks until the end, or until `told`
/// fails, which stops the collection.
///
/// # Errors
/// [`Error::Unreachable`] before anything was done, else [`Error::Interrupted`] or [`Error::Refused`].
pub(crate) fn collect(
    root: &Path,
    options: Options,
    mut told: impl FnMut(Line) -> io::Result<()>,
) -> Result<Summary, Error> {
    let mut stream = connect(root).map_err(Error::Unreachable)?;
    let mut request =
        serde_json::to_vec(&Request::GarbageCollect(options)).map_err(|error| Error::Interrupted(error.into()))?;
    request.push(b'\n');
    stream.write_all(&request).map_err(Error::Interrupted)?;
    let mut reader = BufReader::new(stream);
    loop {
        match read(&mut reader).map_err(Error::Interrupted)? {
            Reply::Line(line) => told(line).map_err(Error::Interrupted)?,
            Reply::Done(summary) => return Ok(summary),
            Reply::Failed(reason) => return Err(Error::Refused(reason)),
        }
    }
}

fn connect(root: &Path) -> io::Result<UnixStream> {
    let address = Address::below(root)?;
    UnixStream::connect(&address.path)
}

fn read(reader: &mut BufReader<UnixStream>) -> io::Result<Reply> {
    let mut line = String::new();
    if reader.take(LONGEST_LINE).read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(serde_json::from_str(&line)?)
}
