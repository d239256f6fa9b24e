//! From an input to its events: a JSON array, one a line, or a single one over several lines. Must not know what an event is.

use std::io::{BufRead, Chain, Cursor, Read};

use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::ImportError;

/// The most that a JSON array may have, bytes; lines have no limit together.
const ARRAY_BYTES: u64 = 256 << 20;
/// One byte more than an event may have (and its end of line), so that whoever checks it sees that it is too large.
const LIMIT: u64 = invoice::limits::EVENT_BYTES as u64 + 2;

/// An event, as it was read.
#[derive(Debug)]
pub(crate) struct Piece {
    /// Its line, or its place in the array, from 1.
    pub(crate) number: u64,
    pub(crate) bytes: Vec<u8>,
    /// Bytes of the input read so far.
    pub(crate) read: u64,
}

/// Where events come from.
pub(crate) enum Source<'a, R: BufRead> {
    Lines { input: Chain<Cursor<Vec<u8>>, &'a mut R>, line: u64, read: u64 },
    Held { events: std::vec::IntoIter<Vec<u8>>, place: u64, read: u64 },
}

/// Every event of an input with its line, or its place in an array: as [`import`](super::import()) sees them.
///
/// # Errors
/// [`ImportError`] when the input gives out, or begins as an array and is none.
pub fn each_event(mut input: impl BufRead, mut tell: impl FnMut(u64, &[u8])) -> Result<(), ImportError> {
    let mut source = Source::open(&mut input)?;
    while let Some(piece) = source.next()? {
        tell(piece.number, &piece.bytes);
    }
    Ok(())
}

impl<'a, R: BufRead> Source<'a, R> {
    pub(crate) fn open(input: &'a mut R) -> Result<Self, ImportError> {
        let failed = |source| ImportError::Input { line: 1, source };
        let beginning = input.fill_buf().map_err(failed)?;
        let first = beginning.iter().find(|byte| !byte.is_ascii_whitespace());
        if first == Some(&b'[') {
            return Self::array(input);
        }
        if begins_with_a_line(beginning) {
            return Ok(Self::lines(Vec::new(), input));
        }
        let mut bytes = Vec::new();
        let size = input.by_ref().take(LIMIT).read_to_end(&mut bytes).map_err(failed)?;
        // What goes on beyond the size of an event is no single one.
        if (size as u64) < LIMIT && is_one_event(&bytes) {
            return Ok(Self::held(vec![bytes]));
        }
        Ok(Self::lines(bytes, input))
    }

    fn lines(begun: Vec<u8>, input: &'a mut R) -> Self {
        Self::Lines { input: Cursor::new(begun).chain(input), line: 0, read: 0 }
    }

    fn held(events: Vec<Vec<u8>>) -> Self {
        Self::Held { events: events.into_iter(), place: 0, read: 0 }
    }

    fn array(input: &'a mut R) -> Result<Self, ImportError> {
        let failed = |source| ImportError::Input { line: 1, source };
        let mut bytes = Vec::new();
        let size = input.take(ARRAY_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
        if size as u64 > ARRAY_BYTES {
            let reason = format!("an array of more than {ARRAY_BYTES} bytes: write one event a line instead");
            return Err(failed(std::io::Error::new(std::io::ErrorKind::FileTooLarge, reason)));
        }
        let events: Vec<Box<RawValue>> = serde_json::from_slice(&bytes).map_err(ImportError::Array)?;
        let bytes = |event: Box<RawValue>| Box::<str>::from(event).into_string().into_bytes();
        Ok(Self::held(events.into_iter().map(bytes).collect()))
    }

    /// The next event; none at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Piece>, ImportError> {
        match self {
            Self::Held { events, place, read } => {
                let Some(bytes) = events.next() else { return Ok(None) };
                *place += 1;
                *read += bytes.len() as u64;
                Ok(Some(Piece { number: *place, bytes, read: *read }))
            }
            Self::Lines { input, line, read } => loop {
                let mut bytes = Vec::new();
                *line += 1;
                let number = *line;
                let failed = |source| ImportError::Input { line: number, source };
                let mut size = input.by_ref().take(LIMIT).read_until(b'\n', &mut bytes).map_err(failed)?;
                if size == 0 {
                    return Ok(None);
                }
                // The rest of what is too large is skipped.
                if size as u64 == LIMIT && bytes.last() != Some(&b'\n') {
                    size += input.skip_until(b'\n').map_err(failed)?;
                }
                *read += size as u64;
                if !is_blank(&bytes) {
                    return Ok(Some(Piece { number, bytes, read: *read }));
                }
            },
        }
    }
}

fn is_blank(line: &[u8]) -> bool {
    line.iter().all(u8::is_ascii_whitespace)
}

fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
}

/// Whether the first line is whole and JSON by itself: then every line is an event of its own.
fn begins_with_a_line(beginning: &[u8]) -> bool {
    let first = beginning.split_inclusive(|byte| *byte == b'\n').find(|line| !is_blank(line));
    first.is_some_and(|line| line.last() == Some(&b'\n') && is_json(line))
}

/// One event as a whole. A broken one over several lines is one broken event, not many; unless most of the lines look like events.
fn is_one_event(bytes: &[u8]) -> bool {
    let lines = || bytes.split(|byte| *byte == b'\n').filter(|line| !is_blank(line));
    let looks = |line: &&[u8]| line.first() == Some(&b'{') && line.trim_ascii_end().last() == Some(&b'}');
    match lines().count() {
        // Where its line is counts.
        0 | 1 => false,
        all => is_json(bytes) || lines().filter(looks).count() * 2 < all,
    }
}
