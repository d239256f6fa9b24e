//! The bugs that are put in on purpose, each at a seam, to prove that the simulation would find it. Must not know how it does.

/// One bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sabotage {
    /// The encoder acknowledges before it has committed.
    AckBeforeCommit,
    /// Nobody hints again what was lost.
    NoSweeper,
    /// A late refusal is taken for the truth.
    LateRefusalWins,
    /// A late acceptance is only kept.
    LateAcceptanceLost,
    /// Counters are drawn outside the transaction that fixes the bytes.
    CounterOutside,
    /// The publisher hears yes before the ledger has committed.
    YesBeforeDurable,
    /// A request that was not answered is sent again within the same attempt.
    SentTwice,
    /// An attempt's start is not committed before the POST.
    EffectBeforeIntent,
    /// Events are written whatever the version of the stream.
    UnfencedWrite,
    /// What was sent and not heard counts as never sent.
    DoubtForgotten,
    /// Each attempt after the first sends bytes of its own.
    BytesNotFixed,
    /// What a return takes back is not reserved.
    NothingReserved,
    /// The lease runs out before the call does.
    LeaseTooShort,
    /// `ALREADY_SUBMITTED` is believed without a look at the document.
    AnyDocumentBelieved,
    /// Hints for people that were lost stay lost.
    DeadLettersForgotten,
    /// An outage is charged to the invoice.
    OutageCharged,
    /// What was heard is not kept.
    EvidenceDropped,
    /// What is to be sent later is sent at once.
    DueTimeIgnored,
    /// What others are to be told is forgotten before it is told.
    ToldBeforehand,
}

impl Sabotage {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::AckBeforeCommit,
        Self::NoSweeper,
        Self::LateRefusalWins,
        Self::LateAcceptanceLost,
        Self::CounterOutside,
        Self::YesBeforeDurable,
        Self::SentTwice,
        Self::EffectBeforeIntent,
        Self::UnfencedWrite,
        Self::DoubtForgotten,
        Self::BytesNotFixed,
        Self::NothingReserved,
        Self::LeaseTooShort,
        Self::AnyDocumentBelieved,
        Self::DeadLettersForgotten,
        Self::OutageCharged,
        Self::EvidenceDropped,
        Self::DueTimeIgnored,
        Self::ToldBeforehand,
    ];
}
