//! Finalizers of what a move deletes: the claims, the set or bare pod that is made again, and the app's pods, which must go before their
//! claims can. A deletion cannot be called back, so one that would wait for somebody's controller is not begun.
//!
//! It does not say what such a controller does; `docs/refusals.md` lists the finalizers that are let through.

use super::reason::{AppReason, ClaimReason, Refusal};
use super::reference::reference;
use crate::plan::finalizers::{OF_CLAIMS, OF_PODS, is_foreign};
use crate::planner::choose::Choice;
use crate::survey::{AppKind, ClaimSeen, Survey};

/// Finalizers of a claim that would keep it from being deleted.
pub(crate) fn of_claim(claim: &ClaimSeen) -> impl Iterator<Item = Refusal> {
    let foreign = claim.finalizers.iter().filter(|finalizer| is_foreign(finalizer, &OF_CLAIMS));
    foreign.map(|finalizer| Refusal::Claim(ClaimReason::UnknownFinalizer { claim: claim.name.clone(), finalizer: finalizer.clone() }))
}

/// Finalizers of the app and its pods.
pub(crate) fn of_app(choice: &Choice<'_>) -> Vec<Refusal> {
    let survey = choice.survey;
    match survey.app.kind {
        AppKind::StatefulSet if choice.remakes_set() => [of_object(survey), of_pods(survey)].concat(),
        // A deployment, or a set whose templates stay, is scaled and nothing else.
        AppKind::StatefulSet | AppKind::Deployment => of_pods(survey),
        AppKind::Pod => of_object(survey),
        AppKind::Claim => Vec::new(),
    }
}

fn of_object(survey: &Survey) -> Vec<Refusal> {
    let finalizers = survey.app.raw.pointer("/metadata/finalizers").and_then(serde_json::Value::as_array);
    let texts = finalizers.into_iter().flatten().enumerate().filter_map(|(index, one)| Some((index, one.as_str()?)));
    let known: &[&str] = if survey.app.kind == AppKind::Pod { &OF_PODS } else { &[] };
    let foreign = texts.filter(|(_, finalizer)| is_foreign(finalizer, known));
    foreign
        .map(|(index, finalizer)| Refusal::App(AppReason::AppFinalizer { app: reference(survey), finalizer: finalizer.to_owned(), index }))
        .collect()
}

fn of_pods(survey: &Survey) -> Vec<Refusal> {
    let refusal = |pod: &str, finalizer: &str| {
        Refusal::App(AppReason::PodFinalizer { app: reference(survey), pod: pod.to_owned(), finalizer: finalizer.to_owned() })
    };
    let all = survey.app.pods.iter().flat_map(|pod| pod.finalizers.iter().map(move |finalizer| (pod, finalizer)));
    all.filter(|(_, finalizer)| is_foreign(finalizer, &OF_PODS)).map(|(pod, finalizer)| refusal(&pod.name, finalizer)).collect()
}
