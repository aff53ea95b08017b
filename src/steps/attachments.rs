//! Where volumes are attached (`VolumeAttachment`), other than where a pod that is known uses them. A pod that was deleted by force, or whose node was
//! given up, is gone from the API while its process may go on writing.
//!
//! An attachment goes when the kubelet no longer reports the volume in use. It also goes, whatever runs there, when somebody taints the node as out of
//! service, and on a node that is not healthy after six minutes (`pkg/controller/volume/attachdetach/reconciler`): nothing here waits that long.
//! Drivers without attachments (`attachRequired: false`) tell nothing.

use std::time::Duration;

use serde_json::Value;

use super::facts;
use super::failure::StepError;
use super::standing::{Progress, Standing};
use super::world::World;
use crate::cluster::Kind;
use crate::plan::{End, Plan, Slot, Step};

/// How long a last pass waits for others to let go. A detach takes seconds, on some clouds a minute; the app waits.
const DETACHED_WITHIN: Duration = Duration::from_secs(120);

/// A volume on a node where no pod uses it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stray {
    attachment: String,
    volume: String,
    node: String,
}

/// Returns when no volume that a plan copies is on a node where no pod uses it.
///
/// # Errors
///
/// Which volume is where, with what can be done; or that the server did not answer.
pub async fn detached(plan: &Plan, world: &World) -> Result<(), StepError> {
    let copied =
        plan.steps().filter_map(|(_, planned)| if let Step::LastPass(step) = &planned.step { Some(&step.route.slots) } else { None });
    let slots: Vec<Slot> = copied.flatten().cloned().collect();
    let Some(Stray { attachment, volume, node }) = stray(world, &world.claims_in(&slots)).await? else { return Ok(()) };
    let why = format!("volume {volume} is attached to node {node}, where no pod uses it: what runs there may write to it");
    let hint = format!(
        "make sure that nothing runs on {node} that had it; if the attachment stays then: kubectl delete volumeattachment {attachment}"
    );
    Err(StepError::hinted(why, hint))
}

/// What a last pass over these claims stands at that is not ordered yet.
pub(super) async fn before_last_pass(world: &World, claims: &[String]) -> Result<Standing, StepError> {
    let stray = match stray(world, claims).await {
        // The app is down: going back is better than waiting for a right that nobody may be about to give.
        Err(StepError::Api(error)) if error.is_denial() => {
            let why = format!("whether another node has the volume cannot be seen: {error}");
            return Err(StepError::hinted(why, "kubectl apply -f docs/rbac.yaml: its roles allow to list volumeattachments"));
        }
        found => found?,
    };
    Ok(match stray {
        None => Standing::Before,
        Some(Stray { attachment, volume, node }) => Standing::Underway(Progress {
            waiting_for: format!("volume {volume} to be detached from node {node} (kubectl get volumeattachment {attachment})"),
            lost_after: Some(DETACHED_WITHIN),
            ..Progress::default()
        }),
    })
}

/// The first volume of these claims that is attached where no pod uses it; none where all are free.
async fn stray(world: &World, claims: &[String]) -> Result<Option<Stray>, StepError> {
    if claims.is_empty() {
        return Ok(None);
    }
    let attachments = world.at(End::Source).list(&Kind::VOLUME_ATTACHMENT, "").await?;
    if attachments.is_empty() {
        return Ok(None);
    }
    let objects = world.at(End::Source).list(&Kind::CLAIM, "").await?;
    let pods = world.at(End::Source).list(&Kind::POD, "").await?;
    let mut moved = objects.iter().filter(|claim| claims.iter().any(|name| name == facts::name(claim)));
    Ok(moved.find_map(|claim| stray_of(claim, &attachments, &pods)))
}

fn stray_of(claim: &Value, attachments: &[Value], pods: &[Value]) -> Option<Stray> {
    let volume = facts::text(claim, "/spec/volumeName");
    let is_used_on = |node: &str| {
        let mut there = pods.iter().filter(|pod| facts::text(pod, "/spec/nodeName") == node && !facts::has_stopped(pod));
        there.any(|pod| facts::names_claim(pod, facts::name(claim)))
    };
    let of_volume = |one: &&Value| facts::text(one, "/spec/source/persistentVolumeName") == volume && one["status"]["attached"] == true;
    let found = attachments.iter().filter(of_volume).find(|one| !is_used_on(facts::text(one, "/spec/nodeName")))?;
    let node = facts::text(found, "/spec/nodeName").to_owned();
    Some(Stray { attachment: facts::name(found).to_owned(), volume: volume.to_owned(), node })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn attached(volume: &str, node: &str) -> Value {
        json!({ "metadata": { "name": format!("{volume}-{node}") }, "status": { "attached": true },
            "spec": { "nodeName": node, "source": { "persistentVolumeName": volume } } })
    }

    #[test]
    fn a_volume_is_astray_where_no_pod_has_it() {
        let claim = json!({ "metadata": { "name": "data" }, "spec": { "volumeName": "pv" } });
        let mover = json!({ "metadata": { "name": "mover" }, "spec": { "nodeName": "a",
            "volumes": [{ "persistentVolumeClaim": { "claimName": "data" } }] }, "status": { "phase": "Running" } });
        let astray = |attachments: &[Value], pods: &[Value]| stray_of(&claim, attachments, pods).map(|stray| stray.node);
        let all = [attached("other", "b"), attached("pv", "a")];
        assert_eq!(astray(&all, std::slice::from_ref(&mover)), None);
        assert_eq!(astray(&all, &[]).as_deref(), Some("a"));
        assert_eq!(astray(&[attached("pv", "a"), attached("pv", "b")], std::slice::from_ref(&mover)).as_deref(), Some("b"));
        let mut tried = attached("pv", "b");
        tried["status"]["attached"] = json!(false);
        assert_eq!(astray(&[tried], &[mover]), None, "the driver did not let it in");
    }
}
