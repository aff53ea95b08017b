//! All connections of one source with the target end: what is told, what is applied, and the gate between the stages of a pass.
//!
//! Who is let in was decided before.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::channel::{Channel, Closer};
use super::listing;
use super::wire::{self, Message};
use crate::contract::orders::{Failure, Phase, Reason, VolumeMode};
use crate::mover::disk::buffer::Buffer;
use crate::mover::disk::volume::VolumeData;
use crate::mover::ground::digest::Digest;
use crate::mover::ground::fail::{self, Halt, Result};
use crate::mover::ground::path;
use crate::mover::ground::progress::{Cancel, Progress};
use crate::mover::pass::ends::Inventory;
use crate::mover::pass::target::TargetVolume;
use crate::mover::write::apply::{Apply, Desk};
use crate::mover::write::change::STAGES;

/// A volume that is served, with its numbers.
#[derive(Debug)]
pub struct ServedVolume {
    /// The volume.
    pub volume: Arc<TargetVolume>,
    /// What is counted.
    pub progress: Arc<Progress>,
}

/// All connections of one source, from its first to its last.
pub(super) struct Session {
    pub(super) number: u64,
    lanes: usize,
    /// The session that this one ended, which may be busy for as long as a disk takes to sync: waited for when a pass begins,
    /// since the source has no patience while it connects.
    before: Mutex<Option<Arc<Session>>>,
    volumes: Arc<Vec<ServedVolume>>,
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
    lanes: LaneTimes,
    /// Threads that may be writing to a volume.
    busy: usize,
}

const TICK: Duration = Duration::from_millis(200);

/// What the connections for data did with their time since that was last told.
#[derive(Debug, Default)]
struct LaneTimes {
    waited: Duration,
    worked: Duration,
}

impl LaneTimes {
    /// Returns how much of the time was waiting, and begins anew; none if nothing was done.
    fn starving_percent(&mut self) -> Option<u8> {
        let LaneTimes { waited, worked } = std::mem::take(self);
        let all = waited + worked;
        (!all.is_zero()).then(|| (100 * waited.as_micros() / all.as_micros().max(1)) as u8)
    }
}

impl Session {
    /// Returns a session over these volumes, with so many lanes, in the place of the one before.
    pub(super) fn new(number: u64, lanes: usize, before: Option<Arc<Session>>, volumes: Arc<Vec<ServedVolume>>) -> Session {
        Session {
            number,
            lanes,
            before: Mutex::new(before),
            volumes,
            cancel: Cancel::default(),
            closers: Mutex::default(),
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, SessionState> {
        self.state.lock().expect("no thread panics while it holds this lock")
    }

    fn wait<'a>(&self, state: MutexGuard<'a, SessionState>) -> MutexGuard<'a, SessionState> {
        self.changed.wait_timeout(state, TICK).expect("no thread panics while it holds this lock").0
    }

    pub(super) fn join(&self, closer: Closer) -> Result<()> {
        self.closers.lock().expect("no thread panics while it holds this lock").push(closer);
        self.cancel.check()
    }

    pub(super) fn end(&self) {
        self.cancel.set();
        self.closers.lock().expect("no thread panics while it holds this lock").iter().for_each(Closer::close);
        self.changed.notify_all();
    }

    pub(super) fn before(&self) -> MutexGuard<'_, Option<Arc<Session>>> {
        self.before.lock().expect("no thread panics while it holds this lock")
    }

    /// Waits until no thread of an ended session, nor of any before it, can write to a volume any more: two must never write
    /// at once.
    pub(super) fn wait_until_idle(&self) {
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
    pub(super) fn settle(&self, outcome: Result<()>) {
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

    pub(super) fn notices(&self, mut channel: Channel) {
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
                starving = state.lanes.starving_percent().map(|percent| Message::Starving { percent });
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

    pub(super) fn data(&self, mut channel: Channel) -> Result<()> {
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
                    let lanes = &mut self.lock().lanes;
                    lanes.waited += waited;
                    lanes.worked += began.elapsed();
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

    pub(super) fn control(&self, mut channel: Channel, finished: impl Fn()) -> Result<()> {
        let mut content = Buffer::default();
        let mut current: Option<usize> = None;
        loop {
            match channel.receive(&mut content)? {
                Message::Begin { volume, mode, believed, size } => {
                    let index = self.find(&volume, mode)?;
                    current = Some(index);
                    let inventory = self.busily(|| self.begin(index, believed, size))?;
                    match inventory {
                        Inventory::Trusted => channel.send(&Message::Trusted, &[])?,
                        Inventory::Blank => channel.send(&Message::Blank, &[])?,
                        Inventory::Listing(manifest) => {
                            channel.send(&Message::Listing, &[])?;
                            listing::send(&mut channel, &manifest, &self.cancel)?;
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
                    listing::send(&mut channel, &manifest, &self.cancel)?;
                }
                Message::Finish { is_last } => {
                    channel.send(&Message::Finished, &[])?;
                    if is_last {
                        finished();
                    }
                }
                _ => return Err(out_of_turn()),
            }
        }
    }

    fn find(&self, name: &str, mode: VolumeMode) -> Result<usize> {
        let is_it = |served: &ServedVolume| {
            let is_tree = matches!(served.volume.data(), VolumeData::Tree(_));
            served.volume.name() == name && is_tree == (mode == VolumeMode::Filesystem)
        };
        self.volumes.iter().position(is_it).ok_or_else(|| {
            let name = path::shown(name.as_bytes());
            Halt::new(Reason::BadOrder, format!("the target was not told to serve a volume `{name}` of that mode"))
        })
    }

    fn begin(&self, index: usize, believed: Option<Digest>, size: u64) -> Result<Inventory> {
        self.wait_for_those_before();
        let served = &self.volumes[index];
        served.progress.restart();
        let inventory = served.volume.begin(believed, size, &served.progress, &self.cancel)?;
        let mut state = self.lock();
        state.apply = Some(Arc::new(served.volume.apply(&served.progress)));
        state.ended = [0; STAGES];
        Ok(inventory)
    }

    fn end_pass(&self, served: &ServedVolume, is_last: bool) -> Result<Option<Digest>> {
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
