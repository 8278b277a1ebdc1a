//! The threads that read from the disk, so that no async worker waits for one.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use parking_lot::{Condvar, Mutex};
use tokio::sync::{Semaphore, oneshot};

use crate::StoreError;

type Job = Box<dyn FnOnce() + Send>;

/// A fixed number of threads with a bounded line of jobs in front of them.
#[derive(Debug)]
pub(super) struct Readers {
    line: Arc<Line>,
    /// One permit for each job that may be in line or at work.
    room: Arc<Semaphore>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Default)]
struct Line {
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    closed: bool,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Line")
    }
}

impl Readers {
    pub fn start(threads: usize, queue_max: usize) -> Result<Self, StoreError> {
        let threads_count = threads.max(1);
        let readers = Readers {
            line: Arc::default(),
            room: Arc::new(Semaphore::new(threads_count + queue_max)),
            threads: Mutex::default(),
        };
        for number in 0..threads_count {
            let line = readers.line.clone();
            let thread = spawn(format!("store-read-{number}"), move || line.work())?;
            readers.threads.lock().push(thread);
        }
        Ok(readers)
    }

    /// Does `job` on one of the threads. Dropping the future leaves a job that has begun to its end.
    pub async fn run<T, F>(&self, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let room = self.room.clone().acquire_owned().await;
        let room = room.map_err(|_| StoreError::Closed)?;
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move || {
            let _room = room;
            if !answer.is_closed() {
                // The caller may go away meanwhile.
                let _ = answer.send(job());
            }
        });
        {
            let mut state = self.line.state.lock();
            if state.closed {
                return Err(StoreError::Closed);
            }
            state.jobs.push_back(job);
        }
        self.line.arrived.notify_one();
        answered.await.map_err(|_| StoreError::Closed)
    }

    /// How many jobs wait for a thread.
    pub fn jobs_in_line(&self) -> usize {
        self.line.state.lock().jobs.len()
    }

    /// Finishes what is in line and ends the threads.
    pub fn close(&self) {
        self.line.state.lock().closed = true;
        self.line.arrived.notify_all();
        for thread in self.threads.lock().drain(..) {
            let _ = thread.join();
        }
    }
}

impl Line {
    fn work(&self) {
        while let Some(job) = self.next() {
            // A panic ends the wait of its caller, and nobody else's.
            let _ = catch_unwind(AssertUnwindSafe(job));
        }
    }

    fn next(&self) -> Option<Job> {
        let mut state = self.state.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            if state.closed {
                return None;
            }
            self.arrived.wait(&mut state);
        }
    }
}

/// Starts a thread with a name.
pub(super) fn spawn(
    name: String,
    work: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, StoreError> {
    let what = format!("start the thread {name}");
    let thread = thread::Builder::new().name(name).spawn(work);
    thread.map_err(|error| StoreError::Io {
        what,
        detail: error.to_string(),
    })
}
