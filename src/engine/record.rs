//! The journal as steps that are driven together share it: events that come up while one append is on its way are written by
//! the next, together. Each caller returns only when its own event is stored.

use std::collections::VecDeque;

use tokio::sync::Mutex;

use crate::journal::lease::Lease;
use crate::journal::{Event, Journal, JournalError, RunState};
use crate::plan::Plan;

pub(super) struct Record<'a> {
    plan: &'a Plan,
    lease: Lease,
    journal: Mutex<Journal>,
    queue: std::sync::Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Event>,
    /// How many events were ever queued, and how many of them are stored.
    queued: u64,
    stored: u64,
}

impl<'a> Record<'a> {
    pub(super) fn new(plan: &'a Plan, lease: Lease, journal: Journal) -> Self {
        Self { plan, lease, journal: Mutex::new(journal), queue: std::sync::Mutex::default() }
    }

    /// Stores an event, together with those of others that wait.
    pub(super) async fn write(&self, event: Event) -> Result<(), JournalError> {
        let ticket = self.enqueue(event);
        let mut journal = self.journal.lock().await;
        let batch = {
            let queue = self.queue.lock().expect("no code panics while holding this lock");
            if queue.stored >= ticket {
                return Ok(());
            }
            Vec::from(queue.waiting.clone())
        };
        match journal.append(&batch).await {
            // Somebody deleted or damaged it, and we know all that was in it. Unless the run is not ours any more.
            Err(lost @ (JournalError::Gone(_) | JournalError::Broken { .. })) => {
                self.lease.renew().await.map_err(|_| lost)?;
                journal.restore(self.plan).await?;
                journal.append(&batch).await?;
            }
            other => other?,
        }
        let mut queue = self.queue.lock().expect("no code panics while holding this lock");
        queue.waiting.drain(..batch.len());
        queue.stored += batch.len() as u64;
        Ok(())
    }

    /// Whether nobody else has written to the journal, for certain.
    pub(super) async fn is_as_left(&self) -> bool {
        self.journal.lock().await.is_as_left().await.unwrap_or(false)
    }

    pub(super) async fn state(&self) -> RunState {
        self.journal.lock().await.state().clone()
    }

    pub(super) async fn label_state(&self, word: &str) {
        self.journal.lock().await.label_state(word).await;
    }

    fn enqueue(&self, event: Event) -> u64 {
        let mut queue = self.queue.lock().expect("no code panics while holding this lock");
        queue.waiting.push_back(event);
        queue.queued += 1;
        queue.queued
    }
}
