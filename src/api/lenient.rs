//! JSON that a server wrote: only what is used is held to its type, and none of it becomes a tree.
//!
//! An answer that was paid for is not lost because something beside it looks odd, and no response takes
//! more memory than its own bytes and the text in it.

use std::borrow::Cow;
use std::fmt;
use std::iter;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::repair::{repair_json, unescape};

/// A value, unparsed; `None` for null too.
pub type Raw<'a> = Option<&'a RawValue>;

/// Fields that are read from a JSON object.
pub trait Fields<'de>: Default {
    /// One of them, by its name on the wire, or any other.
    type Field: Deserialize<'de>;

    /// Reads the value of a field.
    fn read<A: MapAccess<'de>>(&mut self, field: Self::Field, map: &mut A) -> Result<(), A::Error>;
}

/// Declares a struct whose fields are read from a JSON object, by their names on the wire.
macro_rules! fields {
    ($(#[$attr:meta])* $vis:vis struct $name:ident<$lifetime:lifetime> {
        $($(#[$doc:meta])* $field:ident: $type:ty = $wire:literal,)*
    }) => {
        $(#[$attr])*
        #[derive(Debug, Default)]
        $vis struct $name<$lifetime> {
            $($(#[$doc])* pub $field: $type,)*
        }

        const _: () = {
            #[derive(serde::Deserialize)]
            #[serde(field_identifier)]
            #[expect(non_camel_case_types, reason = "named after the fields")]
            pub enum Field {
                $(#[serde(rename = $wire)] $field,)*
                #[serde(other)]
                Other,
            }

            impl<$lifetime> $crate::api::lenient::Fields<$lifetime> for $name<$lifetime> {
                type Field = Field;

                fn read<A: serde::de::MapAccess<$lifetime>>(
                    &mut self,
                    field: Field,
                    map: &mut A,
                ) -> Result<(), A::Error> {
                    match field {
                        $(Field::$field => self.$field = map.next_value()?,)*
                        Field::Other => {
                            map.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                    Ok(())
                }
            }
        };
    };
}
pub(super) use fields;

/// The methods of a visitor for all values but lists and objects, which give the same.
macro_rules! visit_scalars {
    ($value:expr) => {
        fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<Self::Value, E> {
            Ok($value)
        }

        fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Self::Value, E> {
            Ok($value)
        }

        fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Self::Value, E> {
            Ok($value)
        }

        fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Self::Value, E> {
            Ok($value)
        }
    };
}
pub(super) use visit_scalars;

/// A value that should be an object.
#[derive(Debug, Default)]
pub enum Object<T> {
    /// An object: of a field that is there twice, the last.
    Fields(T),
    /// An empty list, which some languages write for an empty object.
    EmptyList,
    /// Absent or null.
    #[default]
    Null,
    /// Anything else.
    Other,
}

impl<T> Object<T> {
    /// The fields of an object, and of nothing else.
    pub fn fields(self) -> Option<T> {
        match self {
            Self::Fields(fields) => Some(fields),
            Self::EmptyList | Self::Null | Self::Other => None,
        }
    }
}

impl<'de, T: Fields<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Fields<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<T>, A::Error> {
        let mut fields = T::default();
        while let Some(field) = map.next_key()? {
            fields.read(field, &mut map)?;
        }
        Ok(Object::Fields(fields))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Object<T>, A::Error> {
        let mut object = Object::EmptyList;
        while list.next_element::<IgnoredAny>()?.is_some() {
            object = Object::Other;
        }
        Ok(object)
    }

    fn visit_unit<E: Error>(self) -> Result<Object<T>, E> {
        Ok(Object::Null)
    }

    visit_scalars!(Object::Other);

    fn visit_str<E: Error>(self, _: &str) -> Result<Object<T>, E> {
        Ok(Object::Other)
    }
}

/// Hands over the elements of a list, one after the other, until `take` says that it has enough; whether
/// it was a list.
pub fn each<'a, T: Deserialize<'a>>(list: Raw<'a>, take: impl FnMut(T) -> bool) -> bool {
    let Some(list) = list.map(RawValue::get).filter(|list| list.starts_with('[')) else {
        return false;
    };
    serde_json::Deserializer::from_str(list).deserialize_seq(Each(take, PhantomData)).is_ok()
}

struct Each<F, T>(F, PhantomData<T>);

impl<'de, T: Deserialize<'de>, F: FnMut(T) -> bool> Visitor<'de> for Each<F, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        while let Some(element) = list.next_element()? {
            if !(self.0)(element) {
                break;
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

/// The fields of an object in their order; `None` of anything else. Only for what the user gave: of a
/// response it could be more than memory holds.
pub fn entries(object: &str) -> Option<Vec<(String, &RawValue)>> {
    struct Entries;

    impl<'de> Visitor<'de> for Entries {
        type Value = Vec<(String, &'de RawValue)>;

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            iter::from_fn(|| map.next_entry().transpose()).collect()
        }
    }

    serde_json::Deserializer::from_str(object).deserialize_map(Entries).ok()
}

/// Reads JSON with `parse`: unchanged, and repaired if that fails.
///
/// # Errors
///
/// Of `parse`, about the repaired JSON.
pub fn parse<T>(
    bytes: &[u8],
    mut parse: impl FnMut(&str) -> Result<T, serde_json::Error>,
) -> Result<T, Broken> {
    let bytes = bytes.strip_prefix(BOM).unwrap_or(bytes);
    // Checked once as a whole, which is faster than each of its strings.
    if let Ok(text) = str::from_utf8(bytes)
        && let Ok(value) = parse(text)
    {
        return Ok(value);
    }
    let repaired = repair_json(bytes).ok_or(Broken::NotJson)?;
    parse(&repaired).map_err(|error| {
        if is_cut(repaired.as_bytes(), &error) { Broken::Cut } else { Broken::NotJson }
    })
}

/// A byte order mark.
pub const BOM: &[u8] = "\u{feff}".as_bytes();

/// What is wrong with JSON that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// It ends in the middle: a part of it is missing.
    Cut,
    /// It is something else.
    NotJson,
}

/// Whether JSON is wrong because it ends too early: also in the middle of a number, which serde reports
/// as a number that is wrong.
fn is_cut(json: &[u8], error: &serde_json::Error) -> bool {
    let last_line = json.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    let in_number =
        last_line.last().is_some_and(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte));
    error.is_eof() || (error.is_syntax() && in_number && error.column() >= last_line.len())
}

/// The text of a JSON string; `None` for any other value.
pub fn string(value: Raw<'_>) -> Option<Cow<'_, str>> {
    let inside = value?.get().strip_prefix('"')?.strip_suffix('"')?;
    Some(if inside.contains('\\') { Cow::Owned(unescape(inside)) } else { Cow::Borrowed(inside) })
}

/// The text of a JSON string that has any; `None` for any other value.
pub fn text(value: Raw<'_>) -> Option<Cow<'_, str>> {
    string(value).filter(|text| !text.is_empty())
}

/// The text of a JSON string of a name's length; `None` for any other value.
pub fn short_string(value: Raw) -> Option<String> {
    const MAX_NAME: usize = 256;
    text(value).filter(|text| text.len() <= MAX_NAME).map(Cow::into_owned)
}

/// A whole number from 0, also one that is written as `21.0`; `None` for any other value.
pub fn count(value: Raw<'_>) -> Option<u64> {
    let number = value?.get();
    let whole =
        number.split_once('.').filter(|(_, fraction)| fraction.bytes().all(|byte| byte == b'0'));
    whole.map_or(number, |(whole, _)| whole).parse().ok()
}

/// Whether a list has elements; no for any other value.
pub fn has_elements(value: Raw<'_>) -> bool {
    let mut found = false;
    each::<IgnoredAny>(value, |_| {
        found = true;
        false
    });
    found
}

/// Whether something is wrong where an error can stand: not where it is null, false or empty.
pub fn is_error(value: Raw<'_>) -> bool {
    let Some(value) = value.map(RawValue::get) else { return false };
    let is_empty = match value.as_bytes() {
        [b'{', inside @ .., b'}'] | [b'[', inside @ .., b']'] | [b'"', inside @ .., b'"'] => {
            inside.trim_ascii().is_empty()
        }
        _ => matches!(value, "null" | "false"),
    };
    !is_empty
}
