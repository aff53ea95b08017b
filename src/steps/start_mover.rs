//! [`StartMover`]: a mover pod, ready for orders.

use serde_json::Value;

use super::{Act, Standing, StepError, World, copy, look};
use crate::cluster::{Delete, Kind};
use crate::plan::step::StartMover;

/// Reasons for which a container waits that do not pass by themselves.
const HOPELESS: [&str; 6] =
    ["ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "CreateContainerConfigError", "CreateContainerError"];

impl Act for StartMover {
    async fn observe(&self, world: &World) -> Result<Standing, StepError> {
        let Some(pod) = world.target.get(&Kind::POD, &self.namespace, &self.pod).await? else { return Ok(Standing::Before) };
        if !look::is_of_run(&pod, world) {
            return Ok(Standing::Adrift(format!("pod {} exists and is not ours{}", self.pod, look::last_writer(&pod))));
        }
        if look::is_terminating(&pod) {
            return Ok(Standing::waiting_for(format!("mover pod {} to be gone", self.pod)));
        }
        match look::text(&pod, "/status/phase") {
            "Running" | "Succeeded" => self.answering(world, &pod).await,
            "Failed" => Err(self.failed(&pod)),
            _ => self.starting(world, &pod).await,
        }
    }

    async fn act(&self, world: &World) -> Result<(), StepError> {
        look::made(world.target.create(&Kind::POD, &self.namespace, &self.manifest).await)
    }

    async fn undo(&self, world: &World) -> Result<(), StepError> {
        delete_pod(world, &self.namespace, &self.pod).await
    }
}

impl StartMover {
    async fn answering(&self, world: &World, pod: &Value) -> Result<Standing, StepError> {
        if copy::last_report(&world.target, &self.namespace, &self.pod).await?.is_some() {
            return Ok(Standing::done(format!("mover {} is on {}", self.pod, look::text(pod, "/spec/nodeName"))));
        }
        match pod.pointer("/status/containerStatuses/0/state/waiting/reason").and_then(Value::as_str) {
            Some("CrashLoopBackOff") => Err(self.failed(pod)),
            _ => Ok(Standing::waiting_for(format!("mover {} to answer", self.pod))),
        }
    }

    async fn starting(&self, world: &World, pod: &Value) -> Result<Standing, StepError> {
        let waiting = pod.pointer("/status/containerStatuses/0/state/waiting");
        if let Some(state) = waiting.filter(|state| HOPELESS.contains(&look::text(state, "/reason"))) {
            let why = format!("mover pod {} cannot start: {}: {}", self.pod, look::text(state, "/reason"), look::text(state, "/message"));
            return Err(StepError::hinted(why, "name an image that the nodes can pull with `--mover-image IMAGE`"));
        }
        let warning = look::last_warning(&world.target, &self.namespace, &self.pod).await;
        let refused = warning.contains("FailedMount") || warning.contains("FailedAttachVolume");
        if self.may_wait_for_drain && refused {
            return Ok(Standing::done(format!("it starts when the app has stopped{warning}")));
        }
        Ok(Standing::waiting_for(format!("mover pod {} to start{warning}", self.pod)))
    }

    fn failed(&self, pod: &Value) -> StepError {
        let ended = pod.pointer("/status/containerStatuses/0/lastState/terminated/message").and_then(Value::as_str);
        let said = ended.unwrap_or_else(|| look::text(pod, "/status/message"));
        let hint = format!("kubectl logs -n {} {}", self.namespace, self.pod);
        StepError::hinted(format!("mover pod {} failed: {said}", self.pod), hint)
    }
}

/// Deletes a mover pod of this run, if it is there.
pub(super) async fn delete_pod(world: &World, namespace: &str, name: &str) -> Result<(), StepError> {
    let Some(pod) = world.target.get(&Kind::POD, namespace, name).await? else { return Ok(()) };
    if look::is_of_run(&pod, world) && !look::is_terminating(&pod) {
        let how = Delete { uid: Some(look::uid(&pod).to_owned()), ..Delete::default() };
        world.target.delete(&Kind::POD, namespace, name, &how).await?;
    }
    Ok(())
}
