//! The library that stands between a server and its files, as `torture-shim` documents it.

use std::env;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::failure::{Context, Failure, Result};

use super::names::{self, CLASS_WORDS, CLASSES, CONTROL_BYTES, FAULTS_WORD, HEALED_WORD, OPERATIONS_WORD};

const LIBRARY: &str = "libtorture_shim.so";

/// What the library is asked to do.
#[derive(Clone, Debug)]
pub struct Shim {
    library: PathBuf,
    directory: PathBuf,
    control: PathBuf,
    trace: Option<PathBuf>,
    fault: Option<String>,
    skips_syncs: bool,
}

impl Shim {
    /// A shim over the files below `directory`, with its own files in `aside`. It counts, and does
    /// nothing else until it is asked.
    pub fn new(directory: &Path, aside: &Path) -> Result<Self> {
        let control = aside.join("control");
        fs::write(&control, [0; CONTROL_BYTES]).context("the shared counters cannot be made")?;
        Ok(Shim {
            library: library()?,
            directory: directory.to_path_buf(),
            control,
            trace: None,
            fault: None,
            skips_syncs: false,
        })
    }

    /// Records all operations in a file.
    pub fn recording(mut self, trace: &Path) -> Self {
        self.trace = Some(trace.to_path_buf());
        self
    }

    /// Fails a call: `class:number:kind:once` or `class:number:kind:on`.
    pub fn failing(mut self, fault: &str) -> Self {
        self.fault = Some(fault.to_owned());
        self
    }

    /// Lets syncs succeed that are none.
    pub fn skipping_syncs(mut self) -> Self {
        self.skips_syncs = true;
        self
    }

    /// Has the library loaded into the program that `command` starts.
    pub fn preload(&self, command: &mut Command) {
        command
            .env("LD_PRELOAD", &self.library)
            .env(names::DIRECTORY, &self.directory)
            .env(names::CONTROL, &self.control);
        if let Some(trace) = &self.trace {
            command.env(names::TRACE, trace);
        }
        if let Some(fault) = &self.fault {
            command.env(names::FAULT, fault);
        }
        if self.skips_syncs {
            command.env(names::SKIP_SYNCS, "1");
        }
    }

    /// The counters.
    pub fn control(&self) -> Result<Control> {
        let file = File::options().read(true).write(true).open(&self.control);
        file.map(Control).context("the shared counters cannot be opened")
    }
}

/// The counters that the library shares.
#[derive(Debug)]
pub struct Control(File);

impl Control {
    /// How many operations have been recorded.
    pub fn operations(&self) -> Result<u64> {
        self.word(OPERATIONS_WORD)
    }

    /// How many calls have failed.
    pub fn faults(&self) -> Result<u64> {
        self.word(FAULTS_WORD)
    }

    /// How many calls of each class there were, by its name.
    pub fn calls(&self) -> Result<Vec<(&'static str, u64)>> {
        let counts = CLASSES.iter().enumerate();
        counts
            .map(|(index, class)| Ok((*class, self.word(CLASS_WORDS + index)?)))
            .collect()
    }

    /// Ends the fault.
    pub fn heal(&self) -> Result<()> {
        let mut file = &self.0;
        file.seek(SeekFrom::Start((HEALED_WORD * size_of::<u64>()) as u64))
            .and_then(|_| file.write_all(&1u64.to_ne_bytes()))
            .context("the shared counters cannot be written")
    }

    fn word(&self, index: usize) -> Result<u64> {
        let mut file = &self.0;
        let mut word = [0; size_of::<u64>()];
        file.seek(SeekFrom::Start((index * word.len()) as u64))
            .and_then(|_| file.read_exact(&mut word))
            .context("the shared counters cannot be read")?;
        Ok(u64::from_ne_bytes(word))
    }
}

/// Where the library is: cargo builds it with this program, beside it or below.
pub fn library() -> Result<PathBuf> {
    if !cfg!(target_os = "linux") {
        return Err(Failure::new(
            "this runs on Linux alone: it preloads a library there",
        ));
    }
    let program = env::current_exe().context("this program cannot find itself")?;
    let beside = program.parent().unwrap_or(Path::new("."));
    let places = [beside.join("deps").join(LIBRARY), beside.join(LIBRARY)];
    let newest = places
        .into_iter()
        .filter_map(|path| Some((fs::metadata(&path).ok()?.modified().ok()?, path)))
        .max();
    newest.map(|(_, path)| path).ok_or_else(|| {
        Failure::new(format!(
            "{LIBRARY} is not beside {}; `cargo build --release --workspace` builds both",
            program.display()
        ))
    })
}
