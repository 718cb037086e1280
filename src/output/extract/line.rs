//! A line of Markdown, consumed from its beginning. Tabs count as blanks up to the next multiple of four columns.

/// From this indent on a line is code, in columns.
pub(super) const CODE_INDENT: usize = 4;

const TAB_STOP: usize = 4;

/// What is left of a line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    rest: &'a str,
    /// Where it begins.
    column: usize,
    /// What is left of a tab that was consumed in part, in columns.
    blanks: usize,
}

impl<'a> Line<'a> {
    pub(super) fn new(line: &'a str) -> Self {
        Self { rest: line, column: 0, blanks: 0 }
    }

    /// The white space at its beginning, in columns.
    pub(super) fn indent(&self) -> usize {
        let mut column = self.column + self.blanks;
        for byte in self.rest.bytes() {
            match byte {
                b' ' => column += 1,
                b'\t' => column += TAB_STOP - column % TAB_STOP,
                _ => break,
            }
        }
        column - self.column
    }

    /// What follows the indent.
    pub(super) fn text(&self) -> &'a str {
        self.rest.trim_start_matches([' ', '\t'])
    }

    pub(super) fn is_blank(&self) -> bool {
        self.text().is_empty()
    }

    /// Consumes white space, at most this many columns of it.
    pub(super) fn skip_columns(&mut self, mut columns: usize) {
        while columns > 0 {
            if self.blanks == 0 {
                self.blanks = match self.rest.bytes().next() {
                    Some(b' ') => 1,
                    Some(b'\t') => TAB_STOP - self.column % TAB_STOP,
                    _ => return,
                };
                self.rest = &self.rest[1..];
            }
            let skipped = columns.min(self.blanks);
            columns -= skipped;
            self.blanks -= skipped;
            self.column += skipped;
        }
    }

    pub(super) fn skip_indent(&mut self) {
        self.skip_columns(self.indent());
    }

    /// Consumes this many ASCII characters that are not tabs.
    pub(super) fn skip_text(&mut self, len: usize) {
        self.rest = &self.rest[len..];
        self.column += len;
    }

    /// Consumes the marker of a block quote and a blank after it, if there is one.
    pub(super) fn skip_quote_marker(&mut self) -> bool {
        let is_marker = self.indent() < CODE_INDENT && self.text().starts_with('>');
        if is_marker {
            self.skip_indent();
            self.skip_text(1);
            self.skip_columns(1);
        }
        is_marker
    }

    /// Adds what is left to a text.
    pub(super) fn push_to(&self, text: &mut String) {
        text.extend(std::iter::repeat_n(' ', self.blanks));
        text.push_str(self.rest);
    }
}
