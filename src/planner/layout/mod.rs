//! From what was chosen to a plan: the steps in their stages, until when their work is guarded, and what to know beside them.
//!
//! It refuses nothing: it may rely on all that `refuse` has looked at. The rules that must hold whatever the layout are in `plan::check`.

mod cut_over;
mod draft;
mod guards;
mod movers;
mod moves;
mod notes;
mod planned;
mod preparation;
mod reclaim;
mod restart;
mod retention;
mod stages;

pub(super) use draft::plan;
