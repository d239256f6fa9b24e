//! What RabbitMQ says of itself before anybody has logged in: the server properties of its first frame, which lapin does
//! not hand on. It reads that one frame and goes.

use std::io;
use std::path::Path;

use futures_util::{AsyncReadExt, AsyncWriteExt};
use lapin::tcp::{AMQPUriTcpExt, TLSConfig};
use lapin::types::parsing::parse_field_table;
use lapin::types::{AMQPValue, FieldTable};
use lapin::uri::AMQPUri;

use super::{fault, tls};
use crate::BrokerError;

/// The oldest version that has what the queues need: message TTL and at-least-once dead-lettering on quorum queues.
pub(super) const OLDEST: (u32, u32) = (3, 10);

const PROTOCOL_HEADER: &[u8] = b"AMQP\x00\x00\x09\x01";

/// Type, channel and size of a frame.
const FRAME_HEADER_BYTES: usize = 7;

/// Class, method and protocol version stand before the server properties.
const BEFORE_PROPERTIES_BYTES: usize = 6;

/// `Connection.Start`: class 10, method 10.
const START: &[u8] = &[0, 10, 0, 10];

/// No server says more than this at its first frame.
const LONGEST_FRAME_BYTES: usize = 128 * 1024;

/// Product and version.
pub(super) struct Greeting {
    pub(super) product: String,
    pub(super) version: String,
}

impl Greeting {
    /// Whether the version is new enough; other products are taken at their word.
    pub(super) fn is_fit(&self) -> bool {
        self.product != "RabbitMQ" || major_minor(&self.version).is_none_or(|version| version >= OLDEST)
    }

    pub(super) fn check(&self) -> Result<(), BrokerError> {
        if self.is_fit() {
            return Ok(());
        }
        let (major, minor) = OLDEST;
        Err(BrokerError::Unfit(format!(
            "it is {} {}; quorum queues with TTL and at-least-once dead-lettering need RabbitMQ {major}.{minor} or newer",
            self.product, self.version
        )))
    }
}

fn major_minor(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}

/// Connects, reads, and hangs up. Not bounded in time.
pub(super) async fn read(uri: &AMQPUri, extra_ca: Option<&Path>) -> Result<Greeting, BrokerError> {
    let trust = tls::trusting(extra_ca).await?;
    let frame =
        read_frame(uri, trust.as_ref()).await.map_err(|error| BrokerError::Unavailable(error.to_string()))?;
    parse(&frame).ok_or_else(|| BrokerError::Unfit("what answers there does not speak AMQP 0-9-1".to_owned()))
}

async fn read_frame(uri: &AMQPUri, trust: TLSConfig<'_, '_, '_>) -> io::Result<Vec<u8>> {
    let runtime = lapin::runtime::default_runtime().map_err(io::Error::other)?;
    let mut stream = uri.connect_with_config_async(trust, &runtime).await?;
    stream.write_all(PROTOCOL_HEADER).await?;
    stream.flush().await?;
    let mut header = [0; FRAME_HEADER_BYTES];
    stream.read_exact(&mut header).await?;
    let [_, _, _, size @ ..] = header;
    let size = usize::try_from(u32::from_be_bytes(size)).unwrap_or(usize::MAX);
    let mut frame = vec![0; size.min(LONGEST_FRAME_BYTES)];
    stream.read_exact(&mut frame).await?;
    Ok(frame)
}

fn parse(frame: &[u8]) -> Option<Greeting> {
    let properties = frame.strip_prefix(START).and_then(|_| frame.get(BEFORE_PROPERTIES_BYTES..))?;
    let (_, properties) = parse_field_table(properties).ok()?;
    Some(Greeting { product: text(&properties, "product")?, version: text(&properties, "version")? })
}

fn text(properties: &FieldTable, key: &str) -> Option<String> {
    match properties.inner().get(key)? {
        AMQPValue::LongString(text) => Some(text.to_string()),
        _ => None,
    }
}

/// The refusal of a broker that was not heard in time.
pub(super) fn not_heard() -> BrokerError {
    fault::too_late("its greeting")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_versions_are_unfit() {
        let fit =
            |version: &str| Greeting { product: "RabbitMQ".to_owned(), version: version.to_owned() }.is_fit();
        assert!(fit("3.10.8") && fit("3.13.7") && fit("4.2.0") && fit("four"));
        assert!(!fit("3.9.29") && !fit("2.8"));
    }

    #[test]
    fn anything_else_is_no_greeting() {
        assert!(parse(b"HTTP/1.1 400 Bad Request").is_none());
        assert!(parse(&[0, 10, 0, 10, 0, 9]).is_none());
        assert!(parse(&[]).is_none());
    }
}
