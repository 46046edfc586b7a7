//! A file of users as `htpasswd -B` writes it.

use std::{collections::HashMap, fs, sync::LazyLock};

use axum::body::Body;
use http::{Request, StatusCode};
use regex::Regex;

use crate::world::World;

/// A line that can be used, but for its cost.
static FORM: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\A([^:]+):\$2[yab]\$([0-9]{2})\$[A-Za-z0-9./]{53}\z").unwrap());

/// Bad lines that are told.
const TOLD: usize = 20;

/// Lines of one user that are tried.
const LINES: usize = 8;

pub(crate) fn check(input: &[u8]) {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("users"), input).unwrap();
    let configuration = format!(
        "version: 0.1\nstorage: inmemory\nhttp: {{addr: '127.0.0.1:0'}}\nauth: {{htpasswd: {{path: {}}}}}\n",
        path("users").display()
    );
    fs::write(path("config.yml"), configuration).unwrap();
    let world = World::configured(&path("config.yml"));
    match std::str::from_utf8(input) {
        Err(_) => assert!(world.err().unwrap().contains("not UTF-8")),
        Ok(text) => {
            let (usable, bad) = usable(text);
            assert_eq!(world.is_err(), usable.is_empty() && !bad.is_empty(), "{usable:?} {bad:?}");
            match world {
                Ok(world) => assert_lets_in(&world, &usable),
                Err(reason) => assert_tells(&reason, &bad),
            }
        }
    }
}

/// Each user's lines that can be used.
type Usable<'a> = HashMap<&'a str, Vec<&'a str>>;

/// A line that cannot be used, and its number.
type Bad<'a> = (usize, &'a str);

fn usable(text: &str) -> (Usable<'_>, Vec<Bad<'_>>) {
    let (mut usable, mut bad) = (Usable::new(), Vec::new());
    for (index, line) in text.lines().map(str::trim).enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let form = FORM.captures(line).filter(|form| ("04"..="14").contains(&&form[2]));
        let lines = form.and_then(|form| {
            let lines = usable.entry(form.get(1).unwrap().as_str()).or_default();
            (lines.contains(&line) || lines.len() < LINES).then_some(lines)
        });
        match lines {
            Some(lines) if lines.contains(&line) => {}
            Some(lines) => lines.push(line),
            None => bad.push((index + 1, line)),
        }
    }
    (usable, bad)
}

/// The one user whose password is known logs in, unless that would take long.
fn assert_lets_in(world: &World, usable: &Usable<'_>) {
    let lines = usable.get("moby").map(Vec::as_slice).unwrap_or_default();
    let is_cheap = usable.values().flatten().all(|line| line.contains("$04$"));
    if !is_cheap {
        return;
    }
    let request = Request::get("/v2/").header("authorization", "Basic bW9ieTpnb3Jkb24=");
    let status = world.send(request.body(Body::empty()).unwrap()).status;
    let known = lines.iter().any(|line| bcrypt::verify("gordon", line.split_once(':').unwrap().1).unwrap_or(false));
    assert_eq!(status, if known { StatusCode::OK } else { StatusCode::UNAUTHORIZED }, "{lines:?}");
}

/// Each of the first bad lines is named by its number, and what may be a password is not shown.
fn assert_tells(reason: &str, bad: &[Bad<'_>]) {
    assert!(reason.len() <= TOLD * 2 * (200 + bad.iter().map(|(_, line)| line.len()).max().unwrap_or(0)));
    for (number, line) in bad.iter().take(TOLD) {
        assert!(reason.contains(&format!("line {number}: ")), "{number}: {reason}");
        let (user, secret) = line.split_once(':').unwrap_or_default();
        let is_telling = secret.len() >= 8 && !user.contains(secret);
        assert!(!is_telling || !reason.contains(secret), "{secret:?} is shown: {reason}");
    }
}
