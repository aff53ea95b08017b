//! What a move needs to be allowed, and whether it is (SelfSubjectAccessReview).
//!
//! The list is data: the role in `docs/permissions.md` and the refusals of the planner are both made from it.

use futures::stream::{self, StreamExt};
use serde_json::json;

use super::{ApiError, Connection, Creation, Kind};
use crate::survey::{AccessSeen, AppKind};

/// At most so many questions at once.
const QUESTIONS_MAX: usize = 8;

/// One permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// The verb.
    pub verb: &'static str,
    /// The API group.
    pub group: &'static str,
    /// The plural, with `/subresource` where one is meant.
    pub resource: &'static str,
    /// Whether it is wanted in the app's namespace only.
    pub namespaced: bool,
    /// Whether a move can do without it, at the price of knowing less.
    pub optional: bool,
}

/// Group, resource, verbs; in the namespace.
const IN_NAMESPACE: [(&str, &str, &[&str]); 6] = [
    ("", "pods", &["get", "list", "create", "patch", "delete"]),
    ("", "pods/log", &["get"]),
    ("", "persistentvolumeclaims", &["get", "list", "create", "delete"]),
    ("", "configmaps", &["get", "list", "create", "patch", "delete"]),
    ("coordination.k8s.io", "leases", &["get", "create", "patch", "delete"]),
    ("", "events", &["list"]),
];

/// The same in the whole cluster.
const IN_CLUSTER: [(&str, &str, &[&str]); 3] = [
    ("", "persistentvolumes", &["get", "list", "patch"]),
    ("storage.k8s.io", "storageclasses", &["get", "list"]),
    ("storage.k8s.io", "volumeattachments", &["list"]),
];

/// The same, where a move only knows less without them.
const OPTIONAL: [(&str, &str, &[&str], bool); 17] = [
    ("", "namespaces", &["get"], false),
    ("", "nodes", &["list"], false),
    ("", "nodes/proxy", &["get"], false),
    ("storage.k8s.io", "csidrivers", &["list"], false),
    ("storage.k8s.io", "csinodes", &["list"], false),
    ("storage.k8s.io", "csistoragecapacities", &["list"], false),
    ("apps", "replicasets", &["get", "list"], true),
    ("apps", "statefulsets", &["list"], true),
    ("apps", "deployments", &["list"], true),
    ("apps", "daemonsets", &["list"], true),
    ("batch", "jobs", &["list"], true),
    ("batch", "cronjobs", &["list"], true),
    ("", "resourcequotas", &["list"], true),
    ("", "limitranges", &["list"], true),
    ("autoscaling", "horizontalpodautoscalers", &["list"], true),
    ("networking.k8s.io", "networkpolicies", &["list"], true),
    ("policy", "poddisruptionbudgets", &["list"], true),
];

/// Everything a move of such an app needs.
pub fn needed(kind: AppKind) -> Vec<Need> {
    let required = |group, resource, verbs: &'static [&'static str], namespaced| {
        verbs.iter().map(move |verb| Need { verb, group, resource, namespaced, optional: false })
    };
    let mut needs: Vec<Need> = Vec::new();
    for (group, resource, verbs) in IN_NAMESPACE {
        needs.extend(required(group, resource, verbs, true));
    }
    for (group, resource, verbs) in IN_CLUSTER {
        needs.extend(required(group, resource, verbs, false));
    }
    match kind {
        AppKind::StatefulSet => needs.extend(required("apps", "statefulsets", &["get", "list", "create", "patch", "delete"], true)),
        AppKind::Deployment => {
            needs.extend(required("apps", "deployments", &["get", "list", "patch"], true));
            needs.extend(required("apps", "replicasets", &["list"], true));
        }
        AppKind::Pod | AppKind::Claim => {}
    }
    for (group, resource, verbs, namespaced) in OPTIONAL {
        needs.extend(verbs.iter().map(|verb| Need { verb, group, resource, namespaced, optional: true }));
    }
    needs
}

/// Asks for each permission whether we have it.
///
/// # Errors
///
/// When the question itself cannot be asked, but for being forbidden: then all is assumed to be allowed, and found out.
pub async fn review(connection: &Connection, namespace: &str, kind: AppKind) -> Result<Vec<AccessSeen>, ApiError> {
    let questions = needed(kind).into_iter().map(|need| ask(connection, namespace, need));
    stream::iter(questions).buffered(QUESTIONS_MAX).collect::<Vec<_>>().await.into_iter().collect()
}

async fn ask(connection: &Connection, namespace: &str, need: Need) -> Result<AccessSeen, ApiError> {
    let scope = if need.namespaced { namespace } else { "" };
    let (resource, subresource) = need.resource.split_once('/').unwrap_or((need.resource, ""));
    let question = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": { "resourceAttributes": {
            "namespace": scope, "verb": need.verb, "group": need.group, "resource": resource, "subresource": subresource } },
    });
    let allowed = match connection.create(&Kind::ACCESS_REVIEW, "", &question).await {
        Ok(Creation::New(answer)) => answer["status"]["allowed"].as_bool().unwrap_or(false),
        Ok(Creation::AlreadyThere) | Err(ApiError::Forbidden(_) | ApiError::NotFound(_)) => true,
        Err(error) => return Err(error),
    };
    Ok(AccessSeen {
        verb: need.verb.to_owned(),
        group: need.group.to_owned(),
        resource: need.resource.to_owned(),
        namespace: scope.to_owned(),
        allowed,
        optional: need.optional,
    })
}

/// Whether a list of answers allows something; what was not asked is taken as allowed.
pub fn allows(access: &[AccessSeen], verb: &str, resource: &str) -> bool {
    !access.iter().any(|one| one.verb == verb && one.resource == resource && !one.allowed)
}
