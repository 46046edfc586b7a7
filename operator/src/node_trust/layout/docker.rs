//! Docker: the authorities by host, read at every pull. Docker cannot be led elsewhere: the node has to resolve the Service's name,
//! by the cluster's DNS or by its own hosts file, which is the administrator's to see to.

use super::{Desired, Directory, Entry, Unserved, authority};
use crate::node_trust::Scheme;

pub(super) fn desired(entries: &[Entry]) -> Desired {
    let mut desired = Desired::default();
    for entry in entries {
        if entry.scheme() == Scheme::Http {
            desired.unserved.insert(entry.host().to_owned(), Unserved::DockerHttp);
        } else if let Some(file) = authority(entry) {
            desired.directory(entry.host().to_owned(), entry.host(), Directory { files: vec![file], shadow: None });
        }
    }
    desired
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node_trust::entry::tests::{authority, entry};

    #[test]
    fn docker_is_told_whom_to_trust_and_nothing_else() {
        let authority = authority();
        let team = entry("team", Scheme::Https, "10.96.0.7:5000", Some(&authority));
        let known = entry("known", Scheme::Https, "10.96.0.9:443", None);
        let open = entry("open", Scheme::Http, "10.96.0.8:80", None);
        let desired = desired(&[team, known, open]);
        let names: Vec<_> = desired.directories.keys().map(String::as_str).collect();
        assert_eq!(names, ["team.apps.svc.cluster.local:5000"]);
        assert_eq!(desired.drop_in, None);
        assert_eq!(desired.unserved["open.apps.svc.cluster.local"].reason(), "PlainHttpNotSupported");
    }
}
