//! The mover as it runs in a pod: reads its orders from a file, carries them out, and reports.
//!
//! It polls, because the file is replaced underneath it and a watch on it would need more than a scratch container has. It
//! knows nothing of who writes the file or reads the reports.

use std::collections::HashMap;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::job::{Job, Manner, Ticker};
use super::line;
use super::silence::{self, Silence};
use crate::contract::orders::{self, Failure, Fingerprint, MoverState, Order, Orders, PassTarget, Reason, Report, Volume, VolumeReport};
use crate::mover::disk::volume;
use crate::mover::ground::fail::{self, Halt, Result};
use crate::mover::ground::number;
use crate::mover::ground::work::{self, join};
use crate::mover::manners::pace::Pace;
use crate::mover::manners::share::Crowd;
use crate::mover::net::link::Link;
use crate::mover::net::remote::Remote;
use crate::mover::net::serve::{Peer, Server};
use crate::mover::net::session::ServedVolume;
use crate::mover::net::tls::Identity;
use crate::mover::pass::compare;
use crate::mover::pass::ends::TargetEnd;
use crate::mover::pass::local::LocalTarget;
use crate::mover::pass::source::SourceVolume;
use crate::mover::pass::target::TargetVolume;

/// Where an agent finds what it needs.
#[derive(Clone, Debug)]
pub struct Places {
    /// The file with the orders.
    pub orders: PathBuf,
    /// Where source volumes are mounted.
    pub source: PathBuf,
    /// Where target volumes are mounted.
    pub target: PathBuf,
    /// Where manifests are kept.
    pub state: PathBuf,
}

const POLL: Duration = Duration::from_millis(20);
/// How often it is looked whether the engine gave a sign.
const LISTEN: Duration = Duration::from_millis(500);

/// An agent.
pub struct Agent {
    places: Places,
    identity: Arc<Identity>,
    server: Arc<Server>,
    process: u64,
    /// Targets stay open over orders: what they know of themselves would else have to be found out anew.
    targets: Mutex<HashMap<Volume, Arc<TargetVolume>>>,
    crowd: Arc<Crowd>,
    /// The sequence of the orders that were taken last.
    taken: AtomicU64,
    /// None once the last word was said.
    out: Mutex<Option<Box<dyn Write + Send>>>,
}

/// How an agent's work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// A last pass or a comparison is complete.
    Done,
    /// The engine was silent for too long.
    Unheard,
}

/// What a carried out order leaves to be said.
enum Outcome {
    Done(Vec<VolumeReport>),
    /// A newer order is there.
    Superseded,
    Failed(Failure, Vec<VolumeReport>),
}

impl Agent {
    /// Makes an agent with a new identity, which will listen on this port (0: any) when it is told to serve.
    pub fn new(places: Places, port: u16, out: Box<dyn Write + Send>) -> Result<Agent> {
        let identity = Arc::new(Identity::make()?);
        let server = Arc::new(Server::new(&identity, port)?);
        Ok(Agent {
            places,
            identity,
            server,
            process: number::new_number()?,
            targets: Mutex::default(),
            crowd: Arc::default(),
            taken: AtomicU64::new(0),
            out: Mutex::new(Some(out)),
        })
    }

    /// Carries out orders until a last pass is complete, or the engine is silent for too long.
    ///
    /// # Errors
    ///
    /// Fails when it cannot report. What fails an order is reported.
    pub fn run(self: &Arc<Self>) -> Result<Ending> {
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let agent = Arc::clone(self);
        let work = std::thread::spawn(move || {
            let outcome = agent.obey_all();
            drop(end);
            outcome
        });
        if !self.listen(&ended)? {
            return work::joined(work.join()).map(|()| Ending::Done);
        }
        // Not waited for, since a disk may hold it up for ever, and not detached: it ends with the program.
        std::mem::forget(work);
        Ok(Ending::Unheard)
    }

    /// Listens until the work is over; returns whether the engine was silent for too long before, and has said so then.
    fn listen(&self, ended: &Receiver<()>) -> Result<bool> {
        let mut silence = Silence::new(silence::now());
        loop {
            let orders = silence::orders_now(&self.places.orders);
            if let Some(failure) = silence.note(orders.as_deref(), silence::now()) {
                return self.report_last(self.taken.load(Ordering::Relaxed), failure).map(|()| true);
            }
            if ended.recv_timeout(LISTEN) != Err(RecvTimeoutError::Timeout) {
                return Ok(false);
            }
        }
    }

    fn obey_all(&self) -> Result<()> {
        self.report(0, MoverState::Ready, Vec::new(), None)?;
        let mut done = 0;
        loop {
            let orders = self.wait_for_orders(done);
            done = orders.sequence;
            self.taken.store(done, Ordering::Relaxed);
            if self.obey(&orders)? {
                return Ok(());
            }
        }
    }

    fn wait_for_orders(&self, after: u64) -> Orders {
        loop {
            if let Some(orders) = self.newer_orders(after) {
                return orders;
            }
            self.crowd.watch();
            std::thread::sleep(POLL);
        }
    }

    /// Reads the orders; none while there are none, or none newer, or the file is half written.
    fn newer_orders(&self, after: u64) -> Option<Orders> {
        let text = std::fs::read(&self.places.orders).ok()?;
        let envelope: Envelope = serde_json::from_slice(&text).ok()?;
        if envelope.sequence <= after {
            return None;
        }
        if envelope.version > orders::VERSION {
            // Its order may be of a kind that is not known here; that it cannot be obeyed must be said.
            return Some(Orders { version: envelope.version, ..Orders::new(envelope.sequence, Order::Idle) });
        }
        serde_json::from_slice(&text).ok()
    }

    /// Carries out one order; returns whether the agent's work is over.
    fn obey(&self, orders: &Orders) -> Result<bool> {
        let sequence = orders.sequence;
        if orders.version > orders::VERSION {
            let message = format!("orders of version {} are newer than this mover, which knows {}", orders.version, orders::VERSION);
            let failure = Failure { reason: Reason::BadOrder, volume: None, message };
            self.report(sequence, MoverState::Failed, Vec::new(), Some(failure))?;
            return Ok(false);
        }
        let (outcome, is_last) = match &orders.order {
            Order::Idle => {
                self.report(sequence, MoverState::Ready, Vec::new(), None)?;
                return Ok(false);
            }
            Order::Serve { volumes, peer, peer_address } => {
                let peer = Peer { fingerprint: peer.clone(), address: *peer_address };
                (self.serve(sequence, volumes, &peer)?, true)
            }
            Order::Pass { volumes, to, last, bytes_per_second_max, throttle } => {
                let pace = bytes_per_second_max.map(|bytes| Arc::new(Pace::new(bytes)));
                let manner = Manner { is_last: *last, is_throttled: *throttle, pace };
                (self.pass(sequence, volumes, to, &manner)?, *last)
            }
            Order::Compare { volumes } => (self.compare(sequence, volumes)?, true),
        };
        match outcome {
            Outcome::Done(volumes) => {
                self.report(sequence, MoverState::Done, volumes, None)?;
                Ok(is_last)
            }
            Outcome::Superseded => Ok(false),
            Outcome::Failed(failure, volumes) => {
                self.report(sequence, MoverState::Failed, volumes, Some(failure))?;
                Ok(false)
            }
        }
    }

    fn serve(&self, sequence: u64, volumes: &[Volume], peer: &Peer) -> Result<Outcome> {
        let served = match self.begin_to_serve(volumes, peer) {
            Ok(served) => served,
            Err(Halt::Failed(failure)) => return Ok(Outcome::Failed(failure, Vec::new())),
            Err(Halt::Cancelled) => return Ok(Outcome::Superseded),
        };
        let reports = || served.iter().map(|served| served.progress.report(served.volume.name())).collect::<Vec<_>>();
        let mut ticker = Ticker::default();
        loop {
            if ticker.is_due(served.iter().map(|served| served.progress.phase())) {
                self.report(sequence, MoverState::Running, reports(), None)?;
            }
            if self.server.is_finished_within(POLL) {
                self.server.close();
                let reports = reports();
                return Ok(Outcome::Done(reports));
            }
            if self.newer_orders(sequence).is_some() {
                self.server.stop();
                return Ok(Outcome::Superseded);
            }
        }
    }

    fn begin_to_serve(&self, volumes: &[Volume], peer: &Peer) -> Result<Arc<Vec<ServedVolume>>> {
        let served = Arc::new(self.open_targets(volumes)?);
        self.server.serve(Arc::clone(&served), peer)?;
        Ok(served)
    }

    fn open_targets(&self, volumes: &[Volume]) -> Result<Vec<ServedVolume>> {
        let open = |volume: &Volume| Ok(ServedVolume { volume: self.open_target(volume)?, progress: Arc::default() });
        volumes.iter().map(open).collect()
    }

    fn open_target(&self, volume: &Volume) -> Result<Arc<TargetVolume>> {
        let mut targets = self.targets.lock().expect("no thread panics while it holds this lock");
        if let Some(target) = targets.get(volume) {
            return Ok(Arc::clone(target));
        }
        let opened = TargetVolume::open(volume, &self.places.target, &self.places.state);
        let target = Arc::new(opened.map_err(|halt| halt.on_volume(&volume.name))?);
        targets.insert(volume.clone(), Arc::clone(&target));
        Ok(target)
    }

    fn pass(&self, sequence: u64, volumes: &[Volume], to: &PassTarget, manner: &Manner) -> Result<Outcome> {
        self.carry_out(&Job::new(sequence, volumes), |job| self.pass_over(job, volumes, to, manner))
    }

    fn compare(&self, sequence: u64, volumes: &[Volume]) -> Result<Outcome> {
        self.carry_out(&Job::new(sequence, volumes), |job| self.compare_both(job, volumes))
    }

    fn compare_both(&self, job: &Job, volumes: &[Volume]) -> Result<()> {
        let ([one, other], [(_, first), (_, second)]) = (volumes, job.progress.as_slice()) else {
            return Err(Halt::new(Reason::BadOrder, "two volumes are compared, not more or less"));
        };
        if one.mode != other.mode {
            return Err(Halt::new(Reason::BadOrder, "a folder and a device cannot be compared"));
        }
        let path = |volume| volume::path_of(&self.places.source, volume);
        compare::compare([&path(one)?, &path(other)?], one.mode, &self.places.state, [first, second], &job.cancel).map(drop)
    }

    /// Works in a thread of its own, and reports meanwhile.
    fn carry_out(&self, job: &Job, work: impl FnOnce(&Job) -> Result<()> + Send) -> Result<Outcome> {
        let outcome = std::thread::scope(|scope| {
            let (send, receive) = std::sync::mpsc::channel();
            let working = scope.spawn(move || {
                let outcome = work(job);
                // Nobody listens any more only if reporting failed, which ends the process.
                let _ = send.send(outcome);
            });
            let outcome = self.watch(job, &receive);
            join(working);
            outcome
        })?;
        Ok(match outcome {
            Ok(()) => Outcome::Done(job.reports()),
            Err(Halt::Cancelled) => Outcome::Superseded,
            Err(Halt::Failed(failure)) => Outcome::Failed(failure, job.reports()),
        })
    }

    /// Reports on a pass while it runs, and ends it when a newer order is there.
    fn watch(&self, job: &Job, outcome: &Receiver<Result<()>>) -> Result<Result<()>> {
        let mut ticker = Ticker::default();
        loop {
            if ticker.is_due(job.progress.iter().map(|(_, progress)| progress.phase())) {
                self.report(job.sequence, MoverState::Running, job.reports(), None)?;
            }
            match outcome.recv_timeout(POLL) {
                Ok(outcome) => return Ok(outcome),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Ok(Err(Halt::new(Reason::System, "the pass ended without saying how")));
                }
            }
            if !job.cancel.is_set() && self.newer_orders(job.sequence).is_some() {
                job.cancel();
            }
        }
    }

    fn pass_over(&self, job: &Job, volumes: &[Volume], to: &PassTarget, manner: &Manner) -> Result<()> {
        let open = |volume: &Volume| {
            let opened = SourceVolume::open(volume, &self.places.source, &self.places.state, self.process);
            opened
                .map(|source| source.beside(&self.crowd).throttled(manner.is_throttled.then(Arc::default)))
                .map_err(|halt| halt.on_volume(&volume.name))
        };
        let sources = volumes.iter().map(open).collect::<Result<Vec<SourceVolume>>>()?;
        match to {
            PassTarget::Here => self.pass_here(job, &sources, volumes, manner),
            PassTarget::Peer { address, fingerprint } => {
                let address =
                    address.parse().map_err(|_| Halt::new(Reason::BadOrder, format!("`{address}` is not an address with a port")))?;
                self.pass_to_peer(job, &sources, address, fingerprint, manner)
            }
        }
    }

    fn pass_here(&self, job: &Job, sources: &[SourceVolume], volumes: &[Volume], manner: &Manner) -> Result<()> {
        for ((source, volume), (name, progress)) in sources.iter().zip(volumes).zip(&job.progress) {
            let mut here = LocalTarget::new(self.open_target(volume)?, manner.pace.clone());
            source.pass(&mut here, manner.is_last, progress, &job.cancel).map_err(|halt| halt.on_volume(name))?;
        }
        Ok(())
    }

    fn pass_to_peer(&self, job: &Job, sources: &[SourceVolume], address: SocketAddr, peer: &Fingerprint, manner: &Manner) -> Result<()> {
        let mut next = 0;
        let link = Link { identity: &self.identity, address, peer, pace: manner.pace.clone(), cancel: &job.cancel };
        link.work(|remote| {
            *job.ender.lock().expect("no thread panics while it holds this lock") = Some(remote.ender());
            send_all(remote, job, sources, manner.is_last, &mut next)
        })
    }

    fn report(&self, sequence: u64, state: MoverState, volumes: Vec<VolumeReport>, failure: Option<Failure>) -> Result<()> {
        let line = self.line(sequence, state, volumes, failure);
        match &mut *self.out.lock().expect("no thread panics while it holds this lock") {
            Some(out) => say(out, &line),
            // The last word was said.
            None => Ok(()),
        }
    }

    /// Reports why it ends, and nothing after that.
    fn report_last(&self, sequence: u64, failure: Failure) -> Result<()> {
        let line = self.line(sequence, MoverState::Failed, Vec::new(), Some(failure));
        match self.out.lock().expect("no thread panics while it holds this lock").take() {
            Some(mut out) => say(&mut out, &line),
            None => Ok(()),
        }
    }

    fn line(&self, sequence: u64, state: MoverState, volumes: Vec<VolumeReport>, failure: Option<Failure>) -> Vec<u8> {
        line::of(Report {
            version: orders::VERSION,
            sequence,
            state,
            fingerprint: self.identity.fingerprint().clone(),
            port: self.server.port(),
            volumes,
            volumes_left_out: 0,
            failure,
        })
    }
}

fn say(out: &mut Box<dyn Write + Send>, line: &[u8]) -> Result<()> {
    out.write_all(line).and_then(|()| out.flush()).map_err(|error| fail::system_io("reporting", &error))
}

/// Makes the passes over the volumes that are still to do, and tells the target when all are done.
fn send_all(remote: &mut Remote, job: &Job, sources: &[SourceVolume], is_last: bool, next: &mut usize) -> Result<()> {
    while let (Some(source), Some((name, progress))) = (sources.get(*next), job.progress.get(*next)) {
        let passed = source.pass(remote as &mut dyn TargetEnd, is_last, progress, &job.cancel);
        passed.map_err(|halt| remote.explain(halt).on_volume(name))?;
        *next += 1;
    }
    remote.finish(is_last)
}

/// The part of orders that every version has.
#[derive(serde::Deserialize)]
struct Envelope {
    version: u32,
    sequence: u64,
}
