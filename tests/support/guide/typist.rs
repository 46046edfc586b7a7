//! Somebody who reads a document and types what it shows: with a home and a folder of his own, in which the files of the
//! repository are.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;
use tokio::process::Command;

use super::Block;
use super::alike::is_alike;
use crate::command::{command, run, run_with_input};
use crate::root;

/// What would lead programs to files of this machine's user.
const UNSET: [&str; 3] = ["DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_CONFIG_HOME"];

/// A reader at a terminal.
#[derive(Debug)]
pub struct Typist {
    home: TempDir,
    kubeconfig: PathBuf,
    replaced: Vec<(String, String)>,
}

impl Typist {
    /// A reader whom `kubeconfig` leads to a cluster.
    pub fn new(kubeconfig: impl Into<PathBuf>) -> Result<Self> {
        let home = TempDir::new()?;
        let work = home.path().join("work");
        std::fs::create_dir_all(&work)?;
        std::fs::create_dir(home.path().join("run"))?;
        for entry in std::fs::read_dir(root())? {
            let entry = entry?;
            std::os::unix::fs::symlink(entry.path(), work.join(entry.file_name()))?;
        }
        Ok(Self { home, kubeconfig: kubeconfig.into(), replaced: Vec::new() })
    }

    /// A reader whom KUBECONFIG leads to the cluster of the suite.
    pub fn on_cluster() -> Result<Self> {
        Self::new(std::env::var_os("KUBECONFIG").context("KUBECONFIG leads to the cluster of the suite")?)
    }

    /// One for whom the word `shown` in a document is `meant` here, such as a namespace of the test's own.
    pub fn replacing(mut self, shown: &str, meant: &str) -> Self {
        self.replaced.push((shown.to_owned(), meant.to_owned()));
        self
    }

    /// A file in the folder in which he types.
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join("work").join(name)
    }

    /// Types `block`, which has to do what it shows, and returns what it prints.
    pub async fn types(&self, block: &Block) -> Result<String> {
        let mut told = String::new();
        for (typed, shown) in block.steps() {
            let answer = run(self.shell(&self.meant(&typed))).await.with_context(|| block.place())?;
            let shown: Vec<String> = shown.into_iter().map(|line| self.meant(line)).collect();
            let lines: Vec<&str> = shown.iter().map(String::as_str).collect();
            ensure!(
                lines.is_empty() || is_alike(&lines, &answer),
                "{}: `{typed}` has not answered what is shown there, but:\n{answer}",
                block.place()
            );
            told += &(answer + "\n");
        }
        Ok(told)
    }

    /// Has the API server say whether it would take the objects that `block` shows.
    pub async fn applies(&self, block: &Block) -> Result<String> {
        let apply = "kubectl apply --server-side --dry-run=server --validate=strict --filename -";
        run_with_input(self.shell(apply), &self.meant(&block.text)).await.with_context(|| block.place())
    }

    /// What a document shows, as it is meant here.
    pub fn meant(&self, shown: &str) -> String {
        self.replaced.iter().fold(shown.to_owned(), |text, (word, meant)| with_word(&text, word, meant))
    }

    /// A shell that ends with the first command that fails, and with what still runs behind the last one.
    fn shell(&self, commands: &str) -> Command {
        let script = format!("trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{commands}");
        let mut shell = command("bash", ["-euo", "pipefail", "-c", &script]);
        for name in UNSET {
            shell.env_remove(name);
        }
        let own = self.home.path().join(".local/bin");
        let path = std::env::var("PATH").unwrap_or_default();
        shell.env("PATH", format!("{}:{path}", own.display())).env("HOME", self.home.path());
        shell.env("XDG_RUNTIME_DIR", self.home.path().join("run"));
        shell.env("KUBECONFIG", &self.kubeconfig).current_dir(self.path(""));
        shell
    }
}

/// `text` with `meant` for each `word` of it that stands alone, and is not the group of an API (`apps/v1`).
fn with_word(text: &str, word: &str, meant: &str) -> String {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    let mut made = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let (before, after) = (&rest[..at], &rest[at + word.len()..]);
        let stands_alone = !before.ends_with(is_part) && !after.starts_with(is_part) && !after.starts_with("/v1");
        made += before;
        made += if stands_alone { meant } else { word };
        rest = after;
    }
    made + rest
}

#[cfg(test)]
mod tests {
    use super::with_word;

    #[test]
    fn a_word_is_replaced_where_it_stands_alone() {
        let shown = "-n apps team.apps.svc apps/team my-apps apiVersion: apps/v1";
        let meant = "-n here team.here.svc here/team my-apps apiVersion: apps/v1";
        assert_eq!(with_word(shown, "apps", "here"), meant);
    }
}
