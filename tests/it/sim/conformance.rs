//! The simulated cluster does what the real one was seen to do: the same scripts, the same records.

use std::sync::{Arc, Mutex};

use super::sweep::in_paused_time;
use super::{Sim, connect};
use crate::scripts::{ALL, Lab, check};

#[test]
fn the_simulation_does_what_kubernetes_does() {
    for (name, script) in ALL {
        let lab = in_paused_time(async {
            let sim = Arc::new(Mutex::new(Sim::new()));
            let mut lab = Lab::new(connect(&sim), "app");
            script(&mut lab).await;
            lab
        });
        check(name, &lab);
    }
}
