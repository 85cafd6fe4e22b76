//! Lists in pages: the `Range` header, `id ..; max=10, order=desc`.

use std::{cmp::Ordering, str::FromStr};

use axum::{
    Json,
    extract::FromRequestParts,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts};
use serde::Serialize;

use crate::{Api, error::ApiError};

const DEFAULT_PAGE: usize = 200;
const LARGEST_PAGE: usize = 1000;

/// Which part of a list is asked for. Read liberally: every client writes it differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Range {
    /// None: the list's own order.
    attribute: Option<String>,
    start: Option<Bound>,
    end: Option<Bound>,
    max: usize,
    descending: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Bound {
    value: String,
    /// Whether the value itself is left out: `]value` at the start, `value[` at the end.
    exclusive: bool,
}

/// What lists are sorted by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Number(u64),
    Text(String),
}

/// What a list can be sorted by, each with where it stands. The first is the list's own
/// order, to which an unknown attribute falls back too.
pub(crate) type Keys<T> = [By<T>];

/// An attribute and how to find it.
pub(crate) type By<T> = (&'static str, fn(&T) -> Key);

/// Not a range at all.
#[derive(Debug)]
pub(crate) struct Malformed;

impl Default for Range {
    fn default() -> Self {
        Self { attribute: None, start: None, end: None, max: DEFAULT_PAGE, descending: false }
    }
}

impl FromStr for Range {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let (span, parameters) = text.split_once(';').unwrap_or((text, ""));
        let (start, end) = span.split_once("..").ok_or(Malformed)?;
        let (attribute, start) = start.trim().split_once(' ').unwrap_or((start.trim(), ""));
        let mut range = Self {
            attribute: Some(attribute.to_owned()),
            start: bound(start, start.trim().strip_prefix(']')),
            end: bound(end, end.trim().strip_suffix('[')),
            ..Self::default()
        };
        for parameter in parameters.split([';', ',']).map(str::trim).filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=').map(|(name, value)| (name.trim(), value.trim())) {
                Some(("max", max)) => range.max = max.parse::<usize>().ok().filter(|&max| max > 0).ok_or(Malformed)?.min(LARGEST_PAGE),
                Some(("order", "asc")) => range.descending = false,
                Some(("order", "desc")) => range.descending = true,
                Some(("order", _)) | None => return Err(Malformed),
                Some(_) => {}
            }
        }
        Ok(range)
    }
}

fn bound(plain: &str, exclusive: Option<&str>) -> Option<Bound> {
    let value = exclusive.unwrap_or(plain).trim();
    (!value.is_empty()).then(|| Bound { value: value.to_owned(), exclusive: exclusive.is_some() })
}

impl FromRequestParts<Api> for Range {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, ApiError> {
        let Some(text) = parts.headers.get(header::RANGE) else { return Ok(Self::default()) };
        let range = text.to_str().map_err(|_| Malformed).and_then(str::parse);
        range.map_err(|Malformed| ApiError::bad_request("Invalid `Range` header. Please use format like `id ..; max=10, order=desc`."))
    }
}

impl Range {
    /// The part of `items` asked for: 206 with the range of the next page if there is one, 200 otherwise.
    pub(crate) fn page<T: Serialize>(&self, items: Vec<T>, keys: &Keys<T>) -> Response {
        let (page, more, by) = self.cut(items, keys);
        let mut headers = HeaderMap::new();
        let mut say = |header: HeaderName, text: String| {
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.insert(header, value);
            }
        };
        say(header::ACCEPT_RANGES, keys.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "));
        let (Some(first), Some(last), true) = (page.first(), page.last(), more) else { return (headers, Json(page)).into_response() };
        let (name, key) = by;
        say(header::CONTENT_RANGE, format!("{name} {}..{}", key(first).text(), key(last).text()));
        say(HeaderName::from_static("next-range"), self.next(by, last));
        (StatusCode::PARTIAL_CONTENT, headers, Json(page)).into_response()
    }

    /// What to ask for to get what comes after `last`.
    fn next<T>(&self, (name, key): &By<T>, last: &T) -> String {
        let order = if self.descending { ", order=desc" } else { "" };
        // A bound on an attribute that is not there would bound another one there.
        let end = self.end.as_ref().filter(|_| self.attribute.as_deref() == Some(*name));
        let end = end.map_or_else(String::new, |end| if end.exclusive { format!("{}[", end.value) } else { end.value.clone() });
        format!("{name} ]{}..{end}; max={}{order}", key(last).text(), self.max)
    }

    fn cut<'k, T>(&self, mut items: Vec<T>, keys: &'k Keys<T>) -> (Vec<T>, bool, &'k By<T>) {
        let known = keys.iter().find(|(name, _)| self.attribute.as_deref() == Some(*name));
        let chosen = known.unwrap_or(&keys[0]);
        let key = chosen.1;
        let compare = |one: &Key, other: &Key| if self.descending { other.cmp(one) } else { one.cmp(other) };
        items.sort_by(|one, other| compare(&key(one), &key(other)));
        // Bounds on an attribute that is not there bound nothing.
        for (bound, wanted) in [(&self.start, Ordering::Greater), (&self.end, Ordering::Less)] {
            let Some(bound) = bound.as_ref().filter(|_| known.is_some()) else { continue };
            items.retain(|item| match compare(&key(item), &key(item).like(&bound.value)) {
                Ordering::Equal => !bound.exclusive,
                other => other == wanted,
            });
        }
        // The next page begins behind a value, so that items of one value stay together.
        let mut length = self.max.min(items.len());
        while length > 0 && length < items.len() && key(&items[length]) == key(&items[length - 1]) {
            length += 1;
        }
        let more = length < items.len();
        items.truncate(length);
        (items, more, chosen)
    }
}

impl Key {
    fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }

    /// A bound's text as a key of the same kind; what is no number is before all numbers.
    fn like(&self, text: &str) -> Self {
        match self {
            Self::Number(_) => Self::Number(text.trim_start_matches('v').parse().unwrap_or(0)),
            Self::Text(_) => Self::Text(text.to_owned()),
        }
    }
}

#[cfg(test)]
mod fuzz;

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: &Keys<u64> = &[("id", |n| Key::Text(format!("{n:03}"))), ("version", |n| Key::Number(*n))];

    fn check(header: &str, items: std::ops::RangeInclusive<u64>) -> (Vec<u64>, bool) {
        let range: Range = header.parse().unwrap();
        let (page, more, _) = range.cut(items.collect(), KEYS);
        (page, more)
    }

    #[test]
    fn reads_what_clients_write() {
        for (header, page, more) in [
            ("version ..; max=1, order=desc", vec![3], true),
            ("version ..; order=desc,max=1", vec![3], true),
            ("version ..; order=desc", vec![3, 2, 1], false),
            ("id ..; max=1000;", vec![1, 2, 3], false),
            ("", vec![1, 2, 3], false),
            ("id ..; ;", vec![1, 2, 3], false),
            ("domain ..; ;", vec![1, 2, 3], false),
            ("domain ]x..; ;", vec![1, 2, 3], false),
            ("id ]..; max=1000", vec![1, 2, 3], false),
            ("name ..; order=desc,max=2;", vec![3, 2], true),
            ("version ]1..; max=1", vec![2], true),
            ("version 2..", vec![2, 3], false),
            ("version ]3..; max=1, order=desc", vec![2], true),
            ("version 1..2", vec![1, 2], false),
            ("version 1..2[", vec![1], false),
            ("id ]001..", vec![2, 3], false),
            ("version ]3..", vec![], false),
        ] {
            assert_eq!(check(header, 1..=3), (page, more), "{header:?}");
        }
        assert_eq!(check("id ..; max=5000", 1..=1100).0.len(), 1000);
        assert_eq!(check("id ..", 1..=201).0.len(), 200);
    }

    #[test]
    fn refuses_what_is_no_range() {
        for header in ["id", "bytes=0-5", "id ..; max=many", "id ..; max=0", "id ..; max=-1", "id ..; order=up", "id ..; max"] {
            assert!(header.parse::<Range>().is_err(), "{header:?}");
        }
    }

    #[test]
    fn one_value_is_never_torn_apart() {
        let keys: &Keys<(u64, u64)> = &[("id", |(id, _)| Key::Number(*id)), ("size", |(_, size)| Key::Number(*size))];
        let range: Range = "size ..; max=1".parse().unwrap();
        let (page, more, _) = range.cut(vec![(1, 7), (2, 7), (3, 8)], keys);
        assert_eq!((page, more), (vec![(1, 7), (2, 7)], true));
    }
}
