//! The whole survey of an app, from its parts.

use super::failure::SurveyError;
use super::reference::Reference;
use super::{app, claims, surroundings, templates};
use crate::cluster::{Connection, access};
use crate::survey::Survey;

/// Surveys an app.
///
/// # Errors
///
/// When something cannot be read that is not a matter of permissions.
pub async fn survey(connection: &Connection, namespace: &str, named: &Reference) -> Result<Survey, SurveyError> {
    let access = access::review(connection, namespace, named.kind).await?;
    let reads = surroundings::Reads { connection, namespace, access: &access };
    let app = app::read(connection, namespace, named).await?;
    let claims = claims::read(&reads, &app).await?;
    let templates = templates::read(&reads, &app, &claims).await?;
    let around = surroundings::read(&reads, &app).await?;
    let namespace = reads.namespace().await?;
    let cluster_uid = connection.cluster_uid().await?;
    let surroundings::Surroundings {
        server_version,
        classes,
        drivers,
        nodes,
        capacities,
        quotas,
        limits,
        budgets,
        autoscalers,
        policies,
        unfinished_runs,
    } = around;
    Ok(Survey {
        server_version,
        cluster_uid,
        namespace,
        app,
        claims,
        templates,
        classes,
        drivers,
        nodes,
        capacities,
        quotas,
        limits,
        disruption_budgets: budgets,
        autoscalers,
        network_policies: policies,
        unfinished_runs,
        kept: Vec::new(),
        access,
    })
}
