//! Which cluster a connection leads to. An address does not say: a cluster has many (bastion, VPN, from inside), and a kubeconfig or a
//! proxy can give any. Namespace `kube-system` is made with the cluster and never again, so its uid does.

use super::{ApiError, Connection, Kind};

impl Connection {
    /// Returns the uid of namespace `kube-system`; none where it may not be read.
    ///
    /// # Errors
    ///
    /// What the API says, other than that it is forbidden or not there.
    pub async fn cluster_uid(&self) -> Result<Option<String>, ApiError> {
        match self.get(&Kind::NAMESPACE, "", "kube-system").await {
            Ok(found) => Ok(found.and_then(|namespace| namespace["metadata"]["uid"].as_str().map(str::to_owned))),
            Err(ApiError::Forbidden(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
