//! A TCP proxy between two movers that counts what goes through it, and strikes once at a given byte.
//!
//! It knows where TLS records begin, so that it can tell bytes that are protected from those that are not.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal};
use socket2::SockRef;

const BUFFER_BYTES: usize = 16 << 10;

/// In which direction bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    ToTarget,
    ToSource,
}

/// What befalls a connection, once.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Strike {
    /// One bit of a byte that TLS protects.
    Flip { bit: u8 },
    /// All connections break.
    Cut,
    /// A process ends without a word.
    Kill(Pid),
}

struct Shared {
    upstream: Mutex<Option<SocketAddr>>,
    /// At which byte, counted over all connections of its direction.
    armed: Mutex<Option<(Way, u64, Strike)>>,
    to_target: AtomicU64,
    to_source: AtomicU64,
    connections: AtomicU64,
    streams: Mutex<Vec<TcpStream>>,
}

/// A proxy, which takes connections until the test ends.
pub(crate) struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

impl Proxy {
    pub(crate) fn to(upstream: SocketAddr) -> Proxy {
        let proxy = Proxy::to_nowhere();
        proxy.lead_to(upstream);
        proxy
    }

    /// A proxy to a target that is away: connections end at once.
    pub(crate) fn to_nowhere() -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::new(Shared {
            upstream: Mutex::default(),
            armed: Mutex::default(),
            to_target: AtomicU64::new(0),
            to_source: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            streams: Mutex::default(),
        });
        let taking = Arc::clone(&shared);
        std::thread::spawn(move || {
            while let Ok((source, _)) = listener.accept() {
                let upstream = *taking.upstream.lock().expect("no panic");
                let Some(Ok(target)) = upstream.map(TcpStream::connect) else { continue };
                taking.carry(&source, &target);
            }
        });
        Proxy { port, shared }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// Leads further connections elsewhere.
    pub(crate) fn lead_to(&self, upstream: SocketAddr) {
        *self.shared.upstream.lock().expect("no panic") = Some(upstream);
    }

    /// Strikes at the first byte from this one on.
    pub(crate) fn arm(&self, way: Way, at: u64, strike: Strike) {
        *self.shared.armed.lock().expect("no panic") = Some((way, at, strike));
    }

    pub(crate) fn has_struck(&self) -> bool {
        self.shared.armed.lock().expect("no panic").is_none()
    }

    /// How many bytes went this way.
    pub(crate) fn carried(&self, way: Way) -> u64 {
        self.shared.counter(way).load(Ordering::Relaxed)
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn counter(&self, way: Way) -> &AtomicU64 {
        match way {
            Way::ToTarget => &self.to_target,
            Way::ToSource => &self.to_source,
        }
    }

    fn carry(self: &Arc<Self>, source: &TcpStream, target: &TcpStream) {
        self.connections.fetch_add(1, Ordering::Relaxed);
        // What waits in here is counted as sent, so that it must be little.
        for stream in [source, target] {
            let socket = SockRef::from(stream);
            socket.set_recv_buffer_size(BUFFER_BYTES).and_then(|()| socket.set_send_buffer_size(BUFFER_BYTES)).expect("small buffers");
        }
        let copy = |stream: &TcpStream| stream.try_clone().expect("a descriptor");
        self.streams.lock().expect("no panic").extend([copy(source), copy(target)]);
        for (way, from, to) in [(Way::ToTarget, copy(source), copy(target)), (Way::ToSource, copy(target), copy(source))] {
            let shared = Arc::clone(self);
            let _: JoinHandle<()> = std::thread::spawn(move || {
                shared.pump(way, &from, &to);
                // It may be closed already.
                let _ = (from.shutdown(Shutdown::Read), to.shutdown(Shutdown::Write));
            });
        }
    }

    fn pump(&self, way: Way, mut from: &TcpStream, mut to: &TcpStream) {
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut records = Records::default();
        loop {
            let Ok(length @ 1..) = from.read(&mut buffer) else { return };
            let bytes = &mut buffer[..length];
            let after = self.counter(way).fetch_add(length as u64, Ordering::Relaxed) + length as u64;
            let protected = records.protected(bytes);
            match self.strike(way, after, !protected.is_empty()) {
                None => {}
                Some((at, Strike::Flip { bit })) => {
                    let skipped = usize::try_from(at.saturating_sub(after - length as u64)).expect("it is within the buffer");
                    let place = protected.iter().find(|place| place.end > skipped).or(protected.last());
                    let place = place.expect("it strikes only where there is one");
                    bytes[skipped.clamp(place.start, place.end - 1)] ^= 1 << (bit % 8);
                }
                Some((_, Strike::Cut)) => {
                    for stream in self.streams.lock().expect("no panic").drain(..) {
                        // It may be closed already.
                        let _ = stream.shutdown(Shutdown::Both);
                    }
                    return;
                }
                Some((_, Strike::Kill(pid))) => {
                    rustix::process::kill_process(pid, Signal::KILL).expect("it is our child");
                    return;
                }
            }
            if to.write_all(bytes).is_err() {
                return;
            }
        }
    }

    /// Returns what strikes now, and from which byte on, and disarms it.
    fn strike(&self, way: Way, after: u64, is_possible: bool) -> Option<(u64, Strike)> {
        let mut armed = self.armed.lock().expect("no panic");
        let (_, at, strike) = armed.filter(|&(armed, at, _)| armed == way && at < after && is_possible)?;
        *armed = None;
        Some((at, strike))
    }
}

/// Follows TLS records: five bytes of a head, of which the last two are the length of what follows.
#[derive(Default)]
struct Records {
    head: Vec<u8>,
    left: usize,
}

impl Records {
    /// Returns which of these bytes are under TLS's protection: the type of a record and what is in it. The version in a
    /// head means nothing any more, and a greater length only makes the other end wait for more.
    fn protected(&mut self, bytes: &[u8]) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let inside = self.left.min(bytes.len() - at);
            if inside > 0 {
                found.push(at..at + inside);
                self.left -= inside;
                at += inside;
                continue;
            }
            if self.head.is_empty() {
                found.push(at..at + 1);
            }
            self.head.push(bytes[at]);
            at += 1;
            if let [_, _, _, high, low] = self.head[..] {
                self.left = usize::from(u16::from_be_bytes([high, low]));
                self.head.clear();
            }
        }
        found
    }
}
