//! On real directories, and one that has no room.

use std::{
    env, iter,
    os::unix::fs::{PermissionsExt, symlink},
    process::Command,
};

use super::*;
use crate::node_trust::layout::{AUTHORITY, HOSTS};

const HOST: &str = "team.apps.svc.cluster.local";
/// Where something is mounted, for a test that is started again because of it.
const MOUNTED: &str = "NODE_TRUST_TEST_MOUNTED";

fn owner() -> Owner {
    Owner::new("system").unwrap()
}

fn directory(authority: &str, hosts: &str) -> Directory {
    let file = |name, text: &str| File { name, content: text.as_bytes().to_vec() };
    Directory { files: vec![file(AUTHORITY, authority), file(HOSTS, hosts)], shadow: None }
}

fn only(name: &str, directory: Directory) -> BTreeMap<String, Directory> {
    BTreeMap::from([(name.to_owned(), directory)])
}

fn bring_to(path: &Path, desired: &BTreeMap<String, Directory>) -> Carried {
    Tree::new(path, &owner()).bring_to(desired).unwrap()
}

/// Every file and directory below `path`, with what is in the files.
fn tree(path: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut tree = BTreeMap::new();
    for entry in fs::read_dir(path).unwrap() {
        let entry = entry.unwrap();
        let is_directory = entry.file_type().unwrap().is_dir();
        if is_directory {
            tree.extend(self::tree(&entry.path()));
        }
        tree.insert(entry.path(), if is_directory { None } else { fs::read(entry.path()).ok() });
    }
    tree
}

fn names(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_directory_comes_whole_changes_by_file_and_goes_without_trace() {
    let certs_d = tempfile::tempdir().unwrap();
    let path = certs_d.path().join("not/there/yet");
    assert_eq!(bring_to(&path, &BTreeMap::new()).changed, Vec::<String>::new());
    assert!(!path.exists(), "nothing is made where nothing is wanted");
    assert_eq!(bring_to(&path, &only(HOST, directory("one", "a"))).changed, [HOST]);
    assert_eq!(names(&path), [HOST]);
    assert_eq!(names(&path.join(HOST)), [MARKER, AUTHORITY, HOSTS]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path.join(HOST)), 0o755);
    assert_eq!(mode(&path.join(HOST).join(AUTHORITY)), 0o644);

    let untouched = fs::metadata(path.join(HOST).join(HOSTS)).unwrap().modified().unwrap();
    assert_eq!(bring_to(&path, &only(HOST, directory("one and two", "a"))).changed, [HOST]);
    assert_eq!(fs::read(path.join(HOST).join(AUTHORITY)).unwrap(), b"one and two");
    assert_eq!(fs::metadata(path.join(HOST).join(HOSTS)).unwrap().modified().unwrap(), untouched);
    assert_eq!(names(&path.join(HOST)), [MARKER, AUTHORITY, HOSTS], "nothing is left beside them");
    assert!(bring_to(&path, &only(HOST, directory("one and two", "a"))).changed.is_empty());

    let plain = Directory { files: vec![File { name: HOSTS, content: b"b".to_vec() }], shadow: None };
    bring_to(&path, &only(HOST, plain));
    assert_eq!(names(&path.join(HOST)), [MARKER, HOSTS]);
    assert_eq!(bring_to(&path, &BTreeMap::new()).changed, [HOST]);
    assert!(names(&path).is_empty());
}

#[test]
fn nothing_of_others_is_ever_touched() {
    let certs_d = tempfile::tempdir().unwrap();
    let path = certs_d.path();
    for (name, file, content) in [
        (HOST, HOSTS, "by hand"),
        ("docker.io", HOSTS, "by hand"),
        ("_default", AUTHORITY, "by hand"),
        ("kept.apps", MARKER, "# kept by private-registry-operator in namespace other; x"),
        ("odd.apps", MARKER, "something else"),
    ] {
        fs::create_dir(path.join(name)).unwrap();
        fs::write(path.join(name).join(file), content).unwrap();
    }
    fs::create_dir(path.join("empty.apps")).unwrap();
    fs::write(path.join("file.apps"), "no directory").unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join(MARKER), owner().line()).unwrap();
    symlink(elsewhere.path(), path.join("link.apps")).unwrap();
    symlink("nowhere", path.join("dangling.apps")).unwrap();
    let before = (tree(path), tree(elsewhere.path()));

    let others = [HOST, "kept.apps", "odd.apps", "empty.apps", "file.apps", "link.apps", "dangling.apps"];
    let desired = others.map(|name| (name.to_owned(), directory("one", "a"))).into();
    for desired in [&desired, &BTreeMap::new()] {
        let carried = bring_to(path, desired);
        assert_eq!(carried.changed, Vec::<String>::new());
        assert_eq!((tree(path), tree(elsewhere.path())), before);
        assert_eq!(carried.failures.len(), desired.len());
        assert!(carried.failures.values().all(|failure| matches!(failure, Failure::Refused(_))), "{carried:?}");
    }
}

#[test]
fn what_others_have_put_into_a_directory_of_ours_stays() {
    let certs_d = tempfile::tempdir().unwrap();
    let path = certs_d.path();
    bring_to(path, &only(HOST, directory("one", "a")));
    fs::write(path.join(HOST).join("client.cert"), "theirs").unwrap();
    bring_to(path, &only(HOST, directory("two", "a")));
    bring_to(path, &BTreeMap::new());
    assert_eq!(names(&path.join(HOST)), ["client.cert"]);
    let refused = bring_to(path, &only(HOST, directory("one", "a")));
    assert!(matches!(refused.failures[HOST], Failure::Refused(Refusal::Taken)), "it is theirs now");
}

#[test]
fn what_a_person_changes_deletes_or_links_comes_back_and_the_link_s_end_stays() {
    let certs_d = tempfile::tempdir().unwrap();
    let path = certs_d.path();
    let desired = only(HOST, directory("one", "a"));
    bring_to(path, &desired);
    let good = tree(path);
    let target = certs_d.path().join("target");
    fs::write(path.join(HOST).join(HOSTS), "changed").unwrap();
    fs::remove_file(path.join(HOST).join(AUTHORITY)).unwrap();
    assert_eq!(bring_to(path, &desired).changed, [HOST]);
    assert_eq!(tree(path), good);
    fs::write(&target, "theirs").unwrap();
    fs::remove_file(path.join(HOST).join(HOSTS)).unwrap();
    symlink(&target, path.join(HOST).join(HOSTS)).unwrap();
    bring_to(path, &desired);
    assert_eq!(fs::read(&target).unwrap(), b"theirs");
    assert!(fs::symlink_metadata(path.join(HOST).join(HOSTS)).unwrap().is_file());
    fs::remove_dir_all(path.join(HOST)).unwrap();
    assert_eq!(bring_to(path, &desired).changed, [HOST]);
}

#[test]
fn what_was_cut_off_is_cleared_away_and_finished() {
    let certs_d = tempfile::tempdir().unwrap();
    let path = certs_d.path();
    let desired = only(HOST, directory("one", "a"));
    let staged = Tree::new(path, &owner()).staged();
    fs::create_dir(&staged).unwrap();
    fs::write(staged.join(HOSTS), "half of").unwrap();
    bring_to(path, &desired);
    assert_eq!(names(path), [HOST]);
    fs::write(path.join(HOST).join(file::staged(HOSTS)), "half of").unwrap();
    bring_to(path, &only(HOST, directory("one", "b")));
    assert_eq!(names(&path.join(HOST)), [MARKER, AUTHORITY, HOSTS]);
    fs::write(path.join(HOST).join(file::staged(AUTHORITY)), "half of").unwrap();
    bring_to(path, &BTreeMap::new());
    assert!(names(path).is_empty());
}

#[test]
fn one_that_fails_does_not_hold_up_the_others() {
    let certs_d = tempfile::tempdir().unwrap();
    let path = certs_d.path();
    bring_to(path, &only("a.apps", directory("one", "a")));
    fs::remove_file(path.join("a.apps").join(AUTHORITY)).unwrap();
    fs::create_dir_all(path.join("a.apps").join(AUTHORITY).join("below")).unwrap();
    let desired = BTreeMap::from(["a.apps", "b.apps"].map(|name| (name.to_owned(), directory("two", "b"))));
    let carried = bring_to(path, &desired);
    assert_eq!(carried.changed, ["b.apps"]);
    assert!(matches!(&carried.failures["a.apps"], Failure::Failed(error) if error.reason() == "FileError"));
    assert_eq!(fs::read(path.join("a.apps").join(HOSTS)).unwrap(), b"a", "what follows the failure is not written");
}

/// Only a file system can have no room: the test starts itself again on a small one.
#[test]
fn without_room_what_is_there_stays_and_what_goes_makes_room() {
    if let Some(small) = mounted() {
        return fill(&small);
    }
    let mount = tempfile::tempdir().unwrap();
    let name = "tree::tests::without_room_what_is_there_stays_and_what_goes_makes_room";
    again(name, "mount -t tmpfs -o size=64k none \"$0\"", mount.path());
}

/// The directory that was given to [`again`], for a test that was started by it.
pub(in crate::node_trust) fn mounted() -> Option<PathBuf> {
    env::var_os(MOUNTED).map(PathBuf::from)
}

/// Starts a test of `node_trust` again with mounts of its own, which the shell has made by `mount`: its `$0` is `directory`.
pub(in crate::node_trust) fn again(test: &str, mount: &str, directory: &Path) {
    let mut again = Command::new("unshare");
    // Only root may mount, be it in a name space of its own.
    if !rustix::process::geteuid().is_root() {
        again.args(["--user", "--map-root-user"]);
    }
    again.args(["--mount", "sh", "-c", &format!("{mount} && exec \"$@\"")]).arg(directory);
    let test = format!("node_trust::{test}");
    again.arg(env::current_exe().unwrap()).args(["--exact", &test]).env(MOUNTED, directory);
    let output = again.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

fn fill(path: &Path) {
    let large = "x".repeat(24 * 1024);
    let named = |names: &[&str], authority: &str| -> BTreeMap<String, Directory> {
        names.iter().map(|name| ((*name).to_owned(), directory(authority, "a"))).collect()
    };
    bring_to(path, &named(&["a.apps"], "one"));
    // The first one fits, the second one does not.
    let carried =
        bring_to(path, &iter::chain(named(&["a.apps"], "one"), named(&["b.apps", "c.apps"], &large)).collect());
    assert_eq!(carried.changed, ["b.apps"]);
    assert!(
        matches!(&carried.failures["c.apps"], Failure::Failed(error) if error.reason() == "DiskFull"),
        "{carried:?}"
    );
    assert_eq!(names(path), ["a.apps", "b.apps"], "nothing is left of what had no room");
    let carried = bring_to(path, &iter::chain(named(&["a.apps"], &large), named(&["b.apps"], &large)).collect());
    assert!(
        matches!(&carried.failures["a.apps"], Failure::Failed(error) if error.reason() == "DiskFull"),
        "{carried:?}"
    );
    assert_eq!(fs::read(path.join("a.apps").join(AUTHORITY)).unwrap(), b"one", "the last good one stays");
    assert_eq!(names(&path.join("a.apps")), [MARKER, AUTHORITY, HOSTS]);
    // With the same files on a disk that is full to the brim there is nothing to write.
    assert!(
        bring_to(path, &iter::chain(named(&["a.apps"], "one"), named(&["b.apps"], &large)).collect())
            .failures
            .is_empty()
    );
    assert_eq!(bring_to(path, &named(&["c.apps"], &large)).changed, ["a.apps", "b.apps", "c.apps"]);
    assert_eq!(names(path), ["c.apps"]);
}
