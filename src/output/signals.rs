//! The one signal whose action is changed.

use std::sync::Arc;

use rustix::process::{Resource, Signal, getrlimit};

/// Makes a write beyond the limit of a file's size (`ulimit -f`) fail with "file too large", where SIGXFSZ
/// would end the process in the middle of it (setrlimit(2)).
pub fn make_size_limit_an_error() {
    // Hardly ever is there a limit.
    if getrlimit(Resource::Fsize).current.is_some() {
        // Without a handler the signal's default action remains.
        let _ = signal_hook::flag::register(Signal::XFSZ.as_raw(), Arc::default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io;
    use std::process::Command;

    /// Set in the process that has a limit.
    const FILE: &str = "XASK_TEST_SIZE_LIMIT";

    #[test]
    fn a_write_beyond_the_limit_is_an_error() {
        if let Some(file) = std::env::var_os(FILE) {
            make_size_limit_an_error();
            let error = fs::write(file, [0; 4096]).expect_err("too large");
            assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
            return;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        let this = std::env::current_exe().expect("this program");
        let name = "output::signals::tests::a_write_beyond_the_limit_is_an_error";
        // In blocks of 512 bytes, or in some shells of 1024.
        let script = "ulimit -f 2; exec \"$0\" --exact \"$1\"";
        let mut run = Command::new("env");
        run.args(["--default-signal=XFSZ", "sh", "-c", script])
            .arg(this)
            .arg(name)
            .env(FILE, &file);
        let output = run.output().expect("a shell");
        assert!(output.status.success(), "{output:?}");
        let len = fs::metadata(file).expect("it was made").len();
        assert!((1..=2048).contains(&len), "{len}");
    }
}
