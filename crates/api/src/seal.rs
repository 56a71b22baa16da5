//! Texts that only this engine can have made: cursors and sessions. Keyed BLAKE3, one key for each use.

use subtle::ConstantTimeEq;

const MAC_BYTES: usize = 16;

/// Makes and checks them.
#[derive(Clone)]
pub(crate) struct Seal {
    key: [u8; 32],
}

impl Seal {
    /// `secret` is the instance's; `purpose` keeps the uses apart.
    pub(crate) fn new(secret: &[u8; 32], purpose: &str) -> Self {
        let mut hasher = blake3::Hasher::new_keyed(secret);
        hasher.update(purpose.as_bytes());
        Self { key: *hasher.finalize().as_bytes() }
    }

    fn mac(&self, content: &[u8]) -> [u8; MAC_BYTES] {
        let mut mac = [0; MAC_BYTES];
        mac.copy_from_slice(&blake3::keyed_hash(&self.key, content).as_bytes()[..MAC_BYTES]);
        mac
    }

    /// The content, sealed, as text for a URL or a cookie.
    pub(crate) fn close(&self, content: &[u8]) -> String {
        hex(&[&self.mac(content), content].concat())
    }

    /// The content, if the seal is ours.
    pub(crate) fn open(&self, text: &str) -> Option<Vec<u8>> {
        let bytes = unhex(text)?;
        let (mac, content) = bytes.split_first_chunk::<MAC_BYTES>()?;
        bool::from(self.mac(content).ct_eq(mac)).then(|| content.to_vec())
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |b: u8| match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        _ => None,
    };
    if !text.len().is_multiple_of(2) || text.len() > 2048 {
        return None;
    }
    text.as_bytes().chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_we_sealed_for_the_purpose_opens() {
        let (cursors, sessions) = (Seal::new(&[7; 32], "cursor"), Seal::new(&[7; 32], "session"));
        let text = cursors.close(b"payouts:17");
        assert_eq!(cursors.open(&text).as_deref(), Some(&b"payouts:17"[..]));
        assert_eq!(sessions.open(&text), None);
        assert_eq!(Seal::new(&[8; 32], "cursor").open(&text), None);
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'0' { b'1' } else { b'0' };
            assert_eq!(cursors.open(std::str::from_utf8(&bytes).unwrap()), None, "digit {at}");
        }
        for bad in ["", "0", "zz", "00", &"00".repeat(5_000)] {
            assert_eq!(cursors.open(bad), None, "{bad}");
        }
    }
}
