//! oras: artifacts that are no images, and what refers to something else.

use anyhow::{Context as _, Result};
use serde_json::Value;
use support::home::Home;
use support::secure_server::{LOOPBACK, Server, User, with_server};

#[tokio::test(flavor = "multi_thread")]
async fn oras_pushes_pulls_lists_and_deletes() -> Result<()> {
    with_server(LOOPBACK, async |server| {
        let notes = server.reference("team/notes:1");
        let oras = logged_in(server, User::Pusher).await?;
        oras.write("notes.txt", "remember the milk\n")?;
        oras.run("oras", ["push", &notes, "--artifact-type", "application/vnd.example.notes", "notes.txt:text/plain"])
            .await?;
        oras.run("oras", ["tag", &notes, "2"]).await?;
        oras.run("oras", ["copy", &notes, &server.reference("other/notes:1")]).await?;

        let oras = logged_in(server, User::Owner).await?;
        oras.run("oras", ["pull", &notes, "--output", "pulled"]).await?;
        assert_eq!(std::fs::read_to_string(oras.path("pulled/notes.txt"))?, "remember the milk\n");

        assert_eq!(oras.run("oras", ["repo", "tags", &server.reference("team/notes")]).await?, "1\n2");
        assert_eq!(oras.run("oras", ["repo", "ls", server.host()]).await?, "other/notes\nteam/notes");

        oras.run("oras", ["manifest", "delete", "--force", &notes]).await?;
        server.lacks("team/notes:1").await?;
        server.lacks("team/notes:2").await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn oras_finds_what_was_attached() -> Result<()> {
    with_server(LOOPBACK, async |server| {
        let notes = server.reference("team/notes:1");
        let oras = logged_in(server, User::Owner).await?;
        oras.write("notes.txt", "remember the milk\n")?;
        oras.write("sbom.json", r#"{"packages": []}"#)?;
        oras.run("oras", ["push", &notes, "notes.txt:text/plain"]).await?;
        let kind = "application/vnd.example.sbom";
        oras.run("oras", ["attach", &notes, "--artifact-type", kind, "sbom.json:application/json"]).await?;

        let found = oras.run("oras", ["discover", &notes, "--format", "json", "--artifact-type", kind]).await?;
        let found: Value = serde_json::from_str(&found)?;
        let referrers = found.get("manifests").or_else(|| found.get("referrers")).and_then(Value::as_array);
        assert_eq!(referrers.context("oras listed no referrers")?.len(), 1, "oras listed {found}");
        // By the API alone: there is no tag that stands in for it.
        assert_eq!(oras.run("oras", ["repo", "tags", &server.reference("team/notes")]).await?, "1");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn oras_is_told_what_its_user_may_not_do() -> Result<()> {
    with_server(LOOPBACK, async |server| {
        let notes = server.reference("team/notes:1");
        let puller = logged_in(server, User::Puller).await?;
        puller.write("notes.txt", "remember the milk\n")?;
        let said = puller.refused("oras", ["push", &notes, "notes.txt:text/plain"]).await?;
        assert!(said.contains("denied"), "oras said: {said}");

        let pusher = logged_in(server, User::Pusher).await?;
        pusher.write("notes.txt", "remember the milk\n")?;
        pusher.run("oras", ["push", &notes, "notes.txt:text/plain"]).await?;
        let said = pusher.refused("oras", ["manifest", "delete", "--force", &notes]).await?;
        assert!(said.contains("denied"), "oras said: {said}");
        assert_eq!(server.manifest("team/notes:1").await?.status, 200);
        Ok(())
    })
    .await
}

async fn logged_in(server: &Server, user: User) -> Result<Home> {
    let home = server.home()?;
    let login = ["login", server.host(), "--username", user.name(), "--password-stdin"];
    home.run_with_input("oras", login, user.password()).await?;
    Ok(home)
}
