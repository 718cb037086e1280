//! README's recipes as a part of the man page: a sub-section each, the code as it stands.

/// The recipes, in man(7).
pub fn man_recipes(readme: &str) -> String {
    let (_, recipes) = readme.split_once("\n## Recipes\n").expect("README has recipes");
    let recipes = recipes.split("\n## ").next().expect("a part");
    let mut page = String::new();
    let mut in_code = false;
    let mut after_text = false;
    for line in recipes.lines() {
        if line.starts_with("```") {
            in_code = !in_code;
            // A heading has its own space below it.
            let space = if after_heading(&page) { "" } else { ".PP\n" };
            page.push_str(if in_code { space } else { ".EE\n.RE\n" });
            page.push_str(if in_code { ".RS 4\n.EX\n" } else { "" });
            after_text = false;
        } else if in_code {
            page.push_str(&code_line(line));
        } else if let Some(title) = line.strip_prefix("### ") {
            page.extend([".SS ", &escaped(title), "\n"]);
            after_text = true;
        } else if line.is_empty() {
            after_text =
                after_text && page.lines().last().is_some_and(|last| last.starts_with(".SS"));
        } else {
            // A paragraph begins where no other goes on and no heading stands right before.
            page.push_str(if after_text { "" } else { ".PP\n" });
            page.push_str(&text_line(line));
            after_text = true;
        }
    }
    page
}

fn after_heading(page: &str) -> bool {
    page.lines().last().is_some_and(|last| last.starts_with(".SS"))
}

/// A line between `.EX` and `.EE`, where a dot or an apostrophe at the beginning would be a request.
fn code_line(line: &str) -> String {
    let guard = if line.starts_with(['.', '\'']) { "\\&" } else { "" };
    format!("{guard}{}\n", escaped(line))
}

/// A line of prose; what stands between backticks in bold.
fn text_line(line: &str) -> String {
    let pieces = line.split('`').enumerate().map(|(index, piece)| match index % 2 {
        0 => escaped(piece),
        _ => format!("\\fB{}\\fR", escaped(piece)),
    });
    // A sentence begins on a line of its own, and no line with a dot.
    let text: String = pieces.collect();
    let lines: Vec<String> = text
        .split(". ")
        .map(|line| if line.starts_with('.') { format!("\\&{line}") } else { line.into() })
        .collect();
    lines.join(".\n") + "\n"
}

/// Text with the characters that roff reads as its own by their names.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\e"),
            '-' => out.push_str("\\-"),
            '\'' => out.push_str("\\(aq"),
            '~' => out.push_str("\\(ti"),
            '^' => out.push_str("\\(ha"),
            '`' => out.push_str("\\(ga"),
            c => out.push(c),
        }
    }
    out
}
