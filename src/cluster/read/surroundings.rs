//! What stands around the app: classes, drivers, nodes, quotas, limits, budgets, autoscalers, policies, earlier runs.
//!
//! What we may not read is skipped; the missing permission is in the survey's access list.

use serde_json::Value;

use super::failure::SurveyError;
use super::{network, selector};
use crate::cluster::{ApiError, Connection, Kind, access};
use crate::plan::{RunId, marks, plan_record};
use crate::size;
use crate::survey::object::{self, name, text};
use crate::survey::{
    AccessSeen, AppKind, AppSeen, AutoscalerSeen, CapacitySeen, ClassSeen, DriverSeen, LimitSeen, NamespaceSeen, NodeSeen, QuotaSeen,
};

/// Reads that are skipped where they are not allowed.
pub(super) struct Reads<'a> {
    pub(super) connection: &'a Connection,
    pub(super) namespace: &'a str,
    pub(super) access: &'a [AccessSeen],
}

impl Reads<'_> {
    /// An object; none also where it may not be read.
    pub(super) async fn one(&self, kind: &Kind, namespace: &str, name: &str) -> Result<Option<Value>, ApiError> {
        if !access::allows(self.access, "get", &kind.plural) {
            return Ok(None);
        }
        unless_forbidden(self.connection.get(kind, namespace, name).await)
    }

    /// All objects; none where they may not be read, or the cluster does not know the kind.
    pub(super) async fn all(&self, kind: &Kind) -> Result<Vec<Value>, ApiError> {
        if !access::allows(self.access, "list", &kind.plural) {
            return Ok(Vec::new());
        }
        let namespace = if kind.namespaced { self.namespace } else { "" };
        unless_forbidden(self.connection.list(kind, namespace, "").await)
    }

    /// What a node's kubelet counts; nothing where it does not tell.
    pub(super) async fn stats(&self, node: &str) -> Value {
        if !access::allows(self.access, "get", "nodes/proxy") {
            return Value::Null;
        }
        let path = format!("{}/proxy/stats/summary", Kind::NODE.path("", Some(node)));
        let asked = tokio::time::timeout(std::time::Duration::from_secs(3), self.connection.get_path(&path)).await;
        asked.ok().and_then(Result::ok).flatten().unwrap_or_default()
    }
}

fn unless_forbidden<T: Default>(answer: Result<T, ApiError>) -> Result<T, ApiError> {
    match answer {
        Err(ApiError::Forbidden(_) | ApiError::NotFound(_)) => Ok(T::default()),
        other => other,
    }
}

/// What was found.
pub(super) struct Surroundings {
    pub(super) server_version: String,
    pub(super) classes: Vec<ClassSeen>,
    pub(super) drivers: Vec<DriverSeen>,
    pub(super) nodes: Vec<NodeSeen>,
    pub(super) capacities: Vec<CapacitySeen>,
    pub(super) quotas: Vec<QuotaSeen>,
    pub(super) limits: Vec<LimitSeen>,
    pub(super) budgets: Vec<String>,
    pub(super) autoscalers: Vec<AutoscalerSeen>,
    pub(super) policies: Vec<String>,
    pub(super) unfinished_runs: Vec<String>,
}

pub(super) async fn read(reads: &Reads<'_>, app: &AppSeen) -> Result<Surroundings, SurveyError> {
    let (classes, drivers, nodes, csi_nodes, capacities) = futures::try_join!(
        reads.all(&Kind::STORAGE_CLASS),
        reads.all(&Kind::CSI_DRIVER),
        reads.all(&Kind::NODE),
        reads.all(&Kind::CSI_NODE),
        reads.all(&Kind::CSI_CAPACITY),
    )?;
    let (quotas, limits, budgets, policies) = futures::try_join!(
        reads.all(&Kind::RESOURCE_QUOTA),
        reads.all(&Kind::LIMIT_RANGE),
        reads.all(&Kind::DISRUPTION_BUDGET),
        reads.all(&Kind::NETWORK_POLICY),
    )?;
    let (hpas, scaled, version) =
        futures::try_join!(reads.all(&Kind::AUTOSCALER), reads.all(&SCALED_OBJECT), reads.connection.get_path("/version"),)?;
    let autoscalers = hpas.iter().filter_map(|one| hpa(app, one)).chain(scaled.iter().filter_map(|one| scaled_object(app, one)));
    Ok(Surroundings {
        server_version: version.map(|version| text(&version, "/gitVersion").to_owned()).unwrap_or_default(),
        classes: classes.iter().map(class).collect(),
        drivers: drivers.iter().map(driver).collect(),
        capacities: capacities.iter().map(|one| capacity(one, &nodes)).collect(),
        nodes: nodes.iter().map(|one| node(one, &csi_nodes)).collect(),
        quotas: quotas.iter().map(quota).collect(),
        limits: limits.iter().flat_map(limits_of).collect(),
        budgets: budgets.iter().filter(|one| selects(app, &one["spec"]["selector"])).map(|one| name(one).to_owned()).collect(),
        autoscalers: autoscalers.collect(),
        policies: network::cut_off(&policies, reads.namespace).into_iter().map(|one| name(one).to_owned()).collect(),
        unfinished_runs: unfinished_runs(reads, app).await?,
    })
}

/// KEDA's autoscaler; a cluster without KEDA does not know it, which reads as none.
const SCALED_OBJECT: Kind = Kind {
    group: std::borrow::Cow::Borrowed("keda.sh"),
    version: std::borrow::Cow::Borrowed("v1alpha1"),
    plural: std::borrow::Cow::Borrowed("scaledobjects"),
    kind: std::borrow::Cow::Borrowed("ScaledObject"),
    namespaced: true,
};

fn class(raw: &Value) -> ClassSeen {
    ClassSeen {
        name: name(raw).to_owned(),
        provisioner: text(raw, "/provisioner").to_owned(),
        waits_for_consumer: raw["volumeBindingMode"] == "WaitForFirstConsumer",
        reclaim_policy: raw["reclaimPolicy"].as_str().unwrap_or("Delete").to_owned(),
        allowed_topologies: raw.get("allowedTopologies").cloned(),
        parameters: object::texts_by_key(raw, "/parameters"),
    }
}

fn driver(raw: &Value) -> DriverSeen {
    DriverSeen {
        name: name(raw).to_owned(),
        attach_required: raw["spec"]["attachRequired"].as_bool().unwrap_or(true),
        tells_capacity: raw["spec"]["storageCapacity"].as_bool().unwrap_or(false),
        fs_group_policy: text(raw, "/spec/fsGroupPolicy").to_owned(),
    }
}

fn node(raw: &Value, csi_nodes: &[Value]) -> NodeSeen {
    let node = name(raw);
    let csi = csi_nodes.iter().find(|one| name(one) == node);
    let drivers = csi
        .and_then(|csi| csi["spec"]["drivers"].as_array())
        .into_iter()
        .flatten()
        .map(|driver| (text(driver, "/name").to_owned(), object::texts(driver, "/topologyKeys")));
    NodeSeen {
        labels: object::texts_by_key(raw, "/metadata/labels"),
        ready: object::is_ready(raw),
        unschedulable: raw["spec"]["unschedulable"].as_bool().unwrap_or(false),
        taints: raw["spec"]["taints"].as_array().cloned().unwrap_or_default(),
        drivers: drivers.collect(),
        name: node.to_owned(),
    }
}

/// Without a topology it is reached from no node.
fn capacity(raw: &Value, nodes: &[Value]) -> CapacitySeen {
    let bytes = |field: &str| raw[field].as_str().and_then(size::read::whole);
    let reach = |node: &&Value| selector::matches(&raw["nodeTopology"], &node["metadata"]["labels"]);
    CapacitySeen {
        class: text(raw, "/storageClassName").to_owned(),
        nodes: nodes.iter().filter(reach).map(|one| name(one).to_owned()).collect(),
        bytes: bytes("capacity"),
        volume_bytes_max: bytes("maximumVolumeSize"),
    }
}

fn quota(raw: &Value) -> QuotaSeen {
    let amounts = |field: &str| {
        let all = raw["status"][field].as_object().into_iter().flatten();
        all.filter_map(|(key, value)| Some((key.clone(), amount(key, value)?))).collect()
    };
    let mut scopes = object::texts(raw, "/spec/scopes");
    let selected = raw["spec"]["scopeSelector"]["matchExpressions"].as_array().into_iter().flatten();
    scopes.extend(selected.map(|one| text(one, "/scopeName").to_owned()));
    QuotaSeen { name: name(raw).to_owned(), scopes, hard: amounts("hard"), used: amounts("used") }
}

fn amount(resource: &str, value: &Value) -> Option<u64> {
    let text = value.as_str()?;
    if resource.ends_with("cpu") { size::read::thousandths(text) } else { size::read::whole(text) }
}

fn limits_of(raw: &Value) -> Vec<LimitSeen> {
    let mut found = Vec::new();
    for limit in raw["spec"]["limits"].as_array().into_iter().flatten() {
        let bound = |which: &str, resource: &str| amount(resource, &limit[which][resource]);
        let mut resources: Vec<String> = ["min", "max", "default", "maxLimitRequestRatio"]
            .iter()
            .flat_map(|which| limit[*which].as_object().into_iter().flatten().map(|(key, _)| key.clone()))
            .collect();
        resources.sort();
        resources.dedup();
        found.extend(resources.into_iter().map(|resource| LimitSeen {
            name: name(raw).to_owned(),
            applies_to: text(limit, "/type").to_owned(),
            min: bound("min", &resource),
            max: bound("max", &resource),
            default: bound("default", &resource),
            max_ratio_thousandths: limit["maxLimitRequestRatio"][&resource].as_str().and_then(size::read::thousandths),
            resource,
        }));
    }
    found
}

/// Whether a selector picks the app's pods.
fn selects(app: &AppSeen, selector: &Value) -> bool {
    let labels = match app.kind {
        AppKind::StatefulSet | AppKind::Deployment => &app.raw["spec"]["template"]["metadata"]["labels"],
        AppKind::Pod => &app.raw["metadata"]["labels"],
        AppKind::Claim => return false,
    };
    selector::matches(selector, labels)
}

fn targets(app: &AppSeen, reference: &Value) -> bool {
    let kind = reference["kind"].as_str().unwrap_or("Deployment").to_lowercase();
    kind == app.kind.word() && reference["name"] == app.name.as_str()
}

fn hpa(app: &AppSeen, raw: &Value) -> Option<AutoscalerSeen> {
    let spec = &raw["spec"];
    let bound = |field: &str| spec[field].as_u64().unwrap_or(1);
    // It leaves alone what is at zero replicas, unless its own lower bound is zero (`reconcileAutoscaler` in
    // `pkg/controller/podautoscaler/horizontal.go`, 1.36). Bounds of zero to zero are not valid.
    let still = match app.replicas {
        0 => bound("minReplicas") > 0,
        replicas => ["minReplicas", "maxReplicas"].into_iter().all(|field| bound(field) == u64::from(replicas)),
    };
    let seen = || AutoscalerSeen { kind: "HorizontalPodAutoscaler".to_owned(), name: name(raw).to_owned(), still };
    targets(app, &spec["scaleTargetRef"]).then(seen)
}

fn scaled_object(app: &AppSeen, raw: &Value) -> Option<AutoscalerSeen> {
    let annotations = &raw["metadata"]["annotations"];
    let still = annotations["autoscaling.keda.sh/paused"] == "true" || annotations["autoscaling.keda.sh/paused-replicas"].is_string();
    let targeted = targets(app, &raw["spec"]["scaleTargetRef"]);
    targeted.then(|| AutoscalerSeen { kind: "ScaledObject".to_owned(), name: name(raw).to_owned(), still })
}

/// States of runs that need nothing more.
const ENDED: [&str; 3] = ["completed", "undone", "finalized"];

async fn unfinished_runs(reads: &Reads<'_>, app: &AppSeen) -> Result<Vec<String>, ApiError> {
    if !access::allows(reads.access, "list", "configmaps") {
        return Ok(Vec::new());
    }
    let query = format!("{}=plan,{}={}", marks::RECORD, marks::APP, marks::app_key(app.kind, &app.name));
    let plans = unless_forbidden(reads.connection.list_metadata(&Kind::CONFIG_MAP, reads.namespace, &query).await)?;
    let label = |plan: &Value, key: &str| object::label(plan, key).unwrap_or_default().to_owned();
    // Only what a command could be pointed at: anything else that bears the labels is no record of ours.
    let is_record = |plan: &&Value| RunId::try_from(label(plan, marks::RUN)).is_ok_and(|run| name(plan) == plan_record(&run, 0));
    let mut runs: Vec<String> = plans
        .iter()
        .filter(is_record)
        .filter(|plan| !ENDED.contains(&label(plan, marks::STATE).as_str()))
        .map(|plan| label(plan, marks::RUN))
        .collect();
    runs.sort();
    runs.dedup();
    Ok(runs)
}

impl Reads<'_> {
    /// The namespace.
    pub(super) async fn namespace(&self) -> Result<NamespaceSeen, ApiError> {
        let name = self.namespace.to_owned();
        let found = self.one(&Kind::NAMESPACE, "", &name).await?;
        let Some(namespace) = found else { return Ok(NamespaceSeen { name, ..NamespaceSeen::default() }) };
        let label = &namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"];
        Ok(NamespaceSeen {
            name,
            terminating: namespace["status"]["phase"] == "Terminating",
            pod_security: label.as_str().map(str::to_owned),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_autoscaler_is_still_at_the_present_number_or_at_zero() {
        let of = |replicas: u32, spec: Value| {
            let app = AppSeen { replicas, ..super::super::app::nothing(AppKind::Deployment, "web") };
            let mut spec = spec;
            spec["scaleTargetRef"] = json!({ "kind": "Deployment", "name": "web" });
            hpa(&app, &json!({ "metadata": { "name": "up" }, "spec": spec })).map(|seen| seen.still)
        };
        assert_eq!(of(2, json!({ "minReplicas": 2, "maxReplicas": 2 })), Some(true));
        assert_eq!(of(2, json!({ "minReplicas": 2, "maxReplicas": 5 })), Some(false));
        assert_eq!(of(0, json!({ "minReplicas": 2, "maxReplicas": 5 })), Some(true));
        assert_eq!(of(0, json!({ "minReplicas": 0, "maxReplicas": 5 })), Some(false));
    }

    #[test]
    fn a_capacity_is_for_the_nodes_of_its_topology() {
        let nodes = [json!({ "metadata": { "name": "n1", "labels": { "zone": "a" } } }), json!({ "metadata": { "name": "n2" } })];
        let seen = capacity(
            &json!({ "storageClassName": "fast", "capacity": "10Gi", "nodeTopology": { "matchLabels": { "zone": "a" } } }),
            &nodes,
        );
        assert_eq!((seen.nodes, seen.bytes, seen.volume_bytes_max), (vec!["n1".to_owned()], Some(10 << 30), None));
        assert!(capacity(&json!({ "storageClassName": "fast", "capacity": "10Gi" }), &nodes).nodes.is_empty());
    }

    #[test]
    fn scopes_of_a_quota_are_read_wherever_they_stand() {
        let seen = quota(
            &json!({ "spec": { "scopes": ["Terminating"], "scopeSelector": { "matchExpressions": [{ "scopeName": "PriorityClass" }] } } }),
        );
        assert_eq!(seen.scopes, ["Terminating", "PriorityClass"]);
    }

    #[test]
    fn limits_are_read_by_resource() {
        let limits = limits_of(&json!({ "metadata": { "name": "l" }, "spec": { "limits": [
            { "type": "PersistentVolumeClaim", "max": { "storage": "2Gi" }, "min": { "storage": "1Gi" } }] } }));
        assert_eq!(limits.len(), 1);
        assert_eq!((limits[0].min, limits[0].max), (Some(1 << 30), Some(2 << 30)));
        let limits = limits_of(&json!({ "metadata": { "name": "l" }, "spec": { "limits": [
            { "type": "Container", "default": { "cpu": "500m" }, "maxLimitRequestRatio": { "cpu": "1.5" } }] } }));
        assert_eq!((limits[0].default, limits[0].max_ratio_thousandths), (Some(500), Some(1500)));
    }
}
