//! What is known of one server under one workload, round by round, and what it comes to.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::load::{self, Outcome};
use crate::statistics::{median, range};

/// One round: a short load on one server.
#[derive(Debug)]
pub struct Round {
    pub outcome: Outcome,
    /// Processor time of the server in this round, where the system tells.
    pub server_cpu: Option<Duration>,
    /// Processor time of the load generator in this round, where the system tells.
    pub client_cpu: Option<Duration>,
}

impl Round {
    /// The server's processor time per request, in microseconds.
    pub fn server_cpu_us_per_request(&self) -> Option<f64> {
        Some(self.server_cpu?.as_secs_f64() * 1e6 / self.outcome.answered.max(1) as f64)
    }

    /// The load generator's processor time per request, in microseconds.
    pub fn client_cpu_us_per_request(&self) -> Option<f64> {
        Some(self.client_cpu?.as_secs_f64() * 1e6 / self.outcome.answered.max(1) as f64)
    }
}

/// All rounds of one server under one workload.
#[derive(Debug)]
pub struct Measurement {
    /// The server's name, as results and the table have it.
    pub server: &'static str,
    pub rounds: Vec<Round>,
}

impl Measurement {
    pub fn new(server: &'static str) -> Self {
        Measurement {
            server,
            rounds: Vec::new(),
        }
    }

    /// The median of the rounds.
    pub fn requests_per_second(&self) -> f64 {
        let rates: Vec<f64> = self.rates().collect();
        median(&rates).unwrap_or_default()
    }

    fn rates(&self) -> impl Iterator<Item = f64> {
        self.rounds
            .iter()
            .map(|round| round.outcome.requests_per_second())
    }

    /// The latencies of all rounds.
    pub fn latencies(&self) -> Histogram<u64> {
        let mut all = load::histogram();
        for round in &self.rounds {
            // All histograms here are made by the same function.
            let _same_bounds = all.add(&round.outcome.latencies);
        }
        all
    }

    /// The median of the server's processor time per request, in microseconds.
    pub fn server_cpu_us_per_request(&self) -> Option<f64> {
        let times: Option<Vec<f64>> = self.rounds.iter().map(Round::server_cpu_us_per_request).collect();
        median(&times?)
    }

    /// This server's rate as a part of `limit`'s.
    ///
    /// Each round is compared with the same round of the other server, so that what
    /// disturbs the machine for a while disturbs both sides of a ratio.
    pub fn ratio_to(&self, limit: &Measurement) -> Option<Ratio> {
        let ratios: Vec<f64> = self
            .rates()
            .zip(limit.rates())
            .map(|(own, limit)| own / limit)
            .filter(|ratio| ratio.is_finite())
            .collect();
        let (smallest, largest) = range(&ratios)?;
        Some(Ratio {
            median: median(&ratios)?,
            smallest,
            largest,
        })
    }
}

/// A rate as a part of another, over the rounds.
#[derive(Clone, Copy, Debug)]
pub struct Ratio {
    pub median: f64,
    pub smallest: f64,
    pub largest: f64,
}
