//! Steps in words: what each does, and how it is undone. One sentence fragment each, for plans, progress and errors.

use super::Step;

impl Step {
    /// What the step does, as a verb phrase without a period.
    pub fn does(&self) -> String {
        match self {
            Self::PinReclaim(step) => format!("set volume {} to reclaim policy Retain", step.volume),
            Self::PinRetention(step) => format!("set claim retention of statefulset/{} to Retain", step.set),
            Self::ReopenVolume(step) => format!("reserve kept volume {} for claim {}", step.volume, step.staging),
            Self::ReserveTarget(step) => format!("create claim {}", step.staging),
            Self::StartMover(step) => format!("start mover pod {}", step.pod),
            Self::AwaitMover(step) => format!("wait until mover pod {} has started", step.pod),
            Self::PinTarget(step) => format!("set the volume of claim {} to reclaim policy Retain", step.staging),
            Self::WarmCopy(step) => format!("copy {} while the app runs", step.route.claims.join(", ")),
            Self::Drain(step) => format!("scale {}/{} from {} to 0", step.kind.word(), step.name, step.replicas),
            Self::ClearPods(step) => {
                let app = format!("{}/{}", step.kind.word(), step.name);
                format!("delete the pods of {app} that are over and still name its claims: {}", step.pods.join(", "))
            }
            Self::RemovePod(step) => format!("delete pod {}", step.name),
            Self::LastPass(step) => format!("copy what changed of {} and prove both sides equal", step.route.claims.join(", ")),
            Self::StopMover(step) => format!("delete mover pod {}", step.pod),
            Self::RemoveSet(step) => format!("delete statefulset/{} and leave what it owns", step.name),
            Self::ReleaseClaim(step) => format!("delete claim {} and keep its volume {}", step.name, step.volume),
            Self::ReleaseStaging(step) => format!("delete claim {} and keep its volume", step.staging),
            Self::BindTarget(step) => format!("reserve the target volume for claim {}", step.claim),
            Self::AdoptClaim(step) => format!("create claim {} bound to the target volume", step.name),
            Self::RestoreSet(step) => format!("create statefulset/{} with the new class in its claim templates", step.name),
            Self::RestorePod(step) => format!("create pod {}", step.name),
            Self::ScaleUp(step) => format!("scale {}/{} from 0 to {}", step.kind.word(), step.name, step.replicas),
            Self::AwaitReady(step) => format!("wait until {}/{} is ready", step.kind.word(), step.name),
            Self::RestoreRetention(step) => format!("put claim retention of statefulset/{} back", step.set),
            Self::SettleTarget(step) => format!("set the volume of claim {} to reclaim policy {}", step.claim, step.policy),
        }
    }

    /// How the step is undone, as a verb phrase; none where nothing has to be undone.
    pub fn undoes(&self) -> Option<String> {
        match self {
            Self::PinReclaim(step) => Some(format!("set volume {} back to {}", step.volume, step.policy_before)),
            Self::PinRetention(step) => Some(format!("put claim retention of statefulset/{} back", step.set)),
            Self::ReopenVolume(step) => Some(format!("keep volume {} as it was", step.volume)),
            Self::ReserveTarget(step) if step.provisioned => Some(format!("delete claim {} and its volume", step.staging)),
            Self::ReserveTarget(step) => Some(format!("delete claim {}", step.staging)),
            Self::StartMover(step) => Some(format!("delete mover pod {}", step.pod)),
            Self::PinTarget(step) => Some(format!("set the volume of claim {} to be deleted with it", step.staging)),
            Self::Drain(step) => Some(format!("scale {}/{} back to {}", step.kind.word(), step.name, step.replicas)),
            Self::RemovePod(step) => Some(format!("create pod {} again", step.name)),
            Self::RemoveSet(step) => Some(format!("create statefulset/{} again as it was", step.name)),
            Self::ReleaseClaim(step) => Some(format!("create claim {} again, bound to volume {}", step.name, step.volume)),
            Self::BindTarget(step) => Some(format!("give the target volume back to claim {}", step.staging)),
            Self::AdoptClaim(step) => Some(format!("delete claim {}, whose data is on the source volume", step.name)),
            Self::ClearPods(_) | Self::WarmCopy(_) | Self::LastPass(_) | Self::StopMover(_) | Self::ReleaseStaging(_) => None,
            // Once these were begun the app may have written to the target: going back is a move of its own.
            Self::RestoreSet(_) | Self::RestorePod(_) | Self::ScaleUp(_) => None,
            Self::AwaitMover(_) | Self::AwaitReady(_) | Self::RestoreRetention(_) | Self::SettleTarget(_) => None,
        }
    }

    /// Whether the app may write to the target once this step was begun: it is started, or the volume is made its own for good.
    pub fn lets_app_write(&self) -> bool {
        matches!(self, Self::RestoreSet(_) | Self::RestorePod(_) | Self::ScaleUp(_) | Self::SettleTarget(_))
    }

    /// Whether the step stops the app.
    pub fn stops_app(&self) -> bool {
        matches!(self, Self::Drain(_) | Self::RemovePod(_))
    }

    /// Whether a stopped app may be started on its source only when this step is taken back, whoever did what it does: a set whose
    /// claim is missing would make an empty one.
    pub fn must_be_taken_back(&self) -> bool {
        matches!(self, Self::ReleaseClaim(_))
    }

    /// Whether the app is started on its source before the step is seen to be taken back: a mover that was told to go only reads there,
    /// and it cannot be seen to have gone while its node is lost. Kubernetes lets the app wait where they cannot both have the volume.
    pub fn may_linger(&self) -> bool {
        matches!(self, Self::StartMover(_))
    }

    /// Whether what the step did may get lost without anybody meaning it, and is then done again: a mover pod goes with its node.
    pub fn is_renewed(&self) -> bool {
        matches!(self, Self::StartMover(_))
    }

    /// A short word for step names.
    pub fn word(&self) -> &'static str {
        match self {
            Self::PinReclaim(_) => "pin-reclaim",
            Self::PinRetention(_) => "pin-retention",
            Self::ReopenVolume(_) => "reopen-volume",
            Self::ReserveTarget(_) => "reserve-target",
            Self::StartMover(_) => "start-mover",
            Self::AwaitMover(_) => "await-mover",
            Self::PinTarget(_) => "pin-target",
            Self::WarmCopy(_) => "warm-copy",
            Self::Drain(_) => "drain",
            Self::ClearPods(_) => "clear-pods",
            Self::RemovePod(_) => "remove-pod",
            Self::LastPass(_) => "last-pass",
            Self::StopMover(_) => "stop-mover",
            Self::RemoveSet(_) => "remove-set",
            Self::ReleaseClaim(_) => "release-claim",
            Self::ReleaseStaging(_) => "release-staging",
            Self::BindTarget(_) => "bind-target",
            Self::AdoptClaim(_) => "adopt-claim",
            Self::RestoreSet(_) => "restore-set",
            Self::RestorePod(_) => "restore-pod",
            Self::ScaleUp(_) => "scale-up",
            Self::AwaitReady(_) => "await-ready",
            Self::RestoreRetention(_) => "restore-retention",
            Self::SettleTarget(_) => "settle-target",
        }
    }
}
