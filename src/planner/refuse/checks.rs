//! Finds every reason not to move. Looks at facts only; what is laid out afterwards may rely on all of them.

use super::finalizers;
use super::occupants;
use super::refusal::Refusal;
use super::{access_modes, appliers, capacity, fs_group, nodes, replicas, rollout, room};
use crate::plan::{Destination, KeptVolume, Request, marks, staging_name};
use crate::planner::objects::identity::{Identity, lets_root_in};
use crate::planner::objects::mover::CLAIM_NAME_MAX;
use crate::survey::{AppKind, ClaimSeen, Origin, Survey, VolumeSeen};

/// Why a volume cannot be moved for what it is made of. A folder of a node's disk that is bound to that node is as good as a `local` volume; one
/// that is not may be another folder on another node.
fn unmovable(survey: &Survey, volume: &VolumeSeen) -> Option<&'static str> {
    let is_bound_to_nodes = volume.node_affinity.as_ref().is_some_and(|affinity| affinity["required"].is_object());
    match volume.source.as_str() {
        "hostPath" if is_bound_to_nodes || survey.nodes.len() == 1 => None,
        "hostPath" => Some("it names no node, and may be another folder on another node"),
        "emptyDir" => Some("it goes with its pod"),
        _ => None,
    }
}

/// All reasons not to carry out a request, most basic first.
pub fn refusals(request: &Request, survey: &Survey) -> Vec<Refusal> {
    let mut found = Vec::new();
    permissions(survey, &mut found);
    // Without permissions the rest of the survey is not to be believed.
    if !found.is_empty() {
        return found;
    }
    app(request, survey, &mut found);
    let claims = selected(request, survey, &mut found);
    destination(request, survey, &claims, &mut found);
    for claim in &claims {
        one_claim(request, survey, claim, &mut found);
    }
    found.extend(finalizers::of_app(request, survey));
    if makes_volumes(request) {
        found.extend(room::refusals(request, survey, &claims));
    }
    if request.copies() {
        found.extend(room::of_movers(request, survey));
        found.extend(capacity::refusals(request, survey));
    }
    movers(request, survey, &mut found);
    found.extend(nodes::refusals(request, survey));
    found
}

fn permissions(survey: &Survey, found: &mut Vec<Refusal>) {
    for access in survey.access.iter().filter(|access| !access.allowed && !access.optional) {
        let resource = if access.group.is_empty() { access.resource.clone() } else { format!("{}.{}", access.resource, access.group) };
        found.push(Refusal::NoPermission { verb: access.verb.clone(), resource, namespace: access.namespace.clone() });
    }
}

fn app(request: &Request, survey: &Survey, found: &mut Vec<Refusal>) {
    let app = &survey.app;
    let name = reference(survey);
    if survey.namespace.terminating {
        found.push(Refusal::NamespaceTerminating(survey.namespace.name.clone()));
    }
    if app.terminating {
        found.push(Refusal::AppTerminating(name.clone()));
    }
    let earlier = |run: &&String| **run != request.run.0;
    found.extend(survey.unfinished_runs.iter().filter(earlier).map(|run| Refusal::UnfinishedRun { run: run.clone() }));
    if let Some(mark) = mark_of_ours(&app.raw) {
        found.push(Refusal::BearsOurMark { app: name.clone(), mark });
    }
    if let Some(owner) = &app.owner {
        found.push(Refusal::AppOwned { app: name.clone(), owner: owner.clone() });
    }
    found.extend(occupants::app_is_over(survey));
    found.extend(rollout::refusal(request, survey));
    found.extend(replicas::refusal(request, survey));
    found.extend(appliers::refusals(request, &name, &app.applied_by));
    for scaler in survey.autoscalers.iter().filter(|scaler| !scaler.still) {
        found.push(Refusal::Autoscaled { app: name.clone(), kind: scaler.kind.clone(), name: scaler.name.clone(), replicas: app.replicas });
    }
}

/// A label or annotation of the app's pods by which they would be taken for ours.
fn mark_of_ours(raw: &serde_json::Value) -> Option<String> {
    let metadata = raw.pointer("/spec/template/metadata").or_else(|| (raw["kind"] == "Pod").then(|| &raw["metadata"]))?;
    let fields = ["labels", "annotations"].into_iter().filter_map(|field| metadata[field].as_object());
    fields.flat_map(|fields| fields.keys()).find(|key| key.starts_with(marks::PREFIX)).cloned()
}

/// The claims that are to be moved: those asked for, without ephemeral ones and those that are there already.
pub fn moved<'a>(request: &Request, survey: &'a Survey) -> Vec<&'a ClaimSeen> {
    let wanted = |claim: &&ClaimSeen| {
        let named = request.only_claims.is_empty() || request.only_claims.contains(&claim.name);
        let there = matches!(&request.destination, Destination::StorageClass { name } if claim.class.as_ref() == Some(name));
        named && !there && !request.skip_claims.contains(&claim.name) && !matches!(claim.origin, Origin::Ephemeral { .. })
    };
    let kept = |claim: &&ClaimSeen| match &request.destination {
        Destination::StorageClass { .. } => true,
        Destination::KeptVolumes { volumes, .. } => volumes.iter().any(|volume| volume.claim == claim.name),
    };
    survey.claims.iter().filter(wanted).filter(kept).collect()
}

fn selected<'a>(request: &Request, survey: &'a Survey, found: &mut Vec<Refusal>) -> Vec<&'a ClaimSeen> {
    let app = reference(survey);
    for claim in request.only_claims.iter().chain(&request.skip_claims) {
        if !survey.claims.iter().any(|seen| seen.name == *claim) {
            found.push(Refusal::NoSuchClaim { app: app.clone(), claim: claim.clone() });
        }
    }
    let claims = moved(request, survey);
    let in_target =
        |claim: &&ClaimSeen| matches!(&request.destination, Destination::StorageClass { name } if claim.class.as_ref() == Some(name));
    let there: Vec<&str> = survey.claims.iter().filter(in_target).map(|claim| claim.name.as_str()).collect();
    match (&request.destination, claims.is_empty()) {
        (Destination::StorageClass { name }, true) if !there.is_empty() => {
            let claim = there.join("`, `");
            found.push(Refusal::SameClass { claim: format!("claim `{claim}`"), class: name.clone() });
        }
        (_, true) => found.push(Refusal::NothingToMove { app }),
        (_, false) => {}
    }
    claims
}

fn destination(request: &Request, survey: &Survey, claims: &[&ClaimSeen], found: &mut Vec<Refusal>) {
    match &request.destination {
        Destination::StorageClass { name } => match survey.class(name) {
            None => {
                let known = survey.classes.iter().map(|class| class.name.clone()).collect();
                found.push(Refusal::NoSuchClass { class: name.clone(), known });
            }
            Some(class) if class.provisioner == "kubernetes.io/no-provisioner" => {
                found.push(Refusal::NotDynamic { class: name.clone(), provisioner: class.provisioner.clone() });
            }
            Some(_) => {}
        },
        Destination::KeptVolumes { volumes, .. } => {
            for kept in volumes {
                let is_bound = claims.iter().any(|claim| claim.volume.as_ref().is_some_and(|volume| volume.name == kept.volume));
                let why = if is_bound { Some("it is the claim's volume now".to_owned()) } else { not_kept(request, survey, kept) };
                found.extend(why.map(|why| Refusal::NotKept { claim: kept.claim.clone(), volume: kept.volume.clone(), why }));
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

fn one_claim(request: &Request, survey: &Survey, claim: &ClaimSeen, found: &mut Vec<Refusal>) {
    let name = claim.name.clone();
    if claim.terminating {
        found.push(Refusal::ClaimTerminating { claim: name.clone() });
    }
    let Some(volume) = claim.volume.as_ref().filter(|_| claim.phase == "Bound") else {
        found.push(Refusal::NotBound { claim: name, phase: claim.phase.clone() });
        return;
    };
    if volume.terminating {
        found.push(Refusal::VolumeTerminating { claim: name.clone(), volume: volume.name.clone() });
    }
    let own = format!("{}/{name} {}", survey.namespace.name, claim.uid);
    if volume.bound_to != own {
        let bound_to = volume.bound_to.clone();
        found.push(Refusal::BoundElsewhere { claim: name.clone(), volume: volume.name.clone(), bound_to });
    }
    let because = unmovable(survey, volume);
    found.extend(because.map(|why| Refusal::UnmovableVolume { claim: name.clone(), source_kind: volume.source.clone(), why }));
    found.extend(finalizers::of_claim(claim));
    if let Some(owner) = &claim.owner {
        found.push(Refusal::ClaimOwned { claim: name.clone(), owner: owner.clone() });
    }
    // A claim that is the app itself was looked at as such.
    if survey.app.kind != AppKind::Claim {
        found.extend(appliers::refusals(request, &format!("claim `{name}`"), &claim.applied_by));
    }
    found.extend(access_modes::refusal(request, survey, claim));
    found.extend(occupants::pods(survey, claim));
    found.extend(fs_group::refusal(request, survey, claim));
    found.extend(occupants::templates(survey, claim));
    found.extend(request.size_bytes.and_then(|size| room::too_small(claim, size)));
    let once = claim.access_modes.iter().any(|mode| mode == "ReadWriteOncePod");
    if once && request.insist && !request.cold {
        found.push(Refusal::NoWarmCopy { claim: name.clone() });
    }
    let staging = staging_name(&claim.name, &request.run);
    if staging.len() > CLAIM_NAME_MAX {
        found.push(Refusal::BadName(format!("the name `{staging}` would be longer than {CLAIM_NAME_MAX} characters")));
    }
}

fn movers(request: &Request, survey: &Survey, found: &mut Vec<Refusal>) {
    if !request.copies() {
        return;
    }
    if Identity::of(request, survey).is_none() {
        found.push(match lets_root_in(survey) {
            true => Refusal::NoUserOfApp,
            false => Refusal::PodSecurity { namespace: survey.namespace.name.clone() },
        });
    }
    let over_network = crate::planner::layout::storage_class::units(request, survey).iter().any(|unit| unit.over_network);
    if over_network && !request.network_is_open {
        found.extend(survey.network_policies.iter().map(|policy| Refusal::CutOff { policy: policy.clone() }));
    }
}

fn makes_volumes(request: &Request) -> bool {
    matches!(request.destination, Destination::StorageClass { .. })
}

pub(crate) fn reference(survey: &Survey) -> String {
    match survey.app.kind {
        AppKind::Claim => format!("claim `{}`", survey.app.name),
        kind => format!("{}/{}", kind.word(), survey.app.name),
    }
}
