//! Tests of the command line, on the memory ledger.

use clap::Parser;
use ledger::{KeyRing, MemoryLedger, Schedule};

use super::*;

const SIGNED: &str = "--by ليلى --reason فرع-جديد";

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

struct Room(MemoryLedger);

impl Room {
    fn new() -> Self {
        Self(MemoryLedger::new(crate::wiring::wall_clock(), Schedule::default()))
    }

    async fn try_say(&self, line: &str) -> (anyhow::Result<Outcome>, String) {
        let words = std::iter::once("keys").chain(line.split_whitespace());
        let line = Line::try_parse_from(words).map_err(|error| panic!("{error}")).unwrap();
        let mut out = Vec::new();
        let outcome = run(&line.args, &self.0, &mut out).await;
        (outcome, String::from_utf8(out).unwrap())
    }

    async fn json(&self, line: &str) -> (Outcome, Value) {
        let (outcome, text) = self.try_say(&format!("{line} --json")).await;
        (outcome.unwrap(), serde_json::from_str(&text).unwrap())
    }

    async fn opens(&self, key: &str) -> bool {
        KeyRing::new(self.0.keys().valid_keys().await.unwrap()).find(key).is_some()
    }
}

#[tokio::test]
async fn a_key_is_shown_once_and_opens() {
    let room = Room::new();
    let line = format!("create --name صندوق --taxpayer 12345678 --may publish --expires 2999-12-31 {SIGNED}");
    let (outcome, text) = room.try_say(&line).await;
    assert_eq!(outcome.unwrap(), Outcome::Done);
    let key = text.split_whitespace().find(|word| word.starts_with("fwt_")).unwrap().to_owned();
    assert!(
        text.contains("not shown again") && text.contains("صندوق") && text.contains("12345678"),
        "{text}"
    );
    assert!(room.opens(&key).await);
    let (_, secret) = key.rsplit_once('_').unwrap();
    for line in ["list", "list --all --json", "history", "history --json"] {
        let (_, text) = room.try_say(line).await;
        assert!(text.contains("صندوق"), "{text}");
        assert!(!text.contains(secret), "{line} tells the key");
    }
    let (_, list) = room.json("list").await;
    assert_eq!(list[0]["expires_at"], json!("3000-01-01T00:00:00Z"), "the last day counts wholly");
    assert_eq!((&list[0]["may"], &list[0]["taxpayers"]), (&json!(["publish"]), &json!(["12345678"])));
    assert_eq!(list[0]["created_by"], json!("ليلى"));
}

#[tokio::test]
async fn rotation_and_revocation_end_a_key() {
    let room = Room::new();
    let (_, made) = room.json(&format!("create --name a {SIGNED}")).await;
    let (prefix, key) = (made["prefix"].as_str().unwrap(), made["key"].as_str().unwrap());
    let (outcome, next) = room.json(&format!("rotate {prefix} --overlap-hours 1 {SIGNED}")).await;
    assert_eq!((outcome, &next["replaces"]), (Outcome::Done, &json!(prefix)));
    let next = next["key"].as_str().unwrap();
    assert!(room.opens(key).await && room.opens(next).await, "both for an hour");
    let (outcome, revoked) = room.json(&format!("revoke {prefix} {SIGNED}")).await;
    assert_eq!((outcome, &revoked["revoked"]["by"]["name"]), (Outcome::Done, &json!("ليلى")));
    assert!(!room.opens(key).await && room.opens(next).await);
    let (outcome, again) = room.json(&format!("revoke {prefix} {SIGNED}")).await;
    assert_eq!((outcome, &again["error"]), (Outcome::No, &json!("revoked")));
    let (outcome, unknown) = room.json(&format!("revoke 00000000 {SIGNED}")).await;
    assert_eq!((outcome, &unknown["error"]), (Outcome::No, &json!("unknown_key")));
    let (_, valid) = room.try_say("list").await;
    assert!(!valid.contains(prefix), "{valid}");
    let (_, all) = room.try_say("list --all").await;
    assert!(all.contains(prefix) && all.contains("revoked "), "{all}");
}

#[tokio::test]
async fn a_key_may_name_the_amqp_user_who_publishes_by_it() {
    let room = Room::new();
    let line = format!("create --name صندوق --taxpayer 12345678 --amqp-user till-1 {SIGNED}");
    let (outcome, text) = room.try_say(&line).await;
    assert_eq!(outcome.unwrap(), Outcome::Done);
    assert!(text.contains("AMQP user     till-1") && text.contains("user_id"), "{text}");
    let (_, list) = room.json("list").await;
    assert_eq!(list[0]["amqp_user"], json!("till-1"));
    let ring = async || KeyRing::new(room.0.keys().valid_keys().await.unwrap());
    assert_eq!(ring().await.of_amqp_user("till-1").len(), 1);
    let prefix = list[0]["prefix"].as_str().unwrap();
    let (_, next) = room.json(&format!("rotate {prefix} {SIGNED}")).await;
    assert_eq!(next["amqp_user"], json!("till-1"), "it goes on with the next key");
    for prefix in [prefix, next["prefix"].as_str().unwrap()] {
        room.json(&format!("revoke {prefix} {SIGNED}")).await;
    }
    assert!(ring().await.of_amqp_user("till-1").is_empty());
    let (_, text) = room.try_say("list --all").await;
    assert!(text.contains("AMQP USER") && text.contains("till-1"), "{text}");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_before_anything_is_written() {
    let room = Room::new();
    for (line, told) in [
        (format!("create --name a --expires 2020-01-01 {SIGNED}"), "over already"),
        (format!("create --name a --amqp-user till --may read {SIGNED}"), "add publish"),
        (format!("revoke fwt_00000000_{} {SIGNED}", "0".repeat(64)), "rotate it"),
    ] {
        let (outcome, _) = room.try_say(&line).await;
        let error = outcome.map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(told), "{line}: {error}");
    }
    for line in [
        "create --name a",
        "create --name a --by b --reason c --may rule",
        "create --name a --by b --reason c --taxpayer x1",
        "create --name a --by b --reason c --amqp-user=",
    ] {
        assert!(
            Line::try_parse_from(std::iter::once("keys").chain(line.split_whitespace())).is_err(),
            "{line}"
        );
    }
    assert_eq!(room.0.keys().all_keys().await.unwrap(), []);
    let (_, text) = room.try_say("list").await;
    assert!(text.contains("keys create"), "{text}");
}
