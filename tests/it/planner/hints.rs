//! What the planner says to do can be pasted, wherever the terminal's own namespace is.

use std::fs;
use std::path::{Path, PathBuf};

use kubectl_stateful::survey::AutoscalerSeen;

use super::hints;
use crate::seen;

/// Resources of `kubectl` that lie in no namespace, and commands that are about none.
const CLUSTER_WIDE: [&str; 9] = [
    "kubectl auth can-i",
    "kubectl describe pv ",
    "kubectl label namespace",
    "kubectl get storageclass",
    "kubectl describe storageclass",
    "kubectl get csidriver",
    "kubectl get csistoragecapacities --all-namespaces",
    "kubectl describe node ",
    "kubectl uncordon ",
];

/// The commands that stand between backticks in the string literals of a source.
fn commands(source: &str) -> Vec<String> {
    let texts = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    let spans = texts.flat_map(|line| line.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>());
    spans.filter(|span| span.starts_with("kubectl ")).collect()
}

/// The sources in a folder and those below it.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the planner is there").map(|entry| entry.expect("it can be read").path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

#[test]
fn every_command_to_paste_names_the_namespace() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/planner");
    let mut seen = 0;
    for path in sources(&folder) {
        for command in commands(&fs::read_to_string(&path).expect("it can be read")) {
            let is_cluster_wide = CLUSTER_WIDE.iter().any(|known| command.starts_with(known));
            // Said of what somebody did, not to be done.
            let is_told = matches!(command.as_str(), "kubectl apply" | "kubectl debug");
            assert!(is_told || is_cluster_wide || command.contains("-n {"), "{}: `{command}`", path.display());
            seen += 1;
        }
    }
    assert!(seen >= 20, "only {seen} commands were found");
}

#[test]
fn an_autoscaler_is_held_still_by_bounds_that_the_api_takes() {
    let of = |replicas: u32| {
        let mut survey = seen::set(2, &["data"]);
        survey.app.replicas = replicas;
        survey.autoscalers = vec![AutoscalerSeen { kind: "HorizontalPodAutoscaler".to_owned(), name: "up".to_owned(), still: false }];
        hints(&seen::request(), &survey).pop().expect("a hint")
    };
    let patch = |spec: &str| format!("hold it still with `kubectl patch hpa up -n db --patch '{{\"spec\":{{{spec}}}}}'`");
    assert_eq!(of(2), patch("\"minReplicas\":2,\"maxReplicas\":2"));
    assert_eq!(of(0), patch("\"minReplicas\":1"), "maxReplicas 0 is no valid bound");
}
