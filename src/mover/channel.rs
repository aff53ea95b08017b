//! One TLS connection between two movers, and how it is opened, closed from another thread, and found dead.
//!
//! Carries frames; knows nothing of passes.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection, StreamOwned};
use socket2::{SockRef, TcpKeepalive};

use super::fail::{self, Result};
use super::tls;
use super::wire::{self, Message};

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A peer whose machine is gone is given up after this long without an answer to anything.
const DEAD_AFTER: Duration = Duration::from_secs(30);
const BUFFER_BYTES: usize = 256 << 10;

/// TLS takes 4 KiB at a time from its socket; this takes more and keeps the rest.
struct Socket {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
    taken: usize,
}

impl Read for Socket {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.taken == self.filled {
            self.filled = self.stream.read(&mut self.buffer)?;
            self.taken = 0;
        }
        let count = into.len().min(self.filled - self.taken);
        into[..count].copy_from_slice(&self.buffer[self.taken..self.taken + count]);
        self.taken += count;
        Ok(count)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.stream.write(bytes)
    }

    fn write_vectored(&mut self, parts: &[std::io::IoSlice<'_>]) -> std::io::Result<usize> {
        self.stream.write_vectored(parts)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}

trait Duplex: Read + Write + Send {}

impl<T: Read + Write + Send> Duplex for T {}

/// One connection.
pub struct Channel {
    stream: Box<dyn Duplex>,
    socket: TcpStream,
    /// Bytes of frames that were sent on it.
    pub sent: u64,
}

impl Channel {
    /// Connects to a target end.
    pub fn connect(address: SocketAddr, config: &Arc<ClientConfig>) -> Result<Channel> {
        let broken = |error: std::io::Error| fail::peer(format!("connecting to `{address}`: {error}"));
        let stream = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT).map_err(broken)?;
        let (socket, keep) = prepare(stream).map_err(broken)?;
        let mut tls = ClientConnection::new(Arc::clone(config), tls::name_of(address.ip()))
            .map_err(|error| fail::peer(format!("connecting to `{address}`: {error}")))?;
        tls.set_buffer_limit(Some(BUFFER_BYTES));
        let mut stream = StreamOwned::new(tls, socket);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).map_err(broken)?;
        }
        Channel::settled(Box::new(stream), keep).map_err(broken)
    }

    /// Takes in a connection at the target end.
    pub fn accept(stream: TcpStream, config: &Arc<ServerConfig>) -> Result<Channel> {
        let broken = |error: std::io::Error| tls::broken(&error);
        let (socket, keep) = prepare(stream).map_err(broken)?;
        let mut tls = ServerConnection::new(Arc::clone(config)).map_err(|error| fail::peer(error.to_string()))?;
        tls.set_buffer_limit(Some(BUFFER_BYTES));
        let mut stream = StreamOwned::new(tls, socket);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).map_err(broken)?;
        }
        Channel::settled(Box::new(stream), keep).map_err(broken)
    }

    fn settled(stream: Box<dyn Duplex>, socket: TcpStream) -> std::io::Result<Channel> {
        // The first frame must still come soon, see `Channel::wait_for_ever`.
        socket.set_read_timeout(Some(HANDSHAKE_TIMEOUT))?;
        Ok(Channel { stream, socket, sent: 0 })
    }

    /// Lets the other end take its time from now on; whether it is alive is found out by the kernel.
    pub fn wait_for_ever(&self) -> Result<()> {
        self.socket.set_read_timeout(None).map_err(|error| tls::broken(&error))
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

    /// Receives a frame; its content goes into the buffer.
    pub fn receive(&mut self, content: &mut Vec<u8>) -> Result<Message> {
        wire::read(&mut *self.stream, content)
    }
}

fn prepare(stream: TcpStream) -> std::io::Result<(Socket, TcpStream)> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(HANDSHAKE_TIMEOUT))?;
    let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(10)).with_interval(Duration::from_secs(5)).with_retries(4);
    let options = SockRef::from(&stream);
    options.set_tcp_keepalive(&keepalive)?;
    options.set_tcp_user_timeout(Some(DEAD_AFTER))?;
    let keep = stream.try_clone()?;
    let socket = Socket { stream, buffer: vec![0; BUFFER_BYTES], filled: 0, taken: 0 };
    Ok((socket, keep))
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
