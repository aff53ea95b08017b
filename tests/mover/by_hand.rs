//! The commands that a person starts: copies, digests and comparisons with their reports.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use crate::{pod, trees};

fn mover(arguments: &[&Path]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stateful-mover"));
    command.args(arguments);
    command
}

/// Runs a command that must succeed; returns the last line of what it printed.
#[track_caller]
fn report(arguments: &[&Path]) -> Value {
    let output = pod::output(mover(arguments).arg("--json"));
    assert!(output.status.success(), "{}", errors_of(&output));
    let text = String::from_utf8(output.stdout).expect("text");
    serde_json::from_str(text.lines().last().expect("a line")).expect("JSON")
}

fn errors_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

struct Folders {
    all: tempfile::TempDir,
}

impl Folders {
    fn new() -> Folders {
        let all = tempfile::tempdir().expect("a folder");
        for name in ["source", "target"] {
            std::fs::create_dir(all.path().join(name)).expect("a folder");
        }
        for index in 0..20 {
            let content = trees::noise(index, 9000 * usize::from(index));
            std::fs::write(all.path().join(format!("source/file-{index}")), content).expect("a file");
        }
        Folders { all }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.all.path().join(name)
    }

    fn serve(&self, is_unproven: bool) -> (Child, BufReader<std::process::ChildStdout>, String) {
        let mut command = mover(&[Path::new("serve"), &self.path("target"), Path::new("--keys"), &self.path("keys")]);
        if is_unproven {
            command.arg("--unproven");
        }
        let mut child = pod::spawn(command.arg("--json").stdout(Stdio::piped()));
        let mut lines = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        lines.read_line(&mut line).expect("a line");
        let told: Value = serde_json::from_str(&line).expect("JSON");
        let address = format!("127.0.0.1:{}", told["port"]);
        (child, lines, address)
    }
}

#[test]
fn a_local_copy_reports_what_it_did_and_remembers_it() {
    let folders = Folders::new();
    let (source, target, state) = (folders.path("source"), folders.path("target"), folders.path("state"));
    let arguments = [Path::new("local"), &source, &target, Path::new("--state"), &state];
    let first = report(&arguments);
    assert_eq!((&first["entries"], &first["entriesChanged"], &first["sourceRoot"]), (&21.into(), &21.into(), &Value::Null));
    std::fs::write(source.join("late"), "late").expect("a file");
    let last = report(&[&arguments[..], &[Path::new("--last")]].concat());
    assert_eq!(last["bytesChanged"], 4);
    assert_eq!(last["sourceRoot"], last["targetRoot"]);
    assert_eq!(report(&[Path::new("digest"), &target])["root"], last["targetRoot"]);
    trees::assert_same(&source, &target);
}

#[test]
fn a_copy_that_was_not_to_be_proven_claims_no_target_root() {
    let folders = Folders::new();
    let (source, target) = (folders.path("source"), folders.path("target"));
    let local = report(&[Path::new("local"), &source, &target, Path::new("--last"), Path::new("--unproven")]);
    assert!(local["sourceRoot"].is_string());
    assert!(local["targetRoot"].is_null());
    trees::assert_same(&source, &target);
}

/// Sends to a serving mover; returns what both reported.
#[track_caller]
fn over_the_network(folders: &Folders, is_unproven: bool) -> (Value, Value) {
    let made = pod::output(&mut mover(&[Path::new("keys"), &folders.path("keys")]));
    assert!(made.status.success(), "{}", errors_of(&made));
    let (mut child, lines, address) = folders.serve(is_unproven);
    let (source, keys) = (folders.path("source"), folders.path("keys"));
    let sent = report(&[Path::new("send"), &source, Path::new(&address), Path::new("--keys"), &keys, Path::new("--last")]);
    assert!(child.wait().expect("it ends").success());
    let received = lines.lines().last().expect("a report").expect("readable");
    (sent, serde_json::from_str(&received).expect("JSON"))
}

#[test]
fn a_copy_over_the_network_reports_at_both_ends() {
    let folders = Folders::new();
    let (sent, received) = over_the_network(&folders, false);
    assert!(sent["bytesSent"].as_u64() > sent["bytes"].as_u64());
    assert!(sent["targetRoot"].is_string());
    assert_eq!(sent["sourceRoot"], sent["targetRoot"]);
    assert_eq!(received["targetRoot"], sent["targetRoot"]);
    assert_eq!((&received["bytesChanged"], &received["entries"]), (&sent["bytesChanged"], &sent["entries"]));
    trees::assert_same(&folders.path("source"), &folders.path("target"));
}

#[test]
fn the_network_too_can_be_measured_without_the_proof() {
    let folders = Folders::new();
    let (sent, received) = over_the_network(&folders, true);
    assert!(sent["sourceRoot"].is_string());
    assert!(sent["targetRoot"].is_null() && received["targetRoot"].is_null());
    trees::assert_same(&folders.path("source"), &folders.path("target"));
}

#[test]
fn keys_are_readable_by_their_owner_alone_and_never_replaced() {
    use std::os::unix::fs::PermissionsExt;
    let folders = Folders::new();
    let keys = folders.path("keys");
    assert!(pod::output(&mut mover(&[Path::new("keys"), &keys])).status.success());
    let before = std::fs::read(keys.join("source.key")).expect("a key");
    assert_eq!(std::fs::metadata(keys.join("source.key")).expect("a key").permissions().mode() & 0o777, 0o600);
    let again = pod::output(&mut mover(&[Path::new("keys"), &keys]));
    assert!(!again.status.success());
    assert_eq!(std::fs::read(keys.join("source.key")).expect("a key"), before);
}

#[test]
fn a_comparison_notices_one_bit_and_one_time() {
    let folders = Folders::new();
    let (source, target) = (folders.path("source"), folders.path("target"));
    report(&[Path::new("local"), &source, &target]);
    let verify = [Path::new("verify"), &source, &target];
    assert_eq!(report(&verify)["isSame"], true);

    let path = target.join("file-9");
    let modified = std::fs::metadata(&path).expect("a file").modified().expect("a time");
    let mut bytes = std::fs::read(&path).expect("a file");
    bytes[70_000] ^= 1;
    std::fs::write(&path, &bytes).expect("a file");
    std::fs::File::open(&path).expect("a file").set_modified(modified).expect("a time");
    let output = pod::output(mover(&verify).arg("--json"));
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(!output.status.success() && told["isSame"] == false, "{told}");
    assert_eq!(told["differences"], serde_json::json!(["file-9"]));

    bytes[70_000] ^= 1;
    std::fs::write(&path, &bytes).expect("a file");
    let output = pod::output(&mut mover(&verify));
    assert!(errors_of(&output).contains("the two differ"), "{}", errors_of(&output));
    std::fs::File::open(&path).expect("a file").set_modified(modified).expect("a time");
    assert_eq!(report(&verify)["isSame"], true);
}

/// Runs the mover as a user without privileges, on volumes whose roots are not its own, as a kubelet gives them.
fn copy_without_privileges(folders: &Folders) -> Output {
    use std::os::unix::fs::PermissionsExt;
    let own = folders.path("mover");
    // A copy that anybody may run, made by another process: one that this process has open for writing may be held open by a child that
    // another test starts just then, and a file that is open for writing is not run.
    let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_stateful-mover")).arg(&own).status();
    assert!(copied.expect("cp is there").success());
    std::fs::create_dir(folders.path("state")).expect("a folder");
    let mut command = Command::new(own);
    command.args(["local", "source", "target", "--last", "--json", "--state", "state"]).current_dir(folders.all.path());
    command.env("TMPDIR", folders.path("state"));
    for folder in [".", "source", "target", "state"] {
        let permissions = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(folders.path(folder), permissions).expect("it is ours");
    }
    pod::as_app(|| command.output()).expect("the mover starts")
}

fn give_to_app(folders: &Folders) {
    if rustix::process::geteuid().is_root() {
        for entry in std::fs::read_dir(folders.path("source")).expect("a folder").flatten() {
            std::os::unix::fs::chown(entry.path(), Some(pod::APP), Some(pod::APP)).expect("it is ours");
        }
    }
}

#[test]
fn without_privileges_what_is_the_apps_own_is_copied() {
    let folders = Folders::new();
    give_to_app(&folders);
    let output = copy_without_privileges(&folders);
    assert!(output.status.success(), "{}", errors_of(&output));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(report["sourceRoot"].is_string());
    assert_eq!(report["sourceRoot"], report["targetRoot"]);
    for entry in std::fs::read_dir(folders.path("source")).expect("a folder").flatten() {
        let copy = folders.path("target").join(entry.file_name());
        assert_eq!(std::fs::read(entry.path()).expect("a file"), std::fs::read(&copy).expect("its copy"));
        assert_eq!(std::fs::metadata(entry.path()).expect("it").modified().ok(), std::fs::metadata(copy).expect("it").modified().ok());
    }
}

#[test]
fn without_privileges_what_cannot_be_kept_is_named() {
    let folders = Folders::new();
    give_to_app(&folders);
    let foreign = folders.path("source/file-3");
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&foreign, Some(0), Some(0)).expect("it is ours");
    } else {
        std::fs::set_permissions(&foreign, std::os::unix::fs::PermissionsExt::from_mode(0o000)).expect("it is ours");
    }
    let output = copy_without_privileges(&folders);
    assert!(!output.status.success());
    assert!(errors_of(&output).contains("file-3"), "{}", errors_of(&output));
}
