//! What the claim templates of a stateful set are to say, and so whether the set is deleted and made again.

use serde_json::{Value, json};

use super::choice::Choice;
use crate::survey::{AppKind, ClaimOrigin, ClaimSeen, object};

/// What a claim template is to say from now on: its class, and its size and access modes if they change too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    /// `storageClassName`.
    pub(crate) class: String,
    /// The storage request.
    pub(crate) size: Option<String>,
    /// The access modes.
    pub(crate) modes: Option<Vec<String>>,
}

impl Choice<'_> {
    /// Returns what a claim template is to say: what its claims are in the end, if all of them are the same and one is moved.
    pub(crate) fn template(&self, name: &str) -> Option<Template> {
        let of_template = |claim: &&ClaimSeen| matches!(&claim.origin, ClaimOrigin::Template { template, .. } if template == name);
        let mut all = self.survey.claims.iter().filter(of_template).map(|claim| self.template_of(claim));
        let first = all.next()??;
        let is_moved = self.moved.iter().any(|claim| of_template(&claim.seen));
        (is_moved && all.all(|one| one.as_ref() == Some(&first))).then_some(first)
    }

    /// What the template of a claim would say if it had no others.
    fn template_of(&self, claim: &ClaimSeen) -> Option<Template> {
        match self.moved.iter().find(|moved| moved.seen.name == claim.name) {
            Some(moved) => {
                let target = moved.target.clone();
                Some(Template { class: target.class?, size: target.size, modes: target.modes })
            }
            None => Some(Template { class: claim.class.clone()?, size: None, modes: None }),
        }
    }

    /// Whether a set is stopped or deleted, which is then made again, or started, as what it was.
    pub(crate) fn stops_or_remakes_set(&self) -> bool {
        self.survey.app.kind == AppKind::StatefulSet && (self.app_runs() || self.remakes_set())
    }

    /// Whether the set is deleted and made again: it is, when one of its claim templates changes.
    pub(crate) fn remakes_set(&self) -> bool {
        let templates = self.survey.app.raw.pointer("/spec/volumeClaimTemplates").and_then(Value::as_array);
        let changes = |template: &Value| {
            self.template(object::name(template)).is_some_and(|new| {
                let size = &template["spec"]["resources"]["requests"]["storage"];
                template["spec"]["storageClassName"] != json!(new.class)
                    || new.size.is_some_and(|new| *size != json!(new))
                    || new.modes.is_some_and(|new| template["spec"]["accessModes"] != json!(new))
            })
        };
        self.survey.app.kind == AppKind::StatefulSet && templates.is_some_and(|templates| templates.iter().any(changes))
    }
}
