//! A server in this process, on ports of its own, with its files in a directory of its own.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use super::client::Client;
pub(crate) use super::pair::Pair;
use registry_server::{
    app::{Addresses, App},
    config::{self, Source},
    connection::{Address, Limits},
    shutdown::Shutdown,
    telemetry::Telemetry,
};

/// Runs until dropped.
pub(crate) struct Server {
    files: Files,
    addresses: Addresses,
    shutdown: Shutdown,
    runtime: tokio::runtime::Runtime,
}

/// A directory with what a server reads.
pub(crate) struct Files(tempfile::TempDir);

impl Files {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The directory, as text.
    pub(crate) fn directory(&self) -> String {
        self.0.path().display().to_string()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// Mounts `files` below `directory` as the kubelet does, or replaces what was mounted there.
    pub(crate) fn mount(&self, directory: &str, version: &str, files: &[(&str, &str)]) {
        for (name, text) in files {
            self.write(&format!("{directory}/..{version}/{name}"), text);
        }
        let root = self.path(directory);
        symlink(format!("..{version}"), root.join("..data_tmp")).unwrap();
        fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
        for (name, _) in files {
            let link = root.join(name);
            if !link.is_symlink() {
                symlink(Path::new("..data").join(name), link).unwrap();
            }
        }
    }
}

impl Pair {
    pub(crate) fn files(&self) -> [(&str, &str); 2] {
        [("tls.crt", &self.certificate), ("tls.key", &self.key)]
    }
}

/// A line for an htpasswd file, cheap to check.
pub(crate) fn user(name: &str, password: &str) -> String {
    format!("{name}:{}\n", bcrypt::hash(password, 4).unwrap())
}

impl Server {
    /// A server in memory with the sections of `configuration` besides, in which `DIR` stands for the directory of `files`.
    pub(crate) fn start(files: Files, configuration: &str) -> Self {
        Self::with_limits(files, configuration, Limits::default())
    }

    pub(crate) fn with_limits(files: Files, configuration: &str, limits: Limits) -> Self {
        let directory = files.path("").display().to_string();
        let configuration = configuration.replace("DIR", directory.trim_end_matches('/'));
        let text = format!("version: 0.1\nstorage: inmemory\n{configuration}");
        let variables = [("REGISTRY_HTTP_ADDR", "127.0.0.1:0"), ("REGISTRY_HTTP_DEBUG_ADDR", "127.0.0.1:0")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let loaded = config::load(&Source::File(files.write("config.yml", &text)), variables).unwrap();

        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let app = runtime.block_on(App::build(loaded.settings, limits, Telemetry::default())).unwrap();
        let (addresses, shutdown) = (app.addresses().clone(), app.shutdown());
        runtime.spawn(app.run());
        Self { files, addresses, shutdown, runtime }
    }

    pub(crate) fn files(&self) -> &Files {
        &self.files
    }

    /// Where a test may run what is asynchronous.
    pub(crate) fn runtime(&self) -> &tokio::runtime::Runtime {
        &self.runtime
    }

    pub(crate) fn address(&self) -> SocketAddr {
        match self.addresses.main {
            Address::Tcp(address) => address,
            Address::Unix(_) => unreachable!("servers in this process listen on ports"),
        }
    }

    pub(crate) fn http(&self) -> Client {
        Client::http(self.address())
    }

    pub(crate) fn https(&self, pair: &Pair) -> Client {
        Client::https(self.address(), &pair.der)
    }

    /// The listener for health and metrics.
    pub(crate) fn debug(&self) -> Client {
        Client::http(self.addresses.debug.unwrap())
    }

    /// Asks for the end in good order.
    pub(crate) fn end(&self) {
        self.shutdown.graceful.cancel();
    }

    /// The SHA-256 that the server says is in force for `file`.
    pub(crate) fn version(&self, file: &str) -> String {
        let versions: serde_json::Value = serde_json::from_str(&self.debug().get("/versions").body).unwrap();
        versions[file]["sha256"].as_str().unwrap_or_default().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown.graceful.cancel();
        self.shutdown.immediate.cancel();
    }
}
