//! As much HTTP/1.1 as JSON-RPC over loopback needs: one message with a body, read from either side.

use std::{
    io::{self, BufRead, BufReader, Read as _, Write as _},
    net::{TcpStream, ToSocketAddrs as _},
    time::Duration,
};

/// No honest answer on loopback is longer; a longer one is a mistake and must not eat the machine.
const LONGEST_BODY: u64 = 256 * 1024 * 1024;

/// A request or an answer.
#[derive(Debug)]
pub(crate) struct Message {
    /// `POST / HTTP/1.1` or `HTTP/1.1 200 OK`.
    pub(crate) start: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Message {
    /// The value of a header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The path of a request: what it asked for.
    pub(crate) fn path(&self) -> &str {
        self.start.split(' ').nth(1).unwrap_or("/")
    }

    /// The status of an answer, 0 if there is none to read.
    pub(crate) fn status(&self) -> u16 {
        self.start.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    /// Reads one message; `None` when the other side closed the connection instead of sending another.
    pub(crate) fn read(from: &mut impl BufRead) -> io::Result<Option<Self>> {
        let Some(start) = read_line(from)? else { return Ok(None) };
        let mut headers = Vec::new();
        loop {
            let line = read_line(from)?.ok_or(io::ErrorKind::UnexpectedEof)?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut message = Self { start, headers, body: Vec::new() };
        if message.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
            message.body = read_chunks(from)?;
        } else if let Some(length) = message.header("content-length") {
            let length = length.parse().map_err(|_| malformed("content-length"))?;
            message.body = read_exactly(from, length)?;
        } else if message.start.starts_with("HTTP/") {
            from.take(LONGEST_BODY).read_to_end(&mut message.body)?;
        }
        Ok(Some(message))
    }
}

/// Sends one request on a connection of its own and reads the answer. `timeout` bounds each read and write.
pub(crate) fn post(authority: &str, path: &str, body: &[u8], timeout: Duration) -> io::Result<Message> {
    let address = authority.to_socket_addrs()?.next().ok_or_else(|| malformed("address"))?;
    let mut stream = TcpStream::connect_timeout(&address, timeout)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nhost: {authority}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    stream.write_all(&request)?;
    Message::read(&mut BufReader::new(stream))?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// The host and port, and the path, of a plain `http://` address.
pub(crate) fn split_url(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("http://")?;
    Some(match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, "/"),
    })
}

fn read_line(from: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    // A header of ours is short; the bound keeps a stream without line ends from growing for ever.
    if from.by_ref().take(64 * 1024).read_line(&mut line)? == 0 {
        return Ok(None);
    }
    line.truncate(line.trim_end().len());
    Ok(Some(line))
}

fn read_chunks(from: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = read_line(from)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(size, 16).map_err(|_| malformed("chunk size"))?;
        if size == 0 {
            // Trailers end with an empty line.
            while read_line(from)?.is_some_and(|line| !line.is_empty()) {}
            return Ok(body);
        }
        body.extend(read_exactly(from, size)?);
        read_line(from)?;
    }
}

fn read_exactly(from: &mut impl BufRead, length: u64) -> io::Result<Vec<u8>> {
    if length > LONGEST_BODY {
        return Err(malformed("length"));
    }
    let mut body = Vec::new();
    from.take(length).read_to_end(&mut body)?;
    if u64::try_from(body.len()) != Ok(length) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(body)
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("malformed {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_ends_where_it_says() {
        for (case, bytes, body) in [
            ("by its length", "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi there", "hi"),
            (
                "by its last chunk",
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n1;x\r\n!\r\n0\r\n\r\n",
                "hi!",
            ),
            ("by the end of the connection", "HTTP/1.1 200 OK\r\n\r\nhi there", "hi there"),
            ("a request without a body has none", "GET /x HTTP/1.1\r\n\r\nhi", ""),
        ] {
            let message = Message::read(&mut bytes.as_bytes()).expect(case).expect(case);
            assert_eq!(String::from_utf8_lossy(&message.body), body, "{case}");
        }
    }

    #[test]
    fn a_message_cut_short_is_an_error_and_not_a_shorter_message() {
        for bytes in [
            "POST / HTTP/1.1\r\nContent-Length: 20\r\n\r\nhi",
            "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
            "POST / HTTP/1.1\r\nhost: a",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhi",
        ] {
            assert!(Message::read(&mut bytes.as_bytes()).is_err(), "{bytes:?}");
        }
        assert!(Message::read(&mut "".as_bytes()).expect("an end is no error").is_none());
    }

    #[test]
    fn an_address_splits_into_authority_and_path() {
        assert_eq!(split_url("http://127.0.0.1:80/rpc"), Some(("127.0.0.1:80", "/rpc")));
        assert_eq!(split_url("http://127.0.0.1:80"), Some(("127.0.0.1:80", "/")));
        assert_eq!(split_url("https://127.0.0.1:80"), None);
    }
}
