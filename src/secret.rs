//! Text that must not be shown.

use std::fmt;

/// A secret: `Debug` hides it, and it has no `Display`. What needs the text itself says so with
/// [`Secret::reveal`].
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret<T = String>(T);

impl<T> Secret<T> {
    /// Keeps a value out of every message.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, for the request that carries it and for masking it.
    pub fn reveal(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}
