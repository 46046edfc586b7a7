//! Definitions of other software's kinds, which a test may bring into its cluster and take out again.

use anyhow::{Context as _, Result};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::ResourceExt as _;
use kube::api::DeleteParams;
use kube::runtime::conditions::is_crd_established;

use super::{ControlPlane, installation};
use crate::wait::{until, until_gone};
use crate::{manifest, program};

impl ControlPlane {
    /// Installs the definition in the file `<name>.yaml` of `tests/tools/build definitions`, and waits until it is served.
    pub async fn define(&self, name: &str) -> Result<()> {
        let folder = program::pinned("definitions", "tests/tools/build definitions")?;
        let text = std::fs::read_to_string(folder.join(format!("{name}.yaml")))?;
        let object = manifest::parse_all(&text)?.into_iter().next().context("an empty file")?;
        let client = self.client().await?;
        installation::apply(&client, &object).await?;
        let served = |definition: &CustomResourceDefinition| {
            kube::runtime::wait::Condition::matches_object(&is_crd_established(), Some(definition))
        };
        until(&Api::all(client), &object.name_any(), "being served", served).await?;
        Ok(())
    }

    /// Removes a definition, by its own name such as `servicemonitors.monitoring.coreos.com`.
    pub async fn undefine(&self, name: &str) -> Result<()> {
        let definitions: Api<CustomResourceDefinition> = Api::all(self.client().await?);
        definitions.delete(name, &DeleteParams::default()).await?;
        until_gone(&definitions, name).await
    }
}
