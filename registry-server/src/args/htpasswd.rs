//! `htpasswd` as Apache's, for bcrypt alone: makes, changes, deletes and checks lines of users.

use std::{
    ffi::OsString,
    fs,
    io::{self, BufRead, IsTerminal, Write},
    path::Path,
    process::ExitCode,
};

use clap::Parser;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

/// Work factor unless told otherwise. Apache's default of 5 is two decades old.
pub(super) const COST: u32 = 10;

/// bcrypt looks at no more than this of a password, and the server refuses what is longer.
const LONGEST_PASSWORD: usize = 72;

/// Manage the users of a registry: bcrypt hashes as `htpasswd -B` makes them.
#[derive(Debug, Parser)]
#[command(
    name = "htpasswd",
    override_usage = "htpasswd -B[c][C COST] FILE USER\n       htpasswd -Bb[c][C COST] FILE USER PASSWORD\n       \
                      htpasswd -Bn[i][C COST] USER\n       htpasswd -Bbn[C COST] USER PASSWORD\n       \
                      htpasswd -D FILE USER\n       htpasswd -v[b][i] FILE USER [PASSWORD]"
)]
struct Args {
    /// Hash with bcrypt, the only kind that registries accept.
    #[arg(short = 'B')]
    bcrypt: bool,
    /// Take the password from the command line.
    #[arg(short = 'b')]
    batch: bool,
    /// Print the line instead of changing a file.
    #[arg(short = 'n')]
    print: bool,
    /// Make the file, or empty it.
    #[arg(short = 'c', conflicts_with_all = ["print", "delete", "verify"])]
    create: bool,
    /// Delete the user.
    #[arg(short = 'D', conflicts_with_all = ["print", "verify"])]
    delete: bool,
    /// Check the password.
    #[arg(short = 'v', conflicts_with = "print")]
    verify: bool,
    /// Read the password from standard input without asking for it.
    #[arg(short = 'i', conflicts_with = "batch")]
    stdin: bool,
    /// Work factor of bcrypt: one more is twice the time.
    #[arg(short = 'C', default_value_t = COST, value_parser = clap::value_parser!(u32).range(4..=14), value_name = "COST")]
    cost: u32,
    /// Other kinds of hashes, which registries refuse.
    #[arg(short = 'm', hide = true)]
    md5: bool,
    #[arg(short = 'd', hide = true)]
    crypt: bool,
    #[arg(short = 's', hide = true)]
    sha1: bool,
    #[arg(short = 'p', hide = true)]
    plain: bool,
    #[arg(short = '2', hide = true)]
    sha256: bool,
    #[arg(short = '5', hide = true)]
    sha512: bool,
    #[arg(required = true, num_args = 1..=3, value_name = "ARGUMENT")]
    operands: Vec<String>,
}

/// Why nothing was done. The status of the process is Apache's.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("failed to {verb} {path}: {source}")]
    File { verb: &'static str, path: String, source: io::Error },
    #[error("{0}; htpasswd --help shows the forms")]
    Usage(&'static str),
    #[error("{0}")]
    Password(&'static str),
    #[error("failed to read the password: {0}")]
    Input(#[from] io::Error),
    #[error("failed to hash the password: {0}")]
    Hash(#[from] bcrypt::BcryptError),
    #[error("{0}")]
    Name(&'static str),
}

impl Error {
    fn status(&self) -> u8 {
        match self {
            Self::File { .. } | Self::Hash(_) => 1,
            Self::Usage(_) => 2,
            Self::Password(_) | Self::Input(_) => 3,
            Self::Name(_) => 6,
        }
    }
}

/// Does what the command line says.
#[expect(clippy::print_stderr, reason = "this is what the command is for")]
pub(super) fn run(arguments: Vec<OsString>) -> ExitCode {
    let args = match Args::try_parse_from(arguments) {
        Ok(args) => args,
        Err(error) => {
            // Nowhere else to tell a failure.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match execute(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("htpasswd: {error}");
            ExitCode::from(error.status())
        }
    }
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "this is what the command is for")]
fn execute(args: &Args) -> Result<(), Error> {
    if args.md5 || args.crypt || args.sha1 || args.plain || args.sha256 || args.sha512 {
        return Err(Error::Usage("registries accept bcrypt alone: use -B"));
    }
    let (file, user, password) = operands(args)?;
    check_name(user)?;
    let Some(file) = file else {
        need_bcrypt(args)?;
        println!("{}", line(user, &obtain(args, password)?, args.cost)?);
        return Ok(());
    };
    if args.verify {
        return verify(Path::new(file), user, &obtain(args, password)?);
    }
    if args.delete {
        let (_, found) = rewrite(Path::new(file), user, None, false)?;
        eprintln!("{} user {user}", if found { "Deleting password for" } else { "There is no" });
        return Ok(());
    }
    need_bcrypt(args)?;
    let new = line(user, &obtain(args, password)?, args.cost)?;
    let (_, found) = rewrite(Path::new(file), user, Some(&new), args.create)?;
    eprintln!("{} password for user {user}", if found { "Updating" } else { "Adding" });
    Ok(())
}

fn need_bcrypt(args: &Args) -> Result<(), Error> {
    if args.bcrypt { Ok(()) } else { Err(Error::Usage("registries accept bcrypt alone: add -B")) }
}

type Operands<'a> = (Option<&'a str>, &'a str, Option<&'a str>);

/// File, user and password, as far as the options want them on the command line.
fn operands(args: &Args) -> Result<Operands<'_>, Error> {
    let operands: Vec<&str> = args.operands.iter().map(String::as_str).collect();
    match (args.print, args.batch, operands.as_slice()) {
        (true, false, [user]) => Ok((None, user, None)),
        (true, true, [user, password]) => Ok((None, user, Some(password))),
        (false, true, [file, user]) if args.delete => Ok((Some(file), user, None)),
        (false, false, [file, user]) => Ok((Some(file), user, None)),
        (false, true, [file, user, password]) => Ok((Some(file), user, Some(password))),
        (true, true, _) => Err(Error::Usage("-n and -b want USER PASSWORD")),
        (true, false, _) => Err(Error::Usage("-n wants USER, and with -b the password")),
        (false, true, _) => Err(Error::Usage("-b wants FILE USER PASSWORD")),
        (false, false, _) => Err(Error::Usage("FILE USER is wanted; with -b also the password")),
    }
}

pub(super) fn check_name(user: &str) -> Result<(), Error> {
    if user.is_empty() || user.len() > 255 || user.starts_with('#') {
        return Err(Error::Name("a user's name has 1 to 255 characters and does not begin with #"));
    }
    if user.contains(':') || user.chars().any(char::is_control) {
        return Err(Error::Name("a user's name has no colon and no control characters"));
    }
    Ok(())
}

/// The password: `given`, or from standard input, where a person is asked twice without being shown it.
fn obtain(args: &Args, given: Option<&str>) -> Result<String, Error> {
    let password = match given {
        Some(password) => password.to_owned(),
        None if args.stdin || !io::stdin().is_terminal() => read_line()?,
        None if args.verify => ask("Enter password: ")?,
        None => {
            let password = ask("New password: ")?;
            if password != ask("Re-type new password: ")? {
                return Err(Error::Password("the two passwords are not the same"));
            }
            password
        }
    };
    check_password(&password)?;
    Ok(password)
}

pub(super) fn check_password(password: &str) -> Result<(), Error> {
    if password.is_empty() {
        return Err(Error::Password("the password is empty"));
    }
    if password.len() > LONGEST_PASSWORD || password.contains('\0') {
        return Err(Error::Password("a password has at most 72 bytes, which is all that bcrypt looks at, and no NUL"));
    }
    Ok(())
}

fn read_line() -> io::Result<String> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    line.truncate(line.trim_end_matches(['\n', '\r']).len());
    Ok(line)
}

/// Asks on standard error and reads without showing.
fn ask(prompt: &str) -> io::Result<String> {
    let (stdin, mut stderr) = (io::stdin(), io::stderr());
    write!(stderr, "{prompt}")?;
    let before = tcgetattr(&stdin)?;
    let mut hidden = before.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Flush, &hidden)?;
    let answer = read_line();
    tcsetattr(&stdin, OptionalActions::Flush, &before)?;
    writeln!(stderr)?;
    answer
}

pub(super) fn line(user: &str, password: &str, cost: u32) -> Result<String, Error> {
    let hash = bcrypt::hash_with_result(password, cost)?.format_for_version(bcrypt::Version::TwoY);
    Ok(format!("{user}:{hash}"))
}

fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|source| Error::File { verb: "read", path: path.display().to_string(), source })
}

#[expect(clippy::print_stderr, reason = "this is what the command is for")]
fn verify(path: &Path, user: &str, password: &str) -> Result<(), Error> {
    let text = read(path)?;
    let mut hashes = text.lines().filter_map(|line| line.split_once(':')).filter(|(name, _)| *name == user).peekable();
    if hashes.peek().is_none() {
        return Err(Error::Name("the file has no such user"));
    }
    if hashes.any(|(_, hash)| bcrypt::verify(password, hash.trim()).unwrap_or(false)) {
        eprintln!("Password for user {user} correct.");
        return Ok(());
    }
    Err(Error::Password("the password is wrong"))
}

/// Replaces the lines of `user` by `new`, or adds it. The file stays the same one: it may be mounted by itself.
pub(super) fn rewrite(path: &Path, user: &str, new: Option<&str>, create: bool) -> Result<(String, bool), Error> {
    let text = if create { String::new() } else { read(path)? };
    let is_other = |line: &&str| line.split_once(':').is_none_or(|(name, _)| name != user);
    let found = text.lines().any(|line| !is_other(&line));
    let mut changed: String = text.lines().filter(is_other).map(|line| format!("{line}\n")).collect();
    if let Some(new) = new {
        changed.push_str(new);
        changed.push('\n');
    }
    fs::write(path, &changed).map_err(|source| Error::File {
        verb: "write",
        path: path.display().to_string(),
        source,
    })?;
    Ok((changed, found))
}
