//! The app: its object, its pods, and who else has a hand in it.

use std::time::Duration;

use serde_json::Value;

use super::failure::SurveyError;
use super::reference::{Reference, resource};
use super::{appliers, selector};
use crate::cluster::{Connection, Kind};
use crate::survey::{AppKind, AppSeen, PodSeen, object};

/// How often an app with a pod that runs and is not ready is looked at, and the pause between two looks. The kubelet may report a pod that has
/// just become ready as not ready until its next sync, about a second: `SetContainerReadiness` in `pkg/kubelet/status` is overwritten by a
/// `SetPodStatus` whose status was generated before.
const LOOKS_MAX: u32 = 4;
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Reads the app; once more where a pod of it may be not ready for a moment only.
pub(super) async fn read(connection: &Connection, namespace: &str, named: &Reference) -> Result<AppSeen, SurveyError> {
    let mut seen = look(connection, namespace, named).await?;
    for _ in 1..LOOKS_MAX {
        let runs_unready = |pod: &PodSeen| pod.phase == "Running" && !pod.terminating && !pod.ready;
        if !seen.pods.iter().any(runs_unready) {
            break;
        }
        tokio::time::sleep(LOOK_AGAIN).await;
        seen = look(connection, namespace, named).await?;
    }
    Ok(seen)
}

async fn look(connection: &Connection, namespace: &str, named: &Reference) -> Result<AppSeen, SurveyError> {
    let found = connection.get(&resource(named.kind), namespace, &named.name).await?;
    let raw = found.ok_or_else(|| SurveyError::NotFound {
        what: format!("{}/{}", named.kind.word(), named.name),
        namespace: namespace.to_owned(),
        plural: resource(named.kind).plural.to_string(),
    })?;
    let pods = pods(connection, namespace, named.kind, &raw).await?;
    let replicas = match named.kind {
        AppKind::StatefulSet | AppKind::Deployment => number(&raw["spec"]["replicas"]).unwrap_or(1),
        AppKind::Pod => 1,
        AppKind::Claim => 0,
    };
    Ok(AppSeen {
        kind: named.kind,
        name: named.name.clone(),
        uid: object::uid(&raw).to_owned(),
        replicas,
        first_ordinal: number(&raw["spec"]["ordinals"]["start"]).unwrap_or(0),
        terminating: object::is_terminating(&raw),
        // What a claim belongs to is said with the claims.
        owner: if named.kind == AppKind::Claim { None } else { owner(&raw) },
        applied_by: appliers::of(&raw),
        pods,
        raw,
    })
}

fn number(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|number| u32::try_from(number).ok())
}

/// The controlling owner as `Kind.group/name`.
fn owner(object: &Value) -> Option<String> {
    let (kind, name) = object::controller(object)?;
    let version = object::owner(object)?["apiVersion"].as_str()?;
    let group = version.split_once('/').map(|(group, _)| format!(".{group}")).unwrap_or_default();
    Some(format!("{kind}{group}/{name}"))
}

async fn pods(connection: &Connection, namespace: &str, kind: AppKind, raw: &Value) -> Result<Vec<PodSeen>, SurveyError> {
    let uid = &raw["metadata"]["uid"];
    let found = match kind {
        AppKind::Claim => Vec::new(),
        AppKind::Pod => vec![raw.clone()],
        AppKind::StatefulSet | AppKind::Deployment => {
            let mut owners = vec![uid.clone()];
            let query = selector::query(&raw["spec"]["selector"]).unwrap_or_default();
            if kind == AppKind::Deployment {
                let sets = connection.list(&Kind::REPLICA_SET, namespace, &query).await?;
                owners.extend(sets.iter().filter(|set| is_owned(set, std::slice::from_ref(uid))).map(|set| set["metadata"]["uid"].clone()));
            }
            let pods = connection.list(&Kind::POD, namespace, &query).await?;
            pods.into_iter().filter(|pod| is_owned(pod, &owners)).collect()
        }
    };
    let mut seen: Vec<PodSeen> = found.iter().map(pod).collect();
    seen.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(seen)
}

fn is_owned(object: &Value, by: &[Value]) -> bool {
    object::owner(object).is_some_and(|owner| by.contains(&owner["uid"]))
}

fn pod(raw: &Value) -> PodSeen {
    PodSeen {
        name: object::name(raw).to_owned(),
        uid: object::uid(raw).to_owned(),
        node: raw["spec"]["nodeName"].as_str().map(str::to_owned),
        phase: object::text(raw, "/status/phase").to_owned(),
        ready: object::is_ready(raw),
        terminating: object::is_terminating(raw),
        finalizers: object::texts(raw, "/metadata/finalizers"),
        revision: object::label(raw, "controller-revision-hash").map(str::to_owned),
        spec: raw["spec"].clone(),
    }
}

/// An app of which nothing is known, for tests.
#[cfg(test)]
pub(super) fn nothing(kind: AppKind, name: &str) -> AppSeen {
    AppSeen {
        kind,
        name: name.to_owned(),
        uid: String::new(),
        raw: Value::Null,
        replicas: 1,
        first_ordinal: 0,
        terminating: false,
        owner: None,
        applied_by: Vec::new(),
        pods: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_owner_is_named_with_its_group() {
        let owners = json!([{ "controller": true, "kind": "Cluster", "name": "c", "apiVersion": "postgresql.cnpg.io/v1" }]);
        assert_eq!(owner(&json!({ "metadata": { "ownerReferences": owners } })).as_deref(), Some("Cluster.postgresql.cnpg.io/c"));
        assert_eq!(owner(&json!({ "metadata": { "ownerReferences": [{ "kind": "X", "name": "x", "apiVersion": "v1" }] } })), None);
    }
}
