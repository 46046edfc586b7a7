//! An event of the program as a line, in the reference's three forms: `text` (logfmt), `json` and `logstash`.

use std::{collections::BTreeMap, fmt, fmt::Write as _};

use jiff::Timestamp;
use registry_config::Formatter;
use serde_json::Value;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

use super::escape::escape;

/// Writes events as lines.
pub(super) struct Lines {
    pub(super) formatter: Formatter,
    /// Fields of every line.
    pub(super) fields: Vec<(String, Value)>,
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

    /// All fields of a line by their names. A field of the event takes the place of one of every line.
    fn fields<'a>(&'a self, line: &'a Line) -> BTreeMap<&'a str, &'a Value> {
        let all = self.fields.iter().map(|(name, value)| (name.as_str(), value));
        all.chain(line.fields.iter().map(|(name, value)| (*name, value))).collect()
    }

    fn text(&self, line: &Line, level: &str, time: &str) -> String {
        let mut text = String::with_capacity(1024);
        text.push_str("time=\"");
        text.push_str(time);
        text.push_str("\" level=");
        text.push_str(level);
        text.push_str(" msg=");
        quote(&mut text, &line.message);
        for (name, value) in self.fields(line) {
            text.push(' ');
            text.push_str(name);
            text.push('=');
            match value {
                Value::String(value) => quote_if_needed(&mut text, value),
                value => quote_if_needed(&mut text, &Printed(value).to_string()),
            }
        }
        text
    }

    fn object<const N: usize>(&self, line: &Line, head: [(&str, &str); N]) -> String {
        let mut fields = self.fields(line);
        let head = head.map(|(name, value)| (name, Value::from(value)));
        // The head comes last: a field cannot take the place of the time or the message.
        fields.extend(head.iter().map(|(name, value)| (*name, value)));
        // Maps of texts and numbers can always be written as JSON.
        serde_json::to_string(&fields).unwrap_or_default()
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

/// A value as Go prints it: `map[a:1 b:[x y]]`.
pub(crate) struct Printed<'a>(pub(crate) &'a Value);

impl fmt::Display for Printed<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Null => formatter.write_str("<nil>"),
            Value::String(text) => formatter.write_str(text),
            Value::Bool(_) | Value::Number(_) => self.0.fmt(formatter),
            Value::Array(values) => {
                formatter.write_char('[')?;
                separated(formatter, values, |formatter, value| Printed(value).fmt(formatter))?;
                formatter.write_char(']')
            }
            Value::Object(map) => {
                formatter.write_str("map[")?;
                separated(formatter, map, |formatter, (name, value)| write!(formatter, "{name}:{}", Printed(value)))?;
                formatter.write_char(']')
            }
        }
    }
}

fn separated<T>(
    formatter: &mut fmt::Formatter<'_>,
    items: impl IntoIterator<Item = T>,
    write: impl Fn(&mut fmt::Formatter<'_>, T) -> fmt::Result,
) -> fmt::Result {
    items.into_iter().enumerate().try_for_each(|(index, item)| {
        if index > 0 {
            formatter.write_char(' ')?;
        }
        write(formatter, item)
    })
}

/// Appends `value` in quotes, with what could be taken for another line or field escaped.
fn quote(text: &mut String, value: &str) {
    text.push('"');
    escape(text, value.as_bytes());
    text.push('"');
}

fn quote_if_needed(text: &mut String, value: &str) {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/@^+".contains(&byte);
    match !value.is_empty() && value.bytes().all(bare) {
        true => text.push_str(value),
        false => quote(text, value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(formatter: Formatter) -> String {
        let zone = json!({"rack": 7, "rooms": ["a b", null], "spare": false});
        let fields = vec![("service".to_owned(), json!("registry")), ("zone".to_owned(), zone)];
        let lines = Lines { formatter, fields };
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
            r#"time="2030-01-02T03:04:05Z" level=info msg="a \"b\"\nc" service=registry status=200 uri="/v2/ x" zone="map[rack:7 rooms:[a b <nil>] spare:false]""#
        );
    }

    #[test]
    fn json_and_logstash_are_one_object_a_line() {
        assert_eq!(
            line(Formatter::Json),
            r#"{"level":"info","msg":"a \"b\"\nc","service":"registry","status":200,"time":"2030-01-02T03:04:05Z","uri":"/v2/ x","zone":{"rack":7,"rooms":["a b",null],"spare":false}}"#
        );
        assert!(line(Formatter::Logstash).starts_with(r#"{"@timestamp":"2030-01-02T03:04:05Z","@version":"1","#));
    }

    #[test]
    fn the_time_is_rfc_3339() {
        assert!(now().parse::<Timestamp>().is_ok(), "{}", now());
        assert_eq!(now().len(), "2030-01-02T03:04:05.123456Z".len());
    }
}
