//! Which nodes have which volumes (`VolumeAttachment`), and nodes that are lost: their pods are taken out of the API, and what runs there goes on until
//! the node is fenced.
//!
//! After the attach-detach controller (`pkg/controller/volume/attachdetach`): what a pod uses that is not over is attached to its node, and detached some
//! time after the last such pod is gone.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Sim;
use super::controllers::claims_of;
use super::store::text;

/// How long a node has a volume after the last pod that used it there.
const DETACHES_WITHIN_MS: u64 = 2_000;

/// Volume and node.
type At = (String, String);

/// What runs on after its pod is gone.
#[derive(Clone, Debug)]
pub(super) struct Ghost {
    node: String,
    /// When its node is fenced.
    until: u64,
    volumes: Vec<(String, String)>,
}

fn attachment((volume, node): &At) -> String {
    format!("csi-{volume}-{node}")
}

impl Sim {
    /// The node of a pod is gone, and its pod with it, as far as the API knows.
    pub(super) fn lose_node(&mut self, pod: &Value, until: u64) {
        let node = text(pod, "/spec/nodeName").to_owned();
        let volumes = self.unmount(pod);
        self.store.remove("pods", text(pod, "/metadata/namespace"), text(pod, "/metadata/name"));
        self.store.remove("nodes", "", &node);
        self.ghosts.push(Ghost { node, until, volumes });
    }

    /// What runs on writes on, until it is fenced.
    pub(super) fn run_ghosts(&mut self) {
        let (fenced, left): (Vec<Ghost>, Vec<Ghost>) = self.ghosts.drain(..).partition(|ghost| self.store.now >= ghost.until);
        for (claim, volume) in fenced.into_iter().flat_map(|ghost| ghost.volumes) {
            self.ends_on(&claim, &volume);
        }
        for (claim, volume) in left.iter().flat_map(|ghost| ghost.volumes.clone()) {
            self.app_writes(&claim, &volume);
        }
        self.ghosts = left;
    }

    /// The app's volume is attached to a node besides where no pod uses it, until it was looked for so often.
    pub(super) fn attach_elsewhere(&mut self, looks: usize) {
        let volume = self.app_volume();
        self.attached_astray = Some(((volume, "n9".to_owned()), looks));
    }

    fn app_volume(&self) -> String {
        let of_app = self.store.all("persistentvolumeclaims", "app").map(|claim| text(claim, "/spec/volumeName").to_owned());
        of_app.into_iter().find(|volume| !volume.is_empty()).expect("it has a volume")
    }

    /// The attach-detach controller's round.
    pub(super) fn attach_and_detach(&mut self) {
        for at in self.in_use() {
            if self.attached.insert(at.clone(), self.store.now + DETACHES_WITHIN_MS).is_none() {
                let (volume, node) = &at;
                let spec = json!({ "nodeName": node, "source": { "persistentVolumeName": volume } });
                let object = json!({ "metadata": { "name": attachment(&at) }, "spec": spec, "status": { "attached": true } });
                self.make("volumeattachments", object);
            }
        }
        let gone: Vec<At> = self.attached.iter().filter(|(_, until)| **until <= self.store.now).map(|(at, _)| at.clone()).collect();
        for at in gone {
            self.store.remove("volumeattachments", "", &attachment(&at));
            self.attached.remove(&at);
        }
    }

    fn in_use(&self) -> BTreeSet<At> {
        let is_over = |pod: &&Value| matches!(text(pod, "/status/phase"), "Succeeded" | "Failed");
        let placed = self.store.all("pods", "app").filter(|pod| !text(pod, "/spec/nodeName").is_empty() && !is_over(pod));
        let of_pods = placed.flat_map(|pod| {
            let claims = claims_of(pod).into_iter().filter_map(|claim| self.store.get("persistentvolumeclaims", "app", &claim));
            claims.map(|claim| (text(claim, "/spec/volumeName").to_owned(), text(pod, "/spec/nodeName").to_owned()))
        });
        let of_ghosts = self.ghosts.iter().flat_map(|ghost| ghost.volumes.iter().map(|(_, volume)| (volume.clone(), ghost.node.clone())));
        let looks = || self.log.iter().filter(|call| call.plural == "volumeattachments").count();
        let astray = self.attached_astray.iter().filter(|(_, until)| looks() < *until).map(|(at, _)| at.clone());
        of_pods.chain(of_ghosts).chain(astray).filter(|(volume, _)| !volume.is_empty()).collect()
    }
}
