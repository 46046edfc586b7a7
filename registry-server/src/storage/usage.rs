//! How much fits where bytes are kept.

use rustix::fs::StatVfs;

/// How full a medium is. All of it counts, whatever else is kept there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Its size in bytes.
    pub capacity: u64,
    /// Bytes that are taken.
    pub used: u64,
    /// Bytes that this process may still write; less than what is not taken where some are kept for root.
    pub available: u64,
    /// Files and directories that it can hold; 0 where they are not counted.
    pub inodes: u64,
    /// How many more fit.
    pub inodes_free: u64,
}

impl From<StatVfs> for Usage {
    fn from(status: StatVfs) -> Self {
        let bytes = |blocks: u64| blocks.saturating_mul(status.f_frsize);
        Self {
            capacity: bytes(status.f_blocks),
            used: bytes(status.f_blocks.saturating_sub(status.f_bfree)),
            available: bytes(status.f_bavail),
            inodes: status.f_files,
            inodes_free: status.f_favail,
        }
    }
}
