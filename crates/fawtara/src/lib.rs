//! The wiring of Fawtara: settings, seams, roles and the commands of the one binary. Arguments and environment are read
//! here and nowhere else.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "what the commands print is their product")]

pub mod cli;
pub mod commands;
pub mod contracts;
pub mod demo;
pub mod failure;
pub mod keys;
pub mod registry;
pub mod settings;
pub mod telling;
pub mod vault;
pub mod wiring;
