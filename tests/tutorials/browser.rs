//! A real browser on a tutorial's machine: Chromium, without a window.

use anyhow::Result;
use support::root;

use crate::machine::Machine;

/// Where pictures of pages are kept, for people to look at.
const PICTURES: &str = ".cluster/screenshots";

/// Opens `url` and returns what the page says; a picture of it is kept as NAME.png. An error says why there is no page.
pub(crate) async fn open(machine: &Machine, url: &str, name: &str) -> Result<String> {
    machine.run(&browser(url, "", name)).await
}

/// As `open`, by somebody who dismisses the browser's warning of a certificate.
pub(crate) async fn open_in_spite_of_a_warning(machine: &Machine, url: &str, name: &str) -> Result<String> {
    machine.run(&browser(url, "--ignore-certificate-errors", name)).await
}

/// Opens `url`, for which there has to be a warning instead of a page, and returns its code.
pub(crate) async fn warning(machine: &Machine, url: &str, name: &str) -> Result<String> {
    let said = machine.refused(&browser(url, "", name)).await?;
    let code = said.split("net::").nth(1).and_then(|rest| rest.split_whitespace().next());
    Ok(code.unwrap_or_default().to_owned())
}

fn browser(url: &str, option: &str, name: &str) -> String {
    let pictures = root().join(PICTURES);
    let pictures = pictures.display();
    let browser = format!(
        "chromium-headless-shell --no-sandbox --disable-gpu --disable-dev-shm-usage {option} \
         --user-data-dir=$HOME/chromium --window-size=800,300"
    );
    format!(
        "mkdir -p {pictures}
         {browser} --screenshot={pictures}/{name}.png '{url}' >&2
         {browser} --dump-dom '{url}'"
    )
}

/// Makes the browser trust the certificate in `file`, by the database in which Chromium on Linux looks for what users trust.
pub(crate) async fn trust(machine: &Machine, file: &str) -> Result<()> {
    let database = "sql:$HOME/.pki/nssdb";
    machine
        .run(&format!(
            "mkdir -p $HOME/.pki/nssdb
             certutil -d {database} -N --empty-password
             certutil -d {database} -A -t C,, -n registry -i {file}"
        ))
        .await
        .map(drop)
}
