//! What one taxpayer has otherwise than the house: some of the waits and limits of the life cycle.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::bail;
use invoice::life::{Policies, Policy};
use serde::{Deserialize, Serialize};

use super::Settings;

/// One taxpayer's own numbers; what is left out is as in `policy`, where each of them is described.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaxpayerPolicy {
    /// Whose.
    pub tax_number: String,
    /// As `policy.ladder_ms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ladder_ms: Option<Vec<u64>>,
    /// As `policy.plateau_ms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plateau_ms: Option<u64>,
    /// As `policy.suspect_ms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspect_ms: Option<Vec<u64>>,
    /// As `policy.credentials_ms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials_ms: Option<u64>,
    /// As `policy.retry_after_max_ms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_max_ms: Option<u64>,
    /// As `policy.crashes_alone`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crashes_alone: Option<u32>,
    /// As `policy.original_wait_ms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original_wait_ms: Option<u64>,
    /// As `policy.jitter_permille`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jitter_permille: Option<u32>,
}

impl TaxpayerPolicy {
    /// The house's numbers with these in their places.
    fn over(&self, usual: &Policy) -> Policy {
        Policy {
            ladder_ms: self.ladder_ms.clone().unwrap_or_else(|| usual.ladder_ms.clone()),
            plateau_ms: self.plateau_ms.unwrap_or(usual.plateau_ms),
            suspect_ms: self.suspect_ms.clone().unwrap_or_else(|| usual.suspect_ms.clone()),
            credentials_ms: self.credentials_ms.unwrap_or(usual.credentials_ms),
            retry_after_max_ms: self.retry_after_max_ms.unwrap_or(usual.retry_after_max_ms),
            crashes_alone: self.crashes_alone.unwrap_or(usual.crashes_alone),
            original_wait_ms: self.original_wait_ms.unwrap_or(usual.original_wait_ms),
            jitter_permille: self.jitter_permille.unwrap_or(usual.jitter_permille),
        }
    }
}

impl Settings {
    /// The numbers that each taxpayer's invoices live by.
    #[must_use]
    pub fn policies(&self) -> Policies {
        let own: BTreeMap<_, _> =
            self.policies.iter().map(|own| (own.tax_number.clone(), own.over(&self.policy))).collect();
        Policies::new(self.policy.clone(), own)
    }
}

/// Refuses numbers by which an invoice would be sent without end or never again, the house's and each taxpayer's.
///
/// # Errors
/// Whose, which one, what stands there, and what must.
pub(super) fn check(settings: &Settings) -> anyhow::Result<()> {
    sound("policy", &settings.policy)?;
    let mut seen = BTreeSet::new();
    for own in &settings.policies {
        let TaxpayerPolicy { tax_number, .. } = own;
        if tax_number.trim().is_empty() || tax_number.trim() != tax_number {
            bail!(
                "policies: tax_number is {tax_number:?}; it must be a tax number, without spaces around it"
            );
        }
        if !seen.insert(tax_number) {
            bail!("policies: tax number {tax_number} stands there twice; write its numbers into one entry");
        }
        sound(&format!("policies (tax number {tax_number}): policy"), &own.over(&settings.policy))?;
    }
    Ok(())
}

/// More steps than this are a mistake: they would be waited for years.
const STEPS_MAX: usize = 100;

fn sound(whose: &str, policy: &Policy) -> anyhow::Result<()> {
    let Policy { ladder_ms, suspect_ms, plateau_ms, credentials_ms, jitter_permille, .. } = policy;
    if ladder_ms.is_empty() || ladder_ms.contains(&0) {
        bail!("{whose}.ladder_ms must hold at least one wait, and none of 0, such as [5000, 30000, 120000]");
    }
    if suspect_ms.contains(&0) {
        bail!("{whose}.suspect_ms holds a wait of 0; each must be 1 or more, such as [120000, 240000]");
    }
    for (name, steps) in [("ladder_ms", ladder_ms), ("suspect_ms", suspect_ms)] {
        if steps.len() > STEPS_MAX {
            bail!("{whose}.{name} holds {} waits; it may hold {STEPS_MAX} at most", steps.len());
        }
    }
    if *plateau_ms == 0 {
        bail!("{whose}.plateau_ms is 0; it must be 1 or more");
    }
    if *credentials_ms == 0 {
        bail!("{whose}.credentials_ms is 0; it must be 1 or more");
    }
    if *jitter_permille > 1_000 {
        bail!("{whose}.jitter_permille is {jitter_permille}; it must be 1000 at most, which doubles a wait");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use invoice::IncomeSource;

    use crate::settings::read_text;

    #[test]
    fn a_taxpayer_has_its_own_numbers_and_the_houses_where_it_has_none() {
        let settings = read_text(
            "
            policy.plateau_ms = 7_200_000
            [[policies]]
            tax_number = '12345678'
            ladder_ms = [1_000, 2_000]
            suspect_ms = []
        ",
        )
        .unwrap();
        let policies = settings.policies();
        let of = |tax_number: &str| {
            policies.of(&IncomeSource { tax_number: tax_number.to_owned(), sequence: "1".to_owned() })
        };
        assert_eq!(of("12345678").ladder_ms, [1_000, 2_000]);
        assert!(of("12345678").suspect_ms.is_empty());
        assert_eq!(of("12345678").plateau_ms, 7_200_000);
        assert_eq!(*of("22222222"), settings.policy);
        let shown = serde_json::to_value(&settings.policies).unwrap();
        assert_eq!(
            shown.to_string(),
            r#"[{"ladder_ms":[1000,2000],"suspect_ms":[],"tax_number":"12345678"}]"#
        );
    }

    #[test]
    fn numbers_that_cannot_work_are_refused_by_whose_and_which() {
        for (entry, wanted) in [
            ("ladder_ms = []", "12345678): policy.ladder_ms must hold"),
            ("ladder_ms = [5_000, 0]", "12345678): policy.ladder_ms must hold"),
            ("suspect_ms = [0]", "12345678): policy.suspect_ms holds a wait of 0"),
            ("plateau_ms = 0", "12345678): policy.plateau_ms is 0"),
            ("credentials_ms = 0", "12345678): policy.credentials_ms is 0"),
            ("jitter_permille = 1_001", "12345678): policy.jitter_permille is 1001"),
            ("plateau = 1", "unknown field `plateau`"),
            ("[[policies]]\ntax_number = '12345678'", "12345678 stands there twice"),
            ("[[policies]]\ntax_number = ' '", "tax_number is \" \""),
        ] {
            let toml = format!("[[policies]]\ntax_number = '12345678'\n{entry}\n");
            let told = read_text(&toml).map(|_| ()).map_err(|error| format!("{error:#}")).unwrap_err();
            assert!(told.contains(wanted), "{entry}: {told}");
        }
    }
}
