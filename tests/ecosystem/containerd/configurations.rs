//! Configurations of containerd as people write them, and what a node has to say of each.

/// The plugin's table since containerd 2, and before.
const NEW: &str = "io.containerd.cri.v1.images";
const OLD: &str = "io.containerd.grpc.v1.cri";

/// Lines of its table `registry`.
const ONE: &str = "config_path = '/etc/containerd/certs.d'";
const TWO: &str = "config_path = '/etc/containerd/certs.d:/etc/docker/certs.d'";
const ENDPOINT: &str = "endpoint = ['https://example.com']";

const DISCARDS: &str = "discard_unpacked_layers = true";
const IGNORED: Option<&str> = Some("TransferServiceIgnoresHosts");

/// A configuration of containerd.
pub(super) struct Configured {
    /// What is special about it.
    pub(super) what: &'static str,
    /// For what reason nothing is pulled by it.
    pub(super) reason: Option<&'static str>,
    /// Its files below `/etc/containerd`.
    pub(super) files: Vec<(&'static str, String)>,
}

/// A table of a plugin: its name, the rest of the table's name, a line of it.
type Table = (&'static str, &'static str, &'static str);

fn text(version: u8, tables: &[Table]) -> String {
    let table = |(plugin, below, line): &Table| format!("[plugins.'{plugin}'{below}]\n{line}\n");
    format!("version = {version}\n{}", tables.iter().map(table).collect::<String>())
}

fn importing(text: &str) -> String {
    format!("imports = ['/etc/containerd/conf.d/*.toml']\n{text}")
}

fn by(what: &'static str, reason: Option<&'static str>, version: u8, tables: &[Table]) -> Configured {
    Configured { what, reason, files: vec![("config.toml", text(version, tables))] }
}

/// All that is tried, from nothing at all to what cannot work.
pub(super) fn all() -> Vec<Configured> {
    [defaults(), directories(), taken_over(), local_pulls(), others()].into_iter().flatten().collect()
}

fn defaults() -> Vec<Configured> {
    let beside = vec![("conf.d/a.toml", text(3, &[(NEW, ".registry", ONE)]))];
    vec![
        Configured { what: "none", reason: IGNORED, files: vec![] },
        Configured { what: "a file that nothing imports", reason: IGNORED, files: beside },
        by("nothing said", IGNORED, 4, &[]),
        by("no directory, said to be so", IGNORED, 3, &[(NEW, ".registry", "config_path = ''")]),
    ]
}

fn directories() -> Vec<Configured> {
    let importing = importing(&text(3, &[(NEW, "", "snapshotter = 'overlayfs'")]));
    let imported = text(3, &[(NEW, ".registry", ONE)]);
    vec![
        by("one directory", None, 4, &[(NEW, ".registry", ONE)]),
        by("one directory, in the form before", None, 3, &[(NEW, ".registry", ONE)]),
        Configured {
            what: "one directory, in an imported file",
            reason: None,
            files: vec![("config.toml", importing), ("conf.d/a.toml", imported)],
        },
        by("two directories", IGNORED, 3, &[(NEW, ".registry", TWO)]),
    ]
}

/// What was written for containerd 1.
fn taken_over() -> Vec<Configured> {
    let runtime: Table = (OLD, ".containerd.runtimes.runc", "runtime_type = 'io.containerd.runc.v2'");
    vec![
        by("one directory of the old plugin", None, 2, &[(OLD, ".registry", ONE)]),
        by("the same in a newer form", None, 3, &[(OLD, ".registry", ONE)]),
        by("the same in the newest form", IGNORED, 4, &[(OLD, ".registry", ONE)]),
        by("the old plugin beside the new one", IGNORED, 3, &[(NEW, ".registry", ONE), (OLD, ".registry", TWO)]),
        by("layers not kept by the old plugin", None, 2, &[(OLD, ".containerd", DISCARDS), runtime]),
        by("the same without a runtime", IGNORED, 2, &[(OLD, ".containerd", DISCARDS)]),
        by("other downloads at once by the old plugin", None, 2, &[(OLD, "", "max_concurrent_downloads = 5")]),
        Configured {
            what: "one directory of the old plugin beside a runtime in an imported file",
            reason: None,
            files: vec![
                ("config.toml", importing(&text(2, &[(OLD, ".registry", ONE)]))),
                ("conf.d/99-nvidia.toml", text(2, &[runtime])),
            ],
        },
    ]
}

/// What has images pulled without the transfer service, each with two directories.
fn local_pulls() -> Vec<Configured> {
    vec![
        by("layers kept", IGNORED, 3, &[(NEW, "", "discard_unpacked_layers = false")]),
        by("layers not kept", None, 3, &[(NEW, "", DISCARDS)]),
        by("pulled as containerd 1 does", None, 3, &[(NEW, "", "use_local_image_pull = true")]),
        by("other downloads at once", None, 3, &[(NEW, "", "max_concurrent_downloads = 5")]),
        by("as many downloads at once as by default", IGNORED, 3, &[(NEW, "", "max_concurrent_downloads = 3")]),
        by("snapshots annotated", None, 3, &[(NEW, "", "disable_snapshot_annotations = false")]),
        by("files synced", None, 3, &[(NEW, "", "image_pull_with_sync_fs = true")]),
        by("a name for another registry", None, 3, &[(NEW, ".registry.configs.'example.com'.auth", "username = 'x'")]),
    ]
}

fn others() -> Vec<Configured> {
    let mirrors: Table = (NEW, ".registry.mirrors.'docker.io'", ENDPOINT);
    let elsewhere = "config_path = '/etc/docker/certs.d'";
    vec![
        by("another directory", Some("ConfigPathElsewhere"), 3, &[(NEW, ".registry", elsewhere)]),
        by("mirrors", Some("RegistryMirrors"), 3, &[mirrors]),
        by("mirrors beside one", Some("RegistryMirrorsConflict"), 3, &[(NEW, ".registry", ONE), mirrors]),
    ]
}
