//! What is too large is refused by name and changes nothing.

use std::sync::Arc;

use store::{Batch, Decision, Declared, Store, StoreError};

use crate::support::*;

pub async fn limits_are_refused_by_name<S: Store>(store: Arc<S>) {
    let limits = store.limits();
    assert!(limits.key_bytes_max >= 8 * 1024);
    assert!(limits.value_bytes_max >= 1024 * 1024);
    assert!(limits.batch_bytes_max >= 160 * 1024 * 1024);

    let marker = key(OTHERS, "marker");
    type Fill = Box<dyn Fn(&mut Batch, usize)>;
    let cases: Vec<(&str, usize, Fill)> = vec![
        (
            "key",
            limits.key_bytes_max,
            Box::new(|batch, size| batch.put(key(ROWS, vec![7; size]), "value")),
        ),
        (
            "key",
            limits.key_bytes_max,
            Box::new(|batch, size| batch.delete(key(ROWS, vec![7; size]))),
        ),
        (
            "key",
            limits.key_bytes_max,
            Box::new(|batch, size| batch.add(key(COUNTERS, vec![7; size]), 1)),
        ),
        (
            "key",
            limits.key_bytes_max,
            Box::new(|batch, size| batch.append(LOGS, vec![7; size - 8], "value")),
        ),
        (
            "value",
            limits.value_bytes_max,
            Box::new(|batch, size| batch.put(key(ROWS, "value"), vec![7; size])),
        ),
        (
            "value",
            limits.value_bytes_max,
            Box::new(|batch, size| batch.append(LOGS, b"log".to_vec(), vec![7; size])),
        ),
    ];
    for (what, limit, fill) in cases {
        let mut fits = Batch::new();
        fill(&mut fits, limit);
        write(&*store, Declared::default(), fits).await;

        let mut too_large = Batch::new();
        too_large.put(marker.clone(), "half");
        fill(&mut too_large, limit + 1);
        assert_refused(&*store, too_large, what).await;
    }
    let long = key(ROWS, vec![7; limits.key_bytes_max]);
    assert!(
        store.get(ROWS, &long.bytes).await.expect("read").is_none(),
        "deleted last"
    );

    let mut batch = Batch::new();
    let value = bytes::Bytes::from(vec![1; limits.value_bytes_max]);
    for index in 0..limits.batch_bytes_max / limits.value_bytes_max {
        batch.put(key(ROWS, number_bytes(index as u64)), value.clone());
    }
    batch.put(marker.clone(), "half");
    assert!(batch.size_bytes() > limits.batch_bytes_max);
    assert_refused(&*store, batch, "batch").await;

    let declared = exclusive([key(ROWS, vec![7; limits.key_bytes_max + 1])]);
    let refused = store.commit(declared, |_| Decision::<(), ()>::Replan).await;
    assert!(
        matches!(refused, Err(StoreError::TooLarge { what: "key", .. })),
        "{refused:?}"
    );
    assert_eq!(store.get(OTHERS, b"marker").await.expect("read"), None);
}

async fn assert_refused<S: Store>(store: &S, batch: Batch, expected: &str) {
    let refused = store
        .commit(Declared::default(), move |_| {
            Decision::<(), ()>::Commit(batch.clone(), ())
        })
        .await;
    match refused {
        Err(StoreError::TooLarge {
            what,
            size_bytes,
            max_bytes,
        }) => {
            assert_eq!(what, expected);
            assert!(size_bytes > max_bytes);
        }
        other => panic!("{other:?}"),
    }
}
