//! Removes upload sessions that nobody has continued for a long time.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    oci::Repository,
    registry::Registry,
    storage::{self, Durability, Listing, Optional, layout},
};

/// `startedat` is about twenty bytes; a larger one is not a time.
const STARTED_LIMIT: usize = 128;

/// What a purge did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Purged {
    /// Sessions looked at.
    pub examined: usize,
    /// Sessions removed.
    pub removed: usize,
}

impl Registry {
    /// Removes the sessions of all repositories that began, and were last written to, more than `older_than` ago. One
    /// that a request works on is left alone. Directories in which nothing is left go too.
    ///
    /// # Errors
    /// The store's. What was removed before stays removed.
    pub async fn purge_uploads(&self, older_than: Duration) -> Result<Purged, storage::Error> {
        let limit = SystemTime::now().checked_sub(older_than).unwrap_or(SystemTime::UNIX_EPOCH);
        let mut purged = Purged::default();
        let mut walk = self.walk(&[layout::UPLOADS]);
        while let Some(repository) = walk.next().await? {
            let sessions = self.sessions_of(&repository).await?;
            let mut left = sessions.len();
            for id in sessions {
                purged.examined += 1;
                if !self.sessions.is_busy(id) && self.last_used(&repository, id).await? < limit {
                    self.store.delete_tree(&layout::upload(&repository, id), Durability::Volatile).await?;
                    self.sessions.close(id);
                    purged.removed += 1;
                    left -= 1;
                }
            }
            if left == 0 {
                self.store.prune(&layout::uploads(&repository), &layout::repositories(None)).await?;
            }
        }
        Ok(purged)
    }

    async fn sessions_of(&self, repository: &Repository) -> Result<Vec<Uuid>, storage::Error> {
        let names = self.store.list(&layout::uploads(repository), Listing::ALL).await?;
        Ok(names.iter().filter_map(|name| Uuid::try_parse(name).ok()).collect())
    }

    /// The later of when a session began and when its bytes were written last.
    async fn last_used(&self, repository: &Repository, id: Uuid) -> Result<SystemTime, storage::Error> {
        let written = self.store.metadata(&layout::upload(repository, id)).await.optional()?;
        let data = self.store.metadata(&layout::upload_data(repository, id)).await.optional()?;
        let started = self.store.get(&layout::upload_started(repository, id), STARTED_LIMIT).await.optional()?;
        let started = started.and_then(|text| std::str::from_utf8(&text).ok()?.trim().parse::<Timestamp>().ok());
        let times = [data.map(|data| data.modified), started.map(SystemTime::from)];
        // A session that says nothing about its age is as old as its directory.
        let fallback = written.map_or(SystemTime::now(), |written| written.modified);
        Ok(times.into_iter().flatten().max().unwrap_or(fallback))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{
        oci::Algorithm,
        storage::filesystem::{Filesystem, Options},
    };

    #[tokio::test]
    async fn directories_of_abandoned_uploads_go_with_them_and_others_stay() {
        let root = tempfile::tempdir().unwrap();
        let registry = Registry::new(Filesystem::open(root.path().to_owned(), Options::default()).unwrap());
        for name in ["deep/abandoned", "deep"] {
            let upload = registry.begin_upload(&name.parse().unwrap(), None, Algorithm::Sha256).await.unwrap();
            drop(upload);
        }
        let repositories = root.path().join("docker/registry/v2/repositories");
        fs::create_dir_all(repositories.join("deep/_manifests/tags")).unwrap();
        assert_eq!(registry.purge_uploads(Duration::ZERO).await.unwrap(), Purged { examined: 2, removed: 2 });
        assert!(!repositories.join("deep/abandoned").exists() && !repositories.join("deep/_uploads").exists());
        assert!(repositories.join("deep/_manifests/tags").exists());
    }
}
