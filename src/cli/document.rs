//! The forms in which a document is printed.

use clap::ValueEnum;

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum DocumentFormat {
    Yaml,
    Json,
}
