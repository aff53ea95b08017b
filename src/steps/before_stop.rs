//! What is looked at right before the app is stopped: that all can be made again that the run takes away, and that all goes that it deletes.
//!
//! Each object is tried by a server-side dry run (`dryRun=All`), which passes admission and validation and stores nothing: admission may refuse
//! what runs since before a policy, and validation may be stricter for what is made than for what is there. What a controller will be let
//! make is tried by one pod of the app, under the executor's name: a policy that goes by who asks may still see it differently.

use serde_json::{Value, json};

use super::failure::StepError;
use super::world::World;
use super::{drain, facts, look};
use crate::cluster::{ApiError, Kind};
use crate::plan::{End, Plan, Step, finalizers};
use crate::survey::AppKind;

/// One object that the run will make.
struct Rehearsal {
    kind: Kind,
    at: End,
    manifest: Value,
    /// In words.
    what: String,
    /// It takes the place of an object that is there now.
    replaces: bool,
}

impl Rehearsal {
    fn again(&self) -> &'static str {
        if self.replaces && !self.what.starts_with("mover") { " again" } else { "" }
    }

    /// Whether a quota that is full has room for it all the same: by then, or since it is there already.
    async fn has_room(&self, world: &World) -> Result<bool, StepError> {
        Ok(self.replaces || world.at(self.at).get(&self.kind, facts::name(&self.manifest)).await?.is_some())
    }
}

/// Returns when nothing speaks against stopping the app.
///
/// # Errors
///
/// What speaks against it, with what can be done; or that the server did not answer.
pub async fn before_stop(plan: &Plan, world: &World) -> Result<(), StepError> {
    occupants(plan, world).await?;
    all_go(plan, world).await?;
    match rehearse(plan, world).await?.into_iter().next() {
        Some(why) => Err(StepError::hinted(why, HINT)),
        None => Ok(()),
    }
}

const HINT: &str = "mend the object, the policy or the quota, then go on; nothing was stopped";

/// Tries to make each object that a plan will make, forward or back; returns what the server would refuse, in words.
///
/// # Errors
///
/// When the server does not answer, or the app cannot be read.
pub async fn rehearse(plan: &Plan, world: &World) -> Result<Vec<String>, StepError> {
    let mut refused = Vec::new();
    for one in rehearsals(plan, world).await? {
        let place = world.at(one.at);
        match place.connection.would_create(&one.kind, &place.namespace, &one.manifest).await {
            // Its name is taken: that is found out only after admission and validation.
            Ok(()) | Err(ApiError::AlreadyExists(_)) => {}
            Err(ApiError::Forbidden(said)) if said.contains("exceeded quota") && one.has_room(world).await? => {}
            Err(error) if error.is_denial() => {
                refused.push(format!("the server would not let {} be made{}: {error}", one.what, one.again()))
            }
            // A webhook with side effects is not asked by a dry run.
            Err(ApiError::Other { status: 400, message }) if message.contains("dry run") => {}
            Err(error) => return Err(error.into()),
        }
    }
    refused.extend(stop_refused(plan, world).await?);
    refused.dedup();
    Ok(refused)
}

/// What the server has against scaling the app to zero, tried in the same way: a policy may want two replicas at least.
async fn stop_refused(plan: &Plan, world: &World) -> Result<Option<String>, StepError> {
    if !plan.steps().any(|(_, planned)| matches!(planned.step, Step::Drain(_))) {
        return Ok(None);
    }
    let (patch, place) = (json!({ "spec": { "replicas": 0 } }), world.at(End::Source));
    match place.connection.would_patch(&drain::resource(plan.app.kind)?, &place.namespace, &plan.app.name, &patch).await {
        Ok(()) => Ok(None),
        Err(error) if error.is_denial() => {
            Ok(Some(format!("the server would not let {} be scaled to zero: {error}", plan.app.reference())))
        }
        Err(ApiError::Other { status: 400, message }) if message.contains("dry run") => Ok(None),
        Err(error) => Err(error.into()),
    }
}

async fn rehearsals(plan: &Plan, world: &World) -> Result<Vec<Rehearsal>, StepError> {
    let is_down = |stage: usize| plan.stages[stage].app_is_down;
    let mut all: Vec<Rehearsal> = plan.steps().flat_map(|(stage, planned)| made_by(plan, &planned.step, is_down(stage))).collect();
    all.extend(app_pod(plan, world).await?);
    Ok(all)
}

fn made_by(plan: &Plan, step: &Step, app_is_down: bool) -> Option<Rehearsal> {
    let of = |kind, at, manifest: &Value, what: String, replaces| Some(Rehearsal { kind, at, manifest: manifest.clone(), what, replaces });
    let app = || plan.app.reference();
    let claim = |manifest: &Value| format!("claim {}", facts::name(manifest));
    match step {
        Step::RemoveSet(step) => of(Kind::STATEFUL_SET, End::Source, &step.manifest_before, app(), true),
        Step::RestoreSet(step) => of(Kind::STATEFUL_SET, End::Target, &step.manifest, app(), true),
        Step::RemovePod(step) => of(Kind::POD, End::Source, &step.manifest_before, app(), true),
        Step::RestorePod(step) => of(Kind::POD, End::Target, &step.manifest, app(), true),
        Step::ReleaseClaim(step) => of(Kind::CLAIM, End::Source, &step.manifest_before, claim(&step.manifest_before), true),
        Step::AdoptClaim(step) => of(Kind::CLAIM, End::Target, &step.manifest, claim(&step.manifest), true),
        Step::ReserveTarget(step) => of(Kind::CLAIM, End::Target, &step.manifest, claim(&step.manifest), false),
        // Where it comes only once the app is down, it has the room of the app's pods.
        Step::StartMover(step) => of(Kind::POD, step.end, &step.manifest, format!("mover pod {}", step.pod), app_is_down),
        Step::PinReclaim(_)
        | Step::PinRetention(_)
        | Step::ReopenVolume(_)
        | Step::AwaitMover(_)
        | Step::PinTarget(_)
        | Step::WarmCopy(_)
        | Step::ClearPods(_)
        | Step::Drain(_)
        | Step::LastPass(_)
        | Step::StopMover(_)
        | Step::ReleaseStaging(_)
        | Step::BindTarget(_)
        | Step::ScaleUp(_)
        | Step::AwaitReady(_)
        | Step::RestoreRetention(_)
        | Step::SettleTarget(_) => None,
    }
}

/// One pod of a scalable app that has replicas, as its controller makes it.
async fn app_pod(plan: &Plan, world: &World) -> Result<Option<Rehearsal>, StepError> {
    let kind = match plan.app.kind {
        kind @ (AppKind::StatefulSet | AppKind::Deployment) if plan.app.replicas > 0 => kind,
        AppKind::StatefulSet | AppKind::Deployment | AppKind::Pod | AppKind::Claim => return Ok(None),
    };
    let app = drain::read(world.at(End::Source), kind, &plan.app.name).await?;
    let manifest = pod_of(&drain::resource(kind)?.kind, &app, &world.at(End::Target).namespace);
    Ok(Some(Rehearsal { kind: Kind::POD, at: End::Target, manifest, what: format!("a pod of {}", plan.app.reference()), replaces: true }))
}

/// The pod that the controller of an app makes of its template (`newControllerPod`, `newStatefulSetPod` in Kubernetes 1.36.3, in what admission
/// looks at).
fn pod_of(kind: &str, app: &Value, namespace: &str) -> Value {
    let name = facts::name(app);
    let template = &app["spec"]["template"];
    let mut pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": template["metadata"], "spec": template["spec"] });
    let metadata = &mut pod["metadata"];
    metadata["namespace"] = json!(namespace);
    if let Some(fields) = metadata.as_object_mut() {
        fields.remove("creationTimestamp");
        fields.remove("name");
    }
    metadata["generateName"] = json!(format!("{name}-"));
    metadata["ownerReferences"] =
        json!([{ "apiVersion": "apps/v1", "kind": kind, "name": name, "uid": facts::uid(app), "controller": true }]);
    let templates = app["spec"]["volumeClaimTemplates"].as_array().into_iter().flatten();
    let first = app["spec"]["ordinals"]["start"].as_u64().unwrap_or(0);
    let own: Vec<Value> = templates
        .map(|one| json!({ "name": facts::name(one), "persistentVolumeClaim": { "claimName": format!("{}-{name}-{first}", facts::name(one)) } }))
        .collect();
    if !own.is_empty() {
        let named = |volume: &Value| own.iter().any(|one| one["name"] == volume["name"]);
        let others = pod["spec"]["volumes"].as_array().into_iter().flatten().filter(|volume| !named(volume)).cloned();
        pod["spec"]["volumes"] = Value::Array(others.chain(own.iter().cloned()).collect());
    }
    pod
}

/// Every pod object that names a claim keeps it from going, whatever its phase: only the app's own go with the app.
async fn occupants(plan: &Plan, world: &World) -> Result<(), StepError> {
    let place = world.at(End::Source);
    for pod in look::pods_on(world, place, &world.claim_names()).await? {
        let name = facts::name(&pod);
        let remove = || format!("kubectl delete pod {name} -n {}", place.namespace);
        if !facts::is_of_app(&pod, plan.app.kind, &plan.app.name) {
            let why =
                format!("pod {name}{} names a claim that is to be moved, and is no part of {}", facts::over(&pod), plan.app.reference());
            return Err(StepError::hinted(why, remove()));
        }
        if plan.app.kind == AppKind::Pod && facts::is_over(&pod) {
            let why = format!("pod {name}{} has ended since the plan was made, and would be run a second time", facts::over(&pod));
            return Err(StepError::hinted(
                why,
                format!("undo this run; then remove the pod ({}) and move its claims by themselves", remove()),
            ));
        }
        if let Some(finalizer) = finalizers::foreign(&pod, &finalizers::OF_PODS).first() {
            let why = format!("pod {name} has the finalizer `{finalizer}`: it may not go when it is deleted, and with it the claim");
            return Err(StepError::hinted(why, facts::whose_finalizer("pod", name, &place.namespace)));
        }
    }
    Ok(())
}

/// An object of the app or of the run that a step deletes.
struct Doomed<'a> {
    kind: Kind,
    name: &'a str,
    /// Finalizers that go by themselves.
    known: &'static [&'static str],
    at: End,
}

fn deleted_by<'w>(world: &'w World, step: &Step) -> Result<Option<Doomed<'w>>, StepError> {
    let doomed = |kind, name: &'w str, known, at| Some(Doomed { kind, name, known, at });
    let app = || world.app.name.as_str();
    Ok(match step {
        Step::RemoveSet(_) => doomed(Kind::STATEFUL_SET, app(), &[], End::Source),
        Step::RemovePod(_) => doomed(Kind::POD, app(), &finalizers::OF_PODS, End::Source),
        Step::ReleaseClaim(step) => doomed(Kind::CLAIM, &world.claim(&step.slot)?.claim, &finalizers::OF_CLAIMS, End::Source),
        Step::ReleaseStaging(step) => doomed(Kind::CLAIM, &world.claim(&step.slot)?.target.claim, &finalizers::OF_CLAIMS, End::Target),
        // Pods of the app that are over are looked at with all others that name a claim; a mover's pod has nobody's finalizer.
        Step::ClearPods(_) | Step::StopMover(_) => None,
        Step::PinReclaim(_)
        | Step::PinRetention(_)
        | Step::ReopenVolume(_)
        | Step::ReserveTarget(_)
        | Step::StartMover(_)
        | Step::AwaitMover(_)
        | Step::PinTarget(_)
        | Step::WarmCopy(_)
        | Step::Drain(_)
        | Step::LastPass(_)
        | Step::BindTarget(_)
        | Step::AdoptClaim(_)
        | Step::RestoreSet(_)
        | Step::RestorePod(_)
        | Step::ScaleUp(_)
        | Step::AwaitReady(_)
        | Step::RestoreRetention(_)
        | Step::SettleTarget(_) => None,
    })
}

/// Nothing that the run deletes has a finalizer of somebody's controller.
async fn all_go(plan: &Plan, world: &World) -> Result<(), StepError> {
    for (_, planned) in plan.steps() {
        let Some(Doomed { kind, name, known, at }) = deleted_by(world, &planned.step)? else { continue };
        let place = world.at(at);
        if let Some(object) = place.get(&kind, name).await? {
            look::goes(&object, known, &place.namespace)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_is_tried_as_its_controller_makes_it() {
        let set = json!({ "metadata": { "name": "db", "namespace": "a", "uid": "u" }, "spec": {
            "template": { "metadata": { "labels": { "app": "db" }, "creationTimestamp": null }, "spec": { "volumes": [{ "name": "tmp" }, { "name": "data" }] } },
            "volumeClaimTemplates": [{ "metadata": { "name": "data" } }] } });
        let pod = pod_of("StatefulSet", &set, "a");
        assert_eq!(pod["metadata"]["labels"]["app"], "db");
        assert_eq!(
            pod["spec"]["volumes"],
            json!([{ "name": "tmp" }, { "name": "data", "persistentVolumeClaim": { "claimName": "data-db-0" } }])
        );
    }
}
