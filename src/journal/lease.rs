//! One executor at a time: a Lease for each app, held while a run is executed.
//!
//! The Lease keeps two executors from working side by side; that they cannot both *append* is the journal's own doing. It says
//! nothing about how far a run is.

use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;
use serde_json::{Value, json};
use thiserror::Error;

use super::process;
use crate::cluster::{ApiError, Connection, Creation, Delete, Fence, Kind};
use crate::plan::{App, RunId, marks};

/// After how many seconds without renewal a lease may be taken over.
pub const DURATION_SECS: u64 = 12;

/// How often the holder renews it.
pub const RENEW_EVERY: Duration = Duration::from_secs(3);

/// How often a waiting executor looks whether the holder still renews.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How often giving it back is tried.
const RELEASE_TRIES_MAX: u32 = 4;

/// Why the lease is not ours.
#[derive(Debug, Error)]
pub enum LeaseError {
    /// Somebody else holds it and keeps renewing it.
    #[error("`{app}` is being moved by `{holder}` (run `{run}`)")]
    Held {
        /// The app.
        app: String,
        /// Who holds it.
        holder: String,
        /// For which run.
        run: String,
        /// The app's namespace.
        namespace: String,
    },
    /// It was ours and is not any more.
    #[error("lost the lease on `{app}` to `{holder}`")]
    Lost {
        /// The app.
        app: String,
        /// Who holds it now.
        holder: String,
    },
    /// It is not there: somebody deleted it, or took it and gave it back.
    #[error("the lease on `{app}` was deleted, and another executor may have had the run meanwhile")]
    Deleted {
        /// The app.
        app: String,
    },
    /// The API server refused.
    #[error("cannot take the lease on `{app}`: {error}")]
    Api {
        /// The app.
        app: String,
        /// What it said.
        #[source]
        error: ApiError,
    },
}

/// A lease that was taken.
#[derive(Clone)]
pub struct Lease {
    connection: Connection,
    namespace: String,
    name: String,
    app: String,
    run: RunId,
    holder: String,
}

impl Lease {
    /// Takes the lease on an app, waiting for a holder that no longer renews it to run out.
    ///
    /// # Errors
    ///
    /// [`LeaseError::Held`] as soon as the holder is seen to be alive.
    pub async fn take(connection: &Connection, app: &App, run: &RunId, holder: &str) -> Result<Self, LeaseError> {
        let lease = Self {
            connection: connection.clone(),
            namespace: app.namespace.clone(),
            name: name_of(app),
            app: app.reference(),
            run: run.clone(),
            holder: holder.to_owned(),
        };
        let mut seen: Option<(Value, tokio::time::Instant)> = None;
        loop {
            let Some(current) = lease.read().await? else {
                if lease.try_create().await? {
                    return Ok(lease);
                }
                continue;
            };
            let version = current["metadata"]["resourceVersion"].clone();
            let since = match &seen {
                Some((before, _)) if *before != version => return Err(lease.held(&current)),
                Some((_, since)) => *since,
                None => tokio::time::Instant::now(),
            };
            seen = Some((version, since));
            // Judged by our own clock from when we first saw it: clocks of two machines need not agree.
            let waited = since.elapsed() >= Duration::from_secs(DURATION_SECS);
            if (waited || lease.is_free(&current)) && lease.try_take_over(&current).await? {
                return Ok(lease);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Renews the lease once.
    ///
    /// # Errors
    ///
    /// [`LeaseError::Lost`] when somebody else has it; a passing error of the API is reported as such and may be tried again.
    pub async fn renew(&self) -> Result<(), LeaseError> {
        let Some(current) = self.read().await? else {
            return Err(LeaseError::Deleted { app: self.app.clone() });
        };
        let holder = holder_of(&current);
        if holder != self.holder {
            return Err(LeaseError::Lost { app: self.app.clone(), holder });
        }
        let patch = json!({ "metadata": { "resourceVersion": current["metadata"]["resourceVersion"] }, "spec": { "renewTime": now() } });
        let renewed = self.connection.patch(&Kind::LEASE, &self.namespace, &self.name, &patch).await;
        renewed.map(drop).map_err(|error| self.api(error))
    }

    /// Makes a lease again that was deleted; whether it was us who did. Whoever had it meanwhile has written to the journal, so look there next.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn make_again(&self) -> Result<bool, LeaseError> {
        self.try_create().await
    }

    /// Gives the lease back; best effort, since it runs out by itself.
    pub async fn release(&self) {
        for _ in 0..RELEASE_TRIES_MAX {
            match self.try_release().await {
                Err(error) if error.is_passing() || error.is_denial() => tokio::time::sleep(LOOK_EVERY).await,
                _ => return,
            }
        }
    }

    async fn try_release(&self) -> Result<(), ApiError> {
        let Some(current) = self.connection.get(&Kind::LEASE, &self.namespace, &self.name).await? else { return Ok(()) };
        if holder_of(&current) != self.holder {
            return Ok(());
        }
        let uid = current["metadata"]["uid"].as_str().map(str::to_owned);
        self.connection.delete(&Kind::LEASE, &self.namespace, &self.name, &Delete { uid, ..Delete::default() }).await
    }

    async fn read(&self) -> Result<Option<Value>, LeaseError> {
        self.connection.get(&Kind::LEASE, &self.namespace, &self.name).await.map_err(|error| self.api(error))
    }

    async fn try_create(&self) -> Result<bool, LeaseError> {
        let object = json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": { "name": self.name, "namespace": self.namespace,
                "labels": { marks::MANAGED_BY: marks::US, marks::RUN: self.run },
                "annotations": { "kubectl-stateful.dev/app-name": self.app } },
            "spec": self.spec(),
        });
        let made = self.connection.create(&Kind::LEASE, &self.namespace, &object).await.map_err(|error| self.api(error))?;
        Ok(matches!(made, Creation::New(_)))
    }

    async fn try_take_over(&self, current: &Value) -> Result<bool, LeaseError> {
        let patch = json!({
            "metadata": { "resourceVersion": current["metadata"]["resourceVersion"], "labels": { marks::RUN: self.run } },
            "spec": self.spec(),
        });
        match self.connection.patch(&Kind::LEASE, &self.namespace, &self.name, &patch).await {
            Ok(_) => Ok(true),
            Err(ApiError::Conflict(_) | ApiError::NotFound(_)) => Ok(false),
            Err(error) => Err(self.api(error)),
        }
    }

    fn spec(&self) -> Value {
        json!({ "holderIdentity": self.holder, "leaseDurationSeconds": DURATION_SECS, "acquireTime": now(), "renewTime": now() })
    }

    fn is_free(&self, current: &Value) -> bool {
        let holder = holder_of(current);
        holder.is_empty() || holder == self.holder || process::is_gone(&holder)
    }

    fn held(&self, current: &Value) -> LeaseError {
        let run = current["metadata"]["labels"][marks::RUN].as_str().unwrap_or("unknown").to_owned();
        LeaseError::Held { app: self.app.clone(), holder: holder_of(current), run, namespace: self.namespace.clone() }
    }

    fn api(&self, error: ApiError) -> LeaseError {
        LeaseError::Api { app: self.app.clone(), error }
    }
}

fn name_of(app: &App) -> String {
    format!("stateful-{}", marks::app_key(app.kind, &app.name))
}

/// Who renews the lease on an app, and for which run; none where nobody does. For people: changes nothing.
///
/// # Errors
///
/// When it cannot be read.
pub async fn renewing(connection: &Connection, app: &App) -> Result<Option<(String, String)>, LeaseError> {
    let read = || async {
        let found = connection.get(&Kind::LEASE, &app.namespace, &name_of(app)).await;
        found.map_err(|error| LeaseError::Api { app: app.reference(), error })
    };
    let Some(first) = read().await?.filter(|lease| !holder_of(lease).is_empty()) else { return Ok(None) };
    let held = Some((holder_of(&first), first["metadata"]["labels"][marks::RUN].as_str().unwrap_or_default().to_owned()));
    if was_renewed_now(&first) {
        return Ok(held);
    }
    // Its clock may be another one: whoever lives renews it meanwhile.
    for _ in 0..SEEN_AFTER.as_millis() / LOOK_EVERY.as_millis() {
        tokio::time::sleep(LOOK_EVERY).await;
        match read().await? {
            None => return Ok(None),
            Some(now) if now["metadata"]["resourceVersion"] != first["metadata"]["resourceVersion"] => return Ok(held),
            Some(_) => {}
        }
    }
    Ok(None)
}

/// After so long without a renewal nobody is seen to renew a lease.
const SEEN_AFTER: Duration = Duration::from_secs(5);

/// Whether a lease says that it was renewed within its duration, by our own clock.
fn was_renewed_now(lease: &Value) -> bool {
    let renewed = lease["spec"]["renewTime"].as_str().and_then(|time| time.parse::<Timestamp>().ok());
    renewed.is_some_and(|renewed| (0..=DURATION_SECS.cast_signed()).contains(&(Timestamp::now().as_second() - renewed.as_second())))
}

impl Fence for Lease {
    fn holds(&self) -> BoxFuture<'_, Result<(), ApiError>> {
        Box::pin(async {
            let current = self.connection.get(&Kind::LEASE, &self.namespace, &self.name).await?;
            let is_ours = current.is_some_and(|lease| holder_of(&lease) == self.holder);
            if is_ours { Ok(()) } else { Err(ApiError::Conflict(format!("the lease on `{}` is not held any more", self.app))) }
        })
    }
}

fn holder_of(lease: &Value) -> String {
    lease["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned()
}

/// `MicroTime`, as the API wants it.
fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}
