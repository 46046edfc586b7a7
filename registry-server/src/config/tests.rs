use super::*;

fn loaded(text: &str, variables: &[(&str, &str)]) -> Result<Loaded, Error> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yml");
    std::fs::write(&file, text).unwrap();
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    load(&Source::File(file), variables)
}

fn reasons(result: Result<Loaded, Error>) -> Vec<String> {
    match result {
        Err(Error::Invalid { reasons, .. }) => reasons,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_that_is_no_mapping_is_refused_without_its_content() {
    let files = [
        ("!", "a text"),
        ("\"\"", "a text"),
        ("admin:$2y$05$abcdefghijklmnopqrstuv", "a text"),
        ("- storage", "a list"),
        ("5000", "a number"),
        ("true", "a boolean"),
    ];
    for (text, kind) in files {
        for variables in [&[][..], &[("REGISTRY_HTTP_ADDR", ":80")]] {
            let error = loaded(text, variables).unwrap_err().to_string();
            let reason = format!(": it is {kind}, it has to be a mapping with keys like storage and http");
            assert!(error.starts_with("failed to parse configuration ") && error.ends_with(&reason), "{text}: {error}");
        }
    }
    for empty in ["", "~", "# nothing\n", "{}"] {
        assert!(loaded(empty, &[]).is_ok(), "{empty:?}");
    }
}

#[test]
fn the_embedded_defaults_serve_plain_http_from_the_working_directory() {
    let Loaded { settings, warnings, .. } = load(&Source::Embedded, []).unwrap();
    assert_eq!(warnings, Vec::<String>::new());
    assert_eq!(settings.storage.driver, Driver::Filesystem("./data".into()));
    assert_eq!(settings.http.address, Address::Tcp(":5000".to_owned()));
    assert!(settings.http.tls.is_none() && settings.htpasswd.is_none());
    assert_eq!(settings.http.headers["x-content-type-options"], "nosniff");
}

#[test]
fn the_image_defaults_are_those_of_the_reference() {
    let Loaded { settings, warnings, .. } = loaded(DEFAULT, &[]).unwrap();
    assert_eq!(warnings, Vec::<String>::new());
    assert_eq!(settings.storage.driver, Driver::Filesystem("/var/lib/registry".into()));
    assert!(!settings.storage.delete_enabled);
    assert_eq!(settings.health[0].threshold, 3);
    assert_eq!(settings.log.fields, [("service".to_owned(), "registry".into())]);
}

#[test]
fn a_file_with_the_users_alone_gets_the_images_defaults_and_is_told_so() {
    let text = "http:\n  headers:\n    X-Content-Type-Options: nosniff\nauth:\n  htpasswd:\n    realm: basic-realm\n    path: /users\n";
    let Loaded { settings, warnings, .. } = loaded(text, &[]).unwrap();
    assert_eq!(settings.htpasswd.unwrap().realm, "basic-realm");
    assert_eq!(settings.http.headers["x-content-type-options"], "nosniff");
    assert_eq!(
        warnings,
        [
            "http.headers.X-Content-Type-Options is a list: write http.headers.X-Content-Type-Options: [nosniff]",
            "the configuration has no version: write version: 0.1",
            "the configuration has no storage driver, /var/lib/registry is used: write storage: {filesystem: \
             {rootdirectory: /var/lib/registry}}",
            "the configuration has no http.addr, :5000 is used: write http: {addr: \":5000\"}",
        ]
    );
}

#[test]
fn the_tutorials_tls_variables_turn_tls_on() {
    let variables = [
        ("REGISTRY_HTTP_TLS_CERTIFICATE", "/certs/domain.crt"),
        ("REGISTRY_HTTP_TLS_KEY", "/certs/domain.key"),
        ("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", "/data"),
        ("REGISTRY_HTTP_ADDR", "0.0.0.0:443"),
        ("REGISTRY_HTTP_SECRET", "mysecretkey"),
    ];
    let Loaded { settings, warnings, .. } = loaded(DEFAULT, &variables).unwrap();
    assert_eq!(warnings, Vec::<String>::new());
    assert_eq!(settings.http.tls.unwrap().key, PathBuf::from("/certs/domain.key"));
    assert_eq!(settings.storage.driver, Driver::Filesystem("/data".into()));
    assert_eq!(settings.http.address, Address::Tcp("0.0.0.0:443".to_owned()));
}

#[test]
fn unknown_and_unsupported_keys_are_named() {
    let text =
        format!("{DEFAULT}catalog: {{MaxEntries: 5}}\nredis: {{addr: 'cache:6379'}}\nnotifications: {{}}\nfoo: 1\n");
    let Loaded { warnings, .. } = loaded(&text, &[]).unwrap();
    assert_eq!(
        warnings,
        [
            "catalog.MaxEntries is unknown and ignored (did you mean maxentries?)",
            "foo is unknown and ignored",
            "redis is not supported and ignored: what is cached is cached in memory",
        ]
    );
}

#[test]
fn headers_are_taken_as_people_write_them_and_the_proper_form_is_shown() {
    let text = format!("{DEFAULT}\n").replace("[nosniff]", "nosniff");
    let variables =
        [("REGISTRY_HTTP_HEADERS_Access-Control-Allow-Origin", "*"), ("REGISTRY_HTTP_HEADERS_X-Frame-Options", "deny")];
    let Loaded { settings, warnings, .. } = loaded(&text, &variables).unwrap();
    let headers = settings.http.headers;
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(
        (&headers["access-control-allow-origin"], &headers["x-frame-options"]),
        (&"*".parse().unwrap(), &"deny".parse().unwrap())
    );
    assert_eq!(
        warnings,
        [
            "http.headers.X-Content-Type-Options is a list: write http.headers.X-Content-Type-Options: [nosniff]",
            "http.headers.access-control-allow-origin is a list: write http.headers.access-control-allow-origin: \
             [\"*\"]",
            "http.headers.x-frame-options is a list: write http.headers.x-frame-options: [deny]",
        ]
    );
}

/// What the reference's documentation shows, without what is refused here.
const EVERYTHING: &str = include_str!("../../config/reference.yml");

#[test]
fn what_the_references_documentation_shows_is_read_and_each_part_without_effect_is_named() {
    let Loaded { settings, warnings, .. } = loaded(EVERYTHING, &[]).unwrap();
    assert_eq!(settings.log.level, registry_config::Level::Debug);
    assert_eq!(settings.http.prefix, "/my/nested/registry/");
    assert_eq!(settings.health[0].threshold, 3);
    assert_eq!((settings.catalog_max_entries, settings.tags_max), (1000, 1000));
    let named: Vec<&str> = warnings.iter().filter_map(|warning| warning.split(' ').next()).collect();
    let (reasons, sections): (Vec<&str>, Vec<&str>) = named.iter().partition(|key| key.contains('.'));
    assert_eq!(sections, ["compatibility", "middleware", "notifications", "policy", "redis", "reporting"]);
    for key in ["log.hooks", "log.reportcaller", "storage.filesystem.maxthreads", "storage.cache.blobdescriptor"] {
        assert!(reasons.contains(&key), "{key}: {warnings:?}");
    }
    assert!(warnings.iter().all(|warning| !warning.contains("is unknown")), "{warnings:?}");
}

#[test]
fn what_is_shown_is_what_is_in_force() {
    for text in [DEFAULT, EVERYTHING, "", "storage: inmemory\n"] {
        let first = loaded(text, &[("REGISTRY_CATALOG_MAXENTRIES", "7")]).unwrap().effective().unwrap();
        let second = loaded(&first, &[]).unwrap().effective().unwrap();
        assert_eq!(first, second);
        assert!(first.contains("maxentries: 7"), "{first}");
    }
}

#[test]
fn the_effective_defaults() {
    let effective = loaded(DEFAULT, &[]).unwrap().effective().unwrap();
    insta::assert_snapshot!(effective, @r#"
    version: "0.1"
    log:
      accesslog:
        disabled: false
      level: info
      formatter: text
      fields:
        service: registry
    storage:
      filesystem:
        rootdirectory: /var/lib/registry
      delete:
        enabled: false
      maintenance:
        uploadpurging:
          enabled: true
          age: 168h
          interval: 24h
        readonly:
          enabled: false
    http:
      addr: ":5000"
      net: tcp
      prefix: /
      relativeurls: false
      draintimeout: 8s
      headers:
        X-Content-Type-Options:
        - nosniff
      http2:
        disabled: false
    health:
      storagedriver:
        enabled: true
        interval: 10s
        threshold: 3
    catalog:
      maxentries: 1000
    tags:
      maxtags: 1000
    "#);
}

#[test]
fn a_misspelt_driver_or_directory_is_refused_because_images_would_be_elsewhere() {
    for (text, reason) in [
        (
            "storage: {filesytem: {rootdirectory: /srv}}",
            "storage.filesytem is unknown, it has to be one of filesystem, inmemory, delete, redirect, cache, tag, \
             maintenance",
        ),
        (
            "storage: {filesystem: {rootDirectory: /srv}}",
            "storage.filesystem.rootDirectory is unknown (did you mean rootdirectory?): nothing would be stored \
             where it points to",
        ),
        ("auth: {htpassword: {path: /users}}", "auth.htpassword is unknown, it has to be one of htpasswd, none"),
        ("access: {file: /rules}", "access.path is missing: give the file with the rules, or leave access out"),
    ] {
        assert_eq!(reasons(loaded(&format!("version: 0.1\n{text}\n"), &[])), [reason]);
    }
    let variables = [("REGISTRY_STORAGE_CEPH_POOL", "images")];
    assert!(reasons(loaded(DEFAULT, &variables))[0].starts_with("storage.ceph is unknown"));
}

#[test]
fn every_way_to_ask_for_other_storage_is_refused() {
    for variables in [
        [("REGISTRY_STORAGE", "s3")].as_slice(),
        &[("REGISTRY_STORAGE_S3_BUCKET", "images")],
        &[("REGISTRY_STORAGE", "s3"), ("REGISTRY_STORAGE_S3_BUCKET", "images")],
        &[("REGISTRY_STORAGE_AZURE", "{}")],
        &[("REGISTRY_STORAGE", "{swift: }")],
    ] {
        let reasons = reasons(loaded(DEFAULT, variables));
        assert!(reasons[0].contains(" is not supported: storage is filesystem or inmemory"), "{reasons:?}");
    }
}

#[test]
fn what_would_be_less_safe_than_asked_for_is_refused() {
    for (text, key) in [
        ("auth: {silly: {realm: a, service: b}}", "auth.silly"),
        ("auth: token", "auth.token"),
        ("http: {tls: {letsencrypt: {cachefile: /c, email: a@b.c}}}", "http.tls.letsencrypt"),
        ("http: {tls: {clientcas: [/ca.pem]}}", "http.tls.clientcas"),
        ("proxy: {remoteurl: 'https://robot:hunter2@example.com'}", "proxy"),
    ] {
        let reasons = reasons(loaded(&format!("version: 0.1\n{text}\n"), &[]));
        assert!(reasons[0].starts_with(key), "{reasons:?}");
        assert!(!reasons[0].contains("hunter2"), "{reasons:?}");
    }
}

#[test]
fn sections_that_ask_for_nothing_are_not_worth_a_word() {
    let text = format!(
        "{DEFAULT}redis: {{}}\nproxy:\nnotifications: {{endpoints: []}}\ncompatibility: {{schema1: {{enabled: false}}}}\n"
    );
    assert_eq!(loaded(&text, &[]).unwrap().warnings, Vec::<String>::new());
}

#[test]
fn a_mistake_in_what_is_ignored_does_not_keep_the_server_from_starting() {
    let text = format!("{DEFAULT}redis: {{db: many}}\nreporting: 7\n");
    let loaded = loaded(&text, &[("REGISTRY_NOTIFICATIONS_ENDPOINTS_0_TIMEOUT", "soon")]).unwrap();
    assert_eq!(loaded.warnings.len(), 3, "{:?}", loaded.warnings);
}

#[test]
fn versions_of_tls_that_nobody_should_speak_are_not_spoken() {
    let variables = [
        ("REGISTRY_HTTP_TLS_CERTIFICATE", "/c"),
        ("REGISTRY_HTTP_TLS_KEY", "/k"),
        ("REGISTRY_HTTP_TLS_MINIMUMTLS", "tls1.0"),
    ];
    let Loaded { settings, warnings, .. } = loaded(DEFAULT, &variables).unwrap();
    assert_eq!(settings.http.tls.unwrap().cipher_suites.len(), 9, "those of TLS 1.2 and 1.3");
    assert_eq!(warnings, ["http.tls.minimumtls is below tls1.2, which is the oldest version spoken"]);
}

#[test]
fn a_page_of_no_entries_means_the_default() {
    let variables = [("REGISTRY_CATALOG_MAXENTRIES", "-7"), ("REGISTRY_TAGS_MAXTAGS", "0")];
    let loaded = loaded(DEFAULT, &variables).unwrap();
    assert_eq!((loaded.settings.catalog_max_entries, loaded.settings.tags_max), (1000, 1000));
    assert!(loaded.effective().unwrap().contains("catalog:\n  maxentries: 1000\ntags:\n  maxtags: 1000\n"));
}

#[test]
fn the_old_form_of_the_log_level_is_taken() {
    let Loaded { settings, warnings, .. } = loaded(DEFAULT, &[("REGISTRY_LOGLEVEL", "debug")]).unwrap();
    assert_eq!(settings.log.level, registry_config::Level::Debug);
    assert_eq!(warnings, ["loglevel is the old form: write log: {level: debug}"]);
}

#[test]
fn a_password_in_a_broken_file_is_not_shown() {
    let error = loaded("http:\n  secret: hunter2\n  addr: [\n", &[]).unwrap_err();
    assert!(!format!("{error:?} {error}").contains("hunter2"), "{error}");
    let variables = [("REGISTRY_REDIS", "{password: hunter2, addr: [}"), ("REGISTRY_HTTP", "{secret: hunter2")];
    let error = loaded(DEFAULT, &variables).unwrap_err();
    assert!(!format!("{error:?} {error}").contains("hunter2"), "{error}");
}

#[test]
fn storage_elsewhere_and_other_logins_are_refused_all_at_once() {
    let text = "version: 0.1\nstorage: {s3: {bucket: images}}\nauth: {token: {realm: r}}\nhttp: {addr: 5000}\n";
    assert_eq!(
        reasons(loaded(text, &[])),
        [
            "auth.token is not supported: use auth.htpasswd; nobody would be asked for what this asks for",
            "storage.s3 is not supported: storage is filesystem or inmemory; nothing would be stored where this \
             asks for",
            "http.addr is 5000, it has to be host:port or :port, such as :5000",
        ]
    );
}

#[test]
fn two_drivers_are_refused() {
    let result = loaded(DEFAULT, &[("REGISTRY_STORAGE_INMEMORY", "{}")]);
    assert!(reasons(result)[0].starts_with("multiple storage drivers specified"));
}

#[test]
fn half_of_tls_is_refused() {
    let result = loaded(DEFAULT, &[("REGISTRY_HTTP_TLS_CERTIFICATE", "/certs/domain.crt")]);
    assert_eq!(reasons(result), ["http.tls.key is missing, http.tls.certificate is given"]);
}

#[test]
fn a_broken_file_is_an_error_with_its_place() {
    let error = loaded("version: 0.1\nstorage: [\n", &[]).unwrap_err().to_string();
    assert!(error.starts_with("failed to parse configuration ") && error.contains("line"), "{error}");
    assert!(loaded("", &[]).is_ok(), "an empty file gets the defaults");
    assert!(loaded("just text", &[]).is_err());
}
