//! Where the journal lives: labelled ConfigMaps in the app's namespace, so that any machine can take a run up again.
//!
//! Events are appended in blocks, each append a compare-and-swap on the piece's resourceVersion: whoever loses the race has lost the run.
//! It does not interpret steps, and never rewrites an entry.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::event::{Entry, Event, VERSION};
use super::failure::{JournalError, api, broken};
use super::state::{IllegalEvent, RunState};
use super::traces::{marked_volume, refuse_anothers_marks};
use super::{piece, stored_plan};
use crate::cluster::failure::OUTAGE_MAX;
use crate::cluster::{ApiError, Connection, Creation, Kind};
use crate::plan::file::PIECE_ENTRIES_MAX;
use crate::plan::{Plan, RunId, marks, plan_record};

/// At most so many are read for one journal.
const JOURNAL_PIECES_MAX: usize = 4096;

/// How often one append is tried while others change the object it goes to.
const APPEND_TRIES_MAX: u32 = 8;

/// How often it is asked meanwhile what is stored.
const LOOK_EVERY: Duration = Duration::from_secs(1);

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
        stored_plan::store(connection, plan).await?;
        Self::open(connection, &plan.app.namespace, plan.run()).await
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
        stored_plan::store(&self.connection, plan).await?;
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
        let annotations = piece::annotations(last, entries.len() == PIECE_ENTRIES_MAX);
        let name = piece::name(&self.run, number);
        let Some(there) = self.connection.get(&Kind::CONFIG_MAP, &self.namespace, &name).await? else {
            return self.create_piece(&name, &annotations, piece::data_of(entries).collect()).await.map(drop);
        };
        let strange = there["data"].as_object().into_iter().flat_map(Map::keys).map(|key| (key.clone(), Value::Null));
        let data: Map<String, Value> = strange.chain(piece::data_of(entries)).collect();
        self.patch_piece(&name, piece::version_of(&there), &annotations, data).await.map(drop)
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
        let found = found.map_err(|error| api(&self.run, "read", error))?;
        let mut names: Vec<&str> = found.iter().filter_map(|object| object["metadata"]["name"].as_str()).collect();
        names.sort_by_key(|name| (name.contains("-plan-"), std::cmp::Reverse(*name)));
        for name in names {
            let gone = self.connection.delete(&Kind::CONFIG_MAP, &self.namespace, name, &Default::default()).await;
            gone.map_err(|error| api(&self.run, "delete", error))?;
        }
        Ok(())
    }

    fn fenced(&self) -> JournalError {
        JournalError::Fenced { run: self.run.clone(), namespace: self.namespace.clone() }
    }

    fn extend(&self, events: &[Event]) -> Result<(RunState, Vec<Entry>), IllegalEvent> {
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

    /// Writes entries to the end. Returns which piece is the next to be written to, and its version. After the last entries that a piece
    /// takes it is the one that follows, which is there by then. So a journal whose last piece was deleted is not taken for whole.
    async fn write(&self, entries: &[Entry]) -> Result<(usize, String), ApiError> {
        let last = entries.last().expect("an append has entries");
        let number = self.piece.as_ref().map_or(0, |(number, _)| *number);
        let is_full = last.sequence >= ((number + 1) * PIECE_ENTRIES_MAX) as u64;
        let following = match self.entries.last().filter(|_| is_full) {
            Some(before) => Some((number + 1, self.make_following(number + 1, before).await?)),
            None => None,
        };
        let name = piece::name(&self.run, number);
        let (annotations, data) = (piece::annotations(last, following.is_some()), piece::data_of(entries).collect());
        let version = match &self.piece {
            Some((_, version)) => self.patch_piece(&name, version, &annotations, data).await?,
            None => match self.create_piece(&name, &annotations, data).await? {
                Creation::New(made) => piece::version_of(&made).to_owned(),
                Creation::AlreadyThere => return Err(ApiError::Conflict(format!("{name} is there already"))),
            },
        };
        Ok(following.unwrap_or((number, version)))
    }

    /// Makes a piece without entries yet, and returns its version. One that is there may be of an append that was never carried out.
    async fn make_following(&self, number: usize, before: &Entry) -> Result<String, ApiError> {
        let name = piece::name(&self.run, number);
        if let Creation::New(made) = self.create_piece(&name, &piece::annotations(before, false), Map::new()).await? {
            return Ok(piece::version_of(&made).to_owned());
        }
        match self.connection.get(&Kind::CONFIG_MAP, &self.namespace, &name).await? {
            Some(there) if piece::is_empty(&there) => Ok(piece::version_of(&there).to_owned()),
            _ => Err(ApiError::Conflict(format!("{name} is written to already"))),
        }
    }

    /// Adds to a piece if it still has this version, and returns the new one.
    async fn patch_piece(&self, name: &str, version: &str, annotations: &Value, data: Map<String, Value>) -> Result<String, ApiError> {
        let patch = json!({ "metadata": { "resourceVersion": version, "annotations": annotations }, "data": data });
        let written = self.connection.patch(&Kind::CONFIG_MAP, &self.namespace, name, &patch).await?;
        Ok(piece::version_of(&written).to_owned())
    }

    async fn create_piece(&self, name: &str, annotations: &Value, data: Map<String, Value>) -> Result<Creation, ApiError> {
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
            let name = piece::name(&self.run, number);
            let found = self.connection.get(&Kind::CONFIG_MAP, &self.namespace, &name).await;
            let piece = match found.map_err(|error| api(&self.run, "read", error))? {
                Some(piece) => piece,
                None if is_followed => return Err(broken(&self.namespace, &self.run, "its last piece is missing")),
                None => break,
            };
            let read = piece::read(&self.namespace, &self.run, &entries, &piece)?;
            // Made for an append that was never carried out.
            if read.is_empty() && !is_followed {
                break;
            }
            entries.extend(read);
            is_followed = piece["metadata"]["annotations"][piece::IS_FOLLOWED].is_string();
            self.piece = Some((number, piece::version_of(&piece).to_owned()));
        }
        Ok(entries)
    }
}
