//! Reads everything a plan is made from. Changes nothing, and judges nothing: a fact that may not be read is left out, and the missing
//! permission is one of the facts.

mod app;
mod appliers;
mod claims;
mod network;
mod quantity;
mod reference;
mod selector;
mod surroundings;
mod templates;

use thiserror::Error;

pub use claims::kept_seen;
pub use reference::{Named, resolve};

use super::{ApiError, Connection, access};
use crate::survey::{AppKind, NamespaceSeen, Survey};

/// Why nothing could be surveyed.
#[derive(Debug, Error)]
pub enum SurveyError {
    /// The words do not name an object.
    #[error("{why}")]
    Reference {
        /// Why.
        why: String,
        /// What to type instead.
        hint: String,
    },
    /// There is no such object.
    #[error("there is no {what} in namespace `{namespace}`")]
    NotFound {
        /// `statefulset/pg`.
        what: String,
        /// Where.
        namespace: String,
        /// The plural, for the hint.
        plural: String,
    },
    /// The API said so.
    #[error("{0}")]
    Api(#[from] ApiError),
}

impl SurveyError {
    /// What can be done about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Reference { hint, .. } => Some(hint.clone()),
            Self::NotFound { namespace, plural, .. } => Some(format!("see what there is with `kubectl get {plural} -n {namespace}`")),
            Self::Api(error) => api_hint(error),
        }
    }
}

/// What can be done about an error of the API.
pub fn api_hint(error: &ApiError) -> Option<String> {
    match error {
        ApiError::Unauthorized(_) => Some("the credentials are wrong or have expired; check with `kubectl auth whoami`".to_owned()),
        ApiError::Forbidden(_) => {
            Some("check with `kubectl auth can-i --list`; docs/permissions.md has a role with all that is needed".to_owned())
        }
        ApiError::NoAnswer(_) | ApiError::Busy { .. } => {
            Some("check that the cluster can be reached with `kubectl cluster-info`".to_owned())
        }
        ApiError::Conflict(_) | ApiError::NotFound(_) | ApiError::AlreadyExists(_) | ApiError::Invalid(_) | ApiError::Other { .. } => None,
    }
}

/// Surveys an app.
///
/// # Errors
///
/// When something cannot be read that is not a matter of permissions.
pub async fn survey(connection: &Connection, namespace: &str, named: &Named) -> Result<Survey, SurveyError> {
    let access = access::review(connection, namespace, named.kind).await?;
    let reads = surroundings::Reads { connection, namespace, access: &access };
    let app = app::read(connection, namespace, named).await?;
    let claims = claims::read(&reads, &app).await?;
    let templates = templates::read(&reads, &app, &claims).await?;
    let around = surroundings::read(&reads, &app).await?;
    let namespace = reads.namespace().await?;
    let cluster_uid = connection.cluster_uid().await?;
    let surroundings::Around {
        server_version,
        classes,
        drivers,
        nodes,
        capacities,
        quotas,
        limits,
        budgets,
        autoscalers,
        policies,
        unfinished_runs,
    } = around;
    Ok(Survey {
        server_version,
        cluster_uid,
        namespace,
        app,
        claims,
        templates,
        classes,
        drivers,
        nodes,
        capacities,
        quotas,
        limits,
        disruption_budgets: budgets,
        autoscalers,
        network_policies: policies,
        unfinished_runs,
        kept: Vec::new(),
        access,
    })
}

impl surroundings::Reads<'_> {
    async fn namespace(&self) -> Result<NamespaceSeen, ApiError> {
        let name = self.namespace.to_owned();
        let found = self.one(&super::Kind::NAMESPACE, "", &name).await?;
        let Some(namespace) = found else { return Ok(NamespaceSeen { name, ..NamespaceSeen::default() }) };
        let label = &namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"];
        Ok(NamespaceSeen {
            name,
            terminating: namespace["status"]["phase"] == "Terminating",
            pod_security: label.as_str().map(str::to_owned),
        })
    }
}

/// What can be moved, in words.
const MOVABLE: &str = "statefulset, deployment, pod or pvc";

/// The kind a resource of the API stands for here.
fn kind_of(group: &str, plural: &str) -> Option<AppKind> {
    match (group, plural) {
        ("apps", "statefulsets") => Some(AppKind::StatefulSet),
        ("apps", "deployments") => Some(AppKind::Deployment),
        ("", "pods") => Some(AppKind::Pod),
        ("", "persistentvolumeclaims") => Some(AppKind::Claim),
        _ => None,
    }
}

/// Returns an amount of bytes written as a Kubernetes quantity; none when it is not one.
pub fn bytes(text: &str) -> Option<u64> {
    quantity::whole(text)
}
