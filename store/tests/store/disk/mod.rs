//! What the disk store promises beyond the contract.

mod child;
mod damage;
mod durability;
mod failures;
mod opening;
mod pressure;
