//! The registries that are asked: started when the first rule needs them, gone when dropped.

use std::{fmt, fs, path::Path, sync::OnceLock};

use base64::{Engine, engine::general_purpose::STANDARD};
use registry_server::{
    app::App,
    config::{self, Source},
    connection::Limits,
    telemetry::Telemetry,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::{
    client::{Client, Identity},
    process::Process,
    target::Target,
};

const USER: &str = "harbour";
const PASSWORD: &str = "mole and pier";

/// What everybody may do: everything below `conformance`, and push to `hidden` without being able to pull from there.
const RULES: &str = "
rules:
  - {users: [harbour], anonymous: true, repositories: [conformance/**], actions: [pull, push, delete]}
  - {users: [harbour], anonymous: true, repositories: [hidden/**], actions: [push]}
";

/// How a registry is reached, and what it keeps its content in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Way {
    reach: Reach,
    store: Store,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    /// Its router is called.
    InProcess,
    /// A process of its own, over plain HTTP.
    Http,
    /// A process of its own, over TLS, for a user with a password.
    Https,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Store {
    Memory,
    Filesystem,
}

impl Way {
    /// Every way.
    pub(crate) const ALL: [Self; 6] = [
        Self { reach: Reach::InProcess, store: Store::Memory },
        Self { reach: Reach::InProcess, store: Store::Filesystem },
        Self { reach: Reach::Http, store: Store::Memory },
        Self { reach: Reach::Http, store: Store::Filesystem },
        Self { reach: Reach::Https, store: Store::Memory },
        Self { reach: Reach::Https, store: Store::Filesystem },
    ];
}

impl fmt::Display for Way {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reach = match self.reach {
            Reach::InProcess => "router",
            Reach::Http => "http",
            Reach::Https => "https",
        };
        let store = match self.store {
            Store::Memory => "memory",
            Store::Filesystem => "filesystem",
        };
        write!(formatter, "{reach} {store}")
    }
}

/// A registry of its own for this program.
pub(crate) struct Registry {
    way: Way,
    started: OnceLock<Started>,
}

struct Started {
    target: Target,
    /// Before the directory, which it writes to.
    _process: Option<Process>,
    _directory: TempDir,
}

impl Registry {
    pub(crate) fn new(way: Way) -> Self {
        Self { way, started: OnceLock::new() }
    }

    pub(crate) fn way(&self) -> Way {
        self.way
    }

    pub(crate) fn target(&self, runtime: &Runtime) -> &Target {
        &self.started.get_or_init(|| start(self.way, runtime)).target
    }
}

fn start(way: Way, runtime: &Runtime) -> Started {
    let directory = tempfile::tempdir().unwrap();
    let identity = (way.reach == Reach::Https).then(Identity::new);
    let file = configure(directory.path(), way.store, identity.as_ref());
    let (target, process) = match way.reach {
        Reach::InProcess => {
            let settings = config::load(&Source::File(file), []).unwrap().settings;
            let app = runtime.block_on(App::build(settings, Limits::default(), Telemetry::default())).unwrap();
            (Target::router(app.router()), None)
        }
        Reach::Http | Reach::Https => {
            let process = Process::start(&file);
            let mut client = Client::new(process.address());
            if let Some(identity) = &identity {
                client = client.trusting(identity).with_authorization(&authorization());
            }
            (Target::socket(client), Some(process))
        }
    };
    Started { target, _process: process, _directory: directory }
}

fn authorization() -> String {
    format!("Basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}")))
}

/// Writes a configuration and what it names; the path of the former.
fn configure(directory: &Path, store: Store, identity: Option<&Identity>) -> std::path::PathBuf {
    let write = |name: &str, text: &str| {
        let path = directory.join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let mut configuration = json!({
        "version": "0.1",
        "log": { "accesslog": { "disabled": true } },
        "storage": match store {
            Store::Memory => json!({ "inmemory": {}, "delete": { "enabled": true } }),
            Store::Filesystem => json!({
                "filesystem": { "rootdirectory": directory.join("registry") },
                "delete": { "enabled": true },
            }),
        },
        "http": { "addr": "127.0.0.1:0" },
        "access": { "path": write("access.yml", RULES) },
    });
    if let Some(identity) = identity {
        let line = format!("{USER}:{}\n", bcrypt::hash(PASSWORD, 4).unwrap());
        configuration["auth"] = json!({ "htpasswd": { "realm": "Conformance", "path": write("htpasswd", &line) } });
        let pair: Value = json!({
            "certificate": write("tls.crt", &identity.certificate),
            "key": write("tls.key", &identity.key),
        });
        configuration["http"]["tls"] = pair;
    }
    write("config.yml", &configuration.to_string())
}
