//! `check`: whether the authority accepts the credentials. No invoice is sent, and nothing is changed.

use console::text::Table;
use invoice::{Environment, IncomeSource};
use jofotara::{Acceptance, Client, Endpoint};
use serde::Serialize;
use tokio::task::JoinSet;

use super::view::place_name;
use super::{CheckArgs, Office, Refusal};
use crate::commands::Outcome;
use crate::commands::answer::Answer;
use crate::failure::Unanswered;
use crate::{registry, wiring};

/// So many are asked at once.
const AT_ONCE: usize = 8;

/// What was found of one income source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Finding {
    tax_number: String,
    sequence: String,
    environment: Environment,
    result: &'static str,
    http_status: Option<u16>,
    message: String,
    duration_ms: u64,
}

/// An income source, with the place to ask or the reason why there is none.
type Case = ((Environment, IncomeSource), Result<Endpoint, String>);

pub(super) async fn check(
    args: &CheckArgs,
    office: &Office,
    answer: &mut Answer<'_>,
) -> anyhow::Result<Outcome> {
    let cases = cases(args, office).await?;
    if cases.is_empty() {
        let message = "no such income source, or none that is active: `fawtara taxpayers list` shows all";
        return Err(Refusal::new("unknown_income_source", message).into());
    }
    let mut findings = Vec::with_capacity(cases.len());
    let mut asking = JoinSet::new();
    for case in cases {
        while asking.len() >= AT_ONCE {
            findings.extend(asking.join_next().await.transpose()?);
        }
        asking.spawn(ask(office.client.clone(), case));
    }
    while let Some(finding) = asking.join_next().await {
        findings.push(finding?);
    }
    findings.sort();
    answer.either(&findings, told)?;
    let count = |wanted: &str| findings.iter().filter(|finding| finding.result == wanted).count();
    let whole = findings.len();
    match (count("refused") + count("unusable"), count("unclear")) {
        (0, 0) => Ok(Outcome::Done),
        (0, unclear) => {
            Err(Unanswered(format!("{unclear} of {whole} could not be told: ask again later")).into())
        }
        _ => Ok(Outcome::No),
    }
}

/// Those that were named, active or not; else all active ones of registry and settings.
async fn cases(args: &CheckArgs, office: &Office) -> anyhow::Result<Vec<Case>> {
    let registry = office.ledger.taxpayers().registry().await?;
    let is_wanted = |environment: Environment, source: &IncomeSource, active: bool| {
        args.environment.is_none_or(|wanted| wanted == environment)
            && if args.sources.is_empty() { active } else { args.sources.contains(source) }
    };
    let mut cases: Vec<Case> = registry
        .sources
        .iter()
        .filter(|source| is_wanted(source.environment, &source.source, source.active))
        .map(|source| {
            let endpoint = registry::endpoint(&office.settings, &office.vault, source);
            ((source.environment, source.source.clone()), endpoint.map_err(|error| format!("{error:#}")))
        })
        .collect();
    let of_settings: Vec<_> = office
        .settings
        .income_sources
        .iter()
        .map(|source| (source.environment, source.source()))
        .filter(|(environment, source)| {
            is_wanted(*environment, source, true) && registry.source(*environment, source).is_none()
        })
        .collect();
    if !of_settings.is_empty() {
        let endpoints = wiring::endpoints(&office.settings)?;
        let known = of_settings.into_iter().filter_map(|name| endpoints.get_key_value(&name));
        cases.extend(known.map(|(name, endpoint)| (name.clone(), Ok(endpoint.clone()))));
    }
    Ok(cases)
}

async fn ask(client: Client, ((environment, source), endpoint): Case) -> Finding {
    let IncomeSource { tax_number, sequence } = source;
    match endpoint {
        Err(message) => Finding {
            tax_number,
            sequence,
            environment,
            result: "unusable",
            http_status: None,
            message,
            duration_ms: 0,
        },
        Ok(endpoint) => {
            let check = client.check_credentials(&endpoint).await;
            Finding {
                tax_number,
                sequence,
                environment,
                result: match check.acceptance {
                    Acceptance::Accepted => "accepted",
                    Acceptance::Refused => "refused",
                    Acceptance::Unclear => "unclear",
                },
                http_status: check.http_status,
                message: check.message,
                duration_ms: u64::try_from(check.duration.as_millis()).unwrap_or(u64::MAX),
            }
        }
    }
}

fn told(findings: &Vec<Finding>) -> String {
    let mut table = Table::new(&["INCOME SOURCE", "WHERE", "CREDENTIALS", "TOOK", "WHAT WAS HEARD"]);
    for finding in findings {
        table.row([
            format!("{}:{}", finding.tax_number, finding.sequence),
            place_name(finding.environment).to_owned(),
            finding.result.to_uppercase(),
            format!("{} ms", finding.duration_ms),
            finding.message.clone(),
        ]);
    }
    table.render()
}
