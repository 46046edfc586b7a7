//! How the registry proves who it is.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::is_object_name;

/// How the registry proves who it is: at most one of `selfSigned`, `secretRef`, `certManager` and `disabled`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.selfSigned), has(self.secretRef), has(self.certManager), has(self.disabled) && self.disabled]\
    .filter(given, given).size() <= 1").message("tls takes one of selfSigned, secretRef, certManager and disabled: true"))]
pub struct Tls {
    /// The operator makes a certificate authority for this registry alone, issues the certificate and renews it. The default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_signed: Option<SelfSigned>,

    /// A certificate of your own. It is read again when it changes, and served without a restart. Defaults to none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,

    /// A certificate that cert-manager issues and renews. The cluster has to have cert-manager. Defaults to not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cert_manager: Option<CertManager>,

    /// Plain HTTP when true: passwords and images cross the network readable. Defaults to false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
}

/// The certificate that the operator issues, or has issued.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(renewed_before_its_end())
    .message("renewBefore (left out: 30d) must be shorter than duration (left out: 90d), or the certificate would be due the \
    moment it is issued"))]
pub struct SelfSigned {
    /// How long the certificate is valid: a whole number of days, hours or minutes such as 90d, between
    /// 1h and 1825d. Defaults to 90d.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 6))]
    #[x_kube(
        validation = Rule::new(is_length_of_time("self"))
            .message("duration must be a whole number of days, hours or minutes: 90d, 12h, 90m"),
        validation = Rule::new(between_an_hour_and_five_years("self")).message("duration must be between 1h and 1825d")
    )]
    pub duration: Option<String>,

    /// How long before its end the certificate is renewed: a whole number of days, hours or minutes. Defaults to 30d.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 6))]
    #[x_kube(validation = Rule::new(is_length_of_time("self"))
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

/// A certificate that cert-manager issues.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new(at_least_five_minutes("self.renewBefore"))
        .message("renewBefore must be at least 5m, which is the least that cert-manager takes"),
    validation = Rule::new("!has(self.serviceNames) || self.serviceNames || (has(self.dnsNames) && self.dnsNames.size() > 0) \
        || (has(self.ipAddresses) && self.ipAddresses.size() > 0)")
        .message("serviceNames is false: give dnsNames or ipAddresses, or the certificate would be good for nothing")
)]
pub struct CertManager {
    /// Who signs.
    pub issuer_ref: IssuerRef,

    /// Whether the certificate has the names and addresses of the registry's Service. False is for issuers that sign public names
    /// alone, as ACME's do; the nodes then have to pull by one of dnsNames. Defaults to true.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_names: Option<bool>,

    // Its rules hold here too.
    /// Lifetime, key and further names.
    #[serde(flatten)]
    pub certificate: SelfSigned,
}

/// An issuer of cert-manager.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct IssuerRef {
    /// Name of the issuer.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,

    /// Kind of the issuer: Issuer, which is in the same namespace, `ClusterIssuer`, or a kind of group. Defaults to Issuer.
    #[serde(default = "issuer")]
    #[schemars(length(min = 1, max = 63))]
    pub kind: String,

    /// API group of the issuer. Defaults to cert-manager.io.
    #[serde(default = "cert_manager_io")]
    #[schemars(length(min = 1, max = 253))]
    pub group: String,
}

fn issuer() -> String {
    "Issuer".to_owned()
}

fn cert_manager_io() -> String {
    "cert-manager.io".to_owned()
}

/// CEL: whether `value` is given and a length of time of less than five minutes.
fn at_least_five_minutes(value: &str) -> String {
    let (is_length, minutes) = (is_length_of_time(value), minutes(value));
    format!("!has({value}) || !{is_length} || {minutes} >= 5")
}

/// CEL: whether `value` is a whole number of days, hours or minutes.
fn is_length_of_time(value: &str) -> String {
    format!("{value}.matches('^[1-9][0-9]*[dhm]$')")
}

/// CEL: the minutes of a length of time.
fn minutes(value: &str) -> String {
    let unit = format!("({value}.endsWith('d') ? 1440 : {value}.endsWith('h') ? 60 : 1)");
    format!("int({value}.substring(0, {value}.size() - 1)) * {unit}")
}

/// CEL: five years is half of an authority's life. What is no length of time has been told so by another rule.
fn between_an_hour_and_five_years(value: &str) -> String {
    let (is_length, minutes) = (is_length_of_time(value), minutes(value));
    format!("!{is_length} || ({minutes} >= 60 && {minutes} <= 2628000)")
}

/// CEL: whether the renewal comes after the issue, with the defaults for what is left out.
fn renewed_before_its_end() -> String {
    let [duration, before] = [("self.duration", 129_600), ("self.renewBefore", 43_200)].map(|(field, default)| {
        let (is_length, minutes) = (is_length_of_time(field), minutes(field));
        (format!("has({field}) && !{is_length}"), format!("(has({field}) ? {minutes} : {default})"))
    });
    format!("({}) || ({}) || {} > {}", duration.0, before.0, duration.1, before.1)
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

impl From<KeyAlgorithm> for registry_pki::KeyAlgorithm {
    fn from(algorithm: KeyAlgorithm) -> Self {
        match algorithm {
            KeyAlgorithm::Ecdsa => Self::Ecdsa,
            KeyAlgorithm::Rsa => Self::Rsa,
        }
    }
}

/// A certificate of your own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// Name of a Secret of type kubernetes.io/tls in the same namespace, with tls.crt, tls.key and, for the generated pull and
    /// push Secrets, optionally the authority's ca.crt.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new(is_object_name("self")).message("secretRef.name must be the name of a Secret in the same \
        namespace: lower case letters, digits, '-' and '.'"))]
    pub name: String,
}
