//! The kept inputs, for `make fuzz`: lists targets, unpacks what is kept for the engine, packs what it found, writes its dictionary.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "what it prints is its product")]

use std::io;
use std::path::Path;
use std::process::ExitCode;

use fuzz::{TARGETS, Target, corpus};

const USAGE: &str = "corpus targets | longest TARGET | dictionary TARGET | unpack TARGET FOLDER | pack TARGET FOLDER | try TARGET FILE...";
/// What is kept of a campaign: inputs of so many bytes at most, and so many bytes of text in all.
const LARGEST: usize = 2_048;
const MOST: usize = 64 * 1024;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("{USAGE}");
            ExitCode::from(64)
        }
        Err(error) => {
            eprintln!("corpus: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[&str]) -> io::Result<bool> {
    let (command, rest) = match arguments {
        ["targets"] => {
            TARGETS.iter().for_each(|target| println!("{}\t{}", target.name, target.about));
            return Ok(true);
        }
        [command, name, rest @ ..] => match Target::named(name) {
            Some(target) => ((*command, target), rest),
            None => return Ok(false),
        },
        _ => return Ok(false),
    };
    match (command, rest) {
        (("longest", target), []) => println!("{}", target.longest),
        (("dictionary", target), []) => dictionary(target),
        (("unpack", target), [to]) => println!("{}", corpus::unpack(target, Path::new(to))?),
        (("pack", target), [from]) => println!("{}", corpus::pack(target, Path::new(from), LARGEST, MOST)?),
        (("try", target), files) => {
            for file in files {
                target.attack(&std::fs::read(file)?);
                println!("{file}: every law holds");
            }
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// In the engine's form: a quoted word a line, everything but plain ASCII escaped.
fn dictionary(target: &Target) {
    for word in target.words.iter().copied().flatten() {
        let escaped: String = word
            .bytes()
            .map(|byte| match byte {
                b'"' | b'\\' => format!("\\{}", char::from(byte)),
                b' '..=b'~' => char::from(byte).to_string(),
                _ => format!("\\x{byte:02X}"),
            })
            .collect();
        println!("\"{escaped}\"");
    }
}
