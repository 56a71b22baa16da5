//! Bugs planted at the seams between the product's parts, to see that the checks find them: what a worker says, signs and
//! sends, what a disk keeps, what a client passes on. A check that finds none of them proves nothing.

macro_rules! mutants {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal,)*) => {
        /// A planted bug.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Mutant {
            $($(#[doc = $doc])* $name,)*
        }

        impl Mutant {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name on the command line.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What it does.
            pub fn what(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),*).trim_ascii(),)* }
            }
        }
    };
}

mutants! {
    /// A deposit that was seen is not told to the books.
    DepositUnseen = "deposit-unseen",
    /// Blocks count as searched before what they paid is in the books.
    CursorFirst = "cursor-first",
    /// The log's position is forgotten in the deposit's key.
    LogForgotten = "log-forgotten",
    /// The deposit's key has the log's number in its block.
    LogOfBlock = "log-of-block",
    /// A deposit is credited when it is seen.
    CreditAtOnce = "credit-at-once",
    /// One base unit too much is credited.
    OneTooMuch = "one-too-much",
    /// Any one node's word counts.
    OneNode = "one-node",
    /// What was reverted counts as paid.
    RevertedIsPaid = "reverted-is-paid",
    /// A payout is committed when it is seen in a block.
    FinalAtOnce = "final-at-once",
    /// What was sent and not seen is given up, without proof.
    SilenceBuries = "silence-buries",
    /// Bytes are sent before they are in the journal.
    SentFirst = "sent-first",
    /// A replacement takes the next nonce.
    NextNonce = "next-nonce",
    /// The first attempt takes a nonce that another payment has.
    SameNonce = "same-nonce",
    /// What gas cost is not booked.
    GasForgotten = "gas-forgotten",
    /// A reorg is not told to the books.
    ReorgIgnored = "reorg-ignored",
    /// The client's key is not passed on: each try is a new request.
    KeyForgotten = "key-forgotten",
    /// The disk says that it has synced, and has not.
    SyncLies = "sync-lies",
    /// The newest segment is lost in a restart.
    SegmentLost = "segment-lost",
}

impl Mutant {
    /// The one of that name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|mutant| mutant.name() == name)
    }
}
