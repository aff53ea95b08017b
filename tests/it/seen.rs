//! Surveys for tests of the planner: made by hand, small, and with everything a plan is made from.

use std::collections::BTreeMap;

use kubectl_stateful::plan::{Destination, Plan, Request, RunId};
use kubectl_stateful::survey::{
    AccessSeen, AppKind, AppSeen, AppliedBy, AutoscalerSeen, ClaimOrigin, ClaimSeen, ClassSeen, DriverSeen, KeptSeen, LimitSeen, MountSeen,
    NamespaceSeen, NodeSeen, PodSeen, QuotaSeen, Survey, VolumeSeen,
};
use serde_json::{Value, json};

const GIB: u64 = 1 << 30;

/// A request for class `fast` under run `m1`.
pub(crate) fn request() -> Request {
    Request {
        run: RunId("m1".to_owned()),
        made_at: "2026-01-01T00:00:00Z".to_owned(),
        destination: Destination::StorageClass { name: "fast".to_owned() },
        only_claims: Vec::new(),
        skip_claims: Vec::new(),
        size_bytes: None,
        access_modes: Vec::new(),
        bytes_per_second_max: None,
        throttle: false,
        last_pass_secs_max: 2,
        insist: false,
        fs_group_may_change: false,
        run_movers_as_app: false,
        accept_outage_secs: None,
        cold: false,
        copy_secs_max: 86_400,
        ready_secs_max: 600,
        start_secs_max: 300,
        stop_secs_max: 120,
        source_devices_writable: false,
        mover_image: "mover:test".to_owned(),
        applier_is_paused: false,
        network_is_open: false,
    }
}

/// What a plan says of each claim, and its notes: the head of goldens.
pub(crate) fn moves_and_notes(plan: &Plan) -> String {
    let mut text = String::new();
    for one in &plan.moves {
        let network = if one.over_network { " over the network" } else { "" };
        text += &format!("{} {:?}{network}: {}\n", one.claim, one.rung, one.because);
    }
    for note in &plan.notes {
        text += &format!("note: {note}\n");
    }
    text
}

pub(crate) fn class(name: &str, waits: bool) -> ClassSeen {
    ClassSeen {
        name: name.to_owned(),
        provisioner: format!("{name}.csi"),
        waits_for_consumer: waits,
        reclaim_policy: "Delete".to_owned(),
        allowed_topologies: None,
        parameters: BTreeMap::new(),
    }
}

fn node(name: &str) -> NodeSeen {
    NodeSeen {
        name: name.to_owned(),
        labels: BTreeMap::from([("kubernetes.io/hostname".to_owned(), name.to_owned())]),
        ready: true,
        unschedulable: false,
        taints: Vec::new(),
        drivers: BTreeMap::from([("slow.csi".to_owned(), Vec::new()), ("fast.csi".to_owned(), Vec::new())]),
    }
}

pub(crate) fn claim(name: &str, origin: ClaimOrigin, pod: Option<&str>) -> ClaimSeen {
    ClaimSeen {
        name: name.to_owned(),
        uid: format!("uid-{name}"),
        raw: json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": { "name": name, "namespace": "db", "uid": format!("uid-{name}"), "resourceVersion": "7", "labels": { "app": "pg" },
                "annotations": { "pv.kubernetes.io/bind-completed": "yes", "note": "keep me" }, "finalizers": ["kubernetes.io/pvc-protection"] },
            "spec": { "accessModes": ["ReadWriteOnce"], "volumeMode": "Filesystem", "storageClassName": "slow", "volumeName": format!("pv-{name}"),
                "resources": { "requests": { "storage": "1Gi" } } },
            "status": { "phase": "Bound", "capacity": { "storage": "2Gi" } },
        }),
        origin,
        phase: "Bound".to_owned(),
        class: Some("slow".to_owned()),
        requested_bytes: GIB,
        capacity_bytes: 2 * GIB,
        used_bytes: None,
        access_modes: vec!["ReadWriteOnce".to_owned()],
        block: false,
        finalizers: vec!["kubernetes.io/pvc-protection".to_owned()],
        terminating: false,
        owner: None,
        applied_by: Vec::new(),
        volume: Some(VolumeSeen {
            name: format!("pv-{name}"),
            uid: format!("uid-pv-{name}"),
            reclaim_policy: "Delete".to_owned(),
            source: "csi".to_owned(),
            driver: Some("slow.csi".to_owned()),
            fs_type: "ext4".to_owned(),
            node_affinity: None,
            finalizers: Vec::new(),
            terminating: false,
            bound_to: format!("db/{name} uid-{name}"),
        }),
        mounted_by: pod.map(|pod| mount(pod, "n1", true)).into_iter().collect(),
    }
}

pub(crate) fn mount(pod: &str, node: &str, of_app: bool) -> MountSeen {
    MountSeen {
        pod: pod.to_owned(),
        uid: format!("uid-{pod}"),
        node: Some(node.to_owned()),
        phase: "Running".to_owned(),
        of_app,
        ..MountSeen::default()
    }
}

/// A pod that was evicted and whose object is still there.
pub(crate) fn evicted(pod: &str, node: &str, of_app: bool) -> MountSeen {
    MountSeen { phase: "Failed".to_owned(), reason: Some("Evicted".to_owned()), ..mount(pod, node, of_app) }
}

fn pod(name: &str) -> PodSeen {
    let (name, uid) = (name.to_owned(), format!("uid-{name}"));
    PodSeen {
        name,
        uid,
        node: Some("n1".to_owned()),
        phase: "Running".to_owned(),
        ready: true,
        terminating: false,
        finalizers: Vec::new(),
        revision: None,
        spec: json!({}),
    }
}

fn survey(kind: AppKind, name: &str, raw: Value, replicas: u32, claims: Vec<ClaimSeen>, pods: Vec<PodSeen>) -> Survey {
    Survey {
        server_version: "v1.36.3".to_owned(),
        cluster_uid: Some("uid-cluster".to_owned()),
        namespace: NamespaceSeen { name: "db".to_owned(), ..NamespaceSeen::default() },
        app: AppSeen {
            kind,
            name: name.to_owned(),
            uid: format!("uid-{name}"),
            raw,
            replicas,
            first_ordinal: 0,
            terminating: false,
            owner: None,
            applied_by: Vec::new(),
            pods,
        },
        claims,
        templates: Vec::new(),
        classes: vec![class("fast", true), class("now", false), class("slow", true)],
        drivers: Vec::new(),
        nodes: vec![node("n1"), node("n2")],
        capacities: Vec::new(),
        quotas: Vec::new(),
        limits: Vec::new(),
        disruption_budgets: Vec::new(),
        autoscalers: Vec::new(),
        network_policies: Vec::new(),
        unfinished_runs: Vec::new(),
        kept: Vec::new(),
        access: Vec::new(),
    }
}

/// A stateful set whose replicas each have one claim of each template.
pub(crate) fn set(replicas: u32, templates: &[&str]) -> Survey {
    let raw = json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": { "name": "pg", "namespace": "db", "uid": "uid-pg", "resourceVersion": "9", "generation": 3, "labels": { "team": "a" },
            "managedFields": [{ "manager": "x" }] },
        "spec": { "replicas": replicas, "serviceName": "pg", "aFieldNewerThanUs": { "deep": [1, 2] },
            "template": { "spec": { "terminationGracePeriodSeconds": 40, "tolerations": [{ "key": "db" }], "containers": [] } },
            "volumeClaimTemplates": templates.iter().map(|template| json!({ "metadata": { "name": template },
                "spec": { "storageClassName": "slow", "accessModes": ["ReadWriteOnce"], "anotherNewField": true } })).collect::<Vec<_>>() },
        "status": { "replicas": replicas },
    });
    let claims = (0..replicas).flat_map(|ordinal| templates.iter().map(move |template| (ordinal, *template))).map(|(ordinal, template)| {
        let origin = ClaimOrigin::Template { template: template.to_owned(), ordinal };
        claim(&format!("{template}-pg-{ordinal}"), origin, Some(&format!("pg-{ordinal}")))
    });
    let pods = (0..replicas).map(|ordinal| pod(&format!("pg-{ordinal}"))).collect();
    survey(AppKind::StatefulSet, "pg", raw, replicas, claims.collect(), pods)
}

/// A deployment of one replica on one claim.
pub(crate) fn deployment() -> Survey {
    let raw = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web", "namespace": "db" },
        "spec": { "replicas": 1, "template": { "spec": { "containers": [] } } } });
    let papers = claim("papers", ClaimOrigin::Volume { volume: "papers".to_owned() }, Some("web-1"));
    survey(AppKind::Deployment, "web", raw, 1, vec![papers], vec![pod("web-1")])
}

/// A pod without a controller, on one claim.
pub(crate) fn bare_pod() -> Survey {
    let raw = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "job", "namespace": "db", "uid": "uid-job" },
        "spec": { "nodeName": "n1", "containers": [], "volumes": [{ "name": "papers", "persistentVolumeClaim": { "claimName": "papers" } }] },
        "status": { "phase": "Running" } });
    let papers = claim("papers", ClaimOrigin::Volume { volume: "papers".to_owned() }, Some("job"));
    survey(AppKind::Pod, "job", raw, 1, vec![papers], vec![pod("job")])
}

/// A claim that nobody mounts.
pub(crate) fn unattached() -> Survey {
    let papers = claim("papers", ClaimOrigin::Named, None);
    let raw = papers.raw.clone();
    survey(AppKind::Claim, "papers", raw, 0, vec![papers], Vec::new())
}

/// A survey in which every fact is there: what no field of a survey may lack that is to be read back.
pub(crate) fn everything() -> Survey {
    let text = str::to_owned;
    let affinity =
        json!({ "required": { "nodeSelectorTerms": [{ "matchExpressions": [{ "key": "zone", "operator": "In", "values": ["a"] }] }] } });
    let mut survey = set(1, &["data"]);
    survey.namespace = NamespaceSeen { name: text("db"), terminating: true, pod_security: Some(text("restricted")) };
    survey.app.owner = Some(text("Cluster.db/x"));
    survey.app.applied_by =
        vec![AppliedBy { tool: text("argocd"), name: text("shop"), namespace: Some(text("ops")), paused: true, acts: Default::default() }];
    survey.claims.push(claim("pg-0-tmp", ClaimOrigin::Ephemeral { pod: text("pg-0") }, Some("pg-0")));
    let one = &mut survey.claims[0];
    one.used_bytes = Some(5);
    one.owner = Some(text("DataVolume/x"));
    one.mounted_by.push(MountSeen { owner: Some(text("Job/x")), ..mount("x", "n2", false) });
    one.volume.as_mut().expect("a volume").node_affinity = Some(affinity.clone());
    survey.classes[0].allowed_topologies = Some(json!([{ "matchLabelExpressions": [{ "key": "zone", "values": ["a"] }] }]));
    survey.classes[0].parameters = BTreeMap::from([(text("type"), text("gp3"))]);
    survey.drivers =
        vec![DriverSeen { name: text("fast.csi"), attach_required: true, fs_group_policy: text("File"), tells_capacity: true }];
    survey.nodes[0].drivers = BTreeMap::from([(text("fast.csi"), vec![text("zone")])]);
    let amounts = || BTreeMap::from([(text("pods"), 1)]);
    survey.quotas = vec![QuotaSeen { name: text("q"), scopes: vec![text("BestEffort")], hard: amounts(), used: amounts() }];
    survey.limits = vec![LimitSeen {
        name: text("l"),
        applies_to: text("Pod"),
        resource: text("cpu"),
        min: Some(1),
        max: Some(2),
        default: Some(2),
        max_ratio_thousandths: Some(3),
    }];
    survey.disruption_budgets = vec![text("budget")];
    survey.autoscalers = vec![AutoscalerSeen { kind: text("ScaledObject"), name: text("s"), still: true }];
    survey.network_policies = vec![text("deny")];
    survey.unfinished_runs = vec![text("m0")];
    let pair = || BTreeMap::from([(text("kubectl-stateful.dev/claim"), text("db/x"))]);
    survey.kept = vec![KeptSeen {
        volume: text("pv"),
        uid: text("u"),
        phase: text("Released"),
        claim_ref: json!({ "namespace": "db", "name": "x", "uid": "u" }),
        class: Some(text("slow")),
        node_affinity: Some(affinity),
        labels: pair(),
        annotations: pair(),
    }];
    let (verb, group, resource) = (text("get"), text("apps"), text("statefulsets"));
    survey.access = vec![AccessSeen { verb, group, resource, namespace: text("db"), allowed: true, optional: true }];
    survey
}
