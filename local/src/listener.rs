//! Listens on the loopback interface.

use std::net::Ipv4Addr;

use axum::serve::{ListenerExt, TapIo};
use tokio::net::{TcpListener, TcpStream};

/// Accepts connections from this machine, without Nagle's algorithm.
pub type Listener = TapIo<TcpListener, fn(&mut TcpStream)>;

/// Listens on `port` of the loopback interface; 0 means any free port.
///
/// # Errors
///
/// If the port is in use.
pub async fn listen(port: u16) -> std::io::Result<Listener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    Ok(listener.tap_io(send_at_once))
}

/// Without this, the last segment of a reply waits until the other side acknowledges the
/// segments before it, which it may delay for 40 ms.
fn send_at_once(stream: &mut TcpStream) {
    // A broken connection fails when it is used.
    let _ = stream.set_nodelay(true);
}
