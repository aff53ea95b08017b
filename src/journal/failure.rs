//! Why a journal cannot be read or written, in words. It says nothing of what is to be done about it.

use thiserror::Error;

use crate::cluster::ApiError;
use crate::plan::RunId;

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

pub(super) fn api(run: &RunId, doing: &'static str, error: ApiError) -> JournalError {
    JournalError::Api { run: run.clone(), doing, error }
}

pub(super) fn broken(namespace: &str, run: &RunId, reason: &str) -> JournalError {
    JournalError::Broken { run: run.clone(), namespace: namespace.to_owned(), reason: reason.to_owned() }
}
