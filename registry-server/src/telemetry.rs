//! Logging to standard error in the reference's three forms: `text` (logfmt), `json` and `logstash`.

use std::{collections::BTreeMap, fmt, io::Write as _};

use jiff::Timestamp;
use registry_config::{Formatter, Level};
use serde_json::Value;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
};
use tracing_subscriber::{
    filter::Targets,
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use crate::config::Log;

/// The target of the line each request gets. It is written whatever the level, as in the reference, unless disabled.
pub(crate) const ACCESS: &str = "access";

/// Sends every log line to standard error as `settings` say. Later calls in the same process have no effect.
pub fn init(settings: &Log) {
    let level = match settings.level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
    };
    let access = if settings.access { LevelFilter::INFO } else { LevelFilter::OFF };
    // The libraries' own debug lines are about their insides.
    let filter = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("registry_server", level)
        .with_target("registry", level)
        .with_target(ACCESS, access);
    let lines = Lines { formatter: settings.formatter, fields: settings.fields.clone() };
    let output = tracing_subscriber::fmt::layer().event_format(lines).with_writer(std::io::stderr);
    // Only tests that run several servers in one process come here twice.
    let _ = tracing_subscriber::registry().with(output).with(filter).try_init();
}

/// Writes events as lines.
struct Lines {
    formatter: Formatter,
    /// Fields of every line.
    fields: Vec<(String, String)>,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = Line::default();
        event.record(&mut line);
        let level = match *event.metadata().level() {
            tracing::Level::ERROR => "error",
            tracing::Level::WARN => "warning",
            tracing::Level::INFO => "info",
            tracing::Level::DEBUG | tracing::Level::TRACE => "debug",
        };
        writeln!(writer, "{}", self.line(&line, level, &now()))
    }
}

/// The time in RFC 3339 with whole microseconds.
fn now() -> String {
    format!("{:.6}", Timestamp::now())
}

impl Lines {
    fn line(&self, line: &Line, level: &str, time: &str) -> String {
        match self.formatter {
            Formatter::Text => self.text(line, level, time),
            Formatter::Json => self.object(line, [("time", time), ("level", level), ("msg", &line.message)]),
            Formatter::Logstash => {
                let head = [("@timestamp", time), ("@version", "1"), ("level", level), ("message", &line.message)];
                self.object(line, head)
            }
        }
    }

    fn text(&self, line: &Line, level: &str, time: &str) -> String {
        let mut text = format!("time=\"{time}\" level={level} msg={}", quoted(&line.message));
        for (name, value) in &self.fields {
            text.push_str(&format!(" {name}={}", bare_or_quoted(value)));
        }
        for (name, value) in &line.fields {
            let value = value.as_str().map_or_else(|| value.to_string(), bare_or_quoted);
            text.push_str(&format!(" {name}={value}"));
        }
        text
    }

    fn object<const N: usize>(&self, line: &Line, head: [(&str, &str); N]) -> String {
        let fields = self.fields.iter().map(|(name, value)| (name.as_str(), Value::from(value.as_str())));
        let event = line.fields.iter().map(|(name, value)| (*name, value.clone()));
        // The head comes last: a field cannot take the place of the time or the message.
        let head = head.map(|(name, value)| (name, Value::from(value)));
        let object: BTreeMap<&str, Value> = fields.chain(event).chain(head).collect();
        let mut bytes = Vec::with_capacity(256);
        // Maps of texts and numbers can always be written as JSON, and to memory.
        let _ = serde_json::to_writer(&mut bytes, &object).map(|()| bytes.flush());
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// The parts of one event.
#[derive(Default)]
struct Line {
    message: String,
    fields: Vec<(&'static str, Value)>,
}

impl Line {
    fn add(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(text)) => self.message = text,
            (name, value) => self.fields.push((name, value)),
        }
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, Value::from(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, Value::from(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, Value::from(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, Value::from(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, Value::from(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let causes = std::iter::successors(Some(value), |error| error.source());
        let text: Vec<String> = causes.map(ToString::to_string).collect();
        self.add(field, Value::from(text.join(": ")));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, Value::from(format!("{value:?}")));
    }
}

/// `value` in quotes, with what could be taken for another line or field escaped.
fn quoted(value: &str) -> String {
    format!("{value:?}")
}

fn bare_or_quoted(value: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/@^+:".contains(&byte);
    if !value.is_empty() && value.bytes().all(bare) { value.to_owned() } else { quoted(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(formatter: Formatter) -> String {
        let lines = Lines { formatter, fields: vec![("service".to_owned(), "registry".to_owned())] };
        let line = Line {
            message: "a \"b\"\nc".to_owned(),
            fields: vec![("status", Value::from(200)), ("uri", Value::from("/v2/ x"))],
        };
        lines.line(&line, "info", "2030-01-02T03:04:05Z")
    }

    #[test]
    fn text_is_one_line_whatever_is_logged() {
        assert_eq!(
            line(Formatter::Text),
            r#"time="2030-01-02T03:04:05Z" level=info msg="a \"b\"\nc" service=registry status=200 uri="/v2/ x""#
        );
    }

    #[test]
    fn json_and_logstash_are_one_object_a_line() {
        assert_eq!(
            line(Formatter::Json),
            r#"{"level":"info","msg":"a \"b\"\nc","service":"registry","status":200,"time":"2030-01-02T03:04:05Z","uri":"/v2/ x"}"#
        );
        assert!(line(Formatter::Logstash).starts_with(r#"{"@timestamp":"2030-01-02T03:04:05Z","@version":"1","#));
    }

    #[test]
    fn the_time_is_rfc_3339() {
        assert!(now().parse::<Timestamp>().is_ok(), "{}", now());
        assert_eq!(now().len(), "2030-01-02T03:04:05.123456Z".len());
    }
}
