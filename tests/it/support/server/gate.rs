//! The only way in which tests and scripts wait for each other.

use std::sync::{Arc, Condvar, Mutex};

use crate::support::LIMIT;

/// A gate between the test and a script: closed until one of them opens it, open from then on.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn open(&self) {
        let (open, changed) = &*self.0;
        *open.lock().expect("nobody panics at a gate") = true;
        changed.notify_all();
    }

    /// Panics if it is still closed after [`LIMIT`].
    #[track_caller]
    pub fn wait(&self) {
        let (open, changed) = &*self.0;
        let guard = open.lock().expect("nobody panics at a gate");
        let waited = changed.wait_timeout_while(guard, LIMIT, |open| !*open);
        let open = *waited.expect("nobody panics at a gate").0;
        assert!(open, "nobody opened the gate in {LIMIT:?}");
    }

    /// For a wait that only the end of the test ends.
    pub fn wait_as_long_as_it_takes(&self) {
        let (open, changed) = &*self.0;
        let guard = open.lock().expect("nobody panics at a gate");
        drop(changed.wait_while(guard, |open| !*open).expect("nobody panics at a gate"));
    }
}
