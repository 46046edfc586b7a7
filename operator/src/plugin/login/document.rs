//! The file in which Docker and Podman keep credentials: `config.json` and `auth.json`, which differ in what names helpers.
//!
//! Docker's format is in its `cli/config/configfile`, Podman's in containers-auth.json(5). What this program does not know of it
//! stays as it is.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::place::Tool;

const AUTHS: &str = "auths";

/// Such a file. `Debug` would show passwords.
pub(super) struct Document(Map<String, Value>);

/// Why a file is not such a file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not JSON.
    #[error("it is not JSON")]
    Json(#[from] serde_json::Error),
    /// A part of it is of another kind.
    #[error("{0} is not an object")]
    NoObject(&'static str),
}

impl Document {
    /// Reads the content of a file; none, or nothing in it, is a file that is still to be made.
    pub(super) fn parse(content: Option<&[u8]>) -> Result<Self, Error> {
        let content = content.unwrap_or_default().trim_ascii();
        let value = if content.is_empty() { json!({}) } else { serde_json::from_slice(content)? };
        let Value::Object(mut fields) = value else { return Err(Error::NoObject("the whole of it")) };
        match fields.get(AUTHS) {
            None | Some(Value::Null) => drop(fields.insert(AUTHS.to_owned(), json!({}))),
            Some(Value::Object(_)) => {}
            Some(_) => return Err(Error::NoObject(AUTHS)),
        }
        Ok(Self(fields))
    }

    /// The helper that `tool` asks for the credentials of `host`, before it looks into this file.
    pub(super) fn helper(&self, host: &str, tool: Tool) -> Option<String> {
        let of_host = self.0.get("credHelpers").and_then(|helpers| helpers.get(host));
        let of_all = self.0.get("credsStore").filter(|_| tool == Tool::Docker);
        let named = |helper: &Value| helper.as_str().filter(|name| !name.is_empty()).map(str::to_owned);
        of_host.and_then(named).or_else(|| of_all.and_then(named))
    }

    /// Name and password of `host`, in place of those of before.
    pub(super) fn set_password(&mut self, host: &str, user: &str, password: &str) {
        self.set(host, json!({"auth": STANDARD.encode(format!("{user}:{password}"))}));
    }

    /// That a helper has them: none are left here, and Docker is told by an empty entry, as it tells itself.
    pub(super) fn set_kept_elsewhere(&mut self, host: &str, tool: Tool) {
        match tool {
            Tool::Docker => self.set(host, json!({})),
            Tool::Podman => drop(self.auths().and_then(|auths| auths.remove(host))),
        }
    }

    fn set(&mut self, host: &str, entry: Value) {
        if let Some(auths) = self.auths() {
            auths.insert(host.to_owned(), entry);
        }
    }

    fn auths(&mut self) -> Option<&mut Map<String, Value>> {
        self.0.get_mut(AUTHS)?.as_object_mut()
    }

    /// The content of the file.
    pub(super) fn to_json(&self) -> String {
        format!("{:#}\n", Value::Object(self.0.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document {
        Document::parse(Some(text.as_bytes())).unwrap()
    }

    fn written(document: &Document) -> Value {
        serde_json::from_str(&document.to_json()).unwrap()
    }

    #[test]
    fn what_is_in_the_file_stays() {
        let mut known = document(
            r#"{"auths": {"hall": {"auth": "aGFsbA==", "email": "x"}, "larder": {"identitytoken": "old"}},
                "HttpHeaders": {"X": ["1"]}, "detachKeys": "ctrl-e,e", "plugins": {"a": {"b": 1}}}"#,
        );
        known.set_password("larder", "pull", "s3cret");
        let expected = json!({
            "auths": {"hall": {"auth": "aGFsbA==", "email": "x"}, "larder": {"auth": STANDARD.encode("pull:s3cret")}},
            "HttpHeaders": {"X": ["1"]}, "detachKeys": "ctrl-e,e", "plugins": {"a": {"b": 1}},
        });
        assert_eq!(written(&known), expected);
    }

    #[test]
    fn a_file_that_is_missing_or_empty_is_made() {
        for content in [None, Some(""), Some(" \n"), Some("{}"), Some(r#"{"auths": null}"#)] {
            let mut new = Document::parse(content.map(str::as_bytes)).unwrap();
            new.set_password("larder", "pull", "x");
            assert_eq!(written(&new), json!({"auths": {"larder": {"auth": STANDARD.encode("pull:x")}}}));
        }
    }

    #[test]
    fn what_is_no_such_file_is_left_alone() {
        for other in ["[]", "nonsense", r#"{"auths": []}"#, r#"{"auths": {"#] {
            assert!(Document::parse(Some(other.as_bytes())).is_err(), "{other}");
        }
    }

    #[test]
    fn the_helper_of_a_host_comes_before_that_of_all_hosts() {
        let known = document(r#"{"credsStore": "desktop", "credHelpers": {"larder": "pass", "hall": ""}}"#);
        assert_eq!(known.helper("larder", Tool::Docker).as_deref(), Some("pass"));
        assert_eq!(known.helper("hall", Tool::Docker).as_deref(), Some("desktop"));
        assert_eq!(known.helper("larder", Tool::Podman).as_deref(), Some("pass"));
        assert_eq!(known.helper("attic", Tool::Podman), None, "Podman does not know credsStore");
    }

    #[test]
    fn nothing_is_left_in_the_file_of_what_a_helper_keeps() {
        let before = r#"{"auths": {"larder": {"auth": "b2xk"}}, "credHelpers": {"larder": "pass"}}"#;
        for (tool, left) in [(Tool::Docker, json!({"larder": {}})), (Tool::Podman, json!({}))] {
            let mut known = document(before);
            known.set_kept_elsewhere("larder", tool);
            assert_eq!(written(&known)["auths"], left);
        }
    }
}
