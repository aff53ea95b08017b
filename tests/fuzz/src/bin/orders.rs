//! Orders and reports: what is read can be written and read again.
#![no_main]

use kubectl_stateful::contract::orders::{Orders, Report};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    if let Ok(orders) = serde_json::from_slice::<Orders>(text) {
        let again = serde_json::to_vec(&orders).expect("JSON");
        assert_eq!(serde_json::from_slice::<Orders>(&again).expect("its own words"), orders);
    }
    if let Ok(report) = serde_json::from_slice::<Report>(text) {
        let again = serde_json::to_vec(&report).expect("JSON");
        assert_eq!(serde_json::from_slice::<Report>(&again).expect("its own words"), report);
    }
});
