use jiff::SignedDuration;
use registry_pki::{KeyAlgorithm, SubjectNames};
use tempfile::TempDir;

use super::*;

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// When the first run was: an arbitrary second.
fn begin() -> Timestamp {
    "2031-05-06T07:08:09Z".parse().unwrap()
}

fn wanted(host: &str) -> Wanted {
    Wanted {
        common_name: host.to_owned(),
        names: SubjectNames::of_service([host.to_owned()], []),
        algorithm: KeyAlgorithm::Ecdsa,
        lifetime: 90 * DAY,
        renew_before: 30 * DAY,
        at_once: false,
    }
}

/// A folder in which a first run has made everything.
fn made() -> (TempDir, Folder, Kept) {
    let directory = TempDir::new().unwrap();
    let folder = Folder::new(directory.path(), None);
    let kept = folder.ensure(&wanted("larder"), false, begin()).unwrap();
    (directory, folder, kept)
}

fn content(folder: &Folder) -> Vec<Vec<u8>> {
    [&folder.certificate, &folder.key, &folder.authorities, &folder.authority]
        .map(|path| fs::read(path).unwrap())
        .into()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

fn refusal(folder: &Folder) -> String {
    folder.ensure(&wanted("larder"), false, begin()).unwrap_err().to_string()
}

#[test]
fn a_first_run_makes_all_and_a_second_changes_nothing() {
    let (_directory, folder, kept) = made();
    assert_eq!((kept.new_authority, kept.issued), (true, Some(ReissueReason::Missing)));
    let before = content(&folder);
    let again = folder.ensure(&wanted("larder"), false, begin() + 59 * DAY).unwrap();
    assert!(!again.is_new() && again.certificate == kept.certificate && again.authorities == kept.authorities);
    assert_eq!(content(&folder), before);
}

#[test]
fn private_keys_are_their_owners_and_stay_whose_they_are_made() {
    let (_directory, folder, _) = made();
    assert_eq!([&folder.authority, &folder.key].map(|key| mode(key)), [OWNER; 2]);
    assert_eq!([&folder.authorities, &folder.certificate].map(|file| mode(file)), [EVERYBODY; 2]);
    fs::set_permissions(&folder.key, Permissions::from_mode(0o640)).unwrap();
    folder.ensure(&wanted("pantry"), false, begin()).unwrap();
    assert_eq!(mode(&folder.key), 0o640);
}

#[test]
fn a_certificate_that_is_due_or_for_others_is_issued_again_by_the_same_authority() {
    for (host, later, reason) in [("larder", 60 * DAY, ReissueReason::Due), ("pantry", DAY, ReissueReason::NamesDiffer)]
    {
        let (_directory, folder, first) = made();
        let second = folder.ensure(&wanted(host), false, begin() + later).unwrap();
        assert_eq!((second.new_authority, second.issued), (false, Some(reason)));
        assert_eq!(second.authorities, first.authorities);
        assert_ne!(second.certificate, first.certificate);
    }
}

#[test]
fn another_authority_is_published_long_before_it_signs() {
    let (_directory, folder, first) = made();
    let mut last = first.certificate;
    // A run a week over ten years, each of which finds the next certificate good for its clients.
    let last_run = (0..540).map(|week| begin() + week * 7 * DAY).find(|now| {
        let clients = Certificate::of_bundle(&folder.published().unwrap());
        let kept = folder.ensure(&wanted("larder"), false, *now).unwrap();
        assert!(kept.certificate.is_valid_at(*now + 6 * DAY));
        assert!(clients.iter().any(|authority| kept.certificate.is_signed_by(authority)), "at {now}");
        let turned = clients.len() > 1 && kept.issued.is_some() && kept.certificate.is_signed_by(&clients[0]);
        last = kept.certificate;
        turned
    });
    assert!(last_run.is_some(), "no other authority has ever signed");
}

#[test]
fn what_was_cut_off_is_made_good() {
    let (_directory, folder, first) = made();
    fs::remove_file(&folder.key).unwrap();
    let kept = folder.ensure(&wanted("larder"), false, begin()).unwrap();
    assert_eq!((kept.new_authority, kept.issued), (false, Some(ReissueReason::Unreadable)));

    fs::remove_file(&folder.authorities).unwrap();
    let kept = folder.ensure(&wanted("larder"), false, begin()).unwrap();
    assert!(!kept.is_new() && fs::read(&folder.authorities).unwrap() == first.authorities);
}

#[test]
fn what_somebody_else_has_made_is_replaced_by_force_alone() {
    let (_others, theirs, _) = made();
    for (path, from) in [
        (Folder::new(Path::new(""), None).certificate, &theirs.certificate),
        (Folder::new(Path::new(""), None).key, &theirs.key),
        (Folder::new(Path::new(""), None).authorities, &theirs.authorities),
    ] {
        for ours_before in [false, true] {
            let (directory, folder, _) = made();
            if !ours_before {
                fs::remove_dir_all(directory.path()).unwrap();
                fs::create_dir(directory.path()).unwrap();
            }
            if ours_before && path == Path::new("domain.key") {
                continue; // a key that does not belong to our certificate, which is issued again with another
            }
            fs::copy(from, directory.path().join(&path)).unwrap();
            let said = refusal(&folder);
            assert!(said.contains(&path.display().to_string()) && said.contains("--force"), "{said}");
            let kept = folder.ensure(&wanted("larder"), true, begin()).unwrap();
            assert!(kept.is_new() || path == Path::new("ca.crt"));
            assert_eq!(Certificate::of_bundle(&folder.published().unwrap()).len(), 1);
            assert!(!folder.ensure(&wanted("larder"), false, begin()).unwrap().is_new());
        }
    }
}

#[test]
fn an_authority_that_cannot_be_read_is_not_replaced_by_itself() {
    let (_directory, folder, first) = made();
    fs::write(&folder.authority, "nothing").unwrap();
    assert!(refusal(&folder).contains("restore it"));
    let kept = folder.ensure(&wanted("larder"), true, begin()).unwrap();
    assert!(kept.new_authority && kept.authorities != first.authorities);
}
