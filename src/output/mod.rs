//! What reaches the user: the only layer that writes to standard output and standard error.

mod error_text;
mod extract;
mod log;
mod masks;
mod output_file;
mod place;
mod printer;
mod progress;
mod reporter;
mod sanitize;
mod signals;
mod sources;
mod stdout;
mod time;

pub use self::extract::extract_code;
pub use self::log::{Log, LogEntry};
pub use self::output_file::OutputFile;
pub use self::place::is_same_file;
pub use self::printer::Printer;
pub use self::progress::Progress;
pub use self::reporter::Reporter;
pub use self::sanitize::one_line;
pub use self::signals::make_size_limit_an_error;
pub use self::sources::source_lines;
pub use self::stdout::Stdout;
