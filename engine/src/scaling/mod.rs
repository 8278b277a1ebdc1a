//! Application Auto Scaling: provisioned capacity that follows load and clock.
//!
//! Read in this order: [`resource`] (what is scaled), [`record`] (what is kept of it), [`tracking`] (from
//! consumption to capacity), [`schedule`] (when a scheduled action is due), [`step`] (the background work that
//! scales), and then the operations. A target outlives its table, as it does with the service: what is to be
//! scaled then fails, and the activities tell why.

mod actions;
mod activities;
mod policies;
mod record;
mod request;
mod resource;
mod schedule;
mod service;
mod step;
mod tags;
mod targets;
mod tracking;
