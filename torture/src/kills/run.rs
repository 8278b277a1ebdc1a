//! The run: load, a kill, a start, and everything compared, over and over.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use harness::directory::TemporaryDirectory;
use harness::failure::{Failure, Result};
use harness::interrupt;
use harness::server_process::{Durability, ServerProcess};

use super::arguments::KillsArguments;
use super::caller::{Caller, Trouble};
use super::client::{self, Shared};
use super::clock::Clock;
use super::follower::Follower;
use super::histories::{Histories, Judged};
use super::plant::Planter;
use super::schema;
use super::server::{Server, data_directory};
use super::site::Site;
use super::{hot_items, hot_lists, ledger, verify};

/// How often the run looks whether the clients have found something.
const LOOK_PERIOD: Duration = Duration::from_millis(20);
/// One in so many kills is followed by others while the server starts.
const EARLY_KILLS_PERIOD: u32 = 4;
/// How many of those there are at most.
const EARLY_KILLS_MAX: u32 = 3;
/// How long the last items that have expired may stay.
const EXPIRY_TIMEOUT: Duration = Duration::from_secs(20);
/// How often progress is told where there is no terminal.
const TOLD_PERIOD: Duration = Duration::from_secs(20);

/// What a run has done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Summary {
    pub kills: u32,
    pub steps: u64,
    pub records: u64,
    pub expired: u64,
    pub judged: Judged,
    pub slowest_restart: Duration,
}

/// Runs it all, and says what was seen.
pub fn run(arguments: &KillsArguments) -> Result<()> {
    let start = Instant::now();
    let summary = torture(arguments).or_else(|failure| interrupt::check().and(Err(failure)))?;
    println!(
        "{} in {} s: {} operations, {} stream records, {} items expired; \
         {} histories with {} operations and {} transactions, {} of them open; slowest restart {} ms. \
         Nothing is wrong.",
        count_kills(summary.kills),
        start.elapsed().as_secs(),
        summary.steps,
        summary.records,
        summary.expired,
        summary.judged.histories,
        summary.judged.operations,
        summary.judged.transactions,
        summary.judged.unknown,
        summary.slowest_restart.as_millis(),
    );
    Ok(())
}

fn count_kills(kills: u32) -> String {
    match kills {
        1 => "1 kill".to_owned(),
        kills => format!("{kills} kills"),
    }
}

/// Makes the run; its data stay where it fails.
pub fn torture(arguments: &KillsArguments) -> Result<Summary> {
    arguments.check()?;
    let seed = arguments.seed.unwrap_or_else(|| fastrand::u64(..));
    eprintln!("torture kills: --seed {seed} repeats the choices of this run");
    let plant = arguments
        .plant
        .map_or(String::new(), |plant| format!("-{plant:?}"));
    let directory = TemporaryDirectory::new(&arguments.disk()?, &format!("torture-kills{plant}"))?;
    let clock = match arguments.clock_jumps {
        true => Arc::new(Clock::jumping(directory.path())?),
        false => Arc::default(),
    };
    let server = Server {
        clock: clock.clone(),
        stator: arguments.stator()?,
        durability: arguments.durability,
        data_directory: data_directory(directory.path()),
    };
    let clients = arguments.clients as usize;
    let shared = Shared {
        site: Site::new(clients),
        histories: Histories::new(),
        planter: Arc::new(Planter::new(arguments.plant)),
        clock,
        steps: AtomicU64::new(0),
        ledgers: (0..clients).map(|_| Arc::default()).collect(),
    };
    let mut run = Run {
        arguments,
        server,
        random: Rng::with_seed(seed),
        shared: &shared,
        summary: Summary::default(),
        told_at: Instant::now(),
        checked_at: 0,
    };
    run.run().map_err(|failure| {
        if arguments.durability == Durability::Memory || interrupt::is_interrupted() {
            return Failure::new(format!("{failure}; --seed {seed}"));
        }
        Failure::new(format!(
            "{failure}; --seed {seed}; the data are in {}",
            directory.keep().display()
        ))
    })
}

struct Run<'a> {
    arguments: &'a KillsArguments,
    server: Server,
    random: Rng,
    shared: &'a Shared,
    summary: Summary,
    told_at: Instant,
    /// How many kills there were at the last `stator check`.
    checked_at: u32,
}

impl Run<'_> {
    fn run(&mut self) -> Result<Summary> {
        let shared = self.shared;
        let seeds: Vec<u64> = shared.ledgers.iter().map(|_| self.random.u64(..)).collect();
        thread::scope(|scope| {
            for (number, seed) in (0..).zip(seeds) {
                scope.spawn(move || client::run(shared, number, Rng::with_seed(seed)));
            }
            let done = self.rounds();
            // The server is gone, so that no client waits for an answer.
            shared.site.end();
            done
        })?;
        self.summary.steps = shared.steps.load(Ordering::Relaxed);
        Ok(self.summary)
    }

    fn rounds(&mut self) -> Result<()> {
        let (mut process, _) = self.server.start(&mut self.random)?;
        schema::create_tables(process.address())?;
        let mut caller = Caller::open(process.address(), &self.shared.planter)?;
        let mut follower =
            Follower::new(&mut caller, self.arguments.clock_jumps).map_err(Trouble::into_failure)?;
        self.shared.clock.jump_days(&mut self.random)?;
        loop {
            self.load(&mut process, &mut caller, &mut follower)?;
            if self.arguments.kills == 0 {
                self.shared.site.close();
                self.shared.site.wait_until_idle()?;
            } else {
                process.kill();
                self.shared.site.wait_until_idle()?;
                process = self.restart()?;
                caller = Caller::open(process.address(), &self.shared.planter)?;
                follower.restart(&mut self.random);
            }
            verify::verify(self.shared, &mut caller, &mut follower, &mut self.random)?;
            if self.shared.histories.length() >= self.arguments.history_operations {
                self.judge(&mut caller)?;
            }
            self.jump_at_rest()?;
            self.tell(&follower);
            if self.summary.kills >= self.arguments.kills {
                break;
            }
        }
        self.finish(&mut caller, &mut follower)?;
        process.kill();
        match self.arguments.durability {
            Durability::Memory => Ok(()),
            Durability::Os | Durability::Sync => self.server.check(),
        }
    }

    /// Lets the clients work for a while; the stream is read meanwhile.
    fn load(
        &mut self,
        process: &mut ServerProcess,
        caller: &mut Caller,
        follower: &mut Follower,
    ) -> Result<()> {
        let load_ms = match self.arguments.kills {
            0 => self.arguments.load_ms,
            _ => self.random.u64(1..2 * self.arguments.load_ms.max(2)),
        };
        let end = Instant::now() + Duration::from_millis(load_ms);
        self.shared.site.open(process.address());
        self.shared.site.wait_until_busy();
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            interrupt::check()?;
            self.shared.site.check()?;
            if self.random.u8(..8) == 0 {
                follower.advance(caller).map_err(Trouble::into_failure)?;
            }
            if self.random.u8(..8) == 0 {
                self.shared.clock.jump_hours(&mut self.random)?;
            }
            thread::sleep(left.min(LOOK_PERIOD));
        }
        if !process.is_running() {
            return Err(Failure::new("the server has ended by itself"));
        }
        self.shared.site.check()
    }

    /// Lets the clock jump while the clients rest and the stream has been read: now it may jump by
    /// days, by which records become too old.
    fn jump_at_rest(&mut self) -> Result<()> {
        match self.random.u8(..4) {
            0 => self.shared.clock.jump_days(&mut self.random),
            1 => self.shared.clock.jump_hours(&mut self.random),
            _ => Ok(()),
        }
    }

    /// Starts the server that was killed, after what may happen to it first.
    fn restart(&mut self) -> Result<ServerProcess> {
        self.summary.kills += 1;
        let check_every = self.arguments.check_every;
        if check_every > 0 && self.summary.kills >= self.checked_at + check_every {
            self.checked_at = self.summary.kills;
            self.server.check()?;
        }
        if self.random.u32(..EARLY_KILLS_PERIOD) == 0 {
            for _ in 0..self.random.u32(1..=EARLY_KILLS_MAX) {
                self.server.start_and_kill(&mut self.random)?;
                self.summary.kills += 1;
            }
        }
        let (process, time) = self.server.start(&mut self.random)?;
        self.summary.slowest_restart = self.summary.slowest_restart.max(time);
        match time.as_millis() > u128::from(self.arguments.restart_limit_ms) {
            true => Err(Failure::new(format!(
                "the first answer took {} ms from the start, in {} of which a processor was used; on a busy machine allow more with --restart-limit-ms",
                time.as_millis(),
                process.cpu_time().unwrap_or_default().as_millis()
            ))),
            false => Ok(process),
        }
    }

    /// Ends the histories with a look at everything, and judges them.
    fn judge(&mut self, caller: &mut Caller) -> Result<()> {
        let (observer, histories) = (self.arguments.clients, &self.shared.histories);
        hot_items::read_all(observer, caller, histories)
            .and_then(|()| hot_lists::read_all(observer, caller, histories))
            .map_err(Trouble::into_failure)?;
        self.summary.judged += histories.judge()?;
        Ok(())
    }

    fn finish(&mut self, caller: &mut Caller, follower: &mut Follower) -> Result<()> {
        self.judge(caller)?;
        let start = Instant::now();
        loop {
            let due_s = self.shared.clock.now_s() - 1;
            let items = verify::table(caller).map_err(Trouble::into_failure)?;
            match items.values().find(|item| ledger::is_due(item, due_s)) {
                None => break,
                Some(item) if start.elapsed() > EXPIRY_TIMEOUT => {
                    return Err(Failure::new(format!("an item that has expired stays: {item}")));
                }
                Some(_) => thread::sleep(LOOK_PERIOD),
            }
        }
        verify::verify(self.shared, caller, follower, &mut self.random)?;
        self.summary.records = follower.records;
        self.summary.expired = follower.expired;
        Ok(())
    }

    /// Tells how far the run is: on a terminal all the time, elsewhere now and then.
    fn tell(&mut self, follower: &Follower) {
        let is_terminal = std::io::stderr().is_terminal();
        if self.arguments.kills == 0 || (!is_terminal && self.told_at.elapsed() < TOLD_PERIOD) {
            return;
        }
        self.told_at = Instant::now();
        let (start, end) = if is_terminal { ("\r", "  ") } else { ("", "\n") };
        let mut output = std::io::stderr().lock();
        let told = write!(
            output,
            "{start}{} of {} kills, {} operations, {} stream records in {} shards, {} histories judged, slowest restart {} ms{end}",
            self.summary.kills,
            self.arguments.kills,
            self.shared.steps.load(Ordering::Relaxed),
            follower.records,
            follower.shard_count(),
            self.summary.judged.histories,
            self.summary.slowest_restart.as_millis(),
        );
        // Whoever closed the output does not want to know.
        let _shown = told.and_then(|()| output.flush());
    }
}
