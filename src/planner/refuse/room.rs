//! Whether quotas, limit ranges and sizes leave room for what a move makes: a second volume for each claim, mover pods, records.
//!
//! What applies only to some objects is counted where it is certain to apply; whatever else admission says, a dry run finds.

use super::reason::{MoverReason, Refusal, TargetReason};
use crate::plan::{Plan, Request, file};
use crate::planner::choose::Choice;
use crate::planner::objects::{Needs, movers_of, needs};
use crate::size;
use crate::survey::{ClaimSeen, LimitSeen, QuotaSeen, Survey};

/// What new volumes of a class need.
pub(crate) fn refusals(choice: &Choice<'_>, class: &str) -> Vec<Refusal> {
    let mut found = Vec::new();
    limits(choice, &mut found);
    quotas(choice, class, &mut found);
    found
}

/// What mover pods need.
pub(crate) fn of_movers(choice: &Choice<'_>) -> Vec<Refusal> {
    let survey = choice.survey;
    let needs = needs(survey);
    let pods = movers_at_once(choice);
    let wanted = [
        ("pods".to_owned(), pods),
        ("count/pods".to_owned(), pods),
        ("cpu".to_owned(), needs.cpu.request * pods),
        ("requests.cpu".to_owned(), needs.cpu.request * pods),
        ("memory".to_owned(), needs.memory.request * pods),
        ("requests.memory".to_owned(), needs.memory.request * pods),
        ("limits.cpu".to_owned(), needs.cpu.limit.unwrap_or(0) * pods),
        ("limits.memory".to_owned(), needs.memory.limit.unwrap_or(0) * pods),
    ];
    let quotas = survey.quotas.iter().filter(|quota| quota.scopes.iter().all(|scope| counts_movers(scope)));
    let mut found: Vec<Refusal> = quotas.flat_map(|quota| wanted.iter().filter_map(|(what, needed)| over(quota, what, *needed))).collect();
    found.extend(survey.limits.iter().filter_map(|limit| too_low(limit, &needs)));
    found
}

/// Pods that there are at once in addition to those of now. What is copied cold gets its movers when the app's pods are gone.
fn movers_at_once(choice: &Choice<'_>) -> u64 {
    let count = |warm: bool| {
        let units = choice.units.iter().filter(|unit| unit.way.is_warm() == warm);
        units.map(|unit| movers_of(unit).len() as u64).sum::<u64>()
    };
    count(true) + count(false).saturating_sub(u64::from(choice.survey.app.replicas))
}

/// Whether a quota of this scope is certain to count a mover: it has a deadline and requests, and no affinity to pods of other namespaces
/// (<https://kubernetes.io/docs/concepts/policy/resource-quotas/#quota-scopes>).
fn counts_movers(scope: &str) -> bool {
    matches!(scope, "Terminating" | "NotBestEffort")
}

/// A limit range that allows less than a mover needs; what it asks for beyond that, the movers ask for.
fn too_low(limit: &LimitSeen, needs: &Needs) -> Option<Refusal> {
    let needed = match limit.resource.as_str() {
        "cpu" => needs.cpu.request,
        "memory" => needs.memory.request,
        _ => return None,
    };
    let max = limit.max.filter(|max| limit.applies_to != "PersistentVolumeClaim" && *max < needed)?;
    let words = |amount: u64| words(&limit.resource, amount);
    Some(Refusal::Mover(MoverReason::MoverOutsideLimits {
        limit: limit.name.clone(),
        resource: limit.resource.clone(),
        max: words(max),
        needed: words(needed),
    }))
}

/// What the records of a plan need: config maps for the plan and its journal, which grows in both directions, and a lease.
pub(crate) fn of_records(survey: &Survey, plan: &Plan) -> Vec<Refusal> {
    // Each step is begun and settled, and the same once more on the way back; beside them, a few entries of the run itself.
    let entries = plan.steps().count() * 4 + 16;
    let pieces = file::to_json(plan).len() / file::PIECE_BYTES_MAX + 1 + entries / file::PIECE_ENTRIES_MAX + 2;
    let maps = pieces as u64;
    let wanted = [("configmaps", maps), ("count/configmaps", maps), ("count/leases.coordination.k8s.io", 1)];
    let quotas = survey.quotas.iter().filter(|quota| quota.scopes.is_empty());
    quotas.flat_map(|quota| wanted.iter().filter_map(|(what, needed)| over(quota, what, *needed))).collect()
}

/// How full a new file system may become: it needs room for its own, and not all file systems need the same.
const FULL_PERCENT_MAX: u64 = 90;

fn target_bytes(request: &Request, claim: &ClaimSeen) -> u64 {
    request.size_bytes.unwrap_or(claim.capacity_bytes)
}

/// Why a volume of another size would not hold the data.
pub(crate) fn too_small(claim: &ClaimSeen, size: u64) -> Option<Refusal> {
    if size >= claim.capacity_bytes {
        return None;
    }
    let why = match claim.used_bytes {
        _ if claim.block => format!("a block volume is copied whole, and has {}", size::words(claim.capacity_bytes)),
        Some(used) if used <= size / 100 * FULL_PERCENT_MAX => return None,
        Some(used) => format!("{} are used, and a new file system should stay under {FULL_PERCENT_MAX} %", size::words(used)),
        None => format!("it is not known how much of its {} is used", size::words(claim.capacity_bytes)),
    };
    Some(Refusal::Target(TargetReason::TooSmall { claim: claim.name.clone(), size: size::words(size), why }))
}

fn limits(choice: &Choice<'_>, found: &mut Vec<Refusal>) {
    let (request, survey) = (choice.request, choice.survey);
    for limit in survey.limits.iter().filter(|limit| limit.applies_to == "PersistentVolumeClaim" && limit.resource == "storage") {
        for claim in choice.moved.iter().map(|claim| claim.seen) {
            let wanted = target_bytes(request, claim);
            let bound = match (limit.min, limit.max) {
                (_, Some(max)) if wanted > max => format!("at most {}", size::words(max)),
                (Some(min), _) if wanted < min => format!("at least {}", size::words(min)),
                _ => continue,
            };
            let (claim, size) = (claim.name.clone(), size::words(wanted));
            found.push(Refusal::Target(TargetReason::OutsideLimits { claim, size, limit: limit.name.clone(), bound }));
        }
    }
}

fn quotas(choice: &Choice<'_>, class: &str, found: &mut Vec<Refusal>) {
    let count = choice.moved.len() as u64;
    let bytes = choice.moved.iter().map(|claim| target_bytes(choice.request, claim.seen)).fold(0, u64::saturating_add);
    let needs = [
        ("persistentvolumeclaims".to_owned(), count),
        ("count/persistentvolumeclaims".to_owned(), count),
        ("requests.storage".to_owned(), bytes),
        (format!("{class}.storageclass.storage.k8s.io/persistentvolumeclaims"), count),
        (format!("{class}.storageclass.storage.k8s.io/requests.storage"), bytes),
    ];
    // No scope is certain to count claims.
    for quota in choice.survey.quotas.iter().filter(|quota| quota.scopes.is_empty()) {
        for (resource, needed) in &needs {
            found.extend(over(quota, resource, *needed));
        }
    }
}

fn over(quota: &QuotaSeen, resource: &str, needed: u64) -> Option<Refusal> {
    let left = quota.hard.get(resource)?.saturating_sub(quota.used.get(resource).copied().unwrap_or(0));
    let words = |amount: u64| words(resource, amount);
    (needed > left).then(|| {
        Refusal::Mover(MoverReason::OverQuota {
            quota: quota.name.clone(),
            resource: resource.to_owned(),
            left: words(left),
            needed: words(needed),
        })
    })
}

/// An amount of a resource as people write it.
fn words(resource: &str, amount: u64) -> String {
    match resource {
        _ if resource.ends_with("storage") || resource.ends_with("memory") => size::words(amount),
        _ if resource.ends_with("cpu") => format!("{amount}m"),
        _ => amount.to_string(),
    }
}
