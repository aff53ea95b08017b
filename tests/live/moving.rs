//! A move that takes long enough for something to happen to it, and that must come through. What happens is not decided here.

use std::io::{BufRead, BufReader};
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::apps;
use crate::harness::{Ran, Space};

/// Reads events until a step of this name begins to act; what comes after is read too, and kept.
#[track_caller]
pub(crate) fn until_acting(child: &mut Child, step: &str) -> Arc<Mutex<Vec<String>>> {
    let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
    let begins = |line: String| {
        let notice: Value = serde_json::from_str(&line).unwrap_or_default();
        notice["type"] == "acting" && notice["step"].as_str().is_some_and(|name| name.starts_with(&format!("{step}:")))
    };
    assert!(lines.by_ref().map_while(Result::ok).any(begins), "the move ended before step {step}");
    let after = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&after);
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| keep.lock().expect("nobody panics with it").push(line)));
    after
}

/// A move to another class, from its first second to its last.
pub(crate) struct Move {
    space: Space,
    set: String,
    from: String,
    class: String,
    child: Child,
    /// Its events since then.
    events: Arc<Mutex<Vec<String>>>,
}

impl Move {
    /// Starts a move whose copies take some seconds, and waits until this step begins to act.
    pub(crate) fn at(name: &str, classes: (&str, &str), step: &str) -> Move {
        Move::begun(name, classes, step, &[])
    }

    /// The same with all the copying while the app is down, in the last pass.
    pub(crate) fn cold_at(name: &str, classes: (&str, &str), step: &str) -> Move {
        Move::begun(name, classes, step, &["--cold"])
    }

    /// The same from the first node to the second, each with a class of its own.
    pub(crate) fn cold_between_nodes(name: &str, step: &str) -> Move {
        let space = Space::new(name);
        let [from, to] = ["1", "2"].map(|node| apps::class_on(&space, &space.node(node)));
        Move::begun_in(space, name, (&from, &to), step, &["--cold"])
    }

    fn begun(name: &str, classes: (&str, &str), step: &str, more: &[&str]) -> Move {
        Move::begun_in(Space::new(name), name, classes, step, more)
    }

    fn begun_in(space: Space, name: &str, (from, to): (&str, &str), step: &str, more: &[&str]) -> Move {
        apps::set(&space, name, 1, &[("data", from)]);
        let reference = format!("sts/{name}");
        let args = ["execute", &reference, "--to-storage-class", to, "--yes", "-o", "jsonl", "--run", name, "--bandwidth-limit", "200Ki"];
        let mut child = space.start_stateful(&[&args[..], more].concat());
        let events = until_acting(&mut child, step);
        // Long enough for movers to be in the middle of it, and much shorter than a copy that is held back.
        std::thread::sleep(Duration::from_secs(3));
        Move { space, set: name.to_owned(), from: from.to_owned(), class: to.to_owned(), child, events }
    }

    /// Lets it end, resumes it if it could not go on by itself, and looks whether everything is there.
    #[track_caller]
    pub(crate) fn comes_through(self) -> Space {
        let Move { space, set, class, child, .. } = self;
        let first = Ran::of(&child.wait_with_output().expect("it ends"));
        if first.code != 0 {
            let first = first.says("kubectl stateful execute --resume");
            let resumed = space.stateful(&["execute", "--resume", &set, "--yes"]);
            assert_eq!(resumed.code, 0, "at first:\n{}\nthen:\n{}\n{}", first.stderr, resumed.stdout, resumed.stderr);
        }
        space.until_ready(&format!("sts/{set}"));
        assert_eq!(space.claim(&format!("data-{set}-0")).0, class);
        apps::nothing_is_lost(&space, &format!("{set}-0"));
        space
    }

    /// Lets it end without having come through, for this reason, and looks whether the app is where it was, with everything.
    #[track_caller]
    pub(crate) fn comes_back(self, why: &str) {
        let Move { space, set, from, child, .. } = self;
        Ran::of(&child.wait_with_output().expect("it ends")).ends_with(5).says(why);
        space.until_ready(&format!("sts/{set}"));
        assert_eq!(space.claim(&format!("data-{set}-0")).0, from);
        apps::nothing_is_lost(&space, &format!("{set}-0"));
    }

    /// Waits until the app is up, though the move may not have ended.
    #[track_caller]
    pub(crate) fn app_is_up(&self) {
        let is_up = |space: &Space| space.get(&format!("sts/{}", self.set)).is_some_and(|set| set["status"]["readyReplicas"] == 1);
        self.space.until("the app to be up", is_up);
    }

    /// Takes away the classes that were made for it.
    pub(crate) fn forget_classes(&self) {
        self.space.kubectl(&["delete", "storageclass", &self.from, &self.class]);
    }

    /// Has the kubelet fail each mover pod for good, as it does when a node is short of something.
    #[track_caller]
    pub(crate) fn movers_are_failed(&self) {
        for pod in self.movers() {
            let name = pod["metadata"]["name"].as_str().expect("every object has one");
            self.space.kubectl(&["patch", "pod", name, "--patch", r#"{"spec":{"activeDeadlineSeconds":1}}"#]);
        }
    }

    /// Waits for the app's pod to be made again, and puts it on a node of that number, without asking whether it can be there.
    #[track_caller]
    pub(crate) fn app_is_put_on(&self, node: &str) {
        let pod = format!("{}-0", self.set);
        let is_pending = |space: &Space| {
            space
                .get(&format!("pod/{pod}"))
                .is_some_and(|pod| pod["spec"]["nodeName"].is_null() && pod["metadata"]["deletionTimestamp"].is_null())
        };
        self.space.until("the app's pod to be made again", is_pending);
        // Not what its forerunner was warned of.
        let why = format!("no node has been chosen for pod {pod}");
        let is_told = |_: &Space| self.events.lock().expect("nobody panics with it").iter().any(|line| line.contains(&why));
        self.space.until("the move to say what it waits for", is_told);
        let node = self.space.node(node);
        self.space.give(
            &["create", "--raw", &format!("/api/v1/namespaces/{}/pods/{pod}/binding", self.space.name)],
            &json!({
                "apiVersion": "v1", "kind": "Binding", "metadata": { "name": pod },
                "target": { "apiVersion": "v1", "kind": "Node", "name": node },
            }),
        );
        let message = |space: &Space| space.kubectl(&["get", "events", "-o", "json"]).contains("NodeAffinity check failed");
        self.space.until("the kubelet to refuse the volume", message);
    }

    /// The mover pods there are, at most a source and a target end.
    pub(crate) fn movers(&self) -> Vec<Value> {
        let list = self.space.kubectl(&["get", "pods", "-l", "app.kubernetes.io/managed-by=kubectl-stateful", "-o", "json"]);
        let list: Value = serde_json::from_str(&list).expect("kubectl prints JSON");
        list["items"].as_array().cloned().unwrap_or_default()
    }

    /// The number of the node that a mover is on.
    #[track_caller]
    pub(crate) fn node_of(&self, mover: usize) -> String {
        let movers = self.movers();
        let node = movers[mover]["spec"]["nodeName"].as_str().expect("it runs");
        node.rsplit_once("node").expect("nodes are numbered").1.to_owned()
    }
}
