//! What a stream must be: exact bytes, or text that satisfies a predicate; and how a difference is shown.

use std::fmt;

use predicates::prelude::*;
use predicates::reflection::{Case, PredicateReflection, Product};
use predicates::{BoxPredicate, str::PredicateStrExt};

use super::escaped;

/// How many characters of an argument, or of a line that differs, are shown.
pub(super) const WIDTH: usize = 240;

/// What one stream must be. By default: empty.
pub(super) enum Expected {
    Exactly(Vec<u8>),
    Like(Vec<BoxPredicate<[u8]>>),
}

impl Default for Expected {
    fn default() -> Self {
        Self::Exactly(Vec::new())
    }
}

impl Expected {
    pub(super) fn add(&mut self, predicate: BoxPredicate<[u8]>) {
        match self {
            Self::Like(all) => all.push(predicate),
            Self::Exactly(_) => *self = Self::Like(vec![predicate]),
        }
    }

    pub(super) fn into_predicates(self) -> Vec<BoxPredicate<[u8]>> {
        match self {
            Self::Exactly(bytes) => vec![BoxPredicate::new(Exactly(bytes))],
            Self::Like(all) => all,
        }
    }
}

/// What `*_like` takes: a text to be found, or any predicate over text. `K` only tells the two apart.
pub trait IntoMatcher<K> {
    fn into_predicate(self) -> BoxPredicate<[u8]>;
}

pub enum Contains {}
pub enum Satisfies {}

impl IntoMatcher<Contains> for &str {
    fn into_predicate(self) -> BoxPredicate<[u8]> {
        BoxPredicate::new(predicate::str::contains(self).from_utf8())
    }
}

impl<P: Predicate<str> + Send + Sync + 'static> IntoMatcher<Satisfies> for P {
    fn into_predicate(self) -> BoxPredicate<[u8]> {
        BoxPredicate::new(self.from_utf8())
    }
}

/// Exactly these bytes. Unlike the predicate of the predicates crate, it shows where a line differs in invisible
/// bytes, and stays readable if the stream has 64 MiB.
struct Exactly(Vec<u8>);

impl Predicate<[u8]> for Exactly {
    fn eval(&self, have: &[u8]) -> bool {
        self.0 == have
    }

    fn find_case<'a>(&'a self, expected: bool, have: &[u8]) -> Option<Case<'a>> {
        let result = self.eval(have);
        let case = || Case::new(Some(self), result);
        (result == expected).then(|| case().add_product(Product::new("diff", diff(&self.0, have))))
    }
}

impl PredicateReflection for Exactly {}

impl fmt::Display for Exactly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exactly {} bytes", self.0.len())
    }
}

/// The lines that differ, `-` expected and `+` actual, without the equal ones at either end.
fn diff(want: &[u8], have: &[u8]) -> String {
    const LINES: usize = 12;
    let equal = want.iter().zip(have).take_while(|(a, b)| a == b).count();
    let sizes = format!("{} bytes, not {}, equal up to {equal}", have.len(), want.len());
    let lines = |bytes: &[u8]| -> Vec<Vec<u8>> {
        bytes.split_inclusive(|&b| b == b'\n').map(<[u8]>::to_vec).collect()
    };
    let (mut want, mut have) = (lines(want), lines(have));
    let same = want.iter().zip(&have).take_while(|(a, b)| a == b).count();
    (want, have) = (want.split_off(same), have.split_off(same));
    let tail = want.iter().rev().zip(have.iter().rev()).take_while(|(a, b)| a == b).count();
    want.truncate(want.len() - tail);
    have.truncate(have.len() - tail);

    let mut text = vec![sizes];
    for (sign, lines) in [('-', want), ('+', have)] {
        for line in lines.iter().take(LINES) {
            let cut = if line.len() > WIDTH { " …" } else { "" };
            text.push(format!("{sign} {}{cut}", escaped(&line[..line.len().min(WIDTH)])));
        }
        if lines.len() > LINES {
            text.push(format!("{sign} … and {} more lines", lines.len() - LINES));
        }
    }
    text.join("\n")
}
