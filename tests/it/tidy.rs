//! Rules for the repository as a whole: which module may import which, and which tests must exist.

use std::fs;
use std::path::{Path, PathBuf};

/// Modules from bottom to top: each may import those before it.
const LAYERS: [&str; 20] = [
    "error",
    "deadline",
    "secret",
    "host",
    "message",
    "response",
    "json",
    "folder",
    "file",
    "atomic_file",
    "body",
    "api",
    "prompt",
    "client",
    "offline",
    "output",
    "cli",
    "app",
    "lib",
    "main",
];

/// Items that only these layers may use.
const ALLOWED_USERS: [(&str, &[&str]); 18] = [
    ("clap::", &["cli", "lib"]),
    ("env::", &["cli"]),
    ("base64::", &["body", "prompt", "client"]),
    ("ureq::", &["client"]),
    ("rustls::", &["client"]),
    ("webpki_roots::", &["client"]),
    ("ring::", &["client", "offline"]),
    ("httpdate::", &["client"]),
    ("memchr::", &["api", "client"]),
    ("serde_json::", &["api", "body", "json", "offline", "output", "prompt"]),
    ("rustix::", &["atomic_file", "body", "client", "folder", "offline", "output", "prompt"]),
    ("nix::", &["atomic_file"]),
    ("signal_hook::", &["output"]),
    ("thread::", &["prompt", "client", "output", "app"]),
    ("io::stdin()", &["prompt"]),
    ("io::stdout()", &["output"]),
    ("io::stderr()", &["output"]),
    ("process::", &["lib", "main"]),
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
    files_below(&root().join("src")).into_iter().map(source).collect()
}

#[test]
fn nothing_is_imported_upwards() {
    let layer = |module: &str| LAYERS.iter().position(|known| *known == module);
    for Source { path, module, text } in sources() {
        let own = layer(&module).unwrap_or_else(|| panic!("{module} is in no layer"));
        for import in text.split("crate::").skip(1) {
            let end =
                import.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(import.len());
            let other = layer(&import[..end]).unwrap_or_else(|| panic!("{}", path.display()));
            assert!(other <= own, "{} imports {}", path.display(), &import[..end]);
        }
    }
}

#[test]
fn each_dependency_is_used_where_it_belongs() {
    for Source { path, module, text } in sources() {
        for (what, users) in ALLOWED_USERS {
            let is_used = text.match_indices(what).any(|(at, _)| {
                !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
                    || text[..at].ends_with("std::")
            });
            assert!(!is_used || users.contains(&&*module), "{} uses {what}", path.display());
        }
    }
}

#[test]
fn contributing_names_every_layer() {
    let text = fs::read_to_string(root().join("CONTRIBUTING.md")).expect("text");
    for layer in LAYERS {
        assert!(text.contains(&format!("`{layer}`")), "{layer}");
    }
}

#[test]
fn every_file_states_its_purpose_and_has_at_most_400_lines() {
    for folder in ["src", "tests", "benches"] {
        let files = files_below(&root().join(folder));
        for path in files.into_iter().filter(|path| path.extension() == Some("rs".as_ref())) {
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
