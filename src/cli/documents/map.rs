//! The map of `src/`: each file with the first sentence of its own head.

use std::fs;
use std::path::{Path, PathBuf};

use super::{path, read};

/// A line a file, in the order in which a question passes through the rooms.
pub fn map() -> String {
    let mut files = Vec::new();
    collect(&path("src"), &mut files);
    files.sort_by_key(|file| place(file));
    let root = path("");
    let names: Vec<String> = files
        .iter()
        .map(|file| file.strip_prefix(&root).expect("below the root").display().to_string())
        .collect();
    let width = names.iter().map(String::len).max().unwrap_or_default();
    let lines = names.iter().map(|name| format!("{name:width$}  {}\n", headline(name)));
    lines.collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// What comes first: `main`, the way of a question and the ground it goes on, then room by room.
fn place(file: &Path) -> (usize, PathBuf, bool, PathBuf) {
    const ROOMS: [&str; 6] = ["cli", "prompt", "request", "service", "reply", "output"];
    let is_room = |room: &&str| file.starts_with(path("src").join(room));
    let room = ROOMS.iter().position(is_room).map_or(0, |index| index + 1);
    let is_head = file.ends_with("main.rs") || file.ends_with("mod.rs");
    let folder = file.parent().expect("a folder").to_owned();
    (room, folder, !is_head, file.to_owned())
}

/// The first sentence of a file's head, without its full stop.
fn headline(file: &str) -> String {
    let text = read(file);
    let head = text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim);
    let paragraph: Vec<&str> = head.take_while(|line| !line.is_empty()).collect();
    let paragraph = paragraph.join(" ");
    let sentence = paragraph.split(". ").next().expect("a sentence").trim_end_matches('.');
    assert!(!sentence.is_empty(), "{file} does not say what it is for");
    sentence.to_owned()
}
