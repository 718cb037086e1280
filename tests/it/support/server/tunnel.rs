//! What a proxy does besides responding: the greeting of SOCKS5, and passing bytes on.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpStream};

use rustix::event::{PollFd, PollFlags, poll};

use super::wire::Wire;
use super::{Request, Shared};

/// Passes on bytes from either side until the far side ends. A side that does not read does not
/// block the other.
pub fn tunnel(wire: &mut dyn Wire, to: SocketAddr) -> io::Result<()> {
    let mut far = TcpStream::connect(to)?;
    far.set_nonblocking(true)?;
    let mut buffer = vec![0; 64 * 1024];
    let (mut pending, mut far_listens) = (Vec::new(), true);
    loop {
        let takes = |wanted: bool, flag| if wanted { flag } else { PollFlags::empty() };
        let near = takes(far_listens && pending.is_empty(), PollFlags::IN);
        let to_far = PollFlags::IN | takes(!pending.is_empty(), PollFlags::OUT);
        let mut fds = [PollFd::new(&far, to_far), PollFd::from_borrowed_fd(fd(wire), near)];
        poll(&mut fds, None)?;
        let [from_far, from_near] = fds.map(|fd| fd.revents());
        if from_far.contains(PollFlags::OUT) {
            // A far side that no longer reads may still have sent something.
            let written = far.write(&pending).unwrap_or_else(|_| {
                far_listens = false;
                pending.len()
            });
            pending.drain(..written);
        }
        if from_far.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR) {
            match far.read(&mut buffer)? {
                0 => return wire.finish(),
                n => wire.write_all(&buffer[..n])?,
            }
        } else if near == PollFlags::IN && !from_near.is_empty() {
            match wire.read(&mut buffer)? {
                0 => {
                    far_listens = false;
                    far.shutdown(Shutdown::Write)?;
                }
                n => pending.extend_from_slice(&buffer[..n]),
            }
        }
    }
}

fn fd(wire: &dyn Wire) -> std::os::fd::BorrowedFd<'_> {
    std::os::fd::AsFd::as_fd(wire.tcp())
}

/// Accepts any client, with or without a user and a password, and reports that it is connected.
pub fn greet_socks5(wire: &mut dyn Wire, shared: &Shared) -> io::Result<()> {
    let mut received = Request { method: "SOCKS5".to_owned(), ..Request::default() };
    let [version, methods] = read(wire)?;
    assert_eq!(version, 5, "the version of SOCKS");
    let methods = read_some(wire, methods)?;
    let password = methods.contains(&2);
    wire.write_all(&[5, if password { 2 } else { 0 }])?;
    if password {
        let [_, length] = read(wire)?;
        let user = read_some(wire, length)?;
        let [length] = read(wire)?;
        let password = read_some(wire, length)?;
        for (key, value) in [("user", user), ("password", password)] {
            received.headers.push((key.to_owned(), String::from_utf8_lossy(&value).into_owned()));
        }
        wire.write_all(&[1, 0])?;
    }
    let [_, command, _, kind] = read(wire)?;
    assert_eq!(command, 1, "to connect is what is asked of a proxy");
    let host = match kind {
        1 => IpAddr::from(Ipv4Addr::from(read::<4>(wire)?)).to_string(),
        4 => IpAddr::from(Ipv6Addr::from(read::<16>(wire)?)).to_string(),
        3 => {
            let [length] = read(wire)?;
            format!("name {}", String::from_utf8_lossy(&read_some(wire, length)?))
        }
        other => panic!("an address of kind {other}"),
    };
    received.path = format!("{host} {}", u16::from_be_bytes(read(wire)?));
    shared.lock().requests.push(received);
    wire.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 0])
}

fn read<const N: usize>(wire: &mut dyn Wire) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    wire.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn read_some(wire: &mut dyn Wire, length: u8) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length.into()];
    wire.read_exact(&mut bytes)?;
    Ok(bytes)
}
