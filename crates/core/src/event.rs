//! What happened. Kept for ever, so a variant is never removed, and its fields only grow in number: each further one says
//! since which version of its event it is there, and is its type's default in what older versions wrote.

use crate::ids::*;
use crate::model::*;
use crate::token::{ClassRules, ClassSpec, Failure, Operation, Posting, TokenChange, Warning};
use crate::wire::{Bytes, DecodeError, Wire};
use crate::{Address, Amount, BlockRef, Depth, Rejection, TxId};

macro_rules! events {
    ($( $(#[$doc:meta])* ($tag:literal, $version:literal) $name:ident {
        $( $(#[$fdoc:meta])* $field:ident : $ty:ty ),* $(,)?
        $( ; $( $(#[$adoc:meta])* since $since:literal $added:ident : $aty:ty ),* $(,)? )?
    } )*) => {
        /// What happened, in the order of the journal.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub enum Event {
            $( $(#[$doc])* $name { $( $(#[$fdoc])* $field: $ty, )* $( $( $(#[$adoc])* $added: $aty ),* )? }, )*
        }

        impl Event {
            /// The names of all events, with the tag and version each is kept under.
            pub const KINDS: &'static [(u16, u8, &'static str)] = &[ $( ($tag, $version, stringify!($name)), )* ];

            /// The event's name.
            pub fn name(&self) -> &'static str {
                match self { $( Self::$name { .. } => stringify!($name), )* }
            }
        }

        impl Wire for Event {
            #[inline]
            fn put(&self, out: &mut Vec<u8>) {
                match self {
                    $( Self::$name { $($field,)* $( $($added),* )? } => {
                        <u16 as Wire>::put(&$tag, out);
                        out.push($version);
                        $( $field.put(out); )*
                        $( $( $added.put(out); )* )?
                    } )*
                }
            }
            #[inline]
            fn get(bytes: &mut Bytes<'_>) -> Result<Self, DecodeError> {
                let tag = u16::get(bytes)?;
                let version = u8::get(bytes)?;
                match (tag, version) {
                    $( ($tag, 1..=$version) => Ok(Self::$name {
                        $( $field: Wire::get(bytes)?, )*
                        $( $( $added: if version >= $since { Wire::get(bytes)? } else { Default::default() } ),* )?
                    }), )*
                    _ => Err(DecodeError::UnknownTag { what: "Event", tag: u32::from(version) << 16 | u32::from(tag) }),
                }
            }
        }
    };
}

events! {
    // The operator's configuration.
    (1, 1) NetworkListed { id: Box<str>, policy: NetworkPolicy }
    (2, 1) NetworkPolicyChanged { network: NetworkIx, policy: NetworkPolicy }
    (3, 1) TokenListed { id: Box<str>, decimals: u8 }
    (4, 1) AssetListed {
        id: Box<str>,
        network: NetworkIx,
        token: TokenIx,
        decimals: u8,
        /// Nothing for the network's own coin.
        contract: Option<Address>,
        rules: AssetRules,
    }
    (5, 1) AssetRulesChanged { asset: AssetIx, rules: AssetRules }
    /// The asset's contract was probed and is as it was probed until this event comes again.
    (6, 1) AssetPinned { asset: AssetIx, facts: AssetFacts }
    /// The contract is not what was pinned: deposits and payouts of the asset wait for a person.
    (7, 1) AssetStopped { asset: AssetIx, reason: Box<str> }
    (8, 2) AssetResumed { asset: AssetIx, reason: Box<str>; since 2 request: Option<Request> }
    (9, 1) WalletListed { request: Option<Request>, network: NetworkIx, address: Address, role: Role, key: Box<str> }
    (10, 1) WalletRoleChanged { wallet: WalletIx, role: Role }
    /// The wallet's first nonce, as the network has it; from here on only journaled bytes use its nonces.
    (11, 1) WalletReady { wallet: WalletIx, next_nonce: u64 }
    (12, 2) KeyAdded { name: Box<str>, hash: [u8; 32], scopes: u32; since 2 request: Option<Request> }
    (13, 2) KeyRevoked { key: KeyIx; since 2 request: Option<Request> }
    /// The most that deposit addresses are given for gas within a UTC day, in base units of the native coin.
    (14, 1) TopUpLimitSet { network: NetworkIx, a_day: Amount }

    // Accounts and moves.
    (20, 1) AccountOpened { request: Option<Request>, name: Box<str> }
    /// One more id of an account. If it had an account of its own, that one's balances move over and it is no more.
    (21, 1) NameLinked {
        request: Request,
        account: AccountIx,
        name: Box<str>,
        merged: Option<AccountIx>,
        moved: Vec<(TokenIx, Amount)>,
    }
    (22, 2) AccountFrozen { account: AccountIx, frozen: bool, reason: Box<str>; since 2 request: Option<Request> }
    (23, 1) Moved { request: Request, token: TokenIx, from: AccountIx, to: AccountIx, amount: Amount }
    /// The stored answer to a keyed request that was refused.
    (24, 1) Refused { request: Request, rejection: Rejection }

    // Networks and deposits.
    (40, 1) NetworkStarted { network: NetworkIx, genesis: BlockRef, from: BlockRef }
    /// These blocks, which follow on the ones before, were searched for payments.
    (41, 1) BlocksScanned { network: NetworkIx, blocks: Vec<BlockRef> }
    /// A reorg: the blocks above are gone.
    (42, 1) ScanRewound { network: NetworkIx, to: BlockRef }
    (43, 1) NetworkHalted { network: NetworkIx, reason: Box<str> }
    (44, 3) NetworkResumed {
        network: NetworkIx,
        reason: Box<str>,
        from: Option<BlockRef>;
        since 2 request: Option<Request>,
        /// `from` is one of the blocks that were searched: those before it are too.
        since 3 searched: bool,
    }
    (45, 2) DepositClaimed {
        request: Request,
        network: NetworkIx,
        tx: TxId,
        by: Option<AccountIx>;
        since 2 trace: Option<TraceContext>,
    }
    (46, 1) ClaimClosed { network: NetworkIx, tx: TxId, outcome: ClaimOutcome }
    (47, 1) DepositSeen { deposit: Incoming }
    /// A reorg moved it to another block.
    (48, 1) DepositReblocked { key: DepositKey, block: BlockRef }
    /// A reorg took it away before it counted.
    (49, 1) DepositDropped { key: DepositKey }
    (50, 2) DepositCredited {
        key: DepositKey,
        asset: AssetIx,
        wallet: WalletIx,
        from: Address,
        /// In base units of the asset: what the wallet holds more now.
        amount: Amount,
        /// In base units of the token: what is owned more now.
        credited: Amount,
        to: CreditTo,
        block: BlockRef,
        depth: Depth;
        /// What of it was booked as a surplus before it was seen, in base units of the asset: it leaves suspense.
        since 2 from_surplus: Vec<(SuspenseId, Amount)>,
        /// The same, of a surplus that a person has given away: the operator bears it.
        since 2 given_before: Amount,
    }
    /// A reorg deeper than the policy took a credited deposit away.
    (51, 3) DepositReversed {
        key: DepositKey,
        account: Option<AccountIx>,
        asset: AssetIx,
        /// What each wallet's holdings lose, in base units of the asset.
        from_wallets: Vec<(WalletIx, Amount)>,
        /// What was credited then, in base units of the token.
        credited: Amount,
        /// What was still free and is taken back.
        taken: Amount;
        /// The cold wallet of ours that has it again, and how much, in base units of the asset.
        since 2 back_to: Option<(WalletIx, Amount)>,
        /// Sweeps of it that the same reorg took, and what each gives back before that, in base units of the asset.
        since 3 unswept: Vec<(TxId, Amount)>,
    }
    /// Payments of that transaction are the operator's own.
    (52, 1) FundingAnnounced { request: Request, network: NetworkIx, tx: TxId, reason: Box<str> }

    // Payouts.
    (60, 2) PayoutHeld {
        request: Request,
        payout: PayoutId,
        transfer: Option<TransferId>,
        order: PayoutOrder,
        /// The amount in base units of the token.
        amount: Amount,
        success_fee: Amount,
        failure_fee: Amount,
        /// The amount and the larger fee.
        held: Amount;
        since 2 trace: Option<TraceContext>,
    }
    /// The destination is a wallet of ours: no network is involved.
    (61, 1) PayoutSettledInside {
        request: Request,
        payout: PayoutId,
        transfer: Option<TransferId>,
        order: PayoutOrder,
        to: AccountIx,
        amount: Amount,
        fee: Amount,
    }
    (62, 1) PayoutWaiting { payout: PayoutId, why: Wait }
    /// Before anything was signed: all of the hold is free again, without a fee.
    (63, 1) PayoutCancelled { request: Option<Request>, payout: PayoutId }
    /// Something is signed: a cancelling transaction takes its nonce if it can.
    (64, 1) CancelRequested { request: Option<Request>, payout: PayoutId }
    (65, 1) DispatchOpened {
        dispatch: DispatchId,
        wallet: WalletIx,
        nonce: u64,
        purpose: Purpose,
        /// Kept of the wallet's native coin until the end, in its base units.
        gas_reserve: Amount,
    }
    (66, 1) AttemptSigned { dispatch: DispatchId, attempt: Attempt }
    (67, 1) AttemptSent { dispatch: DispatchId, attempt: u32 }
    (68, 1) DispatchSeen { dispatch: DispatchId, sighting: Sighting }
    /// A reorg: back to sent, with the same bytes.
    (69, 1) DispatchUnseen { dispatch: DispatchId }
    /// One attempt is final: the payout is committed, or failed, or the slot is used up without effect.
    (70, 1) DispatchFinal {
        dispatch: DispatchId,
        sighting: Sighting,
        /// What it cost, in base units of the native coin.
        gas: Amount,
        depth: Depth,
    }
    /// Proof that no attempt can ever be final: another final transaction used the nonce.
    (71, 1) DispatchDead { dispatch: DispatchId, by: TxId, block: BlockRef }
    (72, 1) WalletFrozen { wallet: WalletIx, reason: Box<str> }
    (73, 2) WalletThawed { wallet: WalletIx, reason: Box<str>; since 2 request: Option<Request> }
    /// Found on the network after a restore: our own transaction that the journal does not have.
    (74, 2) DispatchAdopted {
        dispatch: DispatchId,
        wallet: WalletIx,
        nonce: u64,
        /// What it was for; nothing when no open work matches it.
        purpose: Option<Purpose>,
        tx: TxId,
        block: BlockRef,
        success: bool,
        /// What it moved out, when nothing open matches: booked against the operator until a person assigns it.
        lost: Option<(AssetIx, Amount)>,
        gas: Amount;
        /// Who received what was lost: an order for the same is that payment.
        since 2 to: Option<Address>,
    }
    /// A final transaction of ours that a deep reorg had taken is in a block again.
    (75, 1) FinalReblocked {
        network: NetworkIx,
        tx: TxId,
        block: BlockRef,
        /// What it cost there, in base units of the native coin.
        gas: Amount,
    }
    /// A final transaction of ours that a deep reorg had taken will not come back, says a person.
    (76, 1) FinalCleared {
        request: Request,
        network: NetworkIx,
        tx: TxId,
        /// What used its nonce instead, finally.
        proof: Option<(TxId, BlockRef)>,
        reason: Box<str>,
        /// Who had sent it.
        wallet: WalletIx,
        /// What that wallet has again.
        returned: Option<(AssetIx, Amount)>,
        /// Which wallet of ours gives it back; otherwise nobody owns it until a person says whose it is.
        from: Option<WalletIx>,
    }
    /// The destination became a wallet of ours since it was held: settled inside, or, where that wallet is the house's own,
    /// given back.
    (77, 1) PayoutEndedInside { payout: PayoutId, to: Option<AccountIx>, fee: Amount }

    /// Just this was paid by a transaction that was adopted after a restore before anybody asked for it: that is its payment.
    (78, 1) PayoutPaidBefore { payout: PayoutId, dispatch: DispatchId, tx: TxId, block: BlockRef, fee: Amount }
    /// A payment that was adopted after a restore is nobody's order, says a person.
    (79, 1) UnmatchedCleared { request: Request, dispatch: DispatchId, network: NetworkIx, tx: TxId, reason: Box<str> }

    // Transfers.
    (80, 2) TransferRequested {
        request: Request,
        transfer: TransferId,
        network: NetworkIx,
        tx: TxId,
        order: PayoutOrder;
        since 2 trace: Option<TraceContext>,
    }
    (81, 1) TransferFailed { transfer: TransferId, why: Rejection }

    // The operator's hand, and the reconciler's.
    (90, 1) PauseSet { request: Request, scope: Scope, paused: bool, reason: Box<str> }
    (91, 1) SuspenseAssigned { request: Request, item: SuspenseId, to: Assign, reason: Box<str> }
    (92, 1) OwedSettled { request: Request, account: AccountIx, token: TokenIx, amount: Amount }
    (93, 1) SurplusBooked { wallet: WalletIx, asset: AssetIx, amount: Amount, block: BlockRef }
    (94, 1) ShortageFound { wallet: WalletIx, asset: AssetIx, missing: Amount, block: BlockRef }
    (95, 1) ShortageCleared { asset: AssetIx, block: BlockRef }
    (96, 1) RecoveryStarted { reason: Box<str> }
    (97, 1) RecoveryEnded { reason: Box<str> }
    /// The operator bears what is missing.
    (98, 1) ShortageWrittenOff { request: Request, wallet: WalletIx, asset: AssetIx, amount: Amount, reason: Box<str> }

    // Token programs.
    /// A fungible class lists its token, of the same id.
    (110, 1) ClassCreated { spec: ClassSpec, request: Option<Request> }
    (111, 1) ClassChanged { class: ClassIx, rules: ClassRules, request: Option<Request> }
    /// Resumed, a quarantined program may run again, too.
    (112, 1) ClassPaused { class: ClassIx, paused: bool, reason: Box<str>, request: Option<Request> }
    (113, 1) Operated {
        operation: Box<Operation>,
        class: ClassIx,
        /// The name of the account that it opens.
        opened: Option<Box<str>>,
        /// What it does to the ledger's books.
        posting: Posting,
        /// The tokens as they are from now on.
        changes: Vec<TokenChange>,
        /// What hooks remarked.
        warnings: Vec<Warning>,
    }
    /// It did nothing, but for what it found.
    (114, 1) OperationFailed { operation: Box<Operation>, code: Box<str>, message: Box<str>, failure: Failure }
}

/// An event with the time it was decided at: one record of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When it was decided.
    pub at: Time,
    /// What happened.
    pub event: Event,
}

impl Record {
    /// Appends the record's bytes.
    #[inline]
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.at.put(out);
        self.event.put(out);
    }

    /// Reads a whole record.
    ///
    /// # Errors
    /// [`DecodeError`]; an unknown tag means that a newer engine wrote the journal.
    #[inline]
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut bytes = Bytes::new(bytes);
        let record = Self { at: Time::get(&mut bytes)?, event: Event::get(&mut bytes)? };
        bytes.finish()?;
        Ok(record)
    }
}

/// What a stored or fresh answer points to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Nothing but the event itself.
    Event,
    /// An account.
    Account(AccountIx),
    /// A payout.
    Payout(PayoutId),
    /// A transfer.
    Transfer(TransferId),
    /// A wallet.
    Wallet(WalletIx),
}

impl Event {
    /// The client's request that this answers, if one did.
    pub fn request(&self) -> Option<&Request> {
        match self {
            Self::NameLinked { request, .. }
            | Self::Moved { request, .. }
            | Self::Refused { request, .. }
            | Self::DepositClaimed { request, .. }
            | Self::FundingAnnounced { request, .. }
            | Self::PayoutHeld { request, .. }
            | Self::PayoutSettledInside { request, .. }
            | Self::TransferRequested { request, .. }
            | Self::PauseSet { request, .. }
            | Self::SuspenseAssigned { request, .. }
            | Self::OwedSettled { request, .. }
            | Self::FinalCleared { request, .. }
            | Self::UnmatchedCleared { request, .. }
            | Self::ShortageWrittenOff { request, .. } => Some(request),
            Self::WalletListed { request, .. }
            | Self::AccountOpened { request, .. }
            | Self::PayoutCancelled { request, .. }
            | Self::CancelRequested { request, .. }
            | Self::AssetResumed { request, .. }
            | Self::KeyAdded { request, .. }
            | Self::KeyRevoked { request, .. }
            | Self::AccountFrozen { request, .. }
            | Self::NetworkResumed { request, .. }
            | Self::WalletThawed { request, .. }
            | Self::ClassCreated { request, .. }
            | Self::ClassChanged { request, .. }
            | Self::ClassPaused { request, .. } => request.as_ref(),
            _ => None,
        }
    }

    /// The same as the answer to a request ([`Command::Once`](crate::Command::Once)); others carry theirs from the start.
    pub(crate) fn answering(mut self, made: Request) -> Self {
        if let Self::AssetResumed { request, .. }
        | Self::KeyAdded { request, .. }
        | Self::KeyRevoked { request, .. }
        | Self::AccountFrozen { request, .. }
        | Self::NetworkResumed { request, .. }
        | Self::WalletThawed { request, .. }
        | Self::ClassCreated { request, .. }
        | Self::ClassChanged { request, .. }
        | Self::ClassPaused { request, .. } = &mut self
        {
            *request = Some(made);
        }
        self
    }
}
