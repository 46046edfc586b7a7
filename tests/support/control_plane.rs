//! A control plane of the test's own: a real etcd, a real kube-apiserver and the operator, as processes. No nodes.
//!
//! They listen on an address of this machine's loopback that nobody else has, with certificates, RBAC and an audit log.
//!
//! ```text
//!   on_control_plane("drift", async |stage| {                  a namespace on the control plane that the process shares
//!       let operator = stage.operator().start().await?;        the operator as it is shipped, for that namespace
//!       let _controllers = stage.play_controllers();           what kubelet and others would say, where a test needs Ready
//!       let team = stage.namespace.registry("team").ready().await?;
//!       operator.requests().await?                             what it has asked of the API server
//!   })
//!   beside_a_registry("fields", "{}", async |stage, team| ...) the same in short, where all that only has to be there
//!   on_own_control_plane("faults", Options::default(), ...)    one that the test may kill
//! ```
//!
//! Garbage collection, the end of namespaces and the like are kube-controller-manager's: [`Options`] starts it.
//! Nothing of it outlives the test's process, however that ends: see `process`.

mod access;
mod controllers;
mod definitions;
mod fault;
mod folder;
mod installation;
mod node;
mod operator;
mod pod;
mod process;
mod programs;
mod proxy;
mod requests;
mod stage;
mod witness;

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result, ensure};
use kube::{Client, Config};
use uuid::Uuid;

pub use self::access::Identity;
pub use self::controllers::Controllers;
pub use self::fault::{Asked, Fault, after, first};
pub use self::node::{CANARY_HOST, PlayedNode};
pub use self::operator::{Operator, OperatorRequest};
pub use self::pod::PlayedPod;
pub use self::process::Process;
pub use self::programs::audit_folder;
pub use self::proxy::Proxy;
pub use self::requests::Requests;
pub use self::stage::{Stage, beside_a_registry, on_control_plane, on_own_control_plane};
pub use self::witness::Witness;

use crate::wait::until_true;
use crate::{manifest, program};

use self::access::Authorities;
use self::folder::Folder;

/// What a control plane of one's own has beside etcd and API server.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// kube-controller-manager: garbage collection, the end of namespaces, tokens, endpoints, the content of Deployments.
    pub controller_manager: bool,
    /// Further flags of kube-apiserver.
    pub api_server_flags: Vec<String>,
}

/// A running control plane; it ends when dropped, or with the test's process.
#[derive(Debug)]
pub struct ControlPlane {
    // In the order in which they end.
    controller_manager: Mutex<Option<Process>>,
    api_server: Mutex<Process>,
    etcd: Process,
    address: Ipv4Addr,
    authorities: Authorities,
    options: Options,
    folder: Folder,
}

impl ControlPlane {
    /// Starts one, waits until it answers, and installs the definition, the account and the rights of the operator.
    pub async fn start(options: Options) -> Result<Self> {
        // One implementation of TLS for all clients of this process; a second call finds it set already.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let folder = Folder::new()?;
        let address = own_address();
        let authorities = Authorities::new(folder.path(), address)?;
        let etcd = programs::etcd(&folder, address)?;
        let api_server = programs::api_server(&folder, address, &options)?;
        let plane = Self {
            controller_manager: Mutex::new(None),
            api_server: Mutex::new(api_server),
            etcd,
            address,
            authorities,
            options,
            folder,
        };
        plane.until_ready().await?;
        plane.install().await?;
        if plane.options.controller_manager {
            plane.start_controller_manager()?;
        }
        Ok(plane)
    }

    /// Installs the definition, the account and the rights of the operator as they are shipped, in place of what there is of them.
    pub async fn install(&self) -> Result<()> {
        let installed = installation::install(&self.client().await?).await;
        installed.context("failed to install the operator's definition and rights")
    }

    fn start_controller_manager(&self) -> Result<()> {
        let kubeconfig = self.kubeconfig_file(&Identity::Administrator, "controller-manager")?;
        let process = programs::controller_manager(&self.folder, &kubeconfig)?;
        *self.controller_manager.lock().unwrap_or_else(PoisonError::into_inner) = Some(process);
        Ok(())
    }

    /// Waits until the API server answers; an error shows the end of its log.
    pub async fn until_ready(&self) -> Result<()> {
        let client = self.client().await?;
        let api_server = || self.api_server.lock().unwrap_or_else(PoisonError::into_inner);
        until_true(async || {
            api_server().ensure_running()?;
            let request = http::Request::get("/readyz").body(Vec::new())?;
            Ok(client.request_text(request).await.is_ok_and(|answer| answer == "ok"))
        })
        .await
        .with_context(|| format!("the API server does not answer: {}", api_server().tail()))
    }

    /// The process ids of the API server and of etcd.
    pub fn process_ids(&self) -> [u32; 2] {
        [self.api_server.lock().unwrap_or_else(PoisonError::into_inner).id(), self.etcd.id()]
    }

    /// Kills the API server, as when its node fails. etcd keeps what it has written.
    pub fn kill_api_server(&self) {
        self.api_server.lock().unwrap_or_else(PoisonError::into_inner).kill();
    }

    /// Starts the API server again at its address, and waits until it answers.
    pub async fn start_api_server(&self) -> Result<()> {
        let started = programs::api_server(&self.folder, self.address, &self.options)?;
        *self.api_server.lock().unwrap_or_else(PoisonError::into_inner) = started;
        self.until_ready().await
    }

    /// Takes the operator's rights in all namespaces away, and gives it those in `namespace` that the chart gives where it is
    /// told to watch that alone.
    pub async fn grant_in_namespace(&self, namespace: &str) -> Result<()> {
        installation::grant_in_namespace(&self.client().await?, namespace).await
    }

    /// Changes what the operator may do to `resource`, such as `secrets`, in all namespaces. Returns what it was allowed before.
    pub async fn set_verbs(&self, resource: &str, verbs: &[impl AsRef<str>]) -> Result<Vec<String>> {
        let verbs: Vec<_> = verbs.iter().map(|verb| verb.as_ref().to_owned()).collect();
        installation::set_verbs(&self.client().await?, resource, &verbs).await
    }

    /// Whether the API server stores whatever is sent as a `PrivateRegistry`, as with somebody's own definition.
    pub async fn admit_everything(&self, everything: bool) -> Result<()> {
        installation::admit_everything(&self.client().await?, everything).await
    }

    /// Starts a program that `made_by` puts into `.cluster/bin`, as an administrator by `KUBECONFIG`, until it is dropped.
    pub fn start_program(&self, name: &str, made_by: &str, arguments: &[String]) -> Result<Process> {
        let kubeconfig = self.kubeconfig_file(&Identity::Administrator, name)?;
        let log = kubeconfig.with_extension("log");
        Process::start(&program::pinned(name, made_by)?, arguments, [("KUBECONFIG", kubeconfig.as_path())], log)
    }

    /// Applies the objects of every file that `made_by` puts beside the program `name` as `definitions`.
    pub async fn apply_definitions_of(&self, name: &str, made_by: &str) -> Result<()> {
        let program = std::fs::canonicalize(program::pinned(name, made_by)?)?;
        let folder = program.parent().map(|folder| folder.join("definitions")).context("a program in no folder")?;
        let files = std::fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
        let mut files: Vec<PathBuf> = files.map(|file| Ok(file?.path())).collect::<std::io::Result<_>>()?;
        files.sort();
        ensure!(!files.is_empty(), "{} has no definitions", folder.display());
        for file in &files {
            self.apply_file(file).await.with_context(|| file.display().to_string())?;
        }
        Ok(())
    }

    /// Applies the objects of a file in YAML, as an administrator.
    pub async fn apply_file(&self, path: &Path) -> Result<()> {
        self.apply(&std::fs::read_to_string(path)?).await
    }

    /// Applies objects in YAML, as an administrator.
    pub async fn apply(&self, yaml: &str) -> Result<()> {
        let client = self.client().await?;
        for object in manifest::parse_all(yaml)? {
            installation::apply(&client, &object).await?;
        }
        Ok(())
    }

    /// `https://` and where the API server listens.
    pub fn url(&self) -> String {
        format!("https://{}:{}", self.address, programs::API_PORT)
    }

    /// A client that may do everything, of the runtime that calls this.
    pub async fn client(&self) -> Result<Client> {
        self.client_of(&Identity::Administrator).await
    }

    /// A client of somebody.
    pub async fn client_of(&self, identity: &Identity) -> Result<Client> {
        let kubeconfig = self.authorities.kubeconfig(&self.url(), identity)?;
        let config = Config::from_custom_kubeconfig(kubeconfig, &kube::config::KubeConfigOptions::default()).await?;
        Ok(Client::try_from(config)?)
    }

    /// A kubeconfig of somebody as a file called `name`, which lives as long as the control plane.
    pub fn kubeconfig_file(&self, identity: &Identity, name: &str) -> Result<PathBuf> {
        self.kubeconfig_file_at(&self.url(), identity, name)
    }

    /// As `kubeconfig_file`, for an API server that is reached at another `url`.
    pub fn kubeconfig_file_at(&self, url: &str, identity: &Identity, name: &str) -> Result<PathBuf> {
        let path = self.folder.path().join(format!("{name}.kubeconfig"));
        let kubeconfig = self.authorities.kubeconfig(url, identity)?;
        std::fs::write(&path, serde_json::to_vec(&kubeconfig)?)?;
        Ok(path)
    }
}

/// One address of the sixteen million that Linux has for itself: whoever listens there disturbs nobody, whatever the port.
pub fn own_address() -> Ipv4Addr {
    let [first, second, third, ..] = *Uuid::new_v4().as_bytes();
    Ipv4Addr::new(127, first.max(1), second, third.clamp(1, 254))
}

/// The address by which this machine reaches others. Where Kubernetes refuses one of the loopback, a program of this machine listens
/// there.
pub fn machine_address() -> Result<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    // Sends nothing: the address is one for documentation (RFC 5737).
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).context("this machine has no route to others")?;
    Ok(socket.local_addr()?.ip())
}
