//! CRI-O: one file of registries.conf for all hosts, which leads each to its Service's address, and the authorities. CRI-O looks
//! for those under the place that it was led to; under the host itself they are for whoever resolves it.
//!
//! CRI-O reads registries.conf again at SIGHUP, or by itself with `auto_reload_registries`; authorities it reads at every pull.

use toml::{Table, Value};

use super::{Desired, Directory, Entry, Owner, Unserved, authority, kept};
use crate::node_trust::Scheme;

pub(super) fn desired(owner: &Owner, entries: &[Entry]) -> Desired {
    let mut desired = Desired::default();
    let mut registries = Vec::new();
    for entry in entries {
        let address = entry.address();
        if address.is_ipv6() {
            desired.unserved.insert(entry.host().to_owned(), Unserved::CrioIpv6(address.ip()));
            continue;
        }
        registries.push(Value::Table(registry(entry)));
        let Some(file) = authority(entry) else { continue };
        for name in [entry.host().to_owned(), address.to_string()] {
            let directory = Directory { files: vec![file.clone()], shadow: None };
            desired.directory(name, entry.host(), directory);
        }
    }
    let document: Table = [("registry".to_owned(), Value::Array(registries))].into_iter().collect();
    desired.drop_in = (!document["registry"].as_array().is_none_or(Vec::is_empty)).then(|| kept(owner, &document));
    desired
}

fn registry(entry: &Entry) -> Table {
    let location = ("location", Value::from(entry.address().to_string()));
    let prefix = ("prefix", Value::from(entry.host()));
    // It would also accept any certificate, but there is none where nothing speaks TLS.
    let insecure = (entry.scheme() == Scheme::Http).then_some(("insecure", Value::from(true)));
    [prefix, location].into_iter().chain(insecure).map(|(key, value)| (key.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node_trust::entry::tests::{authority, entry};

    #[test]
    fn every_host_is_led_to_its_address_by_one_file() {
        let authority = authority();
        let team = entry("team", Scheme::Https, "10.96.0.7:443", Some(&authority));
        let open = entry("open", Scheme::Http, "10.96.0.8:80", None);
        let six = entry("six", Scheme::Https, "[fd00::7]:443", None);
        let desired = desired(&Owner::new("system").unwrap(), &[team, open, six]);
        let expected = r#"# kept by private-registry-operator in namespace system; what is changed here by hand is lost
[[registry]]
location = "10.96.0.7:443"
prefix = "team.apps.svc.cluster.local"

[[registry]]
insecure = true
location = "10.96.0.8:80"
prefix = "open.apps.svc.cluster.local"
"#;
        assert_eq!(desired.drop_in.as_deref(), Some(expected));
        let names: Vec<_> = desired.directories.keys().map(String::as_str).collect();
        assert_eq!(names, ["10.96.0.7:443", "team.apps.svc.cluster.local"]);
        let trusted = desired.directories.values().all(|directory| directory.files[0].content == authority.as_bytes());
        assert!(trusted);
        assert_eq!(desired.unserved["six.apps.svc.cluster.local"].reason(), "AddressNotSupported");
    }

    #[test]
    fn without_registries_there_is_no_file() {
        assert_eq!(desired(&Owner::new("system").unwrap(), &[]), Desired::default());
    }
}
