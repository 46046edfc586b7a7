//! A server in this process with a directory of its own, and what there is to be left behind in it.

use std::{
    collections::BTreeSet,
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use registry_server::{
    app::{Addresses, App},
    config::{self, Purge, Source},
    connection::{Address, Limits},
    registry::Registry,
    shutdown::Shutdown,
    storage::filesystem::{self, Filesystem},
    telemetry::Telemetry,
};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, crypto::aws_lc_rs};
use rustls_pki_types::ServerName;
use tokio::runtime::Runtime;

pub(crate) use super::pair::Pair;
use super::{
    eventually,
    wire::{Answer, Wire, request},
};

/// Runs until dropped.
pub(crate) struct Server {
    directory: tempfile::TempDir,
    addresses: Addresses,
    shutdown: Shutdown,
    runtime: Runtime,
}

/// What a server is made from, beyond the usual.
#[derive(Default)]
pub(crate) struct Setup<'a> {
    pub(crate) limits: Limits,
    /// Sections of the configuration, in which `DIR` is the server's directory.
    pub(crate) configuration: &'a str,
    /// Files in that directory.
    pub(crate) files: &'a [(&'a str, &'a str)],
    pub(crate) purge: Option<Purge>,
    pub(crate) deletion_is_off: bool,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::with(Setup::default())
    }

    pub(crate) fn with_limits(limits: Limits) -> Self {
        Self::with(Setup { limits, ..Setup::default() })
    }

    pub(crate) fn with(setup: Setup<'_>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().display().to_string();
        for (name, text) in setup.files {
            fs::write(directory.path().join(name), text).unwrap();
        }
        let text = format!(
            "version: 0.1\nstorage: {{filesystem: {{rootdirectory: DIR/images}}, delete: {{enabled: {}}}}}\n{}\n",
            !setup.deletion_is_off, setup.configuration
        );
        fs::write(directory.path().join("config.yml"), text.replace("DIR", &path)).unwrap();
        let variables = [
            ("REGISTRY_HTTP_ADDR", "127.0.0.1:0"),
            ("REGISTRY_HTTP_DEBUG_ADDR", "127.0.0.1:0"),
            ("REGISTRY_HTTP_DEBUG_PROMETHEUS_ENABLED", "true"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut settings =
            config::load(&Source::File(directory.path().join("config.yml")), variables).unwrap().settings;
        settings.storage.purge = setup.purge;

        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let app = runtime.block_on(App::build(settings, setup.limits, Telemetry::default())).unwrap();
        let (addresses, shutdown) = (app.addresses().clone(), app.shutdown());
        runtime.spawn(app.run());
        Self { directory, addresses, shutdown, runtime }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        match &self.addresses.main {
            Address::Tcp(address) => *address,
            Address::Unix(_) => unreachable!("servers in this process listen on ports"),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn connect(&self) -> Wire {
        Wire::connect(self.address())
    }

    /// An honest request on a connection of its own.
    #[track_caller]
    pub(crate) fn call(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let headers = [headers, &[("connection", "close")]].concat();
        self.connect().send(request(method, target, &headers, body)).answer().unwrap()
    }

    #[track_caller]
    pub(crate) fn get(&self, target: &str) -> Answer {
        self.call("GET", target, &[], b"")
    }

    /// Stores a blob; its digest.
    #[track_caller]
    pub(crate) fn push_blob(&self, repository: &str, content: &[u8]) -> String {
        let digest = super::sha256(content);
        let answer = self.call("POST", &format!("/v2/{repository}/blobs/uploads/?digest={digest}"), &[], content);
        assert_eq!(answer.status, 201, "{answer:?}");
        digest
    }

    /// Begins an upload session; its path.
    #[track_caller]
    pub(crate) fn begin_upload(&self, repository: &str) -> String {
        let answer = self.call("POST", &format!("/v2/{repository}/blobs/uploads/"), &[], b"");
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.location()
    }

    /// As [`push_blob`](Self::push_blob) of a server with a certificate.
    #[track_caller]
    pub(crate) fn push_blob_over_tls(&self, pair: &Pair, content: &[u8]) -> String {
        let digest = super::sha256(content);
        let mut stream = pair.connect(self.address());
        let target = format!("/v2/a/blobs/uploads/?digest={digest}");
        stream.write_all(&request("POST", &target, &[("connection", "close")], content)).unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).unwrap();
        assert_eq!(&status, b"HTTP/1.1 201");
        digest
    }

    /// The files there are once nobody is connected and abandoned uploads are purged.
    #[track_caller]
    pub(crate) fn settled(&self) -> BTreeSet<PathBuf> {
        eventually("connections and requests end", || self.busy() == (0, 0));
        self.purge();
        self.files()
    }

    /// Nothing is left of hostile clients, and others are served.
    #[track_caller]
    pub(crate) fn assert_holds(&self, before: &BTreeSet<PathBuf>) {
        // Connections are accepted in turn: once this one is answered, those of hostile clients have been.
        assert_eq!(self.get("/v2/").status, 200, "others are not served");
        // A file operation that was under way when its request ended comes to its end a moment later.
        eventually("a purge leaves no more than there was before", || self.settled() == *before);
    }

    /// Open connections and requests in flight, by the server's own account.
    pub(crate) fn busy(&self) -> (u64, u64) {
        let address = self.addresses.debug.unwrap();
        let answer = Wire::connect(address).send(request("GET", "/metrics", &[("connection", "close")], b"")).answer();
        let metrics = answer.unwrap().text();
        // With labels or without: the sum.
        let gauge = |name: &str| -> u64 {
            let lines =
                metrics.lines().filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{'])));
            lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
        };
        (gauge("registry_http_connections"), gauge("registry_http_in_flight_requests"))
    }

    /// As the server's own upkeep does after a week.
    fn purge(&self) {
        let images = self.directory.path().join("images");
        let store = Filesystem::open(images, filesystem::Options::default()).unwrap();
        self.runtime.block_on(Registry::new(store).purge_uploads(Duration::ZERO)).unwrap();
    }

    /// Every file of the storage. What the server derives from them, below `private-registry`, is its own business.
    pub(crate) fn files(&self) -> BTreeSet<PathBuf> {
        let mut files = BTreeSet::new();
        collect(&self.directory.path().join("images/docker"), &mut files);
        files
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown.graceful.cancel();
        self.shutdown.immediate.cancel();
    }
}

fn collect(directory: &Path, files: &mut BTreeSet<PathBuf>) {
    // What is being removed may be gone already.
    for entry in fs::read_dir(directory).into_iter().flatten().map_while(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.insert(path);
        }
    }
}

impl Pair {
    /// A connection that trusts this certificate alone.
    fn connect(&self, address: SocketAddr) -> StreamOwned<ClientConnection, TcpStream> {
        let connection = ClientConnection::new(self.client(&[]), ServerName::try_from("localhost").unwrap()).unwrap();
        StreamOwned::new(connection, TcpStream::connect(address).unwrap())
    }

    /// A client that trusts this certificate alone and speaks these protocols.
    pub(crate) fn client(&self, protocols: &[&[u8]]) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Arc::new(config)
    }

    /// A server with this certificate.
    pub(crate) fn serving(&self, limits: Limits) -> Server {
        Server::with(Setup {
            limits,
            configuration: "http: {tls: {certificate: DIR/tls.crt, key: DIR/tls.key}}",
            files: &[("tls.crt", &self.certificate), ("tls.key", &self.key)],
            ..Setup::default()
        })
    }
}
