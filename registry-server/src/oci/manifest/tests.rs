use proptest::prelude::*;

use super::*;
use crate::oci::Algorithm;

const OCI_IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_IMAGE: &str = "application/vnd.docker.distribution.manifest.v2+json";

fn digest(content: &str) -> Digest {
    Digest::of(Algorithm::Sha256, content.as_bytes())
}

fn descriptor(content: &str, media_type: &str) -> String {
    format!(r#"{{"mediaType":"{media_type}","digest":"{}","size":{}}}"#, digest(content), content.len())
}

fn image(extra: &str) -> String {
    let (config, layer) =
        (descriptor("cargo", "application/vnd.x.config"), descriptor("deck", "application/vnd.x.layer"));
    format!(r#"{{"schemaVersion":2,"config":{config},"layers":[{layer}]{extra}}}"#)
}

fn refusal(document: &str, content_type: Option<&str>) -> String {
    Manifest::parse(document.as_bytes(), content_type).unwrap_err().to_string()
}

#[test]
fn an_image_names_its_blobs() {
    let manifest = Manifest::parse(image("").as_bytes(), Some(OCI_IMAGE)).unwrap();
    assert_eq!(manifest.blobs(), [digest("cargo"), digest("deck")]);
    assert_eq!(manifest.children(), []);
}

#[test]
fn an_index_names_its_children() {
    let document = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, descriptor("keel", OCI_IMAGE));
    let manifest =
        Manifest::parse(document.as_bytes(), Some("application/vnd.oci.image.index.v1+json; charset=utf-8")).unwrap();
    assert_eq!(manifest.children(), [digest("keel")]);
    assert_eq!(manifest.kind(), ManifestType::OciIndex);
}

#[test]
fn layers_kept_elsewhere_are_not_asked_for() {
    let config = descriptor("cargo", "application/vnd.x.config");
    let foreign = descriptor("fog", "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip");
    let restricted = descriptor("mist", "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd");
    let document = format!(r#"{{"config":{config},"layers":[{foreign},{restricted}]}}"#);
    let manifest = Manifest::parse(document.as_bytes(), Some(OCI_IMAGE)).unwrap();
    assert_eq!(manifest.blobs(), [digest("cargo")]);
    let remote = |content| RemoteLayer { digest: digest(content), urls: Vec::new() };
    assert_eq!(manifest.remote_layers(), [remote("fog"), remote("mist")]);
    assert!(manifest.mentioned().eq(["cargo", "fog", "mist"].map(digest)));
}

#[test]
fn urls_of_layers_are_read_wherever_their_content_is() {
    let urls = r#""urls":["https://store.test/deck"],"mediaType""#;
    let document = image("").replacen(r#""mediaType":"application/vnd.x.layer""#, &format!("{urls}:\"x\""), 1);
    let manifest = Manifest::parse(document.as_bytes(), Some(OCI_IMAGE)).unwrap();
    assert_eq!(manifest.blobs(), [digest("cargo"), digest("deck")]);
    assert_eq!(manifest.remote_layers()[0].urls, ["https://store.test/deck"]);
}

#[test]
fn children_are_told_apart_by_platform() {
    let child =
        |content: &str, platform: &str| descriptor(content, OCI_IMAGE).replacen('{', &format!("{{{platform}"), 1);
    let children = [
        child("keel", r#""platform":{"os":"linux","architecture":"arm64","variant":"v8"},"#),
        child("mast", r#""platform":{"os":"linux","architecture":"amd64"},"#),
        child("sail", ""),
    ];
    let document = format!(r#"{{"manifests":[{}]}}"#, children.join(","));
    let manifest = Manifest::parse(document.as_bytes(), Some(OCI_INDEX)).unwrap();
    let wanted = Platform { architecture: "arm64".to_owned(), os: "linux".to_owned() };
    assert_eq!(manifest.children_for(&[wanted]).collect::<Vec<_>>(), [digest("keel")]);
    assert_eq!(manifest.children().len(), 3);
}

#[test]
fn a_document_that_could_be_read_in_two_ways_is_refused() {
    let both = image(r#","manifests":[]"#);
    assert!(matches!(Manifest::parse(both.as_bytes(), Some(OCI_IMAGE)), Err(Invalid::Ambiguous)));
    assert!(matches!(Manifest::parse(image("").as_bytes(), Some(OCI_INDEX)), Err(Invalid::ManifestsMissing)));
    let twice = image(r#","config":null"#);
    assert!(matches!(Manifest::parse(twice.as_bytes(), Some(OCI_IMAGE)), Err(Invalid::Json(_))));
}

#[test]
fn refusals_say_what_to_change() {
    insta::assert_snapshot!(
        refusal(&image(""), Some("application/json")),
        @r#"media type "application/json" is not supported; supported are OCI image manifests and indexes, Docker version 2 schema 2 manifests and Docker manifest lists"#
    );
    insta::assert_snapshot!(
        refusal(&image(&format!(r#","mediaType":"{DOCKER_IMAGE}""#)), Some(OCI_IMAGE)),
        @r#"the Content-Type is application/vnd.oci.image.manifest.v1+json, but the manifest's mediaType is "application/vnd.docker.distribution.manifest.v2+json""#
    );
    insta::assert_snapshot!(
        refusal(&image(""), Some(DOCKER_IMAGE)),
        @"a manifest of type application/vnd.docker.distribution.manifest.v2+json needs the field mediaType"
    );
    insta::assert_snapshot!(refusal(r#"{"schemaVersion":1}"#, None), @"schemaVersion is 1, only 2 is supported");
    insta::assert_snapshot!(refusal("{}", Some(OCI_IMAGE)), @"an image manifest needs the field config");
    insta::assert_snapshot!(refusal("{}", Some(OCI_INDEX)), @"an index needs the field manifests");
}

#[test]
fn a_referrer_is_described_by_its_artifact_type_or_its_configuration() {
    let subject = descriptor("keel", OCI_IMAGE);
    let plain = image(&format!(r#","subject":{subject},"annotations":{{"wind":"north"}}"#));
    let manifest = Manifest::parse(plain.as_bytes(), Some(OCI_IMAGE)).unwrap();
    assert_eq!(manifest.subject(), Some(digest("keel")));
    let described = manifest.into_descriptor(digest("x"), 7);
    assert_eq!(described.artifact_type.as_deref(), Some("application/vnd.x.config"));
    assert_eq!(described.annotations.unwrap()["wind"], "north");

    let typed = image(r#","artifactType":"application/vnd.x.chart""#);
    let described = Manifest::parse(typed.as_bytes(), None).unwrap().into_descriptor(digest("x"), 7);
    assert_eq!(described.artifact_type.as_deref(), Some("application/vnd.x.chart"));

    let index = format!(r#"{{"manifests":[],"subject":{subject}}}"#);
    let described = Manifest::parse(index.as_bytes(), Some(OCI_INDEX)).unwrap().into_descriptor(digest("x"), 7);
    assert_eq!(described.artifact_type, None);
}

#[test]
fn stored_manifests_are_served_with_the_type_they_have() {
    assert_eq!(stored_media_type(image("").as_bytes()), OCI_IMAGE);
    assert_eq!(stored_media_type(image(&format!(r#","mediaType":"{DOCKER_IMAGE}""#)).as_bytes()), DOCKER_IMAGE);
    assert_eq!(stored_media_type(br#"{"manifests":[]}"#), OCI_INDEX);
    assert_eq!(stored_media_type(br#"{"schemaVersion":1,"signatures":[]}"#), DOCKER_SCHEMA_1);
    assert_eq!(stored_media_type(b"\0"), "application/octet-stream");
}

proptest! {
    #[test]
    fn parsing_never_panics(content in proptest::collection::vec(any::<u8>(), 0..300), declared in proptest::option::of(".{0,80}")) {
        let _ = Manifest::parse(&content, declared.as_deref());
        let _ = stored_media_type(&content);
    }
}
