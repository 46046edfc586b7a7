//! The line of a request in the access log: Apache's combined format, as the reference writes it.
//!
//! The client is the one at the other end of the connection, whatever a proxy says about another. A user is never named: the
//! reference takes one from the URL alone, where passwords would be, too. What is not there is empty, not `-`.

use std::fmt::Write;

use http::Version;
use jiff::{Timestamp, tz::TimeZone};

use crate::{connection::Peer, telemetry::escape};

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// What is told of a request.
pub(super) struct Combined<'a> {
    pub(super) peer: Peer,
    /// When it began.
    pub(super) time: Timestamp,
    pub(super) method: &'a str,
    /// Path and query.
    pub(super) target: &'a str,
    pub(super) version: Version,
    pub(super) status: u16,
    /// Bytes of the response's body that were sent.
    pub(super) written: u64,
    pub(super) referer: &'a [u8],
    pub(super) user_agent: &'a [u8],
}

impl Combined<'_> {
    /// The line, with its end.
    pub(super) fn line(&self) -> String {
        let mut line = String::with_capacity(256);
        // Writing to a text does not fail.
        let _ = match self.peer {
            Peer::Tcp(address) => write!(line, "{}", address.ip()),
            Peer::Unix => write!(line, "{}", self.peer),
        };
        self.time(&mut line);
        line.push_str(self.method);
        line.push(' ');
        escape(&mut line, self.target.as_bytes());
        let _ = write!(line, " {:?}\" {} {} \"", self.version, self.status, self.written);
        escape(&mut line, self.referer);
        line.push_str("\" \"");
        escape(&mut line, self.user_agent);
        line.push_str("\"\n");
        line
    }

    /// Between the client and the request: nobody, nobody, and the time.
    fn time(&self, line: &mut String) {
        let time = TimeZone::UTC.to_datetime(self.time);
        let month = usize::try_from(time.month()).ok().and_then(|month| MONTHS.get(month - 1)).unwrap_or(&"-");
        let _ = write!(
            line,
            " - - [{:02}/{month}/{:04}:{:02}:{:02}:{:02} +0000] \"",
            time.day(),
            time.year(),
            time.hour(),
            time.minute(),
            time.second()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn combined() -> Combined<'static> {
        Combined {
            peer: Peer::Tcp("192.0.2.1:5791".parse().unwrap()),
            time: "2026-11-21T13:35:57Z".parse().unwrap(),
            method: "GET",
            target: "/v2/a/b/manifests/latest",
            version: Version::HTTP_11,
            status: 404,
            written: 100,
            referer: b"",
            user_agent: b"curl/7.88.1",
        }
    }

    #[test]
    fn the_line_is_the_references() {
        assert_eq!(
            combined().line(),
            "192.0.2.1 - - [21/Nov/2026:13:35:57 +0000] \"GET /v2/a/b/manifests/latest HTTP/1.1\" 404 100 \"\" \
             \"curl/7.88.1\"\n"
        );
        let other = Combined {
            peer: Peer::Tcp("[2001:db8::1]:80".parse().unwrap()),
            version: Version::HTTP_2,
            time: "1970-01-01T00:00:00Z".parse().unwrap(),
            ..combined()
        };
        assert!(other.line().starts_with("2001:db8::1 - - [01/Jan/1970:00:00:00 +0000] \"GET "), "{}", other.line());
        assert!(other.line().contains(" HTTP/2.0\" 404 "), "{}", other.line());
        assert!(Combined { peer: Peer::Unix, ..combined() }.line().starts_with("@ - - ["));
    }

    #[test]
    fn clients_cannot_write_lines_of_their_own() {
        let line = Combined {
            target: "/v2/\u{e9}\"",
            referer: b"http://a/\" 200 0 \"",
            user_agent: b"x \"y\" \\ z\t\xff",
            ..combined()
        }
        .line();
        assert!(
            line.ends_with(
                "\"GET /v2/\u{e9}\\\" HTTP/1.1\" 404 100 \"http://a/\\\" 200 0 \\\"\" \"x \\\"y\\\" \\\\ z\\t\\xff\"\n"
            ),
            "{line}"
        );
    }
}
