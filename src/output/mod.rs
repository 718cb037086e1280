//! An answer reaches the user: the only room that writes standard output and standard error.
//!
//! It knows no JSON it does not print.

mod notes;
mod printer;
mod progress;
mod stdout;
mod target;
mod visible;

pub use self::notes::Notes;
pub use self::printer::Printer;
pub use self::stdout::Stdout;
pub use self::target::Target;
