//! Tests of the console, on the memory adapters.

mod actions;
mod amending;
mod bulks;
mod hands;
mod listings;
mod stories;
