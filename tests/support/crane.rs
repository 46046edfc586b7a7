//! crane as a user runs it on a machine outside the cluster: with the generated Secret's file as its Docker configuration,
//! the Secret's authority as the only one it trusts, and a proxy as its way in.

use anyhow::{Result, ensure};
use tempfile::TempDir;
use tokio::process::Command;

use crate::command::{command, run, run_refused};
use crate::credentials::Credentials;
use crate::image::{Image, sha256};
use crate::registry::Registry;
use crate::tunnel::Proxy;

/// crane, logged in to one registry.
#[derive(Debug)]
pub struct Crane {
    credentials: Credentials,
    proxy: Proxy,
    folder: TempDir,
}

impl Crane {
    /// Uses the generated Secret of `access`, "pull" or "push", as it is.
    pub async fn with(registry: &Registry, access: &str) -> Result<Self> {
        Self::logged_in(registry, registry.credentials(access).await?).await
    }

    /// Uses `credentials`, whatever they say.
    pub async fn logged_in(registry: &Registry, credentials: Credentials) -> Result<Self> {
        Self::through(Proxy::to(registry.clone()).await?, credentials)
    }

    /// Uses `credentials`, and reaches everything by `proxy`.
    pub fn through(proxy: Proxy, credentials: Credentials) -> Result<Self> {
        let folder = TempDir::new()?;
        std::fs::write(folder.path().join("config.json"), &credentials.docker_config)?;
        std::fs::write(folder.path().join("ca.crt"), &credentials.ca)?;
        Ok(Self { credentials, proxy, folder })
    }

    /// Pushes `image` as `name`, such as `app:1`, and returns the digest of its manifest.
    pub async fn push(&self, image: &Image, name: &str) -> Result<String> {
        let mut push = self.crane(["push"]);
        push.arg(image.archive()).arg(self.credentials.reference(name));
        let pushed = run(push).await?;
        Ok(pushed.rsplit('@').next().unwrap_or_default().to_owned())
    }

    /// Tries to push `image`, which has to be refused, and returns what crane said.
    pub async fn push_refused(&self, image: &Image, name: &str) -> Result<String> {
        let mut push = self.crane(["push"]);
        push.arg(image.archive()).arg(self.credentials.reference(name));
        run_refused(push).await
    }

    /// Pulls `name`, checks every layer against its digest and the whole against `image`.
    pub async fn pull_same(&self, image: &Image, name: &str) -> Result<()> {
        let reference = self.credentials.reference(name);
        run(self.crane(["validate", "--remote", &reference])).await?;
        let id = sha256(run(self.crane(["config", &reference])).await?.as_bytes());
        ensure!(id == image.id, "{reference} has the content {id}, not the {} that was pushed", image.id);
        Ok(())
    }

    /// Runs crane with `arguments` and returns what it printed.
    pub async fn run<const N: usize>(&self, arguments: [&str; N]) -> Result<String> {
        run(self.crane(arguments)).await
    }

    /// Runs crane with `arguments`, which has to fail, and returns what it said.
    pub async fn refused<const N: usize>(&self, arguments: [&str; N]) -> Result<String> {
        run_refused(self.crane(arguments)).await
    }

    /// `name` below this registry.
    pub fn reference(&self, name: &str) -> String {
        self.credentials.reference(name)
    }

    fn crane<const N: usize>(&self, arguments: [&str; N]) -> Command {
        let mut crane = command("crane", arguments);
        crane.env("DOCKER_CONFIG", self.folder.path());
        crane.env("SSL_CERT_FILE", self.folder.path().join("ca.crt")).env("SSL_CERT_DIR", "/nonexistent");
        crane.env("HTTPS_PROXY", self.proxy.url()).env("HTTP_PROXY", self.proxy.url());
        for name in ["https_proxy", "http_proxy", "NO_PROXY", "no_proxy"] {
            crane.env_remove(name);
        }
        crane
    }
}
