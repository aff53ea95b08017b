//! Plans as data: a survey in, a plan out. Goldens are kept in `snapshots/`; every plan made here must also pass the lint, and be
//! the same when it is made again.

use kubectl_stateful::plan::{Destination, KeptVolume, Plan, Request, RunId, Step, check, file, marks};
use kubectl_stateful::planner::{self, Refusal, going_back};
use kubectl_stateful::survey::{AccessSeen, AppliedBy, AutoscalerSeen, ClaimOrigin, KeptSeen, LimitSeen, QuotaSeen, Survey};
use serde_json::json;

use crate::seen;

mod access_modes;
mod appliers;
mod capacity;
mod cost;
mod elsewhere;
mod finalizers;
mod fs_group;
mod hints;
mod nodes;
mod occupants;
mod replicas;
mod rollout;
mod room;

/// Makes a plan, which must be possible, clean, repeatable and readable as a file.
fn plan(request: &Request, survey: &Survey) -> Plan {
    let plan = planner::plan(request, survey, "https://cluster").expect("it can be planned");
    assert_eq!(planner::plan(request, survey, "https://cluster").as_ref(), Ok(&plan), "the same twice");
    assert_eq!(check::faults(&plan), Vec::<String>::new());
    assert_eq!(file::read(&file::to_yaml(&plan)).expect("YAML can be read"), plan);
    assert_eq!(file::read(&file::to_json(&plan)).expect("JSON can be read"), plan);
    plan
}

/// The stages in words.
fn words(plan: &Plan) -> String {
    let mut text = seen::moves_and_notes(plan);
    for stage in &plan.stages {
        text += &format!("{}{}\n", if stage.app_is_down { "! " } else { "  " }, stage.name);
        for planned in &stage.steps {
            text += &format!("    {} [{}]\n", planned.step.does(plan.subject()), planned.step.undoes(plan.subject()).unwrap_or_default());
        }
    }
    text
}

fn golden(name: &str, request: &Request, survey: &Survey) {
    let plan = plan(request, survey);
    insta::assert_snapshot!(format!("{name}-words"), words(&plan));
    insta::assert_snapshot!(format!("{name}-file"), file::to_yaml(&plan));
}

/// The reasons not to, as they are printed.
fn refusals(request: &Request, survey: &Survey) -> Vec<String> {
    match planner::plan(request, survey, "https://cluster") {
        Ok(_) => Vec::new(),
        Err(refusals) => {
            assert!(refusals.hinted().all(|(_, hint)| !hint.is_empty()));
            refusals.as_slice().iter().map(Refusal::to_string).collect()
        }
    }
}

/// What can be done about each of them.
fn hints(request: &Request, survey: &Survey) -> Vec<String> {
    let refusals = planner::plan(request, survey, "https://cluster").expect_err("it is refused");
    refusals.hinted().map(|(_, hint)| hint).collect()
}

#[test]
fn a_set_of_two_replicas() {
    golden("set", &seen::request(), &seen::set(2, &["data"]));
}

#[test]
fn a_deployment() {
    golden("deployment", &seen::request(), &seen::deployment());
}

#[test]
fn an_unattached_claim() {
    golden("unattached", &seen::request(), &seen::unattached());
}

#[test]
fn a_target_that_binds_at_once_goes_over_the_network() {
    let mut request = seen::request();
    request.destination = Destination::StorageClass { name: "now".to_owned() };
    golden("immediate", &request, &seen::set(1, &["data"]));
}

#[test]
fn a_set_that_deletes_its_claims() {
    let mut survey = seen::set(1, &["data"]);
    survey.app.raw["spec"]["persistentVolumeClaimRetentionPolicy"] = json!({ "whenDeleted": "Delete", "whenScaled": "Retain" });
    golden("retention", &seen::request(), &survey);
}

/// The plan of a way back to the volume that run `m1` kept.
pub(crate) fn back(discard: bool) -> Plan {
    let (request, survey) = way_back(discard);
    plan(&request, &survey)
}

/// The way back of a set to the volume that its first claim was on before.
pub(crate) fn back_to_first_volume() -> Plan {
    let (mut request, mut survey) = way_back(false);
    let Destination::KeptVolumes { volumes, .. } = &mut request.destination else { panic!("it goes back") };
    (volumes[0].volume, volumes[0].volume_uid) = ("pv-data-pg-0".to_owned(), "uid-pv-data-pg-0".to_owned());
    (survey.kept[0].volume, survey.kept[0].uid) = (volumes[0].volume.clone(), volumes[0].volume_uid.clone());
    survey.claims[0].volume.as_mut().expect("a volume").name = "pv-new".to_owned();
    survey.claims[0].raw["spec"]["volumeName"] = json!("pv-new");
    plan(&request, &survey)
}

fn way_back(discard: bool) -> (Request, Survey) {
    let first = plan(&seen::request(), &seen::set(1, &["data"]));
    let kept = KeptVolume {
        request: "1Gi".to_owned(),
        access_modes: vec!["ReadWriteOnce".to_owned()],
        claim: "data-pg-0".to_owned(),
        volume: "pv-kept".to_owned(),
        volume_uid: "uid-kept".to_owned(),
        class: Some("slow".to_owned()),
        claim_ref: json!({ "namespace": "db", "name": "data-pg-0", "uid": "gone" }),
        labels: marks::of_volume("db", &RunId("m1".to_owned()), marks::ROLE_SOURCE, "c0"),
        reclaim_policy: "Delete".to_owned(),
        node_affinity: None,
    };
    let run = RunId("m2".to_owned());
    let mut survey = seen::set(1, &["data"]);
    survey.app.raw["spec"]["volumeClaimTemplates"][0]["spec"]["storageClassName"] = json!("fast");
    survey.claims[0].class = Some("fast".to_owned());
    survey.kept = vec![kept_seen()];
    (going_back::request(&first, vec![kept], run, "2026-01-02T00:00:00Z".to_owned(), discard), survey)
}

/// What spoils a kept volume, and what is then said.
type Lost = (&'static str, fn(&mut KeptSeen));

#[test]
fn going_back_to_kept_volumes() {
    let (request, survey) = way_back(false);
    golden("back", &request, &survey);
    let (request, survey) = way_back(true);
    golden("back-discarding", &request, &survey);
    let not_kept = |spoil: fn(&mut KeptSeen)| {
        let mut survey = survey.clone();
        spoil(&mut survey.kept[0]);
        refusals(&request, &survey)
    };
    let marks_missing = "it does not bear the marks of run m1 in namespace db";
    let spoiled: [Lost; 10] = [
        (marks_missing, |kept| drop(kept.labels.remove(marks::NAMESPACE))),
        (marks_missing, |kept| drop(kept.labels.insert(marks::NAMESPACE.to_owned(), "payments".to_owned()))),
        (marks_missing, |kept| drop(kept.labels.insert(marks::RUN.to_owned(), "mpay".to_owned()))),
        (marks_missing, |kept| drop(kept.labels.insert(marks::ROLE.to_owned(), marks::ROLE_TARGET.to_owned()))),
        ("its annotation says that it was claim `payments/loot`, not `db/data-pg-0`", |kept| {
            kept.annotations.insert(marks::CLAIM.to_owned(), "payments/loot".to_owned());
        }),
        ("it names claim `payments/data-pg-0`, not `db/data-pg-0`", |kept| kept.claim_ref["namespace"] = json!("payments")),
        ("it is bound", |kept| kept.phase = "Bound".to_owned()),
        ("it is not as the plan says", |kept| kept.uid = "another".to_owned()),
        ("it is not as the plan says", |kept| drop(kept.annotations.insert(marks::POLICY_BEFORE.to_owned(), "Retain".to_owned()))),
        ("it is not there", |kept| kept.volume = "another".to_owned()),
    ];
    for (why, spoil) in spoiled {
        assert_eq!(not_kept(spoil), [format!("volume `pv-kept` of claim `data-pg-0` cannot be taken up again: {why}")]);
    }
}

/// The volume that run `m1` kept, as it is.
fn kept_seen() -> KeptSeen {
    let text = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    let labels = [(marks::NAMESPACE, "db"), (marks::RUN, "m1"), (marks::ROLE, marks::ROLE_SOURCE), (marks::SLOT, "c0")];
    KeptSeen {
        volume: "pv-kept".to_owned(),
        uid: "uid-kept".to_owned(),
        phase: "Released".to_owned(),
        claim_ref: json!({ "namespace": "db", "name": "data-pg-0", "uid": "gone" }),
        class: Some("slow".to_owned()),
        node_affinity: None,
        labels: labels.into_iter().map(text).collect(),
        annotations: [(marks::CLAIM, "db/data-pg-0"), (marks::POLICY_BEFORE, "Delete")].into_iter().map(text).collect(),
    }
}

#[test]
fn another_size_goes_into_claims_and_templates_and_back() {
    let mut request = seen::request();
    request.size_bytes = Some(3 << 30);
    golden("size", &request, &seen::set(1, &["data"]));
}

#[test]
fn a_target_that_would_not_hold_the_data_is_refused() {
    let said = |spoil: fn(&mut Survey), size: u64| {
        let mut request = seen::request();
        request.size_bytes = Some(size);
        let mut survey = seen::set(1, &["data"]);
        spoil(&mut survey);
        refusals(&request, &survey)
    };
    let half = 512 << 20;
    assert_eq!(said(|survey| survey.claims[0].used_bytes = Some(400 << 20), half), [""; 0]);
    assert_eq!(said(|survey| survey.claims[0].used_bytes = None, 2 << 30), [""; 0]);
    let refused = |why: &str| vec![format!("claim `data-pg-0` cannot move to a volume of 512Mi: {why}")];
    let full = refused("500Mi are used, and a new file system should stay under 90 %");
    assert_eq!(said(|survey| survey.claims[0].used_bytes = Some(500 << 20), half), full);
    assert_eq!(said(|survey| survey.claims[0].used_bytes = None, half), refused("it is not known how much of its 2Gi is used"));
    assert_eq!(said(|survey| survey.claims[0].block = true, half), refused("a block volume is copied whole, and has 2Gi"));
}

#[test]
fn nothing_but_the_class_changes_in_a_set_that_is_made_again() {
    let survey = seen::set(1, &["data", "wal"]);
    let plan = plan(&seen::request(), &survey);
    let made = plan.steps().find_map(|(_, step)| match &step.step {
        Step::RestoreSet(step) => Some(step.manifest.clone()),
        _ => None,
    });
    let mut expected = survey.app.raw.clone();
    for field in ["uid", "resourceVersion", "generation", "managedFields"] {
        expected["metadata"].as_object_mut().expect("an object").remove(field);
    }
    expected.as_object_mut().expect("an object").remove("status");
    for template in 0..2 {
        expected["spec"]["volumeClaimTemplates"][template]["spec"]["storageClassName"] = json!("fast");
    }
    assert_eq!(made, Some(expected));
}

#[test]
fn a_template_keeps_its_class_while_one_of_its_claims_does() {
    let mut request = seen::request();
    request.skip_claims = vec!["data-pg-1".to_owned()];
    let plan = plan(&request, &seen::set(2, &["data"]));
    assert!(!plan.steps().any(|(_, step)| matches!(step.step, Step::RestoreSet(_) | Step::RemoveSet(_))));
    assert!(plan.notes.iter().any(|note| note.contains("data-pg-1")), "{:?}", plan.notes);
}

#[test]
fn a_claim_for_one_pod_only_is_copied_cold() {
    let mut survey = seen::set(1, &["data"]);
    survey.claims[0].access_modes = vec!["ReadWriteOncePod".to_owned()];
    let plan = plan(&seen::request(), &survey);
    assert!(!plan.steps().any(|(_, step)| matches!(step.step, Step::WarmCopy(_))));
    let stage = |wanted: fn(&Step) -> bool| plan.steps().find(|(_, step)| wanted(&step.step)).map(|(stage, _)| stage);
    assert!(stage(|step| matches!(step, Step::Drain(_))) < stage(|step| matches!(step, Step::StartMover(_))));
    let mut request = seen::request();
    request.insist = true;
    assert_eq!(refusals(&request, &survey), ["claim `data-pg-0` is ReadWriteOncePod: it cannot be copied while the app runs"]);
}

/// What spoils a survey, and what is then said.
type Spoiled = (&'static str, fn(&mut Survey));

#[test]
fn every_reason_not_to_move_is_found_by_itself() {
    let cases: [Spoiled; 22] = [
        ("you may not delete pods in namespace `db`", |survey| {
            let (verb, resource) = ("delete".to_owned(), "pods".to_owned());
            survey.access =
                vec![AccessSeen { verb, group: String::new(), resource, namespace: "db".to_owned(), allowed: false, optional: false }];
        }),
        ("namespace `db` is being deleted", |survey| survey.namespace.terminating = true),
        ("statefulset/pg is being deleted", |survey| survey.app.terminating = true),
        ("config map `stateful-m0-plan-0` says that run `m0` on this app is not finished", |survey| {
            survey.unfinished_runs = vec!["m0".to_owned()]
        }),
        ("there is no storage class `fast`", |survey| survey.classes.retain(|class| class.name != "fast")),
        ("claim `data-pg-0` is in storage class `fast` already", |survey| survey.claims[0].class = Some("fast".to_owned())),
        ("storage class `fast` provisions no volumes (its provisioner is `kubernetes.io/no-provisioner`)", |survey| {
            survey.classes[0].provisioner = "kubernetes.io/no-provisioner".to_owned();
            survey.nodes[0].drivers.clear();
        }),
        ("claim `data-pg-0` is Pending, not Bound", |survey| survey.claims[0].phase = "Pending".to_owned()),
        ("claim `data-pg-0` is being deleted", |survey| survey.claims[0].terminating = true),
        ("volume `pv-data-pg-0` of claim `data-pg-0` is being deleted", |survey| volume(survey).terminating = true),
        ("claim `data-pg-0` says it is on volume `pv-data-pg-0`, and that is bound to `pay/data-pg-0 uid-data-pg-0`", |survey| {
            volume(survey).bound_to = "pay/data-pg-0 uid-data-pg-0".to_owned();
        }),
        ("the pods of statefulset/pg bear `kubectl-stateful.dev/role`, by which pods of ours are known", |survey| {
            survey.app.raw["spec"]["template"]["metadata"] = json!({ "labels": { marks::ROLE: "mover" } });
        }),
        ("the pods of statefulset/pg bear `kubectl-stateful.dev/orders`, by which pods of ours are known", |survey| {
            survey.app.raw["spec"]["template"]["metadata"] = json!({ "annotations": { marks::ORDERS: "{}" } });
        }),
        (
            "claim `data-pg-0` is on a hostPath volume, which cannot be moved: it names no node, and may be another folder on another node",
            |survey| volume(survey).source = "hostPath".to_owned(),
        ),
        ("claim `data-pg-0` has the finalizer `x/y`: its controller would act when the claim is deleted", |survey| {
            survey.claims[0].finalizers.push("x/y".to_owned());
        }),
        ("claim `data-pg-0` is controlled by DataVolume/x, which would put it back", |survey| {
            survey.claims[0].owner = Some("DataVolume/x".to_owned());
        }),
        ("statefulset/pg is controlled by Cluster.db/x, which would put it back", |survey| {
            survey.app.owner = Some("Cluster.db/x".to_owned())
        }),
        ("statefulset/pg is applied by argocd (`shop`), which would put it back", |survey| {
            survey.app.applied_by = vec![AppliedBy { tool: "argocd".to_owned(), name: "shop".to_owned(), ..AppliedBy::default() }];
        }),
        ("HorizontalPodAutoscaler `up` scales statefulset/pg", |survey| {
            survey.autoscalers = vec![AutoscalerSeen { kind: "HorizontalPodAutoscaler".to_owned(), name: "up".to_owned(), still: false }];
        }),
        ("claim `data-pg-0` is mounted by pod `job-1`, which is not part of statefulset/pg", |survey| {
            survey.claims[0].mounted_by.push(seen::mount("job-1", "n1", false));
        }),
        ("claim `data-pg-0` has 2Gi and limit range `small` allows at most 1Gi", |survey| {
            let (applies_to, resource) = ("PersistentVolumeClaim".to_owned(), "storage".to_owned());
            survey.limits = vec![LimitSeen { name: "small".to_owned(), applies_to, resource, max: Some(1 << 30), ..LimitSeen::default() }];
        }),
        ("quota `tight` leaves 1Gi of requests.storage and the move needs 2Gi more for a time", |survey| {
            let amounts = |bytes| [("requests.storage".to_owned(), bytes)].into_iter().collect();
            survey.quotas =
                vec![QuotaSeen { name: "tight".to_owned(), hard: amounts(3 << 30), used: amounts(2 << 30), ..QuotaSeen::default() }];
        }),
    ];
    for (expected, spoil) in cases {
        let mut survey = seen::set(1, &["data"]);
        assert_eq!(refusals(&seen::request(), &survey), Vec::<String>::new());
        spoil(&mut survey);
        assert_eq!(refusals(&seen::request(), &survey), [expected]);
    }
}

fn volume(survey: &mut Survey) -> &mut kubectl_stateful::survey::VolumeSeen {
    survey.claims[0].volume.as_mut().expect("a volume")
}

#[test]
fn where_no_root_is_let_in_movers_run_as_the_app() {
    let mut survey = seen::set(1, &["data"]);
    survey.namespace.pod_security = Some("restricted".to_owned());
    survey.app.raw["spec"]["template"]["spec"] = json!({
        "securityContext": { "runAsUser": 5, "runAsGroup": 6, "fsGroup": 7, "fsGroupChangePolicy": "Always" },
        "containers": [{ "securityContext": { "runAsUser": 999 } }, { "securityContext": { "runAsUser": 999, "runAsGroup": 6 } }],
    });
    let plan = plan(&seen::request(), &survey);
    let manifests = plan.steps().filter_map(|(_, planned)| match &planned.step {
        Step::StartMover(start) => Some(&start.manifest["spec"]),
        _ => None,
    });
    for spec in manifests {
        let context = json!({ "runAsUser": 999, "runAsGroup": 6, "runAsNonRoot": true, "fsGroup": 7,
            "fsGroupChangePolicy": "OnRootMismatch", "seccompProfile": { "type": "RuntimeDefault" } });
        assert_eq!(spec["securityContext"], context);
        assert_eq!(spec["containers"][0]["securityContext"]["capabilities"], json!({ "drop": ["ALL"] }));
        assert!(spec["containers"][0]["securityContext"]["runAsUser"].is_null());
    }
    assert!(plan.notes.iter().any(|note| note.contains("as user 999")), "{:?}", plan.notes);
    survey.app.raw["spec"]["template"]["spec"]["containers"][1]["securityContext"]["runAsUser"] = json!(1000);
    assert_eq!(refusals(&seen::request(), &survey).len(), 1, "two users");
}

#[test]
fn movers_that_cannot_run_or_meet_are_refused() {
    let mut survey = seen::set(1, &["data"]);
    survey.namespace.pod_security = Some("restricted".to_owned());
    assert!(refusals(&seen::request(), &survey)[0].starts_with("namespace `db` enforces Pod Security `restricted`"));
    for user in [json!(0), json!(null)] {
        survey.app.raw["spec"]["template"]["spec"] = json!({ "securityContext": { "runAsUser": user }, "containers": [{}] });
        assert_eq!(refusals(&seen::request(), &survey).len(), 1, "as user {user}");
    }
    let mut survey = seen::set(1, &["data"]);
    survey.network_policies = vec!["deny-all".to_owned()];
    assert!(refusals(&seen::request(), &survey).is_empty(), "one mover alone needs no network");
    let mut request = seen::request();
    request.destination = Destination::StorageClass { name: "now".to_owned() };
    assert!(refusals(&request, &survey)[0].starts_with("network policy `deny-all`"));
    request.network_is_open = true;
    assert!(refusals(&request, &survey).is_empty());
}

#[test]
fn an_ephemeral_claim_is_left_alone_and_said_so() {
    let mut survey = seen::set(1, &["data"]);
    survey.claims.push(seen::claim("pg-0-scratch", ClaimOrigin::Ephemeral { pod: "pg-0".to_owned() }, Some("pg-0")));
    let plan = plan(&seen::request(), &survey);
    assert_eq!(plan.moves.len(), 1);
    assert!(plan.notes.iter().any(|note| note.contains("pg-0-scratch")));
}

/// Breaking a plan by hand in any of the ways that lose data is noticed when it is read.
#[test]
fn the_lint_notices_a_plan_that_would_lose_data() {
    let whole = plan(&seen::request(), &seen::set(1, &["data"]));
    let without = |drop: fn(&Step) -> bool| {
        let mut plan = whole.clone();
        for stage in &mut plan.stages {
            stage.steps.retain(|step| !drop(&step.step));
        }
        plan.stages.retain(|stage| !stage.steps.is_empty());
        check::faults(&plan)
    };
    assert_eq!(without(|_| false), Vec::<String>::new());
    let drops: [fn(&Step) -> bool; 8] = [
        |step| matches!(step, Step::PinReclaim(_)),
        |step| matches!(step, Step::PinTarget(_)),
        |step| matches!(step, Step::LastPass(_)),
        |step| matches!(step, Step::Drain(_)),
        |step| matches!(step, Step::StopMover(_)),
        |step| matches!(step, Step::BindTarget(_)),
        |step| matches!(step, Step::RestoreSet(_)),
        |step| matches!(step, Step::ReleaseClaim(_)),
    ];
    for (index, drop) in drops.into_iter().enumerate() {
        assert_ne!(without(drop), Vec::<String>::new(), "drop {index}");
    }
    let mut reversed = whole.clone();
    reversed.stages.reverse();
    assert_ne!(check::faults(&reversed), Vec::<String>::new());
}

/// Where volumes, nodes or unmounts are slower than elsewhere; what only talks to the API keeps its deadline.
#[test]
fn what_a_cluster_takes_its_time_for_may_take_longer() {
    let survey = seen::set(1, &["data"]);
    let mut request = seen::request();
    (request.start_secs_max, request.stop_secs_max) = (1800, 900);
    let (usual, longer) = (plan(&seen::request(), &survey), plan(&request, &survey));
    assert_eq!(file::read(&file::to_yaml(&longer)).expect("it is a plan").request, request);
    assert!(!file::to_yaml(&usual).contains("startSecsMax"), "plans that do not say are as they were");
    for ((_, before), (_, after)) in usual.steps().zip(longer.steps()) {
        let expected = match &before.step {
            Step::ReserveTarget(_) | Step::StartMover(_) | Step::AwaitMover(_) | Step::PinTarget(_) => 1800,
            Step::StopMover(_) | Step::ReleaseClaim(_) | Step::ReleaseStaging(_) => 900,
            Step::Drain(_) => before.deadline_secs - 120 + 900,
            _ => before.deadline_secs,
        };
        assert_eq!(after.deadline_secs, expected, "{}", before.id);
    }
}
