//! API keys: who has one, what it may, how it ends, and who did that.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use invoice::life::Actor;
use invoice::{Environment, Timestamp};
use serde_json::json;

use super::Harness;
use super::hands::actor;
use crate::Ledger;
use crate::keys::{
    ApiKey, KeyAction, KeyChanged, KeyRing, Minted, NewKey, Permission, Scope, ValidKeys, mint,
};

const DAY: Duration = Duration::from_secs(86_400);

fn key(minted: &Minted) -> NewKey {
    NewKey {
        prefix: minted.prefix.clone(),
        hash: minted.hash,
        name: "صندوق عمّان".to_owned(),
        may: [Permission::Publish, Permission::Read].into(),
        scope: Scope {
            taxpayers: ["12345678".to_owned(), "87654321".to_owned()].into(),
            environments: [Environment::Production, Environment::Simulation].into(),
        },
        amqp_user: None,
        expires_at: None,
    }
}

async fn create(ledger: &dyn Ledger, new: NewKey) -> ApiKey {
    done(ledger.keys().create_key(new, actor("مفتاح جديد")).await.unwrap())
}

fn done(changed: KeyChanged) -> ApiKey {
    match changed {
        KeyChanged::Done(key) => *key,
        other => panic!("{other:?}"),
    }
}

async fn valid(ledger: &dyn Ledger) -> Vec<String> {
    let mut names: Vec<_> =
        ledger.keys().valid_keys().await.unwrap().keys.into_iter().map(|key| key.prefix).collect();
    names.sort();
    names
}

pub async fn there_are_no_keys_at_first(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ValidKeys { revision, names_amqp_users, keys, .. } = ledger.keys().valid_keys().await.unwrap();
    assert_eq!((revision, names_amqp_users, keys), (0, false, Vec::new()));
    assert_eq!(ledger.keys().keys_revision().await.unwrap().0, 0);
    assert_eq!(ledger.keys().all_keys().await.unwrap(), []);
    assert_eq!(ledger.keys().key_history(None, None, 10).await.unwrap(), []);
    let unknown = ledger.keys().revoke_key("00000000", actor("خطأ")).await.unwrap();
    assert_eq!(unknown, KeyChanged::Unknown);
    ledger.keys().keys_used(&["00000000".to_owned()]).await.unwrap();
}

pub async fn a_key_comes_back_exactly(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    let before = ledger.now().await.unwrap();
    let minted = mint().unwrap();
    let end = before + TimeDelta::days(30);
    let new = NewKey { expires_at: Some(end), amqp_user: Some("صندوق-1".to_owned()), ..key(&minted) };
    let made = create(ledger, new.clone()).await;
    let after = ledger.now().await.unwrap();
    assert!((before..=after).contains(&made.created_at), "{made:?}");
    let expected = ApiKey {
        prefix: minted.prefix.clone(),
        hash: minted.hash,
        name: new.name.clone(),
        may: new.may.clone(),
        scope: new.scope.clone(),
        amqp_user: new.amqp_user.clone(),
        expires_at: Some(end),
        created_at: made.created_at,
        created_by: actor("").name,
        replaces: None,
        revoked: None,
        last_used_at: None,
    };
    assert_eq!(made, expected);
    assert_eq!(ledger.keys().all_keys().await.unwrap(), std::slice::from_ref(&expected));
    let valid = ledger.keys().valid_keys().await.unwrap();
    assert_eq!((valid.revision, valid.names_amqp_users, valid.keys), (1, true, vec![expected.clone()]));
    let history = ledger.keys().key_history(Some(&minted.prefix), None, 10).await.unwrap();
    assert_eq!(history.len(), 1);
    assert_eq!(
        (history[0].revision, history[0].action, history[0].at),
        (1, KeyAction::Create, made.created_at)
    );
    assert_eq!(history[0].by, actor("مفتاح جديد"));
    assert_eq!(history[0].what["may"], json!(["publish", "read"]));
    let told = serde_json::to_string(&(&expected, &history)).unwrap();
    assert!(!told.contains(&minted.hash.to_string()), "not even the hash is told: {told}");
}

pub async fn a_revoked_key_is_valid_no_more(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    let (one, other) = (mint().unwrap(), mint().unwrap());
    create(ledger, key(&one)).await;
    create(ledger, key(&other)).await;
    let revoked = done(ledger.keys().revoke_key(&one.prefix, actor("ضاع الجهاز")).await.unwrap());
    let revocation = revoked.revoked.clone().unwrap();
    assert_eq!(revocation.by, actor("ضاع الجهاز"));
    assert_eq!(valid(ledger).await, std::slice::from_ref(&other.prefix));
    assert_eq!(ledger.keys().keys_revision().await.unwrap().0, 3);
    let again = ledger.keys().revoke_key(&one.prefix, actor("مرة أخرى")).await.unwrap();
    assert_eq!(again, KeyChanged::RevokedBefore(revocation.clone()));
    let minted = mint().unwrap();
    let rotated = ledger.keys().rotate_key(&one.prefix, &minted, None, DAY, actor("تبديل")).await.unwrap();
    assert_eq!(rotated, KeyChanged::RevokedBefore(revocation));
    assert_eq!(ledger.keys().keys_revision().await.unwrap().0, 3, "what is refused leaves no trace");
    let all = ledger.keys().all_keys().await.unwrap();
    assert_eq!(all.iter().map(|key| &key.prefix).collect::<Vec<_>>(), [&other.prefix, &one.prefix]);
}

pub async fn an_expired_key_is_valid_no_more(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    let (past, future) = (mint().unwrap(), mint().unwrap());
    let now = ledger.now().await.unwrap();
    create(ledger, NewKey { expires_at: Some(now), ..key(&past) }).await;
    create(ledger, NewKey { expires_at: Some(now + TimeDelta::hours(1)), ..key(&future) }).await;
    assert_eq!(valid(ledger).await, std::slice::from_ref(&future.prefix));
    assert_eq!(ledger.keys().all_keys().await.unwrap().len(), 2);
}

pub async fn a_rotated_key_overlaps_with_the_new_one(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    let (old, new) = (mint().unwrap(), mint().unwrap());
    let first = create(ledger, key(&old)).await;
    let made = done(ledger.keys().rotate_key(&old.prefix, &new, None, DAY, actor("سنوي")).await.unwrap());
    assert_eq!(
        (made.prefix.as_str(), made.replaces.as_deref()),
        (new.prefix.as_str(), Some(old.prefix.as_str()))
    );
    assert_eq!((made.name, made.may, made.scope), (first.name, first.may, first.scope));
    let both = ledger.keys().valid_keys().await.unwrap();
    let end = both.keys.iter().find(|key| key.prefix == old.prefix).unwrap().expires_at.unwrap();
    let wanted = made.created_at + TimeDelta::days(1);
    assert!((end - wanted).abs() < TimeDelta::milliseconds(1), "{end} is not {wanted}");
    let ring = KeyRing::new(both);
    assert!(!ring.is_outlived(made.created_at) && ring.is_outlived(end));
    let history = ledger.keys().key_history(Some(&old.prefix), None, 10).await.unwrap();
    assert_eq!(
        history.iter().map(|one| one.action).collect::<Vec<_>>(),
        [KeyAction::Rotate, KeyAction::Create]
    );
    assert_eq!(history[0].what["replaced_by"], json!(new.prefix));
    // A later rotation never prolongs what ends before; and without overlap the old one ends at once.
    let third = mint().unwrap();
    let long = DAY * 365;
    done(ledger.keys().rotate_key(&old.prefix, &third, None, long, actor("مرة أخرى")).await.unwrap());
    let all = ledger.keys().all_keys().await.unwrap();
    assert_eq!(all.iter().find(|key| key.prefix == old.prefix).unwrap().expires_at, Some(end));
    let fourth = mint().unwrap();
    done(ledger.keys().rotate_key(&new.prefix, &fourth, None, Duration::ZERO, actor("فورا")).await.unwrap());
    assert!(!valid(ledger).await.contains(&new.prefix));
}

pub async fn an_amqp_user_stays_with_the_key_and_is_remembered(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    let (plain, old, new) = (mint().unwrap(), mint().unwrap(), mint().unwrap());
    create(ledger, key(&plain)).await;
    assert!(!ledger.keys().valid_keys().await.unwrap().names_amqp_users, "a key for HTTP names nobody");
    create(ledger, NewKey { amqp_user: Some("till-1".to_owned()), ..key(&old) }).await;
    let made = done(ledger.keys().rotate_key(&old.prefix, &new, None, DAY, actor("سنوي")).await.unwrap());
    assert_eq!(made.amqp_user.as_deref(), Some("till-1"));
    let history = ledger.keys().key_history(Some(&new.prefix), None, 10).await.unwrap();
    assert_eq!(history[0].what["amqp_user"], json!("till-1"));
    let ring = KeyRing::new(ledger.keys().valid_keys().await.unwrap());
    assert_eq!(ring.of_amqp_user("till-1").len(), 2, "the old one and the new one, while they overlap");
    for minted in [&old, &new] {
        done(ledger.keys().revoke_key(&minted.prefix, actor("انتهى")).await.unwrap());
    }
    let ring = KeyRing::new(ledger.keys().valid_keys().await.unwrap());
    assert!(ring.of_amqp_user("till-1").is_empty());
    assert!(ring.guards_amqp(), "the end of the last is not the end of the guard");
}

pub async fn a_key_without_name_and_reason_is_not_made(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let minted = mint().unwrap();
    for by in
        [Actor { name: " ".into(), reason: "x".into() }, Actor { name: "x".into(), reason: String::new() }]
    {
        let keys = ledger.keys();
        assert_eq!(keys.create_key(key(&minted), by.clone()).await.unwrap(), KeyChanged::Unsigned);
        assert_eq!(keys.revoke_key(&minted.prefix, by.clone()).await.unwrap(), KeyChanged::Unsigned);
        let rotated = keys.rotate_key(&minted.prefix, &minted, None, DAY, by).await.unwrap();
        assert_eq!(rotated, KeyChanged::Unsigned);
    }
    assert_eq!(ledger.keys().keys_revision().await.unwrap().0, 0);
    create(ledger.as_ref(), key(&minted)).await;
    let twice = ledger.keys().create_key(key(&minted), actor("مرة أخرى")).await.unwrap();
    assert_eq!(twice, KeyChanged::PrefixTaken);
}

pub async fn the_use_of_a_key_is_noted_coarsely(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    let (one, other) = (mint().unwrap(), mint().unwrap());
    create(ledger, key(&one)).await;
    create(ledger, key(&other)).await;
    let used = |keys: Vec<ApiKey>| -> Option<Timestamp> {
        assert!(keys.iter().any(|key| key.prefix == other.prefix && key.last_used_at.is_none()));
        keys.into_iter().find(|key| key.prefix == one.prefix).unwrap().last_used_at
    };
    ledger.keys().keys_used(std::slice::from_ref(&one.prefix)).await.unwrap();
    let first = used(ledger.keys().all_keys().await.unwrap());
    assert!(first.is_some());
    ledger.keys().keys_used(std::slice::from_ref(&one.prefix)).await.unwrap();
    assert_eq!(used(ledger.keys().all_keys().await.unwrap()), first, "not written at every request");
    assert_eq!(ledger.keys().keys_revision().await.unwrap().0, 2, "its use changes no key");
}

pub async fn changes_of_keys_come_one_after_the_other(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let minted: Vec<_> = (0..16).map(|_| mint().unwrap()).collect();
    let made = minted.iter().map(|minted| {
        let (ledger, new) = (Arc::clone(&ledger), key(minted));
        tokio::spawn(async move { ledger.keys().create_key(new, actor("معا")).await })
    });
    for one in made.collect::<Vec<_>>() {
        done(one.await.unwrap().unwrap());
    }
    let history = ledger.keys().key_history(None, None, 100).await.unwrap();
    let revisions: Vec<_> = history.iter().map(|record| record.revision).collect();
    assert_eq!(revisions, (1..=16).rev().collect::<Vec<u64>>());
    let page = ledger.keys().key_history(None, Some(5), 2).await.unwrap();
    assert_eq!(page.iter().map(|record| record.revision).collect::<Vec<_>>(), [4, 3]);
    assert_eq!(valid(ledger.as_ref()).await.len(), 16);
}
