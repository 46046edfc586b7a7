//! What a thread of another process is doing right now.
//!
//! Does not interpret what it copies.

use std::{fs::File, os::unix::fs::FileExt};

use framehop::UnwindRegsNative;
use nix::{
    errno::Errno,
    sys::{
        ptrace,
        signal::Signal,
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};

/// How much of a stack is copied. What is deeper, is not in the profile.
const STACK: usize = 256 << 10;

/// What a thread was doing when it was stopped.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// The instruction it was at.
    pub(super) instruction: u64,
    pub(super) registers: UnwindRegsNative,
    stack: Vec<u8>,
    /// The address of the first byte of `stack`.
    top: u64,
}

impl Snapshot {
    /// The eight bytes at an address of the stack, as a number.
    pub(super) fn word(&self, address: u64) -> Result<u64, ()> {
        let begin = address.checked_sub(self.top).and_then(|offset| usize::try_from(offset).ok()).ok_or(())?;
        let bytes = self.stack.get(begin..).and_then(|rest| rest.first_chunk()).ok_or(())?;
        Ok(u64::from_ne_bytes(*bytes))
    }
}

/// A thread could not be looked at.
#[derive(Debug, thiserror::Error)]
#[error("failed to {verb} a thread of the server{}", advice(*source))]
pub(crate) struct Stop {
    verb: &'static str,
    source: Errno,
}

fn advice(error: Errno) -> &'static str {
    match error {
        Errno::EPERM | Errno::EACCES | Errno::ENOSYS => {
            "; something forbids ptrace: a seccomp, AppArmor or SELinux profile of the container, the sysctl \
             kernel.yama.ptrace_scope above 1, or a debugger that is attached"
        }
        _ => "",
    }
}

/// The memory of `server`, as a file of which the offset is the address. Seccomp profiles that allow ptrace do not always
/// allow `process_vm_readv`; they have nothing against files.
///
/// # Errors
/// When it may not be read.
pub(super) fn memory(server: Pid) -> Result<File, Stop> {
    let opened = File::open(format!("/proc/{server}/mem"));
    opened.map_err(|error| failed("read")(error.raw_os_error().map_or(Errno::UnknownErrno, Errno::from_raw)))
}

/// What `thread` is doing, whose stack is in `memory`. It is stopped for as long as copying takes. `None`: it has ended.
///
/// # Errors
/// When it may not be looked at.
pub(super) fn snapshot(memory: &File, thread: Pid) -> Result<Option<Snapshot>, Stop> {
    if unless_ended(ptrace::seize(thread, ptrace::Options::empty())).map_err(failed("trace"))?.is_none() {
        return Ok(None);
    }
    // One that ends right now is not interrupted; waiting says so.
    unless_ended(ptrace::interrupt(thread)).map_err(failed("stop"))?;
    let Some(pending) = stopped(thread).map_err(failed("wait for"))? else { return Ok(None) };
    let copied = copy(memory, thread);
    // Before anything else, whatever became of the copy.
    unless_ended(ptrace::detach(thread, pending)).map_err(failed("continue"))?;
    unless_ended(copied).map_err(failed("read"))
}

fn failed(verb: &'static str) -> impl Fn(Errno) -> Stop {
    move |source| Stop { verb, source }
}

fn unless_ended<T>(result: nix::Result<T>) -> nix::Result<Option<T>> {
    match result {
        Err(Errno::ESRCH) => Ok(None),
        result => result.map(Some),
    }
}

/// Waits until `thread` has stopped: the signal that it was about to get and that has to be passed on, if there is one.
/// `None`: it has ended instead.
fn stopped(thread: Pid) -> nix::Result<Option<Option<Signal>>> {
    loop {
        return match waitpid(thread, Some(WaitPidFlag::__WALL)) {
            Ok(WaitStatus::Stopped(_, signal)) => Ok(Some(Some(signal))),
            Ok(WaitStatus::PtraceEvent(..)) => Ok(Some(None)),
            Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) | Err(Errno::ECHILD) => Ok(None),
            Ok(_) | Err(Errno::EINTR) => continue,
            Err(error) => Err(error),
        };
    }
}

fn copy(memory: &File, thread: Pid) -> nix::Result<Snapshot> {
    let (instruction, top, registers) = registers(thread)?;
    Ok(Snapshot { instruction, registers, stack: read(memory, top), top })
}

#[cfg(target_arch = "x86_64")]
fn registers(thread: Pid) -> nix::Result<(u64, u64, UnwindRegsNative)> {
    let registers = ptrace::getregs(thread)?;
    Ok((registers.rip, registers.rsp, UnwindRegsNative::new(registers.rip, registers.rsp, registers.rbp)))
}

#[cfg(target_arch = "aarch64")]
fn registers(thread: Pid) -> nix::Result<(u64, u64, UnwindRegsNative)> {
    let registers = ptrace::getregs(thread)?;
    let [.., frame, link] = registers.regs;
    Ok((registers.pc, registers.sp, UnwindRegsNative::new(link, registers.sp, frame)))
}

/// What there is from `top` on, which may be less than asked for, or nothing.
fn read(memory: &File, top: u64) -> Vec<u8> {
    let mut stack = vec![0; STACK];
    let length = memory.read_at(&mut stack, top).unwrap_or(0);
    stack.truncate(length);
    stack
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_beyond_the_copied_stack_are_not_there() {
        let registers = UnwindRegsNative::new(0, 0, 0);
        let snapshot = Snapshot { instruction: 0, registers, stack: (0..16).collect(), top: 0x1000 };
        assert_eq!(snapshot.word(0x1008), Ok(u64::from_ne_bytes([8, 9, 10, 11, 12, 13, 14, 15])));
        for address in [0, 0xfff, 0x1009, 0x1010, u64::MAX] {
            assert_eq!(snapshot.word(address), Err(()), "{address:x}");
        }
    }

    #[test]
    fn where_ptrace_is_forbidden_the_error_says_what_may_forbid_it() {
        let text = failed("trace")(Errno::EPERM).to_string();
        assert!(text.starts_with("failed to trace a thread of the server; something forbids ptrace"), "{text}");
        assert_eq!(failed("read")(Errno::EIO).to_string(), "failed to read a thread of the server");
    }
}
