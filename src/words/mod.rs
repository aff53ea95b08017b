//! The only room that prints or asks: plans and endings in words, progress on a terminal, plain lines off it, JSON lines for scripts.
//!
//! Results go to standard output, talk to standard error. It decides nothing: whatever a script could want is in the library.
//! What is printed are [`Words`], in which what servers, tenants and files say is kept from driving the terminal.
//!
//! [`output`] alone writes. Each other file has the words of one thing.

mod afterwards;
mod bars;
mod ending;
mod escaped;
mod events;
mod fault;
mod listener;
mod output;
mod plan;
mod progress;
mod prompt;
mod proposal;
mod receipts;
mod remark;
mod status;
mod table;
mod verification;

pub use ending::{completed_text, ended, finalized_text, undone_text};
pub use escaped::{Printable, Words};
pub use fault::{failed, fault_text, usage};
pub use listener::listener;
pub use output::{result, say, set_colours, warn, written};
pub use plan::{plan_text, survey_head_text, survey_saved_text};
pub use prompt::confirm;
pub use proposal::{finalize_text, proposal_text, undo_text};
pub use remark::{remark, warn_of_records};
pub use status::{runs_text, status_text};
pub use verification::{findings_json, findings_text};
