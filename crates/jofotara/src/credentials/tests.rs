//! The gate, from both sides.

use super::*;

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
