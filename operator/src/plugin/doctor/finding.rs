//! One line of what was found, and what to do about it.

use std::fmt;

use serde::Serialize;

use crate::plugin::cluster::Unseen;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::plugin) enum Level {
    /// As it should be.
    Ok,
    /// Worth knowing; the registry serves all the same, or it is not known.
    Warn,
    /// Something does not work.
    Fail,
}

/// What was looked at: the word before each finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Part {
    Definition,
    Operator,
    Resource,
    Storage,
    Server,
    Service,
    Certificate,
    Answer,
    Secrets,
    Pods,
}

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Self::Definition => "definition",
            Self::Operator => "operator",
            Self::Resource => "resource",
            Self::Storage => "storage",
            Self::Server => "server",
            Self::Service => "service",
            Self::Certificate => "certificate",
            Self::Answer => "answer",
            Self::Secrets => "secrets",
            Self::Pods => "pods",
        }
    }
}

/// What was found of one part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(in crate::plugin) struct Finding {
    pub(super) part: Part,
    pub(in crate::plugin) level: Level,
    /// What is so, and of which object.
    pub(super) message: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remedy: Option<String>,
}

impl Part {
    /// That it is as it should be.
    pub(super) fn ok(self, message: impl Into<String>) -> Finding {
        Finding { part: self, level: Level::Ok, message: message.into(), remedy: None }
    }

    /// That it is worth knowing.
    pub(super) fn warn(self, message: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { part: self, level: Level::Warn, message: message.into(), remedy: Some(remedy.into()) }
    }

    /// That something does not work.
    pub(super) fn fail(self, message: impl Into<String>, remedy: impl Into<String>) -> Finding {
        Finding { part: self, level: Level::Fail, message: message.into(), remedy: Some(remedy.into()) }
    }

    /// That it could not be looked at.
    pub(super) fn unseen(self, unseen: &Unseen) -> Finding {
        Finding { part: self, level: Level::Warn, message: format!("not looked at: {unseen}"), remedy: None }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Ok => "ok",
            Level::Warn => "warn",
            Level::Fail => "fail",
        };
        // A message of the API server may have lines of its own.
        let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        writeln!(formatter, "{level:4}  {:11}  {}", self.part.name(), line(&self.message))?;
        match &self.remedy {
            Some(remedy) => writeln!(formatter, "{:19}-> {}", "", line(remedy)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_a_line_and_its_remedy_another() {
        assert_eq!(Part::Storage.ok("bound").to_string(), "ok    storage      bound\n");
        let fail = Part::Certificate.fail("has\nended", "renew it");
        assert_eq!(fail.to_string(), "fail  certificate  has ended\n                   -> renew it\n");
        let unseen = Unseen::Forbidden { verb: "list", what: "pods in all namespaces".to_owned() };
        let expected = "warn  pods         not looked at: you may not list pods in all namespaces: ask for a role that allows it\n";
        assert_eq!(Part::Pods.unseen(&unseen).to_string(), expected);
    }
}
