//! The plan of a choice: what was asked, what is moved, and all that the other files of the room make.

use super::guards::guard;
use super::moves::moves;
use super::notes::notes;
use super::stages::stages;
use crate::plan::shape::shape;
use crate::plan::{API_VERSION, App, AsWritten, KIND, Plan};
use crate::planner::choose::Choice;

/// Makes the plan. The choice was checked.
pub(crate) fn plan(choice: &Choice<'_>, cluster: &str) -> Plan {
    let survey = choice.survey;
    let mut stages = stages(choice);
    guard(&mut stages);
    Plan {
        api_version: API_VERSION.to_owned(),
        kind: KIND.to_owned(),
        request: choice.request.clone(),
        app: App {
            kind: survey.app.kind,
            namespace: survey.namespace.name.clone(),
            name: survey.app.name.clone(),
            uid: survey.app.uid.clone(),
            replicas: survey.app.replicas,
            shape: choice.stops_or_remakes_set().then(|| shape(&survey.app.raw)),
        },
        cluster: cluster.to_owned(),
        cluster_uid: survey.cluster_uid.clone(),
        moves: moves(choice),
        notes: notes(choice),
        stages,
        as_written: AsWritten::default(),
    }
}
