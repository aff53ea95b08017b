//! How an execution may end that was not killed: with the app up, or in one of few ways that say why it is not. What is told of the app on
//! the way is judged too.
//!
//! The list is the one of `docs/safety.md`, "When the app stays down". It does not judge where the data is: that is `judge`'s.

use kubectl_stateful::engine::{Ending, Notice, Trouble};
use serde_json::Value;

use super::Sim;
use super::outcome::Went;
use super::store::{is_terminating, text};

/// Why an ending may leave the app down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Excuse {
    /// The API server serves nobody, or not this run: nothing can be started.
    Silence,
    /// Another executor has the run, or its journal is not to be written.
    NotOurs,
    /// The user interrupted a second time, having been told that the app is down.
    Insisted,
    /// Somebody took away or changed what only a person can put back.
    NeedsAHand,
    /// Admission refuses, for longer than ten minutes, what it said before the stop that it would take.
    Denied,
}

impl Sim {
    /// Judges how an execution ended.
    pub(super) fn judge_ending(&mut self, went: &Went, interrupts: u32) {
        let Went::Ended(ending) = went else { return };
        let Some(what) = self.is_down() else { return };
        match self.excuse(ending, interrupts) {
            Some(Excuse::Silence | Excuse::NotOurs | Excuse::Insisted | Excuse::NeedsAHand | Excuse::Denied) => {}
            None => self.violate(format!("an execution ends with the app down ({what}): {ending:?}")),
        }
    }

    fn excuse(&self, ending: &Ending, interrupts: u32) -> Option<Excuse> {
        let trouble = match ending {
            Ending::Completed | Ending::Undone(_) => return self.is_at_a_loss().then_some(Excuse::NeedsAHand),
            Ending::Halted(trouble) | Ending::Stuck { trouble, .. } => trouble,
        };
        match trouble {
            Trouble::Silence(_) => Some(Excuse::Silence),
            Trouble::Journal(_) => Some(Excuse::NotOurs),
            Trouble::Interrupted => (interrupts > 1).then_some(Excuse::Insisted),
            Trouble::Step { .. } | Trouble::Adrift { .. } if self.is_at_a_loss() || self.needs_a_hand(&trouble.to_string()) => {
                Some(Excuse::NeedsAHand)
            }
            Trouble::Step { .. } if self.denies_lastingly() && matches!(ending, Ending::Stuck { .. }) => Some(Excuse::Denied),
            Trouble::Step { .. } | Trouble::Adrift { .. } | Trouble::Neighbour => None,
        }
    }

    /// What keeps the app from running that somebody has to put right before anything can run; none: it is to run, and its claims are there.
    fn is_down(&self) -> Option<String> {
        let apps = self.before.iter().filter(|(name, was)| {
            let is_bare = name.starts_with("pods/") && was["owners"].as_array().is_none_or(Vec::is_empty) && *name != "pods/*";
            is_bare || name.starts_with("statefulsets/") || name.starts_with("deployments/")
        });
        for (name, was) in apps {
            let (kind, name) = name.split_once('/').expect("KIND/NAME");
            let Some(is) = self.store.get(kind, "app", name) else { return Some(format!("{kind}/{name} is gone")) };
            if is_terminating(is) {
                return Some(format!("{kind}/{name} is being deleted"));
            }
            if was["spec"]["replicas"].as_u64().is_some_and(|count| count > 0) && is["spec"]["replicas"] == 0 {
                return Some(format!("{kind}/{name} has no replicas"));
            }
        }
        let claims: Vec<&str> = self.acked.keys().map(String::as_str).collect();
        claims.iter().find_map(|claim| match self.store.get("persistentvolumeclaims", "app", claim) {
            None => Some(format!("claim {claim} is gone")),
            Some(object) => is_terminating(object).then(|| format!("claim {claim} is being deleted")),
        })
    }

    /// Judges what is told while the app is stopped and started.
    pub(super) fn judge_notice(&mut self, notice: &Notice) {
        let claims = match notice {
            Notice::AppStarted { .. } => "the app is started again",
            Notice::AppReady { .. } => "the app is ready again",
            Notice::Stage { .. }
            | Notice::Acting { .. }
            | Notice::Waiting { .. }
            | Notice::Settled { .. }
            | Notice::Retrying { .. }
            | Notice::AppStops
            | Notice::AppIsDown { .. }
            | Notice::InterruptHeld
            | Notice::GoingBack { .. } => return,
        };
        if let Some(what) = self.is_down().filter(|_| !self.is_at_a_loss()) {
            self.violate(format!("it is said that {claims}, and {what}"));
        }
    }

    /// Judges "nothing of the run is left", which is said of a run that was taken back, at the moment it is said.
    pub(super) fn judge_undone(&mut self, went: &Went, labels_may_stay: bool) {
        if !matches!(went, Went::Ended(Ending::Undone(_))) || self.is_at_a_loss() || self.was_void {
            return;
        }
        let ours = |one: &&Value| one["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "kubectl-stateful";
        let kinds = ["pods", "persistentvolumeclaims"];
        let left = kinds
            .into_iter()
            .find_map(|kind| self.store.all(kind, "").find(ours).map(|one| format!("{kind}/{}", text(one, "/metadata/name"))));
        if let Some(left) = left.filter(|_| !labels_may_stay) {
            self.violate(format!("it is said that nothing of the run is left, and {left} is"));
        }
    }

    /// Judges whether it is said what keeps a stopped pod of the app from going, and so the next one from coming.
    pub(super) fn judge_held(&mut self, went: &Went) {
        let Went::Ended(ending) = went else { return };
        let held = self.store.all("pods", "app").find(|pod| is_terminating(pod) && !pod["metadata"]["finalizers"].is_null());
        let Some(held) = held.map(|pod| text(pod, "/metadata/name").to_owned()) else { return };
        if !format!("{ending:?}").contains("finalizer") {
            self.violate(format!("pod {held} is held by a finalizer, and nobody says so: {ending:?}"));
        }
    }
}
