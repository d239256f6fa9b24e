//! `fawtara submitters`: which submitters are at work, and what each may have under way at which endpoint. Knows how to print;
//! the shares stand in the ledger.

use std::io::Write;

use console::text::{Table, clean};
use invoice::Timestamp;
use ledger::{Ledger, SubmitterShare};
use serde::Serialize;

use super::Outcome;
use crate::settings::Settings;
use crate::wiring;

/// Arguments of `fawtara submitters`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What is said of one submitter and one endpoint.
#[derive(Debug, Serialize)]
struct Line<'a> {
    endpoint: &'a str,
    worker: &'a str,
    version: &'a str,
    granted: u32,
    in_flight: u32,
    seen_at: Timestamp,
    counts_until: Timestamp,
}

/// `fawtara submitters`; the outcome is no when there is none.
///
/// # Errors
/// A ledger that is away, a standard output that is closed.
pub async fn command(args: Args, settings: Settings) -> anyhow::Result<Outcome> {
    let ledger = wiring::ledger(&settings).await?;
    run(&args, &*ledger, settings.submitter.fleet_max_in_flight, &mut std::io::stdout()).await
}

async fn run(args: &Args, ledger: &dyn Ledger, cap: u32, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let now = ledger.now().await?;
    let shares = ledger.fleet().submitters().await?;
    let outcome = if shares.is_empty() { Outcome::No } else { Outcome::Done };
    if args.json {
        let lines: Vec<_> = shares.iter().map(line).collect();
        writeln!(out, "{}", serde_json::to_string_pretty(&lines)?)?;
        return Ok(outcome);
    }
    if shares.is_empty() {
        writeln!(out, "No submitter is at work. Start one with `fawtara submitter`.")?;
        return Ok(outcome);
    }
    let mut table = Table::new(&["endpoint", "submitter", "version", "share", "under way", "heard of"]);
    for share in &shares {
        let ago = (now - share.seen_at).num_seconds().max(0);
        table.row([
            clean(&share.endpoint),
            clean(&share.worker),
            clean(&share.version),
            share.granted.to_string(),
            share.in_flight.to_string(),
            format!("{ago} s ago"),
        ]);
    }
    write!(out, "{}", table.render())?;
    writeln!(
        out,
        "\nTogether at most {cap} requests at each endpoint, by the settings here. Who falls silent counts until its last request must be over."
    )?;
    Ok(outcome)
}

fn line(share: &SubmitterShare) -> Line<'_> {
    Line {
        endpoint: &share.endpoint,
        worker: &share.worker,
        version: &share.version,
        granted: share.granted,
        in_flight: share.in_flight,
        seen_at: share.seen_at,
        counts_until: share.until,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use ledger::{MemoryLedger, Schedule, ShareRequest};

    use super::*;

    async fn printed(ledger: &dyn Ledger, json: bool) -> (Outcome, String) {
        let mut out = Vec::new();
        let outcome = run(&Args { json }, ledger, 10, &mut out).await.unwrap();
        (outcome, String::from_utf8(out).unwrap())
    }

    #[tokio::test]
    async fn who_is_at_work_is_shown() {
        let now = chrono::DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let ledger = MemoryLedger::new(Arc::new(move || now), Schedule::default());
        let (outcome, text) = printed(&ledger, false).await;
        assert!(outcome == Outcome::No && text.contains("fawtara submitter"), "{text}");
        let request = ShareRequest {
            endpoint: "direct https://authority.example".to_owned(),
            worker: "عمان\u{1b}[31m/7/abc".to_owned(),
            version: "1.2.3".to_owned(),
            turn: 1,
            cap: 10,
            wanted: 64,
            keeps: 0,
            in_flight: 3,
            lasts: Duration::from_secs(65),
        };
        ledger.fleet().renew(&request).await.unwrap();
        let (outcome, text) = printed(&ledger, false).await;
        assert!(outcome == Outcome::Done && text.contains("direct https://authority.example"), "{text}");
        assert!(text.contains("0 s ago") && !text.contains('\u{1b}'), "{text}");
        let (_, json) = printed(&ledger, true).await;
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!((&json[0]["granted"], &json[0]["in_flight"]), (&10.into(), &3.into()));
    }
}
