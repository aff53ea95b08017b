//! Replicas that are not ready before the move: the run waits until all of them are ready again, and cannot mend what was broken before.
//!
//! Under `OrderedReady` a replica is started only when those before it are ready (KEP-661; `processReplica` in
//! `pkg/controller/statefulset/stateful_set_control.go`), so that stopping the ones that serve would be a one-way street.

use super::reason::{AppReason, Refusal};
use super::reference::reference;
use crate::plan::{Destination, Request};
use crate::survey::{AppKind, PodSeen, Survey};

/// Refuses to stop an app of which a part is down: what was broken before could not be told from what the move broke.
pub(crate) fn refusal(request: &Request, survey: &Survey) -> Option<Refusal> {
    // Of a bare pod that is over something else is said.
    let is_over = survey.app.kind == AppKind::Pod && survey.app.pods.iter().all(PodSeen::is_over);
    if is_over || matches!(request.destination, Destination::KeptVolumes { .. }) {
        return None;
    }
    let replicas = unready(survey);
    (!replicas.is_empty()).then(|| Refusal::App(AppReason::NotReady { app: reference(survey), replicas }))
}

/// What replicas that are not ready mean for a move that is made all the same.
pub(crate) fn note(request: &Request, survey: &Survey) -> Option<String> {
    let replicas = unready(survey);
    if refusal(request, survey).is_some() || replicas.is_empty() {
        return None;
    }
    let found = format!("{} is not ready now: {}", reference(survey), replicas.join(", "));
    Some(match &request.destination {
        Destination::KeptVolumes { discard_new_writes: false, .. } => format!(
            "{found}. What it wrote to its present volumes replaces what is on the kept ones. With --discard-new-writes it starts on the kept ones as they are, and the present ones are kept"
        ),
        Destination::StorageClass { .. } | Destination::KeptVolumes { discard_new_writes: true, .. } => format!(
            "{found}. If that stays so, the run halts {} s after the app was started, on the new volumes, and `undo` goes back",
            request.ready_secs_max
        ),
    })
}

/// A pod that is not up, and what it is instead.
fn with_state(name: &str, pod: Option<&PodSeen>) -> String {
    let state = match pod {
        None => "is not there",
        Some(pod) if pod.terminating => "is being deleted",
        Some(pod) if pod.phase != "Running" => &pod.phase,
        Some(_) => "runs and is not ready",
    };
    format!("pod {name} ({state})")
}

/// The replicas that are not ready, in words.
fn unready(survey: &Survey) -> Vec<String> {
    let app = &survey.app;
    let is_up = |pod: &&PodSeen| !pod.is_over() && !pod.terminating && pod.ready;
    match app.kind {
        AppKind::StatefulSet => {
            let names = (0..app.replicas).map(|index| format!("{}-{}", app.name, app.first_ordinal.saturating_add(index)));
            let is_ready = |name: &String| app.pods.iter().filter(is_up).any(|pod| pod.name == *name);
            names.filter(|name| !is_ready(name)).map(|name| with_state(&name, app.pods.iter().find(|pod| pod.name == name))).collect()
        }
        AppKind::Deployment => {
            let ready = app.pods.iter().filter(is_up).count();
            let wanted = usize::try_from(app.replicas).unwrap_or(usize::MAX);
            if ready < wanted { vec![format!("{} of {wanted} pods", wanted - ready)] } else { Vec::new() }
        }
        AppKind::Pod => app.pods.iter().filter(|pod| !is_up(pod)).map(|pod| with_state(&pod.name, Some(pod))).collect(),
        AppKind::Claim => Vec::new(),
    }
}
