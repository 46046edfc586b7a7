//! The files of a certificate and of the authority that signs it: which of them are ours, and in which order they are written,
//! so that a run that was cut off is made good by the next one.

use std::{
    fs::{self, File, Permissions},
    io::{self, ErrorKind, Write},
    os::unix::fs::{MetadataExt, PermissionsExt, fchown},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use registry_pki::{
    Authority, Certificate, Current, Pair, ReissueReason, Subject, Wanted, leaf, reissue_reason, renewal,
};

/// What private keys are made with.
const OWNER: u32 = 0o600;
/// What everything else is made with.
const EVERYBODY: u32 = 0o644;

/// Authorities of before that clients may still meet.
const MOST_PREVIOUS: usize = 3;

/// Where the files are.
#[derive(Debug)]
pub(super) struct Folder {
    directory: PathBuf,
    /// What is served.
    pub(super) certificate: PathBuf,
    key: PathBuf,
    /// What clients trust.
    pub(super) authorities: PathBuf,
    /// The authority's certificate and its private key, in one file so that they always belong together.
    authority: PathBuf,
}

/// What there is now.
#[derive(Debug)]
pub(super) struct Kept {
    /// The certificate that is served.
    pub(super) certificate: Certificate,
    /// Why it was issued; `None` when it is the one of before.
    pub(super) issued: Option<ReissueReason>,
    /// Whether clients have another authority to trust.
    pub(super) new_authority: bool,
    /// All that clients trust, in PEM.
    pub(super) authorities: Vec<u8>,
}

impl Kept {
    /// Whether anything is different from before.
    pub(super) const fn is_new(&self) -> bool {
        self.new_authority || self.issued.is_some()
    }
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("failed to {verb} {}", path.display())]
    File { verb: &'static str, path: PathBuf, source: io::Error },
    #[error("{} {what}: move it away, or have it replaced with --force", path.display())]
    Others { path: PathBuf, what: &'static str },
    #[error(
        "failed to read the authority in {}: restore it, or have a new one made with --force, which clients have to trust",
        path.display()
    )]
    Authority { path: PathBuf, source: registry_pki::Error },
    #[error("failed to issue a certificate")]
    Issue(#[from] registry_pki::Error),
}

/// What was found.
struct Found {
    certificate: Option<Vec<u8>>,
    key: Option<Vec<u8>>,
    published: Vec<Certificate>,
    has_authorities: bool,
    authority: Option<Authority>,
}

impl Folder {
    pub(super) fn new(directory: &Path, authority: Option<PathBuf>) -> Self {
        Self {
            directory: directory.to_owned(),
            certificate: directory.join("domain.crt"),
            key: directory.join("domain.key"),
            authorities: directory.join("ca.crt"),
            authority: authority.unwrap_or_else(|| directory.join("ca.key")),
        }
    }

    /// Keeps what is good and makes what is missing or due. `force` replaces what is not ours.
    pub(super) fn ensure(&self, wanted: &Wanted, force: bool, now: Timestamp) -> Result<Kept, Error> {
        let _lock = self.lock()?;
        let mut found = self.look(force)?;
        match self.only_ours(&found) {
            Err(error) if !force => return Err(error),
            // Clients need not trust another's authority for our sake.
            Err(_) => found.published.clear(),
            Ok(()) => {}
        }
        let kept = found.authority.as_ref().filter(|authority| !authority.is_due(wanted.lifetime, now));
        let authority = match kept {
            Some(authority) => authority.clone(),
            None => Authority::generate(subject(wanted), now)?,
        };
        let new_authority = kept.is_none();
        let authorities = bundle(&authority, &found.published, now);
        self.write_authority(&found, &authority, new_authority, &authorities)?;

        let current = current(&found);
        // Clients have half of that time to learn of another authority; the other half is for runs that are far apart.
        let changeover = current.certificate().map_or(Timestamp::MIN, |leaf| {
            renewal::changeover(leaf, &authority, &found.published, wanted.renew_before / 2, now)
        });
        let reason = reissue_reason(&current, wanted, &authority, changeover, now);
        let (certificate, issued) = match (current, reason) {
            (Current::Readable(leaf), None) => (leaf, None),
            (_, reason) => {
                let pair = leaf::issue(&authority, wanted, now)?;
                // The certificate first: alone, it can be told to be ours.
                replace(&self.certificate, &pair.certificate, EVERYBODY)?;
                replace(&self.key, &pair.key, OWNER)?;
                (Certificate::from_pair(&pair)?, Some(reason.unwrap_or(ReissueReason::Missing)))
            }
        };
        Ok(Kept { certificate, issued, new_authority, authorities })
    }

    /// What clients trust as it is, in PEM; empty where nobody has said.
    pub(super) fn published(&self) -> Result<Vec<u8>, Error> {
        Ok(read(&self.authorities)?.unwrap_or_default())
    }

    /// The certificate that is served, whoever has made it.
    pub(super) fn served(&self) -> Result<Option<Certificate>, Error> {
        Ok(Certificate::of_bundle(&read(&self.certificate)?.unwrap_or_default()).into_iter().next())
    }

    /// One process at a time, as long as the file is open.
    fn lock(&self) -> Result<File, Error> {
        let failed = |verb| move |source| Error::File { verb, path: self.directory.clone(), source };
        fs::create_dir_all(&self.directory).map_err(failed("make"))?;
        let directory = File::open(&self.directory).map_err(failed("open"))?;
        directory.lock().map_err(failed("lock"))?;
        Ok(directory)
    }

    fn look(&self, force: bool) -> Result<Found, Error> {
        let authorities = read(&self.authorities)?;
        let authority = match read(&self.authority)?.map(|file| Pair { certificate: file.clone(), key: file }) {
            None => None,
            Some(pair) => match Authority::from_pair(pair) {
                Ok(authority) => Some(authority),
                Err(_) if force => None,
                Err(source) => return Err(Error::Authority { path: self.authority.clone(), source }),
            },
        };
        Ok(Found {
            certificate: read(&self.certificate)?,
            key: read(&self.key)?,
            published: Certificate::of_bundle(authorities.as_deref().unwrap_or_default()),
            has_authorities: authorities.is_some(),
            authority,
        })
    }

    /// Nothing is overwritten but what an authority of this command has signed, and its own list of authorities.
    fn only_ours(&self, found: &Found) -> Result<(), Error> {
        let others = |path: &Path, what| Err(Error::Others { path: path.to_owned(), what });
        let Some(authority) = &found.authority else {
            return match found {
                Found { certificate: Some(_), .. } => others(
                    &self.certificate,
                    "was not made by this command, or the authority that has signed it is not where --ca-key says",
                ),
                Found { key: Some(_), .. } => others(&self.key, "was not made by this command"),
                Found { has_authorities: true, .. } => {
                    others(&self.authorities, "is there without its private key, the authority cannot sign")
                }
                _ => Ok(()),
            };
        };
        if found.has_authorities && !found.published.contains(&authority.certificate) {
            return others(&self.authorities, "is of another authority");
        }
        let Some(certificate) = &found.certificate else {
            return if found.key.is_some() { others(&self.key, "was not made by this command") } else { Ok(()) };
        };
        let leaf = Certificate::of_bundle(certificate).into_iter().next();
        let mut ours = found.published.iter().chain([&authority.certificate]);
        match leaf.is_some_and(|leaf| ours.any(|authority| leaf.is_signed_by(authority))) {
            true => Ok(()),
            false => others(&self.certificate, "was not made by this command"),
        }
    }

    /// Clients are told of an authority before it signs. Where there was none, it is kept first: without its key, nobody could say
    /// whose the list is.
    fn write_authority(
        &self,
        found: &Found,
        authority: &Authority,
        new: bool,
        authorities: &[u8],
    ) -> Result<(), Error> {
        let keep = || {
            let file = [authority.pair.key.as_slice(), &authority.pair.certificate].concat();
            if new { replace(&self.authority, &file, OWNER) } else { Ok(()) }
        };
        let publish = || match Certificate::of_bundle(authorities) == found.published {
            true => Ok(()),
            false => replace(&self.authorities, authorities, EVERYBODY),
        };
        if found.authority.is_some() { publish().and_then(|()| keep()) } else { keep().and_then(|()| publish()) }
    }
}

fn subject(wanted: &Wanted) -> Subject {
    // 64 characters at most.
    let whose: String = wanted.common_name.chars().take(48).collect();
    Subject { organization: None, common_name: format!("{whose} registry CA") }
}

fn current(found: &Found) -> Current {
    let Some(certificate) = found.certificate.clone() else { return Current::Missing };
    let pair = Pair { certificate, key: found.key.clone().unwrap_or_default() };
    Certificate::from_pair(&pair).map_or_else(Current::Unreadable, Current::Readable)
}

/// The authority, and behind it those of before, while what they have signed may be met.
fn bundle(authority: &Authority, published: &[Certificate], now: Timestamp) -> Vec<u8> {
    let previous = published.iter().filter(|known| **known != authority.certificate && known.is_valid_at(now));
    let all = [&authority.certificate].into_iter().chain(previous.take(MOST_PREVIOUS));
    all.map(Certificate::to_pem).collect::<String>().into_bytes()
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::File { verb: "read", path: path.to_owned(), source }),
        Ok(content) => Ok(Some(content)),
    }
}

/// Whole or not at all. What is replaced hands on who may read it, so that a key which a server's group was given stays readable.
fn replace(path: &Path, content: &[u8], mode: u32) -> Result<(), Error> {
    let written = (|| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let mut new = tempfile::Builder::new().permissions(Permissions::from_mode(OWNER)).tempfile_in(folder)?;
        new.write_all(content)?;
        let handed_on = fs::metadata(path).ok().filter(|old| fchown(&new, Some(old.uid()), Some(old.gid())).is_ok());
        let mode = handed_on.map_or(mode, |old| old.mode() & 0o777);
        new.as_file().set_permissions(Permissions::from_mode(mode))?;
        new.as_file().sync_all()?;
        new.persist(path).map_err(|error| error.error).map(drop)
    })();
    written.map_err(|source| Error::File { verb: "write", path: path.to_owned(), source })
}

#[cfg(test)]
mod tests;
