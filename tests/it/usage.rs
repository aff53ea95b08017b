//! What is typed and configured, against the real command: names that are none, kubeconfigs as kubectl reads them, results that cannot be
//! written, and a cluster whose lists of kinds do not answer.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::standin::{Standin, came, kubeconfig};

const PLAN: [&str; 4] = ["plan", "sts/pg", "--to-storage-class", "fast"];

#[test]
fn names_that_are_none_are_refused_before_the_cluster_is_asked() {
    let standin = Standin::with_set();
    let cases: [(&[&str], &str); 13] = [
        (&["plan", "sts/pg", "--to-storage-class", "fast", "-n", "a "], "`a ` is no name of a namespace"),
        (&["plan", "sts/pg", "--to-storage-class", "fast", "-n", "a/b"], "`a/b` is no name of a namespace"),
        (&["plan", "sts/pg", "--to-storage-class", "fast", "-n", "a?b"], "`a?b` is no name of a namespace"),
        (&["plan", "sts/pg", "--to-storage-class", "fast", "-n", ""], "is no name of a namespace"),
        (&["status", "-n", "A"], "`A` is no name of a namespace"),
        (&["plan", "sts/a b", "--to-storage-class", "fast"], "`a b` is no name of an object"),
        (&["plan", "sts", "x ", "--to-storage-class", "fast"], "`x ` is no name of an object"),
        (&["plan", "sts/a?b", "--to-storage-class", "fast"], "`a?b` is no name of an object"),
        (&["plan", "sts/pg", "--to-storage-class", "a b"], "`a b` is no name of an object"),
        (&["plan", "sts/pg", "--to-storage-class", "fast", "--claim", "a/b"], "`a/b` is no name of an object"),
        (&["plan", "sts/pg", "--to-storage-class", "fast", "--skip-claim", "a b"], "`a b` is no name of an object"),
        (&["verify", "pvc/a b", "pvc/c"], "`a b` is no name of an object"),
        (&["verify", "pvc/a", "pvc/c?"], "`c?` is no name of an object"),
    ];
    for (args, said) in cases {
        let came = standin.run(args);
        assert_eq!(came.code, Some(1), "{args:?}: {}", came.err);
        assert!(came.err.contains(said), "{args:?}: {}", came.err);
    }
    assert_eq!(standin.asked(), [""; 0]);
}

#[test]
fn kubeconfigs_that_are_not_there_are_passed_over_as_kubectl_does() {
    let standin = Standin::with_set();
    let there = standin.file("kubeconfig").display().to_string();
    for list in [format!("/nonexistent/a:{there}"), format!("{there}:/nonexistent/b"), format!(":{there}:")] {
        let came = came(standin.command(&["status"]).env("KUBECONFIG", &list));
        assert_eq!(came.code, Some(0), "{list}: {}", came.err);
    }
    let came = came(standin.command(&["status"]).env("KUBECONFIG", "/nonexistent/a:/nonexistent/b"));
    assert_eq!(came.code, Some(1));
    assert!(came.err.contains("KUBECONFIG names no file that is there: /nonexistent/a, /nonexistent/b"), "{}", came.err);
}

/// The first file to set a value wins, and entries of all are there.
#[test]
fn kubeconfigs_are_merged() {
    let standin = Standin::with_set();
    let mut other: Value = serde_json::from_str(&kubeconfig("http://127.0.0.1:1")).expect("JSON");
    for (list, one) in [("clusters", "cluster"), ("users", "user"), ("contexts", "context")] {
        other[list][0]["name"] = json!("there");
        if list == "contexts" {
            other[list][0][one]["cluster"] = json!("there");
        }
    }
    other["current-context"] = json!("there");
    let path = standin.file("other");
    std::fs::write(&path, other.to_string()).expect("there is room");
    let list = format!("{}:{}", path.display(), standin.file("kubeconfig").display());
    let code = |args: &[&str]| came(standin.command(args).env("KUBECONFIG", &list)).code;
    assert_eq!(code(&["status", "--context", "here"]), Some(0));
    assert_eq!(code(&["status"]), Some(1), "the first file says where to, and nobody is there");
}

#[test]
fn entries_of_a_kubeconfig_that_are_not_there_are_named_with_those_that_are() {
    let standin = Standin::with_set();
    for (flag, known) in [
        ("--context", "context `nope`; it has: here"),
        ("--cluster", "cluster `nope`; it has: here"),
        ("--user", "user `nope`; it has: me"),
    ] {
        let came = standin.run(&["status", flag, "nope"]);
        assert_eq!(came.code, Some(1), "{flag}");
        assert!(came.err.contains(known), "{flag}: {}", came.err);
    }
    assert_eq!(standin.asked(), [""; 0], "nothing is asked without credentials");
}

#[test]
fn a_result_that_cannot_be_written_is_no_success() {
    let standin = Standin::with_set();
    for args in [&["-o", "yaml"][..], &["-o", "json"], &[]] {
        let full = File::options().write(true).open("/dev/full").expect("Linux has it");
        let mut command = standin.command(&[&PLAN[..], args].concat());
        let output = command.stdout(full).stderr(Stdio::piped()).output().expect("it runs");
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {err}");
        assert!(err.contains("cannot write the result to standard output: No space left on device"), "{args:?}: {err}");
    }
}

/// Under 429 and 503 a cluster has stateful sets all the same.
#[test]
fn kinds_that_can_be_moved_need_no_discovery() {
    let standin = Standin::with_set();
    for path in ["/api/v1", "/apis", "/apis/apps/v1"] {
        standin.refuse(path, 429, 1000);
    }
    let came = standin.run(&PLAN);
    assert_eq!(came.code, Some(0), "{}", came.err);
}

#[test]
fn a_list_of_kinds_that_does_not_answer_is_asked_again_and_told() {
    let standin = Standin::with_set();
    let other = ["plan", "databases/x", "--to-storage-class", "fast"];
    standin.refuse("/apis/apps/v1", 503, 2);
    let came = standin.run(&other);
    assert!(came.err.contains("the cluster has no kind `databases`"), "{}", came.err);
    assert_eq!(standin.asked().iter().filter(|path| *path == "/apis/apps/v1").count(), 3);
    standin.refuse("/apis/apps/v1", 503, 1000);
    let came = standin.run(&other);
    assert_eq!(came.code, Some(1));
    assert!(!came.err.contains("has no kind"), "{}", came.err);
    assert!(
        came.err.contains("it is not known what kind `databases` is: API group `apps` does not say what it has (refused by the test)"),
        "{}",
        came.err
    );
}

/// A token that says when it ends, as a service account's.
fn token(ends_in: i64) -> String {
    let end = jiff::Timestamp::now().as_second() + ends_in;
    let claims = json!(k8s_openapi::ByteString(json!({ "exp": end }).to_string().into_bytes()));
    let claims = claims.as_str().expect("a text").replace('+', "-").replace('/', "_");
    format!("e30.{}.c2ln", claims.trim_end_matches('='))
}

#[test]
fn credentials_that_end_before_the_move_are_told_before_the_drain() {
    let standin = Standin::with_set();
    let execute = ["execute", "sts/pg", "--to-storage-class", "fast", "-y"];
    let (short, long) = (token(60), token(86_400));
    let plan = standin.run(&[&PLAN[..], &["--token", &short]].concat());
    assert_eq!(plan.code, Some(0), "{}", plan.err);
    assert!(plan.err.contains("Warning: your credentials expire at "), "{}", plan.err);
    let refused = standin.run(&[&execute[..], &["--token", &short]].concat());
    assert_eq!(refused.code, Some(4), "{}", refused.err);
    assert!(refused.err.contains("refused: your credentials expire at "), "{}", refused.err);
    assert_eq!(standin.writes(), [""; 0]);
    let lasting = standin.run(&[&execute[..], &["--token", &long]].concat());
    assert!(!lasting.err.contains("credentials"), "{}", lasting.err);
    let opaque = standin.run(&PLAN);
    assert_eq!(opaque.code, Some(0), "{}", opaque.err);
    assert!(opaque.err.contains("Warning: your credentials do not say when they expire"), "{}", opaque.err);
}

/// All files beneath a folder of sources.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("it can be read").path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

/// Every command about a run that our own texts tell people to type, wherever it is made.
#[test]
fn commands_about_runs_name_the_namespace() {
    let mut found = 0;
    for path in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let text = fs::read_to_string(&path).expect("it can be read");
        let told = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for command in told
            .flat_map(|line| line.split('`').filter(|part| part.starts_with("kubectl stateful ")).map(str::to_owned).collect::<Vec<_>>())
        {
            let about_a_run = ["status", "undo", "finalize", "execute --resume"]
                .into_iter()
                .any(|verb| command["kubectl stateful ".len()..].starts_with(verb));
            found += usize::from(about_a_run);
            assert!(!about_a_run || command.contains(" -n {") || command.ends_with(" -A"), "{}: {command}", path.display());
        }
    }
    assert!(found > 15, "{found}");
}
