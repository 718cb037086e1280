//! The first fenced code block of an answer in Markdown (`--extract`).
//!
//! What counts as one is decided as in the `CommonMark` specification (0.31.2, "A parsing strategy", phase 1): a
//! fence may be indented, in a list or in a block quote, and is none in indented code or in an HTML block.

mod html;
mod line;

use self::html::HtmlBlock;
use self::line::{CODE_INDENT, Line};
use crate::error::{ExitStatus, Failure};

/// The content of the first fenced code block, byte for byte.
///
/// # Errors
///
/// Exit status 9 if there is none, if it is blank, or if its own fence does not close it.
pub fn extract_code(text: &str) -> Result<String, Failure> {
    let unusable = |why: &str| Err(Failure::new(ExitStatus::Unusable, why));
    let mut parser = Parser::default();
    for (line, ending) in lines(text) {
        match parser.add_line(line, ending) {
            None => {}
            Some(Block::Unclosed) => return unusable("the code block in the answer is not closed"),
            Some(Block::Closed(code)) if code.trim().is_empty() => {
                return unusable("the code block in the answer is empty");
            }
            Some(Block::Closed(code)) => return Ok(code),
        }
    }
    match parser.leaf {
        Leaf::Fence(_) => unusable("the code block in the answer is not closed"),
        _ => unusable("the answer has no code block"),
    }
}

/// The lines of a text, each with what ends it.
fn lines(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let len = rest.find(['\n', '\r']).unwrap_or(rest.len());
        let (line, after) = rest.split_at(len);
        let ending = if after.starts_with("\r\n") { 2 } else { after.len().min(1) };
        let (ending, next) = after.split_at(ending);
        rest = next;
        Some((line, ending))
    })
}

/// How the first fenced code block ended.
enum Block {
    Closed(String),
    Unclosed,
}

/// The blocks that are open after a line.
#[derive(Default)]
struct Parser {
    /// From the outermost to the innermost.
    containers: Vec<Container>,
    leaf: Leaf,
}

enum Container {
    Quote,
    /// An item of a list.
    Item {
        /// The indent of what belongs to it, in columns.
        width: usize,
        /// Nothing but its marker has been seen.
        is_empty: bool,
    },
}

/// The block that takes the next line of text.
#[derive(Default)]
enum Leaf {
    #[default]
    None,
    Paragraph,
    Html(HtmlBlock),
    Fence(Fence),
}

struct Fence {
    marker: char,
    len: usize,
    /// In columns; so much is removed from the lines of the content.
    indent: usize,
    content: String,
}

impl Parser {
    /// Adds a line; returns the first fenced code block if it ends there.
    fn add_line(&mut self, line: &str, ending: &str) -> Option<Block> {
        let mut line = Line::new(line);
        let matched = self.match_containers(&mut line);
        let all_matched = matched == self.containers.len();
        match &mut self.leaf {
            Leaf::Fence(_) if !all_matched => return Some(Block::Unclosed),
            Leaf::Fence(fence) => return fence.add_line(line, ending),
            Leaf::Html(block) if all_matched => {
                if block.ends_with(line.text()) {
                    self.leaf = Leaf::None;
                }
                return None;
            }
            Leaf::Html(_) | Leaf::Paragraph | Leaf::None => {}
        }
        self.open_blocks(line, matched);
        None
    }

    /// How many of the open containers go on in a line, whose markers are consumed.
    fn match_containers(&self, line: &mut Line) -> usize {
        for (index, container) in self.containers.iter().enumerate() {
            let goes_on = match container {
                Container::Quote => line.skip_quote_marker(),
                Container::Item { width, is_empty } => {
                    let goes_on = line.indent() >= *width || (line.is_blank() && !is_empty);
                    if goes_on {
                        line.skip_columns(*width);
                    }
                    goes_on
                }
            };
            if !goes_on {
                return index;
            }
        }
        self.containers.len()
    }

    /// Opens the blocks that begin in a line after the containers that continue; the rest of the line is text.
    fn open_blocks(&mut self, mut line: Line, matched: usize) {
        let mut continues_paragraph = matches!(self.leaf, Leaf::Paragraph) && !line.is_blank();
        let mut interrupts_paragraph = continues_paragraph && matched == self.containers.len();
        let mut depth = matched;
        let leaf = loop {
            if let Some(leaf) = open_leaf(line, continues_paragraph, interrupts_paragraph) {
                break leaf;
            }
            let Some(container) = open_container(&mut line, interrupts_paragraph) else {
                if continues_paragraph {
                    // Also where it lacks the markers of its containers ("laziness").
                    return;
                }
                break if line.is_blank() { Leaf::None } else { Leaf::Paragraph };
            };
            self.close_to(depth, false);
            self.containers.push(container);
            depth += 1;
            (continues_paragraph, interrupts_paragraph) = (false, false);
        };
        self.close_to(depth, line.is_blank());
        self.leaf = leaf;
    }

    /// Closes all containers but the outer ones. The innermost of these gets something inside, unless the line
    /// is blank.
    fn close_to(&mut self, depth: usize, is_blank: bool) {
        self.containers.truncate(depth);
        if let Some(Container::Item { is_empty, .. }) = self.containers.last_mut() {
            *is_empty &= is_blank;
        }
    }
}

/// The leaf that begins in what is left of a line; `None` for text and for what only a container can be.
fn open_leaf(line: Line, continues_paragraph: bool, interrupts_paragraph: bool) -> Option<Leaf> {
    if line.is_blank() {
        return None;
    }
    if line.indent() >= CODE_INDENT {
        return (!continues_paragraph).then_some(Leaf::None);
    }
    let text = line.text();
    if let Some(fence) = Fence::open(line) {
        return Some(Leaf::Fence(fence));
    }
    if let Some(block) = HtmlBlock::open(text, !continues_paragraph) {
        return Some(if block.ends_with(text) { Leaf::None } else { Leaf::Html(block) });
    }
    // What is one line long needs no state.
    let is_line = is_heading(text)
        || (interrupts_paragraph && is_heading_underline(text))
        || is_thematic_break(text);
    is_line.then_some(Leaf::None)
}

/// The container that begins in what is left of a line, whose marker is consumed.
fn open_container(line: &mut Line, interrupts_paragraph: bool) -> Option<Container> {
    if line.is_blank() || line.indent() >= CODE_INDENT {
        return None;
    }
    if line.skip_quote_marker() {
        return Some(Container::Quote);
    }
    let marker = list_marker_len(line.text(), interrupts_paragraph)?;
    let marker_offset = line.indent();
    line.skip_indent();
    line.skip_text(marker);
    let blanks = line.indent();
    // What begins with indented code has one blank after its marker, and so has what begins with a blank line.
    let blanks = if line.is_blank() || blanks > CODE_INDENT { 1 } else { blanks };
    line.skip_columns(blanks);
    Some(Container::Item { width: marker_offset + marker + blanks, is_empty: true })
}

/// How long the marker of a list item is; `None` if there is none. One that interrupts a paragraph is not empty,
/// and has no other number than 1.
fn list_marker_len(text: &str, interrupts_paragraph: bool) -> Option<usize> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (len, may_interrupt) = match text.as_bytes().get(digits)? {
        b'-' | b'+' | b'*' if digits == 0 => (1, true),
        b'.' | b')' if (1..=9).contains(&digits) => (digits + 1, text[..digits].parse() == Ok(1)),
        _ => return None,
    };
    let rest = &text[len..];
    let is_marker = rest.is_empty() || rest.starts_with([' ', '\t']);
    let is_blank = rest.trim_matches([' ', '\t']).is_empty();
    (is_marker && !(interrupts_paragraph && (is_blank || !may_interrupt))).then_some(len)
}

fn is_heading(text: &str) -> bool {
    let level = text.bytes().take_while(|byte| *byte == b'#').count();
    let rest = &text[level..];
    (1..=6).contains(&level) && (rest.is_empty() || rest.starts_with([' ', '\t']))
}

fn is_heading_underline(text: &str) -> bool {
    let line = text.trim_end_matches([' ', '\t']);
    ['=', '-'].iter().any(|marker| line.chars().all(|c| c == *marker))
}

fn is_thematic_break(text: &str) -> bool {
    let mut marks = text.bytes().filter(|byte| !b" \t".contains(byte));
    let Some(marker @ (b'*' | b'-' | b'_')) = marks.next() else { return false };
    // The end first: a long row of empty list items would be gone through for each of them.
    marks.clone().next_back() == Some(marker)
        && marks.clone().all(|byte| byte == marker)
        && marks.count() >= 2
}

impl Fence {
    fn open(line: Line) -> Option<Self> {
        let text = line.text();
        let marker = text.chars().next().filter(|c| matches!(c, '`' | '~'))?;
        let info = text.trim_start_matches(marker);
        let len = text.len() - info.len();
        let is_open = len >= 3 && (marker == '~' || !info.contains('`'));
        is_open.then(|| Self { marker, len, indent: line.indent(), content: String::new() })
    }

    fn add_line(&mut self, mut line: Line, ending: &str) -> Option<Block> {
        if self.is_closed_by(line) {
            return Some(Block::Closed(std::mem::take(&mut self.content)));
        }
        line.skip_columns(self.indent);
        line.push_to(&mut self.content);
        self.content.push_str(ending);
        None
    }

    fn is_closed_by(&self, line: Line) -> bool {
        let text = line.text().trim_end_matches([' ', '\t']);
        let is_fence = text.len() >= self.len && text.chars().all(|c| c == self.marker);
        is_fence && line.indent() < CODE_INDENT
    }
}

#[cfg(test)]
mod tests;
