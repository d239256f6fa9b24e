//! What was refused at the door, as people see it. Never a state of somebody's invoice.

use invoice::life::Actor;
use invoice::{Digest, Timestamp};
use ledger::RefusedIntake;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::desk::{Console, signed};
use crate::error::ConsoleError;
use crate::remedy::of_intake;
use crate::text::{clean, time};

/// At most so many records of refused intake are read at once: they hold what arrived, word for word.
pub(crate) const INTAKE_READ: u32 = 1_000;

/// One record of refused intake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IntakeRow {
    /// Name of the record: what it is resolved by.
    pub id: Uuid,
    /// When it came.
    pub at: Timestamp,
    /// How it came.
    pub via: String,
    /// Stable code of the reason.
    pub code: String,
    /// For people.
    pub message: String,
    /// What to do.
    pub what_to_do: &'static str,
    /// All faults, when there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub faults: Option<Value>,
    /// Its UUID, as far as it could be read.
    pub uuid: Option<Uuid>,
    /// Its number, as far as it could be read.
    pub number: Option<String>,
    /// SHA-256 of what arrived.
    pub sha256: Digest,
    /// How much of it is kept, bytes.
    pub bytes: usize,
    /// What arrived, in the story of a single record; bytes that are no text are replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

impl IntakeRow {
    pub(crate) fn new(record: RefusedIntake, with_body: bool) -> Self {
        let faults =
            record.faults.map(|faults| serde_json::from_str(&faults).unwrap_or(Value::String(faults)));
        Self {
            id: record.id,
            at: record.at,
            via: record.via,
            what_to_do: of_intake(&record.code),
            code: record.code,
            message: record.message,
            faults,
            uuid: record.uuid,
            number: record.number,
            sha256: record.sha256,
            bytes: record.body.len(),
            body: with_body.then(|| String::from_utf8_lossy(&record.body).into_owned()),
        }
    }

    /// The record as text for people.
    #[must_use]
    pub fn render(&self) -> String {
        let mut lines = vec![
            format!("Refused intake {}", self.id),
            format!("  came        {} by {}", time(self.at), clean(&self.via)),
            format!("  why         {} ({})", clean(&self.message), clean(&self.code)),
            format!("  what to do  {}", self.what_to_do),
        ];
        let uuid = self.uuid.map(|uuid| format!("  UUID        {uuid}"));
        let number = self.number.as_ref().map(|number| format!("  number      {}", clean(number)));
        lines.extend(uuid.into_iter().chain(number));
        lines.push(format!("  SHA-256     {} ({} bytes kept)", self.sha256, self.bytes));
        for fault in self.faults.as_ref().and_then(Value::as_array).into_iter().flatten() {
            let text = |member: &str| clean(fault.get(member).and_then(Value::as_str).unwrap_or_default());
            lines.push(format!("  fault       {}: {} ({})", text("path"), text("message"), text("code")));
        }
        if let Some(body) = &self.body {
            lines.push("  what arrived:".to_owned());
            lines.extend(body.lines().map(|line| format!("    {}", clean(line))));
        }
        lines.join("\n") + "\n"
    }
}

impl Console {
    /// One open record of refused intake, with what arrived.
    ///
    /// # Errors
    /// [`ConsoleError::UnknownIntake`] when it is none of the open ones that are read; the ledger's own.
    pub async fn intake(&self, id: Uuid) -> Result<IntakeRow, ConsoleError> {
        let open = self.ledger.refused_intake(INTAKE_READ).await?;
        match open.into_iter().find(|record| record.id == id) {
            Some(record) => Ok(IntakeRow::new(record, true)),
            None => Err(ConsoleError::UnknownIntake { id }),
        }
    }

    /// Marks a record of refused intake as dealt with.
    ///
    /// # Errors
    /// [`ConsoleError::Anonymous`]; [`ConsoleError::UnknownIntake`] when it is unknown, or somebody else was quicker.
    pub async fn resolve_intake(&self, id: Uuid, by: &Actor) -> Result<(), ConsoleError> {
        signed(by)?;
        if self.ledger.resolve_intake(id, by.clone()).await? {
            Ok(())
        } else {
            Err(ConsoleError::UnknownIntake { id })
        }
    }
}
