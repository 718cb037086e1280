//! Files that may not be read, also where the tests run as root.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;

use rustix::thread::{CapabilitySet, remove_capability_from_bounding_set};

use super::env::Env;

impl Env {
    /// A file that only root may read.
    pub fn write_unreadable(&self, name: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
        let path = self.write(name, bytes);
        fs::set_permissions(path, Permissions::from_mode(0o000)).expect("it is ours");
    }
}

/// Children that this starts are held to the permissions of files like anybody else. Root passes over
/// them by two capabilities; a thread can give them up for the programs it will start.
pub fn powerless<T: Send>(test: impl FnOnce() -> T + Send) -> T {
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
