//! Pages of HTML, which a gateway sends in place of the API.

use super::lenient::BOM;

/// How much of a page without a title is looked at, in bytes.
const MAX_PAGE: usize = 64 * 1024;

/// Whether bytes are a page of HTML.
pub fn is_html(bytes: &[u8]) -> bool {
    bytes.strip_prefix(BOM).unwrap_or(bytes).trim_ascii_start().starts_with(b"<")
}

/// What a page says: its title, else its text.
pub fn text_of_html(html: &str) -> String {
    let lower = html.to_ascii_lowercase();
    let title = inside_of(&lower, "title").map(|(start, end)| html[start..end].trim().to_owned());
    let beginning = ..html.floor_char_boundary(MAX_PAGE);
    let without_tags = || strip_html(&html[beginning], &lower[beginning]);
    title.filter(|title| !title.is_empty()).unwrap_or_else(without_tags)
}

/// Where the first element of this name begins and ends inside, in HTML in lower case.
fn inside_of(lower: &str, name: &str) -> Option<(usize, usize)> {
    let tag = format!("<{name}");
    let mut from = 0;
    loop {
        let after = from + lower[from..].find(&tag)? + tag.len();
        // Its attributes, or nothing: `<titles>` is another element.
        if lower[after..].starts_with(|c: char| c == '>' || c.is_ascii_whitespace()) {
            let start = after + lower[after..].find('>')? + 1;
            return Some((start, start + lower[start..].find(&format!("</{name}"))?));
        }
        from = after;
    }
}

/// The text of HTML, without its tags, styles and scripts; `lower` is the same in lower case.
fn strip_html(html: &str, lower: &str) -> String {
    let (mut html, mut lower) = (html, lower);
    let mut text = String::new();
    while let Some(at) = html.find('<') {
        text.push_str(&html[..at]);
        text.push(' ');
        (html, lower) = (&html[at..], &lower[at..]);
        let code = ["style", "script"].into_iter().filter(|name| lower[1..].starts_with(name));
        let code_end = code.filter_map(|name| inside_of(lower, name)).map(|(_, end)| end).next();
        let skip = code_end.or_else(|| html.find('>').map(|end| end + 1)).unwrap_or(html.len());
        (html, lower) = (&html[skip..], &lower[skip..]);
    }
    text + html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_summarized_by_its_title_or_else_its_text() {
        for (html, expected) in [
            (
                "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>",
                "502 Bad Gateway",
            ),
            ("<html><TITLE lang=en>Blocked</TITLE></html>", "Blocked"),
            ("<titles>no</titles><title\n>yes</title>", "yes"),
            ("<title> </title><p>Blocked", "Blocked"),
            ("<title>never ends", "never ends"),
            ("<style type=x>p{color:red}</style><script>if (a<b) {}</script><p>Blocked", "Blocked"),
            ("<script>never ends", "never ends"),
            ("<p>Bad <b>gateway</b>", "Bad gateway"),
            ("<\u{130}><p>\u{130}<", "\u{130}"),
            ("<", ""),
        ] {
            let text = text_of_html(html);
            let folded: Vec<&str> = text.split_whitespace().collect();
            assert_eq!(folded.join(" "), expected, "{html}");
        }
    }
}
