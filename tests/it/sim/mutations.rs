//! Rules of the product broken on purpose: with each of these the judge must find fault, or it is no judge.
//!
//! A broken rule is played by what leaves or reaches the product, or by a plan that lacks a step; the product itself stays as it is.

use kubectl_stateful::plan::{Plan, Step, marks};
use serde_json::{Value, json};

use super::elsewhere::Policy;
use super::faults::Fault;
use super::foreign::{Deed, Hand};
use super::http::Asked;
use super::outcome::{Prepared, Side, Then};
use super::scenario::{self, Scenario};
use super::store::text;
use super::sweep::{calls_of, in_paused_time};
use super::{Phase, Sim};

/// A rule that is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutation {
    /// The last pass and its proof are left out.
    CutsOverBeforeProof,
    /// The app is not stopped before the last pass.
    DoesNotDrain,
    /// Volumes are not set to `Retain`, and not looked at again before their claim is deleted.
    DoesNotPin,
    /// The stateful set stays while claims are swapped.
    KeepsTheSet,
    /// Deletes say no uid, patches neither uid nor version.
    DropsPreconditions,
    /// Target volumes are left open for any claim instead of being reserved for one.
    NullsTheClaimRef,
    /// What is intended is not written to the journal before it is done.
    JournalsAfterTheAct,
    /// Pods that still run are not seen.
    TrustsThatPodsAreGone,
    /// Volumes of a run are looked for by the run's name only.
    ForgetsTheNamespace,
    /// A volume that a plan names is changed, whosever it is.
    TakesAnyVolume,
    /// An object that a plan names is made, wherever that is.
    MakesAnything,
    /// What a pod of the right name says is believed, whatever runs in it.
    BelievesAnyPod,
    /// Nothing is tried before the app is stopped.
    TriesNothing,
    /// Pods that are over are not seen.
    OverlooksDeadPods,
    /// A log is asked for without saying of which container.
    AsksForAnyLog,
    /// A warm copy that is not let in is made with the app stopped, without a word.
    GoesColdSilently,
    /// A mover stays where it is, whatever becomes of the app's pod.
    DoesNotYield,
    /// A node that has a volume still is not seen.
    OverlooksAttachments,
}

impl Mutation {
    const ALL: [Mutation; 18] = [
        Mutation::CutsOverBeforeProof,
        Mutation::DoesNotDrain,
        Mutation::DoesNotPin,
        Mutation::KeepsTheSet,
        Mutation::DropsPreconditions,
        Mutation::NullsTheClaimRef,
        Mutation::JournalsAfterTheAct,
        Mutation::TrustsThatPodsAreGone,
        Mutation::ForgetsTheNamespace,
        Mutation::TakesAnyVolume,
        Mutation::MakesAnything,
        Mutation::BelievesAnyPod,
        Mutation::TriesNothing,
        Mutation::OverlooksDeadPods,
        Mutation::AsksForAnyLog,
        Mutation::GoesColdSilently,
        Mutation::DoesNotYield,
        Mutation::OverlooksAttachments,
    ];

    /// The scenario in which it shows.
    fn scenario(self) -> &'static Scenario {
        match self {
            Mutation::OverlooksDeadPods => &scenario::DEPLOYMENT,
            Mutation::OverlooksAttachments => &scenario::COLD[0],
            _ => &scenario::SMALL_SET,
        }
    }

    /// The cluster on which it shows.
    fn furnish(self, sim: &mut Sim) {
        match self {
            Mutation::TakesAnyVolume => sim.furnish_victim(),
            Mutation::TriesNothing => {
                sim.policies_from = Some((Phase::Copying, vec![Policy::Wants { plural: "statefulsets", label: "owner" }]));
            }
            Mutation::OverlooksDeadPods => {
                sim.evicts_app_pod();
                sim.settle();
            }
            Mutation::AsksForAnyLog => sim.policies = vec![Policy::Adds { container: "aaa-proxy" }],
            Mutation::GoesColdSilently => sim.refuses_second_mount_until = u64::MAX,
            Mutation::OverlooksAttachments => sim.node_is_lost_for = Some(60_000),
            Mutation::DoesNotYield => sim.warm_pass_ms = WARM_PASS_MS,
            _ => {}
        }
    }

    /// The plan of a planner that broke the rule.
    fn on_plan(self, plan: &mut Plan) {
        let breaks = |step: &Step| match self {
            Mutation::CutsOverBeforeProof => matches!(step, Step::LastPass(_)),
            Mutation::DoesNotDrain => matches!(step, Step::Drain(_)),
            Mutation::DoesNotPin => matches!(step, Step::PinReclaim(_)),
            Mutation::KeepsTheSet => matches!(step, Step::RemoveSet(_) | Step::RestoreSet(_)),
            _ => false,
        };
        for stage in &mut plan.stages {
            stage.steps.retain(|planned| !breaks(&planned.step));
        }
        plan.stages.retain(|stage| !stage.steps.is_empty());
        if self == Mutation::GoesColdSilently {
            plan.request.accept_outage_secs = Some(86_400);
        }
    }
}

impl Sim {
    /// What a product that broke the rule would have sent instead.
    pub(super) fn mutated(&self, mut asked: Asked) -> Asked {
        match self.mutation {
            Some(Mutation::DropsPreconditions) => {
                if let Some(fields) =
                    asked.body["metadata"].as_object_mut().filter(|_| asked.method == "PATCH" && asked.plural != "configmaps")
                {
                    fields.remove("uid");
                    fields.remove("resourceVersion");
                }
                asked.body.as_object_mut().map(|fields| fields.remove("preconditions"));
            }
            Some(Mutation::NullsTheClaimRef) if asked.plural == "persistentvolumes" && asked.body["spec"]["claimRef"].is_object() => {
                asked.body["spec"]["claimRef"] = Value::Null;
            }
            Some(Mutation::TakesAnyVolume) if asked.plural == "persistentvolumes" && asked.method == "PATCH" => {
                asked.name = super::bounds::VICTIMS_VOLUME.to_owned();
            }
            Some(Mutation::MakesAnything) if asked.plural == "pods" && asked.method == "POST" => {
                asked.body["spec"]["containers"][0]["securityContext"]["privileged"] = json!(true);
            }
            Some(Mutation::ForgetsTheNamespace) => asked.forget_label(marks::NAMESPACE),
            Some(Mutation::AsksForAnyLog) => asked.forget_container(),
            _ => {}
        }
        asked
    }

    /// What a product that broke the rule would believe, or not have asked for.
    pub(super) fn lie(&mut self, asked: &Asked) -> Option<Value> {
        match self.mutation? {
            Mutation::DoesNotPin if asked.method == "GET" && self.before.contains_key(&format!("persistentvolumes/{}", asked.name)) => {
                let mut volume = self.store.get("persistentvolumes", "", &asked.name)?.clone();
                volume["spec"]["persistentVolumeReclaimPolicy"] = json!("Retain");
                Some(volume)
            }
            Mutation::TrustsThatPodsAreGone if asked.plural == "pods" && asked.method == "GET" && asked.name.is_empty() => {
                Some(json!({ "items": [], "metadata": {} }))
            }
            Mutation::TriesNothing if asked.is_dry() => Some(json!({})),
            Mutation::OverlooksAttachments if asked.plural == "volumeattachments" => Some(json!({ "items": [], "metadata": {} })),
            Mutation::OverlooksDeadPods if is_list_of_pods(asked) => {
                let alive = |pod: &&Value| !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed");
                Some(json!({ "items": self.store.all("pods", "app").filter(alive).collect::<Vec<_>>(), "metadata": {} }))
            }
            Mutation::DoesNotYield if is_list_of_pods(asked) => {
                let mut pods: Vec<Value> = self.store.all("pods", "app").cloned().collect();
                pods.iter_mut().for_each(|pod| pod["status"]["phase"] = json!("Running"));
                Some(json!({ "items": pods, "metadata": {} }))
            }
            Mutation::BelievesAnyPod
                if asked.plural == "pods"
                    && asked.method == "GET"
                    && super::kubelet::is_mover(self.store.get("pods", "app", &asked.name)?) =>
            {
                let mut pod = self.store.get("pods", "app", &asked.name)?.clone();
                pod["spec"]["containers"][0]["image"] = json!(crate::seen::request().mover_image);
                asked.is_plain().then_some(pod)
            }
            Mutation::JournalsAfterTheAct if asked.plural == "configmaps" && asked.method != "GET" => {
                // Nothing but the plan was stored when the process died.
                let is_journal = asked.name.contains("journal") || text(&asked.body, "/metadata/name").contains("journal");
                is_journal.then(|| json!({ "metadata": { "resourceVersion": "1" } }))
            }
            _ => None,
        }
    }
}

/// Long enough for a mover to be in the way.
const WARM_PASS_MS: u64 = 120_000;

fn is_list_of_pods(asked: &Asked) -> bool {
    asked.plural == "pods" && asked.method == "GET" && asked.name.is_empty()
}

/// The calls are tried far from each other first: most of what is broken shows in a stretch of them.
const STRIDE: usize = 16;

/// Tries that are enough to catch every mutation: without faults, with deaths, late calls and foreign hands at every call.
fn catches(mutation: Mutation) -> Option<String> {
    let prepared = in_paused_time(Prepared::new(mutation.scenario()));
    let end = calls_of(mutation.scenario()) + 20;
    let calls = (1..=STRIDE as u64).flat_map(|first| (first..end).step_by(STRIDE));
    let quiet = std::iter::once((None, None));
    let struck = calls.flat_map(|call| {
        let faults = [Fault::VeryLate, Fault::DiesAfter].map(|fault| (Some((call, fault)), None));
        let deeds = [Deed::TouchesAll, Deed::PutsReplicasBack, Deed::PatchesMover, Deed::MovesApp];
        faults.into_iter().chain(deeds.map(|deed| (None, Some(Hand { deed, call }))))
    });
    quiet.chain(struck).find_map(|(fault, hand)| in_paused_time(tried(&prepared, mutation, fault, hand)))
}

async fn tried(prepared: &Prepared, mutation: Mutation, fault: Option<(u64, Fault)>, hand: Option<Hand>) -> Option<String> {
    let mut moving = prepared.begin().await;
    mutation.on_plan(&mut moving.plan);
    moving.with(|sim| {
        sim.mutation = Some(mutation);
        mutation.furnish(sim);
        sim.faults.0.extend(fault);
        hand.into_iter().for_each(|hand| sim.expect_hand(hand));
    });
    let side = tokio::time::timeout(std::time::Duration::from_secs(4 * 3600), moving.come_to_rest(Then::Undo)).await;
    let side = side.unwrap_or_else(|_| Err("it never ends".to_owned()));
    if let Ok(side @ (Side::Source | Side::Target)) = side {
        moving.check(side).await;
    }
    // Containers beside the mover are no reason not to arrive.
    let astray = (mutation == Mutation::AsksForAnyLog && side != Ok(Side::Target)).then(|| format!("it ends at {side:?}"));
    moving.with(|sim| sim.violations.first().cloned()).or(side.err()).or(astray)
}

#[test]
fn the_judge_notices_every_broken_rule() {
    let missed: Vec<Mutation> = Mutation::ALL.into_iter().filter(|mutation| catches(*mutation).is_none()).collect();
    assert!(missed.is_empty(), "not noticed: {missed:?}");
}
