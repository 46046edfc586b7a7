//! The process itself, under the names that every Prometheus client library has for it.

use std::{fmt, fs};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric},
    metrics::{counter::ConstCounter, gauge::ConstGauge},
};
use rustix::{
    param::{clock_ticks_per_second, page_size},
    process::{Resource, getrlimit},
};

/// Looks when it is asked.
#[derive(Debug)]
pub(super) struct Process;

/// What the kernel counts of a process.
#[derive(Debug, PartialEq)]
struct Usage {
    cpu_seconds: f64,
    /// Since the machine's start, in seconds.
    started: f64,
    virtual_bytes: u64,
    resident_bytes: u64,
}

impl Usage {
    /// From the text of `/proc/self/stat` (proc(5)).
    #[expect(clippy::cast_precision_loss, reason = "ticks far below 2^53")]
    fn parse(stat: &str, ticks_per_second: u64, page_bytes: u64) -> Option<Self> {
        // The second field is the program's name in parentheses, which may hold anything.
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
        let field = |number: usize| fields.get(number - 3)?.trim().parse::<u64>().ok();
        let seconds = |ticks: u64| ticks as f64 / ticks_per_second as f64;
        Some(Self {
            cpu_seconds: seconds(field(14)? + field(15)?),
            started: seconds(field(22)?),
            virtual_bytes: field(23)?,
            resident_bytes: field(24)? * page_bytes,
        })
    }
}

/// When the machine started, in seconds since 1970.
fn boot_time() -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    stat.lines().find_map(|line| line.strip_prefix("btime ")?.parse().ok())
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut write = |name: &str, help: &str, metric: &dyn Written| metric.write(&mut encoder, name, help);
        let stat = fs::read_to_string("/proc/self/stat").ok();
        let usage = stat.and_then(|stat| Usage::parse(&stat, clock_ticks_per_second(), page_size() as u64));
        if let Some(usage) = usage {
            write("process_cpu_seconds", "Processor time used", &ConstCounter::new(usage.cpu_seconds))?;
            write("process_virtual_memory_bytes", "Virtual memory", &ConstGauge::new(gauge(usage.virtual_bytes)))?;
            write("process_resident_memory_bytes", "Resident memory", &ConstGauge::new(gauge(usage.resident_bytes)))?;
            if let Some(boot) = boot_time() {
                let started = ConstGauge::new(boot + usage.started);
                write("process_start_time_seconds", "Start of the process since 1970", &started)?;
            }
        }
        // The one that reads the directory is open itself.
        let open = fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count().saturating_sub(1));
        write("process_open_fds", "Open files", &ConstGauge::new(gauge(open as u64)))?;
        if let Some(most) = getrlimit(Resource::Nofile).current {
            write("process_max_fds", "Most open files", &ConstGauge::new(gauge(most)))?;
        }
        Ok(())
    }
}

fn gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A metric of any kind.
trait Written {
    fn write(&self, encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str) -> Result<(), fmt::Error>;
}

impl<M: EncodeMetric> Written for M {
    fn write(&self, encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str) -> Result<(), fmt::Error> {
        self.encode(encoder.encode_descriptor(name, help, None, self.metric_type())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_fields_are_read_whatever_the_program_is_called() {
        let stat = "42 (a) b) S 1 2 3 4 -1 4194560 10 0 0 0 250 50 0 0 20 0 4 0 1200 81920 7 18446744073709551615\n";
        assert_eq!(
            Usage::parse(stat, 100, 4096),
            Some(Usage { cpu_seconds: 3.0, started: 12.0, virtual_bytes: 81920, resident_bytes: 7 * 4096 })
        );
        assert_eq!(Usage::parse("42 (a) S 1", 100, 4096), None);
    }

    #[test]
    fn this_process_is_told_about() {
        let mut registry = prometheus_client::registry::Registry::default();
        registry.register_collector(Box::new(Process));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for name in [
            "process_cpu_seconds_total ",
            "process_virtual_memory_bytes ",
            "process_resident_memory_bytes ",
            "process_start_time_seconds ",
            "process_open_fds ",
            "process_max_fds ",
        ] {
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.parse::<f64>().ok());
            assert!(value.is_some_and(|value| value >= 0.0), "{name}in\n{text}");
        }
    }
}
