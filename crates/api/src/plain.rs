//! The common form of a move, read without a copy: known fields, once each, texts of plain characters.
//!
//! It reads forms, not meanings. Whatever it does not know (an escape, another field, a field twice, a number) it leaves to
//! [`crate::json`], which reads everything there is and says what is wrong.

use crate::amount::AmountText;
use tokengine_core::Fingerprint;

/// A move as it stands in the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plain<'a> {
    pub(crate) token: &'a str,
    pub(crate) from: &'a str,
    pub(crate) to: &'a str,
    pub(crate) amount: AmountText<'a>,
}

impl<'a> Plain<'a> {
    /// The body of one move.
    pub(crate) fn one(bytes: &'a [u8]) -> Option<Self> {
        let mut scan = Scan { bytes, at: 0 };
        let plain = scan.a_move()?;
        scan.end().then_some(plain)
    }

    /// The body of a batch; at most one more than `most`, so that more are seen.
    pub(crate) fn batch(bytes: &'a [u8], most: usize) -> Option<Vec<Self>> {
        let mut scan = Scan { bytes, at: 0 };
        scan.take(b'{')?;
        if scan.text()? != "moves" {
            return None;
        }
        scan.take(b':')?;
        scan.take(b'[')?;
        // Sixty bytes are less than any of them.
        let mut moves = Vec::with_capacity((bytes.len() / 60).min(most));
        loop {
            moves.push(scan.a_move()?);
            if moves.len() > most {
                return None;
            }
            match scan.next()? {
                b',' => {}
                b']' => break,
                _ => return None,
            }
        }
        scan.take(b'}')?;
        scan.end().then_some(moves)
    }

    /// The same as [`crate::json::fingerprint`] gives for this content. `text` is room to work in.
    pub(crate) fn fingerprint(&self, route: &str, text: &mut Vec<u8>) -> Fingerprint {
        fn field(text: &mut Vec<u8>, name: &str, value: &str) {
            for part in ["\"", name, "\":\"", value, "\","] {
                text.extend_from_slice(part.as_bytes());
            }
        }
        text.clear();
        text.extend_from_slice(b"{\"amount\":{");
        for (name, value) in [("base_units", self.amount.base_units), ("decimal", self.amount.decimal)] {
            if let Some(value) = value {
                field(text, name, value);
            }
        }
        text.extend_from_slice(b"},");
        field(text, "from", self.from);
        field(text, "to", self.to);
        field(text, "token", self.token);
        text.push(b'}');
        Fingerprint::of("request", &[route.as_bytes(), text])
    }
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    /// The next byte that is no white space.
    fn next(&mut self) -> Option<u8> {
        loop {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
        }
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    fn end(mut self) -> bool {
        self.next().is_none()
    }

    /// A text of printable ASCII without escapes: it is spelt in one way only.
    fn text(&mut self) -> Option<&'a str> {
        self.take(b'"')?;
        let rest = &self.bytes[self.at..];
        let len = rest.iter().position(|b| !matches!(b, b' '..=b'~') || matches!(b, b'"' | b'\\'))?;
        if rest[len] != b'"' {
            return None;
        }
        self.at += len + 1;
        std::str::from_utf8(&rest[..len]).ok()
    }

    /// Fields of an object, each handed to `field`.
    fn object(&mut self, mut field: impl FnMut(&mut Self, &str) -> Option<()>) -> Option<()> {
        self.take(b'{')?;
        loop {
            let name = self.text()?;
            self.take(b':')?;
            field(self, name)?;
            match self.next()? {
                b',' => {}
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    fn once(&mut self, place: &mut Option<&'a str>) -> Option<()> {
        let text = self.text()?;
        place.replace(text).is_none().then_some(())
    }

    fn a_move(&mut self) -> Option<Plain<'a>> {
        let (mut token, mut from, mut to, mut amount) = (None, None, None, None);
        self.object(|scan, name| match name {
            "token" => scan.once(&mut token),
            "from" => scan.once(&mut from),
            "to" => scan.once(&mut to),
            "amount" => {
                let mut text = AmountText::default();
                scan.object(|scan, name| match name {
                    "base_units" => scan.once(&mut text.base_units),
                    "decimal" => scan.once(&mut text.decimal),
                    _ => None,
                })?;
                amount.replace(text).is_none().then_some(())
            }
            _ => None,
        })?;
        Some(Plain { token: token?, from: from?, to: to?, amount: amount? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MoveRequest, json};

    #[test]
    fn the_common_form_is_read_as_the_other_reader_reads_it() {
        let mut text = Vec::new();
        for body in [
            r#"{"token":"USD","from":"a","to":"b","amount":{"base_units":"5"}}"#,
            r#" { "to" : "b" , "amount" : { "decimal" : "1.5" , "base_units" : "15" } ,"from":"a","token":"" } "#,
            "{\"token\":\"a b~\",\"from\":\"eip155:1:0xAb\",\n\t\"to\":\"\x7f\",\"amount\":{\"decimal\":\"x\"}}\r",
        ] {
            let value = json::read(body.as_bytes()).expect(body);
            let want = json::fingerprint("POST /v1/moves", &value, &["signature"]);
            let asked: MoveRequest = json::fields(value).expect(body);
            let Some(plain) = Plain::one(body.as_bytes()) else {
                assert!(body.contains('\x7f'), "{body}");
                continue;
            };
            assert_eq!((plain.token, plain.from, plain.to), (&*asked.token, &*asked.from, &*asked.to), "{body}");
            let amount = (plain.amount.base_units, plain.amount.decimal);
            assert_eq!(amount, (asked.amount.base_units.as_deref(), asked.amount.decimal.as_deref()), "{body}");
            assert_eq!(plain.fingerprint("POST /v1/moves", &mut text), want, "{body}");
            let batch = format!("{{\"moves\":[{body}, {body}]}}");
            assert_eq!(Plain::batch(batch.as_bytes(), 2), Some(vec![plain, plain]), "{body}");
            assert_eq!(Plain::batch(batch.as_bytes(), 1), None, "too many are another's to refuse");
        }
    }

    #[test]
    fn everything_else_is_left_to_the_other_reader() {
        for body in [
            "",
            "{}",
            r#"{"token":"USD","from":"a","to":"b","amount":{}}"#,
            r#"{"token":"USD","from":"a","to":"b"}"#,
            r#"{"token":"USD","from":"a","to":"b","amount":{"base_units":5}}"#,
            r#"{"token":"USD","from":"a","to":"b","amount":{"base_units":"5","decimal":null}}"#,
            r#"{"token":"USD","from":"a","from":"a","to":"b","amount":{"base_units":"5"}}"#,
            r#"{"token":"USD","from":"a","to":"b","amount":{"base_units":"5","base_units":"5"}}"#,
            r#"{"token":"USD","from":"a","to":"b","amount":{"base_units":"5"},"amount":{"base_units":"5"}}"#,
            r#"{"token":"USD","from":"a","to":"b","amount":{"base_units":"5"},"signature":null}"#,
            r#"{"token":"USD","from":"\u0061","to":"b","amount":{"base_units":"5"}}"#,
            r#"{"token":"USD","from":"ä","to":"b","amount":{"base_units":"5"}}"#,
            "{\"token\":\"U\nD\",\"from\":\"a\",\"to\":\"b\",\"amount\":{\"base_units\":\"5\"}}",
            r#"{"token":"USD","from":"a","to":"b","amount":{"base_units":"5"},}"#,
            r#"{"token":"USD","from":"a","to":"b","amount":{"base_units":"5"}} x"#,
            r#"{"token":"USD","from":"a","to":"b","amount":{"base_units":"5"}"#,
            r#"{"token":"USD","from":"a"#,
        ] {
            assert_eq!(Plain::one(body.as_bytes()), None, "{body}");
            assert_eq!(Plain::batch(format!("{{\"moves\":[{body}]}}").as_bytes(), 9), None, "{body}");
        }
        assert_eq!(Plain::batch(br#"{"moves":[]}"#, 9), None);
    }
}
