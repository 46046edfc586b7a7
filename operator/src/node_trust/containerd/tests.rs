//! Configurations as distributions ship them and people write them.

use std::fs;

use super::*;

const CERTS_D: &str = "/etc/containerd/certs.d";

/// Reads `files` as a containerd of that version does.
fn configured(version: Option<(u32, u32)>, files: &[(&str, &str)]) -> Result<Option<Settings>, Error> {
    let root = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = root.path().join("etc/containerd").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    read(root.path(), Path::new(CONFIG), version)
}

/// The reason for which a containerd of that version and configuration reads nothing.
fn reason(version: Option<(u32, u32)>, files: &[(&str, &str)]) -> Option<&'static str> {
    trap(version, configured(version, files).unwrap().as_ref(), Path::new(CERTS_D)).map(|trap| trap.reason())
}

fn first(table: &str) -> String {
    format!("version = 2\n[plugins.\"io.containerd.grpc.v1.cri\"{table}")
}

fn second(table: &str) -> String {
    format!("version = 3\n[plugins.'io.containerd.cri.v1.images'{table}")
}

#[test]
fn the_first_generation_reads_the_directory_that_its_configuration_names() {
    let (old, new) = (Some((1, 6)), Some((1, 7)));
    assert_eq!(reason(old, &[]), Some("ConfigPathNotSet"));
    assert_eq!(reason(new, &[("config.toml", &first("]\nsandbox_image = 'x'"))]), Some("ConfigPathNotSet"));
    assert_eq!(reason(new, &[("config.toml", &first(".registry]\nconfig_path = ''"))]), Some("ConfigPathNotSet"));
    let set = first(&format!(".registry]\nconfig_path = '{CERTS_D}'"));
    assert_eq!(reason(old, &[("config.toml", &set)]), None);
    let list = first(&format!(".registry]\nconfig_path = '{CERTS_D}:/etc/docker/certs.d'"));
    assert_eq!(reason(new, &[("config.toml", &list)]), None);
    let elsewhere = first(".registry]\nconfig_path = '/etc/containerd/hosts.d'");
    assert_eq!(reason(new, &[("config.toml", &elsewhere)]), Some("ConfigPathElsewhere"));
    let form_1 = format!("[plugins.cri.registry]\nconfig_path = '{CERTS_D}'");
    assert_eq!(reason(old, &[("config.toml", &form_1)]), None);
}

#[test]
fn registries_in_the_configuration_itself_keep_it_from_reading_any_directory() {
    let mirrors = ".registry.mirrors.'docker.io']\nendpoint = ['https://mirror']";
    assert_eq!(reason(Some((1, 7)), &[("config.toml", &first(mirrors))]), Some("RegistryMirrors"));
    assert_eq!(reason(Some((2, 2)), &[("config.toml", &first(mirrors))]), Some("RegistryMirrors"));
    let both =
        format!("{}\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\nconfig_path = '{CERTS_D}'", first(mirrors));
    assert_eq!(reason(Some((1, 7)), &[("config.toml", &both)]), Some("RegistryMirrorsConflict"));
}

#[test]
fn the_transfer_service_takes_a_list_of_directories_for_the_name_of_one() {
    let list = |more: &str| {
        second(&format!(
            "]\n{more}\n[plugins.'io.containerd.cri.v1.images'.registry]\nconfig_path = '{CERTS_D}:/etc/docker/certs.d'"
        ))
    };
    let ignored = Some("TransferServiceIgnoresHosts");
    assert_eq!(reason(Some((2, 2)), &[]), ignored, "the default is such a list");
    assert_eq!(reason(Some((2, 1)), &[]), Some("ConfigPathNotSet"), "it has no default");
    assert_eq!(reason(Some((2, 1)), &[("config.toml", &list(""))]), ignored);
    assert_eq!(reason(Some((2, 2)), &[("config.toml", &list(""))]), ignored);
    assert_eq!(reason(None, &[("config.toml", &list(""))]), ignored);
    assert_eq!(reason(Some((2, 0)), &[("config.toml", &list(""))]), None);
    assert_eq!(reason(Some((2, 2)), &[("config.toml", &list("discard_unpacked_layers = false"))]), ignored);
    assert_eq!(reason(Some((2, 2)), &[("config.toml", &list("discard_unpacked_layers = true"))]), None);
    assert_eq!(reason(Some((2, 2)), &[("config.toml", &list("use_local_image_pull = true"))]), None);
    let discards = first(".containerd]\ndiscard_unpacked_layers = true");
    assert_eq!(reason(Some((2, 2)), &[("config.toml", &discards)]), ignored, "it is taken over with runtimes alone");
    let runtime =
        "[plugins.'io.containerd.grpc.v1.cri'.containerd.runtimes.runc]\nruntime_type = 'io.containerd.runc.v2'";
    assert_eq!(reason(Some((2, 2)), &[("config.toml", &format!("{discards}\n{runtime}"))]), None);
    let empty = [("config.toml", second(".registry]\nconfig_path = ''"))];
    let empty = empty.each_ref().map(|(name, text)| (*name, text.as_str()));
    assert_eq!(reason(Some((2, 2)), &empty), Some("ConfigPathNotSet"));
    assert_eq!(reason(Some((2, 3)), &empty), ignored);
    let one = second(&format!(".registry]\nconfig_path = '{CERTS_D}'"));
    assert_eq!(reason(Some((2, 2)), &[("config.toml", &one)]), None);
    let told = trap(Some((2, 2)), None, Path::new(CERTS_D)).unwrap().to_string();
    assert!(told.contains(&format!("set config_path = \"{CERTS_D}\"")), "{told}");
}

#[test]
fn what_the_transfer_service_does_not_know_is_pulled_without_it() {
    let reason = |table: &str| reason(Some((2, 4)), &[("config.toml", &second(table))]);
    assert_eq!(reason("]\nmax_concurrent_downloads = 5"), None);
    assert_eq!(reason("]\nmax_concurrent_downloads = 3"), Some("TransferServiceIgnoresHosts"));
    assert_eq!(reason("]\ndisable_snapshot_annotations = false"), None);
    assert_eq!(reason("]\nimage_pull_with_sync_fs = true"), None);
    assert_eq!(reason(".registry.configs.'example.com'.auth]\nusername = 'x'"), None);
}

#[test]
fn the_plugin_s_old_name_counts_in_forms_that_containerd_migrates() {
    let old =
        |form| format!("version = {form}\n[plugins.'io.containerd.grpc.v1.cri'.registry]\nconfig_path = '{CERTS_D}'");
    assert_eq!(reason(Some((2, 2)), &[("config.toml", &old(2))]), None);
    assert_eq!(reason(Some((2, 2)), &[("config.toml", &old(3))]), Some("TransferServiceIgnoresHosts"));
    assert_eq!(reason(Some((2, 3)), &[("config.toml", &old(3))]), None);
    assert_eq!(reason(Some((2, 3)), &[("config.toml", &old(4))]), Some("TransferServiceIgnoresHosts"));
}

#[test]
fn of_an_unknown_version_nothing_is_said_that_the_configuration_does_not_say() {
    assert_eq!(reason(None, &[]), None);
    assert_eq!(reason(None, &[("config.toml", &first("]\nsandbox_image = 'x'"))]), None);
    assert_eq!(reason(None, &[("config.toml", &first(".registry]\nconfig_path = ''"))]), Some("ConfigPathNotSet"));
}

#[test]
fn imported_files_count_as_each_generation_merges_them() {
    let imports = |text: &str| format!("imports = ['/etc/containerd/conf.d/*.toml']\n{text}");
    let set = first(&format!(".registry]\nconfig_path = '{CERTS_D}'"));
    let image = first("]\nsandbox_image = 'x'");
    let files = |config: &str, later: &str| {
        configured(None, &[("config.toml", &imports(config)), ("conf.d/later.toml", later)])
    };
    let path = |config: &str, later: &str| files(config, later).unwrap().unwrap().config_path;
    assert_eq!(path(&image, &set).as_deref(), Some(CERTS_D));
    assert_eq!(path(&set, &image), None, "the plugin's table takes the place of the one before");
    let (set, image) = (second(&format!(".registry]\nconfig_path = '{CERTS_D}'")), second("]\nsnapshotter = 'x'"));
    assert_eq!(path(&set, &image).as_deref(), Some(CERTS_D));
    let not_a_fit = [("config.toml", imports("version = 2")), ("conf.d/later.toml.bak", set)];
    let not_a_fit = not_a_fit.each_ref().map(|(name, text)| (*name, text.as_str()));
    assert_eq!(configured(None, &not_a_fit).unwrap().unwrap().config_path, None);
}

#[test]
fn a_containerd_2_merges_what_was_written_for_containerd_1_as_well() {
    let config = format!(
        "imports = ['/etc/containerd/conf.d/*.toml']\n{}",
        first(&format!(".registry]\nconfig_path = '{CERTS_D}'"))
    );
    let nvidia = first(".containerd.runtimes.nvidia]\nruntime_type = 'io.containerd.runc.v2'");
    let files = [("config.toml", config.as_str()), ("conf.d/99-nvidia.toml", nvidia.as_str())];
    for version in [(2, 0), (2, 4)] {
        assert_eq!(reason(Some(version), &files), None, "{version:?}");
    }
    assert_eq!(reason(Some((1, 6)), &files), Some("ConfigPathNotSet"), "the later table takes the place of the first");
}

#[test]
fn an_imported_file_imports_further_ones_and_a_circle_ends() {
    let path = |further: &str| {
        let set = format!("{further}\n{}", second(&format!(".registry]\nconfig_path = '{CERTS_D}'")));
        let files = [
            ("config.toml", "version = 3\nimports = ['conf.d/*.toml']"),
            ("conf.d/a.toml", "version = 3\nimports = ['../more/b.toml']"),
            ("more/b.toml", set.as_str()),
        ];
        configured(Some((2, 2)), &files).unwrap().unwrap()
    };
    assert_eq!(path("").config_path.as_deref(), Some(CERTS_D));
    let circle = path("imports = ['b.toml', '../conf.d/a.toml', '/etc/containerd/config.toml']");
    assert_eq!(circle.config_path.as_deref(), Some(CERTS_D));
}

#[test]
fn an_import_that_cannot_be_seen_may_say_what_is_missing() {
    let config = "version = 2\nimports = ['/usr/share/containerd/more.toml', 'beside.toml']";
    let beside = ("beside.toml", "version = 2");
    let settings = configured(None, &[("config.toml", config), beside]).unwrap().unwrap();
    assert_eq!(settings.unread, [Path::new("/usr/share/containerd/more.toml")]);
    assert_eq!(reason(Some((1, 7)), &[("config.toml", config), beside]), None);
}

#[test]
fn a_configuration_that_cannot_be_understood_is_told_with_its_path() {
    let error = configured(None, &[("config.toml", "version = ")]).unwrap_err();
    assert_eq!(error.to_string(), "failed to understand /etc/containerd/config.toml");
    let importing = ("config.toml", "imports = ['conf.d/*.toml']");
    let error = configured(None, &[importing, ("conf.d/a.toml", "[")]).unwrap_err();
    assert_eq!(error.to_string(), "failed to understand /etc/containerd/conf.d/a.toml");
}
