//! What every store promises, and what the disk store promises beyond that.

mod commits;
mod counters;
mod fault;
mod limits;
mod logs;
mod model;
mod ranges;
mod reads;
mod snapshots;
mod support;

#[cfg(feature = "disk")]
mod disk;

/// Runs each check on each kind of store.
macro_rules! contract {
    ($($module:ident :: $check:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $check() {
                crate::$module::$check(crate::support::memory()).await;
            })*
        }

        mod fault_without_faults {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $check() {
                crate::$module::$check(crate::support::without_faults()).await;
            })*
        }

        #[cfg(feature = "disk")]
        mod disk_sync {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $check() {
                let directory = crate::support::Directory::new();
                crate::$module::$check(crate::support::disk_sync(&directory)).await;
            })*
        }

        #[cfg(feature = "disk")]
        mod disk_os {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $check() {
                let directory = crate::support::Directory::new();
                crate::$module::$check(crate::support::disk_os(&directory)).await;
            })*
        }
    };
}

contract! {
    commits::outcomes,
    commits::operations_apply_in_order,
    commits::no_update_is_lost,
    commits::one_commit_creates_an_absent_key,
    commits::shared_keys_hold_still,
    commits::keys_may_be_declared_more_than_once,
    commits::what_a_refusal_saw_is_published,
    commits::a_batch_is_seen_whole,
    commits::callers_may_go_away,
    commits::a_panic_in_apply_leaves_nothing_behind,
    counters::adds_are_never_lost,
    counters::adds_mix_with_puts,
    limits::limits_are_refused_by_name,
    logs::readers_never_find_anything_older,
    logs::log_end_covers_what_is_published,
    logs::numbers_go_on_after_a_trim,
    model::random_commits_agree_with_a_plain_map,
    ranges::pages_agree_with_a_plain_map,
    ranges::page_limits,
    reads::reads_never_go_back,
    reads::what_is_deleted_is_not_read,
    snapshots::snapshots_hold_still,
    snapshots::snapshots_are_whole,
}
