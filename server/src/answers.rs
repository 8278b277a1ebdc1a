//! The memory for large answers, from their being made until their clients have taken them.
//!
//! An operation that may answer much takes its share before it begins. A small answer gives it back
//! at once, a large one keeps what it needs until its last byte is sent. An operation whose answers
//! are small as a rule takes none before, only for an answer that turns out large: so beside what is
//! set aside there may be one answer of up to half a megabyte for each connection.

use crate::config::ServerConfig;
use crate::memory::{Memory, Share};
use crate::reply::Reply;
use crate::timed_io::{Clock, Overdue};

/// Answers up to this size, in bytes, are not counted.
const SMALL_ANSWER_BYTES: usize = 64 * 1024;

/// How large an operation's answers become, in bytes of the items in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerBytes {
    /// What the operation can do with, where it can leave a rest to another request; else as `most`.
    pub least: usize,
    /// What it answers where there is room.
    pub most: usize,
}

/// Operations whose answers are below this take no share before they begin.
const LARGE_ANSWER_BYTES: usize = 1024 * 1024;

/// The memory that an answer takes for each byte of its items: the items, and their text in JSON.
fn memory_bytes(answer_bytes: usize) -> usize {
    answer_bytes / 2 * 5
}

/// Room for an answer.
#[derive(Debug)]
pub(crate) struct Room {
    /// How large the answer may be, in bytes of its items.
    pub answer_bytes_max: usize,
    share: Option<Share>,
}

impl Room {
    /// For an answer that is small.
    pub const SMALL: Room = Room {
        answer_bytes_max: usize::MAX,
        share: None,
    };
}

/// The memory that all answers share.
#[derive(Debug)]
pub(crate) struct Answers(Memory);

/// The largest answer that there is: that of BatchGetItem, in bytes of its items.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

impl Answers {
    pub fn new(config: &ServerConfig) -> Self {
        let least_bytes = memory_bytes(ANSWER_BYTES_MAX);
        Answers(Memory::new(config.max_answer_bytes_total.max(least_bytes)))
    }

    /// How much memory large answers take, and how much they may take, in bytes.
    pub fn used_bytes(&self) -> (usize, usize) {
        self.0.used_bytes()
    }

    /// Waits for room for an answer.
    pub async fn room(&self, answer: AnswerBytes, clock: &Clock) -> Result<Room, Overdue> {
        let AnswerBytes { least, most } = answer;
        if most < LARGE_ANSWER_BYTES {
            return Ok(Room::SMALL);
        }
        let (answer_bytes_max, share) = match self.0.share_now(memory_bytes(most)) {
            Some(share) => (most, share),
            None => (least, self.0.share(memory_bytes(least), clock).await?),
        };
        Ok(Room {
            answer_bytes_max,
            share: Some(share),
        })
    }

    /// The same answer, which from now on takes the memory that it needs and no more.
    pub async fn hold(&self, mut reply: Reply, clock: &Clock) -> Result<Reply, Overdue> {
        let room = std::mem::replace(&mut reply.room, Room::SMALL);
        let body_bytes = reply.body.len();
        if body_bytes <= SMALL_ANSWER_BYTES {
            return Ok(reply);
        }
        let share = match room.share {
            // Text that JSON writes in more bytes than usual keeps what was taken for it.
            Some(mut share) => {
                share.shrink(body_bytes);
                share
            }
            None => self.0.share(body_bytes, clock).await?,
        };
        reply.body = share.charge(reply.body);
        Ok(reply)
    }
}
