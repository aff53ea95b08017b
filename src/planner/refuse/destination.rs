//! Whether there is where the data is to go: a class that makes volumes, or volumes that are as the request says.

use super::reason::{Refusal, TargetReason};
use crate::plan::{Destination, KeptVolume, Request, marks};
use crate::planner::choose::Choice;
use crate::survey::Survey;

/// Finds what the class or the kept volumes have against a move.
pub(super) fn destination(choice: &Choice<'_>, found: &mut Vec<Refusal>) {
    let (request, survey) = (choice.request, choice.survey);
    match &request.destination {
        Destination::StorageClass { name } => match survey.class(name) {
            None => {
                let known = survey.classes.iter().map(|class| class.name.clone()).collect();
                found.push(Refusal::Target(TargetReason::NoSuchClass { class: name.clone(), known }));
            }
            Some(class) if class.provisioner == "kubernetes.io/no-provisioner" => {
                found.push(Refusal::Target(TargetReason::NotDynamic { class: name.clone(), provisioner: class.provisioner.clone() }));
            }
            Some(_) => {}
        },
        Destination::KeptVolumes { volumes, .. } => {
            for kept in volumes {
                let is_bound = choice.moved.iter().any(|claim| claim.seen.volume.as_ref().is_some_and(|volume| volume.name == kept.volume));
                let why = if is_bound { Some("it is the claim's volume now".to_owned()) } else { not_kept(request, survey, kept) };
                found.extend(
                    why.map(|why| Refusal::Target(TargetReason::NotKept { claim: kept.claim.clone(), volume: kept.volume.clone(), why })),
                );
            }
        }
    }
}

/// Why a volume is not what a request says of it. A request can come from anybody's file; of a volume only the volume is believed.
fn not_kept(request: &Request, survey: &Survey, kept: &KeptVolume) -> Option<String> {
    let Destination::KeptVolumes { run, .. } = &request.destination else { return None };
    let Some(seen) = survey.kept.iter().find(|seen| seen.volume == kept.volume) else { return Some("it is not there".to_owned()) };
    let namespace = &survey.namespace.name;
    let label = |key: &str| seen.labels.get(key).map(String::as_str);
    if label(marks::NAMESPACE) != Some(namespace) || label(marks::RUN) != Some(&run.0) || label(marks::ROLE) != Some(marks::ROLE_SOURCE) {
        return Some(format!("it does not bear the marks of run {run} in namespace {namespace}"));
    }
    let claim = format!("{namespace}/{}", kept.claim);
    let was = seen.annotations.get(marks::CLAIM).map(String::as_str).unwrap_or_default();
    let reference = &seen.claim_ref;
    let part = |field: &str| reference[field].as_str().unwrap_or_default();
    let named = format!("{}/{}", part("namespace"), part("name"));
    if named != claim {
        return Some(format!("it names claim `{named}`, not `{claim}`"));
    }
    if was != claim {
        return Some(format!("its annotation says that it was claim `{was}`, not `{claim}`"));
    }
    if seen.phase == "Bound" {
        return Some("it is bound".to_owned());
    }
    let policy = seen.annotations.get(marks::POLICY_BEFORE);
    let labels = marks::of_volume(namespace, run, marks::ROLE_SOURCE, label(marks::SLOT).unwrap_or_default());
    let is_same = seen.uid == kept.volume_uid
        && *reference == kept.claim_ref
        && seen.class.as_deref().unwrap_or_default() == kept.class.as_deref().unwrap_or_default()
        && seen.node_affinity == kept.node_affinity
        && labels == kept.labels
        && policy.is_none_or(|policy| *policy == kept.reclaim_policy);
    (!is_same).then(|| "it is not as the plan says".to_owned())
}
