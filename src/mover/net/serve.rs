//! The target end over the network: lets in the one peer of the order, and carries out its passes.
//!
//! One session at a time; a new one of the same peer ends the one before, which may hang on a dead connection. The stages of
//! a pass are kept apart by a gate: a connection that has ended its stage waits for the others.

use std::net::{IpAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rustls::ServerConfig;

use super::channel::{Channel, Closer};
use super::door::{Door, Guest};
use super::remote::send_listing;
use super::tls::{Identity, Pinned};
use super::wire::{self, Message, Role, STAGES};
use crate::contract::orders::{Failure, Fingerprint, Phase, Reason, VolumeMode};
use crate::mover::disk::buffer::Buffer;
use crate::mover::disk::volume::Place;
use crate::mover::ground::fail::{self, Halt, Result};
use crate::mover::ground::progress::{Cancel, Progress};
use crate::mover::pass::target::{Begun, TargetVolume};
use crate::mover::write::apply::{Apply, Desk};

/// A volume that is served, with its numbers.
#[derive(Debug)]
pub struct Served {
    /// The volume.
    pub volume: Arc<TargetVolume>,
    /// What is counted.
    pub progress: Arc<Progress>,
}

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
    shared: Arc<Shared>,
}

struct Shared {
    config: Arc<ServerConfig>,
    pinned: Arc<Pinned>,
    state: Mutex<Serving>,
    finished: Condvar,
}

#[derive(Default)]
struct Serving {
    volumes: Arc<Vec<Served>>,
    session: Option<Arc<Session>>,
    is_finished: bool,
}

impl Server {
    /// Makes one that will serve on a port (0: any), and does not listen yet.
    pub fn new(identity: &Identity, port: u16) -> Result<Server> {
        let (config, pinned) = identity.server()?;
        let shared = Arc::new(Shared { config, pinned, state: Mutex::default(), finished: Condvar::new() });
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
    pub fn serve(&self, volumes: Arc<Vec<Served>>, peer: &Peer) -> Result<()> {
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

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Serving> {
        self.state.lock().expect("no thread panics while it holds this lock")
    }
}

/// Lets one connection in or not, and does what it is for. A stranger learns nothing, not even that he failed.
fn take(stream: TcpStream, guest: &Guest, shared: &Arc<Shared>) {
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

fn welcome(mut channel: Channel, shared: &Arc<Shared>, version: u32, number: u64, role: Role, lanes: u16) -> Result<()> {
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
            let outcome = session.control(channel, shared);
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

fn begin_session(shared: &Arc<Shared>, number: u64, lanes: usize) -> Arc<Session> {
    let mut state = shared.lock();
    let session = Arc::new(Session {
        number,
        lanes,
        before: Mutex::new(state.session.take()),
        volumes: Arc::clone(&state.volumes),
        cancel: Cancel::default(),
        closers: Mutex::default(),
        state: Mutex::default(),
        changed: Condvar::new(),
    });
    state.session = Some(Arc::clone(&session));
    drop(state);
    if let Some(before) = &*session.before() {
        before.end();
    }
    session
}

fn find_session(shared: &Arc<Shared>, number: u64) -> Result<Arc<Session>> {
    let state = shared.lock();
    let session = state.session.as_ref().filter(|session| session.number == number);
    session.map(Arc::clone).ok_or_else(|| fail::peer("no such session"))
}

/// All connections of one source, from its first to its last.
struct Session {
    number: u64,
    lanes: usize,
    /// The session that this one ended, which may be busy for as long as a disk takes to sync: waited for when a pass begins,
    /// since the source has no patience while it connects.
    before: Mutex<Option<Arc<Session>>>,
    volumes: Arc<Vec<Served>>,
    cancel: Cancel,
    closers: Mutex<Vec<Closer>>,
    state: Mutex<SessionState>,
    changed: Condvar,
}

#[derive(Default)]
struct SessionState {
    apply: Option<Arc<Apply>>,
    /// How many lanes have ended each stage of the present pass.
    ended: [usize; STAGES],
    failure: Option<Failure>,
    notices: Vec<Phase>,
    fed: Fed,
    /// Threads that may be writing to a volume.
    busy: usize,
}

const TICK: Duration = Duration::from_millis(200);

/// What the connections for data did with their time since that was last told.
#[derive(Debug, Default)]
struct Fed {
    waited: Duration,
    worked: Duration,
}

impl Fed {
    /// Returns how much of the time was waiting, and begins anew; none if nothing was done.
    fn starving_percent(&mut self) -> Option<u8> {
        let Fed { waited, worked } = std::mem::take(self);
        let all = waited + worked;
        (!all.is_zero()).then(|| (100 * waited.as_micros() / all.as_micros().max(1)) as u8)
    }
}

impl Session {
    fn lock(&self) -> MutexGuard<'_, SessionState> {
        self.state.lock().expect("no thread panics while it holds this lock")
    }

    fn wait<'a>(&self, state: MutexGuard<'a, SessionState>) -> MutexGuard<'a, SessionState> {
        self.changed.wait_timeout(state, TICK).expect("no thread panics while it holds this lock").0
    }

    fn join(&self, closer: Closer) -> Result<()> {
        self.closers.lock().expect("no thread panics while it holds this lock").push(closer);
        self.cancel.check()
    }

    fn end(&self) {
        self.cancel.set();
        self.closers.lock().expect("no thread panics while it holds this lock").iter().for_each(Closer::close);
        self.changed.notify_all();
    }

    fn before(&self) -> MutexGuard<'_, Option<Arc<Session>>> {
        self.before.lock().expect("no thread panics while it holds this lock")
    }

    /// Waits until no thread of an ended session, nor of any before it, can write to a volume any more: two must never write
    /// at once.
    fn wait_until_idle(&self) {
        let mut state = self.lock();
        while state.busy > 0 {
            state = self.wait(state);
        }
        drop(state);
        self.wait_for_those_before();
    }

    fn wait_for_those_before(&self) {
        let mut before = self.before();
        if let Some(session) = &*before {
            session.wait_until_idle();
        }
        *before = None;
    }

    /// Ends the session when one of its connections has ended; a failure of this end is told to the source first.
    fn settle(&self, outcome: Result<()>) {
        match outcome {
            Err(Halt::Failed(failure)) if failure.reason != Reason::Peer && !self.cancel.is_set() => {
                self.lock().failure.get_or_insert(failure);
                self.changed.notify_all();
            }
            Ok(()) | Err(Halt::Failed(_) | Halt::Cancelled) => self.end(),
        }
    }

    /// Does something that may write to a volume.
    fn busily<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.lock().busy += 1;
        let outcome = self.cancel.check().and_then(|()| work());
        self.lock().busy -= 1;
        self.changed.notify_all();
        outcome
    }

    fn notices(&self, mut channel: Channel) {
        let mut told_at = Instant::now();
        loop {
            let mut state = self.lock();
            while state.notices.is_empty() && state.failure.is_none() && !self.cancel.is_set() && told_at.elapsed() < TICK {
                state = self.wait(state);
            }
            let phases = std::mem::take(&mut state.notices);
            let failure = state.failure.clone();
            let mut starving = None;
            if told_at.elapsed() >= TICK {
                told_at = Instant::now();
                starving = state.fed.starving_percent().map(|percent| Message::Starving { percent });
            }
            drop(state);
            let told = phases.into_iter().map(Message::Phase).chain(starving).try_for_each(|message| channel.send(&message, &[]));
            if let Some(failure) = failure {
                // That it cannot be told means that the source is gone.
                let _ = channel.send(&Message::Failed { reason: failure.reason, message: failure.message }, &[]);
                self.give_time_to_hear(&mut channel);
                return self.end();
            }
            if told.is_err() || self.cancel.is_set() {
                return self.end();
            }
        }
    }

    /// The source closes the connection when it has heard; closing it here first could lose what was said.
    fn give_time_to_hear(&self, channel: &mut Channel) {
        let _ = channel.receive(&mut Buffer::default());
    }

    fn data(&self, mut channel: Channel) -> Result<()> {
        let mut content = Buffer::default();
        let mut desk = Desk::default();
        let mut stage = 0;
        loop {
            let began = Instant::now();
            let message = channel.receive(&mut content)?;
            let waited = began.elapsed();
            match message {
                Message::Changes(changes) => {
                    let apply = self.lock().apply.clone().ok_or_else(out_of_turn)?;
                    let began = Instant::now();
                    self.busily(|| {
                        let mut rest = &content[..];
                        for (item, extents) in &changes {
                            let pieces = wire::accept(item, extents, &mut rest)?;
                            apply.apply(item, &pieces, &mut desk)?;
                        }
                        if rest.is_empty() { Ok(()) } else { Err(out_of_turn()) }
                    })?;
                    let fed = &mut self.lock().fed;
                    fed.waited += waited;
                    fed.worked += began.elapsed();
                }
                Message::EndStage => {
                    self.pass_gate(stage)?;
                    stage = (stage + 1) % STAGES;
                    desk.end_stage();
                }
                _ => return Err(out_of_turn()),
            }
        }
    }

    /// Waits until all lanes have ended this stage. The last stage is waited for by the control connection alone, so that a
    /// lane that is ahead can never be in the next pass.
    fn pass_gate(&self, stage: usize) -> Result<()> {
        let mut state = self.lock();
        if state.ended[stage] >= self.lanes {
            return Err(out_of_turn());
        }
        state.ended[stage] += 1;
        self.changed.notify_all();
        if stage + 1 == STAGES {
            return Ok(());
        }
        while state.ended[stage] < self.lanes {
            self.cancel.check()?;
            state = self.wait(state);
        }
        Ok(())
    }

    fn wait_for_last_stage(&self) -> Result<()> {
        let mut state = self.lock();
        while state.ended[STAGES - 1] < self.lanes {
            self.cancel.check()?;
            state = self.wait(state);
        }
        let apply = state.apply.take();
        drop(state);
        // It may have to end its flush first, for which nobody else need wait.
        drop(apply);
        Ok(())
    }

    fn control(&self, mut channel: Channel, shared: &Shared) -> Result<()> {
        let mut content = Buffer::default();
        let mut current: Option<usize> = None;
        loop {
            match channel.receive(&mut content)? {
                Message::Begin { volume, mode, believed, size } => {
                    let index = self.find(&volume, mode)?;
                    current = Some(index);
                    let begun = self.busily(|| self.begin(index, believed, size))?;
                    match begun {
                        Begun::Trusted => channel.send(&Message::Trusted, &[])?,
                        Begun::Blank => channel.send(&Message::Blank, &[])?,
                        Begun::Listing(manifest) => {
                            channel.send(&Message::Listing, &[])?;
                            send_listing(&mut channel, &manifest, &self.cancel)?;
                        }
                    }
                }
                Message::End { is_last } => {
                    let served = &self.volumes[current.ok_or_else(out_of_turn)?];
                    self.wait_for_last_stage()?;
                    let root = self.busily(|| self.end_pass(served, is_last))?;
                    channel.send(&Message::Ended { root }, &[])?;
                }
                Message::List => {
                    let served = &self.volumes[current.ok_or_else(out_of_turn)?];
                    let manifest = served.volume.manifest().ok_or_else(out_of_turn)?;
                    channel.send(&Message::Listing, &[])?;
                    send_listing(&mut channel, &manifest, &self.cancel)?;
                }
                Message::Finish { is_last } => {
                    channel.send(&Message::Finished, &[])?;
                    if is_last {
                        shared.lock().is_finished = true;
                        shared.finished.notify_all();
                    }
                }
                _ => return Err(out_of_turn()),
            }
        }
    }

    fn find(&self, name: &str, mode: VolumeMode) -> Result<usize> {
        let is_it = |served: &Served| {
            let is_tree = matches!(served.volume.place(), Place::Tree(_));
            served.volume.name() == name && is_tree == (mode == VolumeMode::Filesystem)
        };
        self.volumes.iter().position(is_it).ok_or_else(|| {
            let name = crate::mover::ground::path::shown(name.as_bytes());
            Halt::new(Reason::BadOrder, format!("the target was not told to serve a volume `{name}` of that mode"))
        })
    }

    fn begin(&self, index: usize, believed: Option<crate::mover::ground::digest::Digest>, size: u64) -> Result<Begun> {
        self.wait_for_those_before();
        let served = &self.volumes[index];
        served.progress.restart();
        let begun = served.volume.begin(believed, size, &served.progress, &self.cancel)?;
        let mut state = self.lock();
        state.apply = Some(Arc::new(served.volume.apply(&served.progress)));
        state.ended = [0; STAGES];
        Ok(begun)
    }

    fn end_pass(&self, served: &Served, is_last: bool) -> Result<Option<crate::mover::ground::digest::Digest>> {
        self.tell(Phase::Syncing);
        served.volume.sync(&served.progress)?;
        if !served.volume.is_proving() {
            served.progress.enter(Phase::Through);
            return Ok(None);
        }
        self.tell(Phase::Proving);
        let manifest = served.volume.prove(is_last, &served.progress, &self.cancel)?;
        served.progress.prove(None, Some(manifest.root()));
        served.progress.entries.add(manifest.entries());
        served.progress.enter(Phase::Through);
        Ok(Some(manifest.root()))
    }

    fn tell(&self, phase: Phase) {
        self.lock().notices.push(phase);
        self.changed.notify_all();
    }
}

fn out_of_turn() -> Halt {
    fail::peer("the other mover said something out of turn")
}
