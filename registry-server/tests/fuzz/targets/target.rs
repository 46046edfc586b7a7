//! A whole request on a directory: `METHOD target`, header lines, an empty line, a body.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use axum::body::Body;
use http::{HeaderName, HeaderValue, Request};
use registry_server::storage::filesystem::{self, Filesystem};

use crate::{oracle, world::World};

/// A server whose directory lies in another one that has to stay as it is.
struct Yard {
    outside: tempfile::TempDir,
    world: World,
}

thread_local! {
    static YARD: Yard = Yard::new();
}

pub(crate) fn check(input: &[u8]) {
    let Some(request) = request(input) else { return };
    YARD.with(|yard| {
        let reads = request.method().is_safe();
        let reply = yard.world.send(request);
        reply.assert_is_in_order();
        if !reads && reply.status.is_success() {
            yard.assert_nothing_is_outside();
        }
    });
}

/// `None` for what never gets past a connection, because it is no HTTP.
fn request(input: &[u8]) -> Option<Request<Body>> {
    let end = input.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = end.map_or((input, &[][..]), |end| (&input[..end], &input[end + 2..]));
    let mut lines = head.split(|&byte| byte == b'\n');
    let mut words = lines.next()?.splitn(2, |&byte| byte == b' ');
    let mut request = Request::builder().method(words.next()?).uri(words.next()?);
    for line in lines {
        let mut parts = line.splitn(2, |&byte| byte == b':');
        let name = HeaderName::from_bytes(parts.next()?).ok()?;
        request = request.header(name, HeaderValue::from_bytes(parts.next()?.trim_ascii()).ok()?);
    }
    request.body(Body::from(body.to_vec())).ok()
}

impl Yard {
    fn new() -> Self {
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("neighbour"), "untouched").unwrap();
        let store = Filesystem::open(outside.path().join("a/root"), filesystem::Options::default()).unwrap();
        Self { outside, world: World::on(store) }
    }

    fn assert_nothing_is_outside(&self) {
        let root = self.outside.path().join("a/root");
        assert_eq!(names(self.outside.path()), ["a", "neighbour"].map(PathBuf::from).into());
        assert_eq!(names(&self.outside.path().join("a")), [PathBuf::from("root")].into());
        assert_eq!(fs::read(self.outside.path().join("neighbour")).unwrap(), b"untouched");
        assert_stay_below(&root, &root);
    }
}

fn names(directory: &Path) -> BTreeSet<PathBuf> {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into()).collect()
}

/// Every file has a key that the layout can have made, and none is a link to elsewhere.
fn assert_stay_below(root: &Path, directory: &Path) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() {
            assert_stay_below(root, &path);
        } else {
            assert!(kind.is_file(), "{} is no file", path.display());
            oracle::assert_stays_below_the_root(path.strip_prefix(root).unwrap().to_str().unwrap());
        }
    }
}
