//! The completions for bash, zsh and fish: generated from the options, and what the generator does not know added.

use std::fs;
use std::process::Command;

use clap::{Arg, ValueHint};
use clap_complete::{Shell, generate};

use crate::{command, is_update, keep_in_step, long, path, replace_once, skip};

/// Options that take files of a few kinds: the shells offer those, and folders.
const KINDS: [(&str, &[&str]); 2] = [("image", &["png", "jpg", "jpeg"]), ("schema", &["json"])];

#[test]
fn completions_offer_every_flag() {
    for (shell, path, tidy) in [
        (Shell::Bash, "completions/xask.bash", tidy_bash as fn(&str) -> String),
        (Shell::Zsh, "completions/_xask", tidy_zsh),
        (Shell::Fish, "completions/xask.fish", tidy_fish),
    ] {
        let mut script = Vec::new();
        generate(shell, &mut xask::command().mut_args(with_value_hint), "xask", &mut script);
        keep_in_step(path, &tidy(&String::from_utf8(script).expect("it is text")));
    }
}

/// The text before the cursor, and the offers for it in a folder with `a.PNG`, `b.jpeg`, `c.json`,
/// `d.txt` and the folder `e`.
const OFFERS: [(&[&str], &[&str]); 9] = [
    (&["-i", ""], &["a.PNG", "b.jpeg", "e"]),
    (&["--image", "b"], &["b.jpeg"]),
    (&["--image", "=", "b"], &["b.jpeg"]),
    (&["--schema", ""], &["c.json", "e"]),
    (&["-f", ""], &["a.PNG", "b.jpeg", "c.json", "d.txt", "e"]),
    (&["--rehearse", "=", "fil"], &["filtered"]),
    (&["--api", "r"], &["responses"]),
    (&["word", "--web"], &["--web-search"]),
    (&["--", "--web"], &[]),
];

#[test]
fn bash_offers_matching_values() {
    // The other test is rewriting the script.
    if is_update() {
        return;
    }
    let folder = folder_of_files();
    for (words, offers) in OFFERS {
        let script = format!(
            "compopt() {{ :; }}; . {:?}; COMP_WORDS=(xask \"$@\"); COMP_CWORD=$#; \
             _xask xask \"${{@: -1}}\" \"${{COMP_WORDS[COMP_CWORD - 1]}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            path("completions/xask.bash")
        );
        let mut bash = Command::new("bash");
        bash.args(["--norc", "-c", &script, "bash"]).args(words).current_dir(&folder);
        let Some(lines) = lines_of(&mut bash) else {
            return skip("bash is not installed");
        };
        assert_eq!(lines, offers, "{words:?}");
    }
}

#[test]
fn fish_offers_matching_values() {
    if is_update() {
        return;
    }
    let folder = folder_of_files();
    for (words, offers) in OFFERS {
        let typed = format!("xask {}", words.join(" ").replace(" = ", "="));
        let script = format!("source {:?}; complete -C {typed:?}", path("completions/xask.fish"));
        let mut fish = Command::new("fish");
        fish.args(["--no-config", "-c", &script]).current_dir(&folder).env("HOME", folder.path());
        let Some(lines) = lines_of(&mut fish) else {
            return skip("fish is not installed");
        };
        let lines: Vec<&str> = lines
            .iter()
            .map(|line| line.split('\t').next().unwrap_or_default().trim_end_matches('/'))
            .map(|offer| offer.rsplit_once('=').map_or(offer, |(_, value)| value))
            .collect();
        assert_eq!(lines, offers, "{typed}");
    }
}

fn folder_of_files() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["a.PNG", "b.jpeg", "c.json", "d.txt"] {
        fs::write(folder.path().join(name), "").expect("it can be written");
    }
    fs::create_dir(folder.path().join("e")).expect("it can be made");
    folder
}

/// The output of a shell, in alphabetical order; `None` if it is not installed.
fn lines_of(shell: &mut Command) -> Option<Vec<String>> {
    let output = shell.output().ok()?;
    assert!(output.stderr.is_empty(), "{shell:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("it is text");
    let mut lines: Vec<String> =
        text.lines().filter(|line| !line.is_empty()).map(ToString::to_string).collect();
    lines.sort();
    Some(lines)
}

/// Flags whose value is attached with `=` or omitted.
fn flags_with_attached_value() -> Vec<String> {
    command().get_opts().filter(|arg| arg.is_require_equals_set()).filter_map(long).collect()
}

/// The options of `KINDS` as they are typed, short and long, with the ends of the names they take.
fn flags_by_kind() -> Vec<(String, &'static [&'static str])> {
    let command = command();
    let mut flags = Vec::new();
    for (name, kinds) in KINDS {
        let arg = command.get_opts().find(|arg| arg.get_long() == Some(name)).expect("an option");
        flags.extend(arg.get_short().map(|short| (format!("-{short}"), kinds)));
        flags.push((format!("--{name}"), kinds));
    }
    flags
}

/// A value without a hint is not a path: otherwise shells offer files for numbers.
fn with_value_hint(arg: Arg) -> Arg {
    match arg.get_value_hint() {
        ValueHint::FilePath | ValueHint::DirPath => arg,
        _ if arg.get_action().takes_values() => arg.value_hint(ValueHint::Other),
        _ => arg,
    }
}

/// bash splits words at `=`, and after `--` there are no options; the generated script knows neither.
fn tidy_bash(script: &str) -> String {
    let mut tests = String::from(
        r#"    if [[ "${COMP_WORDS[COMP_CWORD]}" == "=" ]]; then
        cur=""
    elif [[ "${prev}" == "=" ]]; then
        prev="${COMP_WORDS[COMP_CWORD - 2]}"
"#,
    );
    for flag in flags_with_attached_value() {
        let test = ["    elif [[ \"${prev}\" == \"", &flag, "\" ]]; then\n        prev=\"\"\n"];
        tests.extend(test);
    }
    tests += r#"    fi
    for i in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        if [[ "${i}" == "--" ]]; then
            return 0
        fi
    done
"#;
    let prev = "    prev=\"$3\"\n";
    let script = replace_once(script, prev, &format!("{prev}{tests}"));
    let offer_kinds = |script: String, (flag, kinds): (String, &[&str])| {
        let case = format!("                {flag})\n");
        let (before, after) = script.split_once(&case).expect("the option is there");
        let (block, after) = after.split_once(";;\n").expect("its end is there");
        let all = "compgen -f \"${cur}\"";
        let kinds = kinds
            .iter()
            .map(|kind| format!("; compgen -f -X '!*.{}' -- \"${{cur}}\"", in_any_case(kind)));
        let some = format!("compgen -d -- \"${{cur}}\"{}", kinds.collect::<String>());
        let block = replace_once(block, all, &some);
        // Without a match, bash would offer all files.
        let options = "compopt -o filenames";
        let block = replace_once(&block, options, &format!("{options} +o default +o bashdefault"));
        format!("{before}{case}{block};;\n{after}")
    };
    flags_by_kind().into_iter().fold(script, offer_kinds)
}

/// A pattern that needs no option of the shell.
fn in_any_case(text: &str) -> String {
    text.chars().flat_map(|c| ['[', c, c.to_ascii_uppercase(), ']']).collect()
}

/// `=-`: the value is in the same word. A colon ends the name of a value, and after `*::` there are no options.
fn tidy_zsh(script: &str) -> String {
    let attach = |script: String, flag: &String| {
        replace_once(&script, &format!("{flag}=["), &format!("{flag}=-["))
    };
    let script = flags_with_attached_value().iter().fold(script.to_owned(), attach);
    let script = script.replace(":NAME: VALUE|", ":NAME\\: VALUE|");
    let script = replace_once(&script, "'*::word", "'*:word");
    let kinds = flags_by_kind();
    let tidy = |line: &str| {
        let is_for =
            |flag: &str| line.contains(&format!("{flag}=[")) || line.contains(&format!("{flag}+["));
        match kinds.iter().find(|(flag, _)| is_for(flag)) {
            Some((_, kinds)) => {
                let patterns: Vec<String> =
                    kinds.iter().map(|kind| format!("*.(#i){kind}")).collect();
                let files = format!(":_files -g \"{}\"' ", patterns.join(" "));
                replace_once(line, ":_files' ", &files)
            }
            None => line.to_owned(),
        }
    };
    script.split_inclusive('\n').map(tidy).collect()
}

/// Without `-r` the value is in the same word.
fn tidy_fish(script: &str) -> String {
    let attached: Vec<String> =
        flags_with_attached_value().iter().map(|flag| format!(" -l {} ", &flag[2..])).collect();
    let tidy = |line: &str| {
        let is_for = |name: &str| line.contains(&format!(" -l {name} "));
        if attached.iter().any(|flag| line.contains(flag)) {
            replace_once(line, "' -r -f ", "' -f ")
        } else if let Some((_, kinds)) = KINDS.iter().find(|(name, _)| is_for(name)) {
            let files = format!(" -r -f -a \"(__xask_files {})\"\n", kinds.join(" "));
            replace_once(line, " -r -F\n", &files)
        } else {
            line.to_owned()
        }
    };
    FISH_FILES.to_owned() + &script.split_inclusive('\n').map(tidy).collect::<String>()
}

/// The value may be attached to its option, as `--image=` and `-i`.
const FISH_FILES: &str = r#"# Folders, and files with one of these endings in any case.
function __xask_files
    set --local token (string replace -r -- '^(--[^=]*=|-[a-z])' '' (commandline -ct))
    set --local endings (string join '|' -- $argv)
    complete -C "'' $token" | string match -ri "^[^\t]*(?:/|\.(?:$endings))(?:\t.*)?\$"
end

"#;
