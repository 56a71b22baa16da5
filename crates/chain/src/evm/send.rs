//! What a node means when it does not take a transaction. Pure, from the words of the clients in use.

use super::rpc::Said;
use crate::SendAnswer;

/// What the refusal of a transaction means.
pub(super) fn classify(said: Said) -> SendAnswer {
    let text = said.text.to_ascii_lowercase().replace(['_', '-'], " ");
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    // In this order: "replacement transaction underpriced: already known" is about the fee.
    if has(&[
        "underpriced",
        "feetoolow",
        "fee too low",
        "gas price too low",
        "less than block base fee",
        "max fee per gas less",
    ]) {
        SendAnswer::Underpriced
    } else if has(&[
        "already known",
        "alreadyknown",
        "known transaction",
        "already imported",
        "already in block chain",
        "already in blockchain",
        "already in mempool",
        "already exists",
        "already in the pool",
        "already in pool",
    ]) {
        SendAnswer::AlreadyKnown
    } else if has(&[
        "nonce too low",
        "noncetoolow",
        "nonce is too low",
        "old nonce",
        "oldnonce",
        "nonce already",
        "invalid nonce; got",
    ]) {
        SendAnswer::NonceTooLow
    } else if has(&[
        "insufficient funds",
        "insufficientfunds",
        "doesn't have enough funds",
        "insufficient balance",
        "upfront cost exceeds",
    ]) {
        SendAnswer::InsufficientFunds
    } else {
        SendAnswer::Rejected(said.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_clients_are_understood() {
        use SendAnswer::{AlreadyKnown, InsufficientFunds, NonceTooLow, Rejected, Underpriced};
        for (text, expected) in [
            ("already known", AlreadyKnown),                // geth, reth, erigon
            ("transaction already imported", AlreadyKnown), // anvil
            ("AlreadyKnown", AlreadyKnown),                 // Nethermind
            ("Known transaction", AlreadyKnown),            // Besu
            ("Transaction with the same hash was already imported.", AlreadyKnown), // OpenEthereum
            ("already in block chain", AlreadyKnown),
            ("nonce too low: next nonce 5, tx nonce 4", NonceTooLow), // geth
            ("nonce too low", NonceTooLow),                           // anvil
            ("OldNonce, Current nonce: 5, nonce of rejected tx: 4", NonceTooLow), // Nethermind
            ("Nonce too low", NonceTooLow),                           // Besu
            ("NONCE_TOO_LOW", NonceTooLow),
            ("replacement transaction underpriced", Underpriced), // geth
            ("transaction underpriced: tip needed 1, tip permitted 0", Underpriced),
            ("max fee per gas less than block base fee: address 0x0, maxFeePerGas: 1 baseFee: 7", Underpriced),
            ("FeeTooLow, EffectivePriorityFeePerGas too low", Underpriced), // Nethermind
            ("Insufficient funds for gas * price + value", InsufficientFunds), // anvil
            ("insufficient funds for gas * price + value: balance 0, tx cost 1", InsufficientFunds), // geth
            ("InsufficientFunds, Account balance: 0", InsufficientFunds),   // Nethermind
            ("Upfront cost exceeds account balance", InsufficientFunds),    // Besu
            ("intrinsic gas too low", Rejected("intrinsic gas too low".to_owned())),
            ("invalid sender", Rejected("invalid sender".to_owned())),
        ] {
            assert_eq!(classify(Said { code: -32000, text: text.to_owned() }), expected, "{text}");
        }
    }
}
