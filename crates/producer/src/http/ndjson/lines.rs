//! The lines of a streamed body, as they come: bounded in memory and in the time that the client may take. It knows nothing
//! of events.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

/// A client that ends no line with an event for so long is cut.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long what is still coming is passed over, after the last word: a connection closed upon unread bytes is reset, and
/// the client might never see that word.
const FAREWELL: Duration = Duration::from_secs(1);

/// A line of the input, or why there is none.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// A line that is not blank, by its number from 1.
    Event(u64, Vec<u8>),
    /// A line that is longer than an event may be; it was passed over.
    TooLong(u64),
    /// The body broke off, and why; nothing from this line on was looked at.
    Broken(u64, String),
    /// The producer is about to stop; nothing from this line on was looked at.
    Stopping(u64),
}

/// The stream of lines, with what is left of the last chunk.
pub(super) struct Lines {
    body: BodyDataStream,
    buffer: Vec<u8>,
    /// Where the next line begins in the buffer.
    start: usize,
    /// Up to here the buffer holds no end of that line.
    searched: usize,
    /// The rest of a line that was too long is being passed over.
    skipping: bool,
    /// The number of the last line.
    line: u64,
    /// Nothing more comes, or nothing more is wanted.
    ended: bool,
    /// What still comes is not wanted.
    given_up: bool,
    stopping: CancellationToken,
}

impl Lines {
    /// The lines of `body`, until `stopping`.
    pub(super) fn new(body: Body, stopping: CancellationToken) -> Self {
        Self {
            body: body.into_data_stream(),
            buffer: Vec::new(),
            start: 0,
            searched: 0,
            skipping: false,
            line: 0,
            ended: false,
            given_up: false,
            stopping,
        }
    }

    /// What is there already of at most `limit` lines, the blank ones counted; waits only while there is nothing. Empty at
    /// the end.
    pub(super) async fn next_batch(&mut self, limit: usize) -> Vec<Input> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if self.stopping.is_cancelled() && !self.given_up && !self.is_over() {
                return self.give_up(Input::Stopping);
            }
            let mut batch = Vec::new();
            let mut seen = 0;
            while seen < limit {
                let Some(input) = self.line() else { break };
                batch.extend(input);
                seen += 1;
            }
            if !batch.is_empty() || self.is_over() {
                return batch;
            }
            if seen < limit {
                let stopping = self.stopping.clone();
                tokio::select! {
                    biased;
                    () = stopping.cancelled() => {}
                    read = timeout_at(deadline, self.read()) => match read {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => return self.give_up(|line| Input::Broken(line, error)),
                        Err(_) => {
                            let reason = format!("no event came for {} s", PATIENCE.as_secs());
                            return self.give_up(|line| Input::Broken(line, reason));
                        }
                    },
                }
            } else {
                // Nothing but blank lines, and more of them: others have their turn.
                tokio::task::coop::consume_budget().await;
            }
        }
    }

    /// Everything was handed out.
    fn is_over(&self) -> bool {
        self.ended && self.start >= self.buffer.len()
    }

    /// Passes over what still comes, for a moment, when the body was given up before its end.
    pub(super) async fn farewell(&mut self) {
        if self.given_up {
            let rest = async { while let Some(Ok(_)) = self.body.next().await {} };
            // Whoever goes on for longer is reset.
            let _ = timeout(FAREWELL, rest).await;
        }
    }

    fn give_up(&mut self, last: impl FnOnce(u64) -> Input) -> Vec<Input> {
        self.ended = true;
        self.given_up = true;
        self.buffer = Vec::new();
        (self.start, self.searched) = (0, 0);
        vec![last(self.line + 1)]
    }

    /// Reads one more chunk. What was handed out leaves the buffer here, and only here: once a chunk.
    async fn read(&mut self) -> Result<(), String> {
        match self.body.next().await {
            Some(Ok(chunk)) => {
                self.buffer.drain(..self.start);
                self.searched -= self.start;
                self.start = 0;
                self.buffer.extend_from_slice(&chunk);
                Ok(())
            }
            Some(Err(error)) => Err(error.to_string()),
            None => {
                self.ended = true;
                // The last line may lack its end.
                if self.start < self.buffer.len() {
                    self.buffer.push(b'\n');
                }
                Ok(())
            }
        }
    }

    /// The next whole line in the buffer: `Some(None)` for one without an event, `None` when there is no whole line.
    #[allow(clippy::option_option, reason = "a line without an event is neither an event nor the end")]
    fn line(&mut self) -> Option<Option<Input>> {
        let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
        let Some(length) = unsearched.iter().position(|byte| *byte == b'\n') else {
            self.searched = self.buffer.len();
            return self.too_long().then(|| {
                self.line += 1;
                Some(Input::TooLong(self.line))
            });
        };
        let end = self.searched + length + 1;
        let line = self.buffer.get(self.start..end).unwrap_or_default();
        let blank = line.iter().all(u8::is_ascii_whitespace);
        let event = (!blank && !self.skipping).then(|| line.to_vec());
        (self.start, self.searched) = (end, end);
        if std::mem::take(&mut self.skipping) {
            return Some(None);
        }
        self.line += 1;
        Some(event.map(|bytes| Input::Event(self.line, bytes)))
    }

    /// What there is of a line is too long already, for the first time: the rest is passed over.
    fn too_long(&mut self) -> bool {
        let so_far = self.buffer.len() - self.start;
        if so_far <= invoice::limits::EVENT_BYTES && !self.skipping {
            return false;
        }
        self.buffer.clear();
        (self.start, self.searched) = (0, 0);
        !std::mem::replace(&mut self.skipping, true)
    }
}

#[cfg(test)]
mod tests;
