//! One TLS connection between two movers, and how it is opened, closed from another thread, and found dead.
//!
//! Carries frames; knows nothing of passes.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection, StreamOwned};
use socket2::{SockRef, TcpKeepalive};

use super::fail::{self, Result};
use super::tls;
use super::wire::{self, Message};

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// However steadily a stranger sends a byte now and then, the first frame must be there by then.
const GREETING_TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A peer whose machine is gone is given up after this long without an answer to anything.
const DEAD_AFTER: Duration = Duration::from_secs(30);
const BUFFER_BYTES: usize = 256 << 10;

/// TLS takes 4 KiB at a time from its socket; this takes more and keeps the rest.
///
/// It also knows whether a record is underway: the other end may be silent between records as long as it likes, but not
/// within one. A length that was changed on the way would else have both ends wait for each other for ever.
struct Socket {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
    taken: usize,
    records: Records,
    opened: Instant,
    /// Whether the first frame has come.
    is_settled: Arc<AtomicBool>,
}

impl Socket {
    fn fill(&mut self) -> std::io::Result<usize> {
        loop {
            let is_settled = self.is_settled.load(Ordering::Relaxed);
            if !is_settled && self.opened.elapsed() > GREETING_TIMEOUT {
                return Err(std::io::ErrorKind::TimedOut.into());
            }
            match self.stream.read(&mut self.buffer) {
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock && is_settled && !self.records.is_underway() => {}
                Err(error) => return Err(error),
                Ok(count) => {
                    self.records.follow(&self.buffer[..count]);
                    return Ok(count);
                }
            }
        }
    }
}

impl Read for Socket {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.taken == self.filled {
            self.filled = self.fill()?;
            self.taken = 0;
        }
        let count = into.len().min(self.filled - self.taken);
        into[..count].copy_from_slice(&self.buffer[self.taken..self.taken + count]);
        self.taken += count;
        Ok(count)
    }
}

/// Where in the stream of TLS records a connection is: each has a head of five bytes, the last two being its length.
#[derive(Debug, Default)]
struct Records {
    head: usize,
    length: usize,
    left: usize,
}

const HEAD_BYTES: usize = 5;

impl Records {
    fn is_underway(&self) -> bool {
        self.head > 0 || self.left > 0
    }

    fn follow(&mut self, mut bytes: &[u8]) {
        while let Some((&first, rest)) = bytes.split_first() {
            if self.left > 0 {
                let taken = self.left.min(bytes.len());
                self.left -= taken;
                bytes = &bytes[taken..];
                continue;
            }
            self.length = (self.length << 8 | usize::from(first)) & 0xffff;
            self.head += 1;
            if self.head == HEAD_BYTES {
                self.head = 0;
                self.left = self.length;
            }
            bytes = rest;
        }
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
    is_settled: Arc<AtomicBool>,
    /// Bytes of frames that were sent on it.
    pub sent: u64,
}

impl Channel {
    /// Connects to a target end.
    pub fn connect(address: SocketAddr, config: &Arc<ClientConfig>) -> Result<Channel> {
        let broken = |error: std::io::Error| fail::peer(format!("connecting to `{address}`: {error}"));
        let stream = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT).map_err(broken)?;
        let (socket, keep) = prepare(stream).map_err(broken)?;
        let is_settled = Arc::clone(&socket.is_settled);
        let mut tls = ClientConnection::new(Arc::clone(config), tls::name_of(address.ip()))
            .map_err(|error| fail::peer(format!("connecting to `{address}`: {error}")))?;
        tls.set_buffer_limit(Some(BUFFER_BYTES));
        let mut stream = StreamOwned::new(tls, socket);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).map_err(broken)?;
        }
        Ok(Channel { stream: Box::new(stream), socket: keep, is_settled, sent: 0 })
    }

    /// Takes in a connection at the target end.
    pub fn accept(stream: TcpStream, config: &Arc<ServerConfig>) -> Result<Channel> {
        let broken = |error: std::io::Error| tls::broken(&error);
        let (socket, keep) = prepare(stream).map_err(broken)?;
        let is_settled = Arc::clone(&socket.is_settled);
        let mut tls = ServerConnection::new(Arc::clone(config)).map_err(|error| fail::peer(error.to_string()))?;
        tls.set_buffer_limit(Some(BUFFER_BYTES));
        let mut stream = StreamOwned::new(tls, socket);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).map_err(broken)?;
        }
        Ok(Channel { stream: Box::new(stream), socket: keep, is_settled, sent: 0 })
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
    let socket = Socket {
        stream,
        buffer: vec![0; BUFFER_BYTES],
        filled: 0,
        taken: 0,
        records: Records::default(),
        opened: Instant::now(),
        is_settled: Arc::default(),
    };
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

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use super::*;

    #[test]
    fn records_are_followed_however_they_are_cut() {
        let stream: Vec<u8> = [0_usize, 1, 300, 5, 16_640]
            .iter()
            .flat_map(|&length| [&[23, 3, 3, (length >> 8) as u8, (length & 0xff) as u8][..], &vec![23; length]].concat())
            .collect();
        for step in [1, 2, 3, 4, 5, 7, 299, 4096, stream.len()] {
            let mut records = Records::default();
            stream.chunks(step).for_each(|chunk| records.follow(chunk));
            assert!(!records.is_underway(), "in steps of {step}");
            records.follow(&stream[..5]);
            assert!(!records.is_underway(), "an empty record is whole");
            records.follow(&stream[5..10]);
            assert!(records.is_underway());
        }
    }

    /// A socket that has its first frame behind it and waits for a moment only, and the other end of it.
    fn settled() -> (Socket, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let other = TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
        let (socket, keep) = prepare(listener.accept().expect("a connection").0).expect("a socket");
        socket.is_settled.store(true, Ordering::Relaxed);
        keep.set_read_timeout(Some(Duration::from_millis(5))).expect("a timeout");
        (socket, other)
    }

    #[test]
    fn silence_within_a_record_breaks_the_connection_and_silence_between_records_does_not() {
        let (mut socket, mut other) = settled();
        let mut into = [0; 64];
        other.write_all(&[23, 3, 3, 0, 2, 1, 2, 23, 3, 3, 0, 9]).expect("sent");
        let mut got = 0;
        while got < 12 {
            got += socket.read(&mut into).expect("what was sent");
        }
        let broken = socket.read(&mut into).expect_err("the rest of the record never comes");
        assert_eq!(broken.kind(), std::io::ErrorKind::WouldBlock);

        let (mut socket, mut other) = settled();
        let waiting = std::thread::spawn(move || {
            let mut into = [0; 64];
            let whole = socket.read(&mut into).expect("a record");
            (whole, socket.read(&mut into).expect("the end, in its own time"))
        });
        other.write_all(&[23, 3, 3, 0, 1, 1]).expect("sent");
        // Many times the timeout; that it is not longer makes the test no stricter, only weaker.
        std::thread::sleep(Duration::from_millis(60));
        drop(other);
        assert_eq!(waiting.join().expect("no panic"), (6, 0));
    }
}
