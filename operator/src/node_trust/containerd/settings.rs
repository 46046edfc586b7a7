//! The part of containerd's configuration that decides where registries are looked up, in each version of its form.

use std::path::PathBuf;

use toml::{Table, Value};

use crate::node_trust::runtime::Version;

/// The table of containerd 2.
const PLUGIN: &str = "io.containerd.cri.v1.images";
/// The tables of containerd 1, oldest first. containerd 2 takes over what they say, in place of what its own says.
const OLD_PLUGINS: [&str; 2] = ["cri", "io.containerd.grpc.v1.cri"];
/// The version of the form that containerd 2 alone understands.
const SECOND_GENERATION: i64 = 3;
/// The first version that merges what several files say of a plugin.
const MERGES: Version = (2, 0);
/// The version of the form after it, and of the first containerd that takes over from the one before.
const NEXT_FORM: (i64, Version) = (4, (2, 3));
/// For what containerd leaves its transfer service aside, which has another setting for it or none.
const LOCAL_PULL: [&str; 5] = [
    "use_local_image_pull",
    "discard_unpacked_layers",
    "disable_snapshot_annotations",
    "max_concurrent_downloads",
    "image_pull_with_sync_fs",
];
/// What of it containerd 2 takes over from a table of containerd 1.
const TAKEN_OVER: [&str; 2] = ["max_concurrent_downloads", "image_pull_with_sync_fs"];
/// The same from the table `containerd` in that one, if there are runtimes beside it.
const TAKEN_OVER_WITH_RUNTIMES: [&str; 2] = ["discard_unpacked_layers", "disable_snapshot_annotations"];
/// How many layers are downloaded at once when nothing is said.
const DOWNLOADS: i64 = 3;

/// A configuration file, or several of them merged.
#[derive(Clone, Debug)]
pub(super) struct Document(Table);

impl Document {
    pub(super) const fn new(file: Table) -> Self {
        Self(file)
    }

    /// Further files, as they are written.
    pub(super) fn imports(&self) -> Vec<String> {
        let imports = self.0.get("imports").and_then(Value::as_array).into_iter().flatten();
        imports.filter_map(|import| import.as_str().map(str::to_owned)).collect()
    }

    /// Takes over what a file says that comes later. A plugin's table takes the place of the one before as a whole, and only
    /// containerd 2 merges the two, whatever their form is.
    pub(super) fn import(&mut self, later: Self, containerd: Option<Version>) {
        let by_form = || self.version().is_some_and(|form| form >= SECOND_GENERATION);
        let merges = containerd.map_or_else(by_form, |version| version >= MERGES);
        let Some(Value::Table(plugins)) = later.0.get("plugins").cloned() else { return };
        let known = self.0.entry("plugins").or_insert_with(|| Value::Table(Table::new()));
        let Value::Table(known) = known else { return };
        for (name, table) in plugins {
            match known.get_mut(&name).filter(|_| merges) {
                Some(before) => merge(before, table),
                None => _ = known.insert(name, table),
            }
        }
    }

    fn version(&self) -> Option<i64> {
        self.0.get("version").and_then(Value::as_integer)
    }

    /// What all of it says to a containerd of this version.
    pub(super) fn settings(&self, containerd: Option<Version>, unread: Vec<PathBuf>) -> Settings {
        let mut settings = Settings { version: self.version(), unread, ..Settings::default() };
        let plugins = self.0.get("plugins").and_then(Value::as_table);
        if let Some(plugin) = plugins.and_then(|plugins| plugins.get(PLUGIN)) {
            settings.take(plugin, &LOCAL_PULL);
        }
        let old = OLD_PLUGINS.into_iter().filter(|_| self.takes_over(containerd));
        for plugin in old.filter_map(|name| plugins?.get(name)) {
            settings.take(plugin, &TAKEN_OVER);
            let table = plugin.get("containerd").filter(|table| table.get("runtimes").is_some());
            settings.pulls_locally |= table.is_some_and(|table| pulls_locally(table, &TAKEN_OVER_WITH_RUNTIMES));
        }
        settings
    }

    /// Whether the tables of containerd 1 count: not where the form is the newest that containerd knows.
    fn takes_over(&self, containerd: Option<Version>) -> bool {
        let (next, since) = NEXT_FORM;
        match self.version().unwrap_or_default() {
            ..SECOND_GENERATION => true,
            form if form < next => containerd.is_none_or(|version| version >= since),
            _ => false,
        }
    }
}

fn merge(before: &mut Value, later: Value) {
    match (before, later) {
        (Value::Table(before), Value::Table(later)) => {
            for (key, value) in later {
                match before.get_mut(&key) {
                    Some(known) => merge(known, value),
                    None => _ = before.insert(key, value),
                }
            }
        }
        (before, later) => *before = later,
    }
}

/// What a configuration says. What it does not say is containerd's default, which is another one in each generation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Version of the form; 3 is understood by containerd 2 alone.
    pub version: Option<i64>,
    /// Directories with `<host>/hosts.toml`, separated by colons.
    pub config_path: Option<String>,
    /// Whether registries are listed in the configuration itself, the old way.
    pub mirrors: bool,
    /// Whether images are pulled without the transfer service: because that is asked for, or something that it does not know.
    pub pulls_locally: bool,
    /// Imported files that could not be found, because this process does not see all of the node.
    pub unread: Vec<PathBuf>,
}

impl Settings {
    /// Whether it is of containerd 2, as far as its form says.
    pub(super) fn is_second_generation(&self) -> Option<bool> {
        self.version.filter(|version| *version >= SECOND_GENERATION).map(|_| true)
    }

    /// Takes over what stands in a plugin's table: of what has images pulled locally, these `keys`.
    fn take(&mut self, plugin: &Value, keys: &[&str]) {
        let registry = plugin.get("registry");
        if let Some(path) = registry.and_then(|registry| registry.get("config_path")?.as_str()) {
            self.config_path = Some(path.to_owned());
        }
        self.mirrors |= has_entries(registry, "mirrors");
        let has_logins = ["configs", "auths"].into_iter().any(|key| has_entries(registry, key));
        self.pulls_locally |= has_logins || pulls_locally(plugin, keys);
    }
}

fn has_entries(registry: Option<&Value>, key: &str) -> bool {
    registry.and_then(|registry| registry.get(key)?.as_table()).is_some_and(|table| !table.is_empty())
}

/// Whether one of the `keys` says that images are pulled without the transfer service.
fn pulls_locally(table: &Value, keys: &[&str]) -> bool {
    keys.iter().any(|key| match (*key, table.get(*key)) {
        ("disable_snapshot_annotations", Some(Value::Boolean(disabled))) => !disabled,
        ("max_concurrent_downloads", Some(Value::Integer(downloads))) => *downloads != DOWNLOADS,
        (_, Some(Value::Boolean(value))) => *value,
        _ => false,
    })
}
