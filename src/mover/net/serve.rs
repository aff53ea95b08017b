//! The target end over the network: lets in the one peer of the order, and carries out its passes.
//!
//! One session at a time; a new one of the same peer ends the one before, which may hang on a dead connection. What is said within
//! one is in [`super::session`].

use std::net::{IpAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use rustls::ServerConfig;

use super::channel::Channel;
use super::door::{Door, Guest};
use super::session::{ServedVolume, Session};
use super::tls::{Identity, PinnedPeer};
use super::wire::{self, Message, Role};
use crate::contract::orders::Fingerprint;
use crate::mover::disk::buffer::Buffer;
use crate::mover::ground::fail::{self, Result};

/// Who may come in, and from where.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its certificate.
    pub fingerprint: Fingerprint,
    /// The address it is expected from, where that is known: no number of strangers keeps it out then.
    pub address: Option<IpAddr>,
}

/// The listening end.
pub struct Server {
    port: u16,
    door: Mutex<Option<Door>>,
    shared: Arc<Reception>,
}

struct Reception {
    config: Arc<ServerConfig>,
    pinned: Arc<PinnedPeer>,
    state: Mutex<Service>,
    finished: Condvar,
}

#[derive(Default)]
struct Service {
    volumes: Arc<Vec<ServedVolume>>,
    session: Option<Arc<Session>>,
    is_finished: bool,
}

impl Server {
    /// Makes one that will serve on a port (0: any), and does not listen yet.
    pub fn new(identity: &Identity, port: u16) -> Result<Server> {
        let (config, pinned) = identity.server()?;
        let shared = Arc::new(Reception { config, pinned, state: Mutex::default(), finished: Condvar::new() });
        Ok(Server { port, door: Mutex::default(), shared })
    }

    fn door(&self) -> MutexGuard<'_, Option<Door>> {
        self.door.lock().expect("no thread panics while it holds this lock")
    }

    /// Returns the port on which it serves, or did before [`Server::close`]; 0 when it does not serve.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.door().as_ref().map_or(0, Door::port)
    }

    /// Serves these volumes to this peer, from now until [`Server::stop`].
    pub fn serve(&self, volumes: Arc<Vec<ServedVolume>>, peer: &Peer) -> Result<()> {
        self.stop();
        let mut state = self.shared.lock();
        state.volumes = volumes;
        state.is_finished = false;
        drop(state);
        self.shared.pinned.let_in(Some(peer.fingerprint.clone()));
        let taking = Arc::clone(&self.shared);
        *self.door() = Some(Door::open(self.port, peer.address, move |stream, guest| take(stream, &guest, &taking))?);
        Ok(())
    }

    /// Lets nobody in any more; what is underway goes on.
    pub fn close(&self) {
        self.shared.pinned.let_in(None);
        if let Some(door) = &*self.door() {
            door.close();
        }
    }

    /// Lets nobody in any more and ends what is underway.
    pub fn stop(&self) {
        self.close();
        let session = self.shared.lock().session.take();
        if let Some(session) = session {
            session.end();
            session.wait_until_idle();
        }
        let door = self.door().take();
        if let Some(door) = door {
            door.end();
        }
        let mut state = self.shared.lock();
        // Of one who came in meanwhile, and is sent away by now.
        state.session = None;
        state.volumes = Arc::default();
    }

    /// Waits a little; returns whether the last pass is complete.
    #[must_use]
    pub fn is_finished_within(&self, wait: Duration) -> bool {
        let state = self.shared.lock();
        let waited = self.shared.finished.wait_timeout_while(state, wait, |state| !state.is_finished);
        waited.expect("no thread panics while it holds this lock").0.is_finished
    }
}

impl Drop for Server {
    /// What is underway is not ended: the source may not have heard yet that its pass is complete.
    fn drop(&mut self) {
        self.close();
    }
}

impl Reception {
    /// Notes that the last pass is complete.
    fn finish(&self) {
        self.lock().is_finished = true;
        self.finished.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Service> {
        self.state.lock().expect("no thread panics while it holds this lock")
    }
}

/// Lets one connection in or not, and does what it is for. A stranger learns nothing, not even that he failed.
fn take(stream: TcpStream, guest: &Guest, shared: &Arc<Reception>) {
    let greeted = Channel::accept(stream, &shared.config).and_then(|mut channel| {
        guest.is_known();
        let hello = channel.receive(&mut Buffer::default())?;
        Ok((channel, hello))
    });
    let Ok((channel, Message::Hello { version, session, role, lanes })) = greeted else {
        return;
    };
    // What goes wrong on a connection from here on is told to the source by its session, or ends with the connection.
    let _ = welcome(channel, shared, version, session, role, lanes);
}

fn welcome(mut channel: Channel, shared: &Arc<Reception>, version: u32, number: u64, role: Role, lanes: u16) -> Result<()> {
    if version != wire::VERSION || lanes == 0 || lanes > wire::LANES_MAX {
        return channel.send(&Message::Welcome { version: wire::VERSION }, &[]);
    }
    let session = match role {
        Role::Control => begin_session(shared, number, lanes.into()),
        Role::Notices | Role::Data => find_session(shared, number)?,
    };
    session.join(channel.closer()?)?;
    channel.wait_for_ever()?;
    channel.send(&Message::Welcome { version: wire::VERSION }, &[])?;
    match role {
        Role::Control => {
            let outcome = session.control(channel, || shared.finish());
            session.settle(outcome);
        }
        Role::Notices => session.notices(channel),
        Role::Data => {
            let outcome = session.data(channel);
            session.settle(outcome);
        }
    }
    Ok(())
}

fn begin_session(shared: &Arc<Reception>, number: u64, lanes: usize) -> Arc<Session> {
    let mut state = shared.lock();
    let session = Arc::new(Session::new(number, lanes, state.session.take(), Arc::clone(&state.volumes)));
    state.session = Some(Arc::clone(&session));
    drop(state);
    if let Some(before) = &*session.before() {
        before.end();
    }
    session
}

fn find_session(shared: &Arc<Reception>, number: u64) -> Result<Arc<Session>> {
    let state = shared.lock();
    let session = state.session.as_ref().filter(|session| session.number == number);
    session.map(Arc::clone).ok_or_else(|| fail::peer("no such session"))
}
