//! What the environment says of a command. It is read here; only the name of this machine is read elsewhere, where a lease is taken.

use crate::operate::exit::ExitClass;
use crate::operate::failure::CommandError;

/// The mover's image that this build was given, unless another one is named. Without one there is none: of a name that was made up here
/// whoever can serve it to a node could serve any image.
const MOVER_IMAGE: Option<&str> = option_env!("STATEFUL_MOVER_IMAGE");

/// A variable, where it is set to something.
#[expect(clippy::disallowed_methods, reason = "this is where the environment is read")]
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The image that was named, or that of the environment, or that of this build.
pub(super) fn mover_image(named: Option<&str>) -> Option<String> {
    let named = named.map(str::to_owned).or_else(|| variable("KUBECTL_STATEFUL_MOVER_IMAGE"));
    named.or_else(|| MOVER_IMAGE.map(str::to_owned))
}

/// As [`mover_image`], where there must be one.
pub(super) fn named_image(named: Option<&str>) -> Result<String, CommandError> {
    mover_image(named).ok_or_else(|| {
        CommandError::new(ExitClass::Error, "no image for the mover pods is named")
            .hinted("name one that your nodes can pull, best by its digest, with `--mover-image IMAGE` or KUBECTL_STATEFUL_MOVER_IMAGE")
    })
}
