//! A place: a cluster and a namespace in it. What is done there needs to name neither again.

use serde_json::Value;

use super::connect::Connection;
use super::failure::ApiError;
use super::kinds::Kind;
use super::verbs::{Creation, Delete};

/// See the module.
#[derive(Clone)]
pub struct Place {
    /// The cluster.
    pub connection: Connection,
    /// The namespace. Kinds that live in none are reached all the same.
    pub namespace: String,
}

impl Place {
    /// As [`Connection::get`].
    pub async fn get(&self, kind: &Kind, name: &str) -> Result<Option<Value>, ApiError> {
        self.connection.get(kind, &self.namespace, name).await
    }

    /// As [`Connection::list`], of this namespace.
    pub async fn list(&self, kind: &Kind, selector: &str) -> Result<Vec<Value>, ApiError> {
        self.connection.list(kind, &self.namespace, selector).await
    }

    /// As [`Connection::create`].
    pub async fn create(&self, kind: &Kind, object: &Value) -> Result<Creation, ApiError> {
        self.connection.create(kind, &self.namespace, object).await
    }

    /// As [`Connection::patch`].
    pub async fn patch(&self, kind: &Kind, name: &str, patch: &Value) -> Result<Value, ApiError> {
        self.connection.patch(kind, &self.namespace, name, patch).await
    }

    /// As [`Connection::delete`].
    pub async fn delete(&self, kind: &Kind, name: &str, how: &Delete) -> Result<(), ApiError> {
        self.connection.delete(kind, &self.namespace, name, how).await
    }
}
