//! What the target end says without being asked, and by which another thread ends the session.
//!
//! What follows from it is decided by who hears it.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use super::channel::{Channel, Closer};
use super::wire::Message;
use crate::mover::disk::buffer::Buffer;
use crate::mover::ground::fail::Halt;
use crate::mover::ground::progress::Progress;

/// What the target said without being asked.
#[derive(Default)]
pub(super) struct Notices {
    pub(super) failure: Mutex<Option<Halt>>,
    pub(super) is_over: Mutex<bool>,
    pub(super) over: Condvar,
    pub(super) progress: Mutex<Option<Arc<Progress>>>,
    pub(super) closers: Mutex<Vec<Closer>>,
    pub(super) is_closed: AtomicBool,
    /// See [`Message::Starving`].
    pub(super) starving_percent: AtomicU8,
}

impl Notices {
    /// Closes all connections of the session.
    pub(super) fn close_all(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
        self.closers.lock().expect("no thread panics while it holds this lock").iter().for_each(Closer::close);
    }
}

/// By which another thread ends a session.
#[derive(Clone)]
pub struct Ender(pub(super) Arc<Notices>);

impl Ender {
    /// Closes all connections, so that every thread that waits on one ends.
    pub fn end(&self) {
        self.0.close_all();
    }
}

/// Listens to what the target says without being asked; a failure ends the session.
pub(super) fn hear(mut channel: Channel, notices: &Notices) {
    let mut content = Buffer::default();
    loop {
        match channel.receive(&mut content) {
            Ok(Message::Phase(phase)) => {
                if let Some(progress) = &*notices.progress.lock().expect("no thread panics while it holds this lock") {
                    progress.enter(phase);
                }
            }
            Ok(Message::Starving { percent }) => notices.starving_percent.store(percent, Ordering::Relaxed),
            Ok(Message::Failed { reason, message }) => {
                *notices.failure.lock().expect("no thread panics while it holds this lock") = Some(Halt::new(reason, message));
                break;
            }
            Ok(_) | Err(_) => break,
        }
    }
    *notices.is_over.lock().expect("no thread panics while it holds this lock") = true;
    notices.over.notify_all();
    notices.close_all();
}
