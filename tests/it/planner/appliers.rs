//! Whoever applies a moved object from elsewhere is paused first, or told of.

use kubectl_stateful::survey::{Acts, AppliedBy};

use super::{hints, plan, refusals};
use crate::seen;

fn by(tool: &str, acts: Acts) -> AppliedBy {
    AppliedBy { tool: tool.to_owned(), name: "shop".to_owned(), acts, ..AppliedBy::default() }
}

#[test]
fn a_tool_that_acts_by_itself_is_refused_with_how_it_is_paused() {
    let pauses = [
        ("config-sync", "RootSync"),
        ("fleet", "`paused: true`"),
        ("kapp", "kapp-controller"),
        ("crossplane", "crossplane.io/paused"),
        ("newer", "pause newer"),
    ];
    for (tool, pause) in pauses {
        let mut survey = seen::set(1, &["data"]);
        survey.app.applied_by = vec![by(tool, Acts::ByItself)];
        assert_eq!(refusals(&seen::request(), &survey), [format!("statefulset/pg is applied by {tool} (`shop`), which would put it back")]);
        let hint = &hints(&seen::request(), &survey)[0];
        assert!(hint.contains(pause) && hint.contains("`--applier-is-paused`"), "{hint}");
        let mut request = seen::request();
        request.applier_is_paused = true;
        assert!(plan(&request, &survey).notes.iter().any(|note| note.contains("change the storage class there too")));
    }
}

#[test]
fn flux_is_suspended_in_its_own_namespace() {
    let mut survey = seen::set(1, &["data"]);
    survey.app.applied_by = vec![AppliedBy { namespace: Some("flux-system".to_owned()), ..by("flux-helm", Acts::ByItself) }];
    assert!(hints(&seen::request(), &survey)[0].contains("`flux suspend helmrelease shop -n flux-system`"));
}

/// A claim of a deployment's chart is made anew, empty, as soon as it is missing.
#[test]
fn a_claim_that_is_applied_is_refused_too() {
    let mut survey = seen::deployment();
    survey.claims[0].applied_by = vec![by("argocd", Acts::ByItself)];
    assert_eq!(refusals(&seen::request(), &survey), ["claim `papers` is applied by argocd (`shop`), which would put it back"]);
    survey.claims[0].applied_by = vec![by("helm", Acts::WhenCalled)];
    assert!(plan(&seen::request(), &survey).notes.iter().any(|note| note.starts_with("claim papers is applied by helm (shop)")));
    let mut survey = seen::unattached();
    (survey.app.applied_by, survey.claims[0].applied_by) = (vec![by("argocd", Acts::ByItself)], vec![by("argocd", Acts::ByItself)]);
    assert_eq!(refusals(&seen::request(), &survey).len(), 1, "it is the app");
}

#[test]
fn a_manager_that_nobody_knows_is_told_of() {
    let mut survey = seen::set(1, &["data"]);
    survey.app.applied_by = vec![AppliedBy { name: "acme-operator".to_owned(), ..by("field manager", Acts::Unknown) }];
    let notes = plan(&seen::request(), &survey).notes;
    let expected = "statefulset/pg was written by field manager acme-operator: if that is a controller, pause it, since it may put the storage class back";
    assert!(notes.iter().any(|note| note == expected), "{notes:?}");
}
