//! What the environment asks for.

use std::os::fd::RawFd;
use std::sync::Mutex;
use std::sync::atomic::AtomicU32;

use crate::control::Control;
use crate::faults::Fault;
use crate::trace::Trace;
use crate::{give_up, names, paths};

/// How a descriptor that is not watched is numbered.
pub const UNWATCHED: u32 = 0;
/// Descriptors from here on are never watched.
const DESCRIPTORS_MAX: usize = 1 << 16;

/// What is done about the files below one directory.
pub struct Settings {
    /// An absolute path, without a slash at its end.
    pub directory: Vec<u8>,
    pub trace: Option<Trace>,
    pub control: Control,
    pub fault: Option<Fault>,
    pub skips_syncs: bool,
    /// The number of each open file by its descriptor.
    files: Box<[AtomicU32]>,
    /// Held during each operation that is recorded, so that their order is that of the records.
    pub order: Mutex<()>,
}

impl Settings {
    /// `None` where no directory is to be watched.
    pub fn from_environment() -> Option<Self> {
        let mut directory = std::env::var(names::DIRECTORY).ok()?.into_bytes();
        while directory.len() > 1 && directory.ends_with(b"/") {
            directory.pop();
        }
        if !directory.starts_with(b"/") {
            give_up("the directory to watch must be an absolute path");
        }
        let open = |name: &str, flags| -> Option<RawFd> {
            let path = std::env::var(name).ok()?;
            match paths::open_for_ourselves(&path, flags) {
                file if file >= 0 => Some(file),
                _ => give_up(&format!("{path}, which {name} names, cannot be opened")),
            }
        };
        let trace = open(names::TRACE, libc::O_WRONLY | libc::O_CREAT | libc::O_APPEND).map(Trace::new);
        let control = Control::new(open(names::CONTROL, libc::O_RDWR));
        let fault = std::env::var(names::FAULT).ok().map(|text| {
            Fault::parse(&text).unwrap_or_else(|| give_up(&format!("`{text}` describes no fault")))
        });
        Some(Settings {
            directory,
            trace,
            control,
            fault,
            skips_syncs: std::env::var_os(names::SKIP_SYNCS).is_some(),
            files: (0..DESCRIPTORS_MAX).map(|_| AtomicU32::new(UNWATCHED)).collect(),
            order: Mutex::new(()),
        })
    }

    /// Where the number of the file is kept that `descriptor` is open for.
    pub fn file(&self, descriptor: RawFd) -> Option<&AtomicU32> {
        self.files.get(usize::try_from(descriptor).ok()?)
    }
}
