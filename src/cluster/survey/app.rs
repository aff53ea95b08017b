//! The app: its object, its pods, and who else has a hand in it.

use serde_json::Value;

use super::reference::{controller, resource};
use super::{Named, SurveyError, selector};
use crate::cluster::{Connection, Kind};
use crate::survey::{AppKind, AppSeen, AppliedBy, PodSeen};

/// Reads the app.
pub(super) async fn read(connection: &Connection, namespace: &str, named: &Named) -> Result<AppSeen, SurveyError> {
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
        uid: raw["metadata"]["uid"].as_str().unwrap_or_default().to_owned(),
        replicas,
        first_ordinal: number(&raw["spec"]["ordinals"]["start"]).unwrap_or(0),
        terminating: raw["metadata"]["deletionTimestamp"].is_string(),
        // What a claim belongs to is said with the claims.
        owner: if named.kind == AppKind::Claim { None } else { owner(&raw) },
        applied_by: applied_by(&raw),
        pods,
        raw,
    })
}

fn number(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|number| u32::try_from(number).ok())
}

/// The controlling owner as `Kind.group/name`.
fn owner(object: &Value) -> Option<String> {
    let (kind, name) = controller(object)?;
    let owners = object["metadata"]["ownerReferences"].as_array()?;
    let version = owners.iter().find(|owner| owner["controller"] == true)?["apiVersion"].as_str()?;
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
    let owners = object["metadata"]["ownerReferences"].as_array();
    owners.into_iter().flatten().any(|owner| owner["controller"] == true && by.contains(&owner["uid"]))
}

fn pod(raw: &Value) -> PodSeen {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let conditions = raw["status"]["conditions"].as_array();
    PodSeen {
        name: text(&raw["metadata"]["name"]),
        uid: text(&raw["metadata"]["uid"]),
        node: raw["spec"]["nodeName"].as_str().map(str::to_owned),
        phase: text(&raw["status"]["phase"]),
        ready: conditions.into_iter().flatten().any(|one| one["type"] == "Ready" && one["status"] == "True"),
        terminating: raw["metadata"]["deletionTimestamp"].is_string(),
        finalizers: raw["metadata"]["finalizers"].as_array().into_iter().flatten().map(text).collect(),
        revision: raw["metadata"]["labels"]["controller-revision-hash"].as_str().map(str::to_owned),
        spec: raw["spec"].clone(),
    }
}

/// Field managers of tools that apply manifests again and again.
const MANAGERS: [(&str, &str); 3] =
    [("argocd-controller", "argocd"), ("kustomize-controller", "flux-kustomize"), ("helm-controller", "flux-helm")];

/// Whoever applies the object from elsewhere, by the marks each tool documents and by `managedFields`.
fn applied_by(object: &Value) -> Vec<AppliedBy> {
    let annotation = |key: &str| object["metadata"]["annotations"][key].as_str().map(str::to_owned);
    let label = |key: &str| object["metadata"]["labels"][key].as_str().map(str::to_owned);
    let mark = |tool: &str, name: String, paused: bool| AppliedBy { tool: tool.to_owned(), name, paused };
    let mut found = Vec::new();
    if let Some(name) = annotation("meta.helm.sh/release-name") {
        found.push(mark("helm", name, false));
    }
    if let Some(tracking) = annotation("argocd.argoproj.io/tracking-id") {
        found.push(mark("argocd", tracking.split(':').next().unwrap_or_default().to_owned(), false));
    }
    if let Some(name) = label("kustomize.toolkit.fluxcd.io/name") {
        let mark_of = |key: &str| annotation(key).or_else(|| label(key));
        let paused = mark_of("kustomize.toolkit.fluxcd.io/reconcile").as_deref() == Some("disabled");
        found.push(mark("flux-kustomize", name, paused));
    }
    if let Some(name) = label("helm.toolkit.fluxcd.io/name") {
        let paused = annotation("helm.toolkit.fluxcd.io/driftDetection").as_deref() == Some("disabled");
        found.push(mark("flux-helm", name, paused));
    }
    let writers = object["metadata"]["managedFields"].as_array();
    for writer in writers.into_iter().flatten().filter_map(|writer| writer["manager"].as_str()) {
        let known = MANAGERS.iter().find(|(manager, _)| *manager == writer);
        if let Some((manager, tool)) = known.filter(|(_, tool)| !found.iter().any(|by| by.tool == *tool)) {
            found.push(mark(tool, format!("field manager {manager}"), false));
        }
    }
    found
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
    fn whoever_applies_an_object_is_known_by_its_marks() {
        let object = |metadata: Value| json!({ "metadata": metadata });
        let tools = |metadata: Value| applied_by(&object(metadata)).into_iter().map(|by| (by.tool, by.name, by.paused)).collect::<Vec<_>>();
        let one = |tool: &str, name: &str, paused| vec![(tool.to_owned(), name.to_owned(), paused)];
        assert_eq!(tools(json!({})), []);
        // The plain instance label is set by many charts and proves nothing.
        assert_eq!(tools(json!({ "labels": { "app.kubernetes.io/instance": "x" } })), []);
        assert_eq!(tools(json!({ "annotations": { "meta.helm.sh/release-name": "r" } })), one("helm", "r", false));
        assert_eq!(
            tools(json!({ "annotations": { "argocd.argoproj.io/tracking-id": "shop:apps/StatefulSet:db/pg" } })),
            one("argocd", "shop", false)
        );
        let flux = json!({ "labels": { "kustomize.toolkit.fluxcd.io/name": "k" }, "annotations": { "kustomize.toolkit.fluxcd.io/reconcile": "disabled" } });
        assert_eq!(tools(flux), one("flux-kustomize", "k", true));
        assert_eq!(
            tools(json!({ "managedFields": [{ "manager": "argocd-controller" }] })),
            one("argocd", "field manager argocd-controller", false)
        );
    }

    #[test]
    fn an_owner_is_named_with_its_group() {
        let owners = json!([{ "controller": true, "kind": "Cluster", "name": "c", "apiVersion": "postgresql.cnpg.io/v1" }]);
        assert_eq!(owner(&json!({ "metadata": { "ownerReferences": owners } })).as_deref(), Some("Cluster.postgresql.cnpg.io/c"));
        assert_eq!(owner(&json!({ "metadata": { "ownerReferences": [{ "kind": "X", "name": "x", "apiVersion": "v1" }] } })), None);
    }
}
