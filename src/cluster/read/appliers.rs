//! Whoever applies an object from elsewhere, by the marks that each tool documents, and by `managedFields`.
//!
//! A table: a tool that is not in it is told by its field manager, where that wrote what a move changes. It says who, not whether that
//! is a hindrance.

use serde_json::Value;

use crate::survey::{Acts, AppliedBy};

/// Where a mark is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MarkKind {
    Label,
    Annotation,
    Manager,
}

/// A mark: tool, where, the key (or the manager), the value it must have (or any), and when the tool acts.
type Mark = (&'static str, MarkKind, &'static str, Option<&'static str>, Acts);

/// Not among them: the label `app.kubernetes.io/instance`, which many charts set and which proves nothing.
const MARKS: [Mark; 26] = [
    ("helm", MarkKind::Annotation, "meta.helm.sh/release-name", None, Acts::WhenCalled),
    ("argocd", MarkKind::Annotation, "argocd.argoproj.io/tracking-id", None, Acts::ByItself),
    ("argocd", MarkKind::Manager, "argocd-controller", None, Acts::ByItself),
    ("flux-kustomize", MarkKind::Label, "kustomize.toolkit.fluxcd.io/name", None, Acts::ByItself),
    ("flux-kustomize", MarkKind::Manager, "kustomize-controller", None, Acts::ByItself),
    ("flux-helm", MarkKind::Label, "helm.toolkit.fluxcd.io/name", None, Acts::ByItself),
    ("flux-helm", MarkKind::Manager, "helm-controller", None, Acts::ByItself),
    ("config-sync", MarkKind::Annotation, "configsync.gke.io/resource-id", None, Acts::ByItself),
    ("config-sync", MarkKind::Annotation, "configmanagement.gke.io/managed", None, Acts::ByItself),
    ("config-sync", MarkKind::Manager, "configsync", None, Acts::ByItself),
    ("fleet", MarkKind::Annotation, "objectset.rio.cattle.io/id", None, Acts::ByItself),
    ("fleet", MarkKind::Manager, "fleetagent", None, Acts::ByItself),
    ("kapp", MarkKind::Label, "kapp.k14s.io/app", None, Acts::ByItself),
    ("kapp", MarkKind::Manager, "kapp-server-side-apply", None, Acts::ByItself),
    ("crossplane", MarkKind::Label, "crossplane.io/composite", None, Acts::ByItself),
    ("crossplane", MarkKind::Manager, "crossplane-kubernetes-provider", None, Acts::ByItself),
    ("karmada", MarkKind::Label, "karmada.io/managed", Some("true"), Acts::ByItself),
    ("addon-manager", MarkKind::Label, "addonmanager.kubernetes.io/mode", Some("Reconcile"), Acts::ByItself),
    ("olm", MarkKind::Label, "olm.owner", None, Acts::ByItself),
    ("kluctl", MarkKind::Manager, "kluctl-controller", None, Acts::ByItself),
    ("kluctl", MarkKind::Manager, "kluctl", None, Acts::WhenCalled),
    ("kpt", MarkKind::Annotation, "config.k8s.io/owning-inventory", None, Acts::WhenCalled),
    ("terraform", MarkKind::Manager, "Terraform", None, Acts::WhenCalled),
    ("terraform", MarkKind::Manager, "HashiCorp", None, Acts::WhenCalled),
    ("pulumi", MarkKind::Manager, "pulumi-kubernetes", None, Acts::WhenCalled),
    ("helm", MarkKind::Manager, "helm", None, Acts::WhenCalled),
];

/// Marks by which an object itself tells a tool to leave it alone: tool, label or annotation, value.
const PAUSES: [(&str, &str, &str); 3] = [
    ("flux-kustomize", "kustomize.toolkit.fluxcd.io/reconcile", "disabled"),
    ("flux-helm", "helm.toolkit.fluxcd.io/driftDetection", "disabled"),
    ("config-sync", "configmanagement.gke.io/managed", "disabled"),
];

/// Labels that name the namespace of a tool's own object.
const NAMESPACES: [(&str, &str); 2] =
    [("flux-kustomize", "kustomize.toolkit.fluxcd.io/namespace"), ("flux-helm", "helm.toolkit.fluxcd.io/namespace")];

/// Field managers of people at `kubectl`, of Kubernetes itself (in one binary with k3s and MicroK8s) and of ours: beginnings of their names.
const NO_TOOLS: [&str; 6] = ["kubectl", "kube-controller-manager", "kube-apiserver", "k3s", "kubelite", "before-first-apply"];

/// Fields that a move changes: in a set's spec, and in a claim's.
const MOVED: [&str; 2] = ["f:volumeClaimTemplates", "f:storageClassName"];

/// Everybody who applies an object.
pub(super) fn of(object: &Value) -> Vec<AppliedBy> {
    let mut found: Vec<AppliedBy> = Vec::new();
    for (tool, at, key, value, acts) in MARKS {
        let is_new = !found.iter().any(|by| by.tool == tool);
        let name = name(object, at, key).filter(|name| value.is_none_or(|value| value == name));
        if let Some(name) = name.filter(|_| is_new) {
            found.push(AppliedBy {
                tool: tool.to_owned(),
                name,
                namespace: namespace(object, tool),
                paused: is_paused(object, tool),
                acts,
            });
        }
    }
    found.extend(unknown(object));
    found
}

/// What a mark says, if the object bears it.
fn name(object: &Value, at: MarkKind, key: &str) -> Option<String> {
    let metadata = &object["metadata"];
    match at {
        MarkKind::Label => metadata["labels"][key].as_str().map(str::to_owned),
        MarkKind::Annotation if key == "argocd.argoproj.io/tracking-id" => tracked(object, metadata["annotations"][key].as_str()?),
        MarkKind::Annotation => metadata["annotations"][key].as_str().map(str::to_owned),
        MarkKind::Manager => writers(object).any(|writer| writer["manager"] == key).then(|| format!("field manager {key}")),
    }
}

/// The application of a tracking id `APP:GROUP/KIND:NAMESPACE/NAME`; none where it names another object, from which it was copied
/// (<https://argo-cd.readthedocs.io/en/stable/user-guide/resource_tracking/>).
fn tracked(object: &Value, id: &str) -> Option<String> {
    let mut parts = id.splitn(3, ':');
    let (app, whose) = (parts.next()?, parts.nth(1));
    let name = whose.and_then(|whose| whose.split('/').nth(1));
    name.is_none_or(|name| object["metadata"]["name"] == name).then(|| app.to_owned())
}

fn writers(object: &Value) -> impl Iterator<Item = &Value> {
    object["metadata"]["managedFields"].as_array().into_iter().flatten()
}

fn text<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    let metadata = &object["metadata"];
    metadata["annotations"][key].as_str().or_else(|| metadata["labels"][key].as_str())
}

fn namespace(object: &Value, tool: &str) -> Option<String> {
    let key = NAMESPACES.iter().find(|(of, _)| *of == tool)?.1;
    text(object, key).map(str::to_owned)
}

fn is_paused(object: &Value, tool: &str) -> bool {
    PAUSES.iter().any(|(of, key, value)| *of == tool && text(object, key) == Some(value))
}

/// Field managers that wrote what a move changes and that nothing is known of.
fn unknown(object: &Value) -> Vec<AppliedBy> {
    let is_known = |manager: &str| {
        let of_tool = MARKS.iter().any(|(_, at, key, ..)| *at == MarkKind::Manager && *key == manager);
        of_tool || NO_TOOLS.iter().any(|beginning| manager.starts_with(beginning))
    };
    let spec_of = |writer: &Value| writer["fieldsV1"]["f:spec"].as_object().cloned().unwrap_or_default();
    let mut managers: Vec<&str> = writers(object)
        .filter(|writer| MOVED.iter().any(|field| spec_of(writer).contains_key(*field)))
        .filter_map(|writer| writer["manager"].as_str())
        .filter(|manager| !is_known(manager))
        .collect();
    managers.sort_unstable();
    managers.dedup();
    let seen = |manager: &str| AppliedBy {
        tool: "field manager".to_owned(),
        name: manager.to_owned(),
        acts: Acts::Unknown,
        ..AppliedBy::default()
    };
    managers.into_iter().map(seen).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tools(metadata: Value) -> Vec<(String, String, bool)> {
        of(&json!({ "metadata": metadata })).into_iter().map(|by| (by.tool, by.name, by.paused)).collect()
    }

    fn one(tool: &str, name: &str, paused: bool) -> Vec<(String, String, bool)> {
        vec![(tool.to_owned(), name.to_owned(), paused)]
    }

    #[test]
    fn whoever_applies_an_object_is_known_by_its_marks() {
        assert_eq!(tools(json!({})), []);
        assert_eq!(tools(json!({ "labels": { "app.kubernetes.io/instance": "x" } })), []);
        assert_eq!(tools(json!({ "annotations": { "meta.helm.sh/release-name": "r" } })), one("helm", "r", false));
        let flux = json!({ "labels": { "kustomize.toolkit.fluxcd.io/name": "k", "kustomize.toolkit.fluxcd.io/namespace": "flux-system" },
            "annotations": { "kustomize.toolkit.fluxcd.io/reconcile": "disabled" } });
        assert_eq!(of(&json!({ "metadata": flux.clone() }))[0].namespace.as_deref(), Some("flux-system"));
        assert_eq!(tools(flux), one("flux-kustomize", "k", true));
        let managed = json!({ "annotations": { "configmanagement.gke.io/managed": "disabled" } });
        assert_eq!(tools(managed), one("config-sync", "disabled", true));
        for (tool, label) in [("kapp", "kapp.k14s.io/app"), ("crossplane", "crossplane.io/composite"), ("olm", "olm.owner")] {
            assert_eq!(tools(json!({ "labels": { label: "a" } })), one(tool, "a", false));
        }
        assert_eq!(tools(json!({ "annotations": { "objectset.rio.cattle.io/id": "f" } })), one("fleet", "f", false));
        assert_eq!(tools(json!({ "labels": { "addonmanager.kubernetes.io/mode": "EnsureExists" } })), []);
        assert_eq!(
            tools(json!({ "labels": { "addonmanager.kubernetes.io/mode": "Reconcile" } })),
            one("addon-manager", "Reconcile", false)
        );
        assert_eq!(
            tools(json!({ "managedFields": [{ "manager": "argocd-controller" }] })),
            one("argocd", "field manager argocd-controller", false)
        );
    }

    #[test]
    fn a_tracking_id_that_was_copied_from_another_object_is_none() {
        let tracked = |id: &str| tools(json!({ "name": "pg", "annotations": { "argocd.argoproj.io/tracking-id": id } }));
        assert_eq!(tracked("shop:apps/StatefulSet:db/pg"), one("argocd", "shop", false));
        assert_eq!(tracked("shop:apps/Deployment:db/web"), []);
    }

    #[test]
    fn a_manager_that_wrote_what_a_move_changes_is_told() {
        let by = |manager: &str, field: &str| {
            tools(json!({ "managedFields": [{ "manager": manager, "fieldsV1": { "f:spec": { field: {} } } }] }))
        };
        assert_eq!(by("acme-operator", "f:volumeClaimTemplates"), one("field manager", "acme-operator", false));
        assert_eq!(by("acme-operator", "f:storageClassName"), one("field manager", "acme-operator", false));
        assert_eq!(by("acme-operator", "f:replicas"), []);
        assert_eq!(by("kubectl-client-side-apply", "f:volumeClaimTemplates"), []);
        assert_eq!(by("k3s", "f:storageClassName"), []);
        assert_eq!(of(&json!({ "metadata": { "managedFields": [{ "manager": "Terraform" }] } }))[0].acts, Acts::WhenCalled);
    }
}
