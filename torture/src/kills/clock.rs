//! The time of day as the server sees it, which may jump.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{RwLock, RwLockReadGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use fastrand::Rng;
use harness::failure::{Context, Result};

use crate::disk::{names, shim};

const HOUR_MS: i64 = 60 * 60 * 1000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Jumps of hours stay in less than a day, so that no record of a stream becomes too old unread.
const HOURS_MS_MAX: i64 = 11 * HOUR_MS;
/// How far a jump of days goes at most.
const DAYS_MS_MAX: i64 = 10 * DAY_MS;

/// Knows what the server's clock shows, and has shown at most.
#[derive(Debug, Default)]
pub struct Clock {
    /// The file that moves the server's clock, where it is moved.
    file: Option<PathBuf>,
    latest_s: AtomicU64,
    offset_ms: AtomicI64,
    /// The offset that jumps of hours are around.
    base_ms: AtomicI64,
    /// Counts the jumps; locked by those who need that there is none.
    jumps: RwLock<u64>,
}

impl Clock {
    /// One that can be made to jump, by a file in `directory`.
    pub fn jumping(directory: &Path) -> Result<Self> {
        let file = directory.join("clock");
        write(&file, 0)?;
        Ok(Clock {
            file: Some(file),
            ..Clock::default()
        })
    }

    /// Lets the program that `command` starts see this clock.
    pub fn preload(&self, command: &mut Command) -> Result<()> {
        if let Some(file) = &self.file {
            command
                .env("LD_PRELOAD", shim::library()?)
                .env(names::CLOCK, file);
        }
        Ok(())
    }

    /// The seconds since 1970.
    pub fn now_s(&self) -> u64 {
        let now_s = now_s(self.offset_ms.load(Ordering::Acquire));
        self.latest_s.fetch_max(now_s, Ordering::AcqRel);
        now_s
    }

    /// The latest time that the server has seen.
    pub fn latest_s(&self) -> u64 {
        self.now_s();
        self.latest_s.load(Ordering::Acquire)
    }

    /// How many jumps there were; there is none while the answer is held.
    pub fn jumps(&self) -> RwLockReadGuard<'_, u64> {
        self.jumps.read().unwrap_or_else(|poison| poison.into_inner())
    }

    /// Jumps by hours, forwards or back.
    pub fn jump_hours(&self, random: &mut Rng) -> Result<()> {
        let base_ms = self.base_ms.load(Ordering::Acquire);
        self.jump_to(base_ms + random.i64(-HOURS_MS_MAX..=HOURS_MS_MAX))
    }

    /// Jumps by days, forwards or back. Records of streams may become too old by it.
    pub fn jump_days(&self, random: &mut Rng) -> Result<()> {
        let base_ms = random.i64(-DAYS_MS_MAX..=DAYS_MS_MAX);
        self.base_ms.store(base_ms, Ordering::Release);
        self.jump_to(base_ms)
    }

    fn jump_to(&self, offset_ms: i64) -> Result<()> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let mut jumps = self.jumps.write().unwrap_or_else(|poison| poison.into_inner());
        *jumps += 1;
        // From here on the server may see the one time or the other.
        self.latest_s.fetch_max(now_s(offset_ms), Ordering::AcqRel);
        self.now_s();
        write(file, offset_ms)?;
        self.offset_ms.store(offset_ms, Ordering::Release);
        Ok(())
    }
}

fn now_s(offset_ms: i64) -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_ms = i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX);
    u64::try_from(now_ms.saturating_add(offset_ms) / 1000).unwrap_or(0)
}

/// Writes the offset over the one that is there, as whoever has the file mapped must see it.
fn write(file: &Path, offset_ms: i64) -> Result<()> {
    let opened = fs::File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .open(file);
    let written = opened.and_then(|mut file| std::io::Write::write_all(&mut file, &offset_ms.to_le_bytes()));
    written.context("the server's clock cannot be moved")
}
