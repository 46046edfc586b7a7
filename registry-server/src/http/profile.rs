//! `/debug/pprof/` of the debug listener, where Go's programs have their profiles: a CPU profile for `go tool pprof`.
//!
//! What Go's net/http/pprof has besides is about Go's own runtime: asked for it, this says so.

use std::time::Duration;

use axum::{
    Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::get,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};

use super::extract::Query;
use crate::profile::{Error, Profiler};

/// How long a profile takes that does not say, as in Go.
const SECONDS: u64 = 30;

/// And at most.
const MAX_SECONDS: u64 = 300;

/// Makes `go tool pprof` show the sentence of an error beside its status.
const GO_PPROF: HeaderName = HeaderName::from_static("x-go-pprof");

const INDEX: &str = "\
/debug/pprof/profile   a CPU profile of the next 30 seconds; ?seconds=N: of 1 to 300

go tool pprof http://THIS-ADDRESS/debug/pprof/profile
";

/// The routes.
pub(super) fn router() -> Router {
    Router::new()
        .route("/debug/pprof", get(async || INDEX))
        .route("/debug/pprof/", get(async || INDEX))
        .route("/debug/pprof/profile", get(profile))
        .route("/debug/pprof/{name}", get(other))
        .with_state(Profiler::default())
}

/// Answers when the profile has been taken; a client that goes away ends it.
async fn profile(State(profiler): State<Profiler>, uri: Uri) -> Response {
    let Some(duration) = duration(&uri) else {
        let text = format!("seconds has to be a whole number from 1 to {MAX_SECONDS}");
        return refusal(StatusCode::BAD_REQUEST, &text);
    };
    match profiler.take(duration).await {
        Ok(profile) => {
            let headers = [
                (header::CONTENT_TYPE, "application/octet-stream"),
                (header::CONTENT_DISPOSITION, "attachment; filename=\"profile\""),
            ];
            (headers, profile).into_response()
        }
        Err(error) => {
            let status =
                if matches!(error, Error::Busy) { StatusCode::CONFLICT } else { StatusCode::INTERNAL_SERVER_ERROR };
            refusal(status, &format!("{:#}", anyhow::Error::from(error)))
        }
    }
}

/// How long the profile is to be; `None`: that is not possible.
fn duration(uri: &Uri) -> Option<Duration> {
    let seconds = Query::of(uri).first("seconds").map_or(Ok(SECONDS), |text| text.parse());
    seconds.ok().filter(|seconds| (1..=MAX_SECONDS).contains(seconds)).map(Duration::from_secs)
}

async fn other(Path(name): Path<String>) -> Response {
    let text = match name.as_str() {
        "allocs" | "block" | "cmdline" | "goroutine" | "heap" | "mutex" | "symbol" | "threadcreate" | "trace" => {
            format!("there is no {name}: it is about Go's runtime, and this server is not written in Go; ")
        }
        _ => String::new(),
    };
    refusal(StatusCode::NOT_FOUND, &format!("{text}there is /debug/pprof/profile"))
}

fn refusal(status: StatusCode, text: &str) -> Response {
    let headers = HeaderMap::from_iter([(GO_PPROF, HeaderValue::from_static("1"))]);
    (status, headers, format!("{text}\n")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_takes_what_is_asked_for_within_bounds() {
        let seconds =
            |query: &str| duration(&format!("/debug/pprof/profile{query}").parse().unwrap()).map(|it| it.as_secs());
        assert_eq!([seconds(""), seconds("?seconds="), seconds("?debug=1&seconds=5")], [Some(30), Some(30), Some(5)]);
        assert_eq!([seconds("?seconds=1"), seconds("?seconds=300")], [Some(1), Some(300)]);
        for query in ["?seconds=0", "?seconds=301", "?seconds=-1", "?seconds=1.5", "?seconds=x"] {
            assert_eq!(seconds(query), None, "{query}");
        }
    }
}
