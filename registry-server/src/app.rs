//! The server as a whole: from [`Settings`] to sockets, storage, users and routes, and the tasks that run until the end.

mod announcement;
mod upkeep;

use std::{io, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use axum::Router;
use registry_config::Secret;
use tokio::task::JoinSet;
use uuid::Uuid;

use self::announcement::Announcement;
use crate::{
    auth::{self, Gate},
    config::{self, Driver, Settings},
    connection::{self, Address, Endpoint, Limits, Listener},
    control,
    health::Health,
    http::{
        self, Context, Options,
        access_log::AccessLog,
        health::{Subject, while_well},
    },
    metrics::Metrics,
    registry::Registry,
    reload::Poll,
    shutdown::Shutdown,
    storage::{
        filesystem::{self, Filesystem},
        memory::Memory,
        timed::Timed,
    },
    telemetry::Telemetry,
    tls,
};

/// Largest manifest accepted. Both the reference's limit and the least the specification asks for.
const MANIFEST_BYTES: usize = 4 << 20;

/// How long probes and metrics are still answered once the registry itself has ended.
const DEBUG_DRAIN: Duration = Duration::from_secs(1);

/// A server with its sockets bound, ready to run.
pub struct App {
    main: Endpoint,
    debug: Option<Endpoint>,
    addresses: Addresses,
    registry: Arc<Registry>,
    reloading: Vec<Arc<dyn Poll>>,
    certificate: Option<Arc<crate::reload::Reloading<tls::Material>>>,
    metrics: Metrics,
    health: Health,
    settings: Settings,
    shutdown: Shutdown,
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// The registry.
    pub main: Address,
    /// Health and metrics.
    pub debug: Option<SocketAddr>,
}

/// Why there is no server, or none any more.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A socket cannot be bound.
    #[error("failed to listen on {address} ({key}): {}", advice(source))]
    Listen {
        /// The key of the configuration.
        key: &'static str,
        /// Its value.
        address: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The storage cannot be used.
    #[error(transparent)]
    Storage(#[from] filesystem::OpenError),
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] tls::Error),
    /// Users or rules cannot be used.
    #[error(transparent)]
    Auth(#[from] auth::Error),
    /// A task that runs as long as the server ended; the server must not go on without it.
    #[error("the task for {0} ended unexpectedly")]
    TaskEnded(&'static str),
    /// A task could not be run to its end.
    #[error("a task failed")]
    Task(#[from] tokio::task::JoinError),
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "ports below 1024 are for root or NET_BIND_SERVICE; choose another port",
        io::ErrorKind::AddrInUse => "another process listens there; end it or choose another port",
        io::ErrorKind::AlreadyExists => "choose a path where nothing is, or remove what is there",
        _ => "the address has to be one of this machine",
    }
}

impl App {
    /// Opens the storage, loads certificate, users and rules, and binds the sockets. Requests are told of by `telemetry`.
    ///
    /// # Errors
    /// When one of them cannot be used; the text says what to change.
    pub async fn build(settings: Settings, limits: Limits, telemetry: Telemetry) -> Result<Self, Error> {
        let metrics = Metrics::counting(telemetry.lost);
        let shutdown = Shutdown::default();
        let gate = Gate::new(settings.htpasswd.as_ref(), settings.access.as_deref(), metrics.auth.clone())?;
        let certificate = settings.http.tls.as_ref().map(|tls| tls::open(tls, settings.http.http2)).transpose()?;
        let certificate = certificate.map(Arc::new);
        let registry = Arc::new(open_registry(&settings, &metrics).await?);

        let health = Health::default();
        let listener = bind("http.addr", &settings.http.address).await?;
        let mut addresses = Addresses { main: listener.address().map_err(unbound)?, debug: None };
        let context =
            Context { registry: Arc::clone(&registry), gate: gate.clone(), options: Arc::new(options(&settings)) };
        let main = Endpoint {
            listener,
            tls: certificate.clone(),
            http2: if certificate.is_some() { settings.http.http2 } else { settings.http.h2c },
            router: while_well(http::router(context), health.clone()),
            log: Some(AccessLog::new(metrics.requests.clone(), telemetry.access)),
            connections: metrics.connections().clone(),
            limits: limits.clone(),
        };
        let debug = match &settings.http.debug {
            None => None,
            Some(debug) => {
                let listener = bind("http.debug.addr", &config::Address::Tcp(debug.address.clone())).await?;
                if let Address::Tcp(address) = listener.address().map_err(unbound)? {
                    addresses.debug = Some(address);
                }
                let subject = Subject {
                    health: health.clone(),
                    gate: gate.clone(),
                    certificate: certificate.clone(),
                    metrics: metrics.clone(),
                    metrics_path: debug.metrics.clone(),
                    ending: shutdown.graceful.clone(),
                };
                Some(debug_endpoint(listener, subject, limits))
            }
        };
        let mut reloading = gate.reloading();
        reloading.extend(certificate.iter().map(|certificate| Arc::clone(certificate) as Arc<dyn Poll>));
        Ok(Self { main, debug, addresses, registry, reloading, certificate, metrics, health, settings, shutdown })
    }

    /// Where the server listens, with the port that was given for port 0.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The registry's routes, for tests that need no sockets.
    pub fn router(&self) -> Router {
        self.main.router.clone()
    }

    /// What asks the server to end.
    pub fn shutdown(&self) -> Shutdown {
        self.shutdown.clone()
    }

    /// What the server does, in a sentence, and what its owner may have overlooked.
    pub fn announcement(&self) -> Announcement {
        Announcement::new(&self.settings, &self.addresses)
    }

    /// Serves until [`shutdown`](Self::shutdown) asks for the end.
    ///
    /// # Errors
    /// When a task ends that must not; the server has ended then.
    pub async fn run(self) -> Result<(), Error> {
        let Self { main, debug, reloading, certificate, metrics, health, settings, shutdown, registry, addresses: _ } =
            self;
        let drain = settings.http.drain;
        let mut tasks = JoinSet::new();
        let (measured, volume) = (Arc::clone(&registry), metrics.storage.volume.clone());
        tasks.spawn(async {
            upkeep::measure(measured, volume).await;
            "measuring the volume"
        });
        let background = upkeep::reload(reloading, certificate, metrics);
        tasks.spawn(async {
            background.await;
            "reloading files"
        });
        let (checks, checked) = (settings.health, Arc::clone(&registry));
        tasks.spawn(async {
            health.watch(checks, checked).await;
            "health checks"
        });
        if !settings.storage.read_only {
            tend(&mut tasks, &registry, settings.storage);
        }
        // Answers probes until the registry itself has ended, so that readiness can say so.
        let debug_shutdown = Shutdown::default();
        let ended = debug_shutdown.clone();
        if let Some(debug) = debug {
            tasks.spawn(async move {
                connection::serve(debug, debug_shutdown, DEBUG_DRAIN).await;
                "health and metrics"
            });
        }
        let mut serving = tokio::spawn(connection::serve(main, shutdown.clone(), drain));
        tokio::select! {
            result = &mut serving => {
                result?;
                if !shutdown.graceful.is_cancelled() {
                    return Err(Error::TaskEnded("serving requests"));
                }
            }
            Some(ended) = tasks.join_next() => {
                serving.abort();
                return Err(Error::TaskEnded(ended?));
            }
        }
        ended.graceful.cancel();
        tasks.shutdown().await;
        Ok(())
    }
}

/// What is done about the storage beside requests.
fn tend(tasks: &mut JoinSet<&'static str>, registry: &Arc<Registry>, storage: config::Storage) {
    let indexed = Arc::clone(registry);
    tasks.spawn(async {
        upkeep::index(indexed).await;
        "reading repositories"
    });
    let abandoned = Arc::clone(registry);
    tasks.spawn(async {
        upkeep::remove_abandoned(abandoned).await;
        "removing uploads that were given up"
    });
    if let Some(purge) = storage.purge {
        let purged = Arc::clone(registry);
        tasks.spawn(async move {
            upkeep::purge(purged, purge).await;
            "purging uploads"
        });
    }
    if let Driver::Filesystem(root) = storage.driver {
        let collected = Arc::clone(registry);
        tasks.spawn(async {
            control::serve(collected, root).await;
            "commands"
        });
    }
}

fn unbound(source: io::Error) -> Error {
    Error::Listen { key: "http", address: "a bound socket".to_owned(), source }
}

fn options(settings: &Settings) -> Options {
    Options {
        host: settings.http.host.clone(),
        relative_urls: settings.http.relative_urls,
        prefix: settings.http.prefix.clone(),
        // Nobody has to verify it; a replica of the reference that does has the same secret configured.
        secret: settings.http.secret.clone().unwrap_or_else(|| Secret(Uuid::new_v4().to_string())),
        headers: settings.http.headers.clone(),
        delete_enabled: settings.storage.delete_enabled,
        read_only: settings.storage.read_only,
        catalog_max_entries: settings.catalog_max_entries,
        tags_max: settings.tags_max,
        manifest_max_bytes: MANIFEST_BYTES,
    }
}

/// Plain HTTP without a log: probes come every few seconds.
fn debug_endpoint(listener: Listener, subject: Subject, limits: Limits) -> Endpoint {
    Endpoint {
        listener,
        tls: None,
        http2: false,
        router: http::health::router(subject),
        log: None,
        connections: prometheus_client::metrics::gauge::Gauge::default(),
        limits: Limits { connections: 64, ..limits },
    }
}

async fn open_registry(settings: &Settings, metrics: &Metrics) -> Result<Registry, Error> {
    let timings = metrics.storage.of(settings.storage.driver.name());
    let registry = match settings.storage.driver.clone() {
        Driver::Memory => Registry::new(Timed::new(Memory::default(), timings)),
        Driver::Filesystem(root) => {
            let options = filesystem::Options { read_only: settings.storage.read_only };
            let open = move || Filesystem::open(root, options).inspect(Filesystem::join_others);
            Registry::new(Timed::new(tokio::task::spawn_blocking(open).await??, timings))
        }
    };
    Ok(registry.validating(settings.validation.clone()).counting(metrics.storage.cache.clone()))
}

async fn bind(key: &'static str, address: &config::Address) -> Result<Listener, Error> {
    let (bound, shown) = match address {
        config::Address::Tcp(address) => (Listener::tcp(address).await, address.clone()),
        config::Address::Unix(path) => (Listener::unix(path), shown(path)),
    };
    bound.map_err(|source| Error::Listen { key, address: shown, source })
}

/// A path in the settings, for messages.
fn shown(path: &Path) -> String {
    path.display().to_string()
}
