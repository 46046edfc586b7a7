//! Lines on their way to standard output or standard error. Whoever has a line hands it over and goes on: a thread writes.
//!
//! A request never waits for whoever reads the log. Lines are written at once, and all that have come meanwhile together. Of
//! those that have not been written yet [`CAPACITY`] bytes are kept; what comes while there is no room is lost, counted,
//! and told of when there is room again.

use std::{
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use prometheus_client::metrics::counter::Counter;
use tracing_subscriber::fmt::MakeWriter;

/// Bytes that wait at most, a few thousand lines; as many more are being written.
const CAPACITY: usize = 1 << 20;

/// Bytes of memory that stay for the next lines once a flood is over.
const KEPT: usize = 64 << 10;

/// How long the end waits for a reader that takes no more.
const PATIENCE: Duration = Duration::from_secs(2);

/// Takes lines. Clones share the way out.
#[derive(Debug, Clone)]
pub(crate) struct Output(Arc<Shared>);

/// The way out, until it is dropped: then all that was handed over has been written, unless nobody reads.
#[derive(Debug)]
pub(crate) struct Drain(Output);

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    /// Told when there is something to write, or the end has come.
    written_for: Condvar,
    /// Told when the last line was written after the end has come.
    drained: Condvar,
    lost: Counter,
}

#[derive(Debug, Default)]
struct Queue {
    lines: Vec<u8>,
    /// Lines lost since the thread last looked.
    lost: u64,
    /// The thread waits to be told.
    is_idle: bool,
    is_ending: bool,
    is_drained: bool,
}

impl Output {
    /// The way to `writer`, which is called `name` in messages. Lost lines are counted by `lost`.
    ///
    /// # Errors
    /// When there cannot be another thread.
    pub(crate) fn start(
        name: &'static str,
        writer: impl io::Write + Send + 'static,
        lost: Counter,
    ) -> io::Result<(Self, Drain)> {
        let queue = Mutex::default();
        let shared = Shared { queue, written_for: Condvar::new(), drained: Condvar::new(), lost };
        let output = Self(Arc::new(shared));
        let taker = output.clone();
        // Not joined: a writer that hangs must not keep the process.
        std::thread::Builder::new().name(name.to_owned()).spawn(move || taker.write_all(name, writer))?;
        Ok((output.clone(), Drain(output)))
    }

    /// Hands over `line`, which ends with a newline. Does not wait.
    pub(crate) fn line(&self, line: &[u8]) {
        let mut queue = self.queue();
        if queue.lines.len() + line.len() > CAPACITY {
            queue.lost += 1;
            self.0.lost.inc();
            return;
        }
        queue.lines.extend_from_slice(line);
        let wake = std::mem::take(&mut queue.is_idle);
        drop(queue);
        if wake {
            self.0.written_for.notify_one();
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes until the end has come and nothing is left.
    fn write_all(&self, name: &str, mut writer: impl io::Write) {
        let mut lines = Vec::new();
        while let Some(lost) = self.take(&mut lines) {
            // Nowhere to say that a log cannot be written.
            let _ = writer.write_all(&lines).and_then(|()| writer.flush());
            if lost > 0 {
                tracing::warn!("{lost} lines of {name} are lost: whoever reads it is too slow");
            }
        }
        self.queue().is_drained = true;
        self.0.drained.notify_all();
    }

    /// Waits for lines, and puts them in place of what is in `lines`. `None` when there will be no more, else how many were
    /// lost.
    fn take(&self, lines: &mut Vec<u8>) -> Option<u64> {
        lines.clear();
        lines.shrink_to(KEPT);
        let mut queue = self.queue();
        while queue.lines.is_empty() {
            if queue.is_ending {
                return None;
            }
            queue.is_idle = true;
            queue = self.0.written_for.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        queue.is_idle = false;
        std::mem::swap(&mut queue.lines, lines);
        Some(std::mem::take(&mut queue.lost))
    }
}

impl Drop for Drain {
    fn drop(&mut self) {
        let Self(output) = self;
        let mut queue = output.queue();
        queue.is_ending = true;
        output.0.written_for.notify_one();
        let waited = output.0.drained.wait_timeout_while(queue, PATIENCE, |queue| !queue.is_drained);
        drop(waited);
    }
}

/// Events come whole: the layer writes each with one call.
impl<'a> MakeWriter<'a> for Output {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> &'a Self {
        self
    }
}

impl io::Write for &Output {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.line(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// Sends what is written; takes each write when it is told to.
    struct Reader {
        writes: mpsc::Sender<Vec<u8>>,
        takes: mpsc::Receiver<()>,
    }

    impl io::Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.writes.send(bytes.to_vec()).map_err(io::Error::other)?;
            // Whoever tests no longer cares once the sender is gone.
            let _ = self.takes.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn output() -> (Output, Drain, mpsc::Receiver<Vec<u8>>, mpsc::Sender<()>, Counter) {
        let ((writes, written), (take, takes)) = (mpsc::channel(), mpsc::channel());
        let lost = Counter::default();
        let (output, drain) = Output::start("a test", Reader { writes, takes }, lost.clone()).unwrap();
        (output, drain, written, take, lost)
    }

    #[test]
    fn a_line_is_written_at_once_and_those_that_come_meanwhile_together() {
        let (output, drain, written, take, _) = output();
        output.line(b"one\n");
        assert_eq!(written.recv().unwrap(), b"one\n");
        output.line(b"two\n");
        output.line(b"three\n");
        drop(take);
        assert_eq!(written.recv().unwrap(), b"two\nthree\n");
        drop(drain);
    }

    #[test]
    fn nobody_waits_for_a_reader_that_takes_nothing() {
        let (output, drain, written, take, lost) = output();
        output.line(b"first\n");
        written.recv().unwrap();
        let line = [b'x'; 1 << 10];
        for _ in 0..CAPACITY / line.len() + 3 {
            output.line(&line);
        }
        assert_eq!(lost.get(), 3);
        drop(take);
        assert_eq!(written.recv().unwrap().len(), CAPACITY, "what there was room for is not lost");
        drop(drain);
    }

    #[test]
    fn the_end_waits_until_everything_is_written() {
        let (output, drain, written, take, _) = output();
        drop(take);
        for number in 0..1000 {
            output.line(format!("{number}\n").as_bytes());
        }
        drop(drain);
        let all: Vec<u8> = written.try_iter().flatten().collect();
        assert!(all.ends_with(b"\n999\n") && all.iter().filter(|byte| **byte == b'\n').count() == 1000);
    }
}
