//! What breaks beneath a move: the API server, its store, kubelets, the network between nodes.
//!
//! Each of these is felt by everybody on the cluster, so that they run one at a time, on a cluster of their own (`tests/run`). Calls that
//! fail one by one are tested in `tests/it`, all of them; here are the outages that no simulation shows as they are.

use std::process::Command;
use std::time::Duration;

use crate::moving::Move;

/// Runs a script of the test cluster, which must succeed.
#[track_caller]
fn cluster(script: &str, args: &[&str]) {
    #[expect(clippy::disallowed_methods, reason = "a test is its own command line")]
    let name = std::env::var("STATEFUL_LIVE_CLUSTER").expect("the cluster's name: run `tests/run live`");
    let path = format!("{}/tests/cluster/{script}", env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(path).arg(name).args(args).output().expect("the script is there");
    assert!(output.status.success(), "{script} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// An outage; over at the latest when the test ends.
struct Outage {
    script: &'static str,
    args: Vec<String>,
}

impl Outage {
    /// A component of the cluster ends, without a chance to put anything in order.
    #[track_caller]
    fn of(component: &str) -> Outage {
        cluster("stop", &[component, "KILL"]);
        Outage { script: "start", args: vec![component.to_owned()] }
    }

    /// A node hears and is heard by nobody.
    #[track_caller]
    fn of_network(node: &str) -> Outage {
        cluster("network", &[node, "cut"]);
        Outage { script: "network", args: vec![node.to_owned(), "mend".to_owned()] }
    }

    fn lasts(self, seconds: u64) {
        std::thread::sleep(Duration::from_secs(seconds));
        drop(self);
    }
}

impl Drop for Outage {
    fn drop(&mut self) {
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        cluster(self.script, &args);
    }
}

#[test]
fn the_api_server_is_down_for_a_minute_in_mid_copy() {
    let moving = Move::at("apidown", ("slow", "fast"), "warm-copy");
    Outage::of("apiserver").lasts(60);
    moving.comes_through();
}

/// Longer than a restart of it may take.
#[test]
fn the_api_server_is_down_while_the_app_is() {
    let moving = Move::cold_at("apilate", ("slow", "fast"), "last-pass");
    Outage::of("apiserver").lasts(120);
    moving.comes_through();
}

/// The app is brought back while the node is still lost; what is on that node goes when it is there again.
#[test]
fn the_node_of_the_target_is_lost_while_the_app_is_down() {
    let moving = Move::cold_between_nodes("lostnode", "last-pass");
    let kubelet = Outage::of("node2-kubelet");
    moving.app_is_up();
    drop(kubelet);
    moving.forget_classes();
    moving.comes_back("heard nothing new");
}

/// What the scheduler does that did not hear yet that a claim was made again, as it may be after an outage of the API server.
#[test]
fn the_app_is_put_on_a_node_that_its_new_volume_cannot_be_reached_from() {
    let moving = Move::cold_at("misplaced", ("slow", "fast"), "last-pass");
    let other = if moving.node_of(0) == "1" { "2" } else { "1" };
    let scheduler = Outage::of("sched");
    moving.app_is_put_on(other);
    drop(scheduler);
    moving.comes_through();
}

#[test]
fn etcd_is_restarted_in_mid_copy() {
    let moving = Move::at("etcd", ("slow", "fast"), "warm-copy");
    Outage::of("etcd").lasts(1);
    Outage::of("etcd").lasts(15);
    moving.comes_through();
}

#[test]
fn the_kubelets_of_both_ends_are_down_for_a_minute() {
    let moving = Move::at("kubelets", ("slow", "fast-now"), "warm-copy");
    let mut nodes: Vec<String> = (0..moving.movers().len()).map(|mover| moving.node_of(mover)).collect();
    nodes.dedup();
    let outages: Vec<Outage> = nodes.iter().map(|node| Outage::of(&format!("node{node}-kubelet"))).collect();
    std::thread::sleep(Duration::from_secs(60));
    drop(outages);
    moving.comes_through();
}

#[test]
fn the_network_is_cut_during_a_pass() {
    let moving = Move::at("cut", ("slow", "fast-now"), "warm-copy");
    let node = moving.node_of(0);
    Outage::of_network(&node).lasts(25);
    moving.comes_through();
}
