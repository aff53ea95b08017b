//! Proves two claims equal on demand: a mover pod of its own mounts both for reading, and is removed again whatever happens.
//!
//! Changes nothing but that pod, and keeps no journal: there is nothing to resume. Says what it found; what that means to a caller
//! is the command's business.

use std::time::Duration;

use serde_json::{Value, json};
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::Instant;

use super::caller::Caller;
use super::failure::CommandError;
use crate::cluster::read::{Reference, SurveyError, survey};
use crate::cluster::{ApiError, Connection, Creation, Delete, Kind};
use crate::contract::orders::{self, Failure, MoverState, Order, Orders, Volume, VolumeMode, VolumeReport};
use crate::plan::mover_pod::{self, MOVER};
use crate::plan::{marks, run_of_mover};
use crate::planner::objects;
use crate::survey::{AppKind, ClaimSeen, Survey};

/// How long the pod may take to answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(180);
/// How long the pod is waited for after it was deleted; it stops within 2 s where its node answers.
const GONE_WITHIN: Duration = Duration::from_secs(30);
/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Calls in a row that may fail for a reason that passes.
const FAILURES_MAX: u32 = 20;

/// What is to be compared, and how.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// The namespace.
    pub namespace: String,
    /// The claims.
    pub claims: [String; 2],
    /// The name of the pod.
    pub pod: String,
    /// The image of the pod.
    pub image: String,
    /// How long the comparison may take.
    pub within: Duration,
}

/// What a comparison came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Findings {
    /// The claims in the order they were named.
    pub claims: [ClaimProof; 2],
    /// The first paths at which they differ.
    pub differences: Vec<String>,
    /// How many more of these the mover had no room to name.
    pub differences_left_out: u64,
}

/// What is on one claim.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimProof {
    /// The claim.
    pub claim: String,
    /// Its volume.
    pub volume: String,
    /// The root digest of what is on it.
    pub root: String,
    /// How many entries, or segments of a device.
    pub entries: u64,
    /// How many bytes.
    pub bytes: u64,
}

impl Findings {
    /// Whether both hold the same.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.claims[0].root == self.claims[1].root
    }
}

/// Why two claims were not compared.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// They cannot be, as they are.
    #[error("{what}")]
    Refused {
        /// Why.
        what: String,
        /// What can be done about it.
        hint: String,
    },
    /// The pod does not start.
    #[error("mover pod {pod} does not answer within {} s{why}", ANSWERS_WITHIN.as_secs())]
    NotStarted {
        /// The pod.
        pod: String,
        /// What its status says.
        why: String,
    },
    /// The mover could not.
    #[error("the comparison failed: {0}")]
    Failed(String),
    /// It took longer than it may.
    #[error("the comparison is not through within {0} s")]
    TooLong(u64),
    /// The user does not want it any more.
    #[error("interrupted")]
    Interrupted,
    /// The claims cannot be looked at.
    #[error("{0}")]
    Survey(#[from] SurveyError),
    /// The API said so.
    #[error("{0}")]
    Api(#[from] ApiError),
}

/// Compares two claims for a caller that may interrupt it.
///
/// # Errors
///
/// As [`compare`].
pub async fn verify(connection: &Connection, comparison: &Comparison, caller: &impl Caller) -> Result<Findings, CommandError> {
    let findings = caller.attend(async |interrupts| compare(connection, comparison, interrupts).await).await?;
    findings.map_err(|error| CommandError::of_verify(error, caller.interrupted()))
}

/// Compares two claims.
///
/// # Errors
///
/// When they cannot be compared, or the mover cannot do it. The pod is removed then too.
pub async fn compare(
    connection: &Connection,
    comparison: &Comparison,
    mut interrupts: watch::Receiver<u32>,
) -> Result<Findings, VerifyError> {
    let mut seen = Vec::new();
    for name in &comparison.claims {
        seen.push(survey(connection, &comparison.namespace, &Reference { kind: AppKind::Claim, name: name.clone() }).await?);
    }
    let claims = [claim(&seen[0], &comparison.claims[0])?, claim(&seen[1], &comparison.claims[1])?];
    refuse(&comparison.namespace, claims)?;
    let manifest = objects::comparing_pod(&comparison.pod, &comparison.image, &seen[0], claims, node(claims), comparison.within)
        .ok_or_else(|| VerifyError::Refused {
            what: format!("namespace `{}` lets no pod in that may read everything", comparison.namespace),
            hint: "its Pod Security level is `restricted`; copy the claims' volumes to another namespace, or compare them by hand"
                .to_owned(),
        })?;
    let Creation::New(pod) = connection.create(&Kind::POD, &comparison.namespace, &manifest).await? else {
        return Err(VerifyError::Failed(format!("a pod of the name {} is there already", comparison.pod)));
    };
    let outcome = tokio::select! {
        outcome = compared(connection, comparison, claims) => outcome,
        Ok(()) = interrupts.changed() => Err(VerifyError::Interrupted),
    };
    remove(connection, comparison, &pod).await?;
    outcome
}

fn claim<'a>(seen: &'a Survey, name: &str) -> Result<&'a ClaimSeen, VerifyError> {
    seen.claims.iter().find(|claim| claim.name == name).ok_or_else(|| VerifyError::Failed(format!("claim `{name}` is gone")))
}

/// Whether a claim can be mounted on one node only at a time.
fn is_for_one_node(claim: &ClaimSeen) -> bool {
    !claim.access_modes.iter().any(|mode| mode == "ReadWriteMany" || mode == "ReadOnlyMany")
}

/// The pods that hold a claim to a node, with it.
fn held(claim: &ClaimSeen) -> Option<(&str, &str)> {
    let mounts = claim.mounted_by.iter().filter(|mount| !mount.is_over());
    mounts.filter_map(|mount| Some((mount.pod.as_str(), mount.node.as_deref()?))).next()
}

/// The node on which both can be mounted, where one of them is bound to one.
fn node(claims: [&ClaimSeen; 2]) -> Option<&str> {
    claims.into_iter().filter(|claim| is_for_one_node(claim)).find_map(held).map(|(_, node)| node)
}

/// All that keeps two claims from being compared.
fn refuse(namespace: &str, claims: [&ClaimSeen; 2]) -> Result<(), VerifyError> {
    let refused = |what: String, hint: String| Err(VerifyError::Refused { what, hint });
    let [one, other] = claims;
    if one.name == other.name {
        return refused(format!("claim `{}` is named twice", one.name), "name two claims".to_owned());
    }
    if one.block != other.block {
        return refused("a file system and a block device cannot be compared".to_owned(), "name two claims of one volumeMode".to_owned());
    }
    for claim in claims {
        if claim.volume.is_none() {
            let hint = format!("see why with `kubectl describe pvc {} -n {namespace}`", claim.name);
            return refused(format!("claim `{}` has no volume yet", claim.name), hint);
        }
        let copied_by = claim.mounted_by.iter().find_map(|mount| Some((&mount.pod, run_of_mover(&mount.pod)?)));
        if let Some((pod, run)) = copied_by {
            let what = format!("claim `{}` is mounted by pod {pod} of run `{run}`, which writes to it or is copied from it", claim.name);
            return refused(what, format!("wait until the run has ended; see it with `kubectl stateful status {run} -n {namespace}`"));
        }
        let is_alone = claim.access_modes.iter().any(|mode| mode == "ReadWriteOncePod");
        if let Some((pod, _)) = held(claim).filter(|_| is_alone) {
            let what = format!("claim `{}` is ReadWriteOncePod and mounted by pod {pod}", claim.name);
            return refused(what, format!("stop pod {pod} first"));
        }
    }
    match (held(one), held(other)) {
        (Some((pod, here)), Some((another, there))) if is_for_one_node(one) && is_for_one_node(other) && here != there => refused(
            format!(
                "claim `{}` is mounted by pod {pod} on {here} and claim `{}` by pod {another} on {there}; no pod can mount both",
                one.name, other.name
            ),
            format!("stop pod {pod} or pod {another} first, for instance with `kubectl scale … --replicas 0 -n {namespace}`"),
        ),
        _ => Ok(()),
    }
}

/// Gives the mover its order once it answers, and waits for what it finds.
async fn compared(connection: &Connection, comparison: &Comparison, claims: [&ClaimSeen; 2]) -> Result<Findings, VerifyError> {
    let since = Instant::now();
    let mut ordered_at = None;
    let mut failures = 0;
    loop {
        match step(connection, comparison, claims, since.elapsed(), &mut ordered_at).await {
            Ok(Some(findings)) => return Ok(findings),
            Ok(None) => failures = 0,
            Err(VerifyError::Api(error)) if error.is_passing() && failures < FAILURES_MAX => failures += 1,
            Err(error) => return Err(error),
        }
        if since.elapsed() > comparison.within {
            return Err(VerifyError::TooLong(comparison.within.as_secs()));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Looks at the pod once, and does what is next; returns the end of it.
async fn step(
    connection: &Connection,
    comparison: &Comparison,
    claims: [&ClaimSeen; 2],
    waited: Duration,
    ordered_at: &mut Option<Instant>,
) -> Result<Option<Findings>, VerifyError> {
    let Some(pod) = connection.get(&Kind::POD, &comparison.namespace, &comparison.pod).await? else {
        return Err(VerifyError::Failed(format!("somebody deleted pod {}", comparison.pod)));
    };
    let log = connection.log_tail(&comparison.namespace, &comparison.pod, MOVER).await?;
    let report = orders::last_report(log.as_deref().unwrap_or_default());
    let report = report.map_err(|version| VerifyError::Failed(format!("pod {} cannot be ordered: {version}", comparison.pod)))?;
    let Some(report) = report else {
        let is_late = waited > ANSWERS_WITHIN || has_failed(&pod);
        let not_started = || VerifyError::NotStarted { pod: comparison.pod.clone(), why: why(&pod) };
        return if is_late { Err(not_started()) } else { Ok(None) };
    };
    match (report.state, report.failure) {
        // What it said last would else be believed for as long as it may take.
        (MoverState::Ready | MoverState::Running, _) if has_failed(&pod) => {
            Err(VerifyError::Failed(format!("pod {} has failed{}", comparison.pod, why(&pod))))
        }
        (MoverState::Ready, _) => order(connection, comparison, &pod, claims[0].block, ordered_at).await.map(|()| None),
        (MoverState::Running, _) => Ok(None),
        (MoverState::Done, _) => findings(claims, &report.volumes).map(Some),
        (MoverState::Failed, failure) => Err(VerifyError::Failed(said(failure))),
    }
}

fn said(failure: Option<Failure>) -> String {
    failure.map_or_else(|| "the mover did not say why".to_owned(), |failure| failure.message)
}

fn has_failed(pod: &Value) -> bool {
    pod["status"]["phase"] == "Failed"
}

/// What the status of a pod says of why it does not run.
fn why(pod: &Value) -> String {
    let waiting = &mover_pod::status(pod)["state"]["waiting"];
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    let unmet = conditions.filter(|condition| condition["status"] == "False");
    let said = [&pod["status"], waiting].into_iter().chain(unmet).find_map(|one| one["message"].as_str().or(one["reason"].as_str()));
    said.map(|said| format!(": {said}")).unwrap_or_default()
}

/// Orders the comparison; an order that is not taken for a while is brought to mind again.
async fn order(
    connection: &Connection,
    comparison: &Comparison,
    pod: &Value,
    is_block: bool,
    ordered_at: &mut Option<Instant>,
) -> Result<(), VerifyError> {
    let is_ordered = pod["metadata"]["annotations"][marks::ORDERS].is_string();
    let since = *ordered_at.get_or_insert_with(Instant::now);
    if is_ordered && since.elapsed() < orders::REMIND_AFTER {
        return Ok(());
    }
    let annotations = if is_ordered { marks::reminder(pod) } else { json!({ marks::ORDERS: orders_to_compare(is_block) }) };
    let metadata = json!({ "uid": pod["metadata"]["uid"], "annotations": annotations });
    connection.patch(&Kind::POD, &comparison.namespace, &comparison.pod, &json!({ "metadata": metadata })).await?;
    *ordered_at = Some(Instant::now());
    Ok(())
}

fn orders_to_compare(is_block: bool) -> String {
    let mode = if is_block { VolumeMode::Block } else { VolumeMode::Filesystem };
    let volumes = objects::COMPARED.map(|name| Volume { name: name.to_owned(), mode }).to_vec();
    let orders = Orders::new(1, Order::Compare { volumes });
    serde_json::to_string(&orders).expect("orders have only string keys")
}

fn findings(claims: [&ClaimSeen; 2], reports: &[VolumeReport]) -> Result<Findings, VerifyError> {
    let [one, other] = reports else {
        return Err(VerifyError::Failed("the mover reports on other volumes than were asked for".to_owned()));
    };
    let proven = |claim: &ClaimSeen, report: &VolumeReport| {
        let root = report.source_root.clone().ok_or_else(|| VerifyError::Failed(format!("the mover names no root of `{}`", claim.name)))?;
        let volume = claim.volume.as_ref().map(|volume| volume.name.clone()).unwrap_or_default();
        Ok::<_, VerifyError>(ClaimProof { claim: claim.name.clone(), volume, root, entries: report.entries, bytes: report.bytes })
    };
    let claims = [proven(claims[0], one)?, proven(claims[1], other)?];
    Ok(Findings { claims, differences: other.differences.clone(), differences_left_out: other.differences_left_out })
}

/// Deletes the pod, trying a few times: nobody would come by later to do it.
async fn remove(connection: &Connection, comparison: &Comparison, pod: &Value) -> Result<(), VerifyError> {
    let how = Delete { uid: pod["metadata"]["uid"].as_str().map(str::to_owned), ..Delete::default() };
    let mut failures = 0;
    loop {
        match connection.delete(&Kind::POD, &comparison.namespace, &comparison.pod, &how).await {
            Err(error) if error.is_passing() && failures < FAILURES_MAX => failures += 1,
            Err(error) => return Err(error.into()),
            Ok(()) => break,
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    // Whoever plans a move right afterwards would be told that it still mounts the claims.
    let since = Instant::now();
    while since.elapsed() < GONE_WITHIN {
        match connection.get(&Kind::POD, &comparison.namespace, &comparison.pod).await {
            Ok(Some(found)) if found["metadata"]["uid"] == pod["metadata"]["uid"] => {}
            Ok(_) => break,
            Err(error) if error.is_passing() => {}
            Err(_) => break,
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}
