//! Looking at what waits for a person: `list` and `show`. Changes nothing.

use console::text::{Table, age, short};
use console::{Console, ConsoleError, IntakeRow, Listing, Overview, Paging, Story};
use invoice::Environment;
use uuid::Uuid;

use super::{ListArgs, ShowArgs};
use crate::commands::Outcome;
use crate::commands::answer::Answer;

/// Messages in tables are cut to so many characters.
const MESSAGE_CHARS: usize = 70;

pub(super) async fn list(
    args: &ListArgs,
    desk: &Console,
    answer: &mut Answer<'_>,
) -> anyhow::Result<Outcome> {
    let filter = args.filter.filter();
    if args.groups {
        let overview = desk.groups(&filter).await?;
        answer.either(&overview, groups)?;
    } else {
        let paging = Paging { after: args.after, limit: args.limit };
        let listing = desk.list(&filter, paging).await?;
        answer.either(&listing, rows)?;
    }
    Ok(Outcome::Done)
}

pub(super) async fn show(
    args: &ShowArgs,
    desk: &Console,
    answer: &mut Answer<'_>,
) -> anyhow::Result<Outcome> {
    let ShowArgs { one: args, lang } = args;
    match desk.find(&args.name, args.environment).await {
        Ok(key) => answer.either(&desk.show(key).await?, |story: &Story| story.render_in((*lang).into()))?,
        Err(unknown @ ConsoleError::Unknown { .. }) => {
            // Refused intake has no invoice; its records are named by a UUID as well.
            let Ok(id) = Uuid::try_parse(args.name.trim()) else { return Err(unknown.into()) };
            match desk.intake(id).await {
                Ok(record) => answer.either(&record, IntakeRow::render)?,
                Err(ConsoleError::UnknownIntake { .. }) => return Err(unknown.into()),
                Err(error) => return Err(error.into()),
            }
        }
        Err(error) => return Err(error.into()),
    }
    Ok(Outcome::Done)
}

/// What is not real says so in every row.
fn place(environment: Environment) -> &'static str {
    match environment {
        Environment::Simulation => "SIMULATION",
        Environment::Sandbox => "SANDBOX",
        Environment::Production => "production",
    }
}

fn rows(listing: &Listing) -> String {
    if listing.rows.is_empty() && listing.refused_intake.is_empty() {
        let open = listing.refused_intake_open;
        return match open {
            0 => "nothing waits for a person\n".to_owned(),
            open => format!("nothing that matches; {open} open record(s) of refused intake\n"),
        };
    }
    let mut text = String::new();
    if !listing.rows.is_empty() {
        let mut table =
            Table::new(&["UUID", "WHERE", "NUMBER", "STATE", "CAUSE", "SINCE", "DOUBT", "AMOUNT", "MESSAGE"]);
        for row in &listing.rows {
            table.row([
                row.uuid.to_string(),
                place(row.environment).to_owned(),
                row.number.clone(),
                row.state.to_string(),
                row.cause.map_or_else(|| "-".to_owned(), |cause| cause.to_string()),
                age(listing.now, row.since),
                row.in_doubt.map_or_else(|| "-".to_owned(), |attempt| format!("no {attempt}")),
                row.payable.map_or_else(
                    || "not known yet".to_owned(),
                    |payable| format!("{payable} {}", row.currency),
                ),
                short(row.message.as_deref().unwrap_or_default(), MESSAGE_CHARS),
            ]);
        }
        text.push_str(&table.render());
    }
    if !listing.refused_intake.is_empty() {
        text.push_str(if listing.rows.is_empty() { "Refused intake\n" } else { "\nRefused intake\n" });
        let mut table = Table::new(&["ID", "CAME", "BY", "CODE", "NUMBER", "MESSAGE"]);
        for record in &listing.refused_intake {
            table.row([
                record.id.to_string(),
                age(listing.now, record.at),
                record.via.clone(),
                record.code.clone(),
                record.number.clone().unwrap_or_else(|| "-".to_owned()),
                short(&record.message, MESSAGE_CHARS),
            ]);
        }
        text.push_str(&table.render());
    }
    if let Some(next) = listing.next {
        text.push_str(&format!("\nmore: --after {next}\n"));
    }
    text
}

fn groups(overview: &Overview) -> String {
    if overview.groups.is_empty() && overview.refused_intake.is_empty() {
        return "nothing waits for a person\n".to_owned();
    }
    let mut table = Table::new(&["STATE", "CAUSE", "COUNT", "IN DOUBT", "AMOUNT", "OLDEST", "WHAT TO DO"]);
    for group in &overview.groups {
        table.row([
            group.state.to_string(),
            group.cause.map_or_else(|| "-".to_owned(), |cause| cause.to_string()),
            group.count.to_string(),
            group.in_doubt.to_string(),
            group.amounts.to_string(),
            age(overview.now, group.oldest),
            group.what_to_do.to_owned(),
        ]);
    }
    for group in &overview.refused_intake {
        table.row([
            "refused intake".to_owned(),
            group.code.clone(),
            group.count.to_string(),
            "-".to_owned(),
            "-".to_owned(),
            age(overview.now, group.oldest),
            group.what_to_do.to_owned(),
        ]);
    }
    table.render()
}
