//! A namespace of a test's own, kubectl, and the command under test. Decides nothing about what is right.

use std::io::Write;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The image that `tests/cluster/mover-image` makes and `load` puts on every node.
const MOVER_IMAGE: &str = "localhost/stateful-mover:dev";

/// How long anything that should come about may take.
const PATIENCE: Duration = Duration::from_secs(180);

/// What a command printed, and its exit code.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Fails the test unless the command ended with this code.
    #[track_caller]
    pub(crate) fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Fails the test unless the words stand in what was printed to stderr.
    #[track_caller]
    pub(crate) fn says(self, words: &str) -> Self {
        assert!(self.stderr.contains(words), "`{words}` is not in:\n{}", self.stderr);
        self
    }
}

/// A namespace of a test's own; gone with everything in it when the test ends.
pub(crate) struct Space {
    pub(crate) name: String,
    kubeconfig: String,
}

impl Space {
    /// Makes a namespace named after the test.
    pub(crate) fn new(test: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        #[expect(clippy::disallowed_methods, reason = "a test is its own command line")]
        let kubeconfig = std::env::var("STATEFUL_LIVE_KUBECONFIG").expect("the cluster's kubeconfig: run `tests/run live`");
        let count = COUNT.fetch_add(1, Ordering::SeqCst);
        let space = Self { name: format!("live-{test}-{}-{count}", std::process::id()), kubeconfig };
        space.kubectl(&["create", "namespace", &space.name]);
        space
    }

    pub(crate) fn kubeconfig(&self) -> &str {
        &self.kubeconfig
    }

    fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        // kubectl is over before it would be worth its while to collect memory.
        command.args(args).env("KUBECONFIG", &self.kubeconfig).env("TERM", "dumb").env("GOGC", "off");
        command.env("KUBECTL_STATEFUL_MOVER_IMAGE", MOVER_IMAGE);
        command
    }

    /// Runs kubectl in the namespace, which must succeed; returns what it printed.
    #[track_caller]
    pub(crate) fn kubectl(&self, args: &[&str]) -> String {
        let ran = self.try_kubectl(args);
        assert_eq!(ran.code, 0, "kubectl {args:?}: {}", ran.stderr);
        ran.stdout
    }

    /// Runs kubectl in the namespace.
    pub(crate) fn try_kubectl(&self, args: &[&str]) -> Ran {
        let all: Vec<&str> = ["-n", &self.name].iter().chain(args).copied().collect();
        Ran::of(&self.command("kubectl", &all).output().expect("kubectl is on the PATH: run `tests/run live`"))
    }

    /// Applies a manifest.
    #[track_caller]
    pub(crate) fn apply(&self, manifest: &Value) {
        self.give(&["-n", &self.name, "apply"], manifest);
    }

    /// Gives a manifest to kubectl, which must take it.
    #[track_caller]
    pub(crate) fn give(&self, args: &[&str], manifest: &Value) {
        let mut child = self
            .command("kubectl", &[args, &["-f", "-"]].concat())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("kubectl is on the PATH");
        child.stdin.take().expect("stdin is piped").write_all(manifest.to_string().as_bytes()).expect("kubectl reads");
        let ran = Ran::of(&child.wait_with_output().expect("kubectl ends"));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }

    /// Returns an object; none when there is none.
    pub(crate) fn get(&self, reference: &str) -> Option<Value> {
        let ran = self.try_kubectl(&["get", reference, "-o", "json"]);
        (ran.code == 0).then(|| serde_json::from_str(&ran.stdout).expect("kubectl prints JSON"))
    }

    /// Runs a shell line in a pod, which must succeed; returns what it printed.
    #[track_caller]
    pub(crate) fn shell(&self, pod: &str, line: &str) -> String {
        self.kubectl(&["exec", pod, "--", "sh", "-c", line])
    }

    /// Waits until something holds.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let since = Instant::now();
        while !holds(self) {
            assert!(since.elapsed() < PATIENCE, "waited in vain for {what}; there is:\n{}", self.seen());
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    /// The name of the node of this number.
    #[track_caller]
    pub(crate) fn node(&self, number: &str) -> String {
        let nodes = self.kubectl(&["get", "nodes", "-o", "name"]);
        let node = nodes.lines().find(|one| one.ends_with(&format!("node{number}"))).expect("nodes are numbered");
        node.trim_start_matches("node/").to_owned()
    }

    /// Waits until a set, deployment or pod is ready; by a watch, since a kubectl started over and over is what the machine would be busy with.
    #[track_caller]
    pub(crate) fn until_ready(&self, reference: &str) {
        let object = self.get(reference).unwrap_or_else(|| panic!("there is no {reference}"));
        let condition = match object["spec"]["replicas"].as_u64() {
            Some(0) => return,
            Some(count) => format!("jsonpath={{.status.readyReplicas}}={count}"),
            None => "condition=Ready".to_owned(),
        };
        let (condition, patience) = (format!("--for={condition}"), format!("--timeout={}s", PATIENCE.as_secs()));
        let ran = self.try_kubectl(&["wait", reference, &condition, &patience]);
        assert_eq!(ran.code, 0, "{}; there is:\n{}", ran.stderr, self.seen());
    }

    /// What there is and what happened, for a test that fails.
    fn seen(&self) -> String {
        let conditions =
            self.try_kubectl(&["get", "pods", "-o", "jsonpath={range .items[*]}{.metadata.name} {.status.conditions}{\"\\n\"}{end}"]);
        self.try_kubectl(&["get", "sts,deploy,pods,pvc,cm,leases,events", "-o", "wide"]).stdout + &conditions.stdout
    }

    /// Runs the command under test in the namespace, to its end.
    pub(crate) fn stateful(&self, args: &[&str]) -> Ran {
        Ran::of(&self.stateful_command(args).output().expect("the command starts"))
    }

    /// Runs the command under test with these arguments and no others.
    pub(crate) fn stateful_as_typed(&self, args: &[&str]) -> Ran {
        Ran::of(&self.command(env!("CARGO_BIN_EXE_kubectl-stateful"), args).output().expect("the command starts"))
    }

    /// Starts the command under test in the namespace.
    pub(crate) fn start_stateful(&self, args: &[&str]) -> Child {
        self.stateful_command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command starts")
    }

    fn stateful_command(&self, args: &[&str]) -> Command {
        let all: Vec<&str> = args.iter().copied().chain(["-n", self.name.as_str()]).collect();
        self.command(env!("CARGO_BIN_EXE_kubectl-stateful"), &all)
    }

    /// Names of volumes that were ever bound to a claim of this namespace and are still there.
    pub(crate) fn volumes(&self) -> Vec<Value> {
        let list: Value = serde_json::from_str(&self.kubectl(&["get", "pv", "-o", "json"])).expect("kubectl prints JSON");
        let items = list["items"].as_array().cloned().unwrap_or_default();
        items.into_iter().filter(|volume| volume["spec"]["claimRef"]["namespace"] == self.name.as_str()).collect()
    }

    /// The class and volume of a claim.
    #[track_caller]
    pub(crate) fn claim(&self, name: &str) -> (String, String) {
        let claim = self.get(&format!("pvc/{name}")).unwrap_or_else(|| panic!("there is no claim {name}"));
        assert_eq!(claim["status"]["phase"], "Bound", "{claim}");
        let text = |field: &str| claim["spec"][field].as_str().unwrap_or_default().to_owned();
        (text("storageClassName"), text("volumeName"))
    }

    /// Everything in the namespace that bears our run label, as `kind/name`.
    pub(crate) fn ours(&self) -> Vec<String> {
        let kinds = "pods,pvc,configmaps,leases";
        let found = self.kubectl(&["get", kinds, "-l", "app.kubernetes.io/managed-by=kubectl-stateful", "-o", "name"]);
        found.lines().map(str::to_owned).collect()
    }
}

impl Drop for Space {
    #[expect(clippy::print_stderr, reason = "what a failed test leaves to read")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("namespace {} at the failure:\n{}", self.name, self.seen());
        }
        let volumes: Vec<String> =
            self.volumes().iter().filter_map(|volume| volume["metadata"]["name"].as_str().map(str::to_owned)).collect();
        self.try_kubectl(&["delete", "namespace", &self.name, "--wait=true", "--timeout=120s"]);
        for volume in volumes {
            let policy = r#"{"spec":{"persistentVolumeReclaimPolicy":"Delete"}}"#;
            self.try_kubectl(&["patch", "pv", &volume, "--patch", policy]);
        }
    }
}
