//! The plan of a run in the cluster: written once, in pieces, before anything is executed, and read back by whoever takes the run up.
//!
//! Whether what is read is the plan that was carried out is not judged here.

use serde_json::{Value, json};

use super::failure::{JournalError, api, broken};
use super::traces::marked_volume;
use crate::cluster::{self, Connection, Creation, Kind};
use crate::plan::file::{PIECE_BYTES_MAX, Unreadable};
use crate::plan::{Plan, RunId, file, marks, plan_record};

/// At most so many ConfigMaps are read for one plan: what is longer is not one of ours.
const PLAN_PIECES_MAX: usize = 64;

/// Reads the plan of a run. It is what somebody wrote who may write config maps there: that it is the plan that was carried out is not
/// looked at here.
///
/// # Errors
///
/// When there is no such run, or its plan cannot be read or names what is not its app's. When it is the plan of another run or namespace.
pub async fn read(connection: &Connection, namespace: &str, run: &RunId) -> Result<Plan, JournalError> {
    let mut text = String::new();
    let mut index = 0;
    let mut writer = String::new();
    loop {
        let found = connection.get(&Kind::CONFIG_MAP, namespace, &plan_record(run, index)).await;
        let Some(piece) = found.map_err(|error| api(run, "read", error))? else {
            if index == 0 {
                if let Some(volume) = marked_volume(connection, namespace, run).await? {
                    return Err(broken(namespace, run, &format!("its plan is missing, and volume {volume} bears its marks")));
                }
                return Err(JournalError::NoSuchRun { run: run.clone(), namespace: namespace.to_owned() });
            }
            return Err(broken(namespace, run, "a piece of its plan is missing"));
        };
        text.push_str(piece["data"]["plan"].as_str().unwrap_or_default());
        index += 1;
        writer = cluster::last_writer(&piece).map_or(writer, |writer| writer.to_string());
        let pieces: usize = piece["data"]["pieces"].as_str().and_then(|count| count.parse().ok()).unwrap_or(1);
        if index >= pieces {
            break;
        }
        if index == PLAN_PIECES_MAX {
            return Err(broken(namespace, run, &format!("its plan has more than {PLAN_PIECES_MAX} pieces")));
        }
    }
    let foreign = |what: String| JournalError::Foreign {
        record: plan_record(run, 0),
        run: run.clone(),
        namespace: namespace.to_owned(),
        what,
        writer: writer.clone(),
    };
    let plan = file::read_record(&text).map_err(|error| match error {
        Unreadable::Unsafe(_) => foreign(error.to_string()),
        Unreadable::Version { .. } | Unreadable::Field(_) => JournalError::Newer { run: run.clone(), what: error.to_string() },
        Unreadable::Syntax(_) | Unreadable::Kind(_) => broken(namespace, run, &error.to_string()),
    })?;
    if plan.namespace() != namespace || plan.run() != run {
        return Err(foreign(format!("its plan is for run `{}` of namespace `{}`", plan.run(), plan.namespace())));
    }
    Ok(plan)
}

/// Who wrote a run's plan last, as far as the object says, to be put behind a sentence. Best effort.
pub async fn writer(connection: &Connection, namespace: &str, run: &RunId) -> String {
    let found = connection.get(&Kind::CONFIG_MAP, namespace, &plan_record(run, 0)).await;
    let piece = found.ok().flatten();
    piece.as_ref().and_then(cluster::last_writer).map(|writer| writer.to_string()).unwrap_or_default()
}

/// Stores a plan, in pieces; that it is there already is fine.
pub(super) async fn store(connection: &Connection, plan: &Plan) -> Result<(), JournalError> {
    let namespace = plan.app.namespace.clone();
    let text = plan.text();
    let pieces: Vec<&str> = split(&text, PIECE_BYTES_MAX);
    for (index, piece) in pieces.iter().enumerate() {
        let labels = json!({ marks::STATE: "running" });
        let mut object =
            config_map(plan, &plan_record(plan.run(), index), "plan", json!({ "pieces": pieces.len().to_string(), "plan": piece }));
        merge_labels(&mut object, labels);
        let made = connection.create(&Kind::CONFIG_MAP, &namespace, &object).await;
        match made.map_err(|error| api(plan.run(), "write", error))? {
            Creation::New(_) => {}
            Creation::AlreadyThere => {
                let there = read(connection, &namespace, plan.run()).await?;
                // By its text: volumes get the digest of that, and a plan that is equal may have been written by an earlier version.
                if there.text() != text {
                    return Err(broken(plan.namespace(), plan.run(), "a run of that name has another plan"));
                }
            }
        }
    }
    Ok(())
}

fn config_map(plan: &Plan, name: &str, record: &str, data: Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {
            "name": name, "namespace": plan.app.namespace,
            "labels": { marks::MANAGED_BY: marks::US, marks::RUN: plan.run(), marks::RECORD: record, marks::APP: marks::app_key(plan.app.kind, &plan.app.name) },
            "annotations": { "kubectl-stateful.dev/app-name": plan.app.reference() },
        },
        "data": data,
    })
}

fn merge_labels(object: &mut Value, labels: Value) {
    if let (Some(all), Value::Object(more)) = (object["metadata"]["labels"].as_object_mut(), labels) {
        all.extend(more);
    }
}

/// Cuts a text into pieces of at most so many bytes, at character borders.
fn split(text: &str, bytes_max: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while rest.len() > bytes_max {
        let cut = (0..=bytes_max).rev().find(|&at| rest.is_char_boundary(at)).expect("0 is a border");
        pieces.push(&rest[..cut]);
        rest = &rest[cut..];
    }
    pieces.push(rest);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_plan_is_cut_between_characters() {
        assert_eq!(split("aäa", 2), ["a", "ä", "a"]);
        assert_eq!(split("", 2), [""]);
    }
}
