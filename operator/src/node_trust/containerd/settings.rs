//! The part of containerd's configuration that decides where registries are looked up, in each version of its form.

use std::path::PathBuf;

use toml::{Table, Value};

/// The tables of the CRI plugin, oldest first: what a newer one says counts.
const PLUGINS: [&str; 3] = ["cri", "io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images"];
/// The version of the form that containerd 2 alone understands.
const SECOND_GENERATION: i64 = 3;

/// A configuration file, or several of them merged.
#[derive(Clone, Debug)]
pub(super) struct Document(Table);

impl Document {
    pub(super) fn parse(text: &str) -> Result<Self, toml::de::Error> {
        Ok(Self(text.parse()?))
    }

    /// Further files, as they are written.
    pub(super) fn imports(&self) -> Vec<String> {
        let imports = self.0.get("imports").and_then(Value::as_array).into_iter().flatten();
        imports.filter_map(|import| import.as_str().map(str::to_owned)).collect()
    }

    /// Takes over what a file says that comes later. A plugin's table takes the place of the one before as a whole, and only
    /// containerd 2 merges the two.
    pub(super) fn import(&mut self, later: Self) {
        let merges = self.version().is_some_and(|version| version >= SECOND_GENERATION);
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

    /// What all of it says.
    pub(super) fn settings(&self, unread: Vec<PathBuf>) -> Settings {
        let mut settings = Settings { version: self.version(), unread, ..Settings::default() };
        let plugins = self.0.get("plugins").and_then(Value::as_table);
        for plugin in PLUGINS.into_iter().filter_map(|name| plugins?.get(name)) {
            settings.take(plugin);
        }
        settings
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
    /// Whether images are pulled without the transfer service.
    pub use_local_image_pull: bool,
    /// The same is the case where layers are not kept.
    pub discard_unpacked_layers: bool,
    /// Imported files that could not be found, because this process does not see all of the node.
    pub unread: Vec<PathBuf>,
}

impl Settings {
    /// Whether it is of containerd 2, as far as its form says.
    pub(super) fn is_second_generation(&self) -> Option<bool> {
        self.version.filter(|version| *version >= SECOND_GENERATION).map(|_| true)
    }

    fn take(&mut self, plugin: &Value) {
        let registry = plugin.get("registry");
        let is_set = |table: &Value, key| table.get(key).and_then(Value::as_bool) == Some(true);
        if let Some(path) = registry.and_then(|registry| registry.get("config_path")?.as_str()) {
            self.config_path = Some(path.to_owned());
        }
        let mirrors = registry.and_then(|registry| registry.get("mirrors")?.as_table());
        self.mirrors |= mirrors.is_some_and(|mirrors| !mirrors.is_empty());
        self.use_local_image_pull |= is_set(plugin, "use_local_image_pull");
        // Until version 3 it is one table further down.
        let tables = [Some(plugin), plugin.get("containerd")].into_iter().flatten();
        self.discard_unpacked_layers |= tables.into_iter().any(|table| is_set(table, "discard_unpacked_layers"));
    }
}
