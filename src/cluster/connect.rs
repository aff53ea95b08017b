//! Connections to clusters, from a kubeconfig or from inside a pod.
//!
//! The client is built with timeouts of our own and without its built-in repeats: a repeated call is the engine's decision.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use thiserror::Error;

use super::credentials::Expiry;
use super::failure::ApiError;
use super::fence::Fence;
use super::warnings::Warnings;

/// How long one call may take unless the user says otherwise.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// kubectl's connection flags, resolved; empty fields take what the kubeconfig says.
#[derive(Clone, Debug, Default)]
pub struct ConnectOptions {
    /// The kubeconfig file; none: [`Self::kubeconfigs`], then `~/.kube/config`, then the pod's own service account.
    pub kubeconfig: Option<PathBuf>,
    /// The files of `KUBECONFIG`, which are merged; those that are not there are passed over, as kubectl does.
    pub kubeconfigs: Vec<PathBuf>,
    /// The context to use.
    pub context: Option<String>,
    /// The cluster entry to use.
    pub cluster: Option<String>,
    /// The user entry to use.
    pub user: Option<String>,
    /// The API server's address.
    pub server: Option<String>,
    /// The name in the server's certificate.
    pub tls_server_name: Option<String>,
    /// Whether to trust any certificate.
    pub insecure_skip_tls_verify: bool,
    /// A file with the certificates to trust.
    pub certificate_authority: Option<PathBuf>,
    /// A client certificate file.
    pub client_certificate: Option<PathBuf>,
    /// The key of that certificate.
    pub client_key: Option<PathBuf>,
    /// A bearer token.
    pub token: Option<String>,
    /// The user to act as.
    pub impersonate: Option<String>,
    /// The groups to act as.
    pub impersonate_groups: Vec<String>,
    /// How long one call may take; none: 30 s.
    pub request_timeout: Option<Duration>,
}

/// Why there is no connection.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The kubeconfig cannot be read or does not hold what was asked for.
    #[error("cannot use the kubeconfig: {0}")]
    Kubeconfig(String),
    /// The client cannot be built from it.
    #[error("cannot connect to `{address}`: {message}")]
    Client {
        /// The API server.
        address: String,
        /// Why.
        message: String,
    },
}

/// A connection to one cluster. Cheap to clone.
#[derive(Clone)]
pub struct Connection {
    client: kube::Client,
    address: String,
    default_namespace: String,
    request_timeout: Duration,
    warnings: Warnings,
    expiry: Expiry,
    fence: Option<Arc<dyn Fence>>,
}

impl Connection {
    /// Connects as kubectl would with the same flags. Sends nothing yet.
    ///
    /// # Errors
    ///
    /// When the kubeconfig cannot be read, lacks the named entry, or holds credentials that cannot be used.
    pub async fn open(options: &ConnectOptions) -> Result<Self, ConnectError> {
        let mut config = read_config(options).await?;
        let request_timeout = options.request_timeout.filter(|given| !given.is_zero()).unwrap_or(REQUEST_TIMEOUT);
        config.connect_timeout = Some(request_timeout.min(Duration::from_secs(10)));
        config.write_timeout = Some(request_timeout);
        config.default_retry = false;
        let address = config.cluster_url.to_string().trim_end_matches('/').to_owned();
        let default_namespace = config.default_namespace.clone();
        let expiry = serde_json::to_value(&config.auth_info).map_or(Expiry::Unknown, |user| Expiry::of(&user));
        let client =
            kube::Client::try_from(config).map_err(|error| ConnectError::Client { address: address.clone(), message: chain(&error) })?;
        Ok(Self { client, address, default_namespace, request_timeout, warnings: Warnings::default(), expiry, fence: None })
    }

    /// Wraps a ready-made client, such as one over a simulated server.
    pub fn over(client: kube::Client, address: &str) -> Self {
        let default_namespace = client.default_namespace().to_owned();
        Self {
            client,
            address: address.to_owned(),
            default_namespace,
            request_timeout: REQUEST_TIMEOUT,
            warnings: Warnings::default(),
            expiry: Expiry::None,
            fence: None,
        }
    }

    /// The same connection, whose changes are made only as long as this holds.
    #[must_use]
    pub fn fenced(&self, fence: Arc<dyn Fence>) -> Self {
        Self { fence: Some(fence), ..self.clone() }
    }

    /// Returns when a change may be made.
    pub(super) async fn may_change(&self) -> Result<(), ApiError> {
        match &self.fence {
            Some(fence) => fence.holds().await,
            None => Ok(()),
        }
    }

    /// The API server's address.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The namespace of the kubeconfig's context.
    pub fn default_namespace(&self) -> &str {
        &self.default_namespace
    }

    /// Until when the credentials are good.
    pub fn expiry(&self) -> Expiry {
        self.expiry
    }

    /// What the server warned of.
    pub fn warnings(&self) -> &Warnings {
        &self.warnings
    }

    pub(super) fn client(&self) -> &kube::Client {
        &self.client
    }

    pub(super) fn request_timeout(&self) -> Duration {
        self.request_timeout
    }
}

async fn read_config(options: &ConnectOptions) -> Result<kube::Config, ConnectError> {
    let unusable = |error: &dyn std::error::Error| ConnectError::Kubeconfig(chain(error));
    let choice = KubeConfigOptions { context: options.context.clone(), cluster: options.cluster.clone(), user: options.user.clone() };
    let found = match (&options.kubeconfig, options.kubeconfigs.as_slice()) {
        (Some(path), _) => Kubeconfig::read_from(path).map_err(|error| unusable(&error)),
        (None, []) => Kubeconfig::read().map_err(|error| unusable(&error)),
        (None, listed) => merged(listed),
    };
    let mut kubeconfig = match found {
        Ok(kubeconfig) => kubeconfig,
        Err(error) => {
            let chosen = [&options.context, &options.cluster, &options.user, &options.server];
            let plain = options.kubeconfig.is_none() && chosen.into_iter().all(Option::is_none);
            return match kube::Config::incluster() {
                Ok(config) if plain => Ok(config),
                _ => Err(error),
            };
        }
    };
    refuse_unknown(&kubeconfig, options)?;
    override_entries(&mut kubeconfig, options);
    kube::Config::from_custom_kubeconfig(kubeconfig, &choice).await.map_err(|error| unusable(&error))
}

/// The files that are there as one, the first to say something first
/// (<https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/#merging-kubeconfig-files>).
fn merged(listed: &[PathBuf]) -> Result<Kubeconfig, ConnectError> {
    let is_missing = |path: &&PathBuf| std::fs::metadata(path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
    let mut all: Option<Kubeconfig> = None;
    for path in listed.iter().filter(|path| !is_missing(path)) {
        let next = Kubeconfig::read_from(path).map_err(|error| ConnectError::Kubeconfig(chain(&error)))?;
        all = Some(match all {
            Some(before) => before.merge(next).map_err(|error| ConnectError::Kubeconfig(chain(&error)))?,
            None => next,
        });
    }
    let names: Vec<String> = listed.iter().map(|path| path.display().to_string()).collect();
    all.ok_or_else(|| ConnectError::Kubeconfig(format!("KUBECONFIG names no file that is there: {}", names.join(", "))))
}

/// An entry that is asked for by name and is not there. A user would else be taken for one without credentials.
fn refuse_unknown(kubeconfig: &Kubeconfig, options: &ConnectOptions) -> Result<(), ConnectError> {
    let contexts: Vec<&str> = kubeconfig.contexts.iter().map(|one| one.name.as_str()).collect();
    let clusters: Vec<&str> = kubeconfig.clusters.iter().map(|one| one.name.as_str()).collect();
    let users: Vec<&str> = kubeconfig.auth_infos.iter().map(|one| one.name.as_str()).collect();
    let asked = [("context", &options.context, contexts), ("cluster", &options.cluster, clusters), ("user", &options.user, users)];
    for (what, asked, known) in asked {
        if let Some(name) = asked.as_deref().filter(|name| !known.contains(name)) {
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(ConnectError::Kubeconfig(format!("it has no {what} `{name}`; it has: {known}")));
        }
    }
    Ok(())
}

/// Puts the flags into every entry: only the chosen one is read afterwards.
fn override_entries(kubeconfig: &mut Kubeconfig, options: &ConnectOptions) {
    let text = |path: &PathBuf| path.to_string_lossy().into_owned();
    for cluster in kubeconfig.clusters.iter_mut().filter_map(|named| named.cluster.as_mut()) {
        cluster.server = options.server.clone().or(cluster.server.take());
        cluster.tls_server_name = options.tls_server_name.clone().or(cluster.tls_server_name.take());
        if options.insecure_skip_tls_verify {
            cluster.insecure_skip_tls_verify = Some(true);
        }
        if let Some(path) = &options.certificate_authority {
            cluster.certificate_authority = Some(text(path));
            cluster.certificate_authority_data = None;
        }
    }
    for user in kubeconfig.auth_infos.iter_mut().filter_map(|named| named.auth_info.as_mut()) {
        if let Some(token) = &options.token {
            user.token = Some(token.clone().into());
            user.token_file = None;
        }
        if let Some(path) = &options.client_certificate {
            user.client_certificate = Some(text(path));
            user.client_certificate_data = None;
        }
        if let Some(path) = &options.client_key {
            user.client_key = Some(text(path));
            user.client_key_data = None;
        }
        user.impersonate = options.impersonate.clone().or(user.impersonate.take());
        if !options.impersonate_groups.is_empty() {
            user.impersonate_groups = Some(options.impersonate_groups.clone());
        }
    }
}

/// The causes of an error, outermost first, each said once: some libraries repeat the cause in the outer message.
fn chain(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !said.contains(&text) {
            said = format!("{said}: {text}");
        }
        next = cause.source();
    }
    said
}
