//! The documents: what is generated from the flags, the source and the dependencies.
//!
//! Each test compares a document with what it should be; `UPDATE=1 cargo test --test docs` rewrites it.

mod completions;
mod messages;
mod third_party;

use std::io::{Write, stderr};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::{env, fs, thread};

use clap::builder::PossibleValue;
use clap::{Arg, Command};
use clap_mangen::Man;

/// The lines around a generated block in a document that is otherwise written by hand.
struct Marks {
    begin: &'static str,
    end: &'static str,
}

const MAN_OPTIONS: Marks = Marks {
    begin: ".\\\" What follows is generated: UPDATE=1 cargo test --test docs\n",
    end: ".\\\" What was generated ends here.\n",
};

/// Flags of other programs that the documents mention.
const OTHER_PROGRAMS: [(&str, &[&str]); 12] = [
    ("cargo", &["--locked", "--path", "--release", "--target", "--test"]),
    ("cargo bench", &["--beside", "--program", "--quick"]),
    ("cargo deb", &["--maintainer"]),
    ("sha256sum", &["--check", "--ignore-missing"]),
    ("git", &["--staged"]),
    ("jq", &["--arg"]),
    (
        "parallel",
        &[
            "--cleanup",
            "--env",
            "--keep-order",
            "--sshlogin",
            "--tag",
            "--transferfile",
            "--workdir",
        ],
    ),
    ("curl", &["--cacert", "--fail", "--max-time", "--retry"]),
    ("docker", &["--env-file"]),
    ("benches/compare.py", &["--xask"]),
    ("llm and aichat", &["--key", "--prompt"]),
    ("claude and grok", &["--output-format", "--prompt-file", "--system-prompt"]),
];

#[test]
fn the_man_page_explains_every_flag() {
    keep_block_in_step("man/xask.1", &MAN_OPTIONS, &man_options());
}

#[test]
fn readme_has_at_most_250_lines() {
    let lines = read("README.md").lines().count();
    assert!(lines <= 250, "README.md has {lines} lines");
}

#[test]
fn the_short_help_fits_80_columns() {
    let help = xask::command().render_help().to_string();
    for line in help.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn every_value_of_a_flag_is_named_in_its_help() {
    for arg in command().get_opts() {
        let help = arg.get_long_help().or(arg.get_help()).map(ToString::to_string);
        let help = help.unwrap_or_else(|| panic!("{arg} has no help"));
        for value in arg.get_possible_values().iter().map(PossibleValue::get_name) {
            let mut words = help.split(|c: char| !c.is_alphanumeric());
            assert!(words.any(|word| word == value), "{arg}: its help does not name {value}");
        }
    }
}

#[test]
fn the_documents_name_only_flags_that_exist() {
    let flags: Vec<String> = command().get_arguments().filter_map(long).collect();
    for document in [
        "README.md",
        "CONTRIBUTING.md",
        "man/xask.1",
        "CHANGELOG.md",
        "docs/coming-from.md",
        "docs/install.md",
        "tests/docs/messages.md",
        "docs/performance.md",
        "docs/recipes.md",
    ] {
        let text = read(document).replace("\\-", "-");
        let mut words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
        let unknown = words.find(|word| {
            word.strip_prefix("--").is_some_and(|name| name.starts_with(char::is_alphabetic))
                && !OTHER_PROGRAMS.iter().any(|(_, others)| others.contains(word))
                && !flags.iter().any(|flag| flag == word)
        });
        assert_eq!(unknown, None, "{document}");
    }
}

#[test]
fn the_man_page_explains_every_variable_and_names_this_version() {
    let page = read("man/xask.1");
    let source = read("src/cli/environment.rs") + &read("src/cli/resolve.rs");
    let is_name = |text: &&str| {
        text.contains('_') && text.bytes().all(|byte| byte == b'_' || byte.is_ascii_uppercase())
    };
    for variable in source.split('"').filter(is_name) {
        assert!(page.contains(&format!("\n.B {variable}\n")), "{variable}");
    }
    let version = format!("\"xask {}\"", env!("CARGO_PKG_VERSION"));
    assert!(page.lines().any(|line| line.starts_with(".TH ") && line.contains(&version)));
}

fn command() -> Command {
    let mut command = xask::command();
    command.build();
    command
}

/// A flag as it is typed.
fn long(arg: &Arg) -> Option<String> {
    arg.get_long().map(|name| format!("--{name}"))
}

/// The OPTIONS section: a subsection for each group, flags in bold, one line per sentence.
fn man_options() -> String {
    // A flag that is hidden from the short help would lose its only text.
    let command = xask::command().mut_args(|arg| {
        let is_word = arg.is_positional();
        arg.hide_short_help(false).hide(is_word)
    });
    let mut section = Vec::new();
    Man::new(command).render_options_section(&mut section).expect("memory takes it");
    let section = String::from_utf8(section).expect("it is text");
    let (_, section) = section.split_once(".SH OPTIONS\n").expect("it begins with its heading");
    let lines: String = section.lines().map(man_line).collect();
    format!(".SH OPTIONS\n{lines}")
}

fn man_line(line: &str) -> String {
    // The apostrophe by its name, which every roff knows.
    let line = line.replace("\\*(Aq", "\\(aq");
    if let Some(heading) = line.strip_prefix(".SH ") {
        let heading = heading.trim_matches('"');
        return format!(".SS {}{}\n", &heading[..1], heading[1..].to_lowercase());
    }
    if line.is_empty() {
        return ".IP\n".to_owned();
    }
    if line.starts_with('.') {
        return line + "\n";
    }
    if line.starts_with("\\fB") {
        return line.replace("\\fI<", "\\fI").replace(">\\fR", "\\fR") + "\n";
    }
    let end = if line.ends_with(['.', ']']) { "" } else { "." };
    man_text(&line).replace(". ", ".\n") + end + "\n"
}

/// Text between backticks, and every flag, in bold.
fn man_text(text: &str) -> String {
    let pieces = text.split('`').enumerate();
    pieces
        .map(|(index, piece)| match index % 2 {
            0 => piece.split_inclusive(' ').map(man_word).collect(),
            _ => bold(piece),
        })
        .collect()
}

fn man_word(word: &str) -> String {
    let end = word.find([' ', ',', ';', ':', '.', ')']).unwrap_or(word.len());
    match word.split_at(end) {
        (flag, rest) if flag.starts_with("\\-\\-") => bold(flag) + rest,
        _ => word.to_owned(),
    }
}

fn bold(text: &str) -> String {
    format!("\\fB{text}\\fR")
}

fn path(document: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(document)
}

fn read(document: &str) -> String {
    fs::read_to_string(path(document)).unwrap_or_else(|error| panic!("{document}: {error}"))
}

fn replace_once(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "{from}");
    text.replacen(from, to, 1)
}

/// Compares a block of a document with what is generated.
#[track_caller]
fn keep_block_in_step(document: &str, marks: &Marks, block: &str) {
    // Two tests may rewrite blocks of one document.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let text = read(document);
    let (before, rest) = text.split_once(marks.begin).expect("it has the first mark");
    let (_, after) = rest.split_once(marks.end).expect("it has the second mark");
    let Marks { begin, end } = marks;
    keep_in_step(document, &format!("{before}{begin}{block}{end}{after}"));
}

/// Says on the real standard error, which the test runner does not swallow, what was not tested.
fn skip(why: &str) {
    let test = thread::current();
    let line = format!("skipped: {}: {why}\n", test.name().unwrap_or("a test"));
    let _ = stderr().write_all(line.as_bytes());
}

/// Whether documents are to be rewritten.
fn is_update() -> bool {
    env::var_os("UPDATE").is_some_and(|value| value == "1")
}

/// Compares a document with what it should be, or rewrites it.
#[track_caller]
fn keep_in_step(document: &str, expected: &str) {
    if fs::read_to_string(path(document)).is_ok_and(|text| text == expected) {
        return;
    }
    assert!(
        is_update(),
        "{document} is not in step with the source: UPDATE=1 cargo test --test docs rewrites it"
    );
    // By a rename: a test that only reads sees all of the old or all of the new.
    let new = path(&format!("{document}.new"));
    fs::write(&new, expected).and_then(|()| fs::rename(&new, path(document))).expect(document);
}
