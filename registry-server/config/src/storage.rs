//! `storage`: where blobs and manifests are kept, and upkeep.

mod cloud;

use std::path::PathBuf;

pub use self::cloud::{Azure, AzureCredentials, Gcs, Oss, S3, Swift};
use crate::{
    Duration,
    keys::Support::{Implemented, Refused, Warned},
    macros::{choice, section},
};

const OTHER: &str = "storage is filesystem or inmemory; nothing would be stored where this asks for";

section! {
    /// Where blobs and manifests are kept. One driver: `filesystem` or `inmemory`.
    Driver Storage {
        /// Files below a directory, in the reference's layout.
        filesystem: Filesystem => Implemented,
        /// Memory, gone with the process.
        inmemory: InMemory => Implemented,
        /// Amazon S3 and what speaks its protocol.
        s3: S3 => Refused(OTHER),
        /// Azure Blob Storage.
        azure: Azure => Refused(OTHER),
        /// Google Cloud Storage.
        gcs: Gcs => Refused(OTHER),
        /// Swift, of `OpenStack` (2.8).
        swift: Swift => Refused(OTHER),
        /// Alibaba Cloud OSS (2.8).
        oss: Oss => Refused(OTHER),
        /// Deletion of manifests, tags and blobs by clients.
        delete: Delete = "{}" => Implemented,
        /// Redirection of clients to where a blob is stored.
        redirect: Redirect => Implemented,
        /// What is kept in memory.
        cache: Cache => Implemented,
        /// Look-ups of tags.
        tag: TagLookup => Implemented,
        /// Upkeep and the read-only mode.
        maintenance: Maintenance = "{}" => Implemented,
    }

    /// Files below a directory.
    Section Filesystem {
        /// The directory.
        rootdirectory: PathBuf = "/var/lib/registry" => Implemented,
        /// Most threads that wait for files.
        maxthreads: u32 => Warned("the number of threads is bounded by this server itself"),
    }

    /// Memory, gone with the process; takes no options.
    Section InMemory {}

    /// Deletion of manifests, tags and blobs by clients.
    Section Delete {
        /// Allows it.
        enabled: bool = "false" => Implemented,
    }

    /// Redirection of clients to where a blob is stored.
    Section Redirect {
        /// Serves blobs itself; the drivers here always do.
        disable: bool => Implemented,
    }

    /// What is kept in memory.
    Section Cache {
        /// Where descriptors are kept. Here it is this server's own memory, whatever is asked for, and a bounded part of it.
        blobdescriptor: DescriptorCache => Implemented,
        /// The old name of `blobdescriptor`.
        layerinfo: DescriptorCache => Implemented,
        /// Most descriptors in memory.
        blobdescriptorsize: i64 => Warned("the cache is bounded by its bytes"),
    }

    /// Look-ups of tags.
    Section TagLookup {
        /// Most tags that are looked up at the same time when a manifest is deleted.
        concurrencylimit: u32 => Warned("look-ups are bounded by this server itself"),
    }

    /// Upkeep and the read-only mode.
    Section Maintenance {
        /// Removal of uploads that nobody finished.
        uploadpurging: UploadPurging = "{}" => Implemented,
        /// Refuses every write with 405 while enabled.
        readonly: ReadOnly = "{}" => Implemented,
    }

    /// Removal of uploads that nobody finished.
    Section UploadPurging {
        /// Removes them.
        enabled: bool = "true" => Implemented,
        /// How long after its start an upload counts as abandoned.
        age: Duration = "168h" => Implemented,
        /// Time between two runs; the first one comes within the first hour.
        interval: Duration = "24h" => Implemented,
        /// Only tells what would be removed.
        dryrun: bool => Warned("abandoned uploads are kept, but they are not listed in the log"),
    }

    /// The read-only mode.
    Section ReadOnly {
        /// Refuses writes.
        enabled: bool = "false" => Implemented,
    }
}

choice! {
    /// Where descriptors of blobs are kept.
    DescriptorCache {
        /// In this server's memory.
        #[default]
        InMemory = "inmemory",
        /// In Redis, says the reference; here in memory nevertheless, with a warning.
        Redis = "redis",
    }
}
