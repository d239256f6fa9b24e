//! Rules for the metadata: bounds only, since it is kept and never sent. Must not know what it means.

use std::collections::BTreeMap;

use crate::limits;

use super::text::{self, Layout, quoted};
use super::{FaultCode, Faults, both};

pub(super) fn check(faults: &mut Faults, metadata: Option<&BTreeMap<String, String>>) {
    let Some(metadata) = metadata else { return };
    let (found, most) = (metadata.len(), limits::METADATA);
    if found > most {
        let message = both!(
            "has {found} members: leave out all but {most}",
            "عدد عناصره {found}: اكتفِ بما لا يزيد على {most}"
        );
        faults.add(FaultCode::TextTooLong, "metadata", message);
        return;
    }
    for (name, value) in metadata {
        if name.trim().is_empty() || name.chars().count() > limits::METADATA_CHARS {
            let most = limits::METADATA_CHARS;
            let shown = quoted(name);
            let message = both!(
                "has a member named {shown}: a name has 1 to {most} characters",
                "فيه عنصر اسمه {shown}: طول الاسم من 1 إلى {most} حرفاً"
            );
            faults.add(FaultCode::TextTooLong, "metadata", message);
        } else {
            text::bounded(faults, &format!("metadata.{name}"), value, limits::METADATA_CHARS, Layout::Lines);
        }
    }
}
