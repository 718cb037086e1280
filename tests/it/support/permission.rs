//! Permissions that hold, also where the tests run as root.

use std::thread;

use rustix::thread::{CapabilitySet, remove_capability_from_bounding_set};

/// Children that this starts are held to the permissions of files like anybody else. Root passes over
/// them by two capabilities; a thread can give them up for the programs it will start.
pub fn unprivileged<T: Send>(test: impl FnOnce() -> T + Send) -> T {
    let test = || {
        for power in [CapabilitySet::DAC_OVERRIDE, CapabilitySet::DAC_READ_SEARCH] {
            // It fails where there is no such power to lose.
            let _ = remove_capability_from_bounding_set(power);
        }
        test()
    };
    let ended = thread::scope(|scope| scope.spawn(test).join());
    ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
