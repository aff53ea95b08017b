//! Whose word counts. A plan or journal that is read, from a file or from the cluster, is data of whoever could write it: in a namespace
//! that is everybody who may edit config maps there. It is carried out with the executor's rights, so it counts only on one of these:
//!
//! - volumes bear the digest of this very plan: the run pinned them, and only who administers storage can write there;
//! - nothing of the run is on any volume yet, and the plan is what would be planned now, for what the user says on the command line;
//! - the user names the plan's digest, having read it: for runs that were begun before volumes bore it.
//!
//! A run of which nothing is on any volume can besides be closed by looking: each step is seen to be as before, and nothing is changed.
//!
//! A journal is not believed beyond that. It says how far a run is, and steps look at the world before they act on it. Whoever forges
//! one in his namespace reaches what is his there, and nothing else.

use serde_json::Value;
use thiserror::Error;

use super::{Course, records};
use crate::cluster::read::{self, SurveyError};
use crate::cluster::{ApiError, Connection, Kind};
use crate::journal::{Journal, JournalError, Stand, stored_plan};
use crate::plan::{Destination, Plan, Request, RunId, Step, marks, run_of_mover};
use crate::planner::{self, Refusals};
use crate::survey::{Survey, object};

/// What the user says on the command line. What a plan claims that its user said is the word of its author.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assurances {
    /// The image that mover pods are to run, where one is named.
    pub mover_image: Option<String>,
    /// Whatever applies the app's manifest is paused.
    pub applier_is_paused: bool,
    /// Mover pods can reach one another in spite of network policies.
    pub network_is_open: bool,
    /// How long an outage the user accepts, in seconds, whatever the plan says.
    pub accept_outage_secs: Option<u64>,
    /// The digest of the plan that the user has read and stands up for.
    pub plan_digest: Option<String>,
}

/// Why a plan counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// Volumes that the run pinned bear its digest.
    Anchored,
    /// The user has named its digest.
    Vouched,
    /// It is what would be planned now.
    PlannedAnew,
    /// Nothing of the run is on any volume, and it goes back: there is nothing to do but to see that.
    NothingLeft,
    /// The run has ended and left nothing on any volume: there is nothing to do.
    Ended,
}

/// A run as it was read back, which counts.
pub struct TrustedRun {
    /// Its plan.
    pub plan: Plan,
    /// Its journal.
    pub journal: Journal,
    /// Why it counts.
    pub basis: Basis,
}

/// Why a plan does not count.
#[derive(Debug, Error)]
pub enum Distrust {
    /// It was made for another cluster.
    #[error("the plan was made for cluster {made_for}, this is {this}")]
    OtherCluster {
        /// The one it was made for.
        made_for: String,
        /// This one.
        this: String,
        /// Both are known by more than their addresses.
        is_certain: bool,
    },
    /// A volume says that its run carries out another plan.
    #[error(
        "the plan in config map `stateful-{run}-plan-0` is not the one that run `{run}` was begun with: volume {volume} bears the digest of another{writer}"
    )]
    Altered {
        /// The run.
        run: RunId,
        /// The volume.
        volume: String,
        /// Who wrote the plan last.
        writer: String,
    },
    /// A volume bears the run's marks that the plan does not move.
    #[error("volume {volume} bears the marks of run `{run}`, and the plan in config map `stateful-{run}-plan-0` does not move it{writer}")]
    Unmoved {
        /// The run.
        run: RunId,
        /// The volume.
        volume: String,
        /// Who wrote the plan last.
        writer: String,
    },
    /// The journal was kept for another plan.
    #[error("the journal of run `{run}` was kept for another plan than config map `stateful-{run}-plan-0` holds{writer}")]
    OtherJournal {
        /// The run.
        run: RunId,
        /// Its namespace.
        namespace: String,
        /// Who wrote the plan last.
        writer: String,
    },
    /// The journal says that something was done, and no volume shows it.
    #[error("the journal of run `{run}` says that `{step}` was begun, and no volume bears the marks of that run{writer}")]
    Unmarked {
        /// The run.
        run: RunId,
        /// Its namespace.
        namespace: String,
        /// The step.
        step: String,
        /// Who wrote the plan last.
        writer: String,
    },
    /// Its volumes bear its marks and no digest, as those of runs that were begun by earlier versions.
    #[error(
        "volume {volume} bears the marks of run `{run}` and no digest of its plan. Whoever may write config maps in namespace `{namespace}` may have changed the plan{writer}"
    )]
    NoDigest {
        /// The run.
        run: RunId,
        /// Its namespace.
        namespace: String,
        /// A volume that bears its marks.
        volume: String,
        /// The digest of the plan as it is.
        digest: String,
        /// Who wrote the plan last.
        writer: String,
    },
    /// It wants movers of another image than the user.
    #[error("the plan names `{named}` as the image of its mover pods; you name {}", .wanted.as_ref().map_or_else(|| "none".to_owned(), |image| format!("`{image}`")))]
    Image {
        /// What it names.
        named: String,
        /// What the command line or the environment says.
        wanted: Option<String>,
    },
    /// It is not what would be planned now.
    #[error("the plan is not what would be planned now")]
    Changed {
        /// The plan.
        plan: Box<Plan>,
        /// What would be planned.
        now: Box<Plan>,
    },
    /// What it asks for is refused now.
    #[error("{0}")]
    Refused(Refusals),
    /// The records cannot be read.
    #[error("{0}")]
    Journal(#[from] JournalError),
    /// The app cannot be surveyed.
    #[error("{0}")]
    Survey(#[from] SurveyError),
    /// The API said so.
    #[error("{0}")]
    Api(#[from] ApiError),
}

/// Reads a run back, if it counts.
///
/// # Errors
///
/// See [`Distrust`].
pub async fn read_run(
    connection: &Connection,
    namespace: &str,
    run: &RunId,
    course: Course,
    assurances: &Assurances,
) -> Result<TrustedRun, Distrust> {
    let plan = stored_plan::read(connection, namespace, run).await?;
    let journal = Journal::open(connection, namespace, run).await?;
    let basis = basis(connection, &plan, &journal, course, assurances).await?;
    Ok(TrustedRun { plan, journal, basis })
}

/// Says why a plan that was read back counts.
///
/// # Errors
///
/// When it does not: see [`Distrust`].
pub async fn basis(
    connection: &Connection,
    plan: &Plan,
    journal: &Journal,
    course: Course,
    assurances: &Assurances,
) -> Result<Basis, Distrust> {
    let other = other_cluster(connection, plan).await?;
    if let Some(other @ Distrust::OtherCluster { is_certain: true, .. }) = other {
        return Err(other);
    }
    let state = journal.state();
    if !state.plan.is_empty() && state.plan != plan.digest() {
        return Err(Distrust::OtherJournal {
            run: plan.run().clone(),
            namespace: plan.namespace().to_owned(),
            writer: writer(connection, plan).await,
        });
    }
    match volume_marks(connection, plan).await? {
        // That its volumes are here shows the cluster, too.
        VolumeMarks::ByDigest => return Ok(Basis::Anchored),
        VolumeMarks::WithoutDigest(volume) => return vouched(connection, plan, volume, assurances).await,
        VolumeMarks::Nothing => {}
    }
    if let Some(other) = other {
        return Err(other);
    }
    if course == Course::Begin && (state.outcome.is_some() || state.back) {
        return Err(unmarked(connection, plan, "everything").await);
    }
    if state.outcome.is_some() {
        return Ok(Basis::Ended);
    }
    if state.back || course == Course::Undo {
        return Ok(Basis::NothingLeft);
    }
    if let Some(step) = plan.steps().map(|(_, step)| step).find(|step| leaves_marks(&step.step, state.stand(&step.id))) {
        return Err(unmarked(connection, plan, &step.id.0).await);
    }
    as_planned_now(connection, plan, assurances).await.map(|_| Basis::PlannedAnew)
}

async fn unmarked(connection: &Connection, plan: &Plan, step: &str) -> Distrust {
    let (run, namespace) = (plan.run().clone(), plan.namespace().to_owned());
    Distrust::Unmarked { run, namespace, step: step.to_owned(), writer: writer(connection, plan).await }
}

/// Whether a step that stands so has left the run's marks on a volume: the pins by being done, all that come after them by being begun.
fn leaves_marks(step: &Step, stand: &Stand) -> bool {
    match stand {
        Stand::Settled(_) | Stand::Found(_) => true,
        Stand::Intended | Stand::Undoing => !matches!(step, Step::PinReclaim(_)),
        Stand::Untouched | Stand::Undone => false,
    }
}

async fn vouched(connection: &Connection, plan: &Plan, volume: String, assurances: &Assurances) -> Result<Basis, Distrust> {
    let digest = plan.digest();
    if assurances.plan_digest.as_ref() == Some(&digest) {
        return Ok(Basis::Vouched);
    }
    let (run, namespace) = (plan.run().clone(), plan.namespace().to_owned());
    Err(Distrust::NoDigest { run, namespace, volume, digest, writer: writer(connection, plan).await })
}

/// That a plan is for another cluster than the one at hand, if it seems so: for certain by its identity, or by its address where that is not
/// known of both. A cluster has many addresses.
async fn other_cluster(connection: &Connection, plan: &Plan) -> Result<Option<Distrust>, Distrust> {
    let uid = connection.cluster_uid().await?;
    let (is_same, is_certain) = match (&plan.cluster_uid, &uid) {
        (Some(made_for), Some(this)) => (made_for == this, true),
        (None, _) | (_, None) => (plan.cluster == connection.address(), false),
    };
    let named = |address: &str, uid: &Option<String>| uid.as_ref().map_or_else(|| address.to_owned(), |uid| format!("{address} ({uid})"));
    let (made_for, this) = (named(&plan.cluster, &plan.cluster_uid), named(connection.address(), &uid));
    Ok((!is_same).then_some(Distrust::OtherCluster { made_for, this, is_certain }))
}

/// What of a run is on volumes.
enum VolumeMarks {
    /// Nothing.
    Nothing,
    /// The digest of this plan.
    ByDigest,
    /// Its marks, and no digest; on this volume, for one.
    WithoutDigest(String),
}

async fn volume_marks(connection: &Connection, plan: &Plan) -> Result<VolumeMarks, Distrust> {
    let digest = plan.digest();
    let mut without = None;
    let mut is_anchored = false;
    let volumes = connection.list(&Kind::VOLUME, "", &marks::volumes_of(plan.namespace(), plan.run())).await?;
    if volumes.is_empty() {
        // Known by the digest itself; by now they may be in another run's hands, such as one that takes this one back.
        let pinned = of_the_claims(connection, plan, &digest).await?;
        return Ok(if pinned.is_empty() { VolumeMarks::Nothing } else { VolumeMarks::ByDigest });
    }
    for volume in volumes {
        let name = object::name(&volume);
        let role = object::label(&volume, marks::ROLE).unwrap_or_default();
        if role == marks::ROLE_SOURCE && !plan.moves.iter().any(|one| one.source.volume == name) {
            return Err(Distrust::Unmoved { run: plan.run().clone(), volume: name.to_owned(), writer: writer(connection, plan).await });
        }
        match volume["metadata"]["annotations"][marks::plan_of(role)].as_str() {
            Some(found) if found == digest => is_anchored = true,
            Some(_) => {
                return Err(Distrust::Altered { run: plan.run().clone(), volume: name.to_owned(), writer: writer(connection, plan).await });
            }
            None => without = Some(name.to_owned()),
        }
    }
    Ok(match (is_anchored, without) {
        (true, _) => VolumeMarks::ByDigest,
        (false, Some(volume)) => VolumeMarks::WithoutDigest(volume),
        (false, None) => VolumeMarks::Nothing,
    })
}

/// The plan's source volumes that bear its digest, though somebody took the labels off.
async fn of_the_claims(connection: &Connection, plan: &Plan, digest: &str) -> Result<Vec<Value>, ApiError> {
    let mut found = Vec::new();
    for one in &plan.moves {
        let volume = connection.get(&Kind::VOLUME, "", &one.source.volume).await?;
        found.extend(volume.filter(|volume| volume["metadata"]["annotations"][marks::PLAN] == digest));
    }
    Ok(found)
}

async fn writer(connection: &Connection, plan: &Plan) -> String {
    stored_plan::writer(connection, plan.namespace(), plan.run()).await
}

/// Plans again from what is there now and from what the user says: a plan that comes out otherwise does not count. Returns what was seen.
///
/// # Errors
///
/// See [`Distrust`].
pub async fn as_planned_now(connection: &Connection, plan: &Plan, assurances: &Assurances) -> Result<Survey, Distrust> {
    if let Some(other) = other_cluster(connection, plan).await? {
        return Err(other);
    }
    if plan.request.copies() && assurances.mover_image.as_ref() != Some(&plan.request.mover_image) {
        return Err(Distrust::Image { named: plan.request.mover_image.clone(), wanted: assurances.mover_image.clone() });
    }
    let named = read::Reference { kind: plan.app.kind, name: plan.app.name.clone() };
    let seen = seen(connection, plan.namespace(), &named, &plan.request).await?;
    let request =
        Request { applier_is_paused: assurances.applier_is_paused, network_is_open: assurances.network_is_open, ..plan.request.clone() };
    let now = planner::plan(&request, &seen, &plan.cluster).map_err(Distrust::Refused)?;
    // Which cluster it is was looked at already.
    let now = Plan { request: plan.request.clone(), cluster_uid: plan.cluster_uid.clone(), ..now };
    if now == *plan { Ok(seen) } else { Err(Distrust::Changed { plan: Box::new(plan.clone()), now: Box::new(now) }) }
}

/// Surveys an app for a request, the volumes that the request says are kept among it.
///
/// # Errors
///
/// As [`read::survey`].
pub async fn seen(connection: &Connection, namespace: &str, named: &read::Reference, request: &Request) -> Result<Survey, SurveyError> {
    let mut seen = read::survey(connection, namespace, named).await?;
    seen.unfinished_runs = records::unfinished(connection, namespace, std::mem::take(&mut seen.unfinished_runs)).await;
    leave_out_movers(&mut seen, &request.run);
    if let Destination::KeptVolumes { run, volumes, .. } = &request.destination {
        seen.kept = read::kept_seen(connection, volumes.iter().map(|kept| kept.volume.as_str())).await?;
        // The run that is gone back from may have stopped short of its end; going back is what finishes it.
        seen.unfinished_runs.retain(|unfinished| *unfinished != run.0);
    }
    Ok(seen)
}

/// Pods that are called as movers of another, unfinished run on the app are left out of who mounts its claims. The move is
/// refused for that run, and its movers are not for anybody to stop.
fn leave_out_movers(seen: &mut Survey, asked: &RunId) {
    let of_another = |pod: &str| run_of_mover(pod).is_some_and(|run| run != *asked && seen.unfinished_runs.contains(&run.0));
    for claim in &mut seen.claims {
        claim.mounted_by.retain(|mount| mount.of_app || !of_another(&mount.pod));
    }
}
