//! `registry certificate`: an authority and the certificate that it signs, in files, for those who have no Kubernetes to keep
//! them. What is good stays as it is, what is due is renewed; a running server takes the new files by itself.

mod folder;
mod name;

use std::{
    io::{self, Write},
    path::PathBuf,
    time::Duration,
};

use anyhow::{Context, bail};
use jiff::{SignedDuration, Timestamp, Unit};
use registry_pki::{KeyAlgorithm, SubjectNames, Wanted, certificate::warning_time, renewal::renewal_time};
use tokio::signal::unix::{SignalKind, signal};

use self::{
    folder::{Error, Folder, Kept},
    name::Name,
};

/// X.520 allows a common name no more characters.
const LONGEST_COMMON_NAME: usize = 64;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Hosts and addresses that clients ask for; also separated by commas. The loopback is added to them.
    #[arg(required = true, value_delimiter = ',', value_name = "NAME")]
    names: Vec<Name>,
    /// The folder of domain.crt and domain.key, which the server serves, and of ca.crt, which clients trust.
    #[arg(long, default_value = "certs", value_name = "FOLDER")]
    directory: PathBuf,
    /// The authority with its private key, which no server has to see. Default: ca.key in the folder.
    #[arg(long, value_name = "FILE")]
    ca_key: Option<PathBuf>,
    /// How many days a certificate is valid.
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(i64).range(1..=825))]
    days: i64,
    /// How many days before its end it is renewed.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(i64).range(0..=824), value_name = "DAYS")]
    renew_before: i64,
    /// Issue another certificate, good as the one that is there may be.
    #[arg(long)]
    renew: bool,
    /// Stay, and look again each time this has passed, such as 12h.
    #[arg(long, conflicts_with = "renew", value_name = "DURATION")]
    every: Option<registry_config::Duration>,
    /// Replace a certificate or an authority that was not made by this command, or cannot be read.
    #[arg(long)]
    force: bool,
    /// Leave a certificate that was not made by this command as it is, and end well.
    #[arg(long, conflicts_with = "force")]
    keep_others: bool,
}

/// # Errors
/// When there is a certificate that is not ours, or the files cannot be read or written.
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    if args.renew_before >= args.days {
        bail!("--renew-before {} is no shorter than --days {}: it would be due at once", args.renew_before, args.days);
    }
    let folder = Folder::new(&args.directory, args.ca_key.clone());
    let authorities = once(args, &folder, true)?;
    match args.every {
        None => io::stdout().write_all(&authorities).context("failed to print the authority"),
        Some(registry_config::Duration(every)) if every < Duration::from_secs(1) => {
            bail!("--every has to be a second at least")
        }
        Some(registry_config::Duration(every)) => repeat(every, || once(args, &folder, false).map(drop)),
    }
}

/// Returns the authorities that clients have to trust, in PEM.
fn once(args: &Args, folder: &Folder, first: bool) -> anyhow::Result<Vec<u8>> {
    let wanted = wanted(args);
    match folder.ensure(&wanted, args.force, Timestamp::now()) {
        Ok(kept) => {
            if first || kept.is_new() {
                tell(folder, &kept, &wanted);
            }
            Ok(kept.authorities)
        }
        Err(error @ Error::Others { .. }) if args.keep_others => {
            if first {
                say(&format!("nothing was changed: {error}"));
            }
            warn(folder)?;
            Ok(folder.published()?)
        }
        Err(error) => Err(error.into()),
    }
}

/// Nobody here renews another's certificate, and the day of its end is no time to learn of that.
fn warn(folder: &Folder) -> anyhow::Result<()> {
    let Some(certificate) = folder.served()? else { return Ok(()) };
    if Timestamp::now() >= warning_time(certificate.not_before, certificate.not_after) {
        let end = certificate.not_after;
        say(&format!(
            "{} is valid until {end} and not renewed by this command: renew it where it comes from, or have it replaced with --force",
            folder.certificate.display()
        ));
    }
    Ok(())
}

fn wanted(args: &Args) -> Wanted {
    let days = |days: i64| SignedDuration::from_hours(24 * days);
    let hosts = args.names.iter().filter_map(Name::host).map(ToOwned::to_owned);
    let first = args.names.first().map(ToString::to_string).filter(|name| name.len() <= LONGEST_COMMON_NAME);
    Wanted {
        common_name: first.unwrap_or_else(|| "registry".to_owned()),
        names: SubjectNames::of_service(hosts, args.names.iter().filter_map(Name::address)),
        algorithm: KeyAlgorithm::Ecdsa,
        lifetime: days(args.days),
        renew_before: days(args.renew_before),
        at_once: args.renew,
    }
}

fn tell(folder: &Folder, kept: &Kept, wanted: &Wanted) {
    if kept.new_authority {
        say(&format!("made an authority: clients have to trust {}", folder.authorities.display()));
    }
    let what = match kept.issued {
        Some(reason) => format!("issued {} because {reason}", folder.certificate.display()),
        None => format!("kept {}", folder.certificate.display()),
    };
    let SubjectNames { dns, ip } = &kept.certificate.names;
    let names: Vec<String> = dns.iter().cloned().chain(ip.iter().map(ToString::to_string)).collect();
    let [end, renewal] = [kept.certificate.not_after, renewal_time(&kept.certificate, wanted)]
        .map(|time| time.round(Unit::Second).unwrap_or(time));
    say(&format!("{what}: it is valid for {} until {end}, and renewed from {renewal} on", names.join(", ")));
}

/// To standard error: standard output is the authority's.
#[expect(clippy::print_stderr, reason = "this is what the command is for")]
fn say(text: &str) {
    eprintln!("registry certificate: {text}");
}

/// Does `work` again and again, until SIGTERM or SIGINT. As the first process of a container it has to listen to them itself.
fn repeat(every: Duration, work: impl Fn() -> anyhow::Result<()>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("failed to start")?;
    runtime.block_on(async {
        let listen = |kind| signal(kind).context("failed to listen for SIGTERM and SIGINT");
        let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
        loop {
            tokio::select! {
                () = tokio::time::sleep(every) => work()?,
                _ = terminate.recv() => return Ok(()),
                _ = interrupt.recv() => return Ok(()),
            }
        }
    })
}
