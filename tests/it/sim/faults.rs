//! What can go wrong with a call, and with which.

use super::store::Refused;

/// Something that goes wrong with one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// The connection breaks before the server sees it.
    RefusedBefore,
    /// It is carried out and the reply is lost.
    ReplyLost,
    /// The connection breaks, and it is carried out three calls later: perhaps after it was sent again.
    Late,
    /// The same, forty calls later.
    VeryLate,
    /// 409, though nothing changed.
    Conflict,
    /// 429 with `Retry-After`.
    TooMany,
    /// 503 with `Retry-After`.
    Unavailable,
    /// 500.
    Internal,
    /// It is carried out, but no answer comes within the deadline.
    SlowApplied,
    /// It arrives and is carried out twice.
    Twice,
    /// The connection breaks, and so does every other for minutes.
    Outage,
    /// 500 by an admission webhook that is down, and so for every change but the journal's and the lease's for minutes.
    Webhook,
    /// 401, and so is everything for a while.
    VoidForAWhile,
    /// 401, and so is everything until another process comes.
    VoidForEver,
    /// 403, as by a quota that is full for a moment, or a policy.
    Forbidden,
    /// 422, as by validation that is newer than the object.
    Invalid,
    /// 403 for this kind of change for a minute.
    DeniedForAWhile,
    /// 403 for this kind of change for longer than anybody waits.
    DeniedForLong,
    /// The process is gone before the call is sent.
    DiesBefore,
    /// The process is gone after the call was carried out.
    DiesAfter,
}

impl Fault {
    /// All that strike one call; outages, void credentials and lasting denials have tests of their own.
    pub(crate) const ALL: [Fault; 14] = [
        Fault::RefusedBefore,
        Fault::ReplyLost,
        Fault::Late,
        Fault::VeryLate,
        Fault::Conflict,
        Fault::TooMany,
        Fault::Unavailable,
        Fault::Internal,
        Fault::SlowApplied,
        Fault::Twice,
        Fault::Forbidden,
        Fault::Invalid,
        Fault::DiesBefore,
        Fault::DiesAfter,
    ];

    /// Whether it differs from another one when the call only reads: then only the answer counts, not whether the call arrived.
    pub(crate) fn matters_to_reads(self) -> bool {
        use Fault::{Conflict, DiesAfter, Forbidden, Invalid, Late, ReplyLost, Twice, Unavailable, VeryLate};
        !matches!(self, ReplyLost | Late | VeryLate | Conflict | Unavailable | Twice | Forbidden | Invalid | DiesAfter)
    }

    /// Whether the process ends by it.
    pub(crate) fn kills(self) -> bool {
        matches!(self, Fault::DiesBefore | Fault::DiesAfter)
    }

    pub(crate) fn words(self) -> &'static str {
        match self {
            Fault::RefusedBefore => "refused before",
            Fault::ReplyLost => "applied, reply lost",
            Fault::Late => "delivered three calls late",
            Fault::VeryLate => "delivered forty calls late",
            Fault::Conflict => "409",
            Fault::TooMany => "429",
            Fault::Unavailable => "503",
            Fault::Internal => "500",
            Fault::SlowApplied => "slow past its deadline",
            Fault::Twice => "delivered twice",
            Fault::Outage => "no answer for minutes",
            Fault::Webhook => "500 for changes for minutes",
            Fault::VoidForAWhile => "401 for half a minute",
            Fault::VoidForEver => "401 from then on",
            Fault::Forbidden => "403",
            Fault::Invalid => "422",
            Fault::DeniedForAWhile => "403 for such changes for a minute",
            Fault::DeniedForLong => "403 for such changes for long",
            Fault::DiesBefore => "process dies before",
            Fault::DiesAfter => "process dies after",
        }
    }
}

/// How a call ends for its sender.
#[derive(Debug)]
pub(crate) enum Hit {
    /// As it should.
    None,
    /// With this answer, and a `Retry-After`.
    Answer(Refused, Option<u32>),
    /// With a broken connection.
    CutOff,
    /// Not within its deadline.
    Silence,
    /// Not at all.
    Death,
}

/// Which calls go wrong, by their number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults(pub(crate) Vec<(u64, Fault)>);

impl Faults {
    pub(crate) fn strikes(&self, call: u64) -> Option<Fault> {
        self.0.iter().find(|(number, _)| *number == call).map(|(_, fault)| *fault)
    }
}
