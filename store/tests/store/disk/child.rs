//! A process of its own that writes until it is killed or its disk fails.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use store::{Batch, Decision, DiskStore, Durability, Read, Store};

use crate::support::*;

const DIRECTORY: &str = "STATOR_STORE_TEST_DIRECTORY";
const DURABILITY: &str = "STATOR_STORE_TEST_DURABILITY";

/// How many rows and counters the child works on.
pub const ROW_COUNT: u64 = 8;

/// Not a test of its own: the program that [`start`] starts.
///
/// It opens the store and has several tasks add one to their row, in one batch with a second row, a
/// counter, and a log record. It prints `task number` for each acknowledged commit, and the error
/// when there is one.
#[test]
fn writes_until_it_ends() {
    let Ok(directory) = std::env::var(DIRECTORY) else {
        return;
    };
    let mut options = small_options(Path::new(&directory));
    if std::env::var(DURABILITY).as_deref() == Ok("os") {
        options.durability = Durability::Os;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let store = match DiskStore::open(&options) {
            Ok(store) => Arc::new(store),
            Err(error) => return println!("failed to open: {error}"),
        };
        let tasks: Vec<_> = (0..ROW_COUNT)
            .map(|task| tokio::spawn(write_on(store.clone(), task)))
            .collect();
        for task in tasks {
            task.await.expect("it ends");
        }
        let status = store.status();
        println!("poisoned {}", status.poisoned.as_deref().unwrap_or("not"));
        // Reads go on.
        for row in 0..ROW_COUNT {
            println!("readable {}", read_row(&*store, row).await);
        }
    });
    // The store is left as a killed process leaves it.
    std::process::exit(0);
}

async fn write_on(store: Arc<DiskStore>, task: u64) {
    loop {
        let keys = [key(ROWS, number_bytes(task)), key(OTHERS, number_bytes(task))];
        let targets = keys.clone();
        let commit = store.commit(exclusive(keys), move |held| {
            let next = number(&held.exclusive[0]) + 1;
            let mut batch = Batch::new();
            for target in &targets {
                batch.put(target.clone(), number_bytes(next));
            }
            batch.add(key(COUNTERS, number_bytes(task)), 1);
            batch.append(LOGS, number_bytes(task), vec![task as u8; 500]);
            Decision::<u64, ()>::Commit(batch, next)
        });
        match commit.await {
            Ok(store::Outcome::Committed(next)) => {
                // One write call, so that a line is whole or absent.
                let line = format!("{task} {next}\n");
                std::io::stdout()
                    .write_all(line.as_bytes())
                    .expect("the parent listens");
            }
            other => {
                println!("failed {other:?}");
                return;
            }
        }
    }
}

pub async fn read_row<S: Store>(store: &S, row: u64) -> u64 {
    number(&store.get(ROWS, &number_bytes(row)).await.expect("read"))
}

/// Starts the child; `wrap` may put a shell around its command line.
pub fn start(directory: &Path, durability: Durability, shell_prefix: &str) -> Child {
    let program = std::env::current_exe().expect("this program");
    let script = format!("{shell_prefix} exec \"$0\" --exact disk::child::writes_until_it_ends --nocapture");
    Command::new("sh")
        .args(["-c", &script])
        .arg(program)
        .env(DIRECTORY, directory)
        .env(
            DURABILITY,
            if durability == Durability::Os {
                "os"
            } else {
                "sync"
            },
        )
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts")
}

/// What the child said it acknowledged, per row, and its other lines.
pub struct Said {
    pub acknowledged: [u64; ROW_COUNT as usize],
    pub others: Vec<String>,
}

/// Listens until the child ends, killing it after `kill_after` acknowledgements.
pub fn listen(mut child: Child, kill_after: Option<u64>) -> Said {
    let mut said = Said {
        acknowledged: [0; ROW_COUNT as usize],
        others: Vec::new(),
    };
    let mut count = 0;
    let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    for line in lines {
        let line = line.expect("text");
        let mut words = line.split(' ').map(|word| word.parse::<u64>());
        match (words.next(), words.next()) {
            (Some(Ok(task)), Some(Ok(next))) => {
                said.acknowledged[task as usize] = next;
                count += 1;
                if Some(count) == kill_after {
                    child.kill().expect("it runs");
                }
            }
            _ => said.others.push(line),
        }
    }
    child.wait().expect("it ended");
    said
}

/// Panics unless everything acknowledged is there, and every commit is there whole or not at all.
pub async fn check(store: &DiskStore, said: &Said) {
    for row in 0..ROW_COUNT {
        let stored = read_row(store, row).await;
        let acknowledged = said.acknowledged[row as usize];
        // One more may have become durable before it could be acknowledged.
        assert!(
            stored == acknowledged || stored == acknowledged + 1,
            "row {row} holds {stored} and {acknowledged} was acknowledged"
        );
        let other = number(&store.get(OTHERS, &number_bytes(row)).await.expect("read"));
        let counter = number(&store.get(COUNTERS, &number_bytes(row)).await.expect("read"));
        let records = read_all(store, LOGS, &number_bytes(row), &number_bytes(row + 1))
            .await
            .len() as u64;
        assert_eq!([other, counter, records], [stored; 3], "row {row} holds {stored}");
    }
}
