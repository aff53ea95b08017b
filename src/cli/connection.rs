//! kubectl's connection flags, by their exact names.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::environment::variable;
use super::values::{duration, namespace};
use crate::cluster::{ConnectOptions, Connection};
use crate::operate::failure::CommandError;

/// See the module.
#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub(super) struct ConnectionArgs {
    /// Path to the kubeconfig file
    #[arg(long, global = true, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// The kubeconfig context to use
    #[arg(long, global = true, value_name = "NAME")]
    context: Option<String>,
    /// The kubeconfig cluster to use
    #[arg(long, global = true, value_name = "NAME")]
    cluster: Option<String>,
    /// The kubeconfig user to use
    #[arg(long, global = true, value_name = "NAME")]
    user: Option<String>,
    /// The namespace to work in
    #[arg(short, long, global = true, value_name = "NAME", value_parser = namespace)]
    namespace: Option<String>,
    /// The address of the API server
    #[arg(short, long, global = true, value_name = "URL")]
    server: Option<String>,
    /// The name to expect in the server's certificate
    #[arg(long, global = true, value_name = "NAME")]
    tls_server_name: Option<String>,
    /// Do not check the server's certificate
    #[arg(long, global = true)]
    insecure_skip_tls_verify: bool,
    /// Path to the certificates to trust
    #[arg(long, global = true, value_name = "FILE")]
    certificate_authority: Option<PathBuf>,
    /// Path to a client certificate
    #[arg(long, global = true, value_name = "FILE")]
    client_certificate: Option<PathBuf>,
    /// Path to the key of the client certificate
    #[arg(long, global = true, value_name = "FILE")]
    client_key: Option<PathBuf>,
    /// Bearer token for the API server
    #[arg(long, global = true, value_name = "TOKEN")]
    token: Option<String>,
    /// User to act as
    #[arg(long = "as", global = true, value_name = "USER")]
    act_as: Option<String>,
    /// Group to act as, may be repeated
    #[arg(long, global = true, value_name = "GROUP")]
    as_group: Vec<String>,
    /// How long one request may take, such as 30s or 1m; 0 is the default of 30s
    #[arg(long, global = true, value_name = "DURATION", value_parser = duration, default_value = "0")]
    request_timeout: Duration,
}

impl ConnectionArgs {
    /// Connects.
    pub(super) async fn open(&self) -> Result<Connection, CommandError> {
        let listed = variable("KUBECONFIG").unwrap_or_default();
        let options = ConnectOptions {
            kubeconfig: self.kubeconfig.clone(),
            kubeconfigs: std::env::split_paths(&listed).filter(|path| !path.as_os_str().is_empty()).collect(),
            context: self.context.clone(),
            cluster: self.cluster.clone(),
            user: self.user.clone(),
            server: self.server.clone(),
            tls_server_name: self.tls_server_name.clone(),
            insecure_skip_tls_verify: self.insecure_skip_tls_verify,
            certificate_authority: self.certificate_authority.clone(),
            client_certificate: self.client_certificate.clone(),
            client_key: self.client_key.clone(),
            token: self.token.clone(),
            impersonate: self.act_as.clone(),
            impersonate_groups: self.as_group.clone(),
            request_timeout: Some(self.request_timeout),
        };
        Ok(Connection::open(&options).await?)
    }

    /// The flags that were given, as they are typed; for commands to which some of them mean nothing.
    pub(super) fn given(&self) -> Vec<&'static str> {
        let all = [
            ("--kubeconfig", self.kubeconfig.is_some()),
            ("--context", self.context.is_some()),
            ("--cluster", self.cluster.is_some()),
            ("--user", self.user.is_some()),
            ("--namespace", self.namespace.is_some()),
            ("--server", self.server.is_some()),
            ("--tls-server-name", self.tls_server_name.is_some()),
            ("--insecure-skip-tls-verify", self.insecure_skip_tls_verify),
            ("--certificate-authority", self.certificate_authority.is_some()),
            ("--client-certificate", self.client_certificate.is_some()),
            ("--client-key", self.client_key.is_some()),
            ("--token", self.token.is_some()),
            ("--as", self.act_as.is_some()),
            ("--as-group", !self.as_group.is_empty()),
            ("--request-timeout", !self.request_timeout.is_zero()),
        ];
        all.into_iter().filter(|(_, is_given)| *is_given).map(|(flag, _)| flag).collect()
    }

    /// The namespace asked for.
    pub(super) fn asked_namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// The namespace asked for, or that of the context.
    pub(super) fn namespace(&self, connection: &Connection) -> String {
        self.namespace.clone().unwrap_or_else(|| connection.default_namespace().to_owned())
    }
}
