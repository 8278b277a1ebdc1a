//! Which call fails, and how.

use crate::control::Control;
use crate::names::{CLASSES, KINDS};

/// The class of a call, by its place in [`CLASSES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Open,
    Write,
    Sync,
    Rename,
    Unlink,
    Truncate,
    Allocate,
    Link,
    MakeDirectory,
    RangeSync,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It fails with this error and does nothing.
    Error(i32),
    /// Half of it is written, and that is said.
    Short,
    /// Half of it is written, and it fails.
    Torn,
}

/// The planned fault.
pub struct Fault {
    class: usize,
    number: u64,
    kind: usize,
    goes_on: bool,
}

impl Fault {
    /// Reads `class:number:kind:once` or `class:number:kind:on`.
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split(':').collect();
        let [class, number, kind, span] = parts[..] else {
            return None;
        };
        Some(Fault {
            class: CLASSES.iter().position(|name| *name == class)?,
            number: number.parse().ok().filter(|number| *number > 0)?,
            kind: KINDS.iter().position(|name| *name == kind)?,
            goes_on: match span {
                "once" => false,
                "on" => true,
                _ => return None,
            },
        })
    }
}

/// Counts a call, and tells what becomes of it where it is to fail.
pub fn strike(fault: Option<&Fault>, control: &Control, class: Class) -> Option<Failure> {
    let number = control.count_call(class as usize);
    let fault = fault.filter(|fault| fault.class == class as usize)?;
    let is_due = number == fault.number || (fault.goes_on && number > fault.number);
    if !is_due || control.is_healed() {
        return None;
    }
    control.count_fault();
    Some(match KINDS[fault.kind] {
        "eio" => Failure::Error(libc::EIO),
        "enospc" => Failure::Error(libc::ENOSPC),
        "short" => Failure::Short,
        "torn" => Failure::Torn,
        _ => {
            // SAFETY: this ends the process.
            unsafe { libc::syscall(libc::SYS_kill, libc::getpid(), libc::SIGKILL) };
            Failure::Error(libc::EIO)
        }
    })
}
