//! Transfers between the counted items, by transactions: what is taken from one is given to the
//! other, once, and whoever reads all of them at once finds nothing missing.

use std::sync::atomic::Ordering;

use api::types::{
    Get, TransactGetItem, TransactGetItemsInput, TransactWriteItem, TransactWriteItemsInput, Update,
};
use api::{AttributeMap, DynamoDb, ErrorKind};
use fastrand::Rng;
use store::Store;

use super::{COUNTED, PARTITIONS, Shared, TABLE, integer, key, number_of};
use crate::random::chance;
use crate::value::{Attributes, to_map};

/// What an item may owe.
const OWED_MAX: i64 = 50;

fn change(place: (usize, i64), by: i64, condition: Option<&str>) -> TransactWriteItem {
    let mut values = Attributes::from([(":by".to_owned(), integer(by)), (":zero".to_owned(), integer(0))]);
    if condition.is_some() {
        values.insert(":least".to_owned(), integer(by.abs() - OWED_MAX));
    }
    TransactWriteItem {
        update: Some(Update {
            table_name: TABLE.to_owned(),
            key: to_map(&key(place.0, place.1)),
            update_expression: "SET balance = if_not_exists(balance, :zero) + :by".to_owned(),
            condition_expression: condition.map(str::to_owned),
            expression_attribute_values: Some(to_map(&values)),
            ..Default::default()
        }),
        ..Default::default()
    }
}

impl<S: Store> Shared<S> {
    /// Moves an amount from one item to another, perhaps under a token and twice.
    pub(super) async fn transfer(&self, rng: &mut Rng) {
        let mut place = || (rng.usize(..PARTITIONS.len()), rng.i64(0..COUNTED));
        let (from, to) = (place(), place());
        if from == to {
            return;
        }
        let amount = rng.i64(1..20);
        let is_repeated = chance(rng, 30);
        let input = TransactWriteItemsInput {
            transact_items: vec![
                change(
                    from,
                    -amount,
                    Some("attribute_not_exists(balance) OR balance >= :least"),
                ),
                change(to, amount, None),
            ],
            client_request_token: is_repeated.then(|| format!("{:x}", rng.u128(..))),
            ..Default::default()
        };
        let first = self.engine.transact_write_items(&self.context, input.clone());
        let outcome = if is_repeated {
            // Both at once: one of them makes the transfer, or none does.
            let second = self.engine.transact_write_items(&self.context, input);
            let (first, second) = futures_util::future::join(first, second).await;
            first.or(second)
        } else {
            first.await
        };
        match outcome {
            Ok(_) => {
                self.ledger(from.0, from.1)
                    .balance
                    .fetch_sub(amount, Ordering::SeqCst);
                self.ledger(to.0, to.1)
                    .balance
                    .fetch_add(amount, Ordering::SeqCst);
            }
            Err(error) => assert_eq!(error.kind, ErrorKind::TransactionCanceledException, "{error}"),
        }
    }

    /// Reads all counted items at one moment.
    pub(super) async fn read_balances(&self) {
        let places =
            (0..PARTITIONS.len()).flat_map(|partition| (0..COUNTED).map(move |sort| (partition, sort)));
        let transact_items = places
            .map(|(partition, sort)| TransactGetItem {
                get: Get {
                    table_name: TABLE.to_owned(),
                    key: to_map(&key(partition, sort)),
                    projection_expression: Some("balance".to_owned()),
                    ..Default::default()
                },
            })
            .collect();
        let input = TransactGetItemsInput {
            transact_items,
            ..Default::default()
        };
        let answer = self
            .engine
            .transact_get_items(&self.context, input)
            .await
            .expect("reads");
        let items: Vec<Option<AttributeMap>> = answer
            .responses
            .into_iter()
            .flatten()
            .map(|response| response.item)
            .collect();
        let balances: Vec<i64> = items
            .iter()
            .map(|item| number_of(item.as_ref(), "balance"))
            .collect();
        assert_eq!(
            balances.iter().sum::<i64>(),
            0,
            "something is missing: {balances:?}"
        );
        assert!(
            balances.iter().all(|balance| -OWED_MAX <= *balance),
            "{balances:?}"
        );
    }

    /// Whether an item holds what was given to it and not taken.
    pub(super) fn check_balance(&self, partition: usize, sort: i64, item: Option<&AttributeMap>) {
        let balance = self.ledger(partition, sort).balance.load(Ordering::SeqCst);
        assert_eq!(number_of(item, "balance"), balance, "every transfer is made once");
    }
}
