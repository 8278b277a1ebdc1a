//! The store that breaks on purpose.

use std::sync::Arc;

use store::{Batch, Decision, Fault, FaultStore, Outcome, Read, Store, StoreError};

use crate::support::*;

#[tokio::test]
async fn breaks_at_the_chosen_write() {
    for (fault, found_after) in [(Fault::Lost, 2), (Fault::Unacknowledged, 3), (Fault::Stop, 2)] {
        let inner = memory();
        let store = FaultStore::breaking_at(inner.clone(), 3, fault);
        let row = key(ROWS, "row");
        assert_eq!(increment(&store, row.clone()).await, 1);
        let refused = store.commit(exclusive([row.clone()]), |_| {
            Decision::<(), _>::Abort("counts as no write")
        });
        assert_eq!(
            refused.await.expect("refused"),
            Outcome::Aborted("counts as no write")
        );
        assert_eq!(increment(&store, row.clone()).await, 2);
        assert!(!store.is_broken());

        for _ in 0..2 {
            let target = row.clone();
            let broken = store.commit(exclusive([row.clone()]), move |_| {
                let mut batch = Batch::new();
                batch.put(target.clone(), number_bytes(3));
                Decision::<(), ()>::Commit(batch, ())
            });
            match (fault, broken.await) {
                (Fault::Stop, Err(StoreError::Closed))
                | (Fault::Lost | Fault::Unacknowledged, Err(StoreError::Poisoned(_))) => {}
                (_, other) => panic!("{fault:?}: {other:?}"),
            }
        }
        assert!(store.is_broken());
        assert_eq!(store.writes(), 3);
        assert_eq!(store.get(ROWS, b"row").await.is_ok(), fault != Fault::Stop);
        assert_eq!(store.log_end().await.is_ok(), fault != Fault::Stop);
        assert_eq!(number(&inner.get(ROWS, b"row").await.expect("read")), found_after);
        assert_eq!(increment(&**store.inner(), row).await, found_after + 1);
    }
}

#[tokio::test]
async fn counts_without_breaking() {
    let store = Arc::new(FaultStore::new(memory()));
    for expected in 1..=5 {
        increment(&*store, key(ROWS, "row")).await;
        assert_eq!(store.writes(), expected);
    }
}
