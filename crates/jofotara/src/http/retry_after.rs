//! `Retry-After` turned into a wait, without a clock of our own.

use std::time::Duration;

use chrono::DateTime;
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};

/// The wait that the headers ask for. A date counts from the answer's own `Date`: the two come from one clock, which
/// need not be ours; without it there is no wait that could be told.
pub(super) fn wait(headers: &HeaderMap) -> Option<Duration> {
    let text = text(headers, &RETRY_AFTER)?;
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are a very long time all the same.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::from(u32::MAX))));
    }
    let until = DateTime::parse_from_rfc2822(text).ok()?;
    let now = DateTime::parse_from_rfc2822(self::text(headers, &DATE)?).ok()?;
    Some((until - now).to_std().unwrap_or(Duration::ZERO))
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn asked(retry_after: &'static str, date: Option<&'static str>) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_static(retry_after));
        if let Some(date) = date {
            headers.insert(DATE, HeaderValue::from_static(date));
        }
        wait(&headers)
    }

    #[test]
    fn seconds() {
        assert_eq!(asked("7", None), Some(Duration::from_secs(7)));
        assert_eq!(asked(" 0 ", None), Some(Duration::ZERO));
        assert!(asked("99999999999999999999999", None) > Some(Duration::from_secs(86_400)));
        for odd in ["-7", "7.5", "soon", "", "+7"] {
            assert_eq!(asked(odd, None), None, "{odd}");
        }
        assert_eq!(wait(&HeaderMap::new()), None);
    }

    #[test]
    fn a_date_counts_from_the_answers_own() {
        let until = "Sun, 01 Mar 2026 10:01:30 GMT";
        assert_eq!(asked(until, Some("Sun, 01 Mar 2026 10:00:00 GMT")), Some(Duration::from_secs(90)));
        assert_eq!(asked(until, Some("Sun, 01 Mar 2026 11:00:00 GMT")), Some(Duration::ZERO));
        assert_eq!(asked(until, None), None);
        assert_eq!(asked(until, Some("today")), None);
    }
}
