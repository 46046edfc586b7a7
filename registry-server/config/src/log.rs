//! `log`: what is logged, and how.

use std::collections::BTreeMap;

use crate::{
    Secret,
    keys::Support::{Implemented, Warned},
    macros::{choice, section},
};

section! {
    /// What is logged, and how.
    Section Log {
        /// The line written for every request.
        accesslog: AccessLog = "{}" => Implemented,
        /// The least severe level that is written.
        level: Level = "info" => Implemented,
        /// The form of a line.
        formatter: Formatter = "text" => Implemented,
        /// Fields added to every line, such as `service: registry`. Mappings and lists are printed too.
        fields: BTreeMap<String, serde_json::Value> => Implemented,
        /// Mails about log lines.
        hooks: Vec<LogHook> => Warned("no mails are sent; let what collects the log do that"),
        /// Whether lines tell the place in the source that wrote them.
        reportcaller: bool => Warned("lines do not tell where in the source they come from"),
    }

    /// The line written for every request.
    Section AccessLog {
        /// Leaves these lines out.
        disabled: bool = "false" => Implemented,
    }

    /// Mails about log lines of some levels.
    Section LogHook {
        /// Leaves the hook out.
        disabled: bool => Implemented,
        /// `mail`.
        kind as "type": String => Implemented,
        /// Levels of the lines, such as `panic`.
        levels: Vec<String> => Implemented,
        /// Where mails go.
        options env "mailoptions": MailOptions => Implemented,
    }

    /// Where mails go.
    Section MailOptions {
        /// The mail server.
        smtp: Smtp => Implemented,
        /// The sender.
        from: String => Implemented,
        /// The receivers.
        to: Vec<String> => Implemented,
    }

    /// A mail server.
    Section Smtp {
        /// `host:port`.
        addr: String => Implemented,
        /// The user to log in as.
        username: String => Implemented,
        /// The user's password.
        password: Secret => Implemented,
        /// Whether the server's certificate goes unchecked.
        insecure: bool => Implemented,
    }
}

choice! {
    /// Severity, most severe first.
    Level {
        /// What somebody has to look at.
        Error = "error",
        /// What may become an error.
        Warn = "warn",
        /// What happened.
        #[default]
        Info = "info",
        /// Why it happened.
        Debug = "debug",
    }

    /// The form of a log line.
    Formatter {
        /// `time=... level=... msg=...`.
        #[default]
        Text = "text",
        /// One JSON object a line.
        Json = "json",
        /// One JSON object a line with Logstash's names of time and message.
        Logstash = "logstash",
    }
}
