//! Whether a request comes from this machine's own programs, or from a page in somebody's browser. A listener on loopback
//! without keys is open to every program here; a browser is one, and sends what any page from anywhere tells it to.

use std::net::IpAddr;

use axum::http::{HeaderMap, header};

/// Why a request is none of this machine's own.
///
/// # Errors
/// What it says of itself: another host than loopback (a name that was made to point here, DNS rebinding), or a page of another
/// origin (CSRF).
pub fn is_local(headers: &HeaderMap) -> Result<(), &'static str> {
    let text = |name| headers.get(name).map(|value: &axum::http::HeaderValue| value.to_str().unwrap_or(""));
    let host = text(header::HOST);
    if host.is_some_and(|host| !names_loopback(host)) {
        return Err("the header Host names another machine, and this address is open to this one only");
    }
    let Some(origin) = text(header::ORIGIN) else { return Ok(()) };
    let place = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    match (place, host) {
        (Some(place), Some(host)) if place.eq_ignore_ascii_case(host) => Ok(()),
        _ => Err(
            "the request comes from a page of another origin, and this address has no key that would protect it",
        ),
    }
}

/// `localhost`, a name below it, or an address of the loopback; with or without a port.
fn names_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or(rest, |(name, _)| name),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(host: Option<&str>, origin: Option<&str>) -> HeaderMap {
        let pairs = [(header::HOST, host), (header::ORIGIN, origin)];
        pairs.into_iter().filter_map(|(name, value)| Some((name, value?.parse().unwrap()))).collect()
    }

    #[test]
    fn programs_of_this_machine_come_in() {
        for host in
            ["127.0.0.1:8080", "localhost:8080", "LOCALHOST", "[::1]:8080", "127.9.9.9", "a.localhost:1"]
        {
            assert_eq!(is_local(&headers(Some(host), None)), Ok(()), "{host}");
        }
        assert_eq!(is_local(&headers(None, None)), Ok(()));
        let own = headers(Some("localhost:8080"), Some("http://LocalHost:8080"));
        assert_eq!(is_local(&own), Ok(()), "the page at /docs");
    }

    #[test]
    fn pages_from_elsewhere_do_not() {
        for (host, origin) in [
            ("evil.example:8080", None),
            ("127.0.0.1.evil.example", None),
            ("localhost.evil.example:8080", None),
            ("10.0.0.7:8080", None),
            ("[2001:db8::1]:8080", None),
            ("127.0.0.1:8080", Some("https://evil.example")),
            ("127.0.0.1:8080", Some("null")),
            ("127.0.0.1:8080", Some("http://127.0.0.1:9000")),
            ("127.0.0.1:8080", Some("file://127.0.0.1:8080")),
            ("", Some("http://")),
        ] {
            assert!(is_local(&headers(Some(host), origin)).is_err(), "{host} {origin:?}");
        }
        assert!(is_local(&headers(None, Some("https://evil.example"))).is_err());
    }
}
