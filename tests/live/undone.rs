//! Going back: before the cut-over, after it, and for good.

use crate::apps;
use crate::harness::Space;

/// The run that `status` lists first.
fn only_run(space: &Space) -> String {
    let maps = space.kubectl(&[
        "get",
        "cm",
        "-l",
        "kubectl-stateful.dev/record=plan",
        "-o",
        "jsonpath={.items[*].metadata.labels.kubectl-stateful\\.dev/run}",
    ]);
    let runs: Vec<&str> = maps.split_whitespace().collect();
    assert_eq!(runs.len(), 1, "{runs:?}");
    runs[0].to_owned()
}

#[test]
fn undo_after_the_cut_over_keeps_what_the_app_wrote_since() {
    let space = Space::new("undo");
    apps::set(&space, "back", 1, &[("data", "slow")]);
    let (_, old_volume) = space.claim("data-back-0");
    space.stateful(&["execute", "sts/back", "--to-storage-class", "fast", "--yes"]).ends_with(0);
    space.until_ready("sts/back");
    space.shell("back-0", "echo since > /data/since; sync");
    let wrote = apps::lines(&space, "back-0");
    let run = only_run(&space);
    space.stateful(&["undo", &run, "--yes"]).ends_with(0);
    space.until_ready("sts/back");
    assert_eq!(space.claim("data-back-0"), ("slow".to_owned(), old_volume));
    assert_eq!(space.shell("back-0", "cat /data/since"), "since\n");
    apps::nothing_is_lost(&space, "back-0");
    assert!(apps::lines(&space, "back-0") >= wrote);
    let set = space.get("sts/back").expect("the set");
    assert_eq!(set["spec"]["volumeClaimTemplates"][0]["spec"]["storageClassName"], "slow");
}

#[test]
fn undo_may_discard_what_the_app_wrote_since() {
    let space = Space::new("discard");
    apps::set(&space, "back", 1, &[("data", "slow")]);
    let (_, old_volume) = space.claim("data-back-0");
    space.stateful(&["execute", "sts/back", "--to-storage-class", "fast", "--yes"]).ends_with(0);
    space.until_ready("sts/back");
    space.shell("back-0", "echo since > /data/since; sync");
    let run = only_run(&space);
    space.stateful(&["undo", &run, "--discard-new-writes", "--yes"]).ends_with(0);
    space.until_ready("sts/back");
    assert_eq!(space.claim("data-back-0"), ("slow".to_owned(), old_volume));
    assert_eq!(space.shell("back-0", "ls /data/since 2>/dev/null; true"), "");
    apps::nothing_is_lost(&space, "back-0");
}

#[test]
fn finalize_deletes_the_old_volumes_and_leaves_nothing_of_ours() {
    let space = Space::new("final");
    apps::set(&space, "done", 2, &[("data", "slow")]);
    let old: Vec<String> = ["data-done-0", "data-done-1"].iter().map(|claim| space.claim(claim).1).collect();
    space.stateful(&["execute", "sts/done", "--to-storage-class", "fast", "--yes"]).ends_with(0);
    let run = only_run(&space);
    space.stateful(&["finalize", &run]).ends_with(1).says("--yes");
    space.stateful(&["finalize", &run, "--yes"]).ends_with(0);
    for volume in old {
        space.until("the old volume to be gone", |space| space.get(&format!("pv/{volume}")).is_none());
    }
    assert_eq!(space.ours(), Vec::<String>::new());
    space.stateful(&["status", &run]).ends_with(1).says("no run");
    space.until_ready("sts/done");
    apps::nothing_is_lost(&space, "done-0");
}
