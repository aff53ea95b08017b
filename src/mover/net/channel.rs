//! One TLS connection between two movers, and how it is opened, closed from another thread, and found dead.
//!
//! Carries frames; knows nothing of passes.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustls::client::UnbufferedClientConnection;
use rustls::server::UnbufferedServerConnection;
use rustls::{ClientConfig, ServerConfig};
use socket2::{SockRef, TcpKeepalive};

use super::stream::{Socket, Stream, TlsSide};
use super::tls;
use super::wire::{self, Message};
use crate::mover::disk::buffer::Buffer;
use crate::mover::ground::fail::{self, Result};

/// How long a handshake may take in all: that with a target end, which may have much to do.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// The same with somebody who connects to a target end, and may be anybody.
const STRANGER_TIMEOUT: Duration = Duration::from_secs(3);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A peer whose machine is gone is given up after this long without an answer to anything.
const DEAD_AFTER: Duration = Duration::from_secs(30);

trait Duplex: Read + Write + Send {}

impl<T: Read + Write + Send> Duplex for T {}

/// One connection.
pub struct Channel {
    stream: Box<dyn Duplex>,
    socket: TcpStream,
    is_settled: Arc<AtomicBool>,
    /// Bytes of frames that were sent on it.
    pub sent: u64,
}

impl Channel {
    /// Connects to a target end.
    pub fn connect(address: SocketAddr, config: &Arc<ClientConfig>) -> Result<Channel> {
        let broken = |error: std::io::Error| fail::peer(format!("connecting to `{address}`: {error}"));
        let stream = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT).map_err(broken)?;
        let side = UnbufferedClientConnection::new(Arc::clone(config), tls::name_of(address.ip()));
        let side = side.map_err(|error| fail::peer(format!("connecting to `{address}`: {error}")))?;
        Channel::open(side, stream, HANDSHAKE_TIMEOUT).map_err(broken)
    }

    /// Takes in a connection at the target end.
    pub fn accept(stream: TcpStream, config: &Arc<ServerConfig>) -> Result<Channel> {
        let side = UnbufferedServerConnection::new(Arc::clone(config)).map_err(|error| fail::peer(error.to_string()))?;
        Channel::open(side, stream, STRANGER_TIMEOUT).map_err(|error| tls::broken(&error))
    }

    fn open<S: TlsSide + 'static>(side: S, stream: TcpStream, within: Duration) -> std::io::Result<Channel> {
        prepare(&stream)?;
        let keep = stream.try_clone()?;
        let (socket, is_settled) = Socket::new(stream, within);
        Ok(Channel { stream: Box::new(Stream::open(side, socket)?), socket: keep, is_settled, sent: 0 })
    }

    /// Lets the other end take its time between frames from now on; whether it is alive is found out by the kernel.
    pub fn wait_for_ever(&self) -> Result<()> {
        self.is_settled.store(true, Ordering::Relaxed);
        self.socket.set_read_timeout(Some(DEAD_AFTER)).map_err(|error| tls::broken(&error))
    }

    /// Returns a handle by which another thread can close the connection.
    pub fn closer(&self) -> Result<Closer> {
        self.socket.try_clone().map(Closer).map_err(|error| tls::broken(&error))
    }

    /// Sends a frame, to the last byte.
    pub fn send(&mut self, message: &Message, content: &[u8]) -> Result<()> {
        self.send_parts(message, &[content])
    }

    /// Sends a frame whose content is in several places.
    pub fn send_parts(&mut self, message: &Message, parts: &[&[u8]]) -> Result<()> {
        self.sent += wire::write(&mut *self.stream, message, parts)?;
        self.stream.flush().map_err(|error| tls::broken(&error))
    }

    /// Sends a frame whose content of this length was compressed.
    pub fn send_compressed(&mut self, message: &Message, content_bytes: usize, compressed: &[u8]) -> Result<()> {
        self.sent += wire::write_compressed(&mut *self.stream, message, content_bytes, compressed)?;
        self.stream.flush().map_err(|error| tls::broken(&error))
    }

    /// Receives a frame; its content goes into the buffer.
    pub fn receive(&mut self, content: &mut Buffer) -> Result<Message> {
        wire::read(&mut *self.stream, content)
    }
}

fn prepare(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(10)).with_interval(Duration::from_secs(5)).with_retries(4);
    let options = SockRef::from(stream);
    options.set_tcp_keepalive(&keepalive)?;
    options.set_tcp_user_timeout(Some(DEAD_AFTER))
}

/// Closes a connection from another thread than the one that waits on it.
#[derive(Debug)]
pub struct Closer(TcpStream);

impl Closer {
    /// Closes it, both ways.
    pub fn close(&self) {
        // It may be closed already, which is as good.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}
