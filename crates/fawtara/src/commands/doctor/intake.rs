//! Who may publish over AMQP, as the keys of the ledger have it. It only judges what was read before.

use ledger::KeyRing;
use ledger::keys::ValidKeys;

use super::{Findings, Grade};
use crate::settings::Settings;

pub(super) fn amqp(settings: &Settings, keys: ValidKeys, findings: &mut Findings) {
    const WHAT: &str = "AMQP intake";
    if !settings.producer.amqp_intake {
        findings.ok(WHAT, "off (producer.amqp_intake)");
        return;
    }
    let ring = KeyRing::new(keys);
    let users = ring.amqp_users().len();
    if !ring.guards_amqp() {
        findings.add(
            Grade::Ok,
            WHAT,
            "whoever may write to fawtara.intake publishes for every taxpayer: no key names an AMQP user",
            "where that is too much: fawtara keys create --amqp-user USER --taxpayer TAX, and have publishers set user_id \
             (docs/security.md)",
        );
    } else if users == 0 {
        findings.add(
            Grade::Warning,
            WHAT,
            "nobody may publish: no key that names an AMQP user is valid any more",
            "make one: fawtara keys create --amqp-user USER; or turn it off: producer.amqp_intake = false",
        );
    } else {
        findings.ok(WHAT, format!("{users} AMQP users may publish, each by the scope of its keys"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(settings: &Settings, names_amqp_users: bool) -> (Grade, String) {
        let mut findings = Findings::default();
        amqp(settings, ValidKeys { names_amqp_users, ..ValidKeys::default() }, &mut findings);
        let finding = findings.0.pop().unwrap();
        (finding.grade, finding.mend.unwrap_or_default())
    }

    #[test]
    fn it_hints_at_who_may_publish() {
        let mut settings = Settings::default();
        let (grade, mend) = told(&settings, false);
        assert_eq!(grade, Grade::Ok, "it is as it was meant");
        assert!(mend.contains("--amqp-user"), "{mend}");
        let (grade, mend) = told(&settings, true);
        assert_eq!(grade, Grade::Warning, "nothing comes in any more: {mend}");
        settings.producer.amqp_intake = false;
        assert_eq!(told(&settings, false), (Grade::Ok, String::new()));
    }
}
