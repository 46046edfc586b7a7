//! What a release is made from agrees: both Dockerfiles, and the workflow that runs it.

use crate::tools::{documents, read};

/// The instructions of the images themselves, without where their files are from.
fn images(dockerfile: &str) -> Vec<&str> {
    let (_, images) = dockerfile.split_once("FROM scratch AS server").unwrap();
    images.lines().filter(|line| !line.starts_with("COPY ") && !line.starts_with("ARG ")).collect()
}

#[test]
fn images_from_source_are_configured_as_those_that_are_packed() {
    let (packed, source) = (read("deploy/Dockerfile"), read("deploy/Dockerfile.source"));

    assert_eq!(images(&packed), images(&source));
    for image in ["server", "operator"] {
        assert!(packed.contains(&format!("COPY {image}/ /\n")));
        assert!(source.contains(&format!("COPY --from=programs /images/{image}/ /\n")));
    }
    let version = env!("CARGO_PKG_VERSION");
    assert!(source.contains(&format!("\nARG VERSION={version}\n")), "deploy/Dockerfile.source is not of {version}");
    let rust = env!("CARGO_PKG_RUST_VERSION");
    assert!(source.contains(&format!("\nARG RUST_VERSION={rust}\n")), "deploy/Dockerfile.source is not of Rust {rust}");
}

/// A tag can be moved by whoever owns it; a commit cannot.
#[test]
fn the_workflow_runs_others_code_by_commit_and_starts_without_rights() {
    let text = read(".github/workflows/ci.yml");
    let workflow = documents(&text).remove(0);

    assert_eq!(workflow["permissions"], serde_json::json!({}));
    for job in workflow["jobs"].as_object().unwrap().values() {
        assert!(job["permissions"].is_object() && job["timeout-minutes"].is_number(), "{job}");
    }
    let actions: Vec<&str> =
        text.lines().filter_map(|line| line.split_once("uses: ")).map(|(_, action)| action).collect();
    assert!(actions.len() > 5);
    for action in actions {
        let (_, pinned) = action.split_once('@').unwrap();
        let (commit, version) = pinned.split_once(" # v").unwrap_or_else(|| panic!("{action} names no version"));
        let is_commit = commit.len() == 40 && commit.chars().all(|digit| digit.is_ascii_hexdigit());
        assert!(is_commit && version.split('.').count() == 3, "{action}");
    }
}
