//! How large answers become, for those who have to set memory aside for them.

use api::Operation;
use model::limits::{
    BATCH_GET_BYTES_MAX, BATCH_STATEMENTS_MAX, ITEM_BYTES_MAX, PAGE_BYTES_MAX, TRANSACTION_BYTES_MAX,
};

/// How large the answers of an operation become, in bytes of the items in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerBytes {
    /// What the operation can do with, where it can leave a rest to another request; else as `most`.
    pub least: usize,
    /// What it answers where [`api::Context::answer_bytes_max`] allows it.
    pub most: usize,
}

/// How large the answers of `operation` become.
pub fn answer_bytes(operation: Operation) -> AnswerBytes {
    let (least, most) = match operation {
        Operation::BatchGetItem => (PAGE_BYTES_MAX, BATCH_GET_BYTES_MAX),
        Operation::Query | Operation::Scan | Operation::ExecuteStatement | Operation::GetRecords => {
            (PAGE_BYTES_MAX, PAGE_BYTES_MAX)
        }
        Operation::TransactGetItems | Operation::ExecuteTransaction => {
            (TRANSACTION_BYTES_MAX, TRANSACTION_BYTES_MAX)
        }
        Operation::BatchExecuteStatement => {
            let most = BATCH_STATEMENTS_MAX * ITEM_BYTES_MAX;
            (most, most)
        }
        // An item, or what is known of a table.
        _ => (ITEM_BYTES_MAX, ITEM_BYTES_MAX),
    };
    AnswerBytes { least, most }
}
