//! The command line: `registry`, the reference's forms of it, what makes certificates and users, and `htpasswd` when called by
//! that name. The only place where errors are printed and the process ends.

mod certificate;
mod check;
mod garbage_collect;
mod healthcheck;
mod htpasswd;
mod sample;
mod user;

use std::{
    ffi::OsString,
    num::NonZero,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::{Parser, Subcommand};

use crate::{
    app::App,
    config::{self, CONFIGURATION_PATH, Loaded, Source},
    connection::Limits,
    telemetry::Telemetry,
};

/// Where the image has its configuration.
const IMAGE_CONFIGURATION: &str = "/etc/distribution/config.yml";

/// OCI distribution server, a drop-in for the registry:2 image.
#[derive(Debug, Parser)]
#[command(name = "registry", args_conflicts_with_subcommands = true)]
struct Args {
    /// Print the version.
    #[arg(short = 'v', long)]
    version: bool,
    /// The configuration. Default: `REGISTRY_CONFIGURATION_PATH`, else embedded defaults with storage in ./data.
    #[arg(value_name = "CONFIG")]
    configuration: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the registry; what `registry CONFIG` does too.
    Serve {
        /// Print the configuration that would be used, passwords hidden, instead of serving; exit with 1 when it cannot be used.
        #[arg(long)]
        check: bool,
        /// The configuration.
        #[arg(value_name = "CONFIG")]
        configuration: Option<PathBuf>,
    },
    /// Exit with 0 when the server of this configuration answers and is ready, with 1 when not.
    Healthcheck(healthcheck::Args),
    /// Make a certificate and the authority that signs it, keep what is good, renew what is due. Prints the authority.
    Certificate(certificate::Args),
    /// Make a user of an htpasswd file with a password of its own, unless there is one.
    User(user::Args),
    /// Remove what no manifest names, also while a server uses the same storage.
    GarbageCollect(garbage_collect::Args),
    /// Take a CPU profile of the parent; a server starts this for /debug/pprof/profile.
    #[command(name = crate::profile::sampler::COMMAND, hide = true)]
    Sample(sample::Args),
}

/// Does what the command line says.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "this is what the command is for")]
pub fn run(arguments: Vec<OsString>) -> ExitCode {
    if called_as(&arguments).as_deref() == Some("htpasswd") {
        return htpasswd::run(arguments);
    }
    let args = match Args::try_parse_from(&arguments) {
        Ok(args) => args,
        Err(error) => {
            // To where it belongs: help to standard output, mistakes to standard error. Nowhere else to tell a failure.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    if args.version {
        let name = called_as(&arguments).unwrap_or_else(|| "registry".to_owned());
        println!("{name} {} v{}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        return ExitCode::SUCCESS;
    }
    let result = match args.command {
        None => serve(args.configuration),
        Some(Command::Serve { check: true, configuration }) => check::run(configuration),
        Some(Command::Serve { check: false, configuration }) => serve(configuration),
        Some(Command::Healthcheck(args)) => healthcheck::run(&args),
        Some(Command::Certificate(args)) => certificate::run(&args),
        Some(Command::User(args)) => user::run(&args),
        Some(Command::GarbageCollect(args)) => garbage_collect::run(args),
        Some(Command::Sample(args)) => sample::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("registry: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The name the program was called by, without its directory.
fn called_as(arguments: &[OsString]) -> Option<String> {
    Some(Path::new(arguments.first()?).file_name()?.to_string_lossy().into_owned())
}

/// Where the configuration is, when `given` does not say.
fn source(given: Option<PathBuf>) -> Source {
    let named = given.or_else(|| std::env::var_os(CONFIGURATION_PATH).filter(|path| !path.is_empty()).map(Into::into));
    named.map_or(Source::Embedded, Source::File)
}

/// Where the configuration of a server is that runs in the same container, when `given` does not say.
fn server_source(given: Option<PathBuf>) -> Source {
    match source(given) {
        Source::Embedded if Path::new(IMAGE_CONFIGURATION).is_file() => Source::File(IMAGE_CONFIGURATION.into()),
        source => source,
    }
}

/// The variables that are text. Others are none of ours.
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

fn serve(configuration: Option<PathBuf>) -> anyhow::Result<()> {
    let source = source(configuration);
    let Loaded { settings, warnings, .. } = config::load(&source, environment())?;
    let (telemetry, _written) = Telemetry::start(&settings.log).context("failed to start threads")?;
    if source == Source::Embedded {
        tracing::info!("no configuration was given, embedded defaults are used: registry CONFIG reads one");
    }
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let limits = Limits::default();
    // As much again is for blobs.
    let limits = Limits { connections: limits.connections.min(raise_open_files() / 2), ..limits };
    // More threads would not serve faster, their work being short, but each keeps memory of its own.
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(4);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .max_blocking_threads(128)
        .enable_all()
        .build()
        .context("failed to start threads")?;
    let result = runtime.block_on(async {
        let app = App::build(settings, limits, telemetry).await?;
        let announcement = app.announcement();
        tracing::info!("{}", announcement.line);
        for hint in announcement.hints {
            tracing::warn!("{hint}");
        }
        until_signals(app).await
    });
    // What still runs on a thread is a write that nobody waits for; it is safe to be cut off.
    runtime.shutdown_background();
    result
}

async fn until_signals(app: App) -> anyhow::Result<()> {
    let shutdown = app.shutdown();
    tokio::select! {
        result = app.run() => {
            result?;
            tracing::info!("ended in good order");
            Ok(())
        }
        result = shutdown.on_signals() => result.context("failed to listen for SIGTERM and SIGINT"),
    }
}

/// Allows as many open files as the machine does, as Go programs do: each connection is one. Returns how many those are.
fn raise_open_files() -> usize {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::debug!(%error, "failed to raise the limit of open files");
    }
    let files = getrlimit(Resource::Nofile).current;
    files.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX)
}
