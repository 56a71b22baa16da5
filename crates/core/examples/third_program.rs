//! A token program of one's own: loyalty points that are granted and spent, and never change hands.
//!
//! To register it, put it into `src/token/programs/` and a line into the table there.

use tokengine_core::Amount;
use tokengine_core::token::*;

struct LoyaltyPoints;

const NOT_THE_SHOP: Refusal = Refusal { code: "initiator-not-issuer", message: "only the shop does this" };
const NOT_ENOUGH: Refusal = Refusal { code: "insufficient-funds", message: "the customer has fewer points" };
const UNKNOWN: Refusal = Refusal { code: "unsupported-operation", message: "points are only granted and spent" };

impl Program for LoyaltyPoints {
    fn id(&self) -> &'static str {
        "loyalty-points"
    }

    fn standards(&self) -> &'static [Standard] {
        &[Standard::Ft]
    }

    fn operations(&self) -> &'static [OperationKind] {
        &[OperationKind::Mint, OperationKind::Burn]
    }

    fn validate(&self, context: &Context<'_>) -> Result<(), Refusal> {
        if !context.by_issuer() {
            return Err(NOT_THE_SHOP);
        }
        let has = context.token.map(|token| token.free).unwrap_or_default();
        match context.operation.kind {
            OperationKind::Burn if has < context.amount()? => Err(NOT_ENOUGH),
            _ => Ok(()),
        }
    }

    fn execute(&self, context: &Context<'_>) -> Result<Effect, Refusal> {
        match context.operation.kind {
            OperationKind::Mint => Ok(Effect::Mint(context.amount()?)),
            OperationKind::Burn => Ok(Effect::Burn(context.amount()?)),
            _ => Err(UNKNOWN),
        }
    }
}

fn main() {
    let metadata = ClassMetadata { issuer: Some("shop".into()), ..ClassMetadata::default() };
    let rules = ClassRules { metadata, hooks: vec![], commitment: CommitmentConfig::whole(1) };
    let (id, program, standard) = ("POINTS".into(), "loyalty-points".into(), Standard::Ft);
    let class = ClassSpec { id, program, standard, decimals: 0, rules };
    let mut operation = Operation {
        tx_id: "1".into(),
        correlation_id: None,
        kind: OperationKind::Mint,
        class: "POINTS".into(),
        token: None,
        initiator: "shop".into(),
        amount: Some(Amount::new(5)),
        identities: vec![Identity { address: "alice".into(), role: IdentityRole::Issuer }],
        metadata: vec![],
        trace: None,
        timestamp: None,
    };
    let answer = |operation: &Operation| {
        let supply = Amount::ZERO;
        let context = Context { class: &class, operation, supply, token: None, by_owner: false, by_approved: false };
        LoyaltyPoints.validate(&context).and_then(|()| LoyaltyPoints.execute(&context))
    };
    assert_eq!(answer(&operation), Ok(Effect::Mint(Amount::new(5))));
    operation.kind = OperationKind::Burn;
    assert_eq!(answer(&operation), Err(NOT_ENOUGH));
    operation.initiator = "mallory".into();
    assert_eq!(answer(&operation), Err(NOT_THE_SHOP));
    println!("granted to alice, and to nobody by mallory");
}
