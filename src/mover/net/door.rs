//! The port of a target end: open only while there is something to serve, with a bound on strangers who knock.
//!
//! Anybody who reaches the pod can knock, and nobody is known before a handshake is through. So that strangers cannot keep the peer
//! out, the oldest of them goes when they are too many. The address of the peer, where it is told, is bound by nothing. What is said
//! on a connection is not the business of this file.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::mover::ground::fail::{self, Result};

/// Strangers at once.
const STRANGERS_MAX: usize = 128;
/// Strangers from one address at once. It is more than the 18 connections that a source end opens side by side. So that
/// end gets in where it seems to come from another address than was told, or none was told.
const STRANGERS_OF_ONE_MAX: usize = 24;

/// An open port and those who came in.
pub(super) struct Door {
    port: u16,
    listener: Arc<TcpListener>,
    guests: Arc<Guests>,
    answering: JoinHandle<Vec<JoinHandle<()>>>,
}

impl Door {
    /// Opens a port (0: any) of all addresses, IPv6 and IPv4: a mover is not told which its pod has, and in a pod's network there are
    /// no others. Each connection is given to a thread of its own.
    pub(super) fn open<T>(port: u16, peer: Option<IpAddr>, take: T) -> Result<Door>
    where
        T: Fn(TcpStream, Guest) + Clone + Send + 'static,
    {
        let failed = |error: std::io::Error| fail::system_io("listening", &error);
        let listener = Arc::new(bind(port).map_err(failed)?);
        let port = listener.local_addr().map_err(failed)?.port();
        let guests = Arc::new(Guests { peer, state: Mutex::default() });
        let (knocked, entering) = (Arc::clone(&listener), Arc::clone(&guests));
        let answering = std::thread::Builder::new().spawn(move || answer(&knocked, &entering, &take)).map_err(failed)?;
        Ok(Door { port, listener, guests, answering })
    }

    /// Returns the port.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Lets nobody in any more, and strangers go. Who is known stays.
    pub(super) fn close(&self) {
        self.guests.lock().is_closed = true;
        // The system refuses this only where nobody listens any more.
        let _ = SockRef::from(&*self.listener).shutdown(Shutdown::Both);
        self.guests.send_away(|guest| guest.is_stranger);
    }

    /// Closes it, sends everybody away and waits until they are gone.
    pub(super) fn end(self) {
        self.close();
        // A thread that panicked has said so.
        let threads = self.answering.join().unwrap_or_default();
        self.guests.send_away(|_| true);
        threads.into_iter().for_each(|thread| drop(thread.join()));
    }
}

fn bind(port: u16) -> std::io::Result<TcpListener> {
    let both = Socket::new(Domain::IPV6, Type::STREAM, Some(Protocol::TCP)).and_then(|socket| {
        socket.set_only_v6(false)?;
        listen(socket, SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)))
    });
    match both {
        Ok(listener) => Ok(listener),
        // No IPv6 on this node.
        Err(_) => {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
            listen(socket, SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)))
        }
    }
}

fn listen(socket: Socket, address: SocketAddr) -> std::io::Result<TcpListener> {
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    // However many come at once, it is this file that sends them away: the system would leave out the peer as well.
    socket.listen(1024)?;
    Ok(socket.into())
}

/// Answers until the door is closed; returns the threads that are not through.
fn answer<T>(listener: &TcpListener, guests: &Arc<Guests>, take: &T) -> Vec<JoinHandle<()>>
where
    T: Fn(TcpStream, Guest) + Clone + Send + 'static,
{
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    loop {
        let began = listener.accept().and_then(|(stream, from)| {
            let guest = guests.enter(&stream, from.ip().to_canonical())?;
            let take = take.clone();
            std::thread::Builder::new().spawn(move || take(stream, guest))
        });
        match began {
            Ok(thread) => threads.push(thread),
            Err(_) if guests.lock().is_closed => return threads,
            // Out of descriptors, of threads or the like: passes.
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
        // Joined, not detached, see `work::join`; one that panicked has said so, and its connection is closed.
        threads.extract_if(.., |thread| thread.is_finished()).for_each(|thread| drop(thread.join()));
    }
}

/// Those who came in and are not gone.
struct Guests {
    /// The address that is not bound.
    peer: Option<IpAddr>,
    state: Mutex<Visitors>,
}

#[derive(Default)]
struct Visitors {
    is_closed: bool,
    next: u64,
    /// The oldest first.
    inside: Vec<Visitor>,
}

struct Visitor {
    number: u64,
    from: IpAddr,
    /// Whether a bound counts it: it is not known, and not from the address of the peer.
    is_counted: bool,
    is_stranger: bool,
    socket: TcpStream,
}

impl Visitor {
    fn send_away(&self) {
        // It may have gone by itself, which is as good.
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

impl Visitors {
    /// Sends strangers away until there is room for one more.
    fn make_room(&mut self, from: IpAddr) {
        self.keep_fewer(STRANGERS_OF_ONE_MAX, |guest| guest.from == from);
        self.keep_fewer(STRANGERS_MAX, |_| true);
    }

    fn keep_fewer(&mut self, than: usize, is_meant: impl Fn(&Visitor) -> bool) {
        let is_one = |guest: &Visitor| guest.is_counted && is_meant(guest);
        let count = self.inside.iter().filter(|guest| is_one(guest)).count();
        let too_many = (count + 1).saturating_sub(than);
        self.inside.extract_if(.., |guest| is_one(guest)).take(too_many).for_each(|guest| guest.send_away());
    }
}

impl Guests {
    fn lock(&self) -> MutexGuard<'_, Visitors> {
        self.state.lock().expect("no thread panics while it holds this lock")
    }

    fn enter(self: &Arc<Self>, stream: &TcpStream, from: IpAddr) -> std::io::Result<Guest> {
        let socket = stream.try_clone()?;
        let mut state = self.lock();
        if state.is_closed {
            return Err(std::io::ErrorKind::ConnectionAborted.into());
        }
        let is_counted = self.peer != Some(from);
        if is_counted {
            state.make_room(from);
        }
        let number = state.next;
        state.next += 1;
        state.inside.push(Visitor { number, from, is_counted, is_stranger: true, socket });
        Ok(Guest { number, guests: Arc::clone(self) })
    }

    fn send_away(&self, is_it: impl Fn(&Visitor) -> bool) {
        self.lock().inside.iter().filter(|guest| is_it(guest)).for_each(Visitor::send_away);
    }
}

/// One who came in, until this is dropped.
pub(super) struct Guest {
    number: u64,
    guests: Arc<Guests>,
}

impl Guest {
    /// It has shown who it is, and is a stranger no more.
    pub(super) fn is_known(&self) {
        let mut state = self.guests.lock();
        if let Some(guest) = state.inside.iter_mut().find(|guest| guest.number == self.number) {
            (guest.is_counted, guest.is_stranger) = (false, false);
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.guests.lock().inside.retain(|guest| guest.number != self.number);
    }
}
