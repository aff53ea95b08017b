//! Records that somebody in the app's namespace wrote or changed: an admin pastes what the tool itself had suggested, and nothing of it is
//! carried out. Somebody else's objects are there to be hurt.

use kubectl_stateful::cluster::Kind;
use kubectl_stateful::engine::Ending;
use kubectl_stateful::operate::finalize;
use kubectl_stateful::operate::{Assurances, Basis, trust};
use kubectl_stateful::plan::{Plan, Request, RunId, Step, file, marks, shape};
use kubectl_stateful::planner;
use serde_json::{Value, json};

use super::bounds::{VICTIM, VICTIMS_KEPT, VICTIMS_RUN, VICTIMS_VOLUME};
use super::faults::Fault;
use super::foreign::{Deed, Hand};
use super::outcome::{Course, Move, Side, Went, word};
use super::scenario::{self, Scenario};
use super::share::Share;
use super::store::{Deletion, text};
use super::sweep::{calls_of, in_paused_time, log_of, say};
use super::{ADDRESS, Phase, Sim, connect};

/// Who wrote the forged record, as the API server notes it.
const TENANT: &str = "kubectl-create";

impl Sim {
    /// Stores a text as the plan of a run, in one piece.
    pub(super) fn plant_plan(&mut self, run: &str, app: &str, text: &str) {
        let name = format!("stateful-{run}-plan-0");
        drop(self.store.delete("configmaps", "app", &name, &Deletion::default()));
        let object = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "namespace": "app", "labels": {
            "app.kubernetes.io/managed-by": "kubectl-stateful", "kubectl-stateful.dev/run": run, "kubectl-stateful.dev/record": "plan",
            "kubectl-stateful.dev/app": app, "kubectl-stateful.dev/state": "running" } },
            "data": { "pieces": "1", "plan": text } });
        self.store.create("configmaps", "app", &object, TENANT, false).expect("a tenant may");
    }

    /// Stores lines as the journal of a run.
    pub(super) fn plant_journal(&mut self, run: &str, events: &[Value]) {
        for piece in self.store.copies("configmaps") {
            if text(&piece, "/metadata/name").starts_with(&format!("stateful-{run}-journal-")) {
                drop(self.store.delete("configmaps", "app", text(&piece, "/metadata/name"), &Deletion::default()));
            }
        }
        let (mut data, mut before, mut head) = (serde_json::Map::new(), String::new(), String::new());
        for (sequence, event) in (1..).zip(events) {
            let entry = json!({ "version": 2, "sequence": sequence, "at": "2026-01-01T00:00:00Z", "before": before, "event": event });
            let entry: kubectl_stateful::journal::Entry = serde_json::from_value(entry).expect("an entry");
            before = entry.digest();
            head = format!("{sequence}:{before}");
            data.insert(format!("{sequence:08}"), json!(serde_json::to_string(&entry).expect("only string keys")));
        }
        let object = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": format!("stateful-{run}-journal-0"),
            "namespace": "app", "annotations": { "kubectl-stateful.dev/head": head } }, "data": data });
        self.store.create("configmaps", "app", &object, TENANT, false).expect("a tenant may");
    }
}

/// Changes that a tenant makes to a plan.
type Forgery = (&'static str, fn(&mut Value));

/// All steps of a kind in the JSON of a plan.
fn steps<'a>(plan: &'a mut Value, does: &'static str) -> impl Iterator<Item = &'a mut Value> {
    let stages = plan["stages"].as_array_mut().expect("stages").iter_mut();
    let all = stages.flat_map(|stage| stage["steps"].as_array_mut().expect("steps").iter_mut()).map(|planned| &mut planned["step"]);
    all.filter(move |step| step["does"] == does)
}

/// A plan of one step.
fn only(plan: &mut Value, id: &str, step: Value) {
    plan["stages"] = json!([{ "name": "settle", "appIsDown": false, "steps": [{ "id": id, "deadlineSecs": 20, "step": step }] }]);
}

/// A plan that starts this pod, and nothing else.
fn only_pod(plan: &mut Value, pod: &str, manifest: &Value) {
    let step = json!({ "does": "startMover", "pod": pod, "end": "source", "heldByApp": [], "manifest": manifest });
    only(plan, "start-mover:pwn", step);
}

fn evil_pod(namespace: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "pwn", "namespace": namespace,
        "labels": { "kubectl-stateful.dev/run": "m1", "kubectl-stateful.dev/role": "mover" } },
        "spec": { "hostPID": true, "containers": [{ "name": "mover", "image": "evil", "securityContext": { "privileged": true } }],
            "volumes": [{ "name": "root", "hostPath": { "path": "/" } }] } })
}

/// What passes no lint: each names something that is not the app's.
const OUT_OF_SCOPE: [Forgery; 17] = [
    ("the app is said to be in another namespace", |plan| plan["app"]["namespace"] = json!(VICTIM)),
    ("a privileged pod elsewhere", |plan| {
        only_pod(plan, "pwn", &evil_pod("kube-system"));
    }),
    ("a privileged pod here", |plan| {
        only_pod(plan, "stateful-m1-0", &evil_pod("app"));
    }),
    ("a bound volume is pinned through its claim", |plan| plan["moves"][0]["target"]["claim"] = json!("data-pg-0")),
    ("a volume is reserved for a claim of another name", |plan| plan["moves"][0]["claim"] = json!("loot")),
    ("another set's retention policy", |plan| {
        (plan["app"]["namespace"], plan["app"]["name"]) = (json!(VICTIM), json!("pg"));
        let policy = json!({ "whenDeleted": "Delete", "whenScaled": "Delete" });
        only(plan, "restore-retention:pg", json!({ "does": "restoreRetention", "policy": policy }));
    }),
    ("a volume of another namespace is pinned", |plan| plan["moves"][0]["source"]["volume"] = json!(VICTIMS_VOLUME)),
    ("a volume of another namespace is taken up", |plan| {
        plan["moves"][0]["target"]["kept"] = json!({ "volume": VICTIMS_VOLUME, "volumeUid": "x" });
    }),
    ("a claim in no slot settles", |plan| steps(plan, "settleTarget").for_each(|step| step["slot"] = json!("c9"))),
    ("the claim comes back on a volume of another namespace", |plan| {
        steps(plan, "releaseClaim").for_each(|step| step["manifestBefore"]["spec"]["volumeName"] = json!(VICTIMS_VOLUME));
    }),
    ("the set is made in another namespace", |plan| {
        steps(plan, "restoreSet").for_each(|step| step["manifest"]["metadata"]["namespace"] = json!(VICTIM));
    }),
    ("the set is made with a privileged pod", |plan| {
        steps(plan, "restoreSet").for_each(|step| step["manifest"]["spec"]["template"]["spec"]["hostPID"] = json!(true));
    }),
    ("the mover runs another image", |plan| {
        steps(plan, "startMover").for_each(|step| step["manifest"]["spec"]["containers"][0]["image"] = json!("evil"));
    }),
    ("the mover has an account", |plan| {
        steps(plan, "startMover").for_each(|step| step["manifest"]["spec"]["serviceAccountName"] = json!("admin"));
    }),
    ("the mover mounts another claim", |plan| {
        steps(plan, "startMover").for_each(|step| {
            step["manifest"]["spec"]["volumes"][2]["persistentVolumeClaim"]["claimName"] = json!("secrets-0");
        });
    }),
    ("another app is stopped", |plan| plan["app"]["name"] = json!("other")),
    ("paths in names", |plan| plan["app"]["name"] = json!("x/secrets?y=")),
];

/// What names nothing foreign, and yet was never planned.
const NEVER_PLANNED: [Forgery; 5] = [
    ("the app runs another image, in every manifest", another_image),
    ("movers run another image, everywhere", |plan| {
        plan["request"]["moverImage"] = json!("evil");
        steps(plan, "startMover").for_each(|step| step["manifest"]["spec"]["containers"][0]["image"] = json!("evil"));
    }),
    ("another cluster", |plan| plan["clusterUid"] = json!("another")),
    ("a volume of another namespace is the source, throughout", |plan| {
        plan["moves"][0]["source"]["volume"] = json!(VICTIMS_VOLUME);
        steps(plan, "releaseClaim").for_each(|step| step["manifestBefore"]["spec"]["volumeName"] = json!(VICTIMS_VOLUME));
    }),
    ("the new volume is to be on Retain", |plan| steps(plan, "settleTarget").for_each(|step| step["policy"] = json!("Retain"))),
];

/// Another image in every manifest of the set, with the shape that goes with it: no lint can tell.
fn another_image(plan: &mut Value) {
    let spoil = |manifest: &mut Value| manifest["spec"]["template"]["spec"]["containers"][0]["image"] = json!("evil");
    let mut is = Value::Null;
    for step in steps(plan, "removeSet") {
        spoil(&mut step["manifestBefore"]);
        is = json!(shape::shape(&step["manifestBefore"]));
    }
    plan["app"]["shape"] = is;
    steps(plan, "restoreSet").for_each(|step| spoil(&mut step["manifest"]));
}

fn forged(plan: &Plan, forge: fn(&mut Value)) -> String {
    let mut value: Value = serde_json::from_str(&file::to_json(plan)).expect("JSON");
    forge(&mut value);
    value.to_string()
}

/// An app, and somebody else's objects beside it; whoever executes may do anything.
async fn beside_a_victim(scenario: &Scenario) -> Move {
    let moving = Move::new(scenario).await;
    moving.with(|sim| {
        sim.furnish_victim();
        sim.has_roles = false;
        sim.trust();
        sim.violations.clear();
    });
    moving
}

fn app_key(moving: &Move) -> String {
    marks::app_key(moving.plan.app.kind, &moving.plan.app.name)
}

/// What the admin is told by everything he may paste, and what was written meanwhile.
async fn pasted(moving: &mut Move) -> (Vec<(String, String)>, Vec<String>) {
    let from = moving.with(|sim| sim.log.len());
    let mut told = Vec::new();
    for way in [Course::Resume, Course::Undo] {
        let went = moving.once(way).await;
        let why = if let Went::Refused(why) = went { why } else { format!("carried out: {went:?}") };
        told.push((format!("{way:?}"), why));
    }
    told.push(("finalize".to_owned(), finalized(moving).await));
    let is_change = |call: &&super::Call| call.is_write && !["leases", "selfsubjectaccessreviews"].contains(&call.plural.as_str());
    (told, moving.with(|sim| sim.log[from..].iter().filter(is_change).map(|call| call.words.clone()).collect()))
}

/// As the command does it.
async fn finalized(moving: &Move) -> String {
    let cluster = connect(&moving.sim);
    let record = match trust::read_run(&cluster, "app", moving.plan.run(), Course::Undo, &word()).await {
        Ok(record) => record,
        Err(distrust) => return distrust.to_string(),
    };
    let kept = match finalize::kept(&cluster, &record.plan, &record.journal).await {
        Ok(kept) => kept,
        Err(error) => return error.to_string(),
    };
    match finalize::delete(&cluster, &kept, record.journal).await {
        Ok(()) => format!("finalized {} volumes", kept.len()),
        Err(error) => error.to_string(),
    }
}

/// Nothing was written, nothing of the victim's was touched, and each refusal says what was found and who wrote it.
fn is_refused(what: &str, moving: &Move, told: &[(String, String)], written: &[String], victim: &[(String, String)]) {
    assert!(written.is_empty(), "{what}: {written:?}, {told:?}");
    assert_eq!(moving.with(|sim| sim.of_victim()), victim, "{what}");
    assert_eq!(moving.with(|sim| sim.violations.clone()), Vec::<String>::new(), "{what}");
    for (way, why) in told {
        assert!(!why.starts_with("carried out") && !why.starts_with("finalized"), "{what}: {way}: {why}");
    }
}

#[test]
fn a_planted_plan_that_reaches_elsewhere_is_refused() {
    for (what, forge) in OUT_OF_SCOPE {
        in_paused_time(async {
            let mut moving = beside_a_victim(&scenario::SMALL_SET).await;
            let (app, text) = (app_key(&moving), forged(&moving.plan, forge));
            let victim = moving.with(|sim| {
                sim.plant_plan("m1", &app, &text);
                sim.of_victim()
            });
            let (told, written) = pasted(&mut moving).await;
            is_refused(what, &moving, &told, &written, &victim);
            for (way, why) in told {
                assert!(why.contains("stateful-m1-plan-0") && why.contains(&format!("last written by `{TENANT}`")), "{what}: {way}: {why}");
            }
        });
    }
}

#[test]
fn a_planted_plan_that_nobody_would_make_is_not_carried_out() {
    for (what, forge) in NEVER_PLANNED {
        in_paused_time(async {
            let mut moving = beside_a_victim(&scenario::SMALL_SET).await;
            let (app, text) = (app_key(&moving), forged(&moving.plan, forge));
            let victim = moving.with(|sim| {
                sim.plant_plan("m1", &app, &text);
                sim.of_victim()
            });
            let went = moving.once(Course::Resume).await;
            assert!(matches!(went, Went::Refused(_)), "{what}: {went:?}");
            assert_eq!(moving.with(|sim| sim.of_victim()), victim, "{what}");
            assert_eq!(moving.with(|sim| sim.violations.clone()), Vec::<String>::new(), "{what}");
        });
    }
}

/// What a plan says that its user said is its author's word: it counts only from whoever executes it. So does the image.
#[test]
fn the_users_word_is_that_of_who_executes() {
    in_paused_time(async {
        let moving = beside_a_victim(&scenario::SMALL_SET).await;
        moving.with(|sim| {
            let patch = json!({ "metadata": { "annotations": { "argocd.argoproj.io/tracking-id": "shop:apps/StatefulSet:app/db" } } });
            sim.store.patch("statefulsets", "app", "db", &patch, "argocd-controller").expect("a tool may");
        });
        let cluster = connect(&moving.sim);
        let request = Request { applier_is_paused: true, ..moving.plan.request.clone() };
        let seen = trust::seen(&cluster, "app", &scenario::SMALL_SET.named(), &request).await.expect("a survey");
        let plan = planner::plan(&request, &seen, ADDRESS).expect("its author says that the tool is paused");
        let doubt = trust::as_planned_now(&cluster, &plan, &word()).await.expect_err("nobody else has said so").to_string();
        assert!(doubt.contains("is applied by argocd"), "{doubt}");
        let said = Assurances { applier_is_paused: true, ..word() };
        trust::as_planned_now(&cluster, &plan, &said).await.expect("now it was said");
        let doubt =
            trust::as_planned_now(&cluster, &plan, &Assurances { mover_image: None, ..said }).await.expect_err("no image was named");
        assert!(doubt.to_string().ends_with("you name none"), "{doubt}");
    });
}

/// The admin's own `plan` finds the planted record, says that it is one, and where to look.
#[test]
fn a_planted_record_is_called_what_it_is() {
    let said = in_paused_time(async {
        let moving = beside_a_victim(&scenario::SMALL_SET).await;
        let app = app_key(&moving);
        moving.with(|sim| sim.plant_plan("m9", &app, "{}"));
        let seen = trust::seen(&connect(&moving.sim), "app", &scenario::SMALL_SET.named(), &moving.plan.request).await.expect("a survey");
        planner::plan(&moving.plan.request, &seen, ADDRESS).expect_err("a run is said not to be finished")
    });
    let said: Vec<String> = said.hinted().map(|(refusal, hint)| format!("{refusal}: {hint}")).collect();
    assert!(said[0].starts_with("config map `stateful-m9-plan-0` says that run `m9`"), "{said:?}");
    assert!(said[0].contains("kubectl stateful status m9 -n app"), "{said:?}");
}

/// A plan that would be made now, with a journal by which everything was done already.
#[test]
fn a_planted_journal_is_not_believed_where_no_volume_shows_it() {
    in_paused_time(async {
        let mut moving = beside_a_victim(&scenario::SMALL_SET).await;
        let (app, text) = (app_key(&moving), file::to_json(&moving.plan));
        let mut events = vec![json!({ "event": "opened", "executor": "me", "back": false })];
        events.extend(moving.plan.steps().map(|(_, step)| json!({ "event": "found", "step": step.id, "evidence": {} })));
        let victim = moving.with(|sim| {
            sim.plant_plan("m1", &app, &text);
            sim.plant_journal("m1", &events);
            sim.of_victim()
        });
        let went = moving.once(Course::Resume).await;
        let Went::Refused(why) = went else { panic!("{went:?}") };
        assert!(why.contains("no volume bears the marks of that run") && why.contains(TENANT), "{why}");
        assert_eq!(moving.with(|sim| sim.of_victim()), victim);
        // Whoever takes it back changes nothing but the record.
        let from = moving.with(|sim| sim.log.len());
        let went = moving.once(Course::Undo).await;
        let beyond: Vec<String> = moving.with(|sim| {
            let is_it = |call: &&super::Call| {
                call.is_write && !["leases", "configmaps", "selfsubjectaccessreviews"].contains(&call.plural.as_str())
            };
            sim.log[from..].iter().filter(is_it).map(|call| call.words.clone()).collect()
        });
        assert!(beyond.is_empty(), "{beyond:?}: {went:?}");
    });
}

/// A run that goes back, by a planted record, is closed by looking: a set that is missing is not made from its word.
#[test]
fn nothing_is_made_on_the_word_of_a_run_that_left_no_mark() {
    in_paused_time(async {
        let mut moving = beside_a_victim(&scenario::SMALL_SET).await;
        let (app, text) = (app_key(&moving), forged(&moving.plan, another_image));
        let removed = moving.plan.steps().find(|(_, one)| matches!(one.step, Step::RemoveSet(_))).expect("it removes the set").1.id.clone();
        moving.with(|sim| {
            drop(sim.store.delete("statefulsets", "app", "db", &Deletion { orphan: true, ..Deletion::default() }));
            sim.settle();
            sim.plant_plan("m1", &app, &text);
            sim.plant_journal(
                "m1",
                &[
                    json!({ "event": "opened", "executor": "me", "back": false }),
                    json!({ "event": "intent", "step": removed }),
                    json!({ "event": "settled", "step": removed, "evidence": {} }),
                    json!({ "event": "opened", "executor": "me", "back": true }),
                ],
            );
        });
        for way in [Course::Resume, Course::Undo] {
            let went = moving.once(way).await;
            let set = moving.with(|sim| sim.store.get("statefulsets", "app", "db").cloned());
            assert_eq!(set, None, "{went:?}");
        }
    });
}

/// A genuine run breaks off after each call; its plan is changed so that no lint can tell; it is resumed, undone and finalized in vain.
/// With its own plan put back it ends as ever.
#[test]
fn the_plan_of_a_run_that_stopped_cannot_be_changed() {
    let share = Share::of_this_run();
    let mut count = 0;
    let scenario = &scenario::SMALL_SET;
    let calls: Vec<u64> = (1..).zip(log_of(scenario)).filter(|(_, call)| call.is_write).map(|(number, _)| number).collect();
    for (call, (what, forge)) in
        share.of_each(&calls, &[NEVER_PLANNED[0], NEVER_PLANNED[3], NEVER_PLANNED[4], OUT_OF_SCOPE[3], OUT_OF_SCOPE[5]])
    {
        count += usize::from(in_paused_time(changed_after(scenario, call, what, forge)));
    }
    assert!(count > share.part_of(100), "{count}");
    say(&format!("plans of stopped runs forged: {count} tries judged"));
}

async fn changed_after(scenario: &'static Scenario, call: u64, what: &str, forge: fn(&mut Value)) -> bool {
    let mut moving = beside_a_victim(scenario).await;
    moving.with(|sim| sim.faults.0 = vec![(call, Fault::DiesAfter)]);
    assert!(matches!(moving.once(Course::Begin).await, Went::Died));
    tokio::time::sleep(std::time::Duration::from_secs(20)).await;
    let genuine = moving.with(|sim| {
        sim.faults.0.clear();
        sim.revive();
        sim.settle();
        sim.store.get("configmaps", "app", "stateful-m1-plan-0").cloned()
    });
    // Nothing was stored yet, or the run is over.
    let Some(genuine) = genuine else { return false };
    let is_marked = moving.with(|sim| {
        let marks = |one: &Value| one["metadata"]["labels"][marks::NAMESPACE] == "app" && one["metadata"]["labels"][marks::RUN] == "m1";
        sim.store.all("persistentvolumes", "").any(marks)
    });
    let (app, text) = (app_key(&moving), forged(&moving.plan, forge));
    let victim = moving.with(|sim| {
        sim.plant_plan("m1", &app, &text);
        sim.of_victim()
    });
    let (told, mut written) = pasted(&mut moving).await;
    let what = format!("{what} after call {call}");
    if !is_marked {
        // Nothing of it was begun, or nothing is left: its records may be closed and deleted, and that is all.
        written.retain(|words| !words.contains("configmaps/"));
        assert!(written.is_empty(), "{what}: {written:?}, {told:?}");
        return true;
    }
    is_refused(&what, &moving, &told, &written, &victim);
    moving.with(|sim| {
        let text = genuine["data"]["plan"].as_str().unwrap_or_default().to_owned();
        sim.plant_plan("m1", &app, &text);
    });
    let went = moving.once(Course::Resume).await;
    assert!(matches!(went, Went::Ended(_)), "{what}: {went:?}");
    moving.with(|sim| sim.settle());
    assert_eq!(moving.with(|sim| sim.violations.clone()), Vec::<String>::new(), "{what}");
    true
}

/// A genuine plan, and a journal that says of a run that stopped anywhere that all is done: what it can reach is the app's own.
#[test]
fn a_forged_journal_reaches_nothing_foreign_and_loses_nothing() {
    let scenario = &scenario::SMALL_SET;
    for call in (1..calls_of(scenario)).step_by(7) {
        in_paused_time(async {
            let mut moving = beside_a_victim(scenario).await;
            moving.with(|sim| sim.faults.0 = vec![(call, Fault::DiesAfter)]);
            if !matches!(moving.once(Course::Begin).await, Went::Died) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_secs(20)).await;
            let mut events = vec![json!({ "event": "opened", "executor": "me", "back": false, "plan": moving.plan.digest() })];
            events.extend(moving.plan.steps().map(|(_, step)| json!({ "event": "found", "step": step.id, "evidence": {} })));
            events.push(json!({ "event": "ended", "outcome": "completed" }));
            let victim = moving.with(|sim| {
                sim.faults.0.clear();
                sim.revive();
                sim.settle();
                sim.plant_journal("m1", &events);
                sim.of_victim()
            });
            drop(moving.once(Course::Resume).await);
            let told = finalized(&moving).await;
            moving.with(Sim::settle);
            assert_eq!(moving.with(|sim| sim.of_victim()), victim, "after call {call}");
            assert_eq!(moving.with(|sim| sim.violations.clone()), Vec::<String>::new(), "after call {call}: {told}");
        });
    }
}

/// A run of the tenant's own that ended, whose plan then claims to be a victim's.
#[test]
fn what_another_namespace_keeps_is_not_finalized() {
    in_paused_time(async {
        let mut moving = beside_a_victim(&scenario::SMALL_SET).await;
        assert!(matches!(moving.once(Course::Begin).await, Went::Ended(_)));
        let mut plan: Value = serde_json::from_str(&file::to_json(&moving.plan)).expect("JSON");
        plan["app"]["namespace"] = json!(VICTIM);
        plan["request"]["run"] = json!(VICTIMS_RUN);
        let app = app_key(&moving);
        let victim = moving.with(|sim| {
            sim.plant_plan("m1", &app, &plan.to_string());
            sim.of_victim()
        });
        let told = finalized(&moving).await;
        assert!(told.contains("stateful-m1-plan-0") && told.contains(TENANT), "{told}");
        assert_eq!(moving.with(|sim| sim.of_victim()), victim);
        assert!(moving.with(|sim| sim.store.get("persistentvolumes", "", VICTIMS_KEPT).is_some()));
    });
}

/// Somebody who may change volumes has put a run's marks on one of another namespace.
#[test]
fn a_volume_that_the_plan_did_not_move_is_not_finalized_whatever_marks_it_bears() {
    in_paused_time(async {
        let mut moving = beside_a_victim(&scenario::SMALL_SET).await;
        assert!(matches!(moving.once(Course::Begin).await, Went::Ended(_)));
        moving.with(|sim| {
            let labels = marks::of_volume("app", &RunId("m1".to_owned()), "source", "c0");
            let digest = json!({ "kubectl-stateful.dev/plan-digest": moving.plan.digest() });
            let patch = json!({ "metadata": { "labels": labels, "annotations": digest } });
            sim.store.patch("persistentvolumes", "", VICTIMS_KEPT, &patch, "kubectl-edit").expect("an admin may");
        });
        let told = finalized(&moving).await;
        assert!(told.contains(VICTIMS_KEPT), "{told}");
        assert!(moving.with(|sim| sim.store.get("persistentvolumes", "", VICTIMS_KEPT).is_some()));
    });
}

/// A pod that bears our labels and writes is no mover: as long as it is there the app is not moved on.
#[test]
fn a_pod_that_is_labelled_as_a_mover_is_seen() {
    let scenario = &scenario::SMALL_SET;
    let stops = (1..).zip(log_of(scenario)).filter(|(_, call)| call.phase == Phase::Proving).map(|(number, _)| number);
    for call in stops {
        in_paused_time(async {
            let mut moving = Move::new(scenario).await;
            moving.with(|sim| sim.expect_hand(Hand { deed: Deed::HidesPod, call }));
            let went = moving.once(Course::Begin).await;
            let (there, violations) = moving.with(|sim| {
                sim.settle();
                (sim.store.get("pods", "app", "sneaky").is_some(), sim.violations.clone())
            });
            assert!(there, "before call {call}");
            assert!(!matches!(went, Went::Ended(Ending::Completed)), "before call {call}");
            let lost = violations.iter().find(|what| what.contains("which was not proven") || what.contains("no complete copy"));
            assert_eq!(lost, None, "before call {call}");
        });
    }
}

/// A claim of the name that the run is about to make is there, labelled as ours, on a volume that was there long before: what the volume's
/// owner said of it stays, whether the run ends or is taken back.
#[test]
fn a_volume_that_was_not_made_for_the_run_stays_its_owners() {
    for dies_at in [None, Some("release-claim"), Some("pin-target")] {
        in_paused_time(on_a_volume_of_old(dies_at));
    }
}

async fn on_a_volume_of_old(dies_at: Option<&str>) {
    let mut moving = Move::new(&scenario::SMALL_SET).await;
    let volume = json!({ "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": "pv-static" },
        "spec": { "capacity": { "storage": "1Gi" }, "accessModes": ["ReadWriteOnce"], "storageClassName": "fast", "volumeMode": "Filesystem",
            "persistentVolumeReclaimPolicy": "Retain", "csi": { "driver": "fast.csi", "volumeHandle": "static" },
            "claimRef": { "namespace": "app", "name": "data-db-0-m1" } } });
    moving.with(|sim| {
        sim.disks.make("pv-static", false);
        sim.make("persistentvolumes", volume);
    });
    tokio::time::sleep(std::time::Duration::from_secs(300)).await;
    // The server's clock goes on with its calls.
    drop(connect(&moving.sim).get(&Kind::VOLUME, "", "pv-static").await);
    let claim = moving.plan.steps().find_map(|(_, one)| match &one.step {
        Step::ReserveTarget(reserve) => Some(reserve.manifest.clone()),
        _ => None,
    });
    moving.with(|sim| {
        sim.make("persistentvolumeclaims", claim.expect("it reserves a target"));
        sim.dies_at = dies_at.map(str::to_owned);
    });
    let went = moving.once(Course::Begin).await;
    match dies_at {
        None => assert!(matches!(went, Went::Ended(Ending::Completed)), "{went:?}"),
        Some(step) => {
            assert!(matches!(went, Went::Died), "at {step}: {went:?}");
            moving.with(|sim| sim.dies_at = None);
            tokio::time::sleep(std::time::Duration::from_secs(20)).await;
            let went = moving.once(Course::Undo).await;
            assert!(matches!(went, Went::Ended(Ending::Undone(None))), "at {step}: {went:?}");
        }
    }
    moving.with(Sim::settle);
    let volume = moving.with(|sim| sim.store.get("persistentvolumes", "", "pv-static").cloned()).expect("it is there");
    assert_eq!(volume["spec"]["persistentVolumeReclaimPolicy"], "Retain", "{dies_at:?}");
    assert!(volume["metadata"]["labels"][marks::RUN].is_null(), "{dies_at:?}: {volume}");
}

/// A journal that was cut to its beginning does not make a way back that says that all is as it was.
#[test]
fn a_way_back_by_a_journal_that_was_cut_does_not_say_that_nothing_is_left() {
    for step in ["warm-copy", "last-pass", "remove-set", "release-claim", "bind-target"] {
        in_paused_time(async {
            let mut moving = Move::new(&scenario::SMALL_SET).await;
            moving.with(|sim| sim.dies_at = Some(step.to_owned()));
            assert!(matches!(moving.once(Course::Begin).await, Went::Died), "{step}");
            tokio::time::sleep(std::time::Duration::from_secs(20)).await;
            let digest = moving.plan.digest();
            moving.with(|sim| {
                sim.dies_at = None;
                sim.plant_journal("m1", &[json!({ "event": "opened", "executor": "me", "back": false, "plan": digest })]);
            });
            let went = moving.once(Course::Undo).await;
            assert!(!matches!(went, Went::Ended(Ending::Undone(_) | Ending::Completed)), "{step}: {went:?}");
        });
    }
}

/// A journal that says that the run is over is not taken for one where nothing was done: neither by who executes the plan anew, nor by who
/// finalizes while the claims are swapped.
#[test]
fn a_journal_that_says_it_is_over_is_not_believed_without_a_mark() {
    in_paused_time(async {
        let mut moving = Move::new(&scenario::SMALL_SET).await;
        let ended = |outcome: &str, back: bool| {
            vec![json!({ "event": "opened", "executor": "me", "back": back }), json!({ "event": "ended", "outcome": outcome })]
        };
        for (outcome, back) in [("completed", false), ("undone", true)] {
            moving.with(|sim| sim.plant_journal("m1", &ended(outcome, back)));
            let went = moving.once(Course::Begin).await;
            assert!(matches!(went, Went::Refused(_)), "{outcome}: {went:?}");
            moving.with(|sim| drop(sim.store.delete("configmaps", "app", "stateful-m1-plan-0", &Deletion::default())));
        }
    });
    in_paused_time(async {
        let mut moving = Move::new(&scenario::SMALL_SET).await;
        moving.with(|sim| sim.dies_at = Some("adopt-claim".to_owned()));
        assert!(matches!(moving.once(Course::Begin).await, Went::Died));
        let digest = moving.plan.digest();
        moving.with(|sim| {
            sim.revive();
            let events = [
                json!({ "event": "opened", "executor": "me", "back": false, "plan": digest }),
                json!({ "event": "ended", "outcome": "completed" }),
            ];
            sim.plant_journal("m1", &events);
        });
        let told = finalized(&moving).await;
        assert!(told.contains("has not come to its end"), "{told}");
    });
}

/// The run's own marks and records, read from another place: nothing is carried out that would not be planned there.
#[test]
fn a_run_is_known_to_count_by_its_volumes() {
    in_paused_time(async {
        let mut moving = beside_a_victim(&scenario::SMALL_SET).await;
        moving.with(|sim| sim.faults.0 = vec![(60, Fault::DiesAfter)]);
        assert!(matches!(moving.once(Course::Begin).await, Went::Died));
        moving.with(|sim| {
            sim.faults.0.clear();
            sim.revive();
        });
        let record = trust::read_run(&connect(&moving.sim), "app", moving.plan.run(), Course::Resume, &word()).await.expect("it counts");
        assert_eq!(record.basis, Basis::Anchored);
        tokio::time::sleep(std::time::Duration::from_secs(20)).await;
        assert!(matches!(moving.once(Course::Resume).await, Went::Ended(_)));
        moving.ends_well(Side::Target, "resumed").await;
    });
}

/// A run that an earlier version began has marked its volumes, and left no digest on them.
#[test]
fn a_run_of_an_earlier_version_is_gone_on_with_when_its_digest_is_named() {
    in_paused_time(async {
        let mut moving = beside_a_victim(&scenario::SMALL_SET).await;
        moving.with(|sim| sim.faults.0 = vec![(60, Fault::DiesAfter)]);
        assert!(matches!(moving.once(Course::Begin).await, Went::Died));
        tokio::time::sleep(std::time::Duration::from_secs(20)).await;
        moving.with(|sim| {
            sim.faults.0.clear();
            sim.revive();
            for volume in sim.store.copies("persistentvolumes") {
                let none = json!({ "kubectl-stateful.dev/plan-digest": null, "kubectl-stateful.dev/target-plan-digest": null });
                let patch = json!({ "metadata": { "annotations": none } });
                drop(sim.store.patch("persistentvolumes", "", text(&volume, "/metadata/name"), &patch, "kubectl-edit"));
            }
            sim.excuse_neighbour();
        });
        let went = moving.once(Course::Resume).await;
        let Went::Refused(why) = went else { panic!("{went:?}") };
        assert!(why.contains("no digest of its plan"), "{why}");
        moving.vouches = true;
        assert!(matches!(moving.once(Course::Resume).await, Went::Ended(_)));
        moving.ends_well(Side::Target, "vouched for").await;
    });
}
