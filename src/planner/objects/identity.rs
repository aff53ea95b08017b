//! As whom mover pods run: as root with a few capabilities, or as the app itself where the namespace lets nothing more in, or the user asks for it.
//!
//! What the app cannot read or set a mover with its identity cannot either. That is not guessed at here: the first pass finds it,
//! while the app still runs.

use serde_json::{Map, Value, json};

use super::app::app_pod_spec;
use crate::plan::{Request, mover_pod};
use crate::survey::{ClaimOrigin, ClaimSeen, Survey};

/// The level of Pod Security (<https://kubernetes.io/docs/concepts/security/pod-security-standards/>) that lets no root in.
const RESTRICTED: &str = "restricted";

/// As whom mover pods run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// As root, with the capabilities that keeping everything takes.
    Root,
    /// As the app's pods: their user, groups and labels, as in a pod's security context.
    App(Map<String, Value>),
}

impl Identity {
    /// Returns as whom movers run; none where that is as the app, and the app does not say as whom it runs.
    pub(crate) fn of(request: &Request, survey: &Survey) -> Option<Identity> {
        if !request.run_movers_as_app && lets_root_in(survey) {
            return Some(Identity::Root);
        }
        app_identity(&app_pod_spec(survey), &volumes(survey)).map(Identity::App)
    }

    /// The user's number, where it is the app's.
    pub(crate) fn user(&self) -> Option<u64> {
        match self {
            Identity::Root => None,
            Identity::App(fields) => fields["runAsUser"].as_u64(),
        }
    }

    /// A pod's security context.
    pub(crate) fn of_pod(&self) -> Value {
        let mut context = match self {
            Identity::Root => Map::new(),
            Identity::App(fields) => fields.clone(),
        };
        context.insert("seccompProfile".to_owned(), json!({ "type": "RuntimeDefault" }));
        Value::Object(context)
    }

    /// A container's security context.
    pub(crate) fn of_container(&self) -> Value {
        mover_pod::security_context(*self == Identity::Root)
    }
}

/// Whether pods that run as root are let into the namespace, by its label.
pub(crate) fn lets_root_in(survey: &Survey) -> bool {
    survey.namespace.pod_security.as_deref() != Some(RESTRICTED)
}

/// The names under which the app's pods know its claims.
fn volumes(survey: &Survey) -> Vec<&str> {
    fn name(claim: &ClaimSeen) -> Option<&str> {
        match &claim.origin {
            ClaimOrigin::Template { template, .. } => Some(template.as_str()),
            ClaimOrigin::Volume { volume } => Some(volume.as_str()),
            ClaimOrigin::Ephemeral { .. } | ClaimOrigin::Named => None,
        }
    }
    survey.claims.iter().filter_map(name).collect()
}

/// Whether a container mounts any of these volumes, as a file system or a device.
fn mounts(container: &Value, volumes: &[&str]) -> bool {
    let named = ["volumeMounts", "volumeDevices"].into_iter().flat_map(|field| container[field].as_array().into_iter().flatten());
    named.filter_map(|mount| mount["name"].as_str()).any(|name| volumes.contains(&name))
}

/// The identity that all containers of a pod share which mount its claims (all containers, if none is known to); none if those differ, do not
/// say, or run as root.
fn app_identity(spec: &Value, volumes: &[&str]) -> Option<Map<String, Value>> {
    let pod = &spec["securityContext"];
    let all: Vec<&Value> = spec["containers"].as_array()?.iter().collect();
    let writers: Vec<&Value> = all.iter().copied().filter(|container| mounts(container, volumes)).collect();
    let containers = if writers.is_empty() { all } else { writers };
    let mut fields = Map::new();
    for field in ["runAsUser", "runAsGroup"] {
        let own = |container: &Value| container["securityContext"].get(field).or_else(|| pod.get(field)).cloned();
        let first = own(containers.first()?);
        if containers.iter().any(|container| own(container) != first) {
            return None;
        }
        fields.extend(first.map(|value| (field.to_owned(), value)));
    }
    if fields.get("runAsUser")?.as_u64()? == 0 {
        return None;
    }
    for field in ["fsGroup", "supplementalGroups", "supplementalGroupsPolicy", "seLinuxOptions"] {
        fields.extend(pod.get(field).map(|value| (field.to_owned(), value.clone())));
    }
    if fields.contains_key("fsGroup") {
        // The files are copied with their groups: the kubelet need not go through all of them.
        fields.insert("fsGroupChangePolicy".to_owned(), json!("OnRootMismatch"));
    }
    fields.insert("runAsNonRoot".to_owned(), json!(true));
    Some(fields)
}
