//! The app's claims, however it comes by them, with their volumes and everybody who mounts them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::appliers;
use super::failure::SurveyError;
use super::surroundings::Reads;
use crate::cluster::{ApiError, Connection, Kind};
use crate::size;
use crate::survey::object::{controller, is_terminating, mounted_claims, name, text, texts, texts_by_key, uid};
use crate::survey::{AppKind, AppSeen, ClaimOrigin, ClaimSeen, KeptSeen, MountSeen, VolumeSeen};

/// Reads the app's claims, in the order of ordinal, then name.
pub(super) async fn read(reads: &Reads<'_>, app: &AppSeen) -> Result<Vec<ClaimSeen>, SurveyError> {
    let (claims, pods) = futures::try_join!(
        reads.connection.list(&Kind::CLAIM, reads.namespace, ""),
        reads.connection.list(&Kind::POD, reads.namespace, ""),
    )?;
    let mut found: Vec<(Value, ClaimOrigin)> =
        claims.into_iter().filter_map(|claim| origin(app, &claim).map(|origin| (claim, origin))).collect();
    found.sort_by_key(|(claim, origin)| {
        let ordinal = if let ClaimOrigin::Template { ordinal, .. } = origin { *ordinal } else { 0 };
        (ordinal, name(claim).to_owned())
    });
    let used = used_bytes(reads, app).await;
    let mut seen = Vec::new();
    for (claim, origin) in found {
        let volume = volume(reads, &claim).await?;
        seen.push(claim_seen(reads.namespace, app, claim, origin, volume, &pods, &used));
    }
    Ok(seen)
}

/// How the app comes by a claim; none when it does not.
fn origin(app: &AppSeen, claim: &Value) -> Option<ClaimOrigin> {
    let name = name(claim);
    if app.kind == AppKind::Claim {
        return (name == app.name).then_some(ClaimOrigin::Named);
    }
    let spec = if app.kind == AppKind::Pod { &app.raw["spec"] } else { &app.raw["spec"]["template"]["spec"] };
    let volumes: Vec<&Value> = spec["volumes"].as_array().into_iter().flatten().collect();
    let by_name = volumes.iter().find(|volume| volume["persistentVolumeClaim"]["claimName"] == name);
    if let Some(volume) = by_name {
        return Some(ClaimOrigin::Volume { volume: text(volume, "/name").to_owned() });
    }
    let ephemeral = volumes.iter().filter(|volume| volume.get("ephemeral").is_some());
    for (volume, pod) in ephemeral.flat_map(|volume| app.pods.iter().map(move |pod| (volume, pod))) {
        if name == format!("{}-{}", pod.name, text(volume, "/name")) {
            return Some(ClaimOrigin::Ephemeral { pod: pod.name.clone() });
        }
    }
    ordinal_of(&app.raw, name).map(|(template, ordinal)| ClaimOrigin::Template { template, ordinal })
}

/// The claim template and the ordinal for which a set makes a claim of that name; none where it does not.
pub(super) fn ordinal_of(set: &Value, claim: &str) -> Option<(String, u32)> {
    let templates = set["spec"]["volumeClaimTemplates"].as_array();
    let set = name(set);
    templates.into_iter().flatten().find_map(|template| {
        let template = name(template);
        let ordinal = claim.strip_prefix(&format!("{template}-{set}-"))?;
        // Only as the controller writes it: no sign, no leading zero.
        let number: u32 = ordinal.parse().ok().filter(|number: &u32| number.to_string() == ordinal)?;
        Some((template.to_owned(), number))
    })
}

fn claim_seen(
    namespace: &str,
    app: &AppSeen,
    raw: Value,
    origin: ClaimOrigin,
    volume: Option<VolumeSeen>,
    pods: &[Value],
    used: &BTreeMap<String, u64>,
) -> ClaimSeen {
    let name = name(&raw).to_owned();
    let bytes = |value: &Value| value.as_str().and_then(size::read::whole).unwrap_or(0);
    let mounts = pods.iter().filter(|pod| mounted_claims(pod).contains(&name)).map(|pod| mount(app, pod));
    let legacy_class = raw["metadata"]["annotations"]["volume.beta.kubernetes.io/storage-class"].as_str();
    ClaimSeen {
        uid: uid(&raw).to_owned(),
        phase: text(&raw, "/status/phase").to_owned(),
        class: legacy_class.or_else(|| raw["spec"]["storageClassName"].as_str()).map(str::to_owned),
        requested_bytes: bytes(&raw["spec"]["resources"]["requests"]["storage"]),
        capacity_bytes: bytes(&raw["status"]["capacity"]["storage"]),
        used_bytes: used.get(&format!("{namespace}/{name}")).copied(),
        access_modes: texts(&raw, "/spec/accessModes"),
        block: raw["spec"]["volumeMode"] == "Block",
        finalizers: texts(&raw, "/metadata/finalizers"),
        terminating: is_terminating(&raw),
        owner: stranger(app, &raw),
        applied_by: appliers::of(&raw),
        volume,
        mounted_by: mounts.collect(),
        origin,
        name,
        raw,
    }
}

fn mount(app: &AppSeen, pod: &Value) -> MountSeen {
    let uid = uid(pod).to_owned();
    MountSeen {
        pod: name(pod).to_owned(),
        node: pod["spec"]["nodeName"].as_str().map(str::to_owned),
        phase: text(pod, "/status/phase").to_owned(),
        reason: pod["status"]["reason"].as_str().map(str::to_owned),
        terminating: is_terminating(pod),
        finalizers: texts(pod, "/metadata/finalizers"),
        // By uid: a pod of that name may have been made anew between the two lists.
        of_app: app.pods.iter().any(|of_app| of_app.uid == uid),
        owner: controller(pod).map(|(kind, name)| format!("{kind}/{name}")),
        uid,
    }
}

/// The claim's controlling owner, unless that is the app or a pod of it (as claim retention policies make it).
fn stranger(app: &AppSeen, claim: &Value) -> Option<String> {
    let owners = claim["metadata"]["ownerReferences"].as_array()?;
    let ours = |owner: &&Value| owner["uid"] == app.uid.as_str() || app.pods.iter().any(|pod| owner["uid"] == pod.uid.as_str());
    let other = owners.iter().filter(|owner| owner["controller"] == true).find(|owner| !ours(owner))?;
    Some(format!("{}/{}", text(other, "/kind"), text(other, "/name")))
}

async fn volume(reads: &Reads<'_>, claim: &Value) -> Result<Option<VolumeSeen>, SurveyError> {
    let name = text(claim, "/spec/volumeName");
    if name.is_empty() {
        return Ok(None);
    }
    Ok(reads.one(&Kind::VOLUME, "", name).await?.map(|raw| volume_seen(&raw)))
}

/// Fields of a volume's `spec` that are not its source.
const NOT_SOURCES: [&str; 8] = [
    "accessModes",
    "capacity",
    "claimRef",
    "mountOptions",
    "nodeAffinity",
    "persistentVolumeReclaimPolicy",
    "storageClassName",
    "volumeMode",
];

fn volume_seen(raw: &Value) -> VolumeSeen {
    let spec = raw["spec"].as_object();
    let source = spec.into_iter().flatten().find(|(key, value)| !NOT_SOURCES.contains(&key.as_str()) && value.is_object());
    let migrated = raw["metadata"]["annotations"]["pv.kubernetes.io/migrated-to"].as_str();
    VolumeSeen {
        name: name(raw).to_owned(),
        uid: uid(raw).to_owned(),
        reclaim_policy: text(raw, "/spec/persistentVolumeReclaimPolicy").to_owned(),
        source: source.map(|(key, _)| key.clone()).unwrap_or_default(),
        driver: raw["spec"]["csi"]["driver"].as_str().or(migrated).map(str::to_owned),
        fs_type: text(raw, "/spec/csi/fsType").to_owned(),
        node_affinity: raw["spec"].get("nodeAffinity").cloned(),
        finalizers: texts(raw, "/metadata/finalizers"),
        terminating: is_terminating(raw),
        bound_to: {
            let reference = &raw["spec"]["claimRef"];
            format!("{}/{} {}", text(reference, "/namespace"), text(reference, "/name"), text(reference, "/uid"))
        },
    }
}

/// Reads the volumes that a request says an earlier run kept; one that is not there is left out.
///
/// # Errors
///
/// What the API says.
pub async fn kept_seen(connection: &Connection, volumes: impl Iterator<Item = &str>) -> Result<Vec<KeptSeen>, ApiError> {
    let mut seen = Vec::new();
    for volume in volumes {
        seen.extend(connection.get(&Kind::VOLUME, "", volume).await?.map(|raw| kept(&raw)));
    }
    Ok(seen)
}

fn kept(raw: &Value) -> KeptSeen {
    KeptSeen {
        volume: name(raw).to_owned(),
        uid: uid(raw).to_owned(),
        phase: text(raw, "/status/phase").to_owned(),
        claim_ref: raw["spec"]["claimRef"].clone(),
        class: raw["spec"]["storageClassName"].as_str().map(str::to_owned),
        node_affinity: raw["spec"].get("nodeAffinity").cloned(),
        labels: texts_by_key(raw, "/metadata/labels"),
        annotations: texts_by_key(raw, "/metadata/annotations"),
    }
}

/// Bytes used of each claim (`NAMESPACE/NAME`) on the app's nodes, as their kubelets tell. Best effort.
async fn used_bytes(reads: &Reads<'_>, app: &AppSeen) -> BTreeMap<String, u64> {
    let mut nodes: Vec<&str> = app.pods.iter().filter_map(|pod| pod.node.as_deref()).collect();
    nodes.sort_unstable();
    nodes.dedup();
    let asks = nodes.into_iter().map(|node| reads.stats(node));
    let told = futures::future::join_all(asks).await;
    let volumes = told
        .iter()
        .flat_map(|stats| stats["pods"].as_array().into_iter().flatten())
        .flat_map(|pod| pod["volume"].as_array().into_iter().flatten());
    volumes
        .filter_map(|volume| {
            let claim = volume.get("pvcRef")?;
            Some((format!("{}/{}", text(claim, "/namespace"), text(claim, "/name")), volume["usedBytes"].as_u64()?))
        })
        .collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::survey::PodSeen;
    use serde_json::json;

    fn app() -> AppSeen {
        AppSeen {
            kind: AppKind::StatefulSet,
            name: "pg".to_owned(),
            uid: "u".to_owned(),
            raw: json!({ "metadata": { "name": "pg" }, "spec": {
                "template": { "spec": { "volumes": [
                    { "name": "conf", "persistentVolumeClaim": { "claimName": "shared" } }, { "name": "tmp", "ephemeral": {} }] } },
                "volumeClaimTemplates": [{ "metadata": { "name": "data" } }] } }),
            replicas: 1,
            first_ordinal: 0,
            terminating: false,
            owner: None,
            applied_by: Vec::new(),
            pods: vec![PodSeen {
                name: "pg-0".to_owned(),
                uid: "p".to_owned(),
                node: None,
                phase: "Running".to_owned(),
                ready: true,
                terminating: false,
                finalizers: Vec::new(),
                revision: None,
                spec: json!({}),
            }],
        }
    }

    /// A claim of which the name is known.
    pub(in super::super) fn claim(name: &str) -> ClaimSeen {
        let raw = json!({ "metadata": { "name": name } });
        claim_seen("db", &app(), raw, ClaimOrigin::Named, None, &[], &BTreeMap::new())
    }

    #[test]
    fn a_claim_is_known_by_how_the_app_comes_by_it() {
        let of = |name: &str| origin(&app(), &json!({ "metadata": { "name": name } }));
        assert_eq!(of("data-pg-12"), Some(ClaimOrigin::Template { template: "data".to_owned(), ordinal: 12 }));
        assert_eq!(of("shared"), Some(ClaimOrigin::Volume { volume: "conf".to_owned() }));
        assert_eq!(of("pg-0-tmp"), Some(ClaimOrigin::Ephemeral { pod: "pg-0".to_owned() }));
        for other in ["data-pg", "data-pg-", "data-pg-01", "data-pg-x", "data-pg-extra-0", "data-other-0"] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn a_pod_that_names_a_claim_is_seen_in_any_phase() {
        let pod = json!({
            "metadata": { "name": "pg-0", "uid": "p", "finalizers": ["x/y"], "deletionTimestamp": "2026-01-01T00:00:00Z" },
            "spec": { "nodeName": "n1" }, "status": { "phase": "Failed", "reason": "Evicted" } });
        let seen = mount(&app(), &pod);
        assert_eq!((seen.phase.as_str(), seen.reason.as_deref(), seen.of_app), ("Failed", Some("Evicted"), true));
        assert_eq!((seen.uid.as_str(), seen.terminating, seen.finalizers), ("p", true, vec!["x/y".to_owned()]));
        let another = mount(&app(), &json!({ "metadata": { "name": "pg-0", "uid": "another" } }));
        assert!(!another.of_app, "the same name is not the same pod");
    }

    #[test]
    fn an_owner_that_is_the_app_or_its_pod_is_no_stranger() {
        let claim =
            |uid: &str| json!({ "metadata": { "ownerReferences": [{ "controller": true, "kind": "K", "name": "n", "uid": uid }] } });
        assert_eq!(stranger(&app(), &claim("u")), None);
        assert_eq!(stranger(&app(), &claim("p")), None);
        assert_eq!(stranger(&app(), &claim("x")).as_deref(), Some("K/n"));
    }

    #[test]
    fn a_volume_is_known_by_its_source() {
        let volume = volume_seen(&json!({ "spec": { "capacity": { "storage": "1Gi" }, "hostPath": { "path": "/x" } } }));
        assert_eq!((volume.source.as_str(), volume.driver), ("hostPath", None));
    }
}
