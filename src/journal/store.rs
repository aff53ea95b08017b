//! Where the journal lives: labelled ConfigMaps in the app's namespace, so that any machine can take a run up again.
//!
//! The plan is written once, in pieces. Events are appended in blocks, each append a compare-and-swap on the piece's
//! resourceVersion: whoever loses the race has lost the run. Each piece says which of its entries is the last, and whether
//! another piece follows, so that an end that was cut off shows. It does not interpret steps, and never rewrites an entry.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use thiserror::Error;
use tokio::time::Instant;

use super::event::{Entry, Event, Outcome, VERSION};
use super::state::{Illegal, RunState};
use crate::cluster::failure::OUTAGE_MAX;
use crate::cluster::{self, ApiError, Connection, Created, Kind};
use crate::plan::file::{PIECE_BYTES_MAX, PIECE_ENTRIES_MAX, Unreadable};
use crate::plan::{Plan, RunId, file, marks, plan_record};

/// At most so many ConfigMaps are read for one plan: what is longer is not one of ours.
const PLAN_PIECES_MAX: usize = 64;

/// At most so many are read for one journal.
const JOURNAL_PIECES_MAX: usize = 4096;

/// How often one append is tried while others change the object it goes to.
const APPEND_TRIES_MAX: u32 = 8;

/// How often it is asked meanwhile what is stored.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Why the journal cannot be read or written.
#[derive(Debug, Error)]
pub enum JournalError {
    /// There is no such run in the namespace.
    #[error("there is no run `{run}` in namespace `{namespace}`")]
    NoSuchRun {
        /// The run.
        run: RunId,
        /// Where it was looked for.
        namespace: String,
    },
    /// Somebody deleted it.
    #[error("the journal of run `{0}` was deleted")]
    Gone(RunId),
    /// Another executor wrote to the run.
    #[error("another executor has taken run `{run}` over")]
    Fenced {
        /// The run.
        run: RunId,
        /// Its namespace.
        namespace: String,
    },
    /// It does not hold together.
    #[error("the journal of run `{run}` cannot be believed: {reason}")]
    Broken {
        /// The run.
        run: RunId,
        /// Its namespace.
        namespace: String,
        /// Why.
        reason: String,
    },
    /// A newer version of this tool wrote it.
    #[error("run `{run}` was recorded by a newer version of this tool: {what}")]
    Newer {
        /// The run.
        run: RunId,
        /// What is newer.
        what: String,
    },
    /// It is the record of something else than was asked for.
    #[error("what config map `{record}` holds is not run `{run}` of namespace `{namespace}`: {what}{writer}")]
    Foreign {
        /// The config map.
        record: String,
        /// The run asked for.
        run: RunId,
        /// Where it was asked for.
        namespace: String,
        /// What it says instead.
        what: String,
        /// Who wrote it, as far as the object says, to be put behind a sentence.
        writer: String,
    },
    /// An earlier run of that name has no records any more, but a volume.
    #[error("volume {volume} bears the marks of an earlier run `{run}` that has no records any more; give this run another name")]
    Marked {
        /// The run.
        run: RunId,
        /// The volume.
        volume: String,
    },
    /// The API server refused.
    #[error("cannot {doing} the journal of run `{run}`: {error}")]
    Api {
        /// The run.
        run: RunId,
        /// Read or write.
        doing: &'static str,
        /// What it said.
        #[source]
        error: ApiError,
    },
}

/// The journal of one run, open for appending.
pub struct Journal {
    connection: Connection,
    namespace: String,
    run: RunId,
    state: RunState,
    entries: Vec<Entry>,
    /// The piece that is written to, and its resourceVersion; none before the first append.
    piece: Option<(usize, String)>,
    /// Since when appends have had no answer.
    silent_since: Option<Instant>,
}

impl Journal {
    /// Stores the plan of a new run. Nothing is executed before this has succeeded.
    ///
    /// # Errors
    ///
    /// When the server refuses, a run of that name has another plan, or volumes bear the marks of one whose records are gone.
    pub async fn create(connection: &Connection, plan: &Plan) -> Result<Self, JournalError> {
        refuse_anothers_marks(connection, plan).await?;
        store_plan(connection, plan).await?;
        Self::open(connection, &plan.app.namespace, plan.run()).await
    }

    /// Reads the plan of a run. It is what somebody wrote who may write config maps there: that it is the plan that was carried out is not
    /// looked at here.
    ///
    /// # Errors
    ///
    /// When there is no such run, its plan cannot be read or names what is not its app's, or it is the plan of another run or namespace.
    pub async fn read_plan(connection: &Connection, namespace: &str, run: &RunId) -> Result<Plan, JournalError> {
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
        let plan = file::read(&text).map_err(|error| match error {
            Unreadable::Unsafe(_) => foreign(error.to_string()),
            Unreadable::Version { .. } => JournalError::Newer { run: run.clone(), what: error.to_string() },
            Unreadable::Syntax(_) | Unreadable::Kind(_) => broken(namespace, run, &error.to_string()),
        })?;
        if plan.namespace() != namespace || plan.run() != run {
            return Err(foreign(format!("its plan is for run `{}` of namespace `{}`", plan.run(), plan.namespace())));
        }
        Ok(plan)
    }

    /// Who wrote a run's plan last, as far as the object says, to be put behind a sentence. Best effort.
    pub async fn writer_of_plan(connection: &Connection, namespace: &str, run: &RunId) -> String {
        let found = connection.get(&Kind::CONFIG_MAP, namespace, &plan_record(run, 0)).await;
        let piece = found.ok().flatten();
        piece.as_ref().and_then(cluster::last_writer).map(|writer| writer.to_string()).unwrap_or_default()
    }

    /// Opens the journal of a run and folds what is in it.
    ///
    /// # Errors
    ///
    /// When it cannot be read or does not hold together.
    pub async fn open(connection: &Connection, namespace: &str, run: &RunId) -> Result<Self, JournalError> {
        let mut journal = Self {
            connection: connection.clone(),
            namespace: namespace.to_owned(),
            run: run.clone(),
            state: RunState::default(),
            entries: Vec::new(),
            piece: None,
            silent_since: None,
        };
        journal.entries = journal.load().await?;
        for entry in &journal.entries {
            journal.state = journal.state.fold(entry).map_err(|illegal| broken(namespace, run, &illegal.to_string()))?;
        }
        journal.refuse_lost_beginning().await?;
        Ok(journal)
    }

    /// Reads all entries of a run, in order, for people.
    ///
    /// # Errors
    ///
    /// As [`Journal::open`].
    pub async fn entries(connection: &Connection, namespace: &str, run: &RunId) -> Result<Vec<Entry>, JournalError> {
        Ok(Self::open(connection, namespace, run).await?.entries)
    }

    /// All entries so far, in order.
    pub fn so_far(&self) -> &[Entry] {
        &self.entries
    }

    /// The state that all entries add up to.
    pub fn state(&self) -> &RunState {
        &self.state
    }

    /// Appends events, all or none.
    ///
    /// # Errors
    ///
    /// [`JournalError::Fenced`] when somebody else wrote in between; [`JournalError::Broken`] when an event cannot follow;
    /// [`JournalError::Gone`] when somebody deleted it, see [`Journal::restore`].
    pub async fn append(&mut self, events: &[Event]) -> Result<(), JournalError> {
        let (next, entries) = self.extend(events).map_err(|illegal| broken(&self.namespace, &self.run, &illegal.to_string()))?;
        self.try_append(&entries).await?;
        self.state = next;
        self.entries.extend(entries);
        Ok(())
    }

    /// Appends, and tries again for as long as that may help.
    async fn try_append(&mut self, entries: &[Entry]) -> Result<(), JournalError> {
        let mut tries = 0;
        loop {
            let error = match self.write(entries).await {
                Ok(piece) => {
                    self.piece = Some(piece);
                    self.silent_since = None;
                    return Ok(());
                }
                Err(error) => error,
            };
            tries += 1;
            match error {
                // The reply may have been lost after the write was applied, so look before writing again.
                error if self.may_pass(&error, tries) => {}
                ApiError::Conflict(_) => return Err(self.fenced()),
                ApiError::NotFound(_) => return Err(JournalError::Gone(self.run.clone())),
                error => return Err(api(&self.run, "write", error)),
            }
            if self.look_whether_written(entries).await? {
                self.silent_since = None;
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100 << tries.min(5))).await;
        }
    }

    /// Whether to go on after so many tries. A silence counts from its beginning over all appends: steps that wait for each other's would
    /// else each wait for the whole of it.
    fn may_pass(&mut self, error: &ApiError, tries: u32) -> bool {
        if matches!(error, ApiError::Conflict(_)) {
            return tries < APPEND_TRIES_MAX;
        }
        // A run that has begun is not given up for a quota that is full or a policy that may be lifted.
        let denied = (error.is_denial() && self.piece.is_some()).then_some(OUTAGE_MAX);
        error.passes_within().or(denied).is_some_and(|longest| self.silent_since.get_or_insert_with(Instant::now).elapsed() < longest)
    }

    /// As [`Journal::has_been_written`], asked until there is an answer: without one it is not known against which version to write.
    async fn look_whether_written(&mut self, entries: &[Entry]) -> Result<bool, JournalError> {
        loop {
            match self.has_been_written(entries).await {
                Err(JournalError::Api { error, .. }) if self.may_pass(&error, 0) => tokio::time::sleep(LOOK_EVERY).await,
                other => return other,
            }
        }
    }

    /// Whether what is stored is exactly what we wrote.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub async fn is_as_left(&mut self) -> Result<bool, JournalError> {
        let piece = self.piece.clone();
        let is_same = self.load().await? == self.entries;
        // What we write next is held against the version of our own last write.
        self.piece = piece;
        Ok(is_same)
    }

    /// Stores again what somebody deleted or damaged: the plan and every entry so far. Only for who holds the run's lease, since
    /// then nobody else can have written what is there.
    ///
    /// # Errors
    ///
    /// [`JournalError::Fenced`] when what is there afterwards is not what we wrote.
    pub async fn restore(&mut self, plan: &Plan) -> Result<(), JournalError> {
        store_plan(&self.connection, plan).await?;
        for number in 0..=self.entries.len() / PIECE_ENTRIES_MAX {
            match self.restore_piece(number).await {
                // Looked at once more below.
                Err(error) if error.is_passing() => {}
                other => other.map_err(|error| api(&self.run, "write", error))?,
            }
        }
        if self.load().await? == self.entries { Ok(()) } else { Err(self.fenced()) }
    }

    async fn restore_piece(&self, number: usize) -> Result<(), ApiError> {
        let (before, rest) = self.entries.split_at(number * PIECE_ENTRIES_MAX);
        let entries = &rest[..rest.len().min(PIECE_ENTRIES_MAX)];
        let Some(last) = entries.last().or(before.last()) else { return Ok(()) };
        let annotations = annotations(last, entries.len() == PIECE_ENTRIES_MAX);
        let name = journal_piece_name(&self.run, number);
        let Some(there) = self.connection.get(&Kind::CONFIG_MAP, &self.namespace, &name).await? else {
            return self.create_piece(&name, &annotations, data_of(entries).collect()).await.map(drop);
        };
        let strange = there["data"].as_object().into_iter().flat_map(Map::keys).map(|key| (key.clone(), Value::Null));
        let data: Map<String, Value> = strange.chain(data_of(entries)).collect();
        self.patch_piece(&name, version_of(&there), &annotations, data).await.map(drop)
    }

    /// Writes how the run ended, or that it halted, where a search by label finds it. Best effort: the entries are the truth.
    pub async fn label_state(&self, word: &str) {
        let patch = json!({ "metadata": { "labels": { marks::STATE: word } } });
        let name = plan_record(&self.run, 0);
        drop(self.connection.patch(&Kind::CONFIG_MAP, &self.namespace, &name, &patch).await);
    }

    /// Deletes everything that was stored for the run. The plan goes last, so that what is left can be found by it.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn forget(self) -> Result<(), JournalError> {
        let selector = format!("{}={}", marks::RUN, self.run);
        let found = self.connection.list(&Kind::CONFIG_MAP, &self.namespace, &selector).await;
        let mut names: Vec<String> = found.map_err(|error| api(&self.run, "read", error))?.iter().filter_map(name_of).collect();
        names.sort_by_key(|name| (name.contains("-plan-"), std::cmp::Reverse(name.clone())));
        for name in names {
            let gone = self.connection.delete(&Kind::CONFIG_MAP, &self.namespace, &name, &Default::default()).await;
            gone.map_err(|error| api(&self.run, "delete", error))?;
        }
        Ok(())
    }

    fn fenced(&self) -> JournalError {
        JournalError::Fenced { run: self.run.clone(), namespace: self.namespace.clone() }
    }

    fn extend(&self, events: &[Event]) -> Result<(RunState, Vec<Entry>), Illegal> {
        let mut state = self.state.clone();
        let mut entries = Vec::new();
        for event in events {
            let entry = Entry {
                version: VERSION,
                sequence: state.sequence + 1,
                at: Timestamp::now().to_string(),
                before: state.last_digest.clone(),
                event: event.clone(),
            };
            state = state.fold(&entry)?;
            entries.push(entry);
        }
        Ok((state, entries))
    }

    /// Writes entries to the end. Returns which piece is the next to be written to, and its version: after the last entries that a piece
    /// takes it is the one that follows, which is there by then, so that a journal whose last piece was deleted is not taken for whole.
    async fn write(&self, entries: &[Entry]) -> Result<(usize, String), ApiError> {
        let last = entries.last().expect("an append has entries");
        let number = self.piece.as_ref().map_or(0, |(number, _)| *number);
        let is_full = last.sequence >= ((number + 1) * PIECE_ENTRIES_MAX) as u64;
        let following = match self.entries.last().filter(|_| is_full) {
            Some(before) => Some((number + 1, self.make_following(number + 1, before).await?)),
            None => None,
        };
        let name = journal_piece_name(&self.run, number);
        let (annotations, data) = (annotations(last, following.is_some()), data_of(entries).collect());
        let version = match &self.piece {
            Some((_, version)) => self.patch_piece(&name, version, &annotations, data).await?,
            None => match self.create_piece(&name, &annotations, data).await? {
                Created::New(made) => version_of(&made).to_owned(),
                Created::AlreadyThere => return Err(ApiError::Conflict(format!("{name} is there already"))),
            },
        };
        Ok(following.unwrap_or((number, version)))
    }

    /// Makes a piece without entries yet, and returns its version. One that is there may be of an append that was never carried out.
    async fn make_following(&self, number: usize, before: &Entry) -> Result<String, ApiError> {
        let name = journal_piece_name(&self.run, number);
        if let Created::New(made) = self.create_piece(&name, &annotations(before, false), Map::new()).await? {
            return Ok(version_of(&made).to_owned());
        }
        match self.connection.get(&Kind::CONFIG_MAP, &self.namespace, &name).await? {
            Some(there) if is_empty(&there) => Ok(version_of(&there).to_owned()),
            _ => Err(ApiError::Conflict(format!("{name} is written to already"))),
        }
    }

    /// Adds to a piece if it still has this version, and returns the new one.
    async fn patch_piece(&self, name: &str, version: &str, annotations: &Value, data: Map<String, Value>) -> Result<String, ApiError> {
        let patch = json!({ "metadata": { "resourceVersion": version, "annotations": annotations }, "data": data });
        let written = self.connection.patch(&Kind::CONFIG_MAP, &self.namespace, name, &patch).await?;
        Ok(version_of(&written).to_owned())
    }

    async fn create_piece(&self, name: &str, annotations: &Value, data: Map<String, Value>) -> Result<Created, ApiError> {
        let plan = self.connection.get(&Kind::CONFIG_MAP, &self.namespace, &plan_record(&self.run, 0)).await?;
        let app = plan.map(|plan| plan["metadata"]["labels"][marks::APP].clone()).unwrap_or_default();
        let object = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": name, "namespace": self.namespace, "annotations": annotations, "labels": {
                marks::MANAGED_BY: marks::US, marks::RUN: self.run, marks::RECORD: "journal", marks::APP: app } },
            "data": data,
        });
        self.connection.create(&Kind::CONFIG_MAP, &self.namespace, &object).await
    }

    /// Whether exactly these entries are at the end of the stored journal.
    async fn has_been_written(&mut self, entries: &[Entry]) -> Result<bool, JournalError> {
        let piece = self.piece.clone();
        let stored = self.load().await?;
        let after = usize::try_from(self.state.sequence).expect("a journal fits in memory");
        if stored.len() < after {
            return Err(JournalError::Gone(self.run.clone()));
        }
        if stored.len() == after {
            // Nothing was added. A conflict then means that the object changed without an entry, such as by a label:
            // the version just loaded is the one to write against.
            return Ok(false);
        }
        if stored[after.min(stored.len())..] == *entries {
            return Ok(true);
        }
        self.piece = piece;
        Err(self.fenced())
    }

    /// Nothing is marked before the first entry is stored: a run that seems not to have begun, and has marked volumes, has lost its journal.
    async fn refuse_lost_beginning(&self) -> Result<(), JournalError> {
        if !self.entries.is_empty() {
            return Ok(());
        }
        match marked_volume(&self.connection, &self.namespace, &self.run).await? {
            Some(volume) => {
                Err(broken(&self.namespace, &self.run, &format!("its entries are missing, and volume {volume} bears its marks")))
            }
            None => Ok(()),
        }
    }

    async fn load(&mut self) -> Result<Vec<Entry>, JournalError> {
        let mut entries: Vec<Entry> = Vec::new();
        self.piece = None;
        let mut is_followed = false;
        for number in 0.. {
            if number == JOURNAL_PIECES_MAX {
                return Err(broken(&self.namespace, &self.run, &format!("it has more than {JOURNAL_PIECES_MAX} pieces")));
            }
            let name = journal_piece_name(&self.run, number);
            let found = self.connection.get(&Kind::CONFIG_MAP, &self.namespace, &name).await;
            let piece = match found.map_err(|error| api(&self.run, "read", error))? {
                Some(piece) => piece,
                None if is_followed => return Err(broken(&self.namespace, &self.run, "its last piece is missing")),
                None => break,
            };
            let read = parse(&self.namespace, &self.run, &entries, &piece)?;
            // Made for an append that was never carried out.
            if read.is_empty() && !is_followed {
                break;
            }
            entries.extend(read);
            is_followed = piece["metadata"]["annotations"][IS_FOLLOWED].is_string();
            self.piece = Some((number, version_of(&piece).to_owned()));
        }
        Ok(entries)
    }
}

/// The marks of a run whose records are gone would be taken for those of the new one: for its proven copy, in the worst case.
async fn refuse_anothers_marks(connection: &Connection, plan: &Plan) -> Result<(), JournalError> {
    let (namespace, run) = (plan.namespace(), plan.run());
    let begun = connection.get(&Kind::CONFIG_MAP, namespace, &plan_record(run, 0)).await;
    if begun.map_err(|error| api(run, "read", error))?.is_some() {
        return Ok(());
    }
    match marked_volume(connection, namespace, run).await? {
        Some(volume) => Err(JournalError::Marked { run: run.clone(), volume }),
        None => Ok(()),
    }
}

/// A volume that bears the marks of a run, if there is one.
async fn marked_volume(connection: &Connection, namespace: &str, run: &RunId) -> Result<Option<String>, JournalError> {
    let marked = connection.list(&Kind::VOLUME, "", &marks::volumes_of(namespace, run)).await;
    Ok(marked.map_err(|error| api(run, "begin", error))?.first().and_then(name_of))
}

/// Stores a plan, in pieces; that it is there already is fine.
async fn store_plan(connection: &Connection, plan: &Plan) -> Result<(), JournalError> {
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
            Created::New(_) => {}
            Created::AlreadyThere => {
                let there = Journal::read_plan(connection, &namespace, plan.run()).await?;
                if there != *plan {
                    return Err(broken(plan.namespace(), plan.run(), "a run of that name has another plan"));
                }
            }
        }
    }
    Ok(())
}

/// Reads a piece that comes after these entries.
fn parse(namespace: &str, run: &RunId, before: &[Entry], piece: &Value) -> Result<Vec<Entry>, JournalError> {
    let none = Map::new();
    let data = piece["data"].as_object().unwrap_or(&none);
    let mut lines: Vec<(&String, &Value)> = data.iter().collect();
    lines.sort_by_key(|(key, _)| key.as_str());
    let entries: Vec<Entry> = lines
        .into_iter()
        .map(|(key, line)| {
            let line = line.as_str().unwrap_or_default();
            refuse_newer(run, key, line)?;
            let entry: Entry = serde_json::from_str(line).map_err(|error| broken(namespace, run, &format!("entry {key}: {error}")))?;
            if key != &self::key(entry.sequence) {
                return Err(broken(namespace, run, &format!("entry {key} calls itself {}", entry.sequence)));
            }
            Ok(entry)
        })
        .collect::<Result<_, _>>()?;
    // The first piece is made with its first entry. Were one without any believed, so would be a run that had not done what it had.
    if entries.is_empty() && before.is_empty() {
        return Err(broken(namespace, run, "it has no entries"));
    }
    let is_head = |entry: &Entry| piece["metadata"]["annotations"][HEAD].as_str() == Some(head_of(entry).as_str());
    if !entries.last().map_or_else(|| before.iter().rev().any(is_head), is_head) {
        return Err(broken(namespace, run, "its last entries are missing"));
    }
    Ok(entries)
}

/// The version before all else: a newer one may tell of what this one has no words for.
fn refuse_newer(run: &RunId, key: &str, line: &str) -> Result<(), JournalError> {
    #[derive(serde::Deserialize)]
    struct Head {
        version: u32,
    }
    match serde_json::from_str(line) {
        Ok(Head { version }) if version > VERSION => {
            Err(JournalError::Newer { run: run.clone(), what: format!("entry {key} has version {version}; this tool reads {VERSION}") })
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// The annotation that says which entry of a piece is the last: the chain alone would not show that the end was cut off. A piece that has no
/// entries yet names one of those before it.
const HEAD: &str = "kubectl-stateful.dev/head";

/// The annotation of a piece that another one follows.
const IS_FOLLOWED: &str = "kubectl-stateful.dev/followed";

fn annotations(last: &Entry, is_followed: bool) -> Value {
    match is_followed {
        true => json!({ HEAD: head_of(last), IS_FOLLOWED: "true" }),
        false => json!({ HEAD: head_of(last) }),
    }
}

fn is_empty(piece: &Value) -> bool {
    piece["data"].as_object().is_none_or(Map::is_empty)
}

fn version_of(object: &Value) -> &str {
    object["metadata"]["resourceVersion"].as_str().unwrap_or_default()
}

fn head_of(entry: &Entry) -> String {
    format!("{}:{}", entry.sequence, entry.digest())
}

fn data_of(entries: &[Entry]) -> impl Iterator<Item = (String, Value)> {
    let text = |entry| serde_json::to_string(entry).expect("an entry has only string keys");
    entries.iter().map(move |entry| (key(entry.sequence), Value::String(text(entry))))
}

fn key(sequence: u64) -> String {
    format!("{sequence:08}")
}

fn journal_piece_name(run: &RunId, number: usize) -> String {
    format!("stateful-{run}-journal-{number}")
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

fn name_of(object: &Value) -> Option<String> {
    object["metadata"]["name"].as_str().map(str::to_owned)
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

fn api(run: &RunId, doing: &'static str, error: ApiError) -> JournalError {
    JournalError::Api { run: run.clone(), doing, error }
}

fn broken(namespace: &str, run: &RunId, reason: &str) -> JournalError {
    JournalError::Broken { run: run.clone(), namespace: namespace.to_owned(), reason: reason.to_owned() }
}

/// The word of an outcome in labels.
pub fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Completed => "completed",
        Outcome::Undone => "undone",
    }
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
