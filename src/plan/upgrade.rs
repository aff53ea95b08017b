//! Plans of version 1, read as those of version 2. In version 1 each step said again what it is about: namespace, names and uids of the app and
//! of its claim. Version 2 says that once, in the app and in the two ends of each claim, and steps name slots.
//!
//! Nothing is lost on the way that could differ: what a step said again must be what the plan says, or the plan is refused. It says nothing
//! about whether the plan is safe to carry out: that is the lint's, afterwards.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::App;
use crate::contract::orders::VolumeMode;

/// `apiVersion` of the plans that are read here.
pub(super) const VERSION_1: &str = "kubectl-stateful.dev/v1";

/// `apiVersion` of what is made of them, whatever is written by now.
const VERSION_2: &str = "kubectl-stateful.dev/v2";

/// The labels that version 1 took off a volume.
fn no_marks() -> Value {
    let labels = ["namespace", "role", "run", "slot"];
    labels.iter().map(|label| (format!("kubectl-stateful.dev/{label}"), Value::Null)).collect::<Map<_, _>>().into()
}

/// What a field of a step said again.
#[derive(Clone, Copy, Debug)]
enum Repeated {
    Namespace,
    AppKind,
    AppName,
    AppUid,
    AppReference,
    Replicas,
    Shape,
    /// The name of the slot's claim.
    Claim,
    /// The same as `NAMESPACE/NAME`.
    FullClaim,
    /// The names of all moved claims.
    Claims,
    ClaimUid,
    Volume,
    VolumeUid,
    Kept,
    KeptUid,
    Staging,
    /// Whether no kept volume is taken up.
    IsProvisioned,
    /// That the volume bears no marks of ours.
    NoMarks,
}

/// The fields of a step that say something again.
fn repeated(does: &str) -> &'static [(&'static str, Repeated)] {
    use Repeated::{
        AppKind, AppName, AppReference, AppUid, Claim, ClaimUid, Claims, FullClaim, IsProvisioned, Kept, KeptUid, Namespace, NoMarks,
        Replicas, Shape, Staging, Volume, VolumeUid,
    };
    match does {
        "pinReclaim" => &[("claim", FullClaim), ("volume", Volume), ("volumeUid", VolumeUid), ("labelsBefore", NoMarks)],
        "pinRetention" => &[("namespace", Namespace), ("set", AppName), ("uid", AppUid), ("claims", Claims)],
        "reopenVolume" => &[("claim", FullClaim), ("volume", Kept), ("volumeUid", KeptUid), ("namespace", Namespace), ("staging", Staging)],
        "reserveTarget" => &[("namespace", Namespace), ("staging", Staging), ("provisioned", IsProvisioned)],
        "startMover" | "awaitMover" | "stopMover" => &[("namespace", Namespace)],
        "pinTarget" => &[("claim", FullClaim), ("namespace", Namespace), ("staging", Staging)],
        "drain" => &[
            ("kind", AppKind),
            ("namespace", Namespace),
            ("name", AppName),
            ("uid", AppUid),
            ("replicas", Replicas),
            ("shape", Shape),
            ("claims", Claims),
        ],
        "clearPods" | "awaitReady" => &[("kind", AppKind), ("namespace", Namespace), ("name", AppName), ("claims", Claims)],
        "removePod" => &[("namespace", Namespace), ("name", AppName), ("uid", AppUid), ("claims", Claims)],
        "removeSet" => &[("namespace", Namespace), ("name", AppName), ("uid", AppUid), ("shape", Shape)],
        "releaseClaim" => &[
            ("namespace", Namespace),
            ("name", Claim),
            ("uid", ClaimUid),
            ("volume", Volume),
            ("volumeUid", VolumeUid),
            ("app", AppReference),
        ],
        "releaseStaging" => &[("namespace", Namespace), ("staging", Staging)],
        "bindTarget" => &[("namespace", Namespace), ("claim", Claim), ("staging", Staging)],
        "adoptClaim" => &[("namespace", Namespace), ("name", Claim)],
        "restoreSet" => &[("namespace", Namespace), ("name", AppName)],
        "restorePod" => &[("namespace", Namespace), ("name", AppName), ("uidBefore", AppUid)],
        "scaleUp" => &[("kind", AppKind), ("namespace", Namespace), ("name", AppName), ("uid", AppUid), ("replicas", Replicas)],
        "restoreRetention" => &[("namespace", Namespace), ("set", AppName)],
        "settleTarget" => &[("namespace", Namespace), ("claim", Claim)],
        // Of the copies see `route`; what else there is no plan of version 1 has, and the reader will say so.
        _ => &[],
    }
}

/// Fields that plans of early releases of version 1 leave out.
const OPTIONAL: [(&str, &str); 3] = [("drain", "shape"), ("releaseClaim", "volumeUid"), ("awaitReady", "claims")];

/// Makes a plan of version 2 of one of version 1.
///
/// # Errors
///
/// What in it contradicts itself, or is missing.
pub(super) fn from_version_1(mut plan: Value) -> Result<Value, Vec<String>> {
    let (moves, faults) = moves(&plan);
    let mut upgrade = Upgrade { moves, app: app(&plan), faults };
    let writers = writers(&plan);
    for planned in steps_mut(&mut plan) {
        let id = planned["id"].as_str().unwrap_or_default().to_owned();
        if let Some(step) = planned.get_mut("step").and_then(Value::as_object_mut) {
            upgrade.step(&id, step, &writers);
        }
    }
    let Some(fields) = plan.as_object_mut().filter(|_| upgrade.faults.is_empty()) else { return Err(upgrade.faults) };
    fields.insert("apiVersion".to_owned(), json!(VERSION_2));
    fields.insert("app".to_owned(), upgrade.app);
    fields.insert("moves".to_owned(), upgrade.moves);
    Ok(plan)
}

fn steps(plan: &Value) -> impl Iterator<Item = &Value> {
    let stages = plan["stages"].as_array().into_iter().flatten();
    stages.flat_map(|stage| stage["steps"].as_array().into_iter().flatten()).map(|planned| &planned["step"])
}

fn steps_mut(plan: &mut Value) -> impl Iterator<Item = &mut Value> {
    let stages = plan.get_mut("stages").and_then(Value::as_array_mut).into_iter().flatten();
    stages.flat_map(|stage| stage.get_mut("steps").and_then(Value::as_array_mut).into_iter().flatten())
}

/// The first step of a kind, of any slot or of one.
fn step_of<'a>(plan: &'a Value, does: &str, slot: Option<&Value>) -> &'a Value {
    static NONE: Value = Value::Null;
    steps(plan).find(|step| step["does"] == does && slot.is_none_or(|slot| step["slot"] == *slot)).unwrap_or(&NONE)
}

/// The app with what it is, which the steps said that stop or remove it.
fn app(plan: &Value) -> Value {
    let mut app = plan["app"].clone();
    let shape = [step_of(plan, "removeSet", None), step_of(plan, "drain", None)].into_iter().map(|step| &step["shape"]);
    if let (Some(shape), Some(app)) = (shape.into_iter().find(|shape| !shape.is_null()), app.as_object_mut()) {
        app.insert("shape".to_owned(), shape.clone());
    }
    app
}

/// The moves with both their ends, of which the steps said a part; and what is missing of that.
fn moves(plan: &Value) -> (Value, Vec<String>) {
    let mut faults = Vec::new();
    let mut all = Vec::new();
    for one in plan["moves"].as_array().into_iter().flatten() {
        let slot = Some(&one["slot"]);
        let of = |does| step_of(plan, does, slot);
        let (pin, release, bind, reopen) = (of("pinReclaim"), of("releaseClaim"), of("bindTarget"), of("reopenVolume"));
        if !one.is_object() || pin.is_null() || release.is_null() || bind.is_null() {
            faults.push(format!("the move of claim {} is not in the steps", one["claim"]));
            continue;
        }
        all.push(with_ends(one, [pin, release, bind, reopen]));
    }
    (Value::Array(all), faults)
}

/// A move with both its ends, from itself and from the steps that pin, release, bind and reopen.
fn with_ends(one: &Value, [pin, release, bind, reopen]: [&Value; 4]) -> Value {
    let mut both = one.as_object().cloned().unwrap_or_default();
    for field in ["sourceClass", "targetClass", "sourceVolume", "capacityBytes", "targetBytes"] {
        both.remove(field);
    }
    let is_block = release["manifestBefore"]["spec"]["volumeMode"] == "Block";
    let source = json!({
        "uid": release["uid"], "class": one["sourceClass"], "volume": one["sourceVolume"], "volumeUid": pin["volumeUid"],
        "capacityBytes": one["capacityBytes"],
    });
    let mut target = json!({ "claim": bind["staging"], "class": one["targetClass"] });
    if !one["targetBytes"].is_null() {
        target["bytes"] = one["targetBytes"].clone();
    }
    if !reopen.is_null() {
        target["kept"] = json!({ "volume": reopen["volume"], "volumeUid": reopen["volumeUid"] });
    }
    both.insert("mode".to_owned(), json!(if is_block { VolumeMode::Block } else { VolumeMode::Filesystem }));
    both.insert("source".to_owned(), source);
    both.insert("target".to_owned(), target);
    Value::Object(both)
}

/// The mover pods that only write.
fn writers(plan: &Value) -> Vec<Value> {
    steps(plan).map(|step| &step["route"]["targetPod"]).filter(|pod| !pod.is_null()).cloned().collect()
}

struct Upgrade {
    app: Value,
    moves: Value,
    faults: Vec<String>,
}

impl Upgrade {
    fn step(&mut self, id: &str, step: &mut Map<String, Value>, writers: &[Value]) {
        let does = step.get("does").and_then(Value::as_str).unwrap_or_default().to_owned();
        let moved = self.moved(step.get("slot").unwrap_or(&Value::Null));
        for (field, what) in repeated(&does) {
            let said = step.remove(*field).unwrap_or_default();
            let is_left_out = OPTIONAL.contains(&(does.as_str(), *field)) && (said.is_null() || said == "");
            if !is_left_out && !self.is_so(&said, *what, &moved) {
                self.faults.push(format!("step `{id}` has `{field}` {said}, which is not what the plan says"));
            }
        }
        if does == "startMover" {
            self.start_mover(id, step, writers);
        }
        if let Some(route) = step.get_mut("route").and_then(Value::as_object_mut) {
            self.route(id, route);
        }
    }

    fn moved(&self, slot: &Value) -> Value {
        let mut moves = self.moves.as_array().into_iter().flatten();
        moves.find(|one| one["slot"] == *slot).cloned().unwrap_or_default()
    }

    fn is_so(&self, said: &Value, what: Repeated, moved: &Value) -> bool {
        let app = &self.app;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match what {
            Repeated::Namespace => *said == app["namespace"],
            Repeated::AppKind => *said == app["kind"],
            Repeated::AppName => *said == app["name"],
            Repeated::AppUid => *said == app["uid"],
            Repeated::AppReference => serde_json::from_value::<App>(app.clone()).is_ok_and(|app| *said == json!(app.reference())),
            Repeated::Replicas => *said == app["replicas"],
            Repeated::Shape => *said == app["shape"],
            Repeated::Claim => *said == moved["claim"],
            Repeated::FullClaim => *said == json!(format!("{}/{}", text(&app["namespace"]), text(&moved["claim"]))),
            Repeated::Claims => self.are_claims(said, None),
            Repeated::ClaimUid => *said == moved["source"]["uid"],
            Repeated::Volume => *said == moved["source"]["volume"],
            Repeated::VolumeUid => *said == moved["source"]["volumeUid"],
            Repeated::Kept => *said == moved["target"]["kept"]["volume"],
            Repeated::KeptUid => *said == moved["target"]["kept"]["volumeUid"],
            Repeated::Staging => *said == moved["target"]["claim"],
            Repeated::IsProvisioned => *said == json!(moved["target"]["kept"].is_null()),
            Repeated::NoMarks => *said == no_marks(),
        }
    }

    /// Whether these are the names of the claims that are moved, or of those in slots, in whatever order.
    fn are_claims(&self, claims: &Value, slots: Option<&[Value]>) -> bool {
        let is_meant = |one: &&Value| slots.is_none_or(|slots| slots.contains(&one["slot"]));
        let moves = self.moves.as_array().into_iter().flatten().filter(is_meant);
        let said: Option<BTreeSet<&str>> = claims.as_array().and_then(|claims| claims.iter().map(Value::as_str).collect());
        said.is_some() && said == moves.map(|one| one["claim"].as_str()).collect()
    }

    /// Its end, and its volumes by their slots.
    fn start_mover(&mut self, id: &str, step: &mut Map<String, Value>, writers: &[Value]) {
        let is_writer = step.get("pod").is_some_and(|pod| writers.contains(pod));
        step.insert("end".to_owned(), json!(if is_writer { "target" } else { "source" }));
        let held = step.remove("heldByApp").unwrap_or_default();
        let slots = held.as_array().into_iter().flatten().map(|volume| self.slot_of_volume(volume));
        let slots: Vec<Value> = slots.collect();
        if !held.is_array() || slots.iter().any(Value::is_null) {
            self.faults.push(format!("step `{id}` is for volumes {held}, not all of which the plan moves"));
        }
        step.insert("heldByApp".to_owned(), Value::Array(slots));
    }

    /// A route's volumes by their slots.
    fn route(&mut self, id: &str, route: &mut Map<String, Value>) {
        let namespace = route.remove("namespace").unwrap_or_default();
        let claims = route.remove("claims").unwrap_or_default();
        let volumes = route.remove("volumes").unwrap_or_default();
        let is_so = |volume: &Value| !volume["name"].is_null() && self.moved(&volume["name"])["mode"] == volume["mode"];
        let are_so = volumes.as_array().is_some_and(|volumes| volumes.iter().all(is_so));
        let slots: Vec<Value> = volumes.as_array().into_iter().flatten().map(|volume| volume["name"].clone()).collect();
        if namespace != self.app["namespace"] || !are_so || !self.are_claims(&claims, Some(&slots)) {
            self.faults.push(format!("step `{id}` copies what the plan does not move: {volumes} of {namespace}, {claims}"));
        }
        route.insert("slots".to_owned(), Value::Array(slots));
    }

    fn slot_of_volume(&self, volume: &Value) -> Value {
        let mut moves = self.moves.as_array().into_iter().flatten();
        moves.find(|one| one["source"]["volume"] == *volume).map(|one| one["slot"].clone()).unwrap_or_default()
    }
}
