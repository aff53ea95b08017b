//! The real binary, driven as a pod drives it: orders in a file, reports on standard output.

use std::io::{BufRead, BufReader, Lines};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use kubectl_stateful::contract::orders::{Fingerprint, MoverState, Order, Orders, PassTarget, Phase, Reason, Report, Volume, VolumeMode};
use rustix::process::{Pid, Signal};

use crate::{pod, trees};

/// A mover with its folders, of which everything it says is read.
pub(crate) struct Mover {
    folder: tempfile::TempDir,
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    ready: Report,
}

impl Mover {
    fn start() -> Mover {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["source/data", "target/data"] {
            std::fs::create_dir_all(folder.path().join(name)).expect("a folder");
        }
        Mover::start_in(folder)
    }

    /// Starts in a folder that has one for each end.
    pub(crate) fn start_in(folder: tempfile::TempDir) -> Mover {
        let path = |name: &str| folder.path().join(name);
        let mut command = Command::new(env!("CARGO_BIN_EXE_stateful-mover"));
        command.arg("agent");
        command.args([Path::new("--orders"), &path("orders"), Path::new("--state"), &path("state")]);
        command.args([Path::new("--source-root"), &path("source"), Path::new("--target-root"), &path("target")]);
        let mut child = pod::spawn(command.stdout(Stdio::piped()));
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let ready = next(&mut lines);
        assert_eq!((ready.state, ready.sequence), (MoverState::Ready, 0));
        assert_eq!(ready.fingerprint.0.len(), 64);
        Mover { folder, child, lines, ready }
    }

    pub(crate) fn source(&self) -> PathBuf {
        self.folder.path().join("source/data")
    }

    pub(crate) fn target(&self) -> PathBuf {
        self.folder.path().join("target/data")
    }

    pub(crate) fn order(&self, sequence: u64, order: Order) {
        self.say(&Orders::new(sequence, order));
    }

    fn say(&self, orders: &Orders) {
        let text = serde_json::to_string(orders).expect("JSON");
        // As the kubelet does it: the file is replaced, and may be seen half written by a reader that is quick.
        std::fs::write(self.folder.path().join("orders"), &text[..text.len() / 2]).expect("written");
        std::fs::write(self.folder.path().join("orders"), text).expect("written");
    }

    /// Reads reports on an order up to one in this state.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, sequence: u64, state: MoverState) -> Report {
        loop {
            let report = next(&mut self.lines);
            if report.sequence == sequence && report.state == state {
                return report;
            }
            let is_underway = report.sequence <= sequence && report.state == MoverState::Running;
            assert!(is_underway || report.sequence < sequence, "{report:?}");
        }
    }

    /// Returns the most memory that it had resident so far, in bytes.
    pub(crate) fn peak_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells it");
        peak.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
    }

    fn terminate(&self) {
        let pid = Pid::from_child(&self.child);
        rustix::process::kill_process(pid, Signal::TERM).expect("it is our child");
    }
}

impl Drop for Mover {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[track_caller]
fn next(lines: &mut Lines<BufReader<ChildStdout>>) -> Report {
    let line = lines.next().expect("another report").expect("readable");
    assert!(line.len() < 15 << 10, "{} bytes", line.len());
    serde_json::from_str(&line).expect("a report")
}

fn volumes() -> Vec<Volume> {
    vec![Volume { name: "data".to_owned(), mode: VolumeMode::Filesystem }]
}

pub(crate) fn pass(to: PassTarget, last: bool) -> Order {
    Order::Pass { volumes: volumes(), to, last, bytes_per_second_max: None, throttle: false }
}

/// Where a target that was told to serve is, by what it reported then.
fn peer(target: &Report) -> PassTarget {
    PassTarget::Peer { address: format!("127.0.0.1:{}", target.port), fingerprint: target.fingerprint.clone() }
}

fn serve(peer: &Fingerprint) -> Order {
    Order::Serve { volumes: volumes(), peer: peer.clone(), peer_address: Some(Ipv4Addr::LOCALHOST.into()) }
}

/// The ports on which a process listens, by the tables of its network and the sockets it has open.
fn listens(mover: &Mover) -> Vec<u16> {
    let process = PathBuf::from(format!("/proc/{}", mover.child.id()));
    let open = std::fs::read_dir(process.join("fd")).expect("a child's folder").filter_map(|one| std::fs::read_link(one.ok()?.path()).ok());
    let sockets: Vec<String> =
        open.filter_map(|link| link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']').map(str::to_owned)).collect();
    let tables = ["net/tcp", "net/tcp6"].map(|table| std::fs::read_to_string(process.join(table)).unwrap_or_default());
    let lines = tables.iter().flat_map(|table| table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>()));
    let listening = lines.filter(|fields| fields[3] == "0A" && sockets.iter().any(|socket| socket == fields[9]));
    listening.map(|fields| u16::from_str_radix(fields[1].rsplit(':').next().expect("a port"), 16).expect("a number")).collect()
}

fn fill(root: &Path) {
    for index in 0..50 {
        std::fs::write(root.join(format!("file-{index}")), trees::noise(index, 3000 * usize::from(index))).expect("a file");
    }
}

#[test]
fn a_local_move_warm_and_last() {
    let mut mover = Mover::start();
    fill(&mover.source());
    mover.order(1, pass(PassTarget::Here, false));
    let warm = mover.wait_for(1, MoverState::Done);
    assert_eq!(warm.volumes[0].entries, 51);
    assert!(warm.volumes[0].source_root.is_none());
    assert!(warm.volumes[0].predicted_last_pass_ms.is_some());
    assert_eq!(warm.volumes[0].bytes_done, warm.volumes[0].bytes);
    std::fs::write(mover.source().join("late"), "late").expect("a file");
    mover.order(2, pass(PassTarget::Here, true));
    let last = mover.wait_for(2, MoverState::Done);
    assert_eq!(last.volumes[0].phase, Phase::Through);
    assert!(last.volumes[0].source_root.is_some());
    assert_eq!(last.volumes[0].source_root, last.volumes[0].target_root);
    assert_eq!(last.volumes[0].bytes_changed, 4);
    assert_eq!(mover.child.wait().expect("it ends").code(), Some(0));
    trees::assert_same(&mover.source(), &mover.target());
}

#[test]
fn a_move_between_two_movers() {
    let (mut source, mut target) = (Mover::start(), Mover::start());
    fill(&source.source());
    target.order(1, serve(&source.ready.fingerprint));
    let serving = target.wait_for(1, MoverState::Running);
    source.order(1, pass(peer(&serving), false));
    let warm = source.wait_for(1, MoverState::Done);
    assert!(warm.volumes[0].bytes_sent > warm.volumes[0].bytes);
    target.wait_for(1, MoverState::Running);
    source.order(2, pass(peer(&serving), true));
    let (sent, received) = (source.wait_for(2, MoverState::Done), target.wait_for(1, MoverState::Done));
    assert_eq!(sent.volumes[0].source_root, received.volumes[0].target_root);
    assert_eq!(sent.volumes[0].target_root, received.volumes[0].target_root);
    assert!(sent.volumes[0].target_root.is_some());
    assert_eq!(source.child.wait().expect("it ends").code(), Some(0));
    assert_eq!(target.child.wait().expect("it ends").code(), Some(0));
    trees::assert_same(&source.source(), &target.target());
}

/// On a port of its own the target listens only between its order to serve and the next order, or the end of the last pass.
#[test]
fn a_mover_listens_only_while_it_serves() {
    let (mut source, mut target) = (Mover::start(), Mover::start());
    fill(&source.source());
    assert_eq!((listens(&target), target.ready.port), (Vec::new(), 0));
    target.order(1, serve(&source.ready.fingerprint));
    let serving = target.wait_for(1, MoverState::Running);
    assert_eq!(listens(&target), [serving.port]);
    target.order(2, Order::Idle);
    assert_eq!((target.wait_for(2, MoverState::Ready).port, listens(&target)), (0, Vec::new()));
    target.order(3, serve(&source.ready.fingerprint));
    let serving = target.wait_for(3, MoverState::Running);
    source.order(1, pass(peer(&serving), false));
    let warm = source.wait_for(1, MoverState::Done);
    assert_eq!((warm.port, listens(&source), listens(&target)), (0, Vec::new(), vec![serving.port]));
    source.order(2, pass(peer(&serving), true));
    let done = target.wait_for(3, MoverState::Done);
    assert_eq!(done.port, serving.port, "whoever looks for it later finds where the pass went");
}

#[test]
fn a_report_on_many_volumes_is_one_line_that_arrives() {
    let mut mover = Mover::start();
    let name = |number: usize| format!("data-{number}");
    let many: Vec<Volume> = (0..400).map(|number| Volume { name: name(number), mode: VolumeMode::Filesystem }).collect();
    for Volume { name, .. } in &many {
        for end in [mover.source(), mover.target()] {
            std::fs::create_dir(end.with_file_name(name)).expect("a folder");
        }
    }
    mover.order(1, Order::Pass { volumes: many, to: PassTarget::Here, last: true, bytes_per_second_max: None, throttle: false });
    let report = mover.wait_for(1, MoverState::Done);
    assert_eq!(report.volumes.len() as u64 + report.volumes_left_out, 400);
    assert!(report.volumes.len() > 40 && report.volumes.iter().all(|volume| volume.source_root.is_some() && volume.target_root.is_some()));
}

#[test]
fn ugly_names_are_told_in_one_line_that_arrives() {
    let mut mover = Mover::start();
    let other = mover.source().with_file_name("other");
    std::fs::create_dir(&other).expect("a folder");
    for number in 0..20 {
        std::fs::write(other.join(format!("{number:03}{}", "\u{1}".repeat(250))), "").expect("a file");
    }
    let both = ["data", "other"].map(|name| Volume { name: name.to_owned(), mode: VolumeMode::Filesystem });
    mover.order(1, Order::Compare { volumes: both.to_vec() });
    let [_, other] = mover.wait_for(1, MoverState::Done).volumes.try_into().expect("two");
    assert_eq!(other.differences.len() as u64 + other.differences_left_out, 20);
    assert!(!other.differences.is_empty());
}

#[test]
fn two_volumes_are_compared_and_left_as_they_are() {
    let mut mover = Mover::start();
    fill(&mover.source());
    let other = mover.source().with_file_name("other");
    std::fs::create_dir(&other).expect("a folder");
    fill(&other);
    for entry in std::fs::read_dir(&other).expect("a folder") {
        let file = std::fs::File::open(entry.expect("an entry").path()).expect("a file");
        file.set_modified(std::time::UNIX_EPOCH).expect("it is ours");
    }
    let both = ["data", "other"].map(|name| Volume { name: name.to_owned(), mode: VolumeMode::Filesystem });
    mover.order(1, Order::Compare { volumes: both[..1].to_vec() });
    assert_eq!(mover.wait_for(1, MoverState::Failed).failure.expect("why").reason, Reason::BadOrder);
    mover.order(2, Order::Compare { volumes: both.to_vec() });
    let [one, other] = mover.wait_for(2, MoverState::Done).volumes.try_into().expect("two");
    assert_ne!(one.source_root.expect("a root"), other.source_root.expect("a root"));
    // All files have other times; twenty of the differences are named.
    assert_eq!((one.differences.len(), other.differences.len()), (0, 20));
    assert_eq!(mover.child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn it_stays_up_after_a_failure_and_takes_the_next_order() {
    let mut mover = Mover::start();
    let unknown = Volume { name: "unknown".to_owned(), mode: VolumeMode::Filesystem };
    mover.order(1, Order::Pass { volumes: vec![unknown], to: PassTarget::Here, last: true, bytes_per_second_max: None, throttle: false });
    let failed = mover.wait_for(1, MoverState::Failed).failure.expect("why");
    assert_eq!((failed.reason, failed.volume.as_deref()), (Reason::BadOrder, Some("unknown")));
    mover.order(2, Order::Idle);
    mover.wait_for(2, MoverState::Ready);
    mover.order(3, pass(PassTarget::Here, true));
    mover.wait_for(3, MoverState::Done);
    assert_eq!(mover.child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn orders_of_a_newer_version_are_refused() {
    let mut mover = Mover::start();
    let text = r#"{"version":999,"sequence":4,"order":{"do":"somethingNew"}}"#;
    std::fs::write(mover.folder.path().join("orders"), text).expect("written");
    let failed = mover.wait_for(4, MoverState::Failed).failure.expect("why");
    assert_eq!(failed.reason, Reason::BadOrder);
}

#[test]
fn a_newer_order_ends_a_pass() {
    let mut mover = Mover::start();
    std::fs::write(mover.source().join("large"), trees::noise(1, 40 << 20)).expect("a file");
    mover.order(
        1,
        Order::Pass {
            volumes: volumes(),
            to: PassTarget::Here,
            last: true,
            // So slow that only being called off can end it.
            bytes_per_second_max: Some(4 << 20),
            throttle: false,
        },
    );
    mover.wait_for(1, MoverState::Running);
    mover.order(2, pass(PassTarget::Here, true));
    mover.wait_for(2, MoverState::Done);
    trees::assert_same(&mover.source(), &mover.target());
}

#[test]
fn it_ends_when_told_to_idle_or_busy() {
    let mut idle = Mover::start();
    idle.terminate();
    assert_eq!(idle.child.wait().expect("it ends").code(), Some(143));

    let mut busy = Mover::start();
    std::fs::write(busy.source().join("large"), trees::noise(1, 40 << 20)).expect("a file");
    busy.order(1, Order::Pass { volumes: volumes(), to: PassTarget::Here, last: true, bytes_per_second_max: Some(1), throttle: false });
    busy.wait_for(1, MoverState::Running);
    busy.terminate();
    assert_eq!(busy.child.wait().expect("it ends").code(), Some(143));
    let rest: Vec<Report> = busy.lines.by_ref().map(|line| serde_json::from_str(&line.expect("readable")).expect("whole lines")).collect();
    assert!(rest.iter().all(|report| report.state == MoverState::Running));
}

/// Whatever it is doing, and with a code after which its container is not started again.
#[test]
fn it_ends_by_itself_when_its_engine_is_silent() {
    let busy = Order::Pass { volumes: volumes(), to: PassTarget::Here, last: false, bytes_per_second_max: Some(1), throttle: false };
    for order in [Order::Idle, serve(&Fingerprint("0".repeat(64))), busy] {
        let mut mover = Mover::start();
        std::fs::write(mover.source().join("large"), trees::noise(1, 40 << 20)).expect("a file");
        mover.say(&Orders { heartbeat: Some(1), silence_secs_max: Some(1), ..Orders::new(7, order.clone()) });
        let last = mover.lines.by_ref().last().expect("a report").expect("readable");
        let last: Report = serde_json::from_str(&last).expect("a report");
        let failure = last.failure.expect("why");
        assert_eq!((last.sequence, last.state, failure.reason), (7, MoverState::Failed, Reason::EngineSilent), "{order:?}");
        assert_eq!(failure.message, "the engine has been silent for 1 s, so the mover ends");
        assert_eq!(mover.child.wait().expect("it ends").code(), Some(0));
    }
}

#[test]
fn a_sign_of_life_is_no_new_order_and_lets_a_pass_go_on() {
    let mut mover = Mover::start();
    fill(&mover.source());
    // It takes longer than silence may.
    let slow = Order::Pass { volumes: volumes(), to: PassTarget::Here, last: true, bytes_per_second_max: Some(1 << 20), throttle: false };
    let said = |heartbeat| Orders { heartbeat: Some(heartbeat), silence_secs_max: Some(2), ..Orders::new(1, slow.clone()) };
    mover.say(&said(0));
    let mut reports = 0;
    let done = loop {
        let report = next(&mut mover.lines);
        assert_eq!(report.failure, None);
        reports += 1;
        mover.say(&said(reports));
        if report.state == MoverState::Done {
            break report;
        }
    };
    assert!(done.volumes[0].elapsed_ms > 2000 && done.volumes[0].source_root.is_some(), "{done:?}");
    assert_eq!(mover.child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn a_restarted_mover_carries_out_the_same_orders_again() {
    let mut mover = Mover::start();
    fill(&mover.source());
    mover.order(1, pass(PassTarget::Here, true));
    let first = mover.wait_for(1, MoverState::Done);
    mover.child.wait().expect("it ends");
    let folder = std::mem::replace(&mut mover.folder, tempfile::tempdir().expect("a folder"));
    let mut again = Mover::start_in(folder);
    let second = again.wait_for(1, MoverState::Done);
    assert_ne!(first.fingerprint, second.fingerprint);
    assert_eq!(first.volumes[0].source_root, second.volumes[0].source_root);
    assert_eq!(second.volumes[0].entries_changed, 0);
}

#[test]
fn a_source_that_is_not_the_peer_is_not_let_in() {
    let (mut stranger, mut target) = (Mover::start(), Mover::start());
    fill(&stranger.source());
    target.order(1, serve(&Fingerprint("0".repeat(64))));
    let serving = target.wait_for(1, MoverState::Running);
    stranger.order(1, pass(peer(&serving), true));
    stranger.wait_for(1, MoverState::Running);
    stranger.order(2, Order::Idle);
    stranger.wait_for(2, MoverState::Ready);
    assert_eq!(std::fs::read_dir(target.target()).expect("a folder").count(), 0);
}
