//! Permissions that apply even if the tests run as root.

use std::thread;

use rustix::thread::{CapabilitySet, remove_capability_from_bounding_set};

/// Children started in here are subject to file permissions like those of other users. Root bypasses
/// them by two capabilities; a thread can give them up for the programs it will start.
pub fn unprivileged<T: Send>(test: impl FnOnce() -> T + Send) -> T {
    let test = || {
        for power in [CapabilitySet::DAC_OVERRIDE, CapabilitySet::DAC_READ_SEARCH] {
            // It fails if there are no such capabilities to drop.
            let _ = remove_capability_from_bounding_set(power);
        }
        test()
    };
    let ended = thread::scope(|scope| scope.spawn(test).join());
    ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
