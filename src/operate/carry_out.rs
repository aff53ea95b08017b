//! Takes an app's lease, opens the run's journal, sees that its plan counts, and drives the run to an ending.

use std::sync::Arc;

use thiserror::Error;
use tokio::sync::watch;

use super::Course;
use super::rehearsal::{self, RehearsalError};
use super::trust::{self, Assurances, Basis, Distrust};
use crate::cluster::Connection;
use crate::engine::{Ending, Listener, Run};
use crate::journal::lease::{Lease, LeaseError};
use crate::journal::{Journal, JournalError};
use crate::plan::Plan;
use crate::steps::World;

/// Who executes, and with what.
pub struct Executor<'a> {
    /// The cluster.
    pub connection: &'a Connection,
    /// Unique to this process.
    pub name: String,
    /// Who hears how far the run is.
    pub listener: &'a dyn Listener,
    /// How often the user has interrupted.
    pub interrupts: watch::Receiver<u32>,
    /// What the user said on the command line.
    pub assurances: &'a Assurances,
}

/// Why a run did not even begin, or go on.
#[derive(Debug, Error)]
pub enum ExecuteError {
    /// Somebody else holds the app.
    #[error("{0}")]
    Lease(#[from] LeaseError),
    /// The journal cannot be read or written.
    #[error("{0}")]
    Journal(#[from] JournalError),
    /// The plan does not count.
    #[error("{0}")]
    Distrust(#[from] Distrust),
    /// What it makes would not be let in.
    #[error("{0}")]
    Rehearsal(#[from] RehearsalError),
}

/// Carries out a plan, or takes it back, to an ending. A plan to begin was made, or compared with what would be planned, right before.
///
/// # Errors
///
/// When nothing was changed: see [`ExecuteError`].
pub async fn carry_out(executor: Executor<'_>, plan: &Plan, course: Course) -> Result<Ending, ExecuteError> {
    if course == Course::Begin {
        rehearsal::rehearse(executor.connection, plan).await?;
    }
    let lease = Lease::take(executor.connection, &plan.app, plan.run(), &executor.name).await?;
    let ending = drive(executor, plan, course, lease.clone()).await;
    lease.release().await;
    ending
}

async fn drive(executor: Executor<'_>, plan: &Plan, course: Course, lease: Lease) -> Result<Ending, ExecuteError> {
    let Executor { connection, name, listener, interrupts, assurances } = executor;
    let journal = match course {
        Course::Begin => Journal::create(connection, plan).await?,
        Course::Resume | Course::Undo => Journal::open(connection, plan.namespace(), plan.run()).await?,
    };
    let is_new = course == Course::Begin && journal.state().sequence == 0;
    let basis = if is_new { Basis::PlannedAnew } else { trust::basis(connection, plan, &journal, course, assurances).await? };
    let mut world = World::within(&connection.fenced(Arc::new(lease.clone())), plan);
    if let Some(secs) = assurances.accept_outage_secs {
        world.accepted_outage_ms = Some(secs.saturating_mul(1000));
    }
    let run = Run::new(plan, &world, journal, lease, name, listener, interrupts);
    Ok(match (basis, course) {
        (Basis::NothingLeft, Course::Begin | Course::Resume | Course::Undo) => run.close().await,
        (Basis::Anchored | Basis::Vouched | Basis::PlannedAnew | Basis::Ended, Course::Begin | Course::Resume) => run.execute().await,
        (Basis::Anchored | Basis::Vouched | Basis::PlannedAnew | Basis::Ended, Course::Undo) => run.undo().await,
    })
}
