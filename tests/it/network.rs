//! What can happen to a request and to a response between two sockets, and the exit status.

mod early;
mod framing;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod preload;

/// Interim responses, which are not the response.
const INTERIM: [&str; 2] = [
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n",
];
