//! Prints the tables of fields that docs/formats.md shows, one after the other; a test says whether the page has them.
#![allow(clippy::print_stdout, reason = "an example")]

fn main() {
    let tables = [
        formats::markdown(formats::post2tax::FIELDS),
        formats::markdown(formats::eezi::FIELDS),
        formats::table::markdown(),
    ];
    println!("{}", tables.join("\n"));
}
