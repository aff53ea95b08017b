//! The simulated API server as the client sees it: requests in, answers out. Faults and foreign hands come in here, between what was
//! asked and what is told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Method, Request, Response};
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::{Value, json};

use super::faults::{Fault, Hit};
use super::parted::Wire;
use super::store::{Deletion, Refused, text, written};
use super::{Call, Sim, roles, select};

/// What a request asks for.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(super) group: String,
    pub(crate) plural: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// `log`, or nothing.
    sub: String,
    query: Vec<(String, String)>,
    pub(crate) body: Value,
}

impl Asked {
    /// Whether nothing of it is to be stored.
    pub(super) fn is_dry(&self) -> bool {
        self.query("dryRun") == "All"
    }

    fn query(&self, name: &str) -> &str {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// Whether it is about an object itself, not about its log or the like.
    pub(super) fn is_plain(&self) -> bool {
        self.sub.is_empty()
    }

    /// As a role calls it.
    pub(super) fn verb(&self) -> &'static str {
        match self.method.as_str() {
            "POST" => "create",
            "PATCH" => "patch",
            "DELETE" => "delete",
            _ if self.name.is_empty() => "list",
            _ => "get",
        }
    }

    /// As a role calls it.
    pub(super) fn resource(&self) -> String {
        if self.sub.is_empty() { self.plural.clone() } else { format!("{}/{}", self.plural, self.sub) }
    }

    /// As if the caller had not selected by this label.
    pub(super) fn forget_label(&mut self, label: &str) {
        for (_, selector) in self.query.iter_mut().filter(|(key, _)| key == "labelSelector") {
            let kept: Vec<&str> = selector.split(',').filter(|one| !one.starts_with(label)).collect();
            *selector = kept.join(",");
        }
    }

    /// As if the caller had not said of which container.
    pub(super) fn forget_container(&mut self) {
        self.query.retain(|(key, _)| key != "container");
    }

    /// In words, for what is printed of a failure.
    pub(crate) fn words(&self) -> String {
        format!("{} {}/{}{}", self.method, self.plural, self.name, if self.is_dry() { " (dry)" } else { "" })
    }
}

type Answer = Result<Reply, Refused>;

#[derive(Clone)]
enum Reply {
    Json(Value),
    Text(String),
}

impl Reply {
    fn into_text(self) -> String {
        match self {
            Reply::Json(value) => written(&value),
            Reply::Text(text) => text,
        }
    }
}

/// What an answer tells.
fn told(answer: &Answer) -> String {
    match answer {
        Ok(reply) => reply.clone().into_text(),
        Err(refused) => refused.message.clone(),
    }
}

/// A client's connection to the simulated server, over a wire that may be cut.
pub(crate) fn client(sim: &Arc<Mutex<Sim>>, wire: &Arc<Wire>) -> kube::Client {
    let (sim, wire) = (Arc::clone(sim), Arc::clone(wire));
    let service = tower::service_fn(move |request: Request<Body>| {
        let (sim, wire) = (Arc::clone(&sim), Arc::clone(&wire));
        async move {
            wire.is_awake(&sim).await;
            if wire.carries(&sim) { serve(&sim, request).await } else { Err(std::io::ErrorKind::ConnectionReset.into()) }
        }
    });
    kube::Client::new(service, "app")
}

async fn serve(sim: &Arc<Mutex<Sim>>, request: Request<Body>) -> Result<Response<Body>, std::io::Error> {
    let (parts, body) = request.into_parts();
    let bytes = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
    let asked = parse(&parts.method, &parts.uri, &bytes);
    let (hit, answer) = {
        let mut sim = sim.lock().expect("no code panics while holding this lock");
        sim.arrive(&asked)
    };
    match hit {
        Hit::None => Ok(response(answer.expect("it was answered"))),
        Hit::Answer(refused, retry_after) => {
            let mut response = response(Err(refused));
            if let Some(secs) = retry_after {
                response.headers_mut().insert("retry-after", secs.to_string().parse().expect("a number"));
            }
            Ok(response)
        }
        Hit::CutOff => Err(std::io::Error::new(std::io::ErrorKind::ConnectionReset, "connection reset by peer")),
        Hit::Silence => {
            tokio::time::sleep(Duration::from_secs(3600)).await;
            Err(std::io::ErrorKind::TimedOut.into())
        }
        Hit::Death => std::future::pending().await,
    }
}

fn response(answer: Answer) -> Response<Body> {
    let (status, text) = match answer {
        Ok(reply) => (200, reply.into_text()),
        Err(Refused { status, reason, message }) => {
            (status, json!({ "kind": "Status", "status": "Failure", "reason": reason, "message": message, "code": status }).to_string())
        }
    };
    Response::builder().status(status).body(Body::from(text.into_bytes())).expect("a plain answer")
}

fn parse(method: &Method, uri: &http::Uri, body: &[u8]) -> Asked {
    let mut parts = uri.path().trim_start_matches('/').split('/').map(str::to_owned).peekable();
    let mut group = String::new();
    match parts.next().as_deref() {
        Some("apis") => {
            group = parts.next().unwrap_or_default();
            drop(parts.next());
        }
        Some("api") => drop(parts.next()),
        _ => {}
    }
    let mut namespace = String::new();
    let mut rest: Vec<String> = parts.collect();
    if rest.first().is_some_and(|first| first == "namespaces") && rest.len() > 2 {
        namespace = rest[1].clone();
        rest.drain(..2);
    }
    let mut rest = rest.into_iter();
    let mut next = || rest.next().unwrap_or_default();
    let query = uri.query().unwrap_or_default().split('&').filter_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        Some((key.to_owned(), decoded(value)))
    });
    Asked {
        method: method.clone(),
        group,
        plural: next(),
        namespace,
        name: next(),
        sub: next(),
        query: query.collect(),
        body: serde_json::from_slice(body).unwrap_or_default(),
    }
}

/// The last lines of a log that are asked for, and of those the first bytes, as a kubelet gives them.
fn tail(log: &str, asked: &Asked) -> String {
    let number = |name: &str| asked.query(name).parse().unwrap_or(usize::MAX);
    let lines: Vec<&str> = log.split_inclusive('\n').collect();
    let text = lines[lines.len().saturating_sub(number("tailLines"))..].concat();
    String::from_utf8_lossy(&text.as_bytes()[..text.len().min(number("limitBytes"))]).into_owned()
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits: Vec<u8> = rest.by_ref().take(2).collect();
        bytes.push(u8::from_str_radix(&String::from_utf8_lossy(&digits), 16).unwrap_or(b'?'));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Sim {
    /// A request arrives: the world goes on, a fault or a foreign hand strikes, and it is answered. Judged before and after.
    fn arrive(&mut self, asked: &Asked) -> (Hit, Option<Answer>) {
        if self.is_dead {
            return (Hit::Death, None);
        }
        self.calls += 1;
        self.trace.push(asked.words());
        self.go_on();
        let is_write = asked.method != Method::GET;
        let (plural, words) = (asked.plural.clone(), asked.words());
        self.log.push(Call { is_write, plural, words, version: self.store.version(), ticks: self.ticks, phase: self.phase });
        self.lend_foreign_hand(asked);
        self.get_stuck();
        self.get_policies();
        self.deliver_late(self.calls);
        let fault = self.faults.strikes(self.calls);
        let mutated = self.mutation.map(|_| self.mutated(asked.clone()));
        let (hit, answer) = self.suffer(fault, mutated.as_ref().unwrap_or(asked));
        self.judge();
        self.overhear("asked", || format!("{} {}", asked.words(), asked.body));
        self.overhear("answered", || answer.as_ref().map_or_else(String::new, told));
        (hit, answer)
    }

    /// Requests that were long on their way arrive. What they would be told nobody hears any more.
    pub(super) fn deliver_late(&mut self, due: u64) {
        let (now, later) = std::mem::take(&mut self.late).into_iter().partition(|(_, call)| *call <= due);
        self.late = later;
        let now: Vec<(Asked, u64)> = now;
        for (asked, _) in now {
            drop(self.answer(&asked));
        }
    }

    fn suffer(&mut self, fault: Option<Fault>, asked: &Asked) -> (Hit, Option<Answer>) {
        let refused = |status, reason, said: &str| Refused::new(status, reason, said.to_owned());
        if self.is_gone() {
            return (Hit::CutOff, None);
        }
        if self.is_barred_by_webhook(asked) {
            return (Hit::Answer(refused(500, "InternalError", "failed calling webhook: connection refused"), None), None);
        }
        if self.is_void() {
            return (Hit::Answer(refused(401, "Unauthorized", "Unauthorized"), None), None);
        }
        if self.is_denied(asked) {
            // By a policy, or by validation.
            let is_policy = self.calls.is_multiple_of(2);
            let denied =
                if is_policy { refused(403, "Forbidden", "denied the request") } else { refused(422, "Invalid", "spec: Invalid value") };
            return (Hit::Answer(denied, None), None);
        }
        let Some(fault) = fault else {
            let answer = self.answer(asked);
            return (Hit::None, Some(answer));
        };
        self.trace.push(format!("*** {}", fault.words()));
        match fault {
            Fault::RefusedBefore => (Hit::CutOff, None),
            Fault::ReplyLost => {
                drop(self.answer(asked));
                (Hit::CutOff, None)
            }
            Fault::Late | Fault::VeryLate => {
                let after = if fault == Fault::Late { 3 } else { 40 };
                self.late.push((asked.clone(), self.calls + after));
                (Hit::CutOff, None)
            }
            Fault::Conflict => (Hit::Answer(refused(409, "Conflict", "the object has been modified"), None), None),
            Fault::TooMany => (Hit::Answer(refused(429, "TooManyRequests", "too many requests"), Some(2)), None),
            Fault::Unavailable => (Hit::Answer(refused(503, "ServiceUnavailable", "apiserver is shutting down"), Some(1)), None),
            Fault::Internal => (Hit::Answer(refused(500, "InternalError", "etcdserver: request timed out"), None), None),
            Fault::SlowApplied => {
                drop(self.answer(asked));
                (Hit::Silence, None)
            }
            Fault::Twice => {
                drop(self.answer(asked));
                let answer = self.answer(asked);
                (Hit::None, Some(answer))
            }
            Fault::Outage => {
                self.begin_outage();
                (Hit::CutOff, None)
            }
            Fault::Webhook => {
                self.lose_webhook();
                self.suffer(None, asked)
            }
            Fault::VoidForAWhile | Fault::VoidForEver => {
                self.make_void(fault);
                (Hit::Answer(refused(401, "Unauthorized", "Unauthorized"), None), None)
            }
            Fault::Forbidden => (Hit::Answer(refused(403, "Forbidden", "exceeded quota: tight"), None), None),
            Fault::Invalid => (Hit::Answer(refused(422, "Invalid", "spec: Invalid value"), None), None),
            Fault::DeniedForAWhile | Fault::DeniedForLong => {
                self.deny(asked, fault);
                self.suffer(None, asked)
            }
            Fault::DiesBefore => {
                self.die();
                (Hit::Death, None)
            }
            Fault::DiesAfter => {
                let answer = self.answer(asked);
                self.die();
                (Hit::Death, Some(answer))
            }
        }
    }

    fn answer(&mut self, asked: &Asked) -> Answer {
        self.judge_reach(asked);
        self.authorize(asked)?;
        if let Some(lie) = self.lie(asked) {
            return Ok(Reply::Json(lie));
        }
        self.answer_truly(asked)
    }

    fn answer_truly(&mut self, asked: &Asked) -> Answer {
        let manager = match asked.query("fieldManager") {
            "" => "unknown".to_owned(),
            manager => manager.to_owned(),
        };
        let Asked { plural, namespace, name, body, .. } = asked;
        match (asked.method.as_str(), plural.as_str(), asked.sub.as_str()) {
            ("POST", "selfsubjectaccessreviews", _) => {
                let mut review = body.clone();
                review["status"] = json!({ "allowed": true });
                Ok(Reply::Json(review))
            }
            ("GET", "", _) => Ok(Reply::Json(roles::discovery(&asked.group))),
            ("GET", "version", _) => Ok(Reply::Json(json!({ "gitVersion": "v1.36.3" }))),
            ("GET", "pods", "log") => self.log(namespace, name, asked.query("container")).map(|log| Reply::Text(tail(&log, asked))),
            ("GET", "nodes", "proxy") => Err(Refused::new(503, "ServiceUnavailable", "no metrics here")),
            ("GET", "events", _) => Ok(Reply::Json(json!({ "items": self.events_about(asked.query("fieldSelector")) }))),
            ("GET", _, _) if name.is_empty() => {
                let wanted = asked.query("labelSelector");
                let items: Vec<&Value> = self.store.all(plural, namespace).filter(|one| select::matches(wanted, one)).collect();
                Ok(Reply::Json(json!({ "kind": "List", "metadata": {}, "items": items })))
            }
            ("GET", _, _) => {
                let missing = || Refused::new(404, "NotFound", format!("{plural} \"{name}\" not found"));
                self.store.json_of(plural, namespace, name).map(Reply::Text).ok_or_else(missing)
            }
            ("POST", _, _) => {
                let object = self.admitted(plural, namespace, body, asked.is_dry())?;
                self.store.create(plural, namespace, &object, &manager, asked.is_dry()).map(Reply::Json)
            }
            ("PATCH", _, _) if asked.is_dry() => self.store.clone().patch(plural, namespace, name, body, &manager).map(Reply::Json),
            ("PATCH", _, _) => self.store.patch(plural, namespace, name, body, &manager).map(Reply::Json),
            ("DELETE", _, _) => {
                let given = |field: &str| body["preconditions"][field].as_str().map(str::to_owned);
                let orphan = text(body, "/propagationPolicy") == "Orphan";
                let how = Deletion { uid: given("uid"), version: given("resourceVersion"), orphan };
                self.store.delete(plural, namespace, name, &how).map(Reply::Json)
            }
            _ => Err(Refused::new(405, "MethodNotAllowed", "not simulated")),
        }
    }
}
