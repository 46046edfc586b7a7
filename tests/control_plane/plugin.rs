//! `kubectl preg` tells of registries what the API server knows of them, and hands out what their users need.

use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::core::v1::{Event, PersistentVolumeClaim, Pod};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use support::control_plane::{Identity, Operator, Options, Stage, on_control_plane, on_own_control_plane};
use support::plugin::Plugin;
use support::random_word;
use support::registry::Registry;

use crate::place::{Place, copy_name};

/// Somebody who works in the test's namespace.
fn somebody(stage: &Stage<'_>, identity: &Identity) -> Result<Plugin> {
    let kubeconfig = stage.plane.kubeconfig_file(identity, &format!("person-{}", random_word()))?;
    Plugin::built(kubeconfig, stage.namespace.name())
}

#[tokio::test]
async fn status_shows_a_registry_on_one_screen_and_ends_with_1_until_it_is_ready() -> Result<()> {
    on_control_plane("plugin", async |stage| {
        let _operator = stage.operator()?.start().await?;
        let preg = somebody(stage, &Identity::Administrator)?;
        let refused = preg.refused(["status", "team"]).await?;
        assert!(refused.contains(&format!("there is no PrivateRegistry {}/team", stage.namespace.name())), "{refused}");

        let team = stage.namespace.registry("team").users(["cook"]).created().await?;
        team.until_condition("Ready", "False", "").await?;
        let starting = preg.ask(["status", "team"]).await?;
        assert!(!starting.success && starting.stdout.contains("/team: not ready"), "{starting:?}");
        let _controllers = stage.play_controllers();
        team.until_ready().await?;

        let told = preg.run(["status", "team"]).await?;
        let host = team.host();
        for promised in [
            "/team: ready",
            &host,
            "renewed from",
            "of 10Gi",
            "pull may pull, Secret team-pull",
            "cook may pull and push, Secret cook-password",
            "Ready              True    Serving",
        ] {
            assert!(told.contains(promised), "{promised:?} is not in:\n{told}");
        }
        let json: Value = serde_json::from_str(&preg.run(["status", "team", "--output=json"]).await?)?;
        assert_eq!((&json["ready"], &json["endpoint"]), (&json!(true), &json!(host)));
        let all = preg.run(["status"]).await?;
        let line = [stage.namespace.name(), "team", "true", "Serving", &host];
        assert!(all.lines().any(|told| told.split_whitespace().eq(line)), "{all}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn login_writes_what_docker_and_podman_read_and_loses_nothing() -> Result<()> {
    on_control_plane("plugin", async |stage| {
        let _operator = stage.operator()?.start().await?;
        let _controllers = stage.play_controllers();
        let team = stage.namespace.registry("team").users(["cook"]).ready().await?;
        let (host, pull) = (team.host(), team.credentials("pull").await?);
        let preg = somebody(stage, &Identity::Administrator)?;
        let config = preg.path(".docker/config.json");
        std::fs::create_dir(preg.path(".docker"))?;
        std::fs::write(&config, r#"{"auths": {"other.example": {"auth": "eDp5"}}, "detachKeys": "ctrl-x"}"#)?;

        let told = preg.run(["login", "team"]).await?;
        assert!(told.contains(&format!("pull is logged in to {host}: written to {}", config.display())), "{told}");
        assert!(!told.contains(&pull.password), "a password was printed");
        let written = preg.json(".docker/config.json")?;
        assert_eq!(login_of(&written, &host)?, format!("pull:{}", pull.password));
        assert_eq!(
            (&written["auths"]["other.example"]["auth"], &written["detachKeys"]),
            (&json!("eDp5"), &json!("ctrl-x"))
        );
        assert_eq!(std::fs::metadata(&config)?.permissions().mode() & 0o777, 0o600);

        preg.run(["login", "team", "--user=cook", "--host=127.0.0.1:5000"]).await?;
        let written = preg.json(".docker/config.json")?;
        assert_eq!(login_of(&written, "127.0.0.1:5000")?, "cook:first");
        assert_eq!(login_of(&written, &host)?, format!("pull:{}", pull.password));

        let runtime = preg.path("run");
        let podman = ["login", "team", "--user=push", "--tool=podman"];
        let output = preg.ask_with(podman, [("XDG_RUNTIME_DIR", runtime.as_path())]).await?;
        ensure!(output.success, "{output:?}");
        let push = team.credentials("push").await?;
        let written = preg.json("run/containers/auth.json")?;
        assert_eq!(login_of(&written, &host)?, format!("push:{}", push.password));

        assert_eq!(preg.run(["login", "team", "--print"]).await?, pull.password);
        let refused = preg.refused(["login", "team", "--user=butler"]).await?;
        assert!(refused.contains("has no user butler: there are pull, push, cook"), "{refused}");
        helpers_keep_passwords(&preg, &host, &pull.password).await
    })
    .await
}

/// What Docker's file says about a host: user and password.
fn login_of(config: &Value, host: &str) -> Result<String> {
    let auth = config["auths"][host]["auth"].as_str().with_context(|| format!("{config} knows nothing of {host}"))?;
    Ok(String::from_utf8(STANDARD.decode(auth)?)?)
}

/// A file that names a helper, which Docker would ask before it looks into the file.
async fn helpers_keep_passwords(preg: &Plugin, host: &str, password: &str) -> Result<()> {
    let config = preg.path("helped/config.json");
    std::fs::create_dir(preg.path("helped"))?;
    std::fs::write(&config, r#"{"credsStore": "larder"}"#)?;
    let login = ["login", "team", "--config", config.to_str().context("a path that is no text")?];
    let refused = preg.refused(login).await?;
    assert!(refused.contains("docker-credential-larder is not on PATH"), "{refused}");

    let kept = preg.path("kept");
    preg.install("docker-credential-larder", &format!("[ \"$1\" = store ] && cat >{}", kept.display()))?;
    let told = preg.run(login).await?;
    assert!(told.contains("kept by docker-credential-larder"), "{told}");
    let kept: Value = serde_json::from_slice(&std::fs::read(kept)?)?;
    assert_eq!(kept, json!({"ServerURL": host, "Username": "pull", "Secret": password}));
    assert_eq!(preg.json("helped/config.json")?, json!({"credsStore": "larder", "auths": {host: {}}}));

    preg.install("docker-credential-larder", "echo the keychain is locked; exit 1")?;
    let refused = preg.refused(login).await?;
    assert!(refused.contains("docker-credential-larder says: the keychain is locked"), "{refused}");
    Ok(())
}

#[tokio::test]
async fn ca_prints_the_authority_or_puts_it_where_engines_look() -> Result<()> {
    on_control_plane("plugin", async |stage| {
        let _operator = stage.operator()?.start().await?;
        let team = stage.namespace.registry("team").created().await?;
        let preg = somebody(stage, &Identity::Administrator)?;
        team.until("the pull Secret in the status", |team| team.data["status"]["pullSecretRef"]["name"] == "team-pull")
            .await?;
        let authority = team.credentials("pull").await?.ca;
        assert_eq!(preg.run(["ca", "team"]).await?.trim_end(), authority.trim_end());

        let folder = preg.path("certs.d");
        let install =
            ["ca", "team", "--install=docker", "--certs-dir", folder.to_str().context("a path that is no text")?];
        let path = folder.join(team.host()).join("ca.crt");
        let told = preg.run(install).await?;
        assert!(told.contains(&format!("docker trusts {}: written to {}", team.host(), path.display())), "{told}");
        assert_eq!(std::fs::read_to_string(path)?, authority);
        assert!(preg.run(install).await?.contains("already in"));
        preg.run(["ca", "team", "--install=podman", "--rootless"]).await?;
        assert!(preg.path(".config/containers/certs.d").join(team.host()).join("ca.crt").exists());

        stage.namespace.registry("open").spec("{tls: {disabled: true}}")?.created().await?;
        let refused = preg.refused(["ca", "open"]).await?;
        assert!(refused.contains("speaks plain HTTP") && refused.contains("insecure-registries"), "{refused}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn doctor_walks_to_the_nodes_and_says_what_is_wrong() -> Result<()> {
    on_own_control_plane("plugin", Options::default(), async |stage| {
        let mut operator = stage.operator_of_cluster()?.start().await?;
        let _controllers = stage.play_controllers();
        let team = stage.namespace.registry("team").ready().await?;
        Place::existing(stage, stage.namespace.name()).add_account("default").await?;
        let preg = somebody(stage, &Identity::Administrator)?;

        // No controller has made a Pod of the Deployment.
        let told = preg.ask(["doctor", "team"]).await?;
        assert!(!told.success, "{told:?}");
        has_lines(&told.stdout, &["fail  server       Deployment", "fail  service      Service", "2 failures"]);
        serve(stage).await?;
        let told = preg.ask(["doctor", "team"]).await?;
        assert!(told.success, "{told:?}");
        let well =
            ["definition", "operator", "resource", "storage", "server", "service", "certificate", "secrets", "pods"];
        has_lines(&told.stdout, &well.map(|part| format!("ok    {part}")).each_ref().map(String::as_str));
        // There is no kubelet that could lead to the server.
        has_lines(
            &told.stdout,
            &["warn  answer       not looked at: failed to use pods/portforward", "nothing is broken; 1 warning"],
        );

        cannot_pull(stage, &team).await?;
        let told = preg.ask(["doctor", "team", "--output=json"]).await?;
        assert!(!told.success, "{told:?}");
        let findings: Value = serde_json::from_str(&told.stdout)?;
        let pods = findings.as_array().and_then(|all| all.iter().find(|finding| finding["part"] == "pods"));
        let message = pods.and_then(|pods| pods["message"].as_str()).unwrap_or_default();
        for promised in
            ["/app on node shelf", "does not trust the registry's authority", "the Pod pulls with Secret theirs"]
        {
            assert!(message.contains(promised), "{promised:?} is not in {message}");
        }

        somebody_without_rights_is_told(stage).await?;
        sees_accounts_and_room(stage, &team, &preg, &mut operator).await?;
        has_lines(&preg.ask(["doctor", "team"]).await?.stdout, &["fail  operator     no operator works: Lease"]);
        Ok(())
    })
    .await
}

fn has_lines(told: &str, wanted: &[&str]) {
    for wanted in wanted {
        assert!(told.lines().any(|line| line.starts_with(wanted)), "no line starts with {wanted:?}:\n{told}");
    }
}

/// What kubelet and the controller of endpoint slices would write of a server that serves.
async fn serve(stage: &Stage<'_>) -> Result<()> {
    let labels = "{app.kubernetes.io/name: private-registry, app.kubernetes.io/instance: team}";
    pod(stage, "team-1", labels, "example.com/server:1").await?;
    set_status(stage, "team-1", json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}))
        .await?;
    let slice = "{metadata: {name: team-1, labels: {kubernetes.io/service-name: team}}, addressType: IPv4,
        endpoints: [{addresses: [10.1.1.1], conditions: {ready: true}}]}";
    stage.namespace.create_object::<EndpointSlice>(slice).await.map(drop)
}

/// A Pod that waits for an image of the registry, as a kubelet tells of it whose node does not trust the authority.
async fn cannot_pull(stage: &Stage<'_>, team: &Registry) -> Result<()> {
    let image = format!("{}/app:1", team.host());
    pod(stage, "app", "{}", &image).await?;
    let waiting = json!({"reason": "ImagePullBackOff", "message": format!("Back-off pulling image {image:?}")});
    let container = json!({"name": "app", "image": image, "imageID": "", "ready": false, "restartCount": 0,
        "state": {"waiting": waiting}});
    set_status(stage, "app", json!({"phase": "Pending", "containerStatuses": [container]})).await?;
    let event = format!(
        "{{metadata: {{name: app.1}}, involvedObject: {{kind: Pod, name: app, namespace: {}}}, reason: Failed, type: Warning,
        message: 'Failed to pull image: x509: certificate signed by unknown authority'}}",
        stage.namespace.name()
    );
    stage.namespace.create_object::<Event>(&event).await.map(drop)
}

async fn pod(stage: &Stage<'_>, name: &str, labels: &str, image: &str) -> Result<()> {
    let yaml = format!(
        "{{metadata: {{name: {name}, labels: {labels}}}, spec: {{
            nodeName: shelf,
            securityContext: {{runAsNonRoot: true, runAsUser: 65532, seccompProfile: {{type: RuntimeDefault}}}},
            containers: [{{name: app, image: '{image}',
                securityContext: {{allowPrivilegeEscalation: false, capabilities: {{drop: [ALL]}}}}}}]}}}}"
    );
    stage.namespace.create_object::<Pod>(&yaml).await.map(drop)
}

async fn set_status(stage: &Stage<'_>, pod: &str, status: Value) -> Result<()> {
    let patch = Patch::Merge(json!({"status": status}));
    stage.namespace.api::<Pod>().patch_status(pod, &PatchParams::default(), &patch).await?;
    Ok(())
}

/// Service accounts that pull with the Secret or do not, a claim that grows, and a volume that fills up. Ends the operator, which would
/// mend some of it.
async fn sees_accounts_and_room(
    stage: &Stage<'_>,
    team: &Registry,
    preg: &Plugin,
    operator: &mut Operator,
) -> Result<()> {
    let own = Place::existing(stage, stage.namespace.name());
    let hall = Place::new(stage, "hall", json!({"privateregistry.io/pull-secrets": "true"})).await?;
    for place in [&own, &hall] {
        place.add_account("cook").await?;
    }
    team.apply(json!({"pullSecrets": {"namespaceSelector": {}, "serviceAccounts": ["cook", "butler"]}})).await?;
    let copy = copy_name(team);
    own.until_account_pulls_with("cook", &["theirs", "team-pull"]).await?;
    hall.until_account_pulls_with("cook", &["theirs", &copy]).await?;
    has_lines(
        &preg.ask(["doctor", "team"]).await?.stdout,
        &[
            "ok    secrets      Pods of ServiceAccount cook pull with it, in 2 namespaces",
            "warn  secrets      there is no ServiceAccount butler where the pull Secret is",
        ],
    );

    operator.stop().await?;
    hall.set_account_secrets("cook", &["theirs"]).await?;
    let growing = json!({"status": {"conditions": [{"type": "FileSystemResizePending", "status": "True"}]}});
    let claims = stage.namespace.api::<PersistentVolumeClaim>();
    claims.patch_status("team", &PatchParams::default(), &Patch::Merge(growing)).await?;
    fill_volume(team).await?;
    let refused = format!("fail  secrets      ServiceAccount {}/cook does not name Secret {copy}", hall.name);
    has_lines(
        &preg.ask(["doctor", "team"]).await?.stdout,
        &[
            &refused,
            "warn  storage      the volume of PersistentVolumeClaim team has grown",
            "fail  storage      the volume is full: 100 % of 10Gi are taken, 0 are free; pushes fail, pulls go on",
        ],
    );
    Ok(())
}

/// What the operator would tell of a volume without room.
async fn fill_volume(team: &Registry) -> Result<()> {
    let mut conditions = team.object().await?.data["status"]["conditions"].clone();
    let about_storage = conditions.as_array_mut().into_iter().flatten().find(|known| known["type"] == "StorageReady");
    let about_storage = about_storage.context("nothing is told of the storage")?;
    (about_storage["status"], about_storage["reason"]) = (json!("False"), json!("VolumeFull"));
    let file_system = json!({"capacity": "10Gi", "available": "0", "usedPercent": 100});
    team.patch_status(json!({"conditions": conditions, "storage": {"fileSystem": file_system}})).await
}

/// Somebody who may read registries and nothing else: each right that is missing is said, and nothing else is held to be broken.
async fn somebody_without_rights_is_told(stage: &Stage<'_>) -> Result<()> {
    let guest = Identity::User("guest".to_owned());
    let preg = somebody(stage, &guest)?;
    let refused = preg.refused(["status", "team"]).await?;
    assert!(refused.contains("you may not read PrivateRegistry"), "{refused}");

    let rules = "rules: [{apiGroups: [privateregistry.io], resources: [privateregistries], verbs: [get, list]}]";
    stage.namespace.create_object::<Role>(&format!("{{metadata: {{name: guest}}, {rules}}}")).await?;
    let binding =
        "{metadata: {name: guest}, subjects: [{kind: User, name: guest, apiGroup: rbac.authorization.k8s.io}],
        roleRef: {kind: Role, name: guest, apiGroup: rbac.authorization.k8s.io}}";
    stage.namespace.create_object::<RoleBinding>(binding).await?;
    let told = preg.ask(["doctor", "team"]).await?;
    assert!(told.success, "{told:?}");
    let unseen = ["operator", "storage", "server", "service", "certificate", "secrets", "pods"];
    let lines = unseen.map(|part| format!("warn  {part:11}  not looked at: you may not"));
    has_lines(&told.stdout, &lines.each_ref().map(String::as_str));
    has_lines(&told.stdout, &["ok    definition", "ok    resource"]);
    let refused = preg.refused(["login", "team"]).await?;
    assert!(refused.contains("you may not read Secret"), "{refused}");
    Ok(())
}
