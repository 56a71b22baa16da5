//! Every way a command can be refused: an answer, not a fault. The numbers and codes never change.

macro_rules! rejections {
    ($( $(#[$kind:ident])? $number:literal $variant:ident $code:literal $text:literal; )*) => {
        /// Why a command was refused. It carries nothing, so that a stored answer is two bytes and says the same for ever.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
        pub enum Rejection {
            $( #[doc = $text] #[error($text)] $variant, )*
        }

        impl Rejection {
            /// Every rejection there is.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )* ];

            /// Stable; clients and alerts match on it. `docs/errors.md` has an entry for each.
            pub fn code(self) -> &'static str {
                match self { $( Self::$variant => $code, )* }
            }

            /// The number it is kept under.
            pub fn number(self) -> u16 {
                match self { $( Self::$variant => $number, )* }
            }

            /// The rejection kept under `number`.
            pub fn from_number(number: u16) -> Option<Self> {
                match number { $( $number => Some(Self::$variant), )* _ => None }
            }

            /// It may be accepted later without any change of the command; such an answer is not stored.
            pub fn is_transient(self) -> bool {
                match self { $( Self::$variant => false $( || rejections!(@$kind) )?, )* }
            }
        }
    };
    (@transient) => { true };
}

rejections! {
    1 AmountZero "amount-zero" "an amount of nothing cannot be moved";
    2 Overflow "amount-overflow" "the amount does not fit 128 bits of base units";
    3 InsufficientFunds "insufficient-funds" "the account's free balance does not cover the amount and its fee";
    4 AmountNotRepresentable "amount-not-representable" "the asset's decimals cannot express the amount exactly";
    5 BelowMinimum "below-minimum" "the amount is below the operator's minimum for one payment";
    6 AboveMaximum "above-maximum" "the amount is above the operator's maximum for one payment";
    7 FeeAboveMaximum "fee-above-maximum" "the fee is above the maximum that was signed";
    8 SameAccount "same-account" "both sides are the same account";

    20 UnknownNetwork "unknown-network" "no such network is listed";
    21 UnknownToken "unknown-token" "no such token is listed";
    22 UnknownAsset "unknown-asset" "no such asset is listed";
    23 UnknownAccount "unknown-account" "no such account is open";
    24 UnknownWallet "unknown-wallet" "no such wallet is listed";
    25 UnknownDeposit "unknown-deposit" "no such deposit is known";
    26 UnknownPayout "unknown-payout" "no such withdrawal is open";
    27 UnknownDispatch "unknown-dispatch" "no such transaction slot is open";
    28 UnknownSuspense "unknown-suspense" "no such amount is in suspense";
    29 UnknownKey "unknown-key" "no such API key is active";
    30 UnknownTransfer "unknown-transfer" "no such transfer is open";
    31 UnknownFinal "unknown-final" "no transaction of that id is waiting for a person";

    40 NameInvalid "name-invalid" "the name is empty, too long, or has characters that names do not have";
    41 AlreadyListed "already-listed" "that id is listed already";
    42 ConfigInUse "config-in-use" "what is in use cannot change its decimals, contract, genesis or derivation path";
    43 AssetFinerThanToken "asset-finer-than-token" "the asset has more decimals than the token's ledger precision";
    44 TooMany "too-many" "there is no room for another row of that kind";
    45 AccountFrozen "account-frozen" "the account is frozen";
    46 AlreadyLinked "already-linked" "that id belongs to another account already";
    47 AccountHasHolds "account-has-holds" "the account to be joined has amounts on hold";
    48 RuleInvalid "rule-invalid" "the rule contradicts itself";

    60 NotAuthorized "not-authorized" "neither key nor signature gives the right to do this";
    61 SignatureExpired "signature-expired" "the signed request's expiry has passed or lies too far ahead";
    62 NonceUsed "nonce-used" "a request with this nonce was made before";
    63 ExternalIdUsed "external-id-used" "that external id stands for another withdrawal of the account";
    64 KeyReused "idempotency-key-reused" "the idempotency key was used before with other content";
    65 KeyExpired "idempotency-key-expired" "the idempotency key is older than 24 hours";
    66 KeyFromFuture "idempotency-key-from-future" "the idempotency key's time lies more than 5 minutes ahead";

    80 DepositsOff "deposits-off" "the operator does not take deposits of this asset";
    81 PayoutsOff "withdrawals-off" "the operator does not pay out this asset";
    #[transient] 82 Paused "paused" "the operator has paused this";
    #[transient] 83 NetworkHalted "network-halted" "the network is halted until a person has looked at it";
    #[transient] 84 AssetShort "asset-short" "the wallets hold less of this asset than the books; payouts are stopped";
    #[transient] 85 Recovery "recovery" "the engine is searching the networks after a restore; nothing new is signed yet";
    #[transient] 86 DiskFull "disk-full" "there is no room for new work; work under way goes on";
    #[transient] 87 TooManyOpen "too-many-open" "as many claims and transfers are open as one may have";
    #[transient] 88 TopUpLimit "top-up-limit" "the day's coin for the gas of sweeps is used up";
    #[transient] 89 AssetNotProbed "asset-not-probed" "the asset's contract was not probed yet";

    100 DestinationInvalid "destination-invalid" "the destination is not an address that can be paid";
    101 DestinationIsAsset "destination-is-asset" "the destination is the asset's own contract";
    102 DestinationIsHouse "destination-is-house" "the destination is a wallet of the operator without an account";
    103 DestinationIsOurs "destination-is-ours" "the destination became a wallet of ours; no network pays it";
    104 PaidBefore "paid-before" "a transaction that was found after a restore paid just this; it settles as that";

    120 DepositKnown "deposit-known" "that deposit is known already";
    121 DepositSettled "deposit-settled" "that deposit is settled already";
    #[transient] 122 NotFinal "not-final" "the block does not lie deep enough yet";
    #[transient] 123 Stale "stale-observation" "the state has moved on since this was seen";
    124 SenderNotLinked "sender-not-linked" "the sender is not linked to the account";
    125 DepositElsewhere "deposit-elsewhere" "the deposit was credited to another account";
    126 OwnPayment "own-payment" "the sender is a wallet of ours: a sweep or a top-up is no deposit";
    127 BeforeStart "before-start" "the payment lies before the first block that counts on its network";

    140 NotCancellable "not-cancellable" "it is too late to cancel: a signed transaction may still be final";
    #[transient] 141 WaitLiquidity "waiting-liquidity" "no single wallet has enough final holdings";
    #[transient] 142 WalletFrozen "wallet-frozen" "the wallet is frozen until a person has looked at it";
    #[transient] 143 TooManyInFlight "too-many-in-flight" "the wallet has as many transactions under way as it may";
    144 WrongConflict "wrong-conflict" "the new attempt would not conflict with the old ones on the network";
    145 NotProven "not-proven" "funds are released only by proof that no attempt can be final any more";
    146 NotPaused "not-halted" "it is not halted, frozen or paused";
    147 AlreadyFinal "already-final" "it has ended already";
    148 AlreadyPaused "already-paused" "it is paused already";
    149 AboveOwed "above-owed" "the account does not owe so much";
    150 NoShortage "no-shortage" "nothing was found missing of that asset in that wallet";
    151 AboveShortage "above-shortage" "no more can be written off than is missing and in the books";
    152 ResumeTooHigh "resume-too-high" "what counted up to that block would not be searched again";

    160 UnknownClass "unknown-class" "no such token class exists";
    161 UnknownProgram "unknown-program" "no such token program is registered";
    162 UnknownHook "unknown-hook" "no such hook is registered";
    163 UnsupportedStandard "unsupported-standard" "the program does not support the class's standard";
    #[transient] 164 ClassPaused "class-paused" "the operator has paused the token class";
    165 TokenFrozen "token-frozen" "the token is frozen";
    166 BelowMinBalance "below-min-balance" "what stays would be below the class's minimum balance";
    167 OperationReused "operation-id-reused" "an operation of that id had other content";
    168 OperationInvalid "operation-invalid" "the operation has a part that is empty, too long or out of order";
}

impl crate::wire::Wire for Rejection {
    fn put(&self, out: &mut Vec<u8>) {
        self.number().put(out);
    }
    fn get(bytes: &mut crate::wire::Bytes<'_>) -> Result<Self, crate::wire::DecodeError> {
        Self::from_number(u16::get(bytes)?).ok_or(crate::wire::DecodeError::Invalid { what: "a rejection" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn numbers_and_codes_are_unique_and_found_again() {
        let codes: BTreeSet<_> = Rejection::ALL.iter().map(|r| r.code()).collect();
        assert_eq!(codes.len(), Rejection::ALL.len());
        for &rejection in Rejection::ALL {
            assert_eq!(Rejection::from_number(rejection.number()), Some(rejection));
            assert!(rejection.code().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'));
        }
    }
}
