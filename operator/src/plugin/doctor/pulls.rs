//! Why a node could not pull an image, from what its kubelet says: words of containerd, CRI-O and the kubelet, which have no
//! codes.

use super::finding::{Finding, Part};

/// A Pod that cannot get its image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Failing {
    /// `namespace/name`.
    pub(super) pod: String,
    /// The node it is on, for people.
    pub(super) node: String,
    /// The image.
    pub(super) image: String,
    /// What the kubelet says.
    pub(super) said: String,
    /// The Secrets with which it pulls, those of its service account included.
    pub(super) pull_secrets: Vec<String>,
}

/// What a text is about, and what to do about that.
struct Cause {
    /// Words of which one is in the text, in lower case.
    marks: &'static [&'static str],
    /// What is so.
    is: &'static str,
    /// What to do.
    remedy: &'static str,
}

/// The first one whose mark is found is meant: what is more particular stands before what is less so.
const CAUSES: [Cause; 13] = [
    Cause {
        marks: &[
            "x509: certificate signed by unknown authority",
            "certificate verify failed",
            "unable to get local issuer",
        ],
        is: "the node does not trust the registry's authority",
        remedy: "give the container runtime of that node ca.crt (`kubectl preg ca`), for containerd under \
                 /etc/containerd/certs.d/<host>/, or have node trust do it",
    },
    Cause {
        marks: &["x509: certificate has expired", "certificate is not yet valid"],
        is: "the node finds the certificate outside its validity",
        remedy: "compare the clock of the node with the dates of the certificate above",
    },
    Cause {
        marks: &[
            "x509: certificate is valid for",
            "doesn't contain any ip sans",
            "certificate is not valid for any names",
        ],
        is: "the certificate is not good for the host in the image's name",
        remedy: "name the image by the endpoint that `kubectl preg status` shows, or add the host under spec.tls.selfSigned.dnsNames",
    },
    Cause {
        marks: &["server gave http response to https client"],
        is: "the node speaks TLS, and the registry plain HTTP",
        remedy: "take spec.tls.disabled out, or tell the node's container runtime that this host speaks http://",
    },
    Cause {
        marks: &["client sent an http request to an https server"],
        is: "the node speaks plain HTTP, and the registry TLS",
        remedy: "write https:// for this host in the configuration of the node's container runtime",
    },
    Cause {
        marks: &[
            "no such host",
            "dial tcp: lookup",
            "server misbehaving",
            "name or service not known",
            "temporary failure in name resolution",
        ],
        is: "the node cannot resolve the host: nodes do not ask the cluster's DNS",
        remedy: "lead the host to status.internalEndpoint on that node, for containerd by hosts.toml in \
                 /etc/containerd/certs.d/<host>/, or name images by a host that nodes resolve",
    },
    Cause {
        marks: &[
            "connection refused",
            "i/o timeout",
            "no route to host",
            "network is unreachable",
            "context deadline exceeded",
            "client.timeout exceeded",
            "connection reset",
        ],
        is: "the node does not reach the registry",
        remedy: "look at what this says about the server and the Service, at spec.networkPolicy, which has to let nodes in, and at \
                 whether the node still has an address of an earlier Service",
    },
    Cause {
        marks: &["is not present with pull policy of never", "errimageneverpull"],
        is: "the Pod's imagePullPolicy is Never, and the kubelet has no image on the node that this Pod may use",
        remedy: "write imagePullPolicy IfNotPresent or Always, and the pull Secret under imagePullSecrets",
    },
    Cause {
        marks: &["unauthorized", "no basic auth credentials", "authentication required", "authorization failed"],
        is: "the registry does not know who pulls",
        remedy: "name the pull Secret under imagePullSecrets of the Pod or of its service account; in another namespace, have it \
                 copied by spec.pullSecrets. Kubelets of 1.35 and newer ask for it even where the image is on the node already",
    },
    Cause {
        marks: &["403 forbidden", "denied"],
        is: "the user of the Pod's pull Secret may not pull this",
        remedy: "look at the user's access under spec.auth.users, and at which of its imagePullSecrets the Pod uses for this host",
    },
    Cause {
        marks: &["no match for platform", "exec format error"],
        is: "the image is not for the node's platform",
        remedy: "push it for that platform too, as `docker buildx build --platform` does",
    },
    Cause {
        marks: &["429 too many requests", "toomanyrequests"],
        is: "the registry has turned the node away because it asks too often",
        remedy: "wait; if it stays, look at what else asks it in its log",
    },
    Cause {
        marks: &["manifest unknown", "not found", "name unknown"],
        is: "the registry has no such image",
        remedy: "push it, or correct the name: `crane ls` lists the tags of a repository",
    },
];

/// What is so of `failing`, and what to do.
pub(super) fn finding(failing: &Failing) -> Finding {
    let text = failing.said.to_lowercase();
    let cause = CAUSES.iter().find(|cause| cause.marks.iter().any(|mark| text.contains(mark)));
    let place = format!("Pod {} on {} cannot get {}", failing.pod, failing.node, failing.image);
    let Some(cause) = cause else {
        let remedy = format!("kubectl describe pod -n {}", failing.pod.replace('/', " "));
        return Part::Pods.fail(format!("{place}: {}", failing.said), remedy);
    };
    let pulls_with = match failing.pull_secrets.as_slice() {
        [] => "the Pod names no imagePullSecrets".to_owned(),
        names => format!("the Pod pulls with Secret {}", names.join(", ")),
    };
    Part::Pods.fail(format!("{place}: {}; {pulls_with}. Its node says: {}", cause.is, failing.said), cause.remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What kubelets have said, and what it is about.
    const SAID: [(&str, &str); 16] = [
        (
            "rpc error: code = Unknown desc = failed to pull and unpack image \"h/app:1\": failed to resolve reference \"h/app:1\": \
             failed to do request: Head \"https://h/v2/app/manifests/1\": tls: failed to verify certificate: x509: certificate \
             signed by unknown authority",
            "does not trust",
        ),
        (
            "tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2031",
            "outside its validity",
        ),
        ("x509: certificate is valid for larder, not pantry", "not good for the host"),
        (
            "x509: cannot validate certificate for 10.0.0.1 because it doesn't contain any IP SANs",
            "not good for the host",
        ),
        ("http: server gave HTTP response to HTTPS client", "the registry plain HTTP"),
        ("Client sent an HTTP request to an HTTPS server.", "the registry TLS"),
        ("dial tcp: lookup h on 10.0.2.3:53: no such host", "nodes do not ask the cluster's DNS"),
        ("dial tcp: lookup h on 192.0.2.1:53: server misbehaving", "nodes do not ask the cluster's DNS"),
        ("dial tcp 10.96.1.2:443: connect: connection refused", "does not reach"),
        ("dial tcp 10.96.1.2:443: i/o timeout", "does not reach"),
        (
            "pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth \
          credentials",
            "does not know who pulls",
        ),
        (
            "unexpected status from HEAD request to https://h/v2/app/manifests/1: 401 Unauthorized",
            "does not know who pulls",
        ),
        ("unexpected status from HEAD request to https://h/v2/app/manifests/1: 403 Forbidden", "may not pull this"),
        ("h/app:1: not found", "no such image"),
        ("no match for platform in manifest: not found", "the node's platform"),
        ("Container image \"h/app:1\" is not present with pull policy of Never", "imagePullPolicy is Never"),
    ];

    #[test]
    fn what_kubelets_say_is_told_in_plain_words_with_a_remedy() {
        for (said, told) in SAID {
            let failing = Failing { pod: "hall/app-1".into(), said: said.into(), ..Failing::default() };
            let finding = finding(&failing);
            assert!(finding.message.contains(told), "{said}: {}", finding.message);
            assert!(finding.remedy.is_some_and(|remedy| !remedy.starts_with("kubectl describe")), "{said}");
        }
    }

    #[test]
    fn what_is_not_understood_is_told_as_it_is() {
        let failing = Failing { pod: "hall/app-1".into(), said: "gremlins".into(), ..Failing::default() };
        let finding = finding(&failing);
        assert!(finding.message.ends_with("gremlins"), "{}", finding.message);
        assert_eq!(finding.remedy.as_deref(), Some("kubectl describe pod -n hall app-1"));
    }
}
