//! What queries name and what an exposition has, as far as a test compares one with the other. No parser: the tool
//! `promql`, which is Prometheus' own, says whether a query is one.

use std::collections::BTreeSet;

/// Labels that Prometheus adds to what it reads.
const OF_THE_TARGET: [&str; 6] = ["instance", "job", "le", "namespace", "pod", "service"];

/// A metric that comes from elsewhere: from Prometheus itself.
const FROM_ELSEWHERE: &str = "up";

/// A metric that a query names, and the labels by which it selects or sums.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// The metric.
    pub metric: String,
    /// The labels.
    pub labels: BTreeSet<String>,
}

/// The metrics that `query` names. The labels of `by (...)` are those of each of them.
pub fn named(query: &str) -> Vec<Named> {
    let sums: BTreeSet<String> = query.split("by (").skip(1).flat_map(|rest| list(rest, ')')).collect();
    let mut found = Vec::new();
    let mut rest = query;
    while let Some(start) = rest.find(is_word) {
        let is_variable = rest[..start].ends_with('$');
        let length = rest[start..].find(|letter| !is_word(letter)).unwrap_or(rest.len() - start);
        let (word, after) = (&rest[start..start + length], &rest[start + length..]);
        rest = after;
        let is_metric = !after.starts_with('(') && (word.contains('_') || word == "up");
        if is_metric && !is_variable {
            let matchers = after.strip_prefix('{').map(|matchers| list(matchers, '}')).unwrap_or_default();
            found.push(Named { metric: word.to_owned(), labels: matchers.into_iter().chain(sums.clone()).collect() });
        }
        // Values are no names.
        if after.starts_with('{') {
            rest = after.split_once('}').map_or("", |(_, rest)| rest);
        }
    }
    found
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

/// The names in `a="b",c=~"d"}` or in `a, b)`.
fn list(text: &str, end: char) -> Vec<String> {
    let text = text.split(end).next().unwrap_or_default();
    let name = |part: &str| part.trim().split(|letter| !is_word(letter)).next().unwrap_or_default().to_owned();
    text.split(',').map(name).filter(|name| !name.is_empty()).collect()
}

/// What keeps `named` from finding something in `exposition`, which is what Prometheus reads; `None` if nothing does.
pub fn missing(named: &Named, exposition: &str) -> Option<String> {
    let metric = named.metric.as_str();
    if metric == FROM_ELSEWHERE {
        return None;
    }
    let family = ["_total", "_bucket", "_sum", "_count"].iter().find_map(|suffix| metric.strip_suffix(suffix));
    let is_described = |name: &str| exposition.lines().any(|line| line.starts_with(&format!("# TYPE {name} ")));
    if !is_described(metric) && !family.is_some_and(is_described) {
        return Some(format!("there is no metric {metric}"));
    }
    let series: Vec<_> = exposition.lines().filter(|line| line.starts_with(&format!("{metric}{{"))).collect();
    let has = |label: &str| series.iter().any(|line| line.contains(&format!("{label}=\"")));
    if series.is_empty() {
        // One without labels, or one that counts what never happened: there is nothing to compare with.
        return None;
    }
    let mut labels = named.labels.iter().filter(|label| !OF_THE_TARGET.contains(&label.as_str()));
    let unknown = labels.find(|label| !has(label))?;
    Some(format!("no series of {metric} has the label {unknown}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_and_values_are_not() {
        let query =
            r#"sum by (code, le) (rate(a_total{service=~"x_y|z",code!="5.."}[$__rate_interval])) / max(b_c) < 0.05"#;
        let labels = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let wanted = [
            Named { metric: "a_total".to_owned(), labels: labels(&["service", "code", "le"]) },
            Named { metric: "b_c".to_owned(), labels: labels(&["code", "le"]) },
        ];
        assert_eq!(named(query), wanted);
    }

    #[test]
    fn what_is_not_there_is_told() {
        let exposition = "# TYPE a counter\na_total{code=\"1\"} 2\n# TYPE b gauge\n";
        let missing = |query: &str| missing(&named(query)[0], exposition);
        assert_eq!(missing(r#"a_total{code="1",service="s"}"#), None);
        assert_eq!(missing(r#"b_{x="1"}"#).unwrap(), "there is no metric b_");
        assert_eq!(missing(r#"a_total{color="1"}"#).unwrap(), "no series of a_total has the label color");
        assert_eq!(missing(r#"up{color="1"}"#), None);
    }
}
