//! The addresses that an answer cites.

use std::collections::BTreeSet;

use super::lenient::{Object, Raw, each, fields, string, text};
use serde_json::value::RawValue;

/// The most addresses that are kept: far over those of any answer, and bounded.
const MAX_COUNT: usize = 10_000;

/// The most bytes of addresses and titles together.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// An address that an answer cites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Citation {
    /// The address, as received.
    pub url: String,
    /// The title, as received; often only a number.
    pub title: Option<String>,
}

fields! {
    struct Annotation<'a> {
        kind: Raw<'a> = "type",
        url: Raw<'a> = "url",
        title: Raw<'a> = "title",
    }
}

/// Collects citations, each address once, in order of appearance.
#[derive(Debug, Default)]
pub struct Citations {
    list: Vec<Citation>,
    seen: BTreeSet<String>,
    bytes: usize,
}

impl Citations {
    /// Adds the `annotations` of a text.
    pub fn add_annotations(&mut self, annotations: Raw) {
        each(annotations, |annotation: &RawValue| {
            self.add_annotation(Some(annotation));
            !self.is_full()
        });
    }

    /// Adds one annotation, if it cites an address.
    pub fn add_annotation(&mut self, annotation: Raw) {
        let Some(annotation) = annotation else { return };
        let annotation: Object<Annotation> =
            serde_json::from_str(annotation.get()).unwrap_or_default();
        let Some(Annotation { kind, url, title }) = annotation.fields() else { return };
        if string(kind).is_none_or(|kind| kind == "url_citation") {
            self.add(url, title);
        }
    }

    /// Adds a list of addresses.
    pub fn add_urls(&mut self, urls: Raw) {
        each(urls, |url: &RawValue| {
            self.add(Some(url), None);
            !self.is_full()
        });
    }

    /// Takes those of another place, if there are none yet.
    pub fn add_all_if_empty(&mut self, other: Self) {
        if self.list.is_empty() {
            *self = other;
        }
    }

    /// All that were collected.
    pub fn into_list(self) -> Vec<Citation> {
        self.list
    }

    fn add(&mut self, url: Raw, title: Raw) {
        let Some(url) = text(url).filter(|url| !self.is_full() && !self.seen.contains(&**url))
        else {
            return;
        };
        let title = text(title).map(Into::into);
        let citation = Citation { url: url.into_owned(), title };
        self.bytes += citation.url.len() + citation.title.as_ref().map_or(0, String::len);
        // Past the limit none is kept any more.
        if !self.is_full() {
            self.seen.insert(citation.url.clone());
            self.list.push(citation);
        }
    }

    fn is_full(&self) -> bool {
        self.list.len() >= MAX_COUNT || self.bytes > MAX_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.into()).expect("JSON")
    }

    #[test]
    fn each_url_is_kept_once_in_order() {
        let mut citations = Citations::default();
        let annotations = raw(r#"[{"type":"url_citation","url":"https://b.org/","title":"1"},
                {"type":"url_citation","url":"https://a.org/","title":""},
                {"type":"url_citation","url":"https://b.org/","title":"2"},
                {"url":"https://c.org/"}, {"type":"file_citation","url":"https://no.org/"},
                {"type":"url_citation","url":""}, {"type":"url_citation"}, 7, ["url"]]"#);
        citations.add_annotations(Some(&annotations));
        citations.add_urls(Some(&raw(r#"["https://a.org/", "https://d.org/", 7, {}]"#)));
        citations.add_urls(Some(&raw(r#"{"url":"https://no.org/"}"#)));
        let found: Vec<_> = citations.into_list().into_iter().map(|c| (c.url, c.title)).collect();
        let titled = |title: &str| Some(title.to_owned());
        assert_eq!(
            found,
            [
                ("https://b.org/".to_owned(), titled("1")),
                ("https://a.org/".to_owned(), None),
                ("https://c.org/".to_owned(), None),
                ("https://d.org/".to_owned(), None),
            ]
        );
    }

    #[test]
    fn an_endless_list_takes_bounded_memory() {
        let mut many = Citations::default();
        for n in 0..=MAX_COUNT {
            many.add_urls(Some(&raw(&format!(r#"["{n}"]"#))));
        }
        assert_eq!(many.into_list().len(), MAX_COUNT);
        let mut long = Citations::default();
        for n in 0..20 {
            long.add_urls(Some(&raw(&format!(r#"["{n}{}"]"#, "x".repeat(1 << 20)))));
        }
        assert_eq!(long.into_list().len(), 7);
        for (title, expected) in [(MAX_BYTES - 1, 1), (MAX_BYTES, 0)] {
            let mut titled = Citations::default();
            titled.add(Some(&raw(r#""u""#)), Some(&raw(&format!("\"{}\"", "t".repeat(title)))));
            assert_eq!(titled.into_list().len(), expected, "a title of {title} bytes");
        }
    }
}
