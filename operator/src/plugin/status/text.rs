//! A registry in words, on one screen.

use jiff::Timestamp;

use super::view::{Copies, User, View};
use crate::plugin::{
    output::columns,
    words::{count, date},
};

/// What `status NAME` prints.
pub(super) fn of(view: &View, now: Timestamp) -> String {
    let row = |title: &str, text: String| [title.to_owned(), text];
    let mut rows = vec![row("Registry", headline(view)), row("Endpoint", endpoint(view))];
    let outside =
        view.external_endpoint.clone().or_else(|| view.node_port.map(|port| format!("port {port} of every node")));
    rows.extend(outside.map(|outside| row("From outside", outside)));
    rows.push(row("Certificate", certificate(view, now)));
    rows.push(row("Storage", storage(view)));
    rows.extend(titled("Users", view.users.iter().map(user)));
    rows.extend(titled("Copies of the pull Secret", view.copies.iter().flat_map(copies)));
    let pods = if view.pods.is_empty() { vec!["none".to_owned()] } else { view.pods.clone() };
    rows.extend(titled("Pods", pods));
    columns(&rows) + "\n" + &conditions(view)
}

/// Lines under one title, which stands before the first.
fn titled(title: &str, lines: impl IntoIterator<Item = String>) -> impl Iterator<Item = [String; 2]> {
    let titles = [title.to_owned()].into_iter().chain(std::iter::repeat(String::new()));
    titles.zip(lines).map(|(title, line)| [title, line])
}

fn headline(view: &View) -> String {
    let state = if view.ready { "ready" } else { "not ready" };
    let paused = if view.paused { ", paused" } else { "" };
    let outdated = if view.outdated && !view.paused { ", and its last change has not been answered yet" } else { "" };
    let version = view.version.as_ref().map_or_else(String::new, |version| format!(" (operator {version})"));
    format!("{}/{}: {state}{paused}{outdated}{version}", view.namespace, view.name)
}

fn endpoint(view: &View) -> String {
    match (&view.endpoint, &view.internal_endpoint) {
        (Some(endpoint), Some(address)) => format!("{endpoint}, at {address}"),
        (Some(endpoint), None) => endpoint.clone(),
        (None, _) => "none yet".to_owned(),
    }
}

fn certificate(view: &View, now: Timestamp) -> String {
    let Some(certificate) = &view.certificate else {
        let none = if view.plain_http { "none: it speaks plain HTTP" } else { "none yet" };
        return none.to_owned();
    };
    let renewal = certificate.renewal_time.as_ref();
    let renewal = renewal.map_or_else(
        || "renewed by whoever keeps its Secret".to_owned(),
        |time| format!("renewed from {} on", date(time.0, now)),
    );
    format!("until {}, {renewal}", date(certificate.not_after.0, now))
}

fn storage(view: &View) -> String {
    let Some(storage) = &view.storage else { return "no claim".to_owned() };
    let capacity = storage.capacity.as_ref().map_or_else(|| "not bound yet".to_owned(), |size| format!("of {size}"));
    let claim = storage
        .claim_name
        .as_ref()
        .map_or_else(|| "no claim".to_owned(), |name| format!("PersistentVolumeClaim {name} {capacity}"));
    match &storage.file_system {
        Some(volume) => format!("{claim}; {} % taken, {} free", volume.used_percent, volume.available),
        None => claim,
    }
}

fn user(user: &User) -> String {
    let may = match user.access.as_str() {
        "Pull" => "may pull",
        "Push" => "may pull and push",
        _ => "may pull, push and delete",
    };
    match &user.secret {
        Some(secret) => format!("{} {may}, Secret {secret}", user.name),
        None => format!("{} {may}", user.name),
    }
}

fn copies(copies: &Copies) -> Vec<String> {
    let told = copies.told.as_ref();
    let failing = told.map(|told| told.failing).filter(|failing| *failing > 0);
    let failing = failing.map(|failing| format!("cannot be written in {failing} more, see CredentialsReady"));
    let told = told.map_or_else(String::new, |told| {
        format!("in {}, as the operator says", count(usize::try_from(told.namespaces).unwrap_or(0), "namespace"))
    });
    let seen = match &copies.namespaces {
        Ok(namespaces) if namespaces.is_empty() => vec!["none".to_owned()],
        Ok(namespaces) => vec![format!("{} in {}", copies.secret, namespaces.join(", "))],
        Err(unseen) => vec![told, unseen.to_string()],
    };
    seen.into_iter().filter(|line| !line.is_empty()).chain(failing).collect()
}

fn conditions(view: &View) -> String {
    if view.conditions.is_empty() {
        return view.reason().1 + "\n";
    }
    let rows: Vec<_> = view
        .conditions
        .iter()
        .map(|known| [known.type_.clone(), known.status.clone(), known.reason.clone(), known.message.clone()])
        .collect();
    columns(&rows)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        controller::tests::fixtures::{now, resource},
        plugin::cluster::Unseen,
    };

    fn view() -> View {
        let mut registry = resource("{auth: {users: [{name: cook, passwordSecretRef: {name: apron}}]}}");
        registry.status = serde_json::from_value(json!({
            "observedGeneration": 3,
            "version": "0.1.0",
            "endpoint": "larder.kitchen.svc.house.example",
            "internalEndpoint": "10.1.2.3:443",
            "pullSecretRef": {"name": "larder-pull"},
            "certificate": {"notBefore": "2031-05-01T00:00:00Z", "notAfter": "2031-07-30T00:00:00Z", "serialNumber": "1",
                "renewalTime": "2031-06-30T00:00:00Z"},
            "storage": {"claimName": "larder", "capacity": "10Gi"},
            "conditions": [{"type": "Ready", "status": "True", "reason": "Serving", "message": "images are served",
                "lastTransitionTime": "2031-05-06T07:08:09Z"}],
        }))
        .unwrap();
        View::of(&registry)
    }

    #[test]
    fn a_registry_is_told_on_one_screen() {
        let mut view = view();
        view.pods = vec!["larder-1 on node shelf: ready".to_owned()];
        view.copies = Some(Copies {
            secret: "larder.kitchen.pull".to_owned(),
            namespaces: Ok(vec!["hall".to_owned(), "attic".to_owned()]),
            told: None,
        });
        let expected = "\
Registry                    kitchen/larder: ready (operator 0.1.0)
Endpoint                    larder.kitchen.svc.house.example, at 10.1.2.3:443
Certificate                 until 2031-07-30 (in 84 days), renewed from 2031-06-30 (in 54 days) on
Storage                     PersistentVolumeClaim larder of 10Gi
Users                       pull may pull, Secret larder-pull
                            push may pull and push
                            cook may pull, Secret apron
Copies of the pull Secret   larder.kitchen.pull in hall, attic
Pods                        larder-1 on node shelf: ready

Ready   True   Serving   images are served
";
        assert_eq!(of(&view, now()), expected);
    }

    #[test]
    fn what_may_not_be_looked_at_is_said_in_its_place() {
        let unseen = Unseen::Forbidden { verb: "list", what: "secrets in all namespaces".to_owned() };
        let told = serde_json::from_value(json!({"namespaces": 2, "failing": 1})).unwrap();
        let lines = copies(&Copies { secret: "x".to_owned(), namespaces: Err(unseen), told: Some(told) });
        assert_eq!(lines[0], "in 2 namespaces, as the operator says");
        assert!(lines[1].starts_with("you may not list secrets in all namespaces"), "{lines:?}");
        assert_eq!(lines[2], "cannot be written in 1 more, see CredentialsReady");
    }
}
