//! One client: a thread that works whenever there is a server.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use fastrand::Rng;

use super::caller::{Caller, Trouble};
use super::clock::Clock;
use super::histories::Histories;
use super::ledger::Ledger;
use super::owned::Owned;
use super::plant::Planter;
use super::site::Site;
use super::{hot_items, hot_lists};

/// What all clients share.
#[derive(Debug)]
pub struct Shared {
    pub site: Site,
    pub histories: Histories,
    pub planter: Arc<Planter>,
    pub clock: Arc<Clock>,
    /// How many steps were taken.
    pub steps: AtomicU64,
    /// What each client knows of its keys.
    pub ledgers: Vec<Arc<Mutex<Ledger>>>,
}

/// Works until there is no more to do, or something is wrong.
pub fn run(shared: &Shared, client: u32, mut random: Rng) {
    let ledger = shared.ledgers[client as usize].clone();
    let mut owned = Owned::new(client, ledger, shared.clock.clone());
    let mut opening = 0;
    let mut last_value = 0;
    while let Some((next, address)) = shared.site.next_opening(opening) {
        opening = next;
        // Where it cannot be reached, it has been killed already.
        let Ok(mut caller) = Caller::open(address, &shared.planter) else {
            continue;
        };
        while shared.site.is_open() {
            let done = match random.u8(..100) {
                0..30 => hot_items::step(
                    client,
                    &mut caller,
                    &mut random,
                    &shared.histories,
                    &mut last_value,
                ),
                30..60 => hot_lists::step(client, &mut caller, &mut random, &shared.histories),
                _ => owned.step(&mut caller, &mut random),
            };
            match done {
                Ok(()) => shared.steps.fetch_add(1, Ordering::Relaxed),
                Err(Trouble::Gone(_)) => break,
                Err(Trouble::Wrong(failure)) => return shared.site.fail(failure),
            };
        }
    }
}
