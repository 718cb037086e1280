//! How much of a body has been sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How much of a body has been handed to the connection, in bytes; shared with the progress line.
#[derive(Debug, Clone, Default)]
pub struct UploadProgress(Arc<AtomicU64>);

impl UploadProgress {
    /// What has been sent so far.
    pub fn sent(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Adds what was just sent.
    pub fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}
