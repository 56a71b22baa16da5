//! Commitments as another language must find them: `tests/golden/commitments.json`, described in `docs/commitments.md`.

use std::fmt::Write;
use tokengine_core::Amount;
use tokengine_core::token::{Algorithm, CommitmentConfig, Field, Sealed};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/commitments.json");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes it");
        text
    })
}

fn vectors() -> String {
    let metadata: [(Box<str>, Box<str>); 2] = [("artist".into(), "Łukasz".into()), ("year".into(), "".into())];
    let first = Sealed {
        class: "GOLD",
        token: "alice",
        version: 1,
        previous: &[0; 32],
        owner: "alice",
        free: Amount::new(1_000),
        held: Amount::ZERO,
        frozen: false,
        metadata: &[],
        approved: "",
    };
    let before = first.commitment(&CommitmentConfig::whole(1));
    let second =
        Sealed { version: 2, previous: &before, free: Amount::MAX, held: Amount::new(7), frozen: true, ..first };
    let single = Sealed {
        class: "ART",
        token: "lisa",
        owner: "eip155:1:0x52908400098527886E0F7030069857D2E4169EE7",
        free: Amount::ZERO,
        metadata: &metadata,
        approved: "bob",
        ..first
    };
    let burned = Sealed { version: u64::MAX, owner: "", approved: "", ..single };
    let few = vec![Field::Owner, Field::Free, Field::Held];
    let mut lines = Vec::new();
    for (algorithm, name) in Algorithm::ALL {
        for (state, fields, version) in [
            (&first, CommitmentConfig::whole(1).fields, 1),
            (&second, CommitmentConfig::whole(1).fields, 1),
            (&second, few.clone(), 9),
            (&single, CommitmentConfig::whole(1).fields, 1),
            (&burned, CommitmentConfig::whole(1).fields, u32::MAX),
        ] {
            let config = CommitmentConfig { version, algorithm: *algorithm, fields };
            let named = |field: &Field| Field::ALL.iter().find(|(one, _)| one == field).expect("every field has one").1;
            let fields: Vec<_> = config.fields.iter().map(|field| format!("\"{}\"", named(field))).collect();
            let pairs: Vec<_> =
                state.metadata.iter().map(|(name, value)| format!("[\"{name}\", \"{value}\"]")).collect();
            lines.push(format!(
                "  {{\"algorithm\": \"{name}\", \"config_version\": {version}, \"fields\": [{}], \"class\": \"{}\", \
                 \"token\": \"{}\", \"version\": \"{}\", \"previous\": \"{}\", \"owner\": \"{}\", \"free\": \"{}\", \
                 \"held\": \"{}\", \"frozen\": {}, \"metadata\": [{}], \"approved\": \"{}\", \"canonical\": \"{}\", \
                 \"commitment\": \"{}\"}}",
                fields.join(", "),
                state.class,
                state.token,
                state.version,
                hex(state.previous),
                state.owner,
                state.free,
                state.held,
                state.frozen,
                pairs.join(", "),
                state.approved,
                hex(&state.canonical(&config)),
                hex(&state.commitment(&config)),
            ));
        }
    }
    format!("[\n{}\n]\n", lines.join(",\n"))
}

/// `TOKENGINE_WRITE_GOLDEN=1` writes the file when there is none; what is there never changes.
#[test]
fn commitments_are_what_they_always_were() {
    let made = vectors();
    if std::env::var_os("TOKENGINE_WRITE_GOLDEN").is_some() && !std::path::Path::new(GOLDEN).exists() {
        std::fs::write(GOLDEN, &made).expect("the checkout is writable");
    }
    assert_eq!(made, std::fs::read_to_string(GOLDEN).expect("it is kept"));
}
