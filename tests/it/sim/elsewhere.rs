//! What is ordinary on other people's clusters: policies that add to what is made or refuse it, quotas that go by their last count, pods that are over
//! and stay. Each as the real components have it; the tests of them are in `ordinary`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Sim;
use super::store::{Refused, text};

/// A rule of the cluster for what is made in namespace `app`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    /// Objects of this kind have to bear this label.
    Wants { plural: &'static str, label: &'static str },
    /// Pods get another container, as by a mesh.
    Adds { container: &'static str },
}

impl Sim {
    /// What becomes of an object that is about to be made: policies first, then quotas, as mutating and validating admission.
    pub(super) fn admitted(&mut self, plural: &str, namespace: &str, object: &Value, dry: bool) -> Result<Value, Refused> {
        let mut object = object.clone();
        if namespace == "app" {
            for policy in self.policies.clone() {
                policy.apply(plural, &mut object)?;
            }
        }
        self.charge(plural, namespace, dry)?;
        Ok(object)
    }

    /// Policies come that were to come at this point.
    pub(super) fn get_policies(&mut self) {
        if self.policies_from.as_ref().is_some_and(|(from, _)| *from == self.phase) {
            self.policies = self.policies_from.take().map(|(_, policies)| policies).unwrap_or_default();
        }
    }

    /// Volumes that bear marks of the run.
    pub(super) fn volumes_of_ours(&self) -> Vec<String> {
        let marked =
            self.store.all("persistentvolumes", "").filter(|one| one["metadata"]["labels"]["kubectl-stateful.dev/run"].is_string());
        marked.map(|one| text(one, "/metadata/name").to_owned()).filter(|name| !self.is_neighbour(name)).collect()
    }

    /// Quotas on claims as the admission plugin has them: it goes by the status of the quota, and writes there what it lets in
    /// (`checkQuotas` in k8s.io/apiserver `pkg/admission/plugin/resourcequota`); what is gone is counted off by a controller, later.
    fn charge(&mut self, plural: &str, namespace: &str, dry: bool) -> Result<(), Refused> {
        if plural != "persistentvolumeclaims" {
            return Ok(());
        }
        for quota in self.store.copies("resourcequotas") {
            let Ok(hard) = text(&quota, "/spec/hard/persistentvolumeclaims").parse::<usize>() else { continue };
            if text(&quota, "/metadata/namespace") != namespace {
                continue;
            }
            let counted = text(&quota, "/status/used/persistentvolumeclaims").parse::<usize>();
            let used = counted.unwrap_or_else(|_| self.store.all(plural, namespace).count());
            let name = text(&quota, "/metadata/name").to_owned();
            if used >= hard {
                return Err(Refused::new(403, "Forbidden", format!("exceeded quota: {name}, used: {used}, limited: {hard}")));
            }
            if !dry {
                self.count(&name, namespace, used + 1);
            }
        }
        Ok(())
    }

    fn count(&mut self, quota: &str, namespace: &str, used: usize) {
        self.store.change("resourcequotas", namespace, quota, "controller", |quota| {
            let hard = quota["spec"]["hard"].clone();
            quota["status"] = json!({ "hard": hard, "used": { "persistentvolumeclaims": used.to_string() } });
        });
    }

    /// The quota controller counts anew, some time after something is gone.
    pub(super) fn count_quotas(&mut self) {
        const COUNTS_EVERY_MS: u64 = 3000;
        if self.store.now < self.counted_at + COUNTS_EVERY_MS {
            return;
        }
        self.counted_at = self.store.now;
        for quota in self.store.copies("resourcequotas") {
            let space = text(&quota, "/metadata/namespace").to_owned();
            let used = self.store.all("persistentvolumeclaims", &space).count();
            self.count(text(&quota, "/metadata/name"), &space, used);
        }
    }

    /// The kubelet evicts a pod of the app: its object stays, and its controller makes another. (One without a controller would stay down, run or no
    /// run.)
    pub(super) fn evicts_app_pod(&mut self) {
        let is_made_again = |pod: &Arc<Value>| pod["metadata"]["ownerReferences"].is_array();
        let runs = |pod: &Arc<Value>| is_made_again(pod) && text(pod, "/status/phase") == "Running";
        let Some(pod) = self.store.copies("pods").into_iter().find(runs) else { return };
        for (claim, volume) in self.unmount(&pod) {
            self.ends_on(&claim, &volume);
        }
        self.store.change("pods", "app", text(&pod, "/metadata/name"), "kubelet", |pod| {
            pod["status"] =
                json!({ "phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: ephemeral-storage." });
        });
    }
}

impl Policy {
    fn apply(&self, plural: &str, object: &mut Value) -> Result<(), Refused> {
        match self {
            Policy::Wants { plural: of, label } if *of == plural && object["metadata"]["labels"][*label].is_null() => {
                Err(Refused::new(403, "Forbidden", format!("ValidatingAdmissionPolicy 'labels' denied request: label {label} is missing")))
            }
            Policy::Adds { container } if plural == "pods" => {
                let containers = object["spec"]["containers"].as_array_mut().expect("a pod has containers");
                containers.push(json!({ "name": container, "image": "mesh:1" }));
                Ok(())
            }
            Policy::Wants { .. } | Policy::Adds { .. } => Ok(()),
        }
    }
}
