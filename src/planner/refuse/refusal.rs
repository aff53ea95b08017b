//! Why an app is not moved: a closed list, each with what was found. What can be done about each is in `hint`.

use thiserror::Error;

use crate::survey::AppliedBy;

/// A reason not to move.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Refusal {
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
    /// The namespace is being deleted.
    #[error("namespace `{0}` is being deleted")]
    NamespaceTerminating(String),
    /// The app is being deleted.
    #[error("{0} is being deleted")]
    AppTerminating(String),
    /// A record says that an earlier run on the app is not finished. Whoever may write config maps there can make one.
    #[error("config map `stateful-{run}-plan-0` says that run `{run}` on this app is not finished")]
    UnfinishedRun {
        /// That run.
        run: String,
    },
    /// Nothing is left to move.
    #[error("{app} has no claim to move")]
    NothingToMove {
        /// The app.
        app: String,
    },
    /// A claim was named that the app does not have.
    #[error("{app} has no claim `{claim}`")]
    NoSuchClaim {
        /// The app.
        app: String,
        /// The claim.
        claim: String,
    },
    /// The class does not exist.
    #[error("there is no storage class `{class}`")]
    NoSuchClass {
        /// The class.
        class: String,
        /// Those there are.
        known: Vec<String>,
    },
    /// Everything is in that class already.
    #[error("{claim} is in storage class `{class}` already")]
    SameClass {
        /// The claim or claims.
        claim: String,
        /// The class.
        class: String,
    },
    /// The class makes no volumes.
    #[error("storage class `{class}` provisions no volumes (its provisioner is `{provisioner}`)")]
    NotDynamic {
        /// The class.
        class: String,
        /// The provisioner.
        provisioner: String,
    },
    /// A claim is not bound.
    #[error("claim `{claim}` is {phase}, not Bound")]
    NotBound {
        /// The claim.
        claim: String,
        /// Its phase.
        phase: String,
    },
    /// A claim is being deleted.
    #[error("claim `{claim}` is being deleted")]
    ClaimTerminating {
        /// The claim.
        claim: String,
    },
    /// A volume is being deleted.
    #[error("volume `{volume}` of claim `{claim}` is being deleted")]
    VolumeTerminating {
        /// The claim.
        claim: String,
        /// The volume.
        volume: String,
    },
    /// A volume says that it belongs to another claim.
    #[error("claim `{claim}` says it is on volume `{volume}`, and that is bound to `{bound_to}`")]
    BoundElsewhere {
        /// The claim.
        claim: String,
        /// The volume.
        volume: String,
        /// What the volume says.
        bound_to: String,
    },
    /// The app's pods bear marks by which our own objects are known.
    #[error("the pods of {app} bear `{mark}`, by which pods of ours are known")]
    BearsOurMark {
        /// The app.
        app: String,
        /// The label or annotation.
        mark: String,
    },
    /// A volume cannot be moved for what it is made of.
    #[error("claim `{claim}` is on a {source_kind} volume, which cannot be moved: {why}")]
    UnmovableVolume {
        /// The claim.
        claim: String,
        /// `hostPath` or the like.
        source_kind: String,
        /// Why not.
        why: &'static str,
    },
    /// A finalizer of somebody's controller on a claim, which is deleted and made again.
    #[error("claim `{claim}` has the finalizer `{finalizer}`: its controller would act when the claim is deleted")]
    UnknownFinalizer {
        /// The claim.
        claim: String,
        /// The finalizer.
        finalizer: String,
    },
    /// The same on the app, which is deleted and made again.
    #[error("{app} has the finalizer `{finalizer}`: it would be deleted only once the controller behind that lets it go")]
    AppFinalizer {
        /// The app.
        app: String,
        /// The finalizer.
        finalizer: String,
        /// Where it stands in `metadata.finalizers`.
        index: usize,
    },
    /// The same on a pod of the app, which has to go before its claims can.
    #[error("pod `{pod}` of {app} has the finalizer `{finalizer}`: it would go only once the controller behind that lets it go")]
    PodFinalizer {
        /// The app.
        app: String,
        /// The pod.
        pod: String,
        /// The finalizer.
        finalizer: String,
    },
    /// A claim is controlled by something that would make it anew or delete it.
    #[error("claim `{claim}` is controlled by {owner}, which would put it back")]
    ClaimOwned {
        /// The claim.
        claim: String,
        /// Its controller.
        owner: String,
    },
    /// The app is controlled by an operator.
    #[error("{app} is controlled by {owner}, which would put it back")]
    AppOwned {
        /// The app.
        app: String,
        /// Its controller.
        owner: String,
    },
    /// A pod without a controller that has run to its end would be run once more.
    #[error("pod `{pod}` is over ({why}): a move makes it again, and it would run a second time")]
    PodOver {
        /// The pod.
        pod: String,
        /// Why it is over: `Evicted`, or its phase.
        why: String,
        /// The claims it names.
        claims: Vec<String>,
    },
    /// Replicas that are not ready keep others from being started again.
    #[error("{app} is not ready: {}; what was broken before could not be told from what the move broke, and those that run might not come back", .replicas.join(", "))]
    NotReady {
        /// The app.
        app: String,
        /// Its replicas that are not ready.
        replicas: Vec<String>,
    },
    /// Not all pods run the newest template; after the move all of them would.
    #[error("{app} is in the middle of a rollout{}: {found}; after the move all pods would run the newest template", .held.words())]
    InRollout {
        /// The app.
        app: String,
        /// Which pods run what.
        found: String,
        /// What holds the rollout back.
        held: Held,
    },
    /// A tool applies the app or a claim again and again.
    #[error("{app} is applied by {} (`{}`), which would put it back", .by.tool, .by.name)]
    Applied {
        /// The app or the claim.
        app: String,
        /// The tool and its object.
        by: AppliedBy,
    },
    /// An autoscaler would scale the app while it is moved.
    #[error("{kind} `{name}` scales {app}")]
    Autoscaled {
        /// The app.
        app: String,
        /// The autoscaler's kind.
        kind: String,
        /// Its name.
        name: String,
        /// Replicas now.
        replicas: u32,
    },
    /// Somebody else mounts a claim.
    #[error("claim `{claim}` is mounted by pod `{pod}`, which is not part of {app}")]
    InUseElsewhere {
        /// The claim.
        claim: String,
        /// The pod.
        pod: String,
        /// The app.
        app: String,
    },
    /// The kubelet would change the group and modes of what was copied.
    #[error(
        "on {to} the kubelet would give fsGroup {group} and its modes to every file of claim `{claim}`, on {from} it did not: a database that checks modes may not start"
    )]
    FsGroup {
        /// The claim.
        claim: String,
        /// By what it is served.
        from: String,
        /// By what it would be.
        to: String,
        /// The group.
        group: u64,
    },
    /// A dry run shows that the server would not let in what the move makes.
    #[error("{what}")]
    NotAdmitted {
        /// What, with the server's words.
        what: String,
    },
    /// Something else may start a pod on a claim.
    #[error("{kind} `{name}` names claim `{claim}` in its template, and may start a pod on it at any time")]
    NamedByTemplate {
        /// The claim.
        claim: String,
        /// `CronJob` or the like.
        kind: String,
        /// Its name.
        name: String,
    },
    /// The object of somebody else's pod that is over would keep a claim from being deleted.
    #[error("pod `{pod}`, which is over ({why}) and not part of {app}, still names claim `{claim}`: the claim could not be deleted")]
    HeldByDeadPod {
        /// The claim.
        claim: String,
        /// The pod.
        pod: String,
        /// Why it is over: `Evicted`, or its phase.
        why: String,
        /// The app.
        app: String,
        /// Its finalizers: until they are taken off it stays.
        finalizers: Vec<String>,
    },
    /// A limit range does not allow a claim of that size.
    #[error("claim `{claim}` has {size} and limit range `{limit}` allows {bound}")]
    OutsideLimits {
        /// The claim.
        claim: String,
        /// Its size.
        size: String,
        /// The limit range.
        limit: String,
        /// `at most 1Gi` or `at least 1Gi`.
        bound: String,
    },
    /// A driver has no room for a new volume.
    #[error("claim `{claim}` needs a volume of {size} of storage class `{class}`, and its driver has no room for that {place}")]
    NoCapacity {
        /// The claim.
        claim: String,
        /// The class.
        class: String,
        /// Where not.
        place: String,
        /// The size of the volume.
        size: String,
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
    /// The new volume would not hold what is on the old one.
    #[error("claim `{claim}` cannot move to a volume of {size}: {why}")]
    TooSmall {
        /// The claim.
        claim: String,
        /// The size asked for.
        size: String,
        /// What is known of what has to fit in.
        why: String,
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
        "namespace `{namespace}` enforces Pod Security `restricted`, and the app does not say as which user it runs, so that the mover pods cannot run as it"
    )]
    PodSecurity {
        /// The namespace.
        namespace: String,
    },
    /// The movers are to run as the app, which does not say as whom it runs.
    #[error("the mover pods cannot run as the app: no containers that mount the claims say as which one user they run, other than root")]
    NoUserOfApp,
    /// The app's node takes no new pods.
    #[error(
        "node `{node}`, on which the app uses claim `{claim}`, takes no new pods ({why}): a pod of the app that is stopped could not come back to it"
    )]
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
    /// A claim that stays might not be reached from where the new volume is.
    #[error(
        "claim `{stays}` stays where it is, and storage class `{class}` may make the new volume of claim `{claim}` where no node reaches both"
    )]
    Apart {
        /// The claim that is moved.
        claim: String,
        /// The one that stays.
        stays: String,
        /// The class.
        class: String,
    },
    /// Mover pods could not reach one another.
    #[error("network policy `{policy}` cuts off the mover pods, which must reach one another between nodes")]
    CutOff {
        /// The policy.
        policy: String,
    },
    /// Replicas that share a claim could not run on several nodes any more.
    #[error("claim `{claim}` is shared by the {replicas} replicas of {app}: with access mode {modes} they cannot run on several nodes")]
    Shared {
        /// The claim.
        claim: String,
        /// The app.
        app: String,
        /// Its replicas.
        replicas: u32,
        /// The modes that were asked for.
        modes: String,
    },
    /// A warm copy was insisted on where only a cold one is possible.
    #[error("claim `{claim}` is ReadWriteOncePod: it cannot be copied while the app runs")]
    NoWarmCopy {
        /// The claim.
        claim: String,
    },
    /// A name of ours would not be a valid name.
    #[error("{0}")]
    BadName(String),
    /// A kept volume is not there any more, or in use.
    #[error("volume `{volume}` of claim `{claim}` cannot be taken up again: {why}")]
    NotKept {
        /// The claim.
        claim: String,
        /// The volume.
        volume: String,
        /// Why.
        why: String,
    },
}

/// What holds a rollout back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// Nothing: it is under way, or stuck.
    No,
    /// `spec.updateStrategy.rollingUpdate.partition` of a stateful set.
    ByPartition,
    /// `spec.paused` of a deployment.
    ByPause,
}

impl Held {
    fn words(self) -> &'static str {
        match self {
            Self::No => "",
            Self::ByPartition => ", which its partition holds back",
            Self::ByPause => ", which is paused",
        }
    }
}

fn scope(namespace: &str) -> String {
    if namespace.is_empty() { " in the cluster".to_owned() } else { format!(" in namespace `{namespace}`") }
}

/// All reasons not to carry out a request, most serious first; never none.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusals {
    /// The app's namespace, which the commands in hints name.
    pub namespace: String,
    /// The reasons.
    pub reasons: Vec<Refusal>,
}

impl Refusals {
    /// Returns the reasons.
    pub fn as_slice(&self) -> &[Refusal] {
        &self.reasons
    }

    /// Returns each reason with what can be done about it.
    pub fn hinted(&self) -> impl Iterator<Item = (&Refusal, String)> {
        self.reasons.iter().map(|reason| (reason, reason.hint(&self.namespace)))
    }
}

impl std::fmt::Display for Refusals {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let reasons: Vec<String> = self.reasons.iter().map(Refusal::to_string).collect();
        formatter.write_str(&reasons.join("; "))
    }
}
