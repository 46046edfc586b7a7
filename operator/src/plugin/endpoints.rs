//! The hosts by which images of a registry are named, as `login` and `ca` write them.

use crate::api::v1alpha1::PrivateRegistry;

/// Those of the status, the one inside the cluster first; empty while the operator has told none.
pub(super) fn endpoints(registry: &PrivateRegistry) -> Vec<String> {
    let status = registry.status.as_ref();
    let told = status.map(|status| [status.endpoint.clone(), status.external_endpoint.clone()]);
    told.into_iter().flatten().flatten().collect()
}

/// Those of `asked`, or else those of the status.
pub(super) fn chosen(asked: &[String], registry: &PrivateRegistry) -> Vec<String> {
    if asked.is_empty() { endpoints(registry) } else { asked.to_vec() }
}

/// Whether `host` can be one: what becomes the name of a folder has no slash and leads nowhere else.
pub(super) fn host(text: &str) -> Result<String, String> {
    let allowed = |character: char| character.is_ascii_alphanumeric() || "-.:[]_".contains(character);
    if text.is_empty() || !text.chars().all(allowed) || text.starts_with('.') {
        return Err(
            "write a host as in the name of an image, such as registry.example.com or 192.0.2.10:5000".to_owned()
        );
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_no_path_and_no_address_of_a_page() {
        for good in ["team.apps.svc.cluster.local", "192.0.2.10:5000", "[2001:db8::10]:5000", "localhost:5000"] {
            assert_eq!(host(good).as_deref(), Ok(good));
        }
        for bad in ["", "https://team.example.com", "team/app", "..", "../x", "a b"] {
            assert!(host(bad).is_err(), "{bad}");
        }
    }
}
