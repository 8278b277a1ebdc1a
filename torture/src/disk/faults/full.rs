//! A disk without room: writes are refused and say why, reads go on, and writes come back.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use harness::control;
use harness::failure::{Context, Failure, Result};
use harness::server_process::{Durability, stator_command};
use serde_json::{Value, json};

use crate::disk::ledger::TABLES;
use crate::disk::program::{Outcome, check, serve};
use crate::disk::requests::tables;
use crate::disk::setting::Setting;
use crate::disk::shim::Shim;

/// The size of the disk, and of a file on it that is in the way.
const DISK_MIB: usize = 64;
const OBSTACLE_MIB: usize = 24;
/// Each item is about this large.
const ITEM_BYTES: usize = 100_000;
/// How long it may take until writes are taken again once there is room.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long it may take until the room of a table is given back that was deleted.
const REMOVAL_TIMEOUT: Duration = Duration::from_secs(60);

/// Runs it, on a small file system where this user may make one, and with calls that fail.
pub fn run(setting: &Setting) -> Result<()> {
    let binary = setting.binary()?;
    let place = setting.workplace("full")?;
    let disk = place.path().join("disk");
    fs::create_dir(&disk).context("a directory")?;
    match SmallDisk::mount(&disk) {
        Some(_mounted) => fill(&binary, &disk, place.path())?,
        None => println!("Full disk: this user may not mount a small file system; that part is left out."),
    }
    fail_for_want_of_room(&binary, place.path())
}

/// A file system of [`DISK_MIB`], taken away when this is dropped.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn mount(path: &'a Path) -> Option<Self> {
        let size = format!("size={DISK_MIB}m");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(path);
        let output = mount.output().ok()?;
        output.status.success().then_some(SmallDisk(path))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("--lazy").arg(self.0).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            eprintln!("{} stays mounted", self.0.display());
        }
    }
}

/// An item that cannot be compressed to much less, for the table that fills the disk.
fn put(number: usize) -> Value {
    let mut random = fastrand::Rng::with_seed(number as u64);
    let filler: String = (0..ITEM_BYTES).map(|_| random.alphanumeric()).collect();
    json!({"TableName": "plain", "Item": {
        "pk": {"S": number.to_string()}, "filler": {"S": filler},
    }})
}

/// Whether the item is there, whole.
fn is_there(address: std::net::SocketAddr, number: usize) -> Result<bool> {
    let question = json!({
        "TableName": "plain", "Key": {"pk": {"S": number.to_string()}}, "ConsistentRead": true,
    });
    let answer = control::call(address, "GetItem", &question)?;
    Ok(answer["Item"] == put(number)["Item"])
}

/// Writes until it is refused; gives how many items were written, and the refusal.
fn write_until_refused(address: std::net::SocketAddr, from: usize) -> Result<(usize, String)> {
    for number in from..from + 10 * DISK_MIB {
        if let Err(refusal) = control::call(address, "PutItem", &put(number)) {
            return Ok((number, refusal.to_string()));
        }
    }
    Err(Failure::new("the disk never becomes full"))
}

fn check_words(refusal: &str, words: &[&str]) -> Result<()> {
    match words.iter().all(|word| refusal.contains(word)) {
        true => Ok(()),
        false => Err(Failure::new(format!(
            "the refusal does not say what to do: {refusal}"
        ))),
    }
}

/// Tries the same until it succeeds; gives how long that took.
fn wait_for(what: &str, timeout: Duration, attempt: impl Fn() -> Result<Value>) -> Result<Duration> {
    let begun = Instant::now();
    while let Err(refusal) = attempt() {
        if begun.elapsed() > timeout {
            return Err(Failure::new(format!("{what}, and still: {refusal}")));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(begun.elapsed())
}

/// A disk that really is full, and then is not.
fn fill(binary: &Path, disk: &Path, aside: &Path) -> Result<()> {
    let obstacle = disk.join("obstacle");
    fs::write(&obstacle, vec![1; OBSTACLE_MIB << 20]).context("a large file")?;
    let data = disk.join("data");
    let try_start = || {
        let mut command = stator_command(binary, Durability::Sync, &data);
        command.args([
            "--min-free-bytes=12MiB",
            "--write-buffer-bytes=1MiB",
            "--cache-bytes=8MiB",
        ]);
        serve(command, &aside.join("log-of-full-disk"))
    };
    let start = || try_start()?.expect("stator serve on a small disk");
    let has_all = |address, written: usize, when: &str| {
        for number in 0..written {
            if !is_there(address, number)? {
                return Err(Failure::new(format!("item {number} cannot be read {when}")));
            }
        }
        Ok(())
    };
    let server = start()?;
    let address = server.address();
    for table in tables() {
        control::create_table(address, &table)?;
    }
    let (written, refusal) = write_until_refused(address, 0)?;
    check_words(&refusal, &["bytes free", "--min-free-bytes"])?;
    has_all(address, written, "while the disk is full")?;

    fs::remove_file(&obstacle).context("the large file")?;
    let waited = wait_for("there is room again", RECOVERY_TIMEOUT, || {
        control::call(address, "PutItem", &put(written))
    })?;
    let (written, refusal_again) = write_until_refused(address, written + 1)?;
    check_words(&refusal_again, &["bytes free", "--min-free-bytes"])?;
    server.kill();

    // What others take of the reserve may be missing when the directory is opened.
    let rest = fs4::available_space(disk).context("the free space")?;
    fs::write(&obstacle, vec![1; rest as usize]).context("a file over all the rest")?;
    match try_start()? {
        Outcome::Success(server) => server.kill(),
        Outcome::Refused(said) => check_words(&said, &["No space left", "make room"])?,
        Outcome::Broken(said) => return Err(Failure::new(format!("a start without any room: {said}"))),
    }
    fs::remove_file(&obstacle).context("the large file")?;

    let server = start()?;
    let address = server.address();
    has_all(address, written, "after a restart")?;
    // What makes room needs none, and the other table takes writes as soon as there is some.
    control::call(address, "DeleteTable", &json!({"TableName": "plain"}))?;
    let mut other = put(0);
    other["TableName"] = json!(TABLES[0]);
    let removed = wait_for(
        "the table that filled the disk is deleted",
        REMOVAL_TIMEOUT,
        || {
            if fs4::available_space(disk).context("the free space")? < (DISK_MIB as u64) << 19 {
                return Err(Failure::new("half of the disk is still taken"));
            }
            control::call(address, "PutItem", &other)
        },
    )?;
    server.kill();
    check(binary, &data, aside)?.expect("stator check on the full disk")?;
    println!(
        "Full disk: writes were refused ({refusal:.160}), {written} items stayed readable, and writes came back {} ms \
         after there was room, {} s after the table was deleted.",
        waited.as_millis(),
        removed.as_secs()
    );
    Ok(())
}

/// A disk that says in the midst of a write that it has no room.
fn fail_for_want_of_room(binary: &Path, place: &Path) -> Result<()> {
    let data = place.join("data");
    let shim = Shim::new(&data, place)?.failing("write:200:enospc:on");
    let mut command = stator_command(binary, Durability::Sync, &data);
    shim.preload(&mut command);
    let server = serve(command, &place.join("log"))?.expect("stator serve")?;
    let address = server.address();
    control::create_table(address, &tables()[1])?;
    let (written, refusal) = write_until_refused(address, 0)?;
    check_words(&refusal, &["No space left", "restart"])?;
    for number in 0..written {
        if !is_there(address, number)? {
            return Err(Failure::new(format!(
                "item {number} cannot be read after a failed write"
            )));
        }
    }
    // Room alone is not enough: what the disk holds of the failed write is unknown.
    shim.control()?.heal()?;
    if control::call(address, "PutItem", &put(written)).is_ok() {
        return Err(Failure::new("a write was taken after another one had failed"));
    }
    server.stop()?;
    let server = serve(
        stator_command(binary, Durability::Sync, &data),
        &place.join("log"),
    )?
    .expect("stator serve after the restart")?;
    control::call(server.address(), "PutItem", &put(written))?;
    for number in 0..=written {
        if !is_there(server.address(), number)? {
            return Err(Failure::new(format!("item {number} is lost")));
        }
    }
    server.stop()?;
    check(binary, &data, place)?.expect("stator check")?;
    println!(
        "No room in the midst of a write: refused ({refusal:.200}), {written} items stayed, and a restart takes writes again."
    );
    Ok(())
}
