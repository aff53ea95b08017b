//! What keeps a run, its movers or the stopped app from their work: each reason with what was found, and what can be done about it.
//!
//! A hint is a sentence, or a command to paste. Commands name the namespace, because people plan with `-n` and paste elsewhere.

use thiserror::Error;

/// A reason that the run and its movers give.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum MoverReason {
    /// A permission is missing.
    #[error("you may not {verb} {resource}{}", scope(.namespace))]
    NoPermission {
        /// The verb.
        verb: String,
        /// The plural, with its group.
        resource: String,
        /// Where; empty for cluster-wide.
        namespace: String,
    },
    /// A dry run shows that the server would not let in what the move makes.
    #[error("{what}")]
    NotAdmitted {
        /// What, with the server's words.
        what: String,
    },
    /// A limit range does not allow what a mover pod needs.
    #[error("limit range `{limit}` allows at most {max} of {resource}, and a mover pod asks for {needed}")]
    MoverOutsideLimits {
        /// The limit range.
        limit: String,
        /// The resource.
        resource: String,
        /// What it allows.
        max: String,
        /// What is needed.
        needed: String,
    },
    /// A quota has no room for what a move makes.
    #[error("quota `{quota}` leaves {left} of {resource} and the move needs {needed} more for a time")]
    OverQuota {
        /// The quota.
        quota: String,
        /// What of.
        resource: String,
        /// How much is left.
        left: String,
        /// How much is needed.
        needed: String,
    },
    /// The namespace does not let mover pods in.
    #[error(
        "namespace `{namespace}` enforces Pod Security `restricted`, and the app does not say as which user it runs. Mover pods cannot run as it"
    )]
    PodSecurity {
        /// The namespace.
        namespace: String,
    },
    /// The movers are to run as the app, which does not say as whom it runs.
    #[error("the mover pods cannot run as the app: no containers that mount the claims say as which one user they run, other than root")]
    NoUserOfApp,
    /// The app's node takes no new pods.
    #[error("node `{node}` takes no new pods ({why}), and the app uses claim `{claim}` there: a stopped pod could not come back to it")]
    NodeClosed {
        /// The node.
        node: String,
        /// A claim that is used there.
        claim: String,
        /// Why.
        why: String,
        /// Whether it is cordoned.
        is_cordoned: bool,
    },
    /// Mover pods could not reach one another.
    #[error("network policy `{policy}` cuts off the mover pods, which must reach one another between nodes")]
    CutOff {
        /// The policy.
        policy: String,
    },
    /// A warm copy was insisted on where only a cold one is possible.
    #[error("claim `{claim}` is ReadWriteOncePod: it cannot be copied while the app runs")]
    NoWarmCopy {
        /// The claim.
        claim: String,
    },
}

impl MoverReason {
    /// Returns what can be done about it in the app's namespace.
    pub(super) fn hint(&self, namespace: &str) -> String {
        match self {
            Self::NoPermission { verb, resource, namespace: scope } => {
                let scope = if scope.is_empty() { String::new() } else { format!(" -n {scope}") };
                format!("check with `kubectl auth can-i {verb} {resource}{scope}`; docs/permissions.md has a role with all that is needed")
            }
            Self::NotAdmitted { .. } => {
                "mend the object, the policy or the quota, then plan again; a server-side dry run found this, and nothing was changed"
                    .to_owned()
            }
            Self::MoverOutsideLimits { limit, .. } => {
                format!("see it with `kubectl describe limitrange {limit} -n {namespace}`")
            }
            Self::OverQuota { quota, .. } => {
                format!(
                    "raise it for the time of the move (`kubectl edit resourcequota {quota} -n {namespace}`), or move fewer claims at a time with `--claim`"
                )
            }
            Self::PodSecurity { .. } => {
                format!(
                    "set `runAsUser` in the app's securityContext, or allow more for the time of the move with `kubectl label namespace {namespace} --overwrite pod-security.kubernetes.io/enforce=baseline`"
                )
            }
            Self::NoUserOfApp => "set `runAsUser` in the app's securityContext, or plan a move without `--run-movers-as-app`".to_owned(),
            Self::NodeClosed { node, is_cordoned: true, .. } => {
                format!(
                    "let pods in again with `kubectl uncordon {node}`, or delete the app's pod there, so that it is started on another node"
                )
            }
            Self::NodeClosed { node, .. } => {
                format!("see it with `kubectl describe node {node}`; delete the app's pod there, so that it is started where it may stay")
            }
            Self::CutOff { .. } => {
                "allow pods with the label `kubectl-stateful.dev/role=mover` to reach one another on TCP; add `--network-is-open` if something else lets them"
                    .to_owned()
            }
            Self::NoWarmCopy { .. } => "add `--cold` to copy while the app is stopped".to_owned(),
        }
    }
}

fn scope(namespace: &str) -> String {
    if namespace.is_empty() { " in the cluster".to_owned() } else { format!(" in namespace `{namespace}`") }
}
