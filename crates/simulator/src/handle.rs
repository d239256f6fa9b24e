//! One authority shared by whoever talks to it, over HTTP or inside the process; the lock is never held over an await.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use crate::authority::Authority;
use crate::exchange::{Call, Door, Reply, Request};
use crate::inspection::{Inspection, inspect};
use crate::relay;
use crate::settings::Settings;

/// A shared authority. Clones are the same authority.
#[derive(Clone, Debug)]
pub struct Handle {
    authority: Arc<Mutex<Authority>>,
    settings: Arc<Settings>,
}

impl Handle {
    /// Shares an authority.
    pub fn new(authority: Authority) -> Self {
        Self { settings: authority.settings(), authority: Arc::new(Mutex::new(authority)) }
    }

    /// What is fixed for the life of the authority.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Answers whatever is asked.
    pub fn answer(&self, call: &Call, now: DateTime<Utc>) -> Reply {
        match call {
            Call::Submit(request) => self.handle(request, now),
            Call::Token { content_type, body } => self.lock().grant(content_type.as_deref(), body, now),
            Call::Query { authorization, uuid } => self.lock().look_up(authorization.as_deref(), uuid, now),
        }
    }

    /// Handles one document; only the part that needs the state holds the lock.
    pub fn handle(&self, request: &Request, now: DateTime<Utc>) -> Reply {
        if let Some(reply) = self.refuse_if_down() {
            return reply;
        }
        let inspection = self.inspect(request);
        self.lock().decide(request, inspection, now)
    }

    fn inspect(&self, request: &Request) -> Inspection {
        let content_type = request.content_type.as_deref();
        match request.door {
            Door::Direct | Door::Token => inspect(&request.body, content_type, &self.settings),
            Door::Relay => {
                // The gateway knows its customers' registration; whoever it does not know is turned away later.
                let family = self.lock().family(request.client_id.as_deref());
                relay::inspect(&request.body, content_type, family, &self.settings)
            }
        }
    }

    /// The reply of an authority that is down, so that a body need not even be read.
    pub fn refuse_if_down(&self) -> Option<Reply> {
        let mut authority = self.lock();
        authority.is_down().then(|| authority.turn_away())
    }

    /// Looks at the authority, or changes how it behaves.
    pub fn with<T>(&self, look: impl FnOnce(&mut Authority) -> T) -> T {
        look(&mut self.lock())
    }

    /// A panic elsewhere leaves the state as it was after some whole request, which is good enough for a simulator.
    fn lock(&self) -> MutexGuard<'_, Authority> {
        self.authority.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
