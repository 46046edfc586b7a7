//! The text form that a scraper asked for. The reference speaks Prometheus' own alone; `OpenMetrics` differs from it in the
//! names of counters' families, in units, in the spelling of whole numbers and in an end mark.

use http::{HeaderMap, header};

/// A text form of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exposition {
    /// Prometheus' text format 0.0.4, which everything reads.
    Text,
    /// `OpenMetrics` 1.0.
    OpenMetrics,
}

impl Exposition {
    /// `OpenMetrics` for those that say they read it.
    pub(crate) fn accepted(headers: &HeaderMap) -> Self {
        let accept = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        match accept
            .flat_map(|value| value.split(','))
            .any(|range| range.trim().starts_with("application/openmetrics-text"))
        {
            true => Self::OpenMetrics,
            false => Self::Text,
        }
    }

    /// Its media type.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// `text`, which is `OpenMetrics`, in this form.
    pub(super) fn of(self, text: String) -> String {
        match self {
            Self::OpenMetrics => text,
            Self::Text => {
                let counters: Vec<&str> = text.lines().filter_map(counter).collect();
                let lines = text.lines().filter(|line| !line.starts_with("# UNIT ") && *line != "# EOF");
                lines.map(|line| plain(line, &counters) + "\n").collect()
            }
        }
    }
}

/// The family whose type this line says to be a counter.
fn counter(line: &str) -> Option<&str> {
    line.strip_prefix("# TYPE ")?.strip_suffix(" counter")
}

/// A line in Prometheus' own form: a counter's family has the name of its samples, whole numbers have no fraction.
fn plain(line: &str, counters: &[&str]) -> String {
    if let Some(comment) = line.strip_prefix("# ") {
        let mut words = comment.splitn(3, ' ');
        if let (Some(kind), Some(name), Some(rest)) = (words.next(), words.next(), words.next())
            && counters.contains(&name)
        {
            return format!("# {kind} {name}_total {rest}");
        }
        return line.to_owned();
    }
    let line = line.strip_suffix(".0").unwrap_or(line);
    match line.split_once("{le=\"").and_then(|(before, rest)| Some((before, rest.split_once('"')?))) {
        Some((before, (bound, after))) => {
            format!("{before}{{le=\"{}\"{after}", bound.strip_suffix(".0").unwrap_or(bound))
        }
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(accept: &str) -> Exposition {
        Exposition::accepted(&HeaderMap::from_iter([(header::ACCEPT, accept.parse().unwrap())]))
    }

    #[test]
    fn open_metrics_is_for_those_that_ask_for_it() {
        assert_eq!(Exposition::accepted(&HeaderMap::new()), Exposition::Text);
        assert_eq!(accepted("*/*"), Exposition::Text);
        assert_eq!(accepted("text/plain;version=0.0.4;q=0.5"), Exposition::Text);
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1";
        assert_eq!(accepted(prometheus), Exposition::OpenMetrics);
    }

    #[test]
    fn the_plain_form_is_the_references() {
        let text = "# HELP a_requests Requests.\n# TYPE a_requests counter\na_requests_total{code=\"200\"} 1\n\
                    # HELP b B.\n# TYPE b histogram\n# UNIT b bytes\nb_sum 700.0\nb_bucket{le=\"1024.0\",h=\"x\"} 1\n\
                    b_bucket{le=\"+Inf\",h=\"x\"} 1\n# EOF\n";
        assert_eq!(Exposition::OpenMetrics.of(text.to_owned()), text);
        assert_eq!(
            Exposition::Text.of(text.to_owned()),
            "# HELP a_requests_total Requests.\n# TYPE a_requests_total counter\na_requests_total{code=\"200\"} 1\n\
             # HELP b B.\n# TYPE b histogram\nb_sum 700\nb_bucket{le=\"1024\",h=\"x\"} 1\n\
             b_bucket{le=\"+Inf\",h=\"x\"} 1\n"
        );
    }
}
