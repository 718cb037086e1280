//! HTML blocks in Markdown, inside which a fence does not count (`CommonMark` 0.31.2, "HTML blocks": seven kinds).

/// An HTML block, by what ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HtmlBlock {
    /// One of several texts in the line, in lower case.
    Text(&'static [&'static str]),
    BlankLine,
}

/// Elements whose content is no Markdown (kind 1).
const RAW_TAGS: &str = "pre script style textarea";

/// What begins a comment, an instruction or CDATA behind the `<`, and what ends it (kinds 2, 3 and 5).
const SPECIAL: [(&str, &[&str]); 3] = [("!--", &["-->"]), ("?", &["?>"]), ("![CDATA[", &["]]>"])];

/// Elements that begin a block (kind 6).
const BLOCK_TAGS: &str = "\
    address article aside base basefont blockquote body caption center col colgroup dd \
    details dialog dir div dl dt fieldset figcaption figure footer form frame frameset h1 \
    h2 h3 h4 h5 h6 head header hr html iframe legend li link main menu menuitem nav \
    noframes ol optgroup option p param search section summary table tbody td tfoot th \
    thead title tr track ul";

impl HtmlBlock {
    /// The block that begins with a text. A tag of any name begins one if it stands alone, and if it does not
    /// interrupt a paragraph.
    pub(super) fn open(text: &str, may_be_any_tag: bool) -> Option<Self> {
        let inside = text.strip_prefix('<')?;
        let name = tag_name(inside.strip_prefix('/').unwrap_or(inside));
        let after = &inside[inside.len().min(name.len() + usize::from(inside.starts_with('/')))..];
        let is_one_of = |tags: &str| tags.split(' ').any(|tag| tag.eq_ignore_ascii_case(name));
        let ends_name = after.is_empty() || after.starts_with([' ', '\t', '>']);
        let is_raw = !inside.starts_with('/') && is_one_of(RAW_TAGS);
        if is_raw && ends_name {
            return Some(Self::Text(&["</pre>", "</script>", "</style>", "</textarea>"]));
        }
        if let Some((_, ends)) = SPECIAL.iter().find(|(start, _)| inside.starts_with(start)) {
            return Some(Self::Text(ends));
        }
        if inside
            .strip_prefix('!')
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()))
        {
            return Some(Self::Text(&[">"]));
        }
        if (ends_name || after.starts_with("/>")) && is_one_of(BLOCK_TAGS) {
            return Some(Self::BlankLine);
        }
        let is_tag = may_be_any_tag && is_lone_tag(inside) && !is_raw;
        is_tag.then_some(Self::BlankLine)
    }

    /// Whether a line, without the markers of its containers, ends the block.
    pub(super) fn ends_with(self, line: &str) -> bool {
        match self {
            Self::Text(ends) => {
                let line = line.to_ascii_lowercase();
                ends.iter().any(|end| line.contains(end))
            }
            Self::BlankLine => line.trim_matches([' ', '\t']).is_empty(),
        }
    }
}

/// The name at the beginning of a text; empty if there is none.
fn tag_name(text: &str) -> &str {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let len = text.find(|c| !is_name(c)).unwrap_or(text.len());
    if text.starts_with(|c: char| c.is_ascii_alphabetic()) { &text[..len] } else { "" }
}

/// Whether a text, after its `<`, is an opening or closing tag and white space.
fn is_lone_tag(inside: &str) -> bool {
    let name = |text: &str| Some(tag_name(text).len()).filter(|len| *len > 0);
    let after = match inside.strip_prefix('/') {
        Some(closing) => name(closing).map(|len| closing[len..].trim_start_matches(BLANKS)),
        None => name(inside).and_then(|len| skip_attributes(&inside[len..])),
    };
    let after = after.and_then(|after| after.strip_prefix('>'));
    after.is_some_and(|after| after.trim_matches([' ', '\t']).is_empty())
}

/// White space inside a tag.
const BLANKS: [char; 4] = [' ', '\t', '\u{b}', '\u{c}'];

/// What follows the attributes of an opening tag, and its `/`; `None` if they are none.
fn skip_attributes(mut text: &str) -> Option<&str> {
    loop {
        let attribute = text.trim_start_matches(BLANKS);
        let is_name = |c: char| c.is_ascii_alphanumeric() || "_:.-".contains(c);
        let starts_name = |c: char| c.is_ascii_alphabetic() || "_:".contains(c);
        if attribute.len() == text.len() || !attribute.starts_with(starts_name) {
            return Some(attribute.strip_prefix('/').unwrap_or(attribute));
        }
        text = attribute.trim_start_matches(is_name);
        if let Some(value) = text.trim_start_matches(BLANKS).strip_prefix('=') {
            text = skip_value(value.trim_start_matches(BLANKS))?;
        }
    }
}

fn skip_value(text: &str) -> Option<&str> {
    for quote in ['"', '\''] {
        if let Some(quoted) = text.strip_prefix(quote) {
            return quoted.split_once(quote).map(|(_, after)| after);
        }
    }
    let after = text.trim_start_matches(|c| !BLANKS.contains(&c) && !"\"'=<>`".contains(c));
    (after.len() < text.len()).then_some(after)
}
