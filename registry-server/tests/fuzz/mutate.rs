//! Inputs at random: one of a corpus, changed a few times.

use std::{fmt, sync::Arc};

use proptest::{prelude::*, sample::Index};

/// No input is longer; what is longer is cut.
const LONGEST: usize = 128 << 10;

/// What parsers of this server look for, and what has confused others.
const TOKENS: &[&[u8]] = &[
    b"..",
    b"%2e%2e",
    b"%2F",
    b"%00",
    b"%",
    b"/",
    b"//",
    b"?",
    b"&",
    b"=",
    b":",
    b"-",
    b"_",
    b"__",
    b"\0",
    b"\r\n",
    b"\n",
    b"\xff",
    b"\xef\xbb\xbf",
    "\u{212a}".as_bytes(),
    "\u{17f}".as_bytes(),
    b"0",
    b"00",
    b"+1",
    b"-1",
    b"1e999",
    b"4294967296",
    b"18446744073709551615",
    b"18446744073709551616",
    b"99999999999999999999999999999999999999999999",
    b"bytes=",
    b",",
    b"sha256:",
    b"sha512:",
    b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    b"1d0e8a58-6b6f-4b1e-9d4f-3a1f0c5a9f11",
    b"/blobs/uploads/",
    b"/manifests/",
    b"/tags/list",
    b"/referrers/",
    b"n=",
    b"last=",
    b"_state=",
    b"Basic ",
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"{",
    b"}",
    b"[",
    b"]",
    b"null",
    b"true",
    b"*",
    b"**",
    b"#",
    b"$2y$04$",
    b"&a ",
    b"*a",
    b"!!binary ",
    b"<<: ",
    b"- ",
    b"  ",
    b"\t",
    b"~",
    b"|\n",
    b"REGISTRY_",
    b"_0_",
];

/// An input; printed as bytes with escapes.
#[derive(Clone)]
pub(crate) struct Input(pub(crate) Vec<u8>);

impl fmt::Debug for Input {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "b\"{}\"", self.0.escape_ascii())
    }
}

/// One change. Places are relative, so that a change means something on every input.
#[derive(Debug, Clone)]
enum Change {
    Set(Index, u8),
    Insert(Index, u8),
    Remove(Index, usize),
    Token(Index, &'static [u8]),
    /// Part of the input, so many times in its place.
    Repeat(Index, usize, usize),
    /// The rest is that of another input of the corpus.
    Splice(Index, Index, Index),
}

/// Inputs of `corpus`, each changed up to eight times.
pub(crate) fn inputs(corpus: Vec<Vec<u8>>) -> impl Strategy<Value = Input> {
    let corpus = Arc::new(corpus);
    (any::<Index>(), prop::collection::vec(change(), 0..=8)).prop_map(move |(first, changes)| {
        let mut input = corpus[first.index(corpus.len())].clone();
        for change in changes {
            apply(change, &mut input, &corpus);
            input.truncate(LONGEST);
        }
        Input(input)
    })
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Insert(at, byte)),
        (any::<Index>(), 1_usize..16).prop_map(|(at, length)| Change::Remove(at, length)),
        (any::<Index>(), prop::sample::select(TOKENS)).prop_map(|(at, token)| Change::Token(at, token)),
        (any::<Index>(), 1_usize..64, prop_oneof![2_usize..4, 2_usize..2000])
            .prop_map(|(at, length, times)| Change::Repeat(at, length, times)),
        (any::<Index>(), any::<Index>(), any::<Index>()).prop_map(|(at, other, from)| Change::Splice(at, other, from)),
    ]
}

fn apply(change: Change, input: &mut Vec<u8>, corpus: &[Vec<u8>]) {
    let place = |at: Index, input: &[u8]| at.index(input.len() + 1);
    match change {
        Change::Set(at, byte) if !input.is_empty() => {
            let at = at.index(input.len());
            input[at] = byte;
        }
        Change::Set(_, byte) => input.push(byte),
        Change::Insert(at, byte) => input.insert(place(at, input), byte),
        Change::Remove(at, length) => {
            let at = place(at, input);
            input.drain(at..(at + length).min(input.len()));
        }
        Change::Token(at, token) => {
            let at = place(at, input);
            input.splice(at..at, token.iter().copied());
        }
        Change::Repeat(at, length, times) => {
            let at = place(at, input);
            let part = input[at..(at + length).min(input.len())].repeat(times);
            input.splice(at..at, part);
        }
        Change::Splice(at, other, from) => {
            input.truncate(place(at, input));
            let other = &corpus[other.index(corpus.len())];
            input.extend_from_slice(&other[place(from, other)..]);
        }
    }
}
