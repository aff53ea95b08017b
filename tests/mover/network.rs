//! What goes wrong between two movers.
