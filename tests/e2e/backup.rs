//! What `operator/docs/backup.md` promises of a volume as it is at one moment, while images are pushed: the commands as they stand
//! there, between which the test plays the driver that takes the snapshot and makes a volume of it.

use std::cell::RefCell;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use support::crane::Crane;
use support::guide::{self, Typist};
use support::image::Image;
use support::namespace::{Namespace, in_namespace};
use support::this_test;
use support::wait::eventually;
use tempfile::TempDir;

use crate::helper::{Helper, Running};

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_has_after_a_restore_what_it_had_at_the_snapshot() -> Result<()> {
    let blocks = guide::of(&this_test!())?;
    let [replace_claim, go_on] = blocks.as_slice() else { bail!("not two blocks, but {}", blocks.len()) };
    in_namespace("backup", async |namespace| {
        let team = namespace.registry("team").ready().await?;
        let (push, pull) = (Crane::with(&team, "push").await?, Crane::with(&team, "pull").await?);
        let folder = TempDir::new()?;
        let snapshot = folder.path().join("volume.tar");
        let images = take_snapshot(&namespace, &team.pod().await?, &push, &snapshot).await?;
        let later = Image::random(1, 1 << 10)?;
        push.push(&later, "app:0").await?;
        pull.pull_same(&later, "app:0").await?;

        let reader = Typist::on_cluster()?.replacing("apps", namespace.name());
        std::fs::write(reader.path("claim.yaml"), without_snapshot(&reader.meant(&guide::file("claim.yaml")?.text)))?;
        reader.types(replace_claim).await?;
        make_volume(&namespace, &snapshot).await?;
        reader.types(go_on).await?;
        for (number, image) in images.iter().enumerate() {
            pull.pull_same(image, &format!("app:{number}")).await?;
        }
        // A push that was under way is repeated.
        let repeated = Image::random(2, 1 << 18)?;
        push.push(&repeated, &format!("app:{}", images.len())).await?;
        pull.pull_same(&repeated, &format!("app:{}", images.len())).await
    })
    .await
}

/// Copies the volume of the registry in `pod` as it is at one moment, and returns the images that it had acknowledged before.
async fn take_snapshot(namespace: &Namespace, pod: &Pod, push: &Crane, snapshot: &Path) -> Result<Vec<Image>> {
    let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()).context("a Pod that runs nowhere")?;
    let driver = Helper {
        name: "driver",
        standard: "privileged",
        pod: &format!("hostPID: true, nodeName: {node},"),
        container: "securityContext: {privileged: true}",
        volume: "emptyDir: {}",
    };
    let mut before = Vec::new();
    driver
        .at_work(namespace, async |driver| {
            let pushed = RefCell::new(Vec::new());
            let known = tokio::select! {
                known = copy_volume(driver, pod, &pushed, snapshot) => known?,
                failed = push_for_ever(push, &pushed) => return failed,
            };
            before = pushed.into_inner();
            before.truncate(known);
            Ok(())
        })
        .await?;
    Ok(before)
}

/// Ends with what went wrong alone.
async fn push_for_ever(crane: &Crane, pushed: &RefCell<Vec<Image>>) -> Result<()> {
    loop {
        let (image, number) = (Image::random(2, 1 << 18)?, pushed.borrow().len());
        crane.push(&image, &format!("app:{number}")).await?;
        pushed.borrow_mut().push(image);
    }
}

/// Once some images are there, stops the server, which alone writes to the volume, for as long as it is copied. Returns how many
/// images were there before.
async fn copy_volume(driver: &Running<'_>, pod: &Pod, pushed: &RefCell<Vec<Image>>, snapshot: &Path) -> Result<usize> {
    eventually("some images", async || {
        ensure!(pushed.borrow().len() > 1, "there are none");
        Ok(())
    })
    .await?;
    let (known, uid) = (pushed.borrow().len(), pod.uid().unwrap_or_default());
    let script = format!(
        "server=$(grep -l 'pods/{uid}/etc-hosts' /proc/[0-9]*/mountinfo 2>/dev/null | cut -d/ -f3)
         trap 'kill -CONT $server' EXIT
         kill -STOP $server
         cd /proc/$server/root
         tar -C var/lib/registry -cf - ."
    );
    driver.pipe(&script, &format!("> {}", snapshot.display())).await?;
    Ok(known)
}

/// Fills the volume of the claim `team`, as the server's own user.
async fn make_volume(namespace: &Namespace, snapshot: &Path) -> Result<()> {
    let driver = Helper {
        name: "driver",
        standard: "restricted",
        pod: "securityContext: {runAsNonRoot: true, runAsUser: 65532, fsGroup: 65532, seccompProfile: {type: RuntimeDefault}},",
        container: "securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}",
        volume: "persistentVolumeClaim: {claimName: team}",
    };
    let fill = format!("< {}", snapshot.display());
    driver.at_work(namespace, async |driver| driver.pipe("tar -C /volume -xf -", &fill).await).await
}

/// The claim without what only a driver that takes snapshots can follow.
fn without_snapshot(claim: &str) -> String {
    claim.lines().filter(|line| !line.contains("dataSource:")).map(|line| format!("{line}\n")).collect()
}
