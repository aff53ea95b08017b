//! What is moved and how, decided before anything is checked or laid out.

pub(super) mod cost;
