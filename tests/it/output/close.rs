//! Closing standard output: some file systems report a failed write only then.

use crate::support::{Env, Server, four, streamed};

/// A library whose close(2) fails for the file that `FAILS` names, as a quota does.
const SHIM: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
int close(int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "close");
    const char *path = getenv("FAILS");
    struct stat named, closed;
    int fails = path && !stat(path, &named) && !fstat(fd, &closed)
        && named.st_ino == closed.st_ino && named.st_dev == closed.st_dev;
    int result = real(fd);
    if (!fails) return result;
    errno = EDQUOT;
    return -1;
}
"#;

#[test]
fn a_write_that_fails_only_at_the_close_is_a_local_error() {
    let env = Env::new();
    let shim = env.preloadable(SHIM);
    let error = "xask: error: standard output: disk quota exceeded\n";
    for (flags, response) in [("", four()), ("--json", four()), ("--stream", streamed(&["Four."]))]
    {
        let server = Server::respond(response);
        let run = env.sh(&format!("xask {flags} hi >out")).server(&server);
        let run = run.env("LD_PRELOAD", &shim).env("FAILS", env.path("out"));
        run.case(flags).stderr(error).code(1);
    }
}
