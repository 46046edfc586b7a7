//! The digest of a staged write, kept while it grows.

use crate::oci::{Algorithm, Digest, digest::Digester};

/// A hash state and how many bytes went into it. Of use only while that is the size of what is staged: after a restart,
/// or a failed write, the bytes have to be read again.
#[derive(Debug, Default)]
pub(super) struct Running(Option<(Digester, u64)>);

impl Running {
    /// Adds bytes that were appended to a staged write of `before` bytes.
    pub(super) fn update(&mut self, before: u64, bytes: &[u8], algorithm: Algorithm) {
        if before == 0 {
            self.0 = Some((Digester::new(algorithm), 0));
        }
        match &mut self.0 {
            Some((digester, hashed)) if *hashed == before => {
                digester.update(bytes);
                *hashed += bytes.len() as u64;
            }
            _ => self.forget(),
        }
    }

    /// The digest, when the state covers exactly `size` bytes under `algorithm`.
    pub(super) fn digest(&self, size: u64, algorithm: Algorithm) -> Option<Digest> {
        match &self.0 {
            Some((digester, hashed)) if *hashed == size && digester.algorithm() == algorithm => {
                Some(digester.clone().finish())
            }
            None if size == 0 => Some(Digest::of(algorithm, b"")),
            _ => None,
        }
    }

    /// Drops the state, because what is staged is no longer what was hashed.
    pub(super) fn forget(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_answers_only_for_what_it_has_seen() {
        let mut running = Running::default();
        running.update(0, b"anch", Algorithm::Sha256);
        running.update(4, b"or", Algorithm::Sha256);
        assert_eq!(running.digest(6, Algorithm::Sha256), Some(Digest::of(Algorithm::Sha256, b"anchor")));
        assert_eq!(running.digest(6, Algorithm::Sha512), None);
        assert_eq!(running.digest(5, Algorithm::Sha256), None);

        running.update(9, b"!", Algorithm::Sha256);
        assert_eq!(running.digest(10, Algorithm::Sha256), None, "a gap was never hashed");
    }
}
