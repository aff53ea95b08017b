//! Moves on clusters that are not like the one the product was made on.

use kubectl_stateful::cluster::read::{Reference, resolve, survey};
use kubectl_stateful::contract::orders;
use kubectl_stateful::engine::{Ending, Trouble};
use kubectl_stateful::planner;
use serde_json::json;

use super::elsewhere::Policy;
use super::outcome::{Course, Move, Side, Then, Went};
use super::scenario::{self, Scenario};
use super::store::text;
use super::sweep::{in_paused_time, log_of};
use super::{Phase, Sim, connect};

/// A move on a cluster that came to be like this once the plan was made.
async fn moved(scenario: &Scenario, make: impl Fn(&mut Sim)) -> (Move, Went) {
    let mut moving = Move::new(scenario).await;
    moving.with(&make);
    let went = moving.once(moving.first).await;
    moving.judge_end(&went);
    (moving, went)
}

/// Such a move arrives.
async fn arrives(scenario: &Scenario, what: &str, make: impl Fn(&mut Sim)) {
    let (mut moving, went) = moved(scenario, make).await;
    assert!(matches!(went, Went::Ended(Ending::Completed)), "{what}: {went:?}");
    moving.ends_well(Side::Target, what).await;
}

fn pods_of_app(sim: &Sim) -> Vec<String> {
    let all = sim.store.all("pods", "app").filter(|pod| !super::kubelet::is_mover(pod));
    all.map(|pod| text(pod, "/metadata/uid").to_owned()).collect()
}

/// What cannot be made again is not taken away.
#[test]
fn an_app_that_could_not_be_made_again_is_not_stopped() {
    let policies = [
        Policy::Wants { plural: "statefulsets", label: "owner" },
        Policy::Wants { plural: "pods", label: "owner" },
        Policy::Wants { plural: "persistentvolumeclaims", label: "owner" },
    ];
    let all = [&scenario::SMALL_SET, &scenario::DEPLOYMENT, &scenario::ALL[4]];
    for (scenario, policy) in all.into_iter().flat_map(|scenario| policies.clone().map(|policy| (scenario, policy))) {
        let concerns = |what: &str| matches!(&policy, Policy::Wants { plural, .. } if *plural == what);
        if concerns("statefulsets") && scenario.app != "db" {
            continue;
        }
        let what = format!("{}: {policy:?}", scenario.name);
        in_paused_time(async {
            let mut moving = Move::new(scenario).await;
            // Movers are let in: what is newer than the app concerns the app.
            let before = moving.with(|sim| pods_of_app(sim));
            moving.with(|sim| sim.policies = vec![policy.clone()]);
            let went = moving.once(Course::Begin).await;
            assert!(matches!(&went, Went::Refused(why) if why.contains("label owner is missing")), "{what}: {went:?}");
            let (now, labelled) = moving.with(|sim| (pods_of_app(sim), sim.volumes_of_ours()));
            assert!(now == before && labelled.is_empty(), "{what}: something was changed: {now:?}, {labelled:?}");
            // It comes while the copy goes on, which has begun by then.
            moving.with(|sim| sim.policies.clear());
            moving.with(|sim| sim.policies_from = Some((Phase::Copying, vec![policy.clone()])));
            let went = moving.once(Course::Begin).await;
            moving.judge_end(&went);
            assert!(matches!(went, Went::Ended(Ending::Halted(Trouble::Step { .. }))), "{what}: {went:?}");
            assert_eq!(moving.with(|sim| pods_of_app(sim)), before, "{what}: the app was stopped");
            moving.with(|sim| sim.policies.clear());
            let side = moving.come_to_rest(Then::Undo).await.unwrap_or_else(|why| panic!("{what}: {why}"));
            moving.ends_well(side, &what).await;
        });
    }
}

/// A mesh puts its container into every pod, before or after ours in the alphabet.
#[test]
fn containers_that_are_put_beside_movers_are_no_hindrance() {
    let forward = scenario::ALL.iter().filter(|scenario| !scenario.is_back && scenario.taken_back_from.is_none());
    for scenario in forward {
        for container in ["aaa-proxy", "zzz-proxy"] {
            let what = format!("{} with {container}", scenario.name);
            in_paused_time(async {
                // The app's own pods have it too: they are not as they were.
                arrives(scenario, &what, |sim| sim.policies = vec![Policy::Adds { container }]).await;
            });
        }
    }
}

/// A pod that was evicted names its claim for as long as its object is there.
#[test]
fn pods_of_the_app_that_are_over_do_not_keep_it_down() {
    for scenario in [&scenario::DEPLOYMENT, &scenario::ALL[0]] {
        for call in [1, 40, 80, 100, 110, 120, 130, 140, 150] {
            let what = format!("{}, evicted at call {call}", scenario.name);
            in_paused_time(async {
                let mut moving = Move::new(scenario).await;
                moving.with(|sim| sim.expect_hand(super::foreign::Hand { deed: super::foreign::Deed::EvictsApp, call }));
                let side = moving.come_to_rest(Then::Resume).await.unwrap_or_else(|why| panic!("{what}: {why}"));
                if side != Side::Neither {
                    moving.check(side).await;
                }
                let violations = moving.with(|sim| sim.violations.clone());
                assert!(violations.is_empty(), "{what}: {violations:?}\n{}", moving.with(|sim| sim.trace()));
            });
        }
    }
}

/// The quota has room for what the move needs, by what is there; it goes by what was counted last.
#[test]
fn a_quota_that_counts_late_is_waited_for() {
    for scenario in [&scenario::SMALL_SET, &scenario::DEPLOYMENT, &scenario::ALL[0]] {
        in_paused_time(async {
            arrives(scenario, scenario.name, |sim| {
                let claims = sim.store.all("persistentvolumeclaims", "app").count() * 2;
                sim.make(
                    "resourcequotas",
                    json!({ "metadata": { "name": "tight" }, "spec": { "hard": { "persistentvolumeclaims": claims.to_string() } } }),
                );
            })
            .await;
        });
    }
}

/// A driver that does not publish a volume twice: nobody has accepted that the app waits for the whole copy.
#[test]
fn a_copy_that_is_not_let_in_beside_the_app_does_not_stop_it() {
    for scenario in [&scenario::SMALL_SET, &scenario::DEPLOYMENT] {
        in_paused_time(async {
            let mut moving = Move::new(scenario).await;
            let before = moving.with(|sim| pods_of_app(sim));
            moving.with(|sim| sim.refuses_second_mount_until = u64::MAX);
            let went = moving.once(Course::Begin).await;
            moving.judge_end(&went);
            let Went::Ended(Ending::Halted(Trouble::Step { why, hint: Some(hint), .. })) = &went else {
                panic!("{}: {went:?}", scenario.name)
            };
            assert!(why.contains("second time") && hint.contains("--accept-outage"), "{why}: {hint}");
            assert_eq!(moving.with(|sim| pods_of_app(sim)), before, "the app was stopped");
            moving.with(|sim| sim.accepts_outage = true);
            let went = moving.once(Course::Resume).await;
            assert!(matches!(went, Went::Ended(Ending::Completed)), "{}: {went:?}", scenario.name);
            moving.ends_well(Side::Target, scenario.name).await;
        });
    }
}

/// A kubelet may report for a moment that a pod is not ready, right after it reported it ready.
#[test]
fn a_replica_that_is_not_ready_for_a_moment_is_looked_at_again() {
    for (ms, is_up) in [(1_000, true), (60_000, false)] {
        for scenario in [&scenario::SMALL_SET, &scenario::DEPLOYMENT] {
            in_paused_time(async {
                let moving = Move::new(scenario).await;
                moving.with(|sim| {
                    sim.unready_until = sim.store.now + ms;
                    sim.tick();
                });
                let cluster = connect(&moving.sim);
                let app = Reference { kind: moving.plan.app.kind, name: scenario.app.to_owned() };
                let seen = survey(&cluster, "app", &app).await.expect("it can be surveyed");
                let ready: Vec<bool> = seen.app.pods.iter().map(|pod| pod.ready).collect();
                assert!(!ready.is_empty() && ready.iter().all(|one| *one == is_up), "{}, {ms} ms: {ready:?}", scenario.name);
            });
        }
    }
}

/// The image is older or newer than the command by a version of the orders: nothing is copied, nothing of the run is left, and an app that is
/// copied warm is not stopped.
#[test]
fn movers_of_another_version_are_refused_before_anything_is_copied() {
    for version in [orders::VERSION - 1, orders::VERSION + 1] {
        for scenario in scenario::ALL.iter().filter(|scenario| !scenario.is_back && scenario.taken_back_from.is_none()) {
            let what = format!("{}: version {version}", scenario.name);
            in_paused_time(async {
                let mut moving = Move::new(scenario).await;
                let before = moving.with(|sim| {
                    sim.movers_speak = version;
                    pods_of_app(sim)
                });
                let went = moving.once(moving.first).await;
                moving.judge_end(&went);
                let Went::Ended(Ending::Undone(Some(Trouble::Step { why, .. }))) = &went else { panic!("{what}: {went:?}") };
                assert!(why.contains(&format!("speaks version {version} of the orders")), "{what}: {why}");
                let (after, left, is_warm) = moving.with(|sim| (pods_of_app(sim), sim.volumes_of_ours(), sim.expects_warm));
                assert!((after == before || !is_warm) && left.is_empty(), "{what}: {before:?}, {after:?}, {left:?}");
            });
        }
    }
}

/// A plugin that is being restarted refuses a mount, too.
#[test]
fn a_mount_that_is_refused_for_a_while_is_waited_for() {
    in_paused_time(async {
        arrives(&scenario::SMALL_SET, "refused for a while", |sim| sim.refuses_second_mount_until = sim.store.now + 40_000).await;
    });
}

/// A class that keeps its volumes: what was made for a move that is taken back is not kept by anybody.
#[test]
fn nothing_is_left_of_a_move_to_a_class_that_keeps_its_volumes() {
    for step in ["warm-copy", "last-pass", "remove-set", "adopt-claim"] {
        let scenario = Scenario { to: "kept", taken_back_from: Some(step), ..scenario::SMALL_SET };
        in_paused_time(async {
            let mut moving = Move::new(&scenario).await;
            let went = moving.once(Course::Undo).await;
            assert!(matches!(went, Went::Ended(Ending::Undone(None))), "{step}: {went:?}");
            moving.ends_well(Side::Source, step).await;
        });
    }
}

/// The node of the app's pod is drained in a long copy: the mover, which has the volume there, gives way.
#[test]
fn a_mover_does_not_keep_the_app_from_another_node() {
    for scenario in [&scenario::SMALL_SET, &scenario::DEPLOYMENT] {
        let call = (1..).zip(log_of(scenario)).find(|(_, call)| call.phase == Phase::Copying && call.is_write).expect("it copies").0 + 4;
        in_paused_time(async {
            let mut moving = Move::new(scenario).await;
            moving.with(|sim| {
                sim.warm_pass_ms = 300_000;
                sim.expect_hand(super::foreign::Hand { deed: super::foreign::Deed::MovesApp, call });
            });
            let side = moving.come_to_rest(Then::Undo).await.unwrap_or_else(|why| panic!("{}: {why}", scenario.name));
            assert!(moving.with(|sim| sim.was_moved), "{}", scenario.name);
            moving.ends_well(side, scenario.name).await;
        });
    }
}

/// A node that is lost takes its pods out of the API before what runs there has ended.
#[test]
fn what_runs_on_a_lost_node_is_waited_for() {
    in_paused_time(async {
        arrives(&scenario::COLD[0], "a node is lost", |sim| sim.node_is_lost_for = Some(90_000)).await;
    });
}

/// A volume that is attached where nobody known uses it does not get its app stopped.
#[test]
fn an_app_whose_volume_is_on_another_node_besides_is_not_stopped() {
    for scenario in [&scenario::SMALL_SET, &scenario::DEPLOYMENT, &scenario::ALL[4]] {
        in_paused_time(async {
            let mut moving = Move::new(scenario).await;
            let before = moving.with(|sim| pods_of_app(sim));
            moving.with(|sim| sim.attach_elsewhere(usize::MAX));
            let went = moving.once(Course::Begin).await;
            moving.judge_end(&went);
            let Went::Ended(Ending::Halted(Trouble::Step { why, hint: Some(hint), .. })) = &went else { panic!("{went:?}") };
            assert!(why.contains("attached to node n9") && hint.contains("kubectl delete volumeattachment csi-"), "{why}: {hint}");
            assert_eq!(moving.with(|sim| pods_of_app(sim)), before, "the app was stopped");
        });
    }
}

/// A volume that is on its way off another node, before the stop and after it.
#[test]
fn a_volume_that_is_being_detached_is_waited_for() {
    for scenario in [&scenario::SMALL_SET, &scenario::ALL[5]] {
        in_paused_time(arrives(scenario, scenario.name, |sim| sim.attach_elsewhere(6)));
    }
}

/// One that is not let go once the app is down: it is not read beside whoever has it.
#[test]
fn a_last_pass_does_not_begin_while_another_node_has_the_volume() {
    in_paused_time(async {
        let (_, went) = moved(&scenario::COLD[0], |sim| sim.node_is_lost_for = Some(300_000)).await;
        let Went::Ended(Ending::Undone(Some(Trouble::Step { why, .. }))) = &went else { panic!("{went:?}") };
        assert!(why.contains("120 s") && why.contains("to be detached from node n1"), "{why}");
    });
}

/// A claim that only a finished pod names is no part of that pod.
#[test]
fn a_claim_that_a_finished_pod_names_is_refused_with_the_way_on() {
    in_paused_time(async {
        let scenario = &scenario::ALL[5];
        let moving = Move::new(scenario).await;
        moving.with(|sim| {
            sim.make(
                "pods",
                json!({ "metadata": { "name": "done" }, "spec": { "containers": [{ "name": "c", "command": ["true"] }],
                "volumes": [{ "name": "papers", "persistentVolumeClaim": { "claimName": "papers" } }] } }),
            );
            sim.settle();
        });
        let cluster = connect(&moving.sim);
        let named = resolve(&cluster, "app", &["pvc/papers".to_owned()], None).await.expect("it can be named by itself");
        let seen = survey(&cluster, "app", &named).await.expect("it can be surveyed");
        let refusals = planner::plan(&moving.plan.request, &seen, "").expect_err("the claim could not be deleted");
        let hints: Vec<String> = refusals.hinted().map(|(_, hint)| hint).collect();
        assert!(hints.iter().any(|hint| hint.contains("kubectl delete pod done -n app")), "{hints:?}");
    });
}
