use broker::MemoryBroker;
use invoice::Registration;
use ledger::unchanging;
use serde_json::{Value, json};

use super::*;
use crate::testing::{event, intake};

/// An intake to which the shop of these tests is registered like this.
fn knowing(family: Option<Family>, active: bool) -> Intake {
    let source = IncomeSource { tax_number: "11111111".to_owned(), sequence: "1001001".to_owned() };
    let registration = Registration {
        environment: Environment::Production,
        family,
        icv_start: 1,
        profile: Profile::default(),
        active,
    };
    let registrations = unchanging(Registrations::from_iter([(source, registration)]));
    Intake { registrations, ..intake(Arc::new(MemoryBroker::default())) }
}

fn taken(intake: &Intake, event: &Value) -> Result<Environment, &'static str> {
    let arrival = intake.check(event.to_string().as_bytes(), None);
    arrival.map(|arrival| arrival.key.environment).map_err(|refused| refused.code())
}

#[test]
fn only_active_sources_of_the_right_family_are_taken() {
    let income = event(1);
    let mut elsewhere = event(1);
    elsewhere["seller"]["income_source"] = json!("1001002");
    for (family, active, event, expected) in [
        (None, true, &income, Ok(Environment::Production)),
        (Some(Family::Income), true, &income, Ok(Environment::Production)),
        (Some(Family::GeneralSales), true, &income, Err("wrong_family")),
        (Some(Family::Income), false, &income, Err("inactive_income_source")),
        (None, true, &elsewhere, Err("unknown_income_source")),
    ] {
        assert_eq!(taken(&knowing(family, active), event), expected, "{family:?}, active: {active}");
    }
}
