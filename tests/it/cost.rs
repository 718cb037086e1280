//! What a run costs, measured without a clock: system calls and memory, with generous limits.
//! How long it takes is measured in `benches/`.

use crate::support::images::MAX_IMAGE;
use crate::support::tls::trusted;
use crate::support::{Env, Gate, Run, Script, Server, four, skip};

/// A prompt, the most memory it may take in KiB, and the most system calls.
struct Case {
    scheme: &'static str,
    args: &'static [&'static str],
    peak: u64,
    calls: usize,
}

const TEXT: &[&str] = &["What is 2 + 2?"];
const IMAGE: &[&str] = &["What is this?", "--image", "large.png"];

/// A debug build is a large program, and its pages count.
const PROGRAM: u64 = if cfg!(debug_assertions) { 6 << 10 } else { 0 };

const CASES: [Case; 4] = [
    Case { scheme: "http", args: TEXT, peak: PROGRAM + (5 << 10), calls: 100 },
    Case { scheme: "https", args: TEXT, peak: PROGRAM + (6 << 10), calls: 130 },
    Case { scheme: "http", args: IMAGE, peak: PROGRAM + (5 << 10), calls: 700 },
    Case { scheme: "https", args: IMAGE, peak: PROGRAM + (6 << 10), calls: 1000 },
];

impl Case {
    /// A server that plays a script, and a run of `program` that uses it.
    fn begin(&self, script: Script, program: impl FnOnce(&Env) -> Run) -> (Env, Server, Run) {
        let (env, authority) = trusted();
        env.sparse_png("large.png", MAX_IMAGE);
        let server = match self.scheme {
            "http" => Server::play([script]),
            _ => Server::play_tls(&authority.sign(), [script]),
        };
        let run = program(&env).server(&server).key("k").env("SSL_CERT_FILE", "ca.pem");
        let run = run.case(self.scheme).stdout("Four.\n");
        (env, server, run)
    }
}

#[test]
fn neither_tls_nor_an_image_takes_much_memory() {
    for case in CASES {
        let (arrived, go) = (Gate::new(), Gate::new());
        let script = Script::new().weigh().open(&arrived).wait(&go).send(four());
        let (_env, _server, run) = case.begin(script, |env| env.xask(case.args));
        let run = run.spawn();
        arrived.wait();
        let peak = run.peak_kib();
        go.open();
        run.success();
        assert!(peak < case.peak, "{}: {:?}: {peak} KiB", case.scheme, case.args);
    }
}

#[test]
fn a_request_takes_few_system_calls() {
    if !Env::new().sh("command -v strace").stdout_like("").spawn().finish().status.success() {
        return skip("there is no strace");
    }
    if cfg!(not(all(target_os = "linux", target_env = "gnu"))) {
        return skip("another system library makes other calls");
    }
    for case in CASES {
        let traced = |env: &Env| env.sh(r#"strace -f -qq -o calls xask "$@""#).args(["sh"]);
        let script = Script::new().weigh().send(four());
        let (env, _server, run) = case.begin(script, |env| traced(env).args(case.args));
        run.success();
        let calls = String::from_utf8_lossy(&env.read("calls")).lines().count();
        // A lower limit makes sure that this program was counted: it sends a request at least.
        let shown = format!("{}: {:?}: {calls} system calls", case.scheme, case.args);
        assert!((20..case.calls).contains(&calls), "{shown}");
    }
}
