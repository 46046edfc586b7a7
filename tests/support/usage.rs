//! What a process takes, from `/proc`.

use anyhow::{Context as _, Result};

/// The kernel counts processor time in hundredths of a second on every platform that Rust knows (`USER_HZ`).
const TICKS: f64 = 100.0;

/// What a process takes.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Resident now, in MiB.
    pub resident: f64,
    /// Resident at most, in MiB.
    pub peak: f64,
    /// Seconds of one processor so far.
    pub processor: f64,
}

impl Usage {
    /// That of the process with this id.
    pub fn of(process: u32) -> Result<Self> {
        let read = |file: &str| {
            let path = format!("/proc/{process}/{file}");
            std::fs::read_to_string(&path).with_context(|| format!("failed to read {path}"))
        };
        let status = read("status")?;
        let mebibytes = |name: &str| {
            let line =
                status.lines().find_map(|line| line.strip_prefix(name)?.strip_suffix("kB")?.trim().parse::<f64>().ok());
            line.map(|kibibytes| kibibytes / 1024.0).with_context(|| format!("there is no {name}"))
        };
        let stat = read("stat")?;
        // Behind the name, which may hold anything: utime and stime are the 14th and 15th field of all (proc_pid_stat(5)).
        let fields = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace()).context("no name in stat")?;
        let ticks: f64 = fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
        Ok(Self { resident: mebibytes("VmRSS:")?, peak: mebibytes("VmHWM:")?, processor: ticks / TICKS })
    }
}
