//! The published schemas and the documentation say what the tables of fields say.

use std::fs;
use std::path::Path;

use super::json;
use crate::schema::{EEZI_EXAMPLES, POST2TAX_EXAMPLE, all, text};
use crate::{eezi, markdown, post2tax, table};

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

#[test]
fn the_published_schemas_are_what_the_tables_say() {
    for published in all() {
        let file = root().join("schemas").join(published.file);
        let found = fs::read_to_string(&file).unwrap_or_default();
        assert!(
            found == text(&published.schema),
            "{} is not what the tables say: run `make schemas` and look at the difference",
            file.display()
        );
    }
}

#[test]
fn the_examples_satisfy_their_schemas() {
    for (published, examples) in all().iter().zip([vec![POST2TAX_EXAMPLE], EEZI_EXAMPLES.to_vec()]) {
        jsonschema::meta::validate(&published.schema).expect("a valid schema");
        let validator = jsonschema::validator_for(&published.schema).expect("a schema");
        for example in examples {
            let verdict = validator.validate(&json(example)).map_err(|error| error.to_string());
            assert_eq!(verdict, Ok(()), "{}", published.file);
        }
        assert!(validator.validate(&json("{\"ID\": []}")).is_err());
    }
}

#[test]
fn the_documentation_has_the_tables() {
    let page = fs::read_to_string(root().join("docs/formats.md")).unwrap_or_default();
    for (name, table) in [
        ("post2tax", markdown(post2tax::FIELDS)),
        ("eezi", markdown(eezi::FIELDS)),
        ("csv", table::markdown()),
    ] {
        assert!(page.contains(&table), "docs/formats.md: the table of {name} is not this one:\n{table}");
    }
}
