//! The gate, from both sides.

use super::*;
use crate::{POST2TAX_URL, RelayRoute, TokenRoute};

fn credentials(client_id: &str, secret_key: &str) -> Credentials {
    Credentials { client_id: client_id.to_owned(), secret_key: SecretString::from(secret_key) }
}

fn endpoint(environment: Environment, url: &str) -> Result<Endpoint, EndpointError> {
    Endpoint::new(environment, url, credentials("user-7", "key-7"), DEFAULT_TIMEOUT)
}

#[test]
fn production_reaches_the_authority() {
    let endpoint = endpoint(Environment::Production, PRODUCTION_URL).unwrap();
    assert_eq!(endpoint.url().as_str(), PRODUCTION_URL);
    assert_eq!(endpoint.timeout(), DEFAULT_TIMEOUT);
}

#[test]
fn nothing_else_reaches_the_authority_however_it_is_written() {
    let spellings = [
        PRODUCTION_URL,
        "https://BACKEND.JoFotara.GOV.jo/core/invoices/",
        "https://jofotara.gov.jo",
        "https://jofotara.gov.jo./",
        "https://backend.jofotara.gov.jo../core/invoices/",
        "https://backend.jofotara.gov.jo:8443/",
        "http://backend.jofotara.gov.jo/core/invoices/",
        "https://a.b.c.jofotara.gov.jo/",
        "https://istd.gov.jo/",
        "https://portal.istd.gov.jo/",
        "https://backend.jofotara%2Egov%2Ejo/",
        "https://backend。jofotara。gov。jo/",
        "https://ｂａｃｋｅｎｄ.jofotara.gov.jo/",
        "https:\\\\backend.jofotara.gov.jo\\core",
        "https:backend.jofotara.gov.jo/core",
        " https://backend.jofotara.gov.jo/ ",
        "https://back\tend.jofotara.gov.jo/",
    ];
    for url in spellings {
        for environment in [Environment::Simulation, Environment::Sandbox] {
            let refused = endpoint(environment, url);
            assert!(
                matches!(refused, Err(EndpointError::ProductionHost { environment: told, .. }) if told == environment),
                "{url}: {refused:?}"
            );
        }
    }
}

#[test]
fn a_user_name_in_the_address_is_refused_and_not_repeated() {
    for url in [
        "https://user:geheim@backend.jofotara.gov.jo/",
        "https://backend.jofotara.gov.jo:geheim@example.com/",
        "https://geheim@127.0.0.1/",
        "https://geheim@:99999999/",
    ] {
        for environment in [Environment::Simulation, Environment::Production] {
            let error = endpoint(environment, url).unwrap_err();
            assert!(matches!(error, EndpointError::Address { .. }), "{url}: {error:?}");
            assert!(!format!("{error} {error:?}").contains("geheim"), "{error}");
        }
    }
}

#[test]
fn look_alikes_and_plain_addresses_are_not_gated() {
    for url in [
        "http://127.0.0.1:8090/core/invoices/",
        "http://[::1]:8090/core/invoices/",
        "http://simulator:8090/core/invoices/",
        "https://notjofotara.gov.jo/",
        "https://jofotara.gov.jo.example.com/",
        "https://example.com/jofotara.gov.jo",
    ] {
        assert!(endpoint(Environment::Simulation, url).is_ok(), "{url}");
    }
}

#[test]
fn production_needs_https() {
    for url in ["http://backend.jofotara.gov.jo/core/invoices/", "http://127.0.0.1/"] {
        assert_eq!(
            endpoint(Environment::Production, url).unwrap_err(),
            EndpointError::Unencrypted("http".to_owned())
        );
    }
}

#[test]
fn production_needs_both_credentials() {
    for (client_id, secret_key) in
        [("", "key-7"), ("user-7", ""), (" \t", "key-7"), ("user-7", "\r\n"), ("", "")]
    {
        let pair = credentials(client_id, secret_key);
        let refused = Endpoint::new(Environment::Production, PRODUCTION_URL, pair.clone(), DEFAULT_TIMEOUT);
        assert_eq!(refused.unwrap_err(), EndpointError::NoCredentials);
        assert!(Endpoint::new(Environment::Simulation, "http://[::1]/", pair, DEFAULT_TIMEOUT).is_ok());
    }
}

#[test]
fn white_space_around_the_pair_is_dropped() {
    let pair = credentials(" user-7\n", "\tkey-7\r\n");
    let endpoint = Endpoint::new(Environment::Production, PRODUCTION_URL, pair, DEFAULT_TIMEOUT).unwrap();
    assert_eq!(endpoint.client_id_header(), "user-7");
    assert_eq!(endpoint.secret_key_header(), "key-7");
    assert_eq!(endpoint.credentials().client_id, "user-7");
    assert_eq!(endpoint.credentials().secret_key.expose_secret(), "key-7");
}

#[test]
fn what_no_header_can_carry_is_refused_here_and_not_on_the_road() {
    let refused = |id, key| {
        Endpoint::new(Environment::Simulation, "http://[::1]/", credentials(id, key), DEFAULT_TIMEOUT)
            .unwrap_err()
    };
    assert_eq!(refused("user\n7", "key-7"), EndpointError::UnfitCredentials("client id"));
    assert_eq!(refused("user-7", "مفتاح"), EndpointError::UnfitCredentials("secret key"));
}

#[test]
fn other_schemes_garbage_and_no_time_are_refused() {
    for url in
        ["ftp://example.com/", "file:///etc/passwd", "example.com/core", "", "https://", "https://:443/"]
    {
        assert!(
            matches!(endpoint(Environment::Simulation, url), Err(EndpointError::Address { .. })),
            "{url}"
        );
    }
    let pair = credentials("user-7", "key-7");
    let refused = Endpoint::new(Environment::Simulation, "http://[::1]/", pair, Duration::ZERO);
    assert_eq!(refused.unwrap_err(), EndpointError::NoTime);
}

#[test]
fn debug_shows_the_place_and_no_secret() {
    let endpoint = endpoint(Environment::Production, PRODUCTION_URL).unwrap();
    let headers = [endpoint.client_id_header(), endpoint.secret_key_header()];
    let shown = format!("{endpoint:?} {:?} {headers:?}", endpoint.credentials());
    assert!(shown.contains("backend.jofotara.gov.jo") && shown.contains("masked"), "{shown}");
    assert!(!shown.contains("user-7") && !shown.contains("key-7"), "{shown}");
}

/// A route with one of its addresses replaced, and the name of that address.
fn routes(address: &str) -> Vec<(&'static str, Route)> {
    let harmless = "https://gateway.example/";
    let token = |token: &str, submit: &str, status: &str| {
        Route::Token(TokenRoute {
            token_url: token.to_owned(),
            submit_url: submit.to_owned(),
            status_url: status.to_owned(),
        })
    };
    let relay = RelayRoute { url: address.to_owned(), license_key_file: None, license_key_env: None };
    vec![
        ("token_url", token(address, harmless, harmless)),
        ("submit_url", token(harmless, address, harmless)),
        ("status_url", token(harmless, harmless, address)),
        ("url of the relay", Route::Relay(relay)),
    ]
}

fn routed(environment: Environment, route: &Route) -> Result<Endpoint, EndpointError> {
    Endpoint::routed(environment, "http://[::1]/", route, credentials("user-7", "key-7"), DEFAULT_TIMEOUT)
}

#[test]
fn every_address_of_a_route_stands_before_the_gate() {
    for url in [
        PRODUCTION_URL,
        "https://istd.gov.jo/",
        POST2TAX_URL,
        "https://post2tax.com.",
        "https://x.POST2TAX.com/",
    ] {
        for (which, route) in routes(url) {
            for environment in [Environment::Simulation, Environment::Sandbox] {
                let refused = routed(environment, &route);
                assert!(
                    matches!(refused, Err(EndpointError::ProductionHost { .. })),
                    "{which} {url}: {refused:?}"
                );
            }
        }
    }
    for (which, route) in routes("http://gateway.example/") {
        let refused = routed(Environment::Production, &route);
        assert_eq!(refused.unwrap_err(), EndpointError::Unencrypted("http".to_owned()), "{which}");
    }
    for (which, route) in routes("https://user:geheim@gateway.example/") {
        let error = routed(Environment::Production, &route).unwrap_err();
        assert!(matches!(error, EndpointError::Address { .. }), "{which}");
        assert!(!format!("{error} {error:?}").contains("geheim"), "{which}: {error}");
    }
}

#[test]
fn production_needs_both_credentials_on_every_route() {
    for (which, route) in routes("https://gateway.example/") {
        let pair = credentials("user-7", " ");
        let refused =
            Endpoint::routed(Environment::Production, "", &route, pair, DEFAULT_TIMEOUT).unwrap_err();
        assert!(
            matches!(refused, EndpointError::NoCredentials | EndpointError::NoLicenseKey),
            "{which}: {refused:?}"
        );
    }
}

#[test]
fn a_relay_needs_a_licence_key_that_can_be_read() {
    let route = |file: Option<&str>, env: Option<&str>| {
        Route::Relay(RelayRoute {
            url: "http://[::1]/".to_owned(),
            license_key_file: file.map(Into::into),
            license_key_env: env.map(str::to_owned),
        })
    };
    let refused = |route: Route| routed(Environment::Simulation, &route).unwrap_err();
    assert_eq!(refused(route(None, None)), EndpointError::NoLicenseKey);
    assert_eq!(refused(route(Some("a"), Some("B"))), EndpointError::NoLicenseKey);
    for route in [route(Some("nowhere/licence"), None), route(None, Some("FAWTARA_NO_SUCH_VARIABLE"))] {
        let error = refused(route);
        assert!(matches!(error, EndpointError::LicenseKey { .. }), "{error:?}");
        assert!(
            error.to_string().contains("nowhere/licence") || error.to_string().contains("FAWTARA_NO"),
            "{error}"
        );
    }
    let empty = std::env::temp_dir().join(format!("jofotara-empty-{}", std::process::id()));
    std::fs::write(&empty, " \n").unwrap();
    assert_eq!(refused(route(empty.to_str(), None)), EndpointError::NoLicenseKey);
    std::fs::write(&empty, "رخصة").unwrap();
    assert_eq!(refused(route(empty.to_str(), None)), EndpointError::UnfitCredentials("licence key"));
    std::fs::write(&empty, " licence-7\r\n").unwrap();
    let endpoint = routed(Environment::Simulation, &route(empty.to_str(), None)).unwrap();
    assert_eq!(endpoint.url().as_str(), "http://[::1]/api/Invoice");
    assert!(!format!("{endpoint:?}").contains("licence-7"));
    std::fs::remove_file(empty).unwrap();
}

#[test]
fn a_route_is_plain_json_without_secrets() {
    let read = |text: &str| serde_json::from_str::<Route>(text);
    assert_eq!(read(r#"{"kind":"direct"}"#).unwrap(), Route::Direct);
    let token =
        r#"{"kind":"token","token_url":"https://a/t","submit_url":"https://a/s","status_url":"https://a/q"}"#;
    let relay = r#"{"kind":"post2tax","url":"https://apiservice.post2tax.com","license_key_env":"LICENCE"}"#;
    for text in [token, relay] {
        let route = read(text).unwrap();
        assert_eq!(serde_json::to_string(&route).unwrap(), text);
        assert_eq!(serde_json::to_value(&route).unwrap()["kind"], route.kind());
    }
    let short = read(r#"{"kind":"post2tax","license_key_env":"LICENCE"}"#).unwrap();
    assert_eq!(short, read(relay).unwrap(), "its address is known");
    for bad in [
        r#"{"kind":"token"}"#,
        r#"{"kind":"post2tax","license_key":"in clear"}"#,
        r#"{"kind":"token","token_url":"a","submit_url":"b","status_url":"c","client_secret":"d"}"#,
        r#"{"kind":"pigeon"}"#,
        "{}",
    ] {
        assert!(read(bad).is_err(), "{bad}");
    }
}
