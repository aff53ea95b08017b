//! A stand-in for an API server that the real command can be run against: objects by their paths, over plain HTTP, read-only.
//!
//! It has no controllers and checks nothing: what happens to a cluster is for the simulation. It serves until the test ends.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tempfile::TempDir;

/// What it answers with, and what it was asked.
#[derive(Default)]
struct State {
    objects: BTreeMap<String, Value>,
    /// Paths that are refused, with the status and for how many more times.
    refused: BTreeMap<String, (u16, u32)>,
    asked: Vec<String>,
    /// Requests other than reads, questions about permissions left out.
    writes: Vec<String>,
}

/// The stand-in, and a folder with a kubeconfig for it.
pub(crate) struct Standin {
    state: Arc<Mutex<State>>,
    folder: TempDir,
}

/// What the command came to.
pub(crate) struct CommandOutput {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Standin {
    /// One that knows the discovery of the kinds that can be moved, and namespace `db`.
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("it listens"));
        let state: Arc<Mutex<State>> = Arc::default();
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for guest in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || drop(serve(&shared, &guest)));
            }
        });
        let folder = tempfile::tempdir().expect("a folder");
        let standin = Self { state, folder };
        std::fs::write(standin.config(), kubeconfig(&address)).expect("there is room");
        let kind =
            |plural: &str, kind: &str, short: &str| json!({ "name": plural, "singularName": "", "kind": kind, "shortNames": [short] });
        let core = [kind("pods", "Pod", "po"), kind("persistentvolumeclaims", "PersistentVolumeClaim", "pvc")];
        standin.put("/api/v1", json!({ "resources": core }));
        standin.put("/apis", json!({ "groups": [{ "name": "apps", "preferredVersion": { "version": "v1" } }] }));
        let apps = [kind("statefulsets", "StatefulSet", "sts"), kind("deployments", "Deployment", "deploy")];
        standin.put("/apis/apps/v1", json!({ "resources": apps }));
        standin.put("/version", json!({ "gitVersion": "v1.36.3" }));
        standin.put("/api/v1/namespaces/kube-system", json!({ "metadata": { "name": "kube-system", "uid": "uid-cluster" } }));
        standin.put("/api/v1/namespaces/db", json!({ "metadata": { "name": "db" } }));
        standin
    }

    /// Stores an object, or whatever is to be answered, under a path.
    pub(crate) fn put(&self, path: &str, object: Value) {
        self.state().objects.insert(path.to_owned(), object);
    }

    /// The paths that were asked for.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.state().asked.clone()
    }

    /// The requests that would have changed something.
    pub(crate) fn writes(&self) -> Vec<String> {
        self.state().writes.clone()
    }

    /// Refuses a path so many times, with a status.
    pub(crate) fn refuse(&self, path: &str, status: u16, times: u32) {
        self.state().refused.insert(path.to_owned(), (status, times));
    }

    /// A file beside the kubeconfig.
    pub(crate) fn file(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn config(&self) -> std::path::PathBuf {
        self.file("kubeconfig")
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("no code panics while holding this lock")
    }

    /// The command, which finds its kubeconfig by the environment.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-stateful"));
        command.args(args).env("KUBECONFIG", self.config()).env("KUBECTL_STATEFUL_MOVER_IMAGE", "mover:test");
        command.stdin(Stdio::null());
        command
    }

    /// Runs the command to its end.
    pub(crate) fn run(&self, args: &[&str]) -> CommandOutput {
        came(&mut self.command(args))
    }
}

/// Runs a command to its end.
pub(crate) fn came(command: &mut Command) -> CommandOutput {
    let Output { status, stdout, stderr } = command.output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    CommandOutput { code: status.code(), out: text(stdout), err: text(stderr) }
}

/// A kubeconfig of one context, `here`.
pub(crate) fn kubeconfig(address: &str) -> String {
    let cluster = json!([{ "name": "here", "cluster": { "server": address } }]);
    let user = json!([{ "name": "me", "user": { "token": "t" } }]);
    let context = json!([{ "name": "here", "context": { "cluster": "here", "user": "me", "namespace": "db" } }]);
    json!({ "apiVersion": "v1", "kind": "Config", "clusters": cluster, "users": user, "contexts": context, "current-context": "here" })
        .to_string()
}

fn serve(state: &Mutex<State>, guest: &TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(guest);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().expect("a number");
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut words = first.split_whitespace();
    let (method, uri) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (status, answer) = {
        let mut state = state.lock().expect("no code panics while holding this lock");
        answer(&mut state, method, uri, &body)
    };
    let text = answer.to_string();
    let head =
        format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", text.len());
    (&mut &*guest).write_all((head + &text).as_bytes())
}

fn answer(state: &mut State, method: &str, uri: &str, body: &[u8]) -> (u16, Value) {
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    state.asked.push(path.to_owned());
    if let Some((status, times)) = state.refused.get_mut(path).filter(|(_, times)| *times > 0) {
        *times -= 1;
        return (*status, json!({ "kind": "Status", "reason": "Refused", "message": "refused by the test" }));
    }
    if path.ends_with("/selfsubjectaccessreviews") {
        let mut review: Value = serde_json::from_slice(body).expect("JSON");
        review["status"] = json!({ "allowed": true });
        return (201, review);
    }
    // What is only tried is let in, and not stored.
    if (method == "POST" || method == "PATCH") && query.contains("dryRun=All") {
        return (201, serde_json::from_slice(body).expect("JSON"));
    }
    if method != "GET" {
        state.writes.push(format!("{method} {path}"));
        return (405, json!({ "kind": "Status", "reason": "MethodNotAllowed", "message": "the stand-in is read-only" }));
    }
    if let Some(object) = state.objects.get(path) {
        return (200, object.clone());
    }
    let is_collection = !path.ends_with("/api") && path.rsplit('/').next().is_some_and(|last| last.ends_with('s'));
    if !is_collection {
        return (404, json!({ "kind": "Status", "reason": "NotFound", "message": format!("{path} not found") }));
    }
    (200, json!({ "kind": "List", "metadata": {}, "items": listed(state, path, query) }))
}

/// The objects of a collection, in one namespace or in all, that match a selector of equalities.
fn listed(state: &State, path: &str, query: &str) -> Vec<Value> {
    let (beginning, plural) = path.rsplit_once('/').expect("a path");
    let within = |(at, _): &(&String, &Value)| {
        let Some((collection, _)) = at.rsplit_once('/') else { return false };
        let elsewhere = collection.starts_with(&format!("{beginning}/namespaces/")) && collection.ends_with(&format!("/{plural}"));
        collection == path || (!beginning.contains("/namespaces/") && elsewhere)
    };
    let selector = query.split('&').find_map(|pair| pair.strip_prefix("labelSelector=")).unwrap_or_default();
    let selector = selector.replace("%3D", "=").replace("%2F", "/").replace("%2C", ",");
    let matches = |object: &Value| {
        let wanted = selector.split(',').filter_map(|one| one.split_once('='));
        wanted.into_iter().all(|(key, value)| object["metadata"]["labels"][key] == value)
    };
    state.objects.iter().filter(within).map(|(_, object)| object.clone()).filter(matches).collect()
}

impl Standin {
    /// One with stateful set `pg` of one replica on class `slow`, as [`seen::set`](crate::seen::set) has it, and class `fast`.
    pub(crate) fn with_set() -> Self {
        let standin = Self::new();
        let seen = crate::seen::set(1, &["data"]);
        let mut set = seen.app.raw.clone();
        set["spec"]["selector"] = json!({ "matchLabels": { "app": "pg" } });
        standin.put("/apis/apps/v1/namespaces/db/statefulsets/pg", set);
        let owner = json!([{ "apiVersion": "apps/v1", "kind": "StatefulSet", "name": "pg", "uid": "uid-pg", "controller": true }]);
        standin.put(
            "/api/v1/namespaces/db/pods/pg-0",
            json!({ "metadata": { "name": "pg-0", "namespace": "db", "uid": "uid-pg-0", "labels": { "app": "pg" }, "ownerReferences": owner },
                "spec": { "nodeName": "n1", "volumes": [{ "name": "data", "persistentVolumeClaim": { "claimName": "data-pg-0" } }] },
                "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] } }),
        );
        let claim = seen.claims[0].raw.clone();
        standin.put("/api/v1/namespaces/db/persistentvolumeclaims/data-pg-0", claim);
        let reference = json!({ "namespace": "db", "name": "data-pg-0", "uid": "uid-data-pg-0" });
        standin.put(
            "/api/v1/persistentvolumes/pv-data-pg-0",
            json!({ "metadata": { "name": "pv-data-pg-0", "uid": "uid-pv-data-pg-0" }, "status": { "phase": "Bound" },
                "spec": { "persistentVolumeReclaimPolicy": "Delete", "claimRef": reference, "csi": { "driver": "slow.csi" } } }),
        );
        for class in ["slow", "fast"] {
            let mode = "WaitForFirstConsumer";
            let class = json!({ "metadata": { "name": class }, "provisioner": format!("{class}.csi"), "volumeBindingMode": mode });
            standin.put(
                &format!("/apis/storage.k8s.io/v1/storageclasses/{}", class["metadata"]["name"].as_str().expect("a name")),
                class.clone(),
            );
        }
        let labels = json!({ "kubernetes.io/hostname": "n1" });
        let ready = json!([{ "type": "Ready", "status": "True" }]);
        standin.put(
            "/api/v1/nodes/n1",
            json!({ "metadata": { "name": "n1", "labels": labels }, "spec": {}, "status": { "conditions": ready } }),
        );
        standin
    }
}
