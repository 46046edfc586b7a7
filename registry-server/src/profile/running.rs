//! Which threads of another process use a processor, and how much.
//!
//! That a thread could run does not say that it does: where there is more to do than processors, it waits for its turn, at
//! the place where it had slept before. So one counts when it has used a processor since the last look and still could.

use std::{
    collections::{HashMap, hash_map::Entry},
    fs, io,
    path::Path,
    time::Duration,
};

use nix::unistd::Pid;

/// The threads of a process, and what is known of them since the last look.
pub(super) struct Threads {
    server: Pid,
    known: HashMap<Pid, Used>,
}

/// Processor time that a thread has used in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Used {
    /// Until the last look.
    seen: Duration,
    /// Until it was last found running. What it used and was not found at stands for the next time that it is.
    counted: Duration,
}

impl Threads {
    pub(super) fn of(server: Pid) -> Self {
        Self { server, known: HashMap::new() }
    }

    /// The threads that run now, each with the time that this finding stands for. `elapsed` is the time since the last look.
    ///
    /// # Errors
    /// When the kernel does not list them, because the process has ended for example.
    pub(super) fn running(&mut self, elapsed: Duration) -> io::Result<Vec<(Pid, Duration)>> {
        let mut running = Vec::new();
        for entry in fs::read_dir(format!("/proc/{}/task", self.server))? {
            let entry = entry?;
            let thread = entry.file_name().to_str().and_then(|name| name.parse().ok()).map(Pid::from_raw);
            running.extend(thread.and_then(|thread| Some((thread, self.time(thread, &entry.path(), elapsed)?))));
        }
        Ok(running)
    }

    /// `None`: it does not run, or has ended.
    fn time(&mut self, thread: Pid, directory: &Path, elapsed: Duration) -> Option<Duration> {
        let read = |name| fs::read_to_string(directory.join(name)).ok();
        let can_run = || read("stat").is_some_and(|stat| can_run(&stat));
        let Some(used) = read("schedstat").as_deref().and_then(used) else {
            // A kernel that does not account for it: all of the time, then.
            return can_run().then_some(elapsed);
        };
        match self.known.entry(thread) {
            Entry::Vacant(entry) => {
                entry.insert(Used { seen: used, counted: used });
                None
            }
            Entry::Occupied(mut entry) => entry.get_mut().look(used, can_run),
        }
    }
}

impl Used {
    /// Takes note of what has been `used` by now. What is to be counted, if the thread runs.
    fn look(&mut self, used: Duration, can_run: impl FnOnce() -> bool) -> Option<Duration> {
        // Less than before: another thread that has got the number of one that has ended.
        let counted = self.counted.min(used);
        let has_run = used > self.seen;
        self.seen = used;
        let runs = has_run && can_run();
        self.counted = if runs { used } else { counted };
        runs.then(|| used - counted)
    }
}

/// The state follows the name, which is in parentheses and may have some itself (`proc_pid_stat(5)`).
fn can_run(stat: &str) -> bool {
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('R'))
}

/// The first number of schedstat, in nanoseconds; 0 where the kernel does not count.
fn used(schedstat: &str) -> Option<Duration> {
    let nanoseconds = schedstat.split(' ').next()?.parse().ok()?;
    (nanoseconds > 0).then(|| Duration::from_nanos(nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn a_name_with_parentheses_does_not_hide_the_state() {
        assert!(can_run("12 (registry) R 1 12 12 0"));
        assert!(can_run("12 (a) S (b) R 1 12 12 0"));
        assert!(!can_run("12 () R ) S 1 12 12 0"));
        assert!(!can_run(""));
    }

    #[test]
    fn a_kernel_that_does_not_count_is_told_from_a_thread_that_has_used_something() {
        assert_eq!(used("1000000 200 3\n"), Some(ms(1)));
        assert_eq!(used("0 0 0\n"), None);
        assert_eq!(used(""), None);
    }

    #[test]
    fn what_is_used_is_counted_once_and_when_the_thread_is_found_running() {
        let mut thread = Used { seen: ms(5), counted: ms(5) };
        assert_eq!(thread.look(ms(9), || true), Some(ms(4)));
        assert_eq!(thread.look(ms(9), || true), None, "it waits for a processor");
        assert_eq!(thread.look(ms(11), || false), None, "it sleeps again");
        assert_eq!(thread.look(ms(12), || true), Some(ms(3)));
        assert_eq!(thread.look(ms(1), || true), None, "another thread");
        assert_eq!(thread.look(ms(2), || true), Some(ms(1)));
    }
}
