//! A Pod through which a test reaches what a registry does not show to anybody: the files of a volume, and its node.

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::Pod;
use kube::api::DeleteParams;
use support::command::{command, run};
use support::namespace::Namespace;
use support::wait::{until, until_gone};

/// What a helper has, and may do. Fields are written as in YAML's flow style, `key: value, key: value`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Helper<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// The Pod security standard that admits it.
    pub(crate) standard: &'a str,
    /// Fields of the Pod's spec.
    pub(crate) pod: &'a str,
    /// Fields of its container.
    pub(crate) container: &'a str,
    /// What it has at /volume.
    pub(crate) volume: &'a str,
}

/// One that runs.
pub(crate) struct Running<'a> {
    namespace: &'a Namespace,
    name: &'a str,
    /// Where it runs.
    pub(crate) node: String,
}

impl Helper<'_> {
    /// Has it at hand for `work`, after which it is gone.
    pub(crate) async fn at_work(
        self,
        namespace: &Namespace,
        work: impl AsyncFnOnce(&Running<'_>) -> Result<()>,
    ) -> Result<()> {
        // Only while this Pod is admitted.
        enforce(namespace, self.standard).await?;
        namespace.create_object::<Pod>(&self.yaml()).await?;
        enforce(namespace, "restricted").await?;
        let pods = namespace.api::<Pod>();
        let pod = until(&pods, self.name, "a ready Pod", support::registry::is_pod_ready).await?;
        let node = pod.spec.and_then(|spec| spec.node_name).context("a Pod that runs nowhere")?;
        work(&Running { namespace, name: self.name, node }).await?;
        pods.delete(self.name, &DeleteParams::default()).await?;
        until_gone(&pods, self.name).await
    }

    fn yaml(&self) -> String {
        let (image, Self { name, pod, container, volume, .. }) = (busybox(), self);
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}}}, spec: {{
                # Not 0: then the Pod would be gone before its volume is unmounted, and the next one could not have it as its own.
                terminationGracePeriodSeconds: 1, {pod}
                containers: [{{name: helper, image: {image}, imagePullPolicy: IfNotPresent, command: [sleep, infinity],
                    volumeMounts: [{{name: volume, mountPath: /volume}}], {container}}}],
                volumes: [{{name: volume, {volume}}}]}}}}"
        )
    }
}

impl Running<'_> {
    /// Runs `arguments` in it.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Result<String> {
        run(self.kubectl(&[&["exec", self.name, "--"], arguments].concat())).await
    }

    /// Copies `path` of this machine to `to` there.
    pub(crate) async fn copy(&self, path: &str, to: &str) -> Result<()> {
        run(self.kubectl(&["cp", path, &format!("{}:{to}", self.name)])).await.map(drop)
    }

    /// Has a shell there do `script`, between the files of this machine that `redirection` names.
    pub(crate) async fn pipe(&self, script: &str, redirection: &str) -> Result<()> {
        let (namespace, name) = (self.namespace.name(), self.name);
        let typed = format!("kubectl --namespace {namespace} exec --stdin {name} -- sh -euc \"$SCRIPT\" {redirection}");
        let mut shell = command("bash", ["-euc", &typed]);
        shell.env("SCRIPT", script);
        run(shell).await.map(drop)
    }

    fn kubectl(&self, words: &[&str]) -> tokio::process::Command {
        command("kubectl", ["--namespace", self.namespace.name()].iter().chain(words))
    }
}

/// The image with a shell that every node of the suite has.
pub(crate) fn busybox() -> String {
    std::env::var("BUSYBOX_IMAGE").unwrap_or_else(|_| "localhost/busybox:1".to_owned())
}

/// Sets the Pod security standard of the namespace.
pub(crate) async fn enforce(namespace: &Namespace, standard: &str) -> Result<()> {
    let label = format!("pod-security.kubernetes.io/enforce={standard}");
    run(command("kubectl", ["label", "--overwrite", "namespace", namespace.name(), &label])).await.map(drop)
}
