//! Who else holds a claim that is to be moved. Names them; whether they could be moved along is not asked.

use super::reason::{AppReason, ClaimReason, Refusal};
use super::reference::reference;
use crate::survey::{AppKind, ClaimSeen, MountSeen, PodSeen, Survey};

/// Refuses a pod that has run to its end, on the way back too: nobody may run a job twice who did not mean to.
pub(crate) fn app_is_over(survey: &Survey) -> Option<Refusal> {
    let app = &survey.app;
    let status = &app.raw["status"];
    let phase = status["phase"].as_str().unwrap_or_default();
    let is_over = app.kind == AppKind::Pod && app.pods.iter().all(PodSeen::is_over);
    is_over.then(|| {
        Refusal::App(AppReason::PodOver {
            pod: app.name.clone(),
            why: status["reason"].as_str().unwrap_or(phase).to_owned(),
            claims: survey.claims.iter().map(|claim| claim.name.clone()).collect(),
        })
    })
}

/// What others' templates have against moving a claim.
pub(crate) fn templates(survey: &Survey, claim: &ClaimSeen) -> Vec<Refusal> {
    let those = survey.templates.iter().filter(|template| template.starts_pods && template.claims.contains(&claim.name));
    those
        .map(|template| {
            Refusal::Claim(ClaimReason::NamedByTemplate {
                claim: claim.name.clone(),
                kind: template.kind.clone(),
                name: template.name.clone(),
            })
        })
        .collect()
}

/// What must stay as it is while these claims are moved.
pub(crate) fn notes(survey: &Survey, moved: &[&ClaimSeen]) -> Vec<String> {
    let mut notes = Vec::new();
    for template in survey.templates.iter().filter(|template| !template.starts_pods) {
        for claim in moved.iter().filter(|claim| template.claims.contains(&claim.name)) {
            notes.push(format!(
                "{} {} names claim {} and starts no pod now: leave it so until the move is over",
                template.kind, template.name, claim.name
            ));
        }
    }
    notes
}

/// What others' pods have against moving a claim.
pub(crate) fn pods(survey: &Survey, claim: &ClaimSeen) -> Vec<Refusal> {
    let others = claim.mounted_by.iter().filter(|mount| !mount.of_app);
    others.filter_map(|mount| pod(survey, claim, mount)).collect()
}

fn pod(survey: &Survey, claim: &ClaimSeen, mount: &MountSeen) -> Option<Refusal> {
    let (claim, pod, app) = (claim.name.clone(), mount.pod.clone(), reference(survey));
    if !mount.is_over() {
        return Some(Refusal::Claim(ClaimReason::InUseElsewhere { claim, pod, app }));
    }
    // A pod that was never placed keeps no claim from being deleted.
    mount.node.as_ref()?;
    let why = mount.reason.clone().unwrap_or_else(|| mount.phase.clone());
    Some(Refusal::Claim(ClaimReason::HeldByDeadPod { claim, pod, why, app, finalizers: mount.finalizers.clone() }))
}
