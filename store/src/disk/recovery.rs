//! What to do about the log before RocksDB opens it.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::directory::{io_error, sync_directory};
use super::manifest;
use super::wal::{self, LogScan};
use crate::StoreError;

/// What a repair of the log takes away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLoss {
    /// The log file.
    pub path: PathBuf,
    /// Where in it what is lost begins.
    pub offset: u64,
    /// How many bytes are lost.
    pub lost_bytes: u64,
    /// What is wrong there.
    pub detail: String,
}

/// The log files of a database, oldest first, and what each holds.
struct Logs {
    files: Vec<LogFile>,
}

struct LogFile {
    path: PathBuf,
    size_bytes: u64,
    scan: LogScan,
}

/// Makes the log ready to be replayed: cuts off a tail that a crash has torn. Refuses a log that is
/// damaged elsewhere, and one that does not begin where the manifest ends.
pub(super) fn prepare_log(database: &Path) -> Result<(), StoreError> {
    let logs = Logs::scan(database)?;
    check_manifest(database, &logs)?;
    cut_torn_tail(&logs)
}

/// Refuses a manifest that has lost its end: [`manifest`] says how that is told.
fn check_manifest(database: &Path, logs: &Logs) -> Result<(), StoreError> {
    let Some(first_sequence) = logs.files.iter().find_map(|file| file.scan.first_sequence) else {
        return Ok(());
    };
    let path = manifest::current(database)?;
    let last_sequence = manifest::last_sequence(&path)?;
    if first_sequence <= last_sequence + 1 {
        return Ok(());
    }
    Err(StoreError::Damaged {
        path,
        offset: None,
        detail: format!(
            "it ends with change {last_sequence}, and the oldest log begins with change {first_sequence}: its end is \
             missing, and with it the names of the tables in between; put the file back as it was, or restore a \
             backup"
        ),
    })
}

fn cut_torn_tail(logs: &Logs) -> Result<(), StoreError> {
    let Some(first) = logs.first_damaged() else {
        return Ok(());
    };
    if let Some((path, offset)) = logs.record_behind(first) {
        let damaged = &logs.files[first];
        return Err(StoreError::Damaged {
            path: damaged.path.clone(),
            offset: Some(damaged.scan.good_bytes),
            detail: format!(
                "{}, and further records follow at offset {offset} of {}; `stator repair` says what would be lost and \
                 cuts there",
                damaged.flaw(),
                path.display()
            ),
        });
    }
    for file in &logs.files[first..] {
        if file.scan.damage.is_some() {
            tracing::warn!(
                file = %file.path.display(),
                offset = file.scan.good_bytes,
                cut_bytes = file.size_bytes - file.scan.good_bytes,
                "cut an unfinished write off the log ({}); nothing acknowledged is lost",
                file.flaw()
            );
            file.cut()?;
        }
    }
    Ok(())
}

/// The file that names the newest manifest.
pub(super) const CURRENT_FILE: &str = "CURRENT";

/// Refuses a database whose `CURRENT` names no manifest that is there: RocksDB would speak of the
/// manifest alone, which nobody has.
pub(super) fn check_current(database: &Path) -> Result<(), StoreError> {
    let path = database.join(CURRENT_FILE);
    let content = match fs::read(&path) {
        Ok(content) => content,
        // RocksDB says what this means.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io_error("read", &path, &error)),
    };
    let name = content
        .strip_suffix(b"\n")
        .and_then(|name| std::str::from_utf8(name).ok());
    let is_manifest = name.is_some_and(|name| {
        name.starts_with("MANIFEST-") && !name.contains(['/', '\0']) && database.join(name).is_file()
    });
    match is_manifest {
        true => Ok(()),
        false => Err(StoreError::Damaged {
            detail: format!(
                "it holds {:?}, and no manifest of that name is beside it",
                String::from_utf8_lossy(&content)
            ),
            path,
            offset: Some(0),
        }),
    }
}

/// What a repair would take away: nothing where the log is whole or only its tail is torn.
pub(super) fn losses(database: &Path) -> Result<Vec<LogLoss>, StoreError> {
    let logs = Logs::scan(database)?;
    let Some(first) = logs.first_damaged() else {
        return Ok(Vec::new());
    };
    if logs.record_behind(first).is_none() {
        return Ok(Vec::new());
    }
    Ok(logs.losses(first))
}

/// Cuts the log at its first damage; what was behind it is kept in `lost`.
pub(super) fn cut_damage(database: &Path, lost: &Path) -> Result<Vec<LogLoss>, StoreError> {
    let logs = Logs::scan(database)?;
    let Some(first) = logs.first_damaged() else {
        return Ok(Vec::new());
    };
    let losses = logs.losses(first);
    for (file, loss) in logs.files[first..].iter().zip(&losses) {
        file.keep_from(loss.offset, lost)?;
    }
    sync_directory(lost)?;
    // From the newest on, so that whenever this stops the damage is still in front of the rest.
    for (file, _) in logs.files[first..]
        .iter()
        .zip(&losses)
        .rev()
        .take(losses.len() - 1)
    {
        fs::remove_file(&file.path).map_err(|error| io_error("remove", &file.path, &error))?;
    }
    sync_directory(database)?;
    logs.files[first].cut()?;
    Ok(losses)
}

impl Logs {
    fn scan(database: &Path) -> Result<Self, StoreError> {
        let mut numbered = Vec::new();
        let entries = fs::read_dir(database).map_err(|error| io_error("read", database, &error))?;
        for entry in entries {
            let path = entry.map_err(|error| io_error("read", database, &error))?.path();
            let number = path.file_name().and_then(|name| {
                let name = name.to_str()?.strip_suffix(".log")?;
                name.parse::<u64>().ok()
            });
            numbered.extend(number.map(|number| (number, path)));
        }
        numbered.sort();
        let files = numbered.into_iter().map(|(_, path)| LogFile::scan(path));
        Ok(Logs {
            files: files.collect::<Result<_, _>>()?,
        })
    }

    fn first_damaged(&self) -> Option<usize> {
        self.files.iter().position(|file| file.scan.damage.is_some())
    }

    /// The first record behind the damage in file `damaged`.
    fn record_behind(&self, damaged: usize) -> Option<(&Path, u64)> {
        let in_same_file = self.files[damaged].next_record();
        let later = self.files[damaged + 1..].iter().map(|file| {
            let first = (file.scan.records > 0).then_some(0).or(file.next_record());
            (file, first)
        });
        std::iter::once((&self.files[damaged], in_same_file))
            .chain(later)
            .find_map(|(file, offset)| Some((file.path.as_path(), offset?)))
    }

    fn losses(&self, damaged: usize) -> Vec<LogLoss> {
        let first = &self.files[damaged];
        let in_first = LogLoss {
            path: first.path.clone(),
            offset: first.scan.good_bytes,
            lost_bytes: first.size_bytes - first.scan.good_bytes,
            detail: first.flaw().to_owned(),
        };
        let in_later = self.files[damaged + 1..].iter().map(|file| LogLoss {
            path: file.path.clone(),
            offset: 0,
            lost_bytes: file.size_bytes,
            detail: format!(
                "it follows the damage; {} records in it are sound",
                file.scan.records
            ),
        });
        std::iter::once(in_first).chain(in_later).collect()
    }
}

impl LogFile {
    fn scan(path: PathBuf) -> Result<Self, StoreError> {
        let size_bytes = fs::metadata(&path)
            .map_err(|error| io_error("read", &path, &error))?
            .len();
        let scan = wal::scan(&path).map_err(|error| io_error("read", &path, &error))?;
        Ok(LogFile {
            path,
            size_bytes,
            scan,
        })
    }

    fn flaw(&self) -> &'static str {
        self.scan
            .damage
            .as_ref()
            .map_or("nothing is wrong", |damage| damage.what)
    }

    fn next_record(&self) -> Option<u64> {
        self.scan.damage.as_ref()?.next_record
    }

    /// Ends the file where its last good record ends.
    fn cut(&self) -> Result<(), StoreError> {
        let cut = || {
            let file = OpenOptions::new().write(true).open(&self.path)?;
            file.set_len(self.scan.good_bytes)?;
            file.sync_all()
        };
        cut().map_err(|error| io_error("cut", &self.path, &error))
    }

    /// Copies what is in the file from `offset` on into a file in `lost`.
    fn keep_from(&self, offset: u64, lost: &Path) -> Result<(), StoreError> {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let kept = lost.join(format!("{name}.from-{offset}"));
        let keep = || {
            let mut from = File::open(&self.path)?;
            from.seek(SeekFrom::Start(offset))?;
            let mut to = File::create(&kept)?;
            std::io::copy(&mut from.by_ref(), &mut to)?;
            to.sync_all()
        };
        keep().map_err(|error| io_error("write", &kept, &error))
    }
}
