//! What CI runs for seconds, for as long as a person likes: the crash campaign and the fuzzer.

use anyhow::{Context as _, Result, bail};

use crate::{install_peers, step};

/// `--minutes N` and `--seed S`, in any order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Length {
    seconds: u64,
    seed: Option<u64>,
}

impl Length {
    fn read(words: &[&str]) -> Result<Self> {
        let (mut minutes, mut seed) = (None, None);
        for pair in words.chunks(2) {
            let place = match pair[0] {
                "--minutes" => &mut minutes,
                "--seed" => &mut seed,
                other => bail!("{other} is neither --minutes nor --seed"),
            };
            let value = pair.get(1).with_context(|| format!("{} needs a number", pair[0]))?;
            *place = Some(value.parse().with_context(|| format!("{value} is no whole number"))?);
        }
        let minutes: u64 = minutes.unwrap_or(1);
        Ok(Self { seconds: minutes.checked_mul(60).context("too many minutes")?, seed })
    }
}

/// The program is killed for so many minutes: the test of that name, with more time.
pub(crate) fn crash(words: &[&str]) -> Result<()> {
    let length = Length::read(words)?;
    install_peers()?;
    let name = "crash::killed_again_and_again_under_load_books_chains_and_receipts_agree";
    let words = ["test", "--locked", "--package", "tokengine", "--test", "it", "--", "--exact", name, "--nocapture"];
    let mut command = step::cargo(&words);
    command.env("TOKENGINE_CRASH_SECONDS", length.seconds.to_string());
    if let Some(seed) = length.seed {
        command.env("TOKENGINE_CRASH_SEED", seed.to_string());
    }
    step::show("crash campaign", &mut command)
}

/// Every decoder is fuzzed, for so many minutes in all.
pub(crate) fn fuzz(words: &[&str]) -> Result<()> {
    let length = Length::read(words)?;
    let metadata =
        step::output(&mut step::cargo(&["run", "--quiet", "--locked", "--package", "tokengine-fuzz", "--", "--list"]))?;
    let each = (length.seconds / u64::try_from(metadata.lines().count().max(1))?).max(1).to_string();
    let mut words = vec!["run", "--quiet", "--locked", "--package", "tokengine-fuzz", "--", "--seconds", each.as_str()];
    let seed = length.seed.map(|seed| seed.to_string());
    if let Some(seed) = &seed {
        words.extend(["--seed", seed]);
    }
    step::show("fuzzing", &mut step::cargo(&words))?;
    // The configuration is read inside the program, where no other crate reaches.
    let mut command =
        step::cargo(&["test", "--quiet", "--locked", "--package", "tokengine", "--bin", "tokengine", "fuzz"]);
    command.env("TOKENGINE_FUZZ_SECONDS", &each);
    if let Some(seed) = &seed {
        command.env("TOKENGINE_FUZZ_SEED", seed);
    }
    step::show("fuzzing the configuration", &mut command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_and_seed_come_in_any_order_and_nothing_else_does() {
        for (words, wanted) in [
            (&["--minutes", "2"][..], Some(Length { seconds: 120, seed: None })),
            (&["--seed", "7", "--minutes", "1"], Some(Length { seconds: 60, seed: Some(7) })),
            (&[], Some(Length { seconds: 60, seed: None })),
            (&["--minutes"], None),
            (&["--minutes", "x"], None),
            (&["--hours", "1"], None),
        ] {
            assert_eq!(Length::read(words).ok(), wanted, "{words:?}");
        }
    }
}
