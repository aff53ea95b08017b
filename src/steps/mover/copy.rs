//! How steps talk to mover pods: orders go in as an annotation, answers come back as the last line of the log.
//!
//! What a pass does is the mover's business; here it is ordered, watched and judged. Nothing is kept in memory between calls: how
//! far a copy is can be read off the pods by any executor.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde_json::{Value, json};

use super::answer::{self, Answer};
use super::pod;
use crate::cluster::{Kind, Place};
use crate::contract::orders::{self, Fingerprint, MoverState, Order, Orders, PassTarget, Phase, Reason, Report, Volume};
use crate::plan::{End, Slot, marks, step::Route};
use crate::steps::failure::StepError;
use crate::steps::standing::{Progress, Standing};
use crate::steps::world::World;
use crate::steps::{facts, look};

/// How long movers, which report every second, may say nothing new before they are given up: while the app waits for them, and while it
/// runs. A node that is short of everything can be late.
pub(super) const LOST_AFTER_IN_LAST_PASS: Duration = Duration::from_secs(120);

pub(super) const LOST_AFTER: Duration = Duration::from_secs(600);

/// After so many orders a peer that cannot be reached is a failure; before, it is a mover that was started again.
const ORDERS_MAX_BEFORE_PEER_FAILS: u64 = 24;

/// How long a mover may hear nothing from its engine before it ends by itself, in seconds. Longer than an API server may be gone that the engine waits
/// for.
pub(super) const SILENCE_SECS_MAX: u64 = 900;

/// One end of a copy, as it is.
#[derive(Debug)]
struct Mover {
    pod: Value,
    orders: Option<Orders>,
    answer: Answer,
}

/// Both ends of a copy, as they are.
#[derive(Debug)]
pub(super) struct Ends {
    /// What is copied.
    volumes: Vec<Volume>,
    source: Mover,
    target: Option<Mover>,
}

impl Mover {
    fn report(&self) -> Option<&Report> {
        self.answer.report()
    }

    /// Whether it has not taken its latest order.
    fn is_behind(&self) -> bool {
        let taken = self.report().map_or(0, |report| report.sequence);
        self.orders.as_ref().is_some_and(|orders| orders.sequence > taken)
    }
}

impl Ends {
    fn all(&self) -> impl Iterator<Item = &Mover> {
        std::iter::once(&self.source).chain(&self.target)
    }
}

/// Where a pass stands.
#[derive(Debug)]
pub(super) enum Pass {
    /// A mover pod is not there.
    Gone(String),
    /// A mover pod has not started, for this reason.
    NotStarted(String),
    /// A mover that has started does not say where it stands; with whose answer is waited for.
    Unheard(String),
    /// It has to be ordered (again).
    NotOrdered,
    /// It was ordered; one end or both have not taken their order.
    Ordered,
    /// It is at it.
    Running {
        /// How far it is.
        report: Report,
        /// How long the last warm pass predicted that a last one would take, in milliseconds; none where there was none.
        predicted_ms: Option<u64>,
    },
    /// It is through.
    Done {
        source: Report,
        /// The writing end's report, where that is another pod.
        target: Option<Report>,
    },
}

/// Reads both ends; none where a pod is missing, with its name.
async fn look_at(world: &World, route: &Route) -> Result<Result<Ends, String>, StepError> {
    let Some(source) = end(world, world.at(End::Source), &route.source_pod).await? else {
        return Ok(Err(route.source_pod.clone()));
    };
    let target = match &route.target_pod {
        None => None,
        Some(name) => match end(world, world.at(End::Target), name).await? {
            None => return Ok(Err(name.clone())),
            found => found,
        },
    };
    Ok(Ok(Ends { volumes: volumes(world, &route.slots)?, source, target }))
}

/// The volumes of slots, as movers know them.
fn volumes(world: &World, slots: &[Slot]) -> Result<Vec<Volume>, StepError> {
    slots.iter().map(|slot| Ok(Volume { name: slot.0.clone(), mode: world.claim(slot)?.mode })).collect()
}

async fn end(world: &World, place: &Place, name: &str) -> Result<Option<Mover>, StepError> {
    let Some(pod) = place.get(&Kind::POD, name).await? else { return Ok(None) };
    if facts::is_terminating(&pod) {
        return Ok(None);
    }
    // Its word is the proof: it must be the very pod that was made, as it was made.
    if let Some(what) = world.movers.strange(&pod) {
        let why = format!("mover pod {name} {what}{}", facts::last_writer(&pod));
        return Err(StepError::hinted(why, format!("kubectl describe pod -n {} {name}", place.namespace)));
    }
    // What it said last would else be believed for as long as a copy may take.
    if facts::is_lost(&pod) {
        return Err(pod::failed(&place.namespace, &pod));
    }
    let orders = pod["metadata"]["annotations"][marks::ORDERS].as_str().and_then(|text| serde_json::from_str(text).ok());
    let answer = answer::answer_of(place, name).await?;
    Ok(Some(Mover { pod, orders, answer }))
}

/// Reads where the pass stands that a route is at.
pub(super) async fn stand(world: &World, route: &Route, last: bool) -> Result<Pass, StepError> {
    let ends = match look_at(world, route).await? {
        Ok(ends) => ends,
        Err(pod) => return Ok(Pass::Gone(pod)),
    };
    // It ended since nobody told it anything for long, and is made again.
    let is_silent =
        |end: &&Mover| end.report().and_then(|report| report.failure.as_ref()).is_some_and(|why| why.reason == Reason::EngineSilent);
    if let Some(end) = ends.all().find(is_silent).filter(|_| !last) {
        return Ok(Pass::Gone(facts::name(&end.pod).to_owned()));
    }
    match ends.all().find(|end| end.report().is_none()) {
        Some(end) => Ok(without_report(world, end).await),
        None => pass_of(&ends, last),
    }
}

async fn without_report(world: &World, end: &Mover) -> Pass {
    let name = facts::name(&end.pod);
    match &end.answer {
        Answer::Unheard(why) => Pass::Unheard(format!("mover {name} on {} to answer ({why})", facts::text(&end.pod, "/spec/nodeName"))),
        _ if facts::never_ran(&end.pod) => {
            Pass::NotStarted(format!("mover pod {name} to start{}", look::last_warning(world.at_mover(name), &end.pod).await))
        }
        // Its container was started again, and is about to.
        _ => Pass::Unheard(format!("mover {name} to answer")),
    }
}

fn pass_of(ends: &Ends, last: bool) -> Result<Pass, StepError> {
    for report in ends.all().filter_map(Mover::report) {
        tells_all(report)?;
    }
    let Some(report) = ends.source.report() else { return Ok(Pass::NotOrdered) };
    let orders = ends.source.orders.as_ref();
    if orders.is_some_and(|orders| last && report.state == MoverState::Done && is_final(&ends.source, orders, report)) {
        return done(ends, report, last);
    }
    if !peer_is_served(ends) {
        return Ok(Pass::NotOrdered);
    }
    // Before the target end has a port, nobody can say where the source end is to send.
    if !is_open(ends)? {
        return Ok(Pass::Ordered);
    }
    let Some(orders) = orders.filter(|orders| is_ordered(orders, ends, last)) else { return Ok(Pass::NotOrdered) };
    if ends.source.is_behind() {
        return Ok(Pass::Ordered);
    }
    match report.state {
        MoverState::Ready => Ok(Pass::Ordered),
        MoverState::Running => Ok(at_it(ends, report)),
        MoverState::Failed => failed(report, orders),
        MoverState::Done => done(ends, report, last),
    }
}

fn at_it(ends: &Ends, report: &Report) -> Pass {
    Pass::Running { report: report.clone(), predicted_ms: noted(&ends.source).last().copied() }
}

/// A volume of which nothing is told could not be proven, so that it must not get as far as the cut-over.
fn tells_all(report: &Report) -> Result<(), StepError> {
    if report.volumes_left_out == 0 {
        return Ok(());
    }
    let count = report.volumes.len() as u64 + report.volumes_left_out;
    Err(StepError::failed(format!("one mover has {count} volumes, more than the {} it can report on", report.volumes.len())))
}

/// Whether the target end has taken the order it was given and listens; an error if it took it and cannot serve.
fn is_open(ends: &Ends) -> Result<bool, StepError> {
    let Some(target) = ends.target.as_ref() else { return Ok(true) };
    let Some(report) = target.report().filter(|_| !target.is_behind()) else { return Ok(false) };
    match report.state {
        MoverState::Failed => Err(failure(report)),
        MoverState::Ready | MoverState::Running | MoverState::Done => Ok(report.port != 0),
    }
}

/// Whether a pass that is through was the last one. Movers end with it, so another order that arrived meanwhile is never taken, and
/// the other end's own state is not asked again.
fn is_final(source: &Mover, orders: &Orders, report: &Report) -> bool {
    facts::mover_is_through(&source.pod) || matches!(orders.order, Order::Pass { last: true, .. }) && report.sequence == orders.sequence
}

/// Whether the source end has the order that is wanted of it now.
fn is_ordered(orders: &Orders, ends: &Ends, last: bool) -> bool {
    match &orders.order {
        Order::Pass { volumes, to, last: ordered_last, .. } => {
            *ordered_last == last && *volumes == ends.volumes && Some(to) == destination(ends).as_ref()
        }
        Order::Idle | Order::Serve { .. } | Order::Compare { .. } => false,
    }
}

/// Whether the target end lets this source end in.
fn peer_is_served(ends: &Ends) -> bool {
    let Some(target) = &ends.target else { return true };
    let Some(wanted) = fingerprint(&ends.source) else { return false };
    match target.orders.as_ref().map(|orders| &orders.order) {
        // Not where it is expected from: an order of an older version does not say, and the peer is let in without.
        Some(Order::Serve { volumes, peer, .. }) => *peer == wanted && *volumes == ends.volumes,
        Some(Order::Idle | Order::Pass { .. } | Order::Compare { .. }) | None => false,
    }
}

fn fingerprint(end: &Mover) -> Option<Fingerprint> {
    end.report().map(|report| report.fingerprint.clone())
}

fn address(end: &Mover) -> Option<IpAddr> {
    facts::text(&end.pod, "/status/podIP").parse().ok()
}

fn destination(ends: &Ends) -> Option<PassTarget> {
    let Some(target) = &ends.target else { return Some(PassTarget::Here) };
    let report = target.report()?;
    let address = SocketAddr::new(address(target)?, report.port).to_string();
    Some(PassTarget::Peer { address, fingerprint: report.fingerprint.clone() })
}

fn failed(report: &Report, orders: &Orders) -> Result<Pass, StepError> {
    // A mover that was started again has a new certificate: its peer is told, and the pass ordered anew.
    let is_of_peer = report.failure.as_ref().is_some_and(|failure| failure.reason == Reason::Peer);
    if is_of_peer && orders.sequence < ORDERS_MAX_BEFORE_PEER_FAILS { Ok(Pass::NotOrdered) } else { Err(failure(report)) }
}

/// Why a mover failed, for a person.
fn failure(report: &Report) -> StepError {
    let Some(failure) = &report.failure else { return StepError::failed("the mover failed and did not say why") };
    let volume = failure.volume.as_ref().map(|volume| format!(" (volume {volume})")).unwrap_or_default();
    let why = format!("{}{volume}", failure.message);
    match failure.reason {
        Reason::TargetFull => StepError::hinted(
            format!("the target volume is full: {why}"),
            "a file system can need more room than the same data on another; try a class or size with more",
        )
        .for_good(),
        Reason::NotStopped => StepError::hinted(
            format!("the app still writes: {why}"),
            "find who mounts the claim, in the app's namespace or outside of Kubernetes, and stop it",
        ),
        // Trying again with this target would come to the same end.
        Reason::CannotKeep | Reason::NotTheSame => StepError::failed(format!("the copy failed: {why}")).for_good(),
        Reason::SourceUnreadable if why.contains("Permission denied") => StepError::hinted(
            format!("the copy failed: {why}"),
            "if the movers run as root and the app can read it, as on an export that squashes root, plan anew with `--run-movers-as-app`",
        ),
        Reason::SourceUnreadable | Reason::Peer | Reason::BadOrder | Reason::System => StepError::failed(format!("the copy failed: {why}")),
        Reason::EngineSilent => StepError::failed(format!("the mover ended by itself: {why}")),
    }
}

fn done(ends: &Ends, report: &Report, last: bool) -> Result<Pass, StepError> {
    let target = ends.target.as_ref().and_then(|end| end.report().cloned());
    // The proof needs both ends' own digests, so wait for the other one too.
    if last && target.as_ref().is_some_and(|report| report.state != MoverState::Done) {
        return Ok(at_it(ends, report));
    }
    Ok(Pass::Done { source: report.clone(), target })
}

/// What a step stands at whose pass was ordered.
pub(super) fn ordered(lost_after: Duration) -> Standing {
    Standing::Underway(Progress {
        waiting_for: "the mover to begin".to_owned(),
        remind_after: Some(orders::REMIND_AFTER),
        lost_after: Some(lost_after),
        ..Progress::default()
    })
}

/// What a step stands at that does not know where its pass does.
pub(super) fn unheard(whom: String, lost_after: Duration) -> Standing {
    Standing::Underway(Progress { waiting_for: whom, lost_after: Some(lost_after), ..Progress::default() })
}

/// What a step stands at whose pass is underway.
pub(super) fn running(pass: &str, report: Report, lost_after: Duration) -> Standing {
    let begun = report.volumes.iter().any(|volume| volume.phase != Phase::Waiting);
    let waiting_for = if begun { pass } else { "the movers to reach each other" };
    Standing::Underway(Progress {
        waiting_for: waiting_for.to_owned(),
        volumes: report.volumes,
        lost_after: Some(lost_after),
        ..Progress::default()
    })
}

/// Changes a pod whose order was not taken, the target's first, so that its kubelet looks at it again.
pub(super) async fn remind(world: &World, route: &Route) -> Result<(), StepError> {
    let Ok(ends) = look_at(world, route).await? else { return Ok(()) };
    let (place, end) = match ends.target.filter(Mover::is_behind) {
        Some(target) => (world.at(End::Target), target),
        None if ends.source.is_behind() => (world.at(End::Source), ends.source),
        None => return Ok(()),
    };
    annotate(place, &end.pod, marks::reminder(&end.pod)).await
}

/// Orders the next pass: first the target end, if it does not serve this source end yet, and the source end once that listens. One change
/// a call.
pub(super) async fn order(world: &World, route: &Route, last: bool) -> Result<(), StepError> {
    let Ok(ends) = look_at(world, route).await? else { return Ok(()) };
    if let Some(target) = &ends.target
        && !peer_is_served(&ends)
    {
        let Some(peer) = fingerprint(&ends.source) else { return Ok(()) };
        let order = Order::Serve { volumes: ends.volumes.clone(), peer, peer_address: address(&ends.source) };
        return send(world.at(End::Target), target, order, None).await;
    }
    if !is_open(&ends)? {
        return Ok(());
    }
    let Some(to) = destination(&ends) else { return Ok(()) };
    let order =
        Order::Pass { volumes: ends.volumes.clone(), to, last, bytes_per_second_max: route.bytes_per_second_max, throttle: route.throttle };
    let passes = passes_so_far(&ends.source);
    send(world.at(End::Source), &ends.source, order, Some(passes)).await
}

async fn send(place: &Place, end: &Mover, order: Order, passes: Option<Vec<u64>>) -> Result<(), StepError> {
    let sequence = end.orders.as_ref().map_or(0, |orders| orders.sequence) + 1;
    let orders = Orders { heartbeat: Some(0), silence_secs_max: Some(SILENCE_SECS_MAX), ..Orders::new(sequence, order) };
    let text = serde_json::to_string(&orders).expect("orders have only string keys");
    let mut annotations = json!({ marks::ORDERS: text });
    if let Some(passes) = passes {
        annotations[marks::PASSES] = json!(serde_json::to_string(&passes).expect("numbers are JSON"));
    }
    annotate(place, &end.pod, annotations).await
}

/// Tells a mover that its engine is still there: its orders stay what they are.
pub(in crate::steps) async fn beat(world: &World, name: &str) -> Result<(), StepError> {
    let Some(pod) = world.at_mover(name).get(&Kind::POD, name).await? else { return Ok(()) };
    let orders: Option<Orders> = pod["metadata"]["annotations"][marks::ORDERS].as_str().and_then(|text| serde_json::from_str(text).ok());
    let Some(orders) = orders.filter(|_| !facts::is_terminating(&pod) && world.movers.strange(&pod).is_none()) else { return Ok(()) };
    let orders = Orders { heartbeat: Some(orders.heartbeat.unwrap_or(0) + 1), silence_secs_max: Some(SILENCE_SECS_MAX), ..orders };
    let text = serde_json::to_string(&orders).expect("orders have only string keys");
    annotate(world.at_mover(name), &pod, json!({ marks::ORDERS: text })).await
}

async fn annotate(place: &Place, pod: &Value, annotations: Value) -> Result<(), StepError> {
    let mut metadata = facts::only(pod);
    metadata["annotations"] = annotations;
    place.patch(&Kind::POD, facts::name(pod), &json!({ "metadata": metadata })).await?;
    Ok(())
}

/// What each warm pass so far predicted for a last pass, in milliseconds: those noted with earlier orders and the one just done.
fn passes_so_far(source: &Mover) -> Vec<u64> {
    let mut passes = noted(source);
    if let Some(report) = source.report().filter(|report| report.state == MoverState::Done) {
        passes.push(predicted_ms(report));
    }
    passes
}

/// What was noted of passes with the orders so far.
fn noted(source: &Mover) -> Vec<u64> {
    let noted = source.pod["metadata"]["annotations"][marks::PASSES].as_str();
    noted.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// As [`passes_so_far`], of a route's source end.
pub(super) async fn passes(world: &World, route: &Route) -> Result<Vec<u64>, StepError> {
    let source = end(world, world.at(End::Source), &route.source_pod).await?;
    Ok(source.as_ref().map(passes_so_far).unwrap_or_default())
}

/// What a last pass over all volumes would take: they share the machine, so their times add up.
fn predicted_ms(report: &Report) -> u64 {
    report.volumes.iter().map(|volume| volume.predicted_last_pass_ms.unwrap_or(volume.elapsed_ms)).sum()
}

#[cfg(test)]
mod tests {
    use crate::contract::orders::{Failure, VolumeMode};

    use super::*;

    fn volumes() -> Vec<Volume> {
        vec![Volume { name: "data".to_owned(), mode: VolumeMode::Filesystem }]
    }

    fn report(name: &str, sequence: u64, state: MoverState, port: u16) -> Report {
        let fingerprint = Fingerprint(name.to_owned());
        Report { version: orders::VERSION, sequence, state, fingerprint, port, volumes: Vec::new(), volumes_left_out: 0, failure: None }
    }

    fn end(order: Option<Order>, report: Report, ip: &str) -> Mover {
        let orders = order.map(|order| Orders::new(1, order));
        let pod = json!({ "status": { "phase": "Running", "podIP": ip } });
        Mover { pod, orders, answer: Answer::Report(report) }
    }

    fn serve(peer_address: Option<IpAddr>) -> Order {
        Order::Serve { volumes: volumes(), peer: Fingerprint("source".to_owned()), peer_address }
    }

    fn pass_to(address: &str) -> Order {
        let to = PassTarget::Peer { address: address.to_owned(), fingerprint: Fingerprint("target".to_owned()) };
        Order::Pass { volumes: volumes(), to, last: false, bytes_per_second_max: None, throttle: false }
    }

    /// A source end with this order and a target end that says this.
    fn stand_of(source: Option<Order>, serving: Order, target: Report) -> Result<Pass, StepError> {
        let is_ordered = u64::from(source.is_some());
        let source = end(source, report("source", is_ordered, MoverState::Running, 0), "10.0.0.1");
        pass_of(&Ends { volumes: volumes(), source, target: Some(end(Some(serving), target, "fd00::2")) }, false)
    }

    #[test]
    fn a_source_is_ordered_once_its_target_has_taken_its_order_and_listens() {
        let of_target =
            |sequence, port| stand_of(None, serve(None), report("target", sequence, MoverState::Running, port)).expect("no failure");
        assert!(matches!(of_target(0, 0), Pass::Ordered), "it has not taken its order");
        assert!(matches!(of_target(0, 7777), Pass::Ordered), "the port is of an earlier order, or of a mover that listens always");
        assert!(matches!(of_target(1, 0), Pass::Ordered), "it does not listen");
        assert!(matches!(of_target(1, 7777), Pass::NotOrdered), "now the source can be told where to send");
    }

    #[test]
    fn a_pass_to_where_the_target_listened_before_is_ordered_anew() {
        let of_port = |port| {
            let target = report("target", 1, MoverState::Running, port);
            stand_of(Some(pass_to("[fd00::2]:7777")), serve(None), target).expect("no failure")
        };
        assert!(matches!(of_port(7777), Pass::Running { .. }));
        assert!(matches!(of_port(7778), Pass::NotOrdered));
        assert!(matches!(of_port(0), Pass::Ordered), "there is no other place yet");
    }

    /// Orders of older versions do not say from where the peer comes; pods may have got an address since.
    #[test]
    fn a_target_is_not_ordered_again_for_the_address_of_its_peer() {
        for address in [None, Some(IpAddr::from([10, 0, 0, 1])), Some(IpAddr::from([10, 0, 0, 9]))] {
            let target = report("target", 1, MoverState::Running, 7777);
            let stand = stand_of(Some(pass_to("[fd00::2]:7777")), serve(address), target);
            assert!(matches!(stand, Ok(Pass::Running { .. })), "{address:?}: {stand:?}");
        }
    }

    #[test]
    fn a_target_that_is_through_before_its_source_is_not_ordered_again() {
        let target = report("target", 1, MoverState::Done, 7777);
        assert!(matches!(stand_of(Some(pass_to("[fd00::2]:7777")), serve(None), target), Ok(Pass::Running { .. })));
    }

    #[test]
    fn a_target_that_cannot_serve_is_not_waited_for() {
        let failure = Failure { reason: Reason::BadOrder, volume: None, message: "no such device".to_owned() };
        let target = Report { failure: Some(failure), ..report("target", 1, MoverState::Failed, 0) };
        let why = stand_of(None, serve(None), target).expect_err("it failed");
        assert!(why.to_string().contains("no such device"), "{why}");
    }

    #[test]
    fn volumes_that_are_not_told_of_are_noticed_before_the_app_is_stopped() {
        let target = Report { volumes_left_out: 12, ..report("target", 1, MoverState::Running, 7777) };
        let why = stand_of(Some(pass_to("[fd00::2]:7777")), serve(None), target).expect_err("they could not be proven");
        assert!(why.to_string().contains("12 volumes"), "{why}");
    }
}
