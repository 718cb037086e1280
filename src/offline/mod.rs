//! Answers without the network: recorded ones, and simulated ones.

mod cache;
mod rehearsal;
mod sample;

pub use self::cache::{CacheEntry, Lookup};
pub use self::rehearsal::Rehearsal;
