//! The tree of keys that a configuration may hold, as one table: what each is called in the file, what it is called in
//! `REGISTRY_*` variables (the reference's Go field names), what shape its value has, and whether this server acts on it.

use Node::{Boolean, Choice, Driver, Duration, Integer, List, Map, Section, Text};

/// The shape of a value.
#[derive(Debug)]
pub(super) enum Node {
    /// A mapping with these keys.
    Section(&'static [Field]),
    /// A section of which one driver is chosen; may be given as the driver's name alone.
    Driver(&'static [Field]),
    /// A mapping with keys that the user chooses.
    Map(&'static Node),
    /// A list.
    List(&'static Node),
    /// A text; numbers and booleans are taken as they are written.
    Text,
    /// `true` or `false`.
    Boolean,
    /// A whole number, zero or more.
    Integer,
    /// A length of time.
    Duration,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Whatever it is, nobody looks at it.
    Any,
}

/// What happens with a key's value.
#[derive(Debug)]
pub(super) enum Support {
    /// It is read.
    Read,
    /// It tunes something that this server does differently or better; ignored without a word.
    Tolerated,
    /// It asks for something this server does not do; ignored with a warning.
    Ignored,
    /// Ignoring it would store data elsewhere or let people in; refused, with what to do instead.
    Refused(&'static str),
}

/// A key of a section.
#[derive(Debug)]
pub(super) struct Field {
    /// Its name in the file.
    pub(super) key: &'static str,
    /// Its name in variables, where it differs by more than case.
    pub(super) variable: &'static str,
    pub(super) node: Node,
    pub(super) support: Support,
}

const fn read(key: &'static str, node: Node) -> Field {
    Field { key, variable: key, node, support: Support::Read }
}

const fn tolerated(key: &'static str) -> Field {
    Field { key, variable: key, node: Node::Any, support: Support::Tolerated }
}

const fn ignored(key: &'static str) -> Field {
    Field { key, variable: key, node: Node::Any, support: Support::Ignored }
}

const fn ignored_as(key: &'static str, variable: &'static str) -> Field {
    Field { key, variable, node: Node::Any, support: Support::Ignored }
}

const fn refused(key: &'static str, instead: &'static str) -> Field {
    Field { key, variable: key, node: Node::Any, support: Support::Refused(instead) }
}

const OTHER_STORAGE: &str = "storage is filesystem or inmemory; nothing would be stored where this asks for";
const OTHER_AUTH: &str = "use auth.htpasswd; nobody would be asked for what this asks for";

/// The whole tree.
pub(super) static ROOT: Node = Section(&[
    read("version", Choice(&["0.1"])),
    read("log", Section(LOG)),
    ignored("loglevel"),
    read("storage", Driver(STORAGE)),
    read(
        "auth",
        Driver(&[
            read("htpasswd", Section(&[read("realm", Text), read("path", Text)])),
            read("none", Section(&[])),
            refused("token", OTHER_AUTH),
            refused("silly", OTHER_AUTH),
        ]),
    ),
    read("access", Section(&[read("path", Text)])),
    read("http", Section(HTTP)),
    read("health", Section(HEALTH)),
    read("catalog", Section(&[read("maxentries", Integer)])),
    read("tags", Section(&[read("maxtags", Integer)])),
    refused("proxy", "this server is no pull-through cache; run it without proxy, or use the reference for that"),
    ignored("notifications"),
    ignored("redis"),
    ignored("middleware"),
    ignored("validation"),
    ignored("policy"),
    tolerated("compatibility"),
    ignored("reporting"),
]);

static LOG: &[Field] = &[
    read("accesslog", Section(&[read("disabled", Boolean)])),
    read("level", Choice(&["error", "warn", "info", "debug"])),
    read("formatter", Choice(&["text", "json", "logstash"])),
    read("fields", Map(&Text)),
    ignored("hooks"),
    tolerated("reportcaller"),
];

static STORAGE: &[Field] = &[
    read("filesystem", Section(&[read("rootdirectory", Text), tolerated("maxthreads")])),
    read("inmemory", Section(&[])),
    refused("s3", OTHER_STORAGE),
    refused("azure", OTHER_STORAGE),
    refused("gcs", OTHER_STORAGE),
    refused("swift", OTHER_STORAGE),
    refused("oss", OTHER_STORAGE),
    read("delete", Section(&[read("enabled", Boolean)])),
    read("maintenance", Section(MAINTENANCE)),
    // Descriptors are cached in memory whatever these say; there is nothing to redirect to.
    tolerated("cache"),
    tolerated("redirect"),
    tolerated("tag"),
];

static MAINTENANCE: &[Field] = &[
    read(
        "uploadpurging",
        Section(&[
            read("enabled", Boolean),
            read("age", Duration),
            read("interval", Duration),
            refused("dryrun", "set storage.maintenance.uploadpurging.enabled to false to keep abandoned uploads"),
        ]),
    ),
    read("readonly", Section(&[read("enabled", Boolean)])),
];

static HTTP: &[Field] = &[
    read("addr", Text),
    read("net", Choice(&["tcp"])),
    read("host", Text),
    read("prefix", Text),
    read("secret", Text),
    read("relativeurls", Boolean),
    read("draintimeout", Duration),
    read("headers", Map(&List(&Text))),
    read("tls", Section(TLS)),
    read(
        "debug",
        Section(&[read("addr", Text), read("prometheus", Section(&[read("enabled", Boolean), read("path", Text)]))]),
    ),
    read("http2", Section(&[read("disabled", Boolean)])),
    ignored("h2c"),
];

static TLS: &[Field] = &[
    read("certificate", Text),
    read("key", Text),
    read("clientcas", List(&Text)),
    read("clientauth", Choice(&["require-and-verify-client-cert", "verify-client-cert-if-given"])),
    read("minimumtls", Choice(&["tls1.2", "tls1.3"])),
    // Only suites with forward secrecy and authenticated encryption are spoken.
    tolerated("ciphersuites"),
    refused("letsencrypt", "give http.tls.certificate and http.tls.key; connections would not be encrypted"),
];

static HEALTH: &[Field] = &[
    read("storagedriver", Section(&[read("enabled", Boolean), read("interval", Duration), read("threshold", Integer)])),
    ignored_as("file", "filecheckers"),
    ignored_as("http", "httpcheckers"),
    ignored_as("tcp", "tcpcheckers"),
];
