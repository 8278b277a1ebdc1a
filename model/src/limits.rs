//! Limits of the service, as named constants.
//!
//! Source, unless said otherwise: the page "Quotas in Amazon DynamoDB" of the developer guide.

/// The largest item, in bytes as the service counts them.
pub const ITEM_BYTES_MAX: usize = 400 * 1024;
/// The largest partition key value (of all partition key attributes together), in bytes.
pub const PARTITION_KEY_BYTES_MAX: usize = 2048;
/// The largest sort key value (of all sort key attributes together), in bytes.
pub const SORT_KEY_BYTES_MAX: usize = 1024;
/// The largest page of a Query or Scan, in bytes read before filtering.
pub const PAGE_BYTES_MAX: usize = 1024 * 1024;
/// How many levels deep an attribute value may nest, the attribute itself included.
pub const NESTING_LEVELS_MAX: usize = 32;
/// The largest answer of BatchGetItem, in bytes; the rest is returned as unprocessed keys.
pub const BATCH_GET_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The largest request body, in bytes.
pub const BATCH_WRITE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How many keys one BatchGetItem may name.
pub const BATCH_GET_KEYS_MAX: usize = 100;
/// Statements of one BatchExecuteStatement.
pub const BATCH_STATEMENTS_MAX: usize = 25;
/// How many writes one BatchWriteItem may hold.
pub const BATCH_WRITE_REQUESTS_MAX: usize = 25;
/// The largest expression, in bytes as sent.
pub const EXPRESSION_BYTES_MAX: usize = 4096;
/// How many operators and functions an expression may hold.
pub const EXPRESSION_OPERATORS_MAX: usize = 300;
/// How many operands IN takes.
pub const IN_OPERANDS_MAX: usize = 100;
/// The names and values of one request's expressions together, in bytes.
pub const EXPRESSION_ATTRIBUTES_BYTES_MAX: usize = 2 * 1024 * 1024;
/// How many global secondary indexes a table may have.
pub const GLOBAL_INDEXES_MAX: usize = 20;
/// How many local secondary indexes a table may have.
pub const LOCAL_INDEXES_MAX: usize = 5;
/// How many attributes a global secondary index's partition key, and again its sort key, may have.
pub const INDEX_KEY_ATTRIBUTES_MAX: usize = 4;
/// How many non-key attributes all indexes of a table may project together.
pub const PROJECTED_ATTRIBUTES_MAX: usize = 100;
/// The largest item collection of a table with local secondary indexes, in bytes.
pub const ITEM_COLLECTION_BYTES_MAX: u64 = 10 * 1024 * 1024 * 1024;
/// How many tags a table may have.
pub const TAGS_MAX: usize = 50;
/// The largest transaction: all its items together, in bytes.
pub const TRANSACTION_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How many significant digits a number may have.
pub const NUMBER_DIGITS_MAX: u32 = 38;
/// The power of ten of the largest number's first digit.
pub const NUMBER_EXPONENT_MAX: i64 = 125;
/// The power of ten of the smallest positive number's first digit.
pub const NUMBER_EXPONENT_MIN: i64 = -130;
/// What one read capacity unit reads, in bytes.
pub const READ_UNIT_BYTES: usize = 4096;
/// What one write capacity unit writes, in bytes.
pub const WRITE_UNIT_BYTES: usize = 1024;

const _: () = assert!(PAGE_BYTES_MAX > 2 * ITEM_BYTES_MAX);
const _: () = assert!(BATCH_GET_BYTES_MAX > BATCH_GET_KEYS_MAX * 1024);
