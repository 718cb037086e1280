//! What holds for the repository as a whole: who may import what, and which tests there must be.

use std::fs;
use std::path::{Path, PathBuf};

/// Modules from the ground up: each may import what stands before it.
const STOREYS: [&str; 12] = [
    "error",
    "deadline",
    "message",
    "conversation",
    "request",
    "service",
    "cli",
    "prompt",
    "reply",
    "output",
    "question",
    "main",
];

/// What is used in one room only, and the rooms that may.
const DOORS: [(&str, &[&str]); 16] = [
    ("clap::", &["cli"]),
    ("env::", &["cli"]),
    ("base64::", &["request"]),
    ("ureq::", &["service"]),
    ("rustls::", &["service"]),
    ("webpki_roots::", &["service"]),
    ("ring::", &["service"]),
    ("ipnet::", &["service"]),
    ("httpdate::", &["service"]),
    ("memchr::", &["reply"]),
    ("tempfile::", &["service", "output"]),
    ("thread::", &["service", "output", "conversation", "question"]),
    ("io::stdin()", &["prompt"]),
    ("io::stdout()", &["output"]),
    ("io::stderr()", &["output"]),
    ("process::", &["main"]),
];

/// A file of the program: its path, the module at the top of `src/` that it belongs to, and its text
/// without its tests.
struct Source {
    path: PathBuf,
    module: String,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

fn sources() -> Vec<Source> {
    let source = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("text");
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
        let below = path.strip_prefix(root().join("src")).expect("below src");
        let module = below.iter().next().expect("a name").to_string_lossy();
        let module = module.trim_end_matches(".rs").to_owned();
        Source { path, module, text }
    };
    // What makes the documents is no part of the program.
    let files = files_below(&root().join("src"));
    let files = files.into_iter().filter(|path| !path.to_string_lossy().contains("documents"));
    files.map(source).collect()
}

#[test]
fn nothing_is_imported_upwards() {
    let storey = |module: &str| STOREYS.iter().position(|known| *known == module);
    for Source { path, module, text } in sources() {
        let own = storey(&module).unwrap_or_else(|| panic!("{module} has no storey"));
        for import in text.split("crate::").skip(1) {
            let end =
                import.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(import.len());
            let other = storey(&import[..end]).unwrap_or_else(|| panic!("{}", path.display()));
            assert!(other <= own, "{} imports {}", path.display(), &import[..end]);
        }
    }
}

#[test]
fn each_dependency_has_one_door() {
    for Source { path, module, text } in sources() {
        for (what, rooms) in DOORS {
            let is_used = text.match_indices(what).any(|(at, _)| {
                !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
                    || text[..at].ends_with("std::")
            });
            assert!(!is_used || rooms.contains(&&*module), "{} uses {what}", path.display());
        }
    }
}

#[test]
fn every_file_says_what_it_is_for_and_has_one_job() {
    for folder in ["src", "tests", "benches"] {
        for path in files_below(&root().join(folder)) {
            let text = fs::read_to_string(&path).expect("text");
            assert!(text.starts_with("//!"), "{}: its first line is no //!", path.display());
            let lines = text.lines().count();
            assert!(lines <= 400, "{}: {lines} lines", path.display());
        }
    }
}

#[test]
fn every_flag_is_used_in_a_test() {
    let completions = fs::read_to_string(root().join("completions/xask.fish")).expect("text");
    let flags = completions.split(" -l ").skip(1).filter_map(|rest| rest.split(' ').next());
    let tests: Vec<String> = files_below(&root().join("tests/it"))
        .iter()
        .map(|path| fs::read_to_string(path).expect("text"))
        .collect();
    for flag in flags {
        let flag = format!("--{flag}");
        assert!(tests.iter().any(|test| test.contains(&flag)), "no test uses {flag}");
    }
}
