//! Where random bytes come from. Everything else takes them as an argument, so that a test can choose them.

use crate::Error;

/// Bytes from the operating system's generator, fit for keys.
///
/// # Errors
/// [`Error::Random`] when the system has none to give; there is no weaker source to fall back to.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|source| Error::Random { reason: source.to_string() })?;
    Ok(bytes)
}
