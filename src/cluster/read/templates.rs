//! Whoever could start a pod on one of the app's claims: cron jobs, jobs, sets and deployments of others whose template names it, whether or
//! not a pod of theirs is there now.

use serde_json::Value;

use super::claims::ordinal_of;
use super::surroundings::Reads;
use crate::cluster::{ApiError, Kind};
use crate::survey::object::{controller, mounted_claims};
use crate::survey::{AppSeen, ClaimSeen, TemplateSeen};

/// The kinds of objects that make pods from a template.
const KINDS: [Kind; 6] = [Kind::CRON_JOB, Kind::JOB, Kind::STATEFUL_SET, Kind::DEPLOYMENT, Kind::DAEMON_SET, Kind::REPLICA_SET];

/// Reads the templates of others that name any of these claims.
pub(super) async fn read(reads: &Reads<'_>, app: &AppSeen, claims: &[ClaimSeen]) -> Result<Vec<TemplateSeen>, ApiError> {
    let lists = futures::future::try_join_all(KINDS.iter().map(|kind| reads.all(kind))).await?;
    let mut found = Vec::new();
    for (kind, objects) in KINDS.iter().zip(&lists) {
        found.extend(objects.iter().filter_map(|object| template(kind, app, claims, object)));
    }
    Ok(found)
}

fn template(kind: &Kind, app: &AppSeen, claims: &[ClaimSeen], object: &Value) -> Option<TemplateSeen> {
    let is_apps = object["metadata"]["uid"] == app.uid.as_str();
    // What a controller made is told by that: a job by its cron job, a replica set by its deployment.
    if is_apps || controller(object).is_some() || is_finished(kind, object) {
        return None;
    }
    let names = |claim: &&ClaimSeen| names(kind, object, &claim.name);
    let claims: Vec<String> = claims.iter().filter(names).map(|claim| claim.name.clone()).collect();
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let starts_pods = starts_pods(kind, object, &claims);
    (!claims.is_empty()).then(|| TemplateSeen { kind: kind.kind.to_string(), name, claims, starts_pods })
}

/// Whether pods of this object are, or would be, on a claim.
fn names(kind: &Kind, object: &Value, claim: &str) -> bool {
    let template = if *kind == Kind::CRON_JOB { &object["spec"]["jobTemplate"]["spec"]["template"] } else { &object["spec"]["template"] };
    mounted_claims(template).iter().any(|named| named == claim) || ordinal_of(object, claim).is_some()
}

/// A job that is complete or has failed makes no pod any more.
fn is_finished(kind: &Kind, object: &Value) -> bool {
    let mut conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    *kind == Kind::JOB && conditions.any(|one| (one["type"] == "Complete" || one["type"] == "Failed") && one["status"] == "True")
}

/// Whether it starts pods on one of these claims by itself as it is set now.
fn starts_pods(kind: &Kind, object: &Value, claims: &[String]) -> bool {
    let spec = &object["spec"];
    let number = |value: &Value, otherwise: u64| value.as_u64().unwrap_or(otherwise);
    if [Kind::CRON_JOB, Kind::JOB].contains(kind) {
        spec["suspend"] != true
    } else if *kind == Kind::DAEMON_SET {
        number(&object["status"]["desiredNumberScheduled"], 1) > 0
    } else {
        let (replicas, first) = (number(&spec["replicas"], 1), number(&spec["ordinals"]["start"], 0));
        // Of what a set has made from its claim templates it uses what it has replicas for; what they all share, always.
        let is_used = |claim: &String| {
            ordinal_of(object, claim).is_none_or(|(_, ordinal)| (first..first.saturating_add(replicas)).contains(&u64::from(ordinal)))
        };
        replicas > 0 && claims.iter().any(is_used)
    }
}

#[cfg(test)]
mod tests {
    use super::super::app::nothing;
    use super::super::claims::tests::claim;
    use super::*;
    use crate::survey::AppKind;
    use serde_json::json;

    fn seen(kind: &Kind, object: Value) -> Option<(String, bool)> {
        let claims = [claim("data-pg-0"), claim("shared")];
        template(kind, &nothing(AppKind::Claim, "shared"), &claims, &object).map(|seen| (seen.claims.join(","), seen.starts_pods))
    }

    fn pod(claim: &str) -> Value {
        json!({ "spec": { "volumes": [{ "name": "v", "persistentVolumeClaim": { "claimName": claim } }] } })
    }

    #[test]
    fn a_template_that_names_a_claim_is_found_in_every_kind() {
        let cron = |suspend: bool| json!({ "metadata": { "name": "c" }, "spec": { "suspend": suspend, "jobTemplate": { "spec": { "template": pod("shared") } } } });
        assert_eq!(seen(&Kind::CRON_JOB, cron(false)), Some(("shared".to_owned(), true)));
        assert_eq!(seen(&Kind::CRON_JOB, cron(true)), Some(("shared".to_owned(), false)));
        for (kind, replicas, starts) in [(Kind::DEPLOYMENT, 0, false), (Kind::DEPLOYMENT, 2, true), (Kind::REPLICA_SET, 1, true)] {
            let object = json!({ "metadata": { "name": "d" }, "spec": { "replicas": replicas, "template": pod("shared") } });
            assert_eq!(seen(&kind, object), Some(("shared".to_owned(), starts)));
        }
        let daemons = |wanted: u64| json!({ "spec": { "template": pod("shared") }, "status": { "desiredNumberScheduled": wanted } });
        assert_eq!(seen(&Kind::DAEMON_SET, daemons(0)), Some(("shared".to_owned(), false)));
        assert_eq!(seen(&Kind::DAEMON_SET, daemons(3)), Some(("shared".to_owned(), true)));
        assert_eq!(seen(&Kind::DEPLOYMENT, json!({ "spec": { "template": pod("other") } })), None);
    }

    #[test]
    fn a_set_that_the_claim_was_made_for_is_found() {
        for (replicas, first, starts) in [(0, 0, false), (1, 0, true), (1, 1, false)] {
            let set = json!({ "metadata": { "name": "pg" }, "spec": { "replicas": replicas, "ordinals": { "start": first },
                "volumeClaimTemplates": [{ "metadata": { "name": "data" } }] } });
            assert_eq!(seen(&Kind::STATEFUL_SET, set), Some(("data-pg-0".to_owned(), starts)), "{replicas} from {first}");
        }
    }

    #[test]
    fn what_has_ended_or_is_somebodys_is_left_out() {
        let job = |status: Value, owners: Value| json!({ "metadata": { "name": "j", "ownerReferences": owners }, "spec": { "template": pod("shared") }, "status": status });
        assert_eq!(seen(&Kind::JOB, job(json!({}), json!([]))), Some(("shared".to_owned(), true)));
        let done = json!({ "conditions": [{ "type": "Complete", "status": "True" }] });
        assert_eq!(seen(&Kind::JOB, job(done, json!([]))), None);
        assert_eq!(seen(&Kind::JOB, job(json!({}), json!([{ "controller": true, "kind": "CronJob", "name": "c" }]))), None);
    }
}
