//! Reads the volumes that a run kept. Judges nothing.

use serde_json::Value;

use crate::cluster::{ApiError, Connection, Kind};
use crate::plan::{KeptVolume, Plan, Step, marks};

/// Returns the source volumes of a run that bear its marks, name a claim of its namespace and are bound to no claim.
///
/// # Errors
///
/// What the API says.
pub async fn kept_volumes(connection: &Connection, plan: &Plan) -> Result<Vec<KeptVolume>, ApiError> {
    let selector = marks::volumes_as(plan.namespace(), plan.run(), marks::ROLE_SOURCE);
    let found = connection.list(&Kind::VOLUME, "", &selector).await?;
    let free = found.iter().filter(|volume| volume["status"]["phase"] != "Bound");
    Ok(free.filter_map(|volume| kept(plan, volume)).collect())
}

fn kept(plan: &Plan, volume: &Value) -> Option<KeptVolume> {
    let name = volume["metadata"]["name"].as_str()?;
    let one = plan.moves.iter().find(|one| one.source.volume == name)?;
    let reference = &volume["spec"]["claimRef"];
    if reference["namespace"] != plan.namespace() || reference["name"] != one.claim.as_str() {
        return None;
    }
    let noted = volume["metadata"]["annotations"][marks::POLICY_BEFORE].as_str().map(str::to_owned);
    let policy = noted.or_else(|| {
        plan.steps().find_map(|(_, step)| {
            if let Step::PinReclaim(pin) = &step.step { (pin.slot == one.slot).then(|| pin.policy_before.clone()) } else { None }
        })
    });
    let spec = plan.steps().find_map(|(_, step)| {
        if let Step::ReleaseClaim(claim) = &step.step { claim.manifest_before.get("spec").filter(|_| claim.slot == one.slot) } else { None }
    })?;
    let request = spec.pointer("/resources/requests/storage").and_then(Value::as_str).map(str::to_owned);
    let modes = spec["accessModes"].as_array().into_iter().flatten().filter_map(Value::as_str);
    Some(KeptVolume {
        claim: one.claim.clone(),
        volume: name.to_owned(),
        volume_uid: volume["metadata"]["uid"].as_str()?.to_owned(),
        class: one.source.class.clone(),
        request: request?,
        access_modes: modes.map(str::to_owned).collect(),
        claim_ref: volume["spec"]["claimRef"].clone(),
        labels: marks::of_volume(plan.namespace(), plan.run(), marks::ROLE_SOURCE, &one.slot.0),
        reclaim_policy: policy?,
        node_affinity: volume["spec"].get("nodeAffinity").cloned(),
    })
}
