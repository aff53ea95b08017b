//! The mover pods of a run, and whether a pod is one of them. Names and labels do not say: anybody in the namespace can make a pod with
//! them, and change the image of ours. So a pod is one of the run's movers only as far as it is what the plan had made; and what it says
//! of a copy is believed only if it is the very pod that this run made.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::contract::orders;
use crate::journal::{MadePod, RunState, Stand};
use crate::plan::mover_pod::{self, MOVER};
use crate::plan::{End, Plan, Step, marks};
use crate::steps::facts;

/// The mover pods of a run.
#[derive(Debug)]
pub struct Movers {
    run: String,
    /// What the plan has made, and at which end, by the pod's name.
    planned: BTreeMap<String, (End, Value)>,
    /// What was made, by the pod's name.
    made: Mutex<BTreeMap<String, MadePod>>,
    /// Since when pods are refused a mount, by their uids.
    refused: Mutex<BTreeMap<String, Instant>>,
}

impl Movers {
    /// Those of a plan; none of them is made yet.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let planned = plan.steps().filter_map(|(_, one)| {
            if let Step::StartMover(start) = &one.step { Some((start.pod.clone(), (start.end, start.manifest.clone()))) } else { None }
        });
        Self { run: plan.run().0.clone(), planned: planned.collect(), made: Mutex::default(), refused: Mutex::default() }
    }

    /// At which end a mover pod is; of one that the plan does not make, where the app is.
    pub(in crate::steps) fn end(&self, name: &str) -> End {
        self.planned.get(name).map_or(End::Source, |(end, _)| *end)
    }

    /// Takes from a journal which pods were made.
    pub fn recall(&self, state: &RunState) {
        for (_, stand) in state.steps() {
            if let Stand::Settled(evidence) | Stand::Found(evidence) = stand
                && let Some(pod) = &evidence.pod
            {
                self.know(pod.clone());
            }
        }
    }

    fn made(&self) -> MutexGuard<'_, BTreeMap<String, MadePod>> {
        self.made.lock().expect("no code panics while holding this lock")
    }

    fn refused(&self) -> MutexGuard<'_, BTreeMap<String, Instant>> {
        self.refused.lock().expect("no code panics while holding this lock")
    }

    /// A pod is refused a mount now; returns for how long it has been.
    pub(super) fn refused_for(&self, pod: &Value) -> Duration {
        self.refused().entry(facts::uid(pod).to_owned()).or_insert_with(Instant::now).elapsed()
    }

    /// A pod is refused nothing.
    pub(super) fn is_let_in(&self, pod: &Value) {
        self.refused().remove(facts::uid(pod));
    }

    /// The names of the pods that were made.
    pub(crate) fn names(&self) -> Vec<String> {
        self.made().keys().cloned().collect()
    }

    pub(super) fn know(&self, pod: MadePod) {
        self.made().insert(pod.name.clone(), pod);
    }

    /// Another one is about to be made under this name.
    pub(super) fn forget(&self, name: &str) {
        self.made().remove(name);
    }

    /// Whether a pod is, in all that counts, one that the plan has made: what runs on a claim in it only copies.
    pub(in crate::steps) fn is_like_ours(&self, pod: &Value) -> bool {
        self.unlike(pod).is_none()
    }

    /// What makes a pod another one than this run made, to follow its name; none: nothing. A pod that nobody is known to have made is
    /// taken for ours if it is like ours, and remembered.
    pub(super) fn strange(&self, pod: &Value) -> Option<String> {
        if let Some(what) = self.unlike(pod) {
            return Some(what);
        }
        let seen = MadePod { image_id: image_id(pod), ..made(pod) };
        let mut made = self.made();
        let known = made.entry(seen.name.clone()).or_insert_with(|| seen.clone());
        if known.uid != seen.uid {
            return Some("was made again by somebody".to_owned());
        }
        if known.image_id.is_empty() {
            known.image_id = seen.image_id;
        } else if is_another_image(&known.image_id, &seen.image_id) {
            return Some(format!("runs image {} now, which was {}", seen.image_id, known.image_id));
        }
        None
    }

    /// What is known of the pod of this name.
    pub(super) fn known(&self, name: &str) -> Option<MadePod> {
        self.made().get(name).cloned()
    }

    fn unlike(&self, pod: &Value) -> Option<String> {
        let Some((_, planned)) = self.planned.get(facts::name(pod)) else { return Some("is not one that the run makes".to_owned()) };
        if facts::label(pod, marks::RUN) != self.run || facts::label(pod, marks::ROLE) != marks::ROLE_MOVER {
            return Some("is not ours".to_owned());
        }
        let Some(own) = container(pod) else { return Some("has no mover in it".to_owned()) };
        let wanted = &planned["spec"]["containers"][0];
        // Admission may have exchanged the image for another name of it when we made the pod.
        let image = self.known(facts::name(pod)).map(|made| made.image).filter(|image| !image.is_empty());
        let image = image.unwrap_or_else(|| facts::text(wanted, "/image").to_owned());
        if facts::text(own, "/image") != image {
            return Some(format!("has image `{}`, which was `{image}`", facts::text(own, "/image")));
        }
        for field in ["args", "command"] {
            if own[field] != wanted[field] {
                return Some(format!("has `{field}` {}, which was {}", own[field], wanted[field]));
            }
        }
        if !pod["spec"]["ephemeralContainers"].as_array().is_none_or(Vec::is_empty) {
            return Some("has a debug container in it".to_owned());
        }
        if claims(pod) != claims(planned) || uses(own) != uses(wanted) {
            return Some("uses other claims than it was made with".to_owned());
        }
        shared(pod).map(|name| format!("shares the claims with container `{name}`"))
    }
}

/// A pod as its maker knows it.
pub(super) fn made(pod: &Value) -> MadePod {
    let image = container(pod).map(|own| facts::text(own, "/image")).unwrap_or_default().to_owned();
    MadePod { name: facts::name(pod).to_owned(), uid: facts::uid(pod).to_owned(), image, image_id: String::new() }
}

/// Whether two ids of images are of different content. The same content has several names on a node.
fn is_another_image(one: &str, other: &str) -> bool {
    let digest = |id: &str| id.split_once("@sha256:").map(|(_, digest)| digest.to_owned());
    matches!((digest(one), digest(other)), (Some(one), Some(other)) if one != other)
}

/// What of a mover's container lies where volumes do: the paths beneath which it reads and writes, with what is there.
fn uses(container: &Value) -> Vec<(&str, &str, &str)> {
    let fields = [("volumeMounts", "/mountPath"), ("volumeDevices", "/devicePath")];
    let all = fields.into_iter().flat_map(|(field, path)| {
        container[field]
            .as_array()
            .into_iter()
            .flatten()
            .map(move |one| (facts::text(one, path), facts::text(one, "/name"), facts::text(one, "/subPath")))
    });
    let roots = [orders::SOURCE_ROOT, orders::TARGET_ROOT, orders::STATE_ROOT, "/orders"];
    let mut used: Vec<_> = all.filter(|(path, _, _)| roots.iter().any(|root| path.starts_with(root))).collect();
    used.sort_unstable();
    used
}

/// The mover's own container: others may be put into any pod by the cluster.
pub(super) fn container(pod: &Value) -> Option<&Value> {
    pod["spec"]["containers"].as_array()?.iter().find(|one| one["name"] == MOVER)
}

fn image_id(pod: &Value) -> String {
    facts::text(mover_pod::status(pod), "/imageID").to_owned()
}

/// The volumes of a pod that are claims, with their claims.
fn claims(pod: &Value) -> BTreeMap<&str, &str> {
    let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
    volumes.filter_map(|volume| Some((volume["name"].as_str()?, volume["persistentVolumeClaim"]["claimName"].as_str()?))).collect()
}

/// Another container of the pod that uses one of the claims.
fn shared(pod: &Value) -> Option<&str> {
    let claims = claims(pod);
    let uses = |container: &Value| {
        let all = ["volumeMounts", "volumeDevices"].into_iter().flat_map(|field| container[field].as_array().into_iter().flatten());
        all.filter_map(|one| one["name"].as_str()).any(|name| claims.contains_key(name))
    };
    let others = ["initContainers", "containers"].into_iter().flat_map(|field| pod["spec"][field].as_array().into_iter().flatten());
    others.filter(|one| one["name"] != MOVER).find(|one| uses(one)).map(facts::name_of_container)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn planned() -> Value {
        json!({ "metadata": { "name": "stateful-m1-0", "labels": { marks::RUN: "m1", marks::ROLE: marks::ROLE_MOVER } },
            "spec": { "containers": [{ "name": MOVER, "image": "mover:1", "args": ["agent"],
                    "volumeMounts": [{ "name": "source-c0", "mountPath": format!("{}/c0", orders::SOURCE_ROOT), "readOnly": true }] }],
                "volumes": [{ "name": "source-c0", "persistentVolumeClaim": { "claimName": "data" } }] } })
    }

    fn movers() -> Movers {
        let planned = [("stateful-m1-0".to_owned(), (End::Source, planned()))].into_iter().collect();
        Movers { run: "m1".to_owned(), planned, made: Mutex::default(), refused: Mutex::default() }
    }

    /// The pod as the server has it.
    fn pod(uid: &str, image_id: &str) -> Value {
        let mut pod = planned();
        pod["metadata"]["uid"] = json!(uid);
        pod["status"] = json!({ "containerStatuses": [{ "name": "sidecar", "imageID": "x" }, { "name": MOVER, "imageID": image_id }] });
        pod
    }

    #[test]
    fn a_pod_is_known_by_its_uid_and_by_what_its_image_is() {
        let movers = movers();
        assert_eq!(movers.strange(&pod("u1", "")), None);
        assert_eq!(movers.strange(&pod("u1", "docker.io/mover@sha256:aa")), None);
        assert_eq!(movers.strange(&pod("u1", "mirror.local/mover@sha256:aa")), None, "the same content by another name");
        assert!(movers.strange(&pod("u1", "docker.io/mover@sha256:bb")).is_some_and(|what| what.starts_with("runs image")));
        assert_eq!(movers.strange(&pod("u2", "")).as_deref(), Some("was made again by somebody"));
        movers.forget("stateful-m1-0");
        assert_eq!(movers.strange(&pod("u2", "")), None, "another one was about to be made");
    }

    #[test]
    fn an_image_that_admission_renamed_when_the_pod_was_made_is_the_pods_image() {
        let movers = movers();
        let mut renamed = pod("u1", "");
        renamed["spec"]["containers"][0]["image"] = json!("mirror.local/mover@sha256:aa");
        assert!(movers.strange(&renamed).is_some(), "nobody is known to have made it so");
        movers.know(made(&renamed));
        assert_eq!(movers.strange(&renamed), None);
        assert!(movers.strange(&pod("u1", "")).is_some_and(|what| what.contains("has image `mover:1`")));
    }

    /// What admission adds is no harm; what reaches the claims, or the paths where they are looked for, is.
    #[test]
    fn only_what_touches_the_claims_makes_a_pod_another_one() {
        let spoiled = |spoil: fn(&mut Value)| {
            let mut pod = pod("u1", "");
            spoil(&mut pod["spec"]);
            movers().strange(&pod)
        };
        assert_eq!(
            spoiled(|spec| spec["containers"].as_array_mut().expect("containers").insert(0, json!({ "name": "a", "image": "proxy" }))),
            None
        );
        assert_eq!(
            spoiled(|spec| {
                let mounts = spec["containers"][0]["volumeMounts"].as_array_mut().expect("mounts");
                mounts.push(json!({ "name": "token", "mountPath": "/var/run/secrets" }));
            }),
            None
        );
        let strange: [fn(&mut Value); 8] = [
            |spec| spec["containers"][0]["image"] = json!("evil"),
            |spec| spec["containers"][0]["args"] = json!(["digest"]),
            |spec| spec["containers"][0]["command"] = json!(["sh"]),
            |spec| spec["containers"][0]["volumeMounts"][0]["subPath"] = json!("empty"),
            |spec| spec["containers"][0]["volumeMounts"][0]["name"] = json!("state"),
            |spec| spec["volumes"][0]["persistentVolumeClaim"]["claimName"] = json!("other"),
            |spec| spec["ephemeralContainers"] = json!([{ "name": "debug" }]),
            |spec| spec["initContainers"] = json!([{ "name": "i", "volumeMounts": [{ "name": "source-c0", "mountPath": "/x" }] }]),
        ];
        for spoil in strange {
            assert!(spoiled(spoil).is_some());
        }
    }
}
