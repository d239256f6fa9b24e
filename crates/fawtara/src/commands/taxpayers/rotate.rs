//! New secrets in place of old ones: `rotate-secret` (a new pair from the portal) and `rotate-master-key` (the same secrets
//! under another key).

use console::text::clean;
use ledger::vault::{Vault, VaultError, sealed_under};
use ledger::{Entry, RegisteredSource, RegistryAction};
use serde::Serialize;

use super::view::place_name;
use super::{Office, Refusal, RotateMasterKeyArgs, RotateSecretArgs, change, input, key_fault};
use crate::commands::Outcome;
use crate::commands::answer::Answer;
use crate::vault::place;

pub(super) async fn secret(
    args: &RotateSecretArgs,
    office: &Office,
    answer: &mut Answer<'_>,
) -> anyhow::Result<Outcome> {
    let registry = office.ledger.taxpayers().registry().await?;
    let before = change::find(&registry, &args.target.source, args.target.environment)?;
    let Some(secret) = input::secret(&args.secret)? else {
        let message = "say where the new secret key is: --secret-file, --secret-env or --secret-stdin";
        return Err(Refusal::new("no_secret", message).into());
    };
    let mut source = before.clone();
    if let Some(client_id) = &args.client_id {
        client_id.trim().clone_into(&mut source.client_id);
    }
    change::seal(office, &mut source, &secret)?;
    change::store(office, source, RegistryAction::RotateSecret, &args.signature, answer).await
}

/// What became of one stored secret.
#[derive(Debug, Serialize)]
struct Resealed {
    tax_number: String,
    sequence: String,
    environment: invoice::Environment,
    /// The id of the key that sealed it before; none when it cannot be told.
    from: Option<String>,
    result: Fate,
    /// Why not.
    reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Fate {
    Current,
    Resealed,
    WouldBe,
    Failed,
}

#[derive(Debug, Serialize)]
struct Rotation {
    /// The id of the master key of now.
    master_key: String,
    dry_run: bool,
    secrets: Vec<Resealed>,
}

pub(super) async fn master_key(
    args: &RotateMasterKeyArgs,
    office: &Office,
    answer: &mut Answer<'_>,
) -> anyhow::Result<Outcome> {
    let master_key = office.vault.key_id().map_err(key_fault)?;
    let registry = office.ledger.taxpayers().registry().await?;
    let mut secrets = Vec::new();
    for source in registry.sources.iter().filter(|source| source.secret.is_some()) {
        let (result, reason) = match reseal(&office.vault, source) {
            Ok(None) => (Fate::Current, None),
            Ok(Some(_)) if args.dry_run => (Fate::WouldBe, None),
            Ok(Some(sealed)) => {
                let written =
                    change::write(office, Entry::Source(sealed), RegistryAction::Reseal, &args.signature)
                        .await;
                match written {
                    Ok(_) => (Fate::Resealed, None),
                    // One that somebody changes at this moment does not keep the others back.
                    Err(error) => match error.downcast::<Refusal>() {
                        Ok(refusal) => (Fate::Failed, Some(refusal.message)),
                        Err(error) => return Err(error),
                    },
                }
            }
            Err(error) => (Fate::Failed, Some(error.to_string())),
        };
        secrets.push(Resealed {
            tax_number: source.source.tax_number.clone(),
            sequence: source.source.sequence.clone(),
            environment: source.environment,
            from: source.secret.as_ref().and_then(|sealed| sealed_under(sealed).ok()),
            result,
            reason,
        });
    }
    let failed = secrets.iter().any(|secret| secret.result == Fate::Failed);
    let rotation = Rotation { master_key, dry_run: args.dry_run, secrets };
    answer.either(&rotation, told)?;
    Ok(if failed { Outcome::No } else { Outcome::Done })
}

/// The same under the key of now; none when it is so already.
fn reseal(vault: &Vault, source: &RegisteredSource) -> Result<Option<RegisteredSource>, VaultError> {
    let Some(sealed) = &source.secret else { return Ok(None) };
    let place = place(source.environment, &source.source);
    // Opened in any case: one that is damaged should be found now, not when an old key has been destroyed.
    let secret = vault.open(&place, sealed)?;
    if vault.is_current(sealed)? {
        return Ok(None);
    }
    let sealed = vault.seal(&place, &secret)?;
    Ok(Some(RegisteredSource { secret: Some(sealed), ..source.clone() }))
}

fn told(rotation: &Rotation) -> String {
    let count = |wanted: Fate| rotation.secrets.iter().filter(|secret| secret.result == wanted).count();
    let mut text = String::new();
    for secret in rotation.secrets.iter().filter(|secret| secret.result == Fate::Failed) {
        text.push_str(&format!(
            "NOT sealed anew: {}:{} ({}): {}\n",
            secret.tax_number,
            secret.sequence,
            place_name(secret.environment),
            clean(secret.reason.as_deref().unwrap_or_default()),
        ));
    }
    let (done, verb) = match rotation.dry_run {
        true => (count(Fate::WouldBe), "would be sealed anew"),
        false => (count(Fate::Resealed), "sealed anew"),
    };
    let (current, failed) = (count(Fate::Current), count(Fate::Failed));
    text.push_str(&format!(
        "master key {}: {done} secret(s) {verb}, {current} under it already, {failed} failed\n",
        rotation.master_key
    ));
    if failed == 0 && !rotation.dry_run {
        text.push_str("no secret needs an older key any more: take the old ones out of taxpayers.old_master_key_files\n");
    }
    text
}
