//! What is worth knowing beside a result: warnings, why there is nothing to do, whether records count.

use super::escaped::{Words, words};
use super::output::{say, warn};
use crate::operate::caller::{NothingToDo, Remark};
use crate::operate::{Basis, Distrust};

/// Says something beside the result.
pub fn remark(remark: &Remark<'_>) {
    match remark {
        Remark::Warning(warning) => warn(&[(*warning).to_owned()]),
        Remark::NothingToDo(why) => say(&nothing_to_do_text(why)),
        Remark::GoesOnBack { run, back } => {
            say(&words!("Run {} is being undone by run {}, which has not ended. This command goes on with run {}.", run, back, back));
        }
    }
}

fn nothing_to_do_text(why: &NothingToDo) -> Words {
    match why {
        NothingToDo::Unchanged(why) => words!("Nothing to do: {}.", why),
        NothingToDo::Completed(run) => words!("Nothing to do: run {} of this plan has completed.", run),
        NothingToDo::Ended(run) => {
            words!("Nothing to do: the records of run {} say that it has ended, and no volume bears its marks.", run)
        }
        NothingToDo::Undone(run) => words!("Nothing to do: run {} was undone.", run),
        NothingToDo::UndoneBy { run, back } => words!("Nothing to do: run {} was undone by run {}.", run, back),
    }
}

/// Warns of records that do not count, or of which nothing else is left.
pub fn warn_of_records(basis: &Result<Basis, Distrust>) {
    match basis {
        Ok(Basis::Anchored | Basis::Vouched | Basis::PlannedAnew) => {}
        Ok(Basis::NothingLeft | Basis::Ended) => {
            warn(&["no volume bears the marks of this run; its records are all that is known of it".to_owned()]);
        }
        Err(doubt) => warn(&[format!("this command does not trust these records: {doubt}")]),
    }
}
