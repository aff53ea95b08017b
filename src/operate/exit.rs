//! The sorts of endings of a command, each with an exit code that scripts may rely on.

/// How a command ends when it does not simply succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitClass {
    /// An error, or wrong usage.
    Error,
    /// There are changes; only where that was asked for.
    Changes,
    /// There is nothing to do; only where that was asked for.
    Unchanged,
    /// Refused before anything was changed.
    Refused,
    /// Failed; the app is back on its source.
    RolledBack,
    /// Failed; needs a person.
    Stuck,
    /// Stopped; can be resumed or undone.
    Halted,
    /// Two claims were compared and differ.
    Different,
    /// Interrupted by the user; can be resumed or undone.
    Interrupted,
    /// Told to end by the system; can be resumed or undone.
    Terminated,
}

impl ExitClass {
    /// The exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Error => 1,
            Self::Changes => 2,
            Self::Unchanged => 3,
            Self::Refused => 4,
            Self::RolledBack => 5,
            Self::Stuck => 6,
            Self::Halted => 7,
            Self::Different => 8,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ExitClass;

    #[test]
    fn exit_codes_are_a_promise() {
        let codes = [
            (ExitClass::Error, 1),
            (ExitClass::Changes, 2),
            (ExitClass::Unchanged, 3),
            (ExitClass::Refused, 4),
            (ExitClass::RolledBack, 5),
            (ExitClass::Stuck, 6),
            (ExitClass::Halted, 7),
            (ExitClass::Different, 8),
            (ExitClass::Interrupted, 130),
            (ExitClass::Terminated, 143),
        ];
        for (class, code) in codes {
            assert_eq!(class.code(), code);
        }
    }
}
