//! What is asked: by clients, by the operator, and by workers that say what they saw.

use crate::ids::*;
use crate::model::*;
use crate::token::{ClassRules, ClassSpec, Operation};
use crate::{Address, Amount, BlockRef, Depth, TxId};

/// Something to decide. Ids are resolved and signatures checked before it is made; whether it is allowed is decided here.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Command {
    // The operator's configuration.
    ListNetwork {
        id: Box<str>,
        policy: NetworkPolicy,
    },
    ChangeNetworkPolicy {
        network: NetworkIx,
        policy: NetworkPolicy,
    },
    ListToken {
        id: Box<str>,
        decimals: u8,
    },
    ListAsset {
        id: Box<str>,
        network: NetworkIx,
        token: TokenIx,
        decimals: u8,
        contract: Option<Address>,
        rules: AssetRules,
    },
    ChangeAssetRules {
        asset: AssetIx,
        rules: AssetRules,
    },
    PinAsset {
        asset: AssetIx,
        facts: AssetFacts,
    },
    StopAsset {
        asset: AssetIx,
        reason: Box<str>,
    },
    ResumeAsset {
        asset: AssetIx,
        reason: Box<str>,
    },
    /// Lists a wallet; one with role [`Role::Deposit`] is the account's deposit address on that network.
    ListWallet {
        request: Option<Request>,
        network: NetworkIx,
        address: Address,
        role: Role,
        key: Box<str>,
    },
    ChangeWalletRole {
        wallet: WalletIx,
        role: Role,
    },
    ReadyWallet {
        wallet: WalletIx,
        next_nonce: u64,
    },
    AddKey {
        name: Box<str>,
        hash: [u8; 32],
        scopes: u32,
    },
    RevokeKey {
        key: KeyIx,
    },
    /// The most that deposit addresses are given for gas within a UTC day, in base units of the native coin.
    LimitTopUps {
        network: NetworkIx,
        a_day: Amount,
    },

    // Accounts and moves.
    OpenAccount {
        request: Option<Request>,
        name: Box<str>,
    },
    /// `name`'s own key signed for `account`; that the account's owner wants it too is `authority`.
    LinkName {
        request: Request,
        account: AccountIx,
        name: Box<str>,
        authority: Authority,
        nonce: u128,
        expiry: Time,
    },
    FreezeAccount {
        account: AccountIx,
        frozen: bool,
        reason: Box<str>,
    },
    Move {
        request: Request,
        token: TokenIx,
        from: AccountIx,
        to: AccountIx,
        amount: Amount,
        authority: MoveAuthority,
    },

    // What the workers saw on networks.
    StartNetwork {
        network: NetworkIx,
        genesis: BlockRef,
        from: BlockRef,
    },
    ScanBlocks {
        network: NetworkIx,
        blocks: Vec<BlockRef>,
    },
    RewindScan {
        network: NetworkIx,
        to: BlockRef,
    },
    HaltNetwork {
        network: NetworkIx,
        reason: Box<str>,
    },
    /// By a person; the scan starts again from `from` when the old blocks are gone for good. It may not lie above what
    /// counted in blocks that are not on its chain for sure: that has to be searched again.
    ResumeNetwork {
        network: NetworkIx,
        reason: Box<str>,
        from: Option<BlockRef>,
    },
    ClaimDeposit {
        request: Request,
        network: NetworkIx,
        tx: TxId,
        by: Option<AccountIx>,
        trace: Option<TraceContext>,
    },
    CloseClaim {
        network: NetworkIx,
        tx: TxId,
        outcome: ClaimOutcome,
    },
    SeeDeposit {
        deposit: Incoming,
    },
    DropDeposit {
        key: DepositKey,
    },
    /// The block it is in lies this deep.
    CreditDeposit {
        key: DepositKey,
        block: BlockRef,
        depth: Depth,
    },
    ReverseDeposit {
        key: DepositKey,
    },
    AnnounceFunding {
        request: Request,
        network: NetworkIx,
        tx: TxId,
        reason: Box<str>,
    },

    // Payouts.
    HoldPayout {
        request: Request,
        order: PayoutOrder,
        trace: Option<TraceContext>,
    },
    WaitPayout {
        payout: PayoutId,
        why: Wait,
    },
    /// The destination became a wallet of ours since it was held.
    SettleInside {
        payout: PayoutId,
    },
    CancelPayout {
        request: Option<Request>,
        payout: PayoutId,
        authority: Authority,
    },
    OpenDispatch {
        wallet: WalletIx,
        nonce: u64,
        purpose: Purpose,
        gas_reserve: Amount,
    },
    SignAttempt {
        dispatch: DispatchId,
        attempt: Attempt,
    },
    MarkSent {
        dispatch: DispatchId,
        attempt: u32,
    },
    SeeDispatch {
        dispatch: DispatchId,
        sighting: Sighting,
    },
    UnseeDispatch {
        dispatch: DispatchId,
    },
    /// A final transaction of ours that a deep reorg had taken is in a block again.
    SeeFinal {
        network: NetworkIx,
        tx: TxId,
        block: BlockRef,
        /// It did not revert there.
        success: bool,
        /// What it cost there, in base units of the native coin.
        gas: Amount,
    },
    /// By a person: a final transaction of ours that a deep reorg had taken will not come back, because another final
    /// transaction used its nonce, or because the person takes it on themselves.
    ClearFinal {
        request: Request,
        network: NetworkIx,
        tx: TxId,
        /// What used its nonce, and how deep that lies.
        proof: Option<(TxId, BlockRef, Depth)>,
        /// What used its nonce made the same payment.
        paid: bool,
        reason: Box<str>,
    },
    /// By a person: a payment that was adopted after a restore, and that nothing asked for, is nobody's order. One for the
    /// same is paid again from then on.
    ClearUnmatched {
        request: Request,
        network: NetworkIx,
        tx: TxId,
        reason: Box<str>,
    },
    /// A waiting payout is what an adopted transaction paid already.
    SettlePaid {
        payout: PayoutId,
    },
    FinishDispatch {
        dispatch: DispatchId,
        sighting: Sighting,
        gas: Amount,
        depth: Depth,
    },
    /// The proof: a final transaction that is none of our attempts used the nonce.
    BuryDispatch {
        dispatch: DispatchId,
        by: TxId,
        block: BlockRef,
        depth: Depth,
    },
    FreezeWallet {
        wallet: WalletIx,
        reason: Box<str>,
    },
    ThawWallet {
        wallet: WalletIx,
        reason: Box<str>,
    },
    AdoptDispatch {
        wallet: WalletIx,
        nonce: u64,
        tx: TxId,
        block: BlockRef,
        success: bool,
        /// What it paid to whom, as decoded from the network.
        paid: Option<(AssetIx, Amount, Address)>,
        gas: Amount,
        depth: Depth,
    },

    // Transfers.
    RequestTransfer {
        request: Request,
        network: NetworkIx,
        tx: TxId,
        order: PayoutOrder,
        trace: Option<TraceContext>,
    },
    /// The deposit that the transfer waited for is credited: hold its payout.
    HoldTransfer {
        transfer: TransferId,
        deposit: DepositKey,
    },
    FailTransfer {
        transfer: TransferId,
        why: crate::Rejection,
    },

    // The operator's hand, and the reconciler's.
    Pause {
        request: Request,
        scope: Scope,
        paused: bool,
        reason: Box<str>,
    },
    AssignSuspense {
        request: Request,
        item: SuspenseId,
        to: Assign,
        reason: Box<str>,
    },
    /// The sender of what lies in suspense proved to be `account`'s: it is the account's then.
    ClaimSuspense {
        request: Request,
        item: SuspenseId,
        account: AccountIx,
        authority: Authority,
    },
    SettleOwed {
        request: Request,
        account: AccountIx,
        token: TokenIx,
        amount: Amount,
    },
    BookSurplus {
        wallet: WalletIx,
        asset: AssetIx,
        amount: Amount,
        block: BlockRef,
        /// The state that the wallet was compared with.
        as_of: Position,
    },
    /// Nothing missing takes back what was found before.
    FindShortage {
        wallet: WalletIx,
        asset: AssetIx,
        missing: Amount,
        block: BlockRef,
    },
    /// By a person: the operator bears what is missing, of which no more than was found.
    WriteOffShortage {
        request: Request,
        wallet: WalletIx,
        asset: AssetIx,
        amount: Amount,
        reason: Box<str>,
    },
    ClearShortage {
        asset: AssetIx,
        block: BlockRef,
    },
    StartRecovery {
        reason: Box<str>,
    },
    EndRecovery {
        reason: Box<str>,
    },

    // Token programs.
    CreateClass {
        spec: ClassSpec,
    },
    ChangeClass {
        class: ClassIx,
        rules: ClassRules,
    },
    PauseClass {
        class: ClassIx,
        paused: bool,
        reason: Box<str>,
    },
    /// It is known by its own id, for ever.
    Operate {
        operation: Box<Operation>,
    },
    /// A command of the operator's that has no request of its own, made by one: repeated with the same key it is answered
    /// the same. Good for freezing and thawing, for resuming what the engine stopped, for API keys and token classes.
    Once {
        request: Request,
        command: Box<Command>,
    },
}

/// What gives the right to move within the ledger. Compact: moves are the fast path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoveAuthority {
    /// An API key that may; good for operator-named accounts only.
    Key,
    /// A signature of one of the account's own ids, checked at the door.
    Owner,
}

impl Command {
    /// The client's request in it, if a client made it.
    pub fn request(&self) -> Option<&Request> {
        match self {
            Self::LinkName { request, .. }
            | Self::Move { request, .. }
            | Self::ClaimDeposit { request, .. }
            | Self::AnnounceFunding { request, .. }
            | Self::HoldPayout { request, .. }
            | Self::RequestTransfer { request, .. }
            | Self::Pause { request, .. }
            | Self::AssignSuspense { request, .. }
            | Self::ClaimSuspense { request, .. }
            | Self::SettleOwed { request, .. }
            | Self::ClearFinal { request, .. }
            | Self::ClearUnmatched { request, .. }
            | Self::WriteOffShortage { request, .. }
            | Self::Once { request, .. } => Some(request),
            Self::ListWallet { request, .. }
            | Self::OpenAccount { request, .. }
            | Self::CancelPayout { request, .. } => request.as_ref(),
            _ => None,
        }
    }

    /// It only finishes work that is under way: it goes on when the disk is full and new work is refused.
    pub fn finishes_work(&self) -> bool {
        match self {
            Self::ListNetwork { .. }
            | Self::ChangeNetworkPolicy { .. }
            | Self::ListToken { .. }
            | Self::ListAsset { .. }
            | Self::ChangeAssetRules { .. }
            | Self::ListWallet { .. }
            | Self::AddKey { .. }
            | Self::LimitTopUps { .. }
            | Self::OpenAccount { .. }
            | Self::LinkName { .. }
            | Self::Move { .. }
            | Self::ClaimDeposit { .. }
            | Self::AnnounceFunding { .. }
            | Self::HoldPayout { .. }
            | Self::RequestTransfer { .. }
            | Self::HoldTransfer { .. }
            | Self::OpenDispatch { .. }
            | Self::SettleOwed { .. }
            | Self::ClaimSuspense { .. }
            | Self::AssignSuspense { .. }
            | Self::CreateClass { .. }
            | Self::ChangeClass { .. }
            | Self::Operate { .. } => false,
            Self::PinAsset { .. }
            | Self::StopAsset { .. }
            | Self::ResumeAsset { .. }
            | Self::ChangeWalletRole { .. }
            | Self::ReadyWallet { .. }
            | Self::RevokeKey { .. }
            | Self::FreezeAccount { .. }
            | Self::StartNetwork { .. }
            | Self::ScanBlocks { .. }
            | Self::RewindScan { .. }
            | Self::HaltNetwork { .. }
            | Self::ResumeNetwork { .. }
            | Self::CloseClaim { .. }
            | Self::SeeDeposit { .. }
            | Self::DropDeposit { .. }
            | Self::CreditDeposit { .. }
            | Self::ReverseDeposit { .. }
            | Self::WaitPayout { .. }
            | Self::CancelPayout { .. }
            | Self::SettleInside { .. }
            | Self::SignAttempt { .. }
            | Self::MarkSent { .. }
            | Self::SeeDispatch { .. }
            | Self::UnseeDispatch { .. }
            | Self::SeeFinal { .. }
            | Self::ClearFinal { .. }
            | Self::ClearUnmatched { .. }
            | Self::SettlePaid { .. }
            | Self::FinishDispatch { .. }
            | Self::BuryDispatch { .. }
            | Self::FreezeWallet { .. }
            | Self::ThawWallet { .. }
            | Self::AdoptDispatch { .. }
            | Self::FailTransfer { .. }
            | Self::Pause { .. }
            | Self::BookSurplus { .. }
            | Self::FindShortage { .. }
            | Self::WriteOffShortage { .. }
            | Self::ClearShortage { .. }
            | Self::StartRecovery { .. }
            | Self::EndRecovery { .. }
            | Self::PauseClass { .. } => true,
            Self::Once { command, .. } => command.finishes_work(),
        }
    }
}
