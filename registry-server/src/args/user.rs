//! `registry user`: the first user of an htpasswd file, for those who start a server by a file in which no password may stand. The
//! password is a file's, or is generated and left in that file.

use std::{
    fs::{self, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::Context;
use uuid::Uuid;

use super::htpasswd::{COST, check_name, check_password, line, rewrite};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The user. One who has a line in the file keeps it, whatever the password file says.
    name: String,
    /// The htpasswd file.
    #[arg(long, default_value = "auth/htpasswd", value_name = "FILE")]
    htpasswd: PathBuf,
    /// The file of the password, which is generated where there is none. Default: NAME.password beside the htpasswd file.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Print the password, as long as its file is there.
    #[arg(long)]
    show: bool,
}

/// # Errors
/// When a file cannot be read or written, or the password is none.
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    check_name(&args.name)?;
    let password = match &args.password_file {
        Some(file) => file.clone(),
        None => args.htpasswd.with_file_name(format!("{}.password", args.name.replace('/', "-"))),
    };
    make(&args.name, &args.htpasswd, &password)?;
    if args.show {
        let text = fs::read_to_string(&password)
            .with_context(|| format!("failed to read the password of {} in {}", args.name, password.display()))?;
        writeln!(io::stdout(), "{}", text.trim_end_matches(['\n', '\r'])).context("failed to print the password")?;
    }
    Ok(())
}

fn make(name: &str, htpasswd: &Path, password: &Path) -> anyhow::Result<()> {
    let users = read(htpasswd)?;
    if users
        .iter()
        .flat_map(|users| users.lines())
        .any(|line| line.split_once(':').is_some_and(|(user, _)| user == name))
    {
        say(&format!("kept {name} of {}", htpasswd.display()));
        return Ok(());
    }
    let (text, origin) = match read(password)? {
        Some(text) => (text, "of"),
        None => (generate(password)?, "that was generated:"),
    };
    let text = text.trim_end_matches(['\n', '\r']);
    check_password(text).with_context(|| format!("failed to use the password in {}", password.display()))?;
    if users.is_none() {
        write_new(htpasswd, "")?;
    }
    rewrite(htpasswd, name, Some(&line(name, text, COST)?), false)?;
    say(&format!("made {name} in {} with the password {origin} {}", htpasswd.display(), password.display()));
    Ok(())
}

/// A new password with 122 random bits, which is in `file` before anybody has it.
fn generate(file: &Path) -> anyhow::Result<String> {
    let password = Uuid::new_v4().simple().to_string();
    write_new(file, &format!("{password}\n"))?;
    Ok(password)
}

fn read(path: &Path) -> anyhow::Result<Option<String>> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        text => text.map(Some).with_context(|| format!("failed to read {}", path.display())),
    }
}

/// A file that its owner alone may read.
fn write_new(path: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("failed to make {}", folder.display()))?;
    }
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .with_context(|| format!("failed to write {}", path.display()))
}

#[expect(clippy::print_stderr, reason = "this is what the command is for")]
fn say(text: &str) {
    eprintln!("registry user: {text}");
}
