//! How each tool that applies an app from elsewhere is paused, by its own documents.

use crate::survey::AppliedBy;

/// How each tool is paused, but for those of Flux.
const PAUSES: [(&str, &str); 9] = [
    ("olm", "scale down the operator that owns it, and OLM's own deployment `olm-operator`, which would scale it up"),
    ("argocd", "switch off automated sync of the Application"),
    (
        "config-sync",
        "stop the RootSync or RepoSync that declares it, or annotate it there with `configmanagement.gke.io/managed: disabled`",
    ),
    ("fleet", "set `paused: true` in the spec of the GitRepo or Bundle"),
    ("kapp", "set `paused: true` in the spec of the App, if kapp-controller applies it"),
    ("crossplane", "annotate the composite or Object with `crossplane.io/paused: \"true\"`"),
    ("karmada", "suspend dispatching in the propagation policy"),
    ("addon-manager", "set the label `addonmanager.kubernetes.io/mode` to `EnsureExists`"),
    ("kluctl", "set `suspend: true` in the spec of the KluctlDeployment"),
];

/// Returns how a tool is paused for the time of a move.
pub(super) fn pause_hint(by: &AppliedBy) -> String {
    let AppliedBy { tool, name, .. } = by;
    let flux = |kind: &str| {
        let namespace = by.namespace.as_ref().map(|namespace| format!(" -n {namespace}")).unwrap_or_default();
        format!("`flux suspend {kind} {name}{namespace}`")
    };
    let pause = match tool.as_str() {
        "flux-kustomize" => flux("kustomization"),
        "flux-helm" => flux("helmrelease"),
        _ => PAUSES.iter().find(|(of, _)| of == tool).map_or_else(|| format!("pause {tool}"), |(_, how)| (*how).to_owned()),
    };
    format!("pause it ({pause}), then add `--applier-is-paused`; afterwards change the class at its source, too")
}
