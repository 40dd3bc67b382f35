//! Listening on this machine.

use std::net::Ipv4Addr;

use axum::serve::{ListenerExt, TapIo};
use tokio::net::{TcpListener, TcpStream};

/// Accepts connections from this machine.
pub type Listener = TapIo<TcpListener, fn(&mut TcpStream)>;

/// Listens on `port` of the loopback interface; 0 is any free one.
///
/// # Errors
///
/// If the port is taken.
pub async fn listen(port: u16) -> std::io::Result<Listener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    Ok(listener.tap_io(send_at_once))
}

/// Without this, the end of a reply in several segments waits until the other
/// side has acknowledged the beginning, which it may put off for 40 ms.
fn send_at_once(stream: &mut TcpStream) {
    // A connection that is broken already tells so when it is used.
    let _ = stream.set_nodelay(true);
}
