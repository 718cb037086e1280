//! The notices of the crates that are linked into the program: `THIRD-PARTY`.
//!
//! Crates that only build or test it, and crates that only other systems need, are omitted.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

use crate::{Marks, is_update, keep_block_in_step, path, read, skip};

/// The targets that the document covers: those that a release may have.
const TARGETS: [&str; 6] = [
    "x86_64-unknown-linux-gnu",
    "x86_64-unknown-linux-musl",
    "aarch64-unknown-linux-gnu",
    "aarch64-unknown-linux-musl",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
];

const DOCUMENT: &str = "THIRD-PARTY";

const CRATES: Marks = Marks {
    begin: "(What follows is generated: UPDATE=1 cargo test --test docs)\n",
    end: "(What was generated ends here.)\n",
};

const WIDTH: usize = 78;

/// A crate by its name and version, as Cargo.lock has them.
type Id = (String, String);

/// A crate that is linked into the program.
struct Linked {
    license: String,
    folder: PathBuf,
}

#[test]
fn the_notices_cover_every_crate_in_the_program() {
    if let Some(linked) = linked_for(&TARGETS) {
        keep_block_in_step(DOCUMENT, &CRATES, &notices(&linked));
        return;
    }
    // A machine may have only the crates that it needs itself.
    let listed = listed();
    for target in TARGETS {
        let Some(linked) = linked_for(&[target]) else {
            skip(&format!("not all crates for {target} are here; `cargo fetch` gets them"));
            continue;
        };
        let missing: Vec<&Id> = linked.keys().filter(|id| !listed.contains(*id)).collect();
        assert!(missing.is_empty(), "{DOCUMENT} does not list {missing:?}");
    }
}

#[test]
fn the_notices_agree_with_cargo_lock() {
    // The other test is rewriting them.
    if is_update() {
        return;
    }
    let lock = read("Cargo.lock");
    let locked: BTreeSet<Id> = lock.split("[[package]]\n").filter_map(locked_package).collect();
    let listed = listed();
    let gone: Vec<&Id> = listed.difference(&locked).collect();
    assert!(gone.is_empty(), "{DOCUMENT} lists what Cargo.lock does not have: {gone:?}");

    let manifest = read("Cargo.toml");
    let (_, dependencies) = manifest.split_once("\n[dependencies]\n").expect("a section");
    let dependencies = dependencies.split("\n[").next().unwrap_or_default();
    let names = dependencies.lines().filter_map(|line| line.split_once(" = ")).map(|pair| pair.0);
    for name in names.filter(|name| !name.starts_with('#')) {
        assert!(listed.iter().any(|id| id.0 == name), "{DOCUMENT} does not list {name}");
    }
}

/// The crates that the document lists.
fn listed() -> BTreeSet<Id> {
    let text = read(DOCUMENT);
    let (_, block) = text.split_once(CRATES.begin).expect("it has the first mark");
    let table = block.split("\n\n").find(|part| !part.trim().is_empty()).expect("it has a table");
    let id = |line: &str| {
        let mut words = line.split_whitespace().map(str::to_owned);
        Some((words.next()?, words.next()?))
    };
    table.lines().filter_map(id).collect()
}

fn locked_package(entry: &str) -> Option<Id> {
    let value = |key: &str| {
        let line = entry.lines().find_map(|line| line.strip_prefix(key))?;
        Some(line.trim_matches('"').to_owned())
    };
    Some((value("name = ")?, value("version = ")?))
}

/// The crates that are linked into the program for these targets; `None` if some are not on this machine.
fn linked_for(targets: &[&str]) -> Option<BTreeMap<Id, Linked>> {
    let with_targets = |arguments: &str, option: &str| {
        let targets = targets.iter().map(|target| format!(" {option} {target}"));
        let arguments = arguments.to_owned() + &targets.collect::<String>();
        cargo(&arguments.split(' ').collect::<Vec<&str>>())
    };
    let tree = "tree --edges normal,no-proc-macro --prefix none --no-dedupe --format {p}";
    let tree = with_targets(tree, "--target")?;
    let metadata = with_targets("metadata --format-version 1", "--filter-platform")?;
    let metadata: Value = serde_json::from_str(&metadata).expect("it is JSON");
    let packages = metadata["packages"].as_array().expect("a list");
    let mut linked = BTreeMap::new();
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let (name, version) = line.split_once(" v").expect("a name and a version");
        let version = version.split(' ').next().unwrap_or_default();
        let package = packages
            .iter()
            .find(|package| package["name"] == name && package["version"] == version)
            .unwrap_or_else(|| panic!("{name} {version} is not in `cargo metadata`"));
        // The program itself.
        if package["source"].is_null() {
            continue;
        }
        let text = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
        let folder = Path::new(&text("manifest_path")).parent().expect("a folder").to_owned();
        let id = (name.to_owned(), version.to_owned());
        linked.insert(id, Linked { license: text("license"), folder });
    }
    Some(linked)
}

/// The output of `cargo`, without the network.
fn cargo(arguments: &[&str]) -> Option<String> {
    let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.args(arguments).args(["--locked", "--offline"]).current_dir(path(""));
    let output = command.output().expect("cargo runs");
    output.status.success().then(|| String::from_utf8(output.stdout).expect("it is text"))
}

/// A table of the crates, and their licences: those with the same text are printed once.
fn notices(linked: &BTreeMap<Id, Linked>) -> String {
    let mut texts: Vec<(String, Vec<String>)> = Vec::new();
    let mut table = String::new();
    for ((name, version), Linked { license, folder }) in linked {
        let mut numbers = Vec::new();
        for file in license_files(folder, license) {
            let text = fs::read_to_string(&file).expect("it is text");
            let same = |other: &(String, Vec<String>)| {
                other.0.split_whitespace().eq(text.split_whitespace())
            };
            let index = texts.iter().position(same).unwrap_or_else(|| {
                texts.push((tidy(&text), Vec::new()));
                texts.len() - 1
            });
            // A licence in a folder of its own is for a part.
            let part = file.parent().and_then(|folder_of| folder_of.strip_prefix(folder).ok());
            let part = part.filter(|part| *part != Path::new(""));
            let user = part.map_or(name.clone(), |part| format!("{name} ({})", part.display()));
            texts[index].1.push(user);
            numbers.push(format!("[{}]", index + 1));
        }
        assert!(!numbers.is_empty(), "{name} {version} has no licence among its files");
        let numbers = numbers.join(" ");
        table.extend([format!("{name:<20} {version:<8} {numbers:<4} {license}\n")]);
    }
    let mut block = format!("\n{table}");
    for (index, (text, users)) in texts.iter().enumerate() {
        let rule = "-".repeat(WIDTH);
        let users = fold(&format!("[{}] {}", index + 1, users.join(", ")));
        block.extend([format!("\n{rule}\n{users}\n{rule}\n\n{text}\n")]);
    }
    block + "\n"
}

/// The files with the licences that apply: MIT if it is one of the choices.
fn license_files(folder: &Path, license: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    add_license_files(folder, &mut files);
    files.sort();
    let is_mit = |file: &PathBuf| file_name(file).contains("MIT");
    let has_choice = license.contains(" OR ") && !license.contains(" AND ");
    if has_choice && files.iter().any(is_mit) {
        assert!(license.split(" OR ").any(|one| one == "MIT"), "{}: {license}", folder.display());
        files.retain(is_mit);
    }
    files
}

fn add_license_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("it can be listed") {
        let entry = entry.expect("it can be listed").path();
        let name = file_name(&entry).to_uppercase();
        let starts = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"];
        if entry.is_dir() {
            add_license_files(&entry, files);
        } else if starts.iter().any(|start| name.starts_with(start)) {
            files.push(entry);
        }
    }
}

fn file_name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// A text without white space at its ends and the ends of its lines.
fn tidy(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

/// A list, in lines of the width of the document.
fn fold(list: &str) -> String {
    let mut lines = vec![String::new()];
    for word in list.split(' ') {
        let line = lines.last_mut().expect("there is a line");
        if !line.is_empty() && line.len() + 1 + word.len() > WIDTH {
            lines.push(format!("    {word}"));
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines.join("\n")
}
