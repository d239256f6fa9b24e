//! Tests of the console, on the memory adapters.

mod actions;
mod amending;
mod archives;
mod bulks;
mod hands;
mod listings;
mod recovering;
mod relocating;
mod stories;
