//! `kubectl stateful verify`: whether two claims hold the same.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::connection::ConnectionArgs;
use super::environment::named_image;
use super::fresh;
use super::terminal::Terminal;
use super::values::{duration, object};
use crate::operate::exit::ExitClass;
use crate::operate::failure::CommandError;
use crate::operate::verify::{self, Comparison};
use crate::words;

/// Prove that two claims hold the same
///
/// A pod mounts both for reading and makes a digest of everything a move keeps: content, owners, modes, times, attributes, links. It is removed
/// again. Nothing may write to the claims meanwhile. Ends with exit code 8 if they differ.
#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// One claim, as pvc/NAME
    #[arg(value_name = "PVC/NAME", value_parser = claim)]
    one: String,
    /// The other
    #[arg(value_name = "PVC/NAME", value_parser = claim)]
    other: String,
    /// How long it may take
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "24h")]
    timeout: Duration,
    /// The image of the mover pod (or KUBECTL_STATEFUL_MOVER_IMAGE)
    #[arg(long, value_name = "IMAGE")]
    mover_image: Option<String>,
    /// Print JSON
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<Format>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Json,
}

pub(super) async fn run(args: VerifyArgs, connection: &ConnectionArgs) -> Result<(), CommandError> {
    let cluster = connection.open().await?;
    let namespace = connection.namespace(&cluster);
    let comparison = Comparison {
        claims: [args.one, args.other],
        pod: format!("stateful-verify-{}", fresh::run_id()),
        image: named_image(args.mover_image.as_deref())?,
        within: args.timeout,
        namespace,
    };
    let findings = verify::verify(&cluster, &comparison, &Terminal::asking(false)).await?;
    words::result(&match args.output {
        Some(Format::Json) => words::findings_json(&findings),
        None => words::findings_text(&findings),
    });
    if findings.is_same() { Ok(()) } else { Err(CommandError::silent(ExitClass::Different)) }
}

/// The name of the claim that a word means. Claims of an app are meant as well as others, so that this is no reference to an app.
fn claim(word: &str) -> Result<String, String> {
    const KINDS: [&str; 3] = ["pvc", "persistentvolumeclaim", "persistentvolumeclaims"];
    match word.split_once('/') {
        Some((kind, name)) if KINDS.contains(&kind) && !name.is_empty() && !name.contains('/') => object(name),
        _ => Err(format!("`{word}` is not a claim such as pvc/NAME")),
    }
}

#[cfg(test)]
mod tests {
    use super::claim;

    #[test]
    fn claims_are_named_by_kind_and_name() {
        assert_eq!(claim("pvc/a"), Ok("a".to_owned()));
        assert_eq!(claim("persistentvolumeclaims/a-0"), Ok("a-0".to_owned()));
        for other in ["a", "pvc/", "sts/a", "pvc/a/b", "pvc/a b", "pvc/A", "pvc/a?b"] {
            assert!(claim(other).is_err(), "{other}");
        }
    }
}
