//! Programs such as proxychains and torsocks replace functions of the C library.

use crate::support::{Env, KEY, Server};

/// A library whose connect(2) reaches no server.
const SHIM: &str = r"
#include <errno.h>
int connect(int fd, const void *address, unsigned len) {
    (void)fd, (void)address, (void)len;
    errno = ENETUNREACH;
    return -1;
}
";

#[test]
fn a_preloaded_library_can_redirect_connections() {
    let env = Env::new();
    let shim = env.preloadable(SHIM);
    let server = Server::never();
    for (base_url, proxy) in [
        (server.url(), ""),
        (format!("https://{}", server.addr()), ""),
        ("https://api.x.ai/v1".to_owned(), "http"),
        ("https://api.x.ai/v1".to_owned(), "socks5h"),
    ] {
        let address =
            if proxy.is_empty() { String::new() } else { format!("{proxy}://{}", server.addr()) };
        let run = env.ask_at(&base_url, []).key(KEY).case((&base_url, proxy));
        let run = run.env("LD_PRELOAD", &shim).env("https_proxy", address);
        run.fails(6, &["cannot connect to ", "network is unreachable"]);
    }
}
