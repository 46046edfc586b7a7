//! How the registry proves who it is.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the registry proves who it is: at most one of `selfSigned`, `secretRef` and `disabled`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.selfSigned), has(self.secretRef), has(self.disabled) && self.disabled]\
    .filter(given, given).size() <= 1").message("tls takes one of selfSigned, secretRef and disabled: true"))]
pub struct Tls {
    /// The operator makes a certificate authority for this registry alone, issues the certificate and renews it. The default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_signed: Option<SelfSigned>,

    /// A certificate of your own. It is read again when it changes, and served without a restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,

    /// Plain HTTP when true: passwords and images cross the network readable. Defaults to false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
}

/// The certificate that the operator issues.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("\
    (has(self.duration) ? int(self.duration.substring(0, self.duration.size() - 1)) * (self.duration.endsWith('d') ? 1440 : \
    self.duration.endsWith('h') ? 60 : 1) : 129600) > (has(self.renewBefore) ? int(self.renewBefore.substring(0, \
    self.renewBefore.size() - 1)) * (self.renewBefore.endsWith('d') ? 1440 : self.renewBefore.endsWith('h') ? 60 : 1) : 43200)")
    .message("renewBefore (left out: 30d) must be shorter than duration (left out: 90d), or the certificate would be due the \
    moment it is issued"))]
pub struct SelfSigned {
    /// How long the certificate is valid: a whole number of days, hours or minutes such as 90d, at least 1h. Defaults to 90d.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 6))]
    #[x_kube(validation = Rule::new("self.matches('^([1-9][0-9]*d|[1-9][0-9]*h|[6-9][0-9]m|[1-9][0-9][0-9]+m)$')")
        .message("duration must be a whole number of days, hours or minutes, at least one hour: 90d, 12h, 90m"))]
    pub duration: Option<String>,

    /// How long before its end the certificate is renewed: a whole number of days, hours or minutes. Defaults to 30d.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 6))]
    #[x_kube(validation = Rule::new("self.matches('^[1-9][0-9]*[dhm]$')")
        .message("renewBefore must be a whole number of days, hours or minutes: 30d, 6h, 30m"))]
    pub renew_before: Option<String>,

    /// Kind of key. ECDSA, the default, is P-256; RSA has 2048 bits and is for clients that know nothing newer.
    #[serde(default)]
    pub algorithm: KeyAlgorithm,

    /// Host names added to those that the registry's Service has anyway. Defaults to none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 253)))]
    #[x_kube(validation = Rule::new("self.all(name, name.matches('^([*][.])?[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]\
        ([-a-z0-9]*[a-z0-9])?)*$'))").message("dnsNames must be lower case host names such as registry.example.com or \
        *.example.com; addresses belong into ipAddresses"))]
    pub dns_names: Vec<String>,

    /// Addresses added to those that the registry's Service has anyway. Defaults to none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 2, max = 45)))]
    #[x_kube(validation = Rule::new("self.all(address, isIP(address))")
        .message("ipAddresses must be IPv4 or IPv6 addresses such as 192.0.2.10 or 2001:db8::10"))]
    pub ip_addresses: Vec<String>,
}

/// Kind of the certificate's key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum KeyAlgorithm {
    /// P-256.
    #[default]
    #[serde(rename = "ECDSA")]
    Ecdsa,
    /// 2048 bits.
    #[serde(rename = "RSA")]
    Rsa,
}

/// A certificate of your own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// Name of a Secret of type kubernetes.io/tls in the same namespace, with tls.crt, tls.key and, for the generated pull and
    /// push Secrets, optionally the authority's ca.crt.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}
