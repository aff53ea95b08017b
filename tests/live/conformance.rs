//! Kubernetes itself does what the scripts' records say; the simulated cluster is held to the same records.

use futures::future::join_all;
use kubectl_stateful::cluster::{ConnectOptions, Connection};

use crate::harness::Space;
use crate::scripts::{ALL, Lab, check};

#[test]
fn kubernetes_does_what_the_records_say() {
    let spaces: Vec<Space> = ALL.iter().map(|_| Space::new("conformance")).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let labs = runtime.block_on(async {
        let options = ConnectOptions { kubeconfig: Some(spaces[0].kubeconfig().into()), ..ConnectOptions::default() };
        let connection = Connection::open(&options).await.expect("the cluster can be reached");
        let tries = ALL.iter().zip(&spaces).map(|((_, script), space)| {
            let mut lab = Lab::new(connection.clone(), &space.name);
            async move {
                script(&mut lab).await;
                lab
            }
        });
        join_all(tries).await
    });
    for ((name, _), lab) in ALL.iter().zip(&labs) {
        check(name, lab);
    }
}
