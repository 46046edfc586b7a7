//! What the first page of a list costs, by the number of repositories or tags there are:
//!
//! ```sh
//! cargo run --release -p registry-server --example first_page
//! ```
//!
//! Volumes are made below the system's directory for temporary files, and removed again.

#![expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use registry_server::{
    registry::{Registry, catalog::Everything},
    storage::filesystem::{Filesystem, Options},
};

const PAGE: usize = 100;

/// Longer than it takes until a change of a directory is old.
const UNTIL_OLD: Duration = Duration::from_secs(4);

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    println!("{:>9}  {:<8}  {:>12}  {:>12}  {:>12}", "number", "list", "new volume", "once old", "then");
    for count in [1_000, 100_000] {
        let root = tempfile::tempdir()?;
        fill(root.path(), count)?;
        let registry = Registry::new(Filesystem::open(root.path().to_owned(), Options::default())?);
        let catalog = async || anyhow::Ok(registry.catalog(None, PAGE, &Everything).await?);
        let repository = "repository-000000".parse()?;
        let tags = async || anyhow::Ok(registry.tags(&repository, None, Some(PAGE)).await?);
        let fresh = [time(&catalog).await?, time(&tags).await?];
        tokio::time::sleep(UNTIL_OLD).await;
        let old = [time(&catalog).await?, time(&tags).await?];
        let kept = [time(&catalog).await?, time(&tags).await?];
        for (index, list) in ["catalog", "tags"].into_iter().enumerate() {
            println!("{count:>9}  {list:<8}  {:>12.1?}  {:>12.1?}  {:>12.1?}", fresh[index], old[index], kept[index]);
        }
    }
    Ok(())
}

/// So many repositories, and as many tags in the first.
fn fill(root: &Path, count: usize) -> anyhow::Result<()> {
    let repositories = root.join("docker/registry/v2/repositories");
    for number in 0..count {
        fs::create_dir_all(repositories.join(format!("repository-{number:06}/_manifests")))?;
        let tag = repositories.join(format!("repository-000000/_manifests/tags/tag-{number:06}/current"));
        fs::create_dir_all(&tag)?;
        fs::write(tag.join("link"), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")?;
    }
    Ok(())
}

async fn time<T>(page: &impl AsyncFn() -> anyhow::Result<T>) -> anyhow::Result<Duration> {
    let began = Instant::now();
    page().await?;
    Ok(began.elapsed())
}
