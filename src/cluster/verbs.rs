//! Every call the product makes to the Kubernetes API: get, list, create, patch, delete and the tail of a log.
//!
//! Objects stay raw JSON, so that fields newer than our types survive a round trip. Each call is sent once, under its own
//! timeout: whether and when to try again is the engine's to decide, because a lost reply may hide an applied change.

use http::{Method, Request};
use http_body_util::{BodyExt, Limited};
use serde_json::{Value, json};

use super::connect::Connection;
use super::failure::ApiError;
use super::kinds::{Kind, encoded};

/// The name under which our writes appear in `managedFields`.
pub const FIELD_MANAGER: &str = "kubectl-stateful";

/// At most this many objects a page when listing.
const LIST_PAGE_MAX: usize = 500;

/// In which form objects are asked for: as they are, or their metadata only.
const WHOLE: &str = "application/json";
const METADATA_ONLY: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

/// So many lines at the end of a log are asked for: the last one may be a piece that was cut off, or not be meant for us.
const LOG_LINES: usize = 16;

/// So much is read of them, counted from the first, whoever wrote it. Room for [`LOG_LINES`] of 16 KiB, where container runtimes cut lines.
const LOG_BYTES_MAX: usize = LOG_LINES * (16 << 10);

/// At most this much is read of one answer: a page of objects, each of which the server bounds by some MiB, is far below.
const ANSWER_BYTES_MAX: usize = 256 * 1024 * 1024;

/// What came of a create.
#[derive(Debug)]
pub enum Creation {
    /// It was made, as returned by the server.
    New(Box<Value>),
    /// An object of that name was there before.
    AlreadyThere,
}

/// How to delete an object.
#[derive(Clone, Debug, Default)]
pub struct Delete {
    /// Only the object with this uid.
    pub uid: Option<String>,
    /// Only as it was at this resourceVersion.
    pub version: Option<String>,
    /// Leave what it owns (`Orphan`) instead of deleting it in the background.
    pub orphan: bool,
}

impl Connection {
    /// Returns the object, or none if there is no such object.
    pub async fn get(&self, kind: &Kind, namespace: &str, name: &str) -> Result<Option<Value>, ApiError> {
        absent_as_none(self.call(Method::GET, &kind.path(namespace, Some(name)), None).await)
    }

    /// Returns all objects of a namespace (all namespaces when empty) that match a label selector (all when empty). A list
    /// has no `apiVersion` and `kind` in its items; they are put back.
    pub async fn list(&self, kind: &Kind, namespace: &str, selector: &str) -> Result<Vec<Value>, ApiError> {
        self.list_as(kind, namespace, selector, WHOLE).await
    }

    async fn list_as(&self, kind: &Kind, namespace: &str, selector: &str, form: &'static str) -> Result<Vec<Value>, ApiError> {
        let mut items = Vec::new();
        let mut next = String::new();
        loop {
            let query = format!("?limit={LIST_PAGE_MAX}&labelSelector={}&continue={}", encoded(selector), encoded(&next));
            let mut page = self.read(&format!("{}{query}", kind.path(namespace, None)), form).await?;
            if let Some(Value::Array(found)) = page.get_mut("items").map(Value::take) {
                items.extend(found.into_iter().map(|item| with_kind(item, kind)));
            }
            match page["metadata"]["continue"].as_str() {
                Some(token) if !token.is_empty() => next = token.to_owned(),
                _ => return Ok(items),
            }
        }
    }

    /// As [`Connection::list`], without what the objects hold: their metadata only.
    pub async fn list_metadata(&self, kind: &Kind, namespace: &str, selector: &str) -> Result<Vec<Value>, ApiError> {
        self.list_as(kind, namespace, selector, METADATA_ONLY).await
    }

    /// Creates an object. An object of that name being there is an outcome, not an error.
    pub async fn create(&self, kind: &Kind, namespace: &str, object: &Value) -> Result<Creation, ApiError> {
        self.may_change().await?;
        let path = format!("{}?fieldManager={FIELD_MANAGER}", kind.path(namespace, None));
        match self.call(Method::POST, &path, Some(("application/json", object))).await {
            Ok(made) => Ok(Creation::New(Box::new(made))),
            Err(ApiError::AlreadyExists(_)) => Ok(Creation::AlreadyThere),
            Err(error) => Err(error),
        }
    }

    /// Asks the server whether it would take the object, without storing it (`dryRun=All`).
    pub async fn would_create(&self, kind: &Kind, namespace: &str, object: &Value) -> Result<(), ApiError> {
        let path = format!("{}?dryRun=All&fieldManager={FIELD_MANAGER}", kind.path(namespace, None));
        self.call(Method::POST, &path, Some(("application/json", object))).await.map(drop)
    }

    /// Asks the server whether it would let an object be changed so, without storing it (`dryRun=All`).
    pub async fn would_patch(&self, kind: &Kind, namespace: &str, name: &str, patch: &Value) -> Result<(), ApiError> {
        let path = format!("{}?dryRun=All&fieldManager={FIELD_MANAGER}", kind.path(namespace, Some(name)));
        self.call(Method::PATCH, &path, Some(("application/merge-patch+json", patch))).await.map(drop)
    }

    /// Changes an object by a JSON merge patch (RFC 7386) and returns it as it is then. With `metadata.uid` or
    /// `metadata.resourceVersion` in it, it applies to that object or version only.
    pub async fn patch(&self, kind: &Kind, namespace: &str, name: &str, patch: &Value) -> Result<Value, ApiError> {
        self.may_change().await?;
        let path = format!("{}?fieldManager={FIELD_MANAGER}", kind.path(namespace, Some(name)));
        match self.call(Method::PATCH, &path, Some(("application/merge-patch+json", patch))).await {
            // Another object has this name by now. The server takes a patch with the uid of the old one for an attempt to change it.
            Err(ApiError::Invalid(message)) if message.contains("metadata.uid") => Err(ApiError::Conflict(message)),
            other => other,
        }
    }

    /// Deletes an object. That it is gone already is fine; that another one has its name is a [`ApiError::Conflict`].
    pub async fn delete(&self, kind: &Kind, namespace: &str, name: &str, how: &Delete) -> Result<(), ApiError> {
        let mut options = json!({ "apiVersion": "v1", "kind": "DeleteOptions",
            "propagationPolicy": if how.orphan { "Orphan" } else { "Background" } });
        if let Some(uid) = &how.uid {
            options["preconditions"]["uid"] = json!(uid);
        }
        if let Some(version) = &how.version {
            options["preconditions"]["resourceVersion"] = json!(version);
        }
        self.may_change().await?;
        let path = kind.path(namespace, Some(name));
        absent_as_none(self.call(Method::DELETE, &path, Some(("application/json", &options))).await).map(drop)
    }

    /// Returns the last lines of the log of a container, not more than [`LOG_BYTES_MAX`] bytes; none when there is no such pod, or no log yet.
    pub async fn log_tail(&self, namespace: &str, pod: &str, container: &str) -> Result<Option<String>, ApiError> {
        let pod = Kind::POD.path(namespace, Some(pod));
        let path = format!("{pod}/log?container={}&tailLines={LOG_LINES}&limitBytes={LOG_BYTES_MAX}", encoded(container));
        match self.call_text(Method::GET, &path, None).await {
            Ok(text) => Ok(Some(text)),
            // Before its container runs a pod has no log, which the server calls a bad request.
            Err(ApiError::NotFound(_) | ApiError::Other { status: 400, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sends one request and returns its JSON answer; for paths that have no [`Kind`], such as discovery.
    pub async fn get_path(&self, path: &str) -> Result<Option<Value>, ApiError> {
        absent_as_none(self.call(Method::GET, path, None).await)
    }

    async fn read(&self, path: &str, form: &'static str) -> Result<Value, ApiError> {
        let request = Request::builder().method(Method::GET).uri(path).header(http::header::ACCEPT, form);
        json_of(path, &self.send(request, Vec::new()).await?)
    }

    async fn call(&self, method: Method, path: &str, body: Option<(&str, &Value)>) -> Result<Value, ApiError> {
        json_of(path, &self.call_text(method, path, body).await?)
    }

    async fn call_text(&self, method: Method, path: &str, body: Option<(&str, &Value)>) -> Result<String, ApiError> {
        let mut request = Request::builder().method(method).uri(path);
        if let Some((content_type, _)) = body {
            request = request.header(http::header::CONTENT_TYPE, content_type);
        }
        let bytes = body.map(|(_, value)| serde_json::to_vec(value).expect("any value can be written")).unwrap_or_default();
        self.send(request, bytes).await
    }

    async fn send(&self, request: http::request::Builder, bytes: Vec<u8>) -> Result<String, ApiError> {
        let request = request.body(kube::client::Body::from(bytes)).map_err(|error| ApiError::Invalid(format!("no request: {error}")))?;
        let answer = tokio::time::timeout(self.request_timeout(), self.exchange(request)).await;
        answer.unwrap_or_else(|_| {
            Err(ApiError::NoAnswer(format!("no answer within {} s from {}", self.request_timeout().as_secs(), self.address())))
        })
    }

    async fn exchange(&self, request: Request<kube::client::Body>) -> Result<String, ApiError> {
        let unreachable = |error: kube::Error| ApiError::NoAnswer(format!("cannot reach `{}`: {}", self.address(), innermost(&error)));
        let response = self.client().send(request).await.map_err(unreachable)?;
        let (parts, body) = response.into_parts();
        self.warnings().collect(&parts.headers);
        let bytes =
            Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(|error| ApiError::NoAnswer(innermost(error.as_ref())))?.to_bytes();
        let text = String::from_utf8(bytes.into()).unwrap_or_else(|odd| String::from_utf8_lossy(odd.as_bytes()).into_owned());
        if parts.status.is_success() { Ok(text) } else { Err(refused(parts.status.as_u16(), &parts.headers, &text)) }
    }
}

fn json_of(path: &str, text: &str) -> Result<Value, ApiError> {
    serde_json::from_str(text).map_err(|error| ApiError::NoAnswer(format!("the answer to {path} is not JSON: {error}")))
}

/// The deepest cause says what happened; the layers above it only say that something did.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}

fn refused(status: u16, headers: &http::HeaderMap, text: &str) -> ApiError {
    let said: Value = serde_json::from_str(text).unwrap_or_default();
    let message = said["message"].as_str().filter(|said| !said.is_empty()).unwrap_or(text.trim()).to_owned();
    let retry_after_secs = headers.get(http::header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    match (status, said["reason"].as_str()) {
        (401, _) => ApiError::Unauthorized(message),
        (403, _) => ApiError::Forbidden(message),
        (404, _) => ApiError::NotFound(message),
        (409, Some("AlreadyExists")) => ApiError::AlreadyExists(message),
        (409, _) => ApiError::Conflict(message),
        (422, _) => ApiError::Invalid(message),
        (429 | 503 | 504, _) => ApiError::Busy { message, retry_after_secs },
        _ => ApiError::Other { status, message },
    }
}

fn absent_as_none(answer: Result<Value, ApiError>) -> Result<Option<Value>, ApiError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(ApiError::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn with_kind(mut item: Value, kind: &Kind) -> Value {
    if item.get("kind").is_none() {
        item["apiVersion"] = kind.api_version().into();
        item["kind"] = kind.kind.as_ref().into();
    }
    item
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conflict_passes_and_a_ban_does_not() {
        assert!(refused(401, &http::HeaderMap::new(), "{\"message\":\"Unauthorized\"}").is_passing());
        assert!(refused(409, &http::HeaderMap::new(), "{\"reason\":\"Conflict\",\"message\":\"x\"}").is_passing());
        assert!(!refused(403, &http::HeaderMap::new(), "{\"message\":\"no\"}").is_passing());
    }
}
