//! The real command as a process: what reaches its streams, and what becomes of it when nobody reads them.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};

use serde_json::json;

use crate::printed::{NASTY, assert_tame, record};

/// An API server that has one ConfigMap, whatever it is asked for.
fn server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it is bound");
    let mut record = record(NASTY);
    record["metadata"]["name"] = json!("stateful-m1-plan-0");
    let body = json!({ "kind": "ConfigMapList", "apiVersion": "v1", "metadata": {}, "items": [record] }).to_string();
    std::thread::spawn(move || {
        for guest in listener.incoming().map_while(Result::ok) {
            let head = BufReader::new(&guest).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
            let _ = head.count();
            let length = body.len();
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
            drop((&guest).write_all((head + &body).as_bytes()));
        }
    });
    format!("http://{address}")
}

/// A kubeconfig that knows only this server.
fn config(server: &str) -> tempfile::NamedTempFile {
    let cluster = json!([{ "name": "x", "cluster": { "server": server } }]);
    let context = json!([{ "name": "x", "context": { "cluster": "x", "user": "x" } }]);
    let text = json!({ "apiVersion": "v1", "kind": "Config", "clusters": cluster, "contexts": context, "current-context": "x" });
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(text.to_string().as_bytes()).expect("there is room");
    file
}

fn command(args: &[&str], config: &tempfile::NamedTempFile) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-stateful"));
    command.args(args).arg("--kubeconfig").arg(config.path()).stdin(Stdio::null());
    command
}

#[test]
fn the_real_command_spells_out_what_a_tenant_annotated() {
    let output = command(&["status", "-A", "--color", "always"], &config(&server())).output();
    let Output { status, stdout, stderr } = output.expect("it runs");
    let text = String::from_utf8(stdout).expect("UTF-8");
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    assert_tame(&text);
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.contains("\\x1b]0;owned\\x07"), "{text}");
}

/// The writing end of a pipe that nobody reads.
fn closed() -> Stdio {
    std::io::pipe().expect("a pipe").1.into()
}

#[test]
fn streams_that_nobody_reads_change_no_exit_code() {
    let (there, nowhere) = (config(&server()), config("http://127.0.0.1:1"));
    let cases: [(&[&str], _, _); 4] =
        [(&["status"], &nowhere, 1), (&["status"], &there, 0), (&["status", "-o", "json"], &there, 0), (&["x"], &nowhere, 1)];
    for (args, config, code) in cases {
        for (out, err) in [(closed(), closed()), (closed(), Stdio::null()), (Stdio::null(), closed())] {
            let status = command(args, config).stdout(out).stderr(err).status().expect("it runs");
            assert_eq!(status.code(), Some(code), "{args:?}");
        }
    }
}
