//! A `config.yml`.

use std::{fs, time::Duration};

use registry_server::config::{self, Driver, Error, Settings, Source};
use serde_json::Value;

pub(crate) fn check(input: &[u8]) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yml");
    fs::write(&file, input).unwrap();
    match config::load(&Source::File(file), []) {
        Ok(loaded) => {
            assert_is_usable(&loaded.settings);
            assert_stores_where_asked(&loaded.settings, input);
            assert!(loaded.warnings.iter().all(|warning| !warning.is_empty()));
        }
        Err(Error::Invalid { reasons, .. }) => assert!(!reasons.is_empty()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Nothing that the rest of the server would stumble over.
fn assert_is_usable(settings: &Settings) {
    let http = &settings.http;
    assert!(http.prefix.starts_with('/') && http.prefix.ends_with('/'), "{http:?}");
    assert!(settings.catalog_max_entries > 0 && settings.tags_max > 0);
    assert!(settings.storage.purge.is_none_or(|purge| purge.interval >= Duration::from_secs(60)));
}

/// What names a directory is stored there, whatever else the file says.
fn assert_stores_where_asked(settings: &Settings, input: &[u8]) {
    let text = std::str::from_utf8(input).unwrap();
    let asked = serde_saphyr::from_str::<Value>(text).ok().and_then(|mut document| {
        Some(document.pointer_mut("/storage/filesystem/rootdirectory")?.take()).filter(Value::is_string)
    });
    if let Some(directory) = asked.as_ref().and_then(Value::as_str).filter(|directory| !directory.is_empty()) {
        assert_eq!(settings.storage.driver, Driver::Filesystem(directory.into()));
    }
}
