//! The annotations of ingress-nginx, by traefik's provider that reads them: they alone are enough.

use anyhow::Result;
use serde_json::{Value, json};
use support::image::Image;

use super::client::Client;
use super::scene::{Scene, spec};

/// What the certificate behind an Ingress has to be good for.
const VERIFIED_NAME: &str = "nginx.ingress.kubernetes.io/proxy-ssl-name";

/// Gives the Ingress to the class of that provider: the registry is trusted by its Secret, and under its name alone.
pub(super) async fn annotations_are_enough(scene: &Scene<'_>, client: &Client) -> Result<()> {
    let of_class = |annotations: Value| spec("nginx", &annotations, &json!({}), &json!({}));
    scene.team.apply(of_class(json!({VERIFIED_NAME: "somebody-else.example.com"}))).await?;
    client.until_not_verified().await?;
    scene.team.apply(of_class(json!({}))).await?;
    client.until_let_in().await?;
    // Larger than what an Ingress lets through that says nothing of it, a megabyte.
    client.round_trip(&Image::random(1, 4 << 20)?, "nginx:1").await
}
