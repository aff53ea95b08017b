//! [`StartMover`]: a mover pod, ready for orders.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::answer::{self, Answer};
use super::{pod, roster};
use crate::cluster::{Creation, Kind};
use crate::journal::Evidence;
use crate::plan::End;
use crate::plan::mover_pod;
use crate::plan::step::StartMover;
use crate::steps::act::Act;
use crate::steps::failure::StepError;
use crate::steps::standing::Standing;
use crate::steps::world::World;
use crate::steps::{facts, look};
use crate::survey::object::mounted_claims;
/// Reasons for which a container waits that do not pass by themselves.
const HOPELESS: [&str; 6] =
    ["ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "CreateContainerConfigError", "CreateContainerError"];

impl Act for StartMover {
    async fn observe(&self, world: &World) -> Result<Standing, StepError> {
        let Some(pod) = world.at_mover(&self.pod).get(&Kind::POD, &self.pod).await? else {
            return Ok(match self.late_pod(world, None).await? {
                Some(late) => Standing::waiting_for(format!("pod {late} to run, to start mover pod {} beside it", self.pod)),
                None => Standing::Before,
            });
        };
        let in_the_way = self.late_pod(world, Some(&pod)).await?;
        if (is_overdue(&pod) || in_the_way.is_some()) && !facts::is_terminating(&pod) {
            return Ok(if look::is_of_run(&pod, world) { Standing::Before } else { not_ours(&pod) });
        }
        if let Some(what) = world.movers.strange(&pod) {
            return Ok(Standing::Adrift(format!("pod {} {what}{}", self.pod, facts::last_writer(&pod))));
        }
        let standing = match self.held(world, &pod).await {
            Some(warning) => self.refused(world, &pod, &warning)?,
            None => {
                world.movers.is_let_in(&pod);
                standing(world, &pod).await?
            }
        };
        Ok(match standing {
            Standing::After(evidence) => Standing::After(Evidence { pod: world.movers.known(&self.pod), ..evidence }),
            other @ (Standing::Before | Standing::Underway(_) | Standing::Adrift(_)) => other,
        })
    }

    /// Whatever somebody made of the pod, it only has to go; and one that is not of this run is no concern of a way back.
    async fn observe_back(&self, world: &World) -> Result<Standing, StepError> {
        match world.at_mover(&self.pod).get(&Kind::POD, &self.pod).await? {
            Some(pod) if facts::is_terminating(&pod) => Ok(Standing::waiting_for(format!("mover pod {} to be gone", self.pod))),
            Some(pod) if look::is_of_run(&pod, world) => Ok(Standing::done("there")),
            Some(_) | None => Ok(Standing::Before),
        }
    }

    async fn bears_marks(&self, world: &World) -> Result<bool, StepError> {
        let found = world.at_mover(&self.pod).get(&Kind::POD, &self.pod).await?;
        Ok(found.is_some_and(|pod| look::is_of_run(&pod, world)))
    }

    async fn act(&self, world: &World) -> Result<(), StepError> {
        if let Some(pod) = world.at_mover(&self.pod).get(&Kind::POD, &self.pod).await?
            && (is_overdue(&pod) || self.late_pod(world, Some(&pod)).await?.is_some())
        {
            return pod::delete_pod(world, &self.pod).await;
        }
        world.movers.forget(&self.pod);
        if let Creation::New(pod) = world.at_mover(&self.pod).create(&Kind::POD, &self.manifest).await? {
            world.movers.know(roster::made(&pod));
        }
        Ok(())
    }

    async fn undo(&self, world: &World) -> Result<(), StepError> {
        pod::delete_pod(world, &self.pod).await
    }
}

/// How long a driver may refuse a second mount before that counts as its answer: a plugin that is being restarted, or is busy with the volume, refuses
/// too, and is asked again by the kubelet.
const REFUSED_FOR: Duration = Duration::from_secs(60);

impl StartMover {
    /// A pod of the app that cannot start where it was put, or be put anywhere, while this mover is (to be) beside the app: the mover gives way, and comes
    /// again beside that pod once it runs.
    async fn late_pod(&self, world: &World, mover: Option<&Value>) -> Result<Option<String>, StepError> {
        // One that was not planned to be beside a pod need not wait for one: the app may have none that runs, which is why it is moved back.
        if self.held_by_app.is_empty() || self.manifest["spec"]["affinity"]["podAffinity"].is_null() {
            return Ok(None);
        }
        let pods = look::pods_on(world, world.at(End::Source), &mounted_claims(&self.manifest)).await?;
        let late = pods.iter().find(|pod| {
            let waits = facts::text(pod, "/status/phase") == "Pending" && !facts::is_terminating(pod);
            waits && mover.is_none_or(|mover| is_kept_by(pod, mover))
        });
        Ok(late.map(|pod| facts::name(pod).to_owned()))
    }

    /// What a mover stands at that is refused a second mount of what the app has mounted.
    fn refused(&self, world: &World, pod: &Value, warning: &str) -> Result<Standing, StepError> {
        if world.movers.refused_for(pod) < REFUSED_FOR {
            return Ok(Standing::waiting_for(format!("mover pod {} to start{warning}", self.pod)));
        }
        if world.accepts_whole_copy() {
            return Ok(Standing::done(format!("it starts when the app has stopped{warning}")));
        }
        let minutes = world.whole_copy_ms.div_ceil(60_000);
        let why = format!(
            "the volume is not mounted a second time: the app would be stopped for the whole copy, about {minutes} min at 100 MiB a second{warning}"
        );
        Err(StepError::wants_consent(why, world.consent(world.whole_copy_ms)))
    }

    /// The warning that says that a volume the app has mounted cannot be mounted a second time. Of any other volume it would not
    /// help to stop the app.
    async fn held(&self, world: &World, pod: &Value) -> Option<String> {
        if self.held_by_app.is_empty() || facts::text(pod, "/status/phase") != "Pending" {
            return None;
        }
        let warning = look::last_warning(world.at_mover(facts::name(pod)), pod).await;
        let refused = warning.contains("FailedMount") || warning.contains("FailedAttachVolume");
        (refused && self.held_by_app.iter().filter_map(|slot| world.claim(slot).ok()).any(|one| warning.contains(&one.source.volume)))
            .then_some(warning)
    }
}

/// Whether a pod was ended because it was there for longer than its plan lets it, or will be before its copies are through: its executor was
/// gone for long. It is made anew, as long as the app runs.
fn is_overdue(pod: &Value) -> bool {
    let is_over = facts::text(pod, "/status/phase") == "Failed" && facts::text(pod, "/status/reason") == "DeadlineExceeded";
    // Before its last pass a mover ends well only if it heard nothing of its engine for long.
    is_over || facts::mover_is_through(pod) || is_half_over(pod)
}

/// Whether half the time is over that a pod may be there. It is made for two copies, the second of which must still fit.
fn is_half_over(pod: &Value) -> bool {
    let began = facts::text(pod, "/status/startTime").parse::<Timestamp>().ok();
    let lives_secs = pod["spec"]["activeDeadlineSeconds"].as_i64();
    match (began, lives_secs) {
        (Some(began), Some(lives_secs)) => Timestamp::now().as_second() - began.as_second() > lives_secs / 2,
        (None, _) | (_, None) => false,
    }
}

/// Whether a pod of the app that waits does so because of a mover: it was put on another node, or there is no room for it.
fn is_kept_by(pod: &Value, mover: &Value) -> bool {
    let node = facts::text(pod, "/spec/nodeName");
    let mut conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    let mut has_no_room = || conditions.any(|one| one["type"] == "PodScheduled" && one["reason"] == "Unschedulable");
    if node.is_empty() { has_no_room() } else { node != facts::text(mover, "/spec/nodeName") }
}

fn not_ours(pod: &Value) -> Standing {
    Standing::Adrift(format!("pod {} is not ours{}", facts::name(pod), facts::last_writer(pod)))
}

/// How far a mover pod of ours is on its way to take orders.
pub(super) async fn standing(world: &World, pod: &Value) -> Result<Standing, StepError> {
    let name = facts::name(pod);
    if facts::is_terminating(pod) {
        return Ok(Standing::waiting_for(format!("mover pod {name} to be gone")));
    }
    if facts::is_lost(pod) {
        return Err(pod::failed(&world.at_mover(name).namespace, pod));
    }
    match facts::text(pod, "/status/phase") {
        "Running" | "Succeeded" => answering(world, pod).await,
        _ => starting(world, pod).await,
    }
}

async fn answering(world: &World, pod: &Value) -> Result<Standing, StepError> {
    let name = facts::name(pod);
    Ok(match answer::answer_of(world.at_mover(name), name).await? {
        // One that runs and cannot be asked is not gone; how long it may be so is the business of who has an order for it.
        Answer::Report(_) | Answer::Unheard(_) => Standing::done(format!("mover {name} is on {}", facts::text(pod, "/spec/nodeName"))),
        Answer::Nothing => Standing::waiting_for(format!("mover {name} to answer")),
    })
}

async fn starting(world: &World, pod: &Value) -> Result<Standing, StepError> {
    let name = facts::name(pod);
    let waiting = mover_pod::status(pod).pointer("/state/waiting");
    if let Some(state) = waiting.filter(|state| HOPELESS.contains(&facts::text(state, "/reason"))) {
        let why = format!("mover pod {name} cannot start: {}: {}", facts::text(state, "/reason"), facts::text(state, "/message"));
        return Err(StepError::hinted(why, "name an image that the nodes can pull with `--mover-image IMAGE`"));
    }
    let warning = look::last_warning(world.at_mover(facts::name(pod)), pod).await;
    Ok(Standing::waiting_for(format!("mover pod {name} to start{warning}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_mover_whose_time_will_not_last_for_the_last_pass_is_made_anew() {
        let pod = |age_secs: i64, lives_secs: i64| {
            let began = Timestamp::from_second(Timestamp::now().as_second() - age_secs).expect("a time");
            json!({ "spec": { "activeDeadlineSeconds": lives_secs }, "status": { "phase": "Running", "startTime": began.to_string() } })
        };
        assert!(!is_overdue(&pod(10, 1000)) && is_overdue(&pod(600, 1000)));
        assert!(is_overdue(&json!({ "status": { "phase": "Failed", "reason": "DeadlineExceeded" } })));
        assert!(!is_overdue(&json!({ "status": { "phase": "Failed", "reason": "Evicted" } })));
        assert!(!is_overdue(&json!({ "status": { "phase": "Running" } })));
    }
}
