//! A namespace to try things in, which writes down what it was told and what came about. Names that differ from cluster to cluster are
//! replaced by what they stand for.

use std::time::Duration;

use kubectl_stateful::cluster::{ApiError, Connection, Creation, Delete, Kind};
use serde_json::{Value, json};

/// How long anything may take to come about.
const PATIENCE: Duration = Duration::from_secs(120);

/// See the module.
pub(crate) struct Lab {
    connection: Connection,
    namespace: String,
    lines: Vec<String>,
    /// Names of objects and what they stand for.
    aliases: Vec<(String, String)>,
}

fn refused(error: &ApiError) -> String {
    match error {
        ApiError::Conflict(_) => "conflict".to_owned(),
        ApiError::AlreadyExists(_) => "already exists".to_owned(),
        ApiError::NotFound(_) => "not found".to_owned(),
        ApiError::Invalid(_) => "invalid".to_owned(),
        ApiError::Forbidden(message) if message.contains("exceeded quota") => "forbidden: exceeded quota".to_owned(),
        ApiError::Forbidden(_) => "forbidden".to_owned(),
        other => format!("{other:?}"),
    }
}

impl Lab {
    pub(crate) fn new(connection: Connection, namespace: &str) -> Self {
        Self { connection, namespace: namespace.to_owned(), lines: Vec::new(), aliases: Vec::new() }
    }

    /// Everything that was written down.
    pub(crate) fn record(&self) -> String {
        self.lines.join("\n")
    }

    fn plain(&self, text: &str) -> String {
        self.aliases.iter().fold(text.to_owned(), |text, (name, alias)| text.replace(name, alias))
    }

    fn note(&mut self, line: String) {
        let line = self.plain(&line);
        self.lines.push(line);
    }

    fn space(&self, kind: &Kind) -> String {
        if kind.namespaced { self.namespace.clone() } else { String::new() }
    }

    pub(crate) async fn create(&mut self, kind: &Kind, object: &Value) {
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let came = match self.connection.create(kind, &self.space(kind), object).await {
            Ok(Creation::New(_)) => "created".to_owned(),
            Ok(Creation::AlreadyThere) => "already exists".to_owned(),
            Err(error) => refused(&error),
        };
        self.note(format!("create {}/{name}: {came}", kind.plural));
    }

    pub(crate) async fn would_create(&mut self, kind: &Kind, object: &Value) {
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let came = self.connection.would_create(kind, &self.space(kind), object).await;
        let came = came.map_or_else(|error| refused(&error), |()| "would be created".to_owned());
        self.note(format!("create {}/{name} (dry run): {came}", kind.plural));
    }

    /// Merge-patches an object; `what` says with what, for the record.
    pub(crate) async fn patch(&mut self, kind: &Kind, name: &str, what: &str, patch: Value) {
        let came = self.connection.patch(kind, &self.space(kind), name, &patch).await;
        let came = came.map_or_else(|error| refused(&error), |_| "done".to_owned());
        self.note(format!("patch {}/{name} with {what}: {came}", kind.plural));
    }

    pub(crate) async fn delete(&mut self, kind: &Kind, name: &str, what: &str, how: &Delete) {
        let came = self.connection.delete(kind, &self.space(kind), name, how).await;
        let came = came.map_or_else(|error| refused(&error), |()| "done".to_owned());
        self.note(format!("delete {}/{name}{what}: {came}", kind.plural));
    }

    /// Reads an object, which must be readable; null when there is none. Writes nothing down.
    pub(crate) async fn read(&self, kind: &Kind, name: &str) -> Value {
        self.connection.get(kind, &self.space(kind), name).await.expect("it can be read").unwrap_or_default()
    }

    /// Writes down whether an object is there.
    pub(crate) async fn is_there(&mut self, kind: &Kind, name: &str) {
        let there = if self.read(kind, name).await.is_null() { "is not there" } else { "is there" };
        self.note(format!("{}/{name} {there}", kind.plural));
    }

    /// Writes down some fields of an object, by JSON pointer.
    pub(crate) async fn show(&mut self, kind: &Kind, name: &str, fields: &[&str]) {
        let object = self.read(kind, name).await;
        for field in fields {
            let value = object.pointer(field).cloned().unwrap_or_default();
            self.note(format!("{}/{name} {field} = {value}", kind.plural));
        }
    }

    /// Writes down names of labelled objects, in order.
    pub(crate) async fn list(&mut self, kind: &Kind, selector: &str) {
        let found = self.connection.list(kind, &self.space(kind), selector).await.expect("it can be listed");
        let mut names: Vec<&str> = found.iter().filter_map(|object| object["metadata"]["name"].as_str()).collect();
        names.sort_unstable();
        self.note(format!("list {} -l {selector}: {names:?}", kind.plural));
    }

    /// Waits until something holds of an object (null when there is none).
    pub(crate) async fn until(&mut self, kind: &Kind, name: &str, what: &str, holds: impl Fn(&Value) -> bool) {
        let since = tokio::time::Instant::now();
        while !holds(&self.read(kind, name).await) {
            let now = self.read(kind, name).await;
            assert!(since.elapsed() < PATIENCE, "{}/{name} does not become {what}: {now}\n{}", kind.plural, self.record());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        self.note(format!("then {}/{name} is {what}", kind.plural));
    }

    /// Waits until an object has a value in a field.
    pub(crate) async fn until_is(&mut self, kind: &Kind, name: &str, field: &str, value: &str) {
        let wanted = json!(value);
        let holds = |object: &Value| object.pointer(field) == Some(&wanted);
        self.until(kind, name, &format!("{value} ({field})"), holds).await;
    }

    pub(crate) async fn until_gone(&mut self, kind: &Kind, name: &str) {
        self.until(kind, name, "gone", Value::is_null).await;
    }

    /// Lets controllers act, to see that they do not.
    pub(crate) async fn rest(&mut self) {
        tokio::time::sleep(Duration::from_secs(4)).await;
    }

    /// The volume of a bound claim, and from now on its name in the record.
    pub(crate) async fn volume_of(&mut self, claim: &str) -> String {
        let name = self.read(&Kind::CLAIM, claim).await["spec"]["volumeName"].as_str().expect("it is bound").to_owned();
        let uid = self.read(&Kind::CLAIM, claim).await["metadata"]["uid"].as_str().expect("all have one").to_owned();
        // The volume's name holds the claim's uid, so it goes first.
        self.aliases.push((name.clone(), format!("VOLUME-OF-{claim}")));
        self.aliases.push((uid, format!("UID-OF-{claim}")));
        name
    }

    /// The uid of an object, and from now on its name in the record.
    pub(crate) async fn uid_of(&mut self, kind: &Kind, name: &str) -> String {
        let uid = self.read(kind, name).await["metadata"]["uid"].as_str().expect("all have one").to_owned();
        self.aliases.push((uid.clone(), format!("UID-OF-{name}")));
        uid
    }

    pub(crate) async fn version_of(&self, kind: &Kind, name: &str) -> String {
        self.read(kind, name).await["metadata"]["resourceVersion"].as_str().expect("all have one").to_owned()
    }
}
