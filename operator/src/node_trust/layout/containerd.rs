//! containerd: a directory a host, read at every pull. `hosts.toml` leads from the host to the Service's address, and has the
//! authorities by an absolute path, because some versions look for a relative one elsewhere.
//!
//! At least one `[host]` table has to be there for containerd 1.x to read the file at all; `server` is what is tried when that
//! one fails, and would be the host's own name, which no node resolves, if it were not given.

use std::path::Path;

use toml::{Table, Value};

use super::{Desired, Directory, Entry, File, HOSTS, Owner, Unserved, authority, kept};
use crate::node_trust::runtime::Version;

pub(super) fn desired(version: Option<Version>, certs_d: &Path, owner: &Owner, entries: &[Entry]) -> Desired {
    let reads_brackets = version.is_none_or(|version| version >= (2, 0));
    let mut desired = Desired::default();
    for entry in entries {
        let address = entry.address().ip();
        if address.is_ipv6() && !reads_brackets {
            desired.unserved.insert(entry.host().to_owned(), Unserved::ContainerdIpv6(address));
            continue;
        }
        let hosts = File { name: HOSTS, content: hosts_toml(entry, certs_d, owner).into_bytes() };
        let files = authority(entry).into_iter().chain([hosts]).collect();
        let directory = Directory { files, shadow: shadow(entry.host()) };
        desired.directory(entry.host().to_owned(), entry.host(), directory);
    }
    desired
}

/// The other way of writing a host with a port, which is looked for first.
fn shadow(host: &str) -> Option<String> {
    host.split_once(':').map(|(name, port)| format!("{name}_{port}_"))
}

fn hosts_toml(entry: &Entry, certs_d: &Path, owner: &Owner) -> String {
    let ca = entry.authorities().map(|_| certs_d.join(entry.host()).join(super::AUTHORITY));
    let ca = ca.map(|path| ("ca".to_owned(), Value::from(path.to_string_lossy().into_owned())));
    let capabilities = ("capabilities".to_owned(), Value::from(vec!["pull", "resolve"]));
    let host: Table = ca.clone().into_iter().chain([capabilities]).collect();
    let hosts: Table = [(entry.url(), Value::Table(host))].into_iter().collect();
    let rest = [("server".to_owned(), Value::from(entry.url())), ("host".to_owned(), Value::Table(hosts))];
    kept(owner, &ca.into_iter().chain(rest).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node_trust::{
        Scheme,
        entry::tests::{authority, entry},
    };

    fn on(version: Option<Version>, entries: &[Entry]) -> Desired {
        desired(version, Path::new("/etc/containerd/certs.d"), &Owner::new("system").unwrap(), entries)
    }

    fn text(desired: &Desired, directory: &str, file: &str) -> String {
        let file = desired.directories[directory].files.iter().find(|known| known.name == file).unwrap();
        String::from_utf8(file.content.clone()).unwrap()
    }

    #[test]
    fn a_host_leads_to_the_address_and_to_the_authority_beside_it() {
        let authority = authority();
        let team = entry("team", Scheme::Https, "10.96.0.7:443", Some(&authority));
        let desired = on(Some((1, 6)), &[team]);
        let directory = &desired.directories["team.apps.svc.cluster.local"];
        let names: Vec<_> = directory.files.iter().map(|file| file.name).collect();
        assert_eq!(names, ["ca.crt", "hosts.toml"], "the authority is there before it is named");
        assert_eq!(text(&desired, "team.apps.svc.cluster.local", "ca.crt"), authority);
        let expected = r#"# kept by private-registry-operator in namespace system; what is changed here by hand is lost
ca = "/etc/containerd/certs.d/team.apps.svc.cluster.local/ca.crt"
server = "https://10.96.0.7:443"

[host."https://10.96.0.7:443"]
ca = "/etc/containerd/certs.d/team.apps.svc.cluster.local/ca.crt"
capabilities = ["pull", "resolve"]
"#;
        assert_eq!(text(&desired, "team.apps.svc.cluster.local", "hosts.toml"), expected);
    }

    #[test]
    fn without_authorities_of_its_own_a_registry_has_none_on_the_node() {
        let plain = entry("team", Scheme::Http, "10.96.0.7:5000", None);
        let desired = on(None, &[plain]);
        let directory = &desired.directories["team.apps.svc.cluster.local:5000"];
        assert_eq!(directory.shadow.as_deref(), Some("team.apps.svc.cluster.local_5000_"));
        let written = text(&desired, "team.apps.svc.cluster.local:5000", "hosts.toml");
        assert!(!written.contains("ca =") && written.contains(r#"[host."http://10.96.0.7:5000"]"#), "{written}");
    }

    #[test]
    fn an_address_that_an_older_containerd_cannot_read_is_told_and_not_written() {
        let six = entry("team", Scheme::Https, "[fd00::7]:443", None);
        let older = on(Some((1, 7)), std::slice::from_ref(&six));
        assert!(older.directories.is_empty());
        assert_eq!(older.unserved["team.apps.svc.cluster.local"].reason(), "AddressNotSupported");
        let newer = on(Some((2, 0)), &[six]);
        let written = text(&newer, "team.apps.svc.cluster.local", "hosts.toml");
        assert!(written.contains(r#"[host."https://[fd00::7]:443"]"#), "{written}");
    }
}
