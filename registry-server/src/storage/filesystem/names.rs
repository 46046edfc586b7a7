//! The names in a directory, sorted and packed: twelve bytes and a name take little more than twice that.

use std::os::fd::AsFd;

use rustix::{fs::Dir, io::Errno};

/// Names in byte order. Those with a leading dot are temporary files and never among them, nor are other encodings than
/// UTF-8: every name we make is ASCII.
#[derive(Debug, Default)]
pub(super) struct Names {
    text: String,
    spans: Vec<Span>,
}

/// Where a name stands in the text. File systems have no names above 255 bytes.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: u32,
    length: u8,
}

impl Span {
    fn of(self, text: &str) -> &str {
        let start = self.start as usize;
        text.get(start..start + usize::from(self.length)).unwrap_or_default()
    }
}

impl Names {
    /// Reads a directory that has at most `entries` entries and whose names have at most `bytes` bytes; `None` when there
    /// are more.
    pub(super) fn read(directory: impl AsFd, entries: usize, bytes: usize) -> Result<Option<Self>, Errno> {
        let mut names = Self::default();
        for (count, entry) in Dir::read_from(directory)?.enumerate() {
            let entry = entry?;
            if count >= entries || names.text.len() > bytes {
                return Ok(None);
            }
            if let Some(name) = shown(entry.file_name().to_bytes()) {
                names.push(name);
            }
        }
        let Self { text, spans } = &mut names;
        spans.sort_unstable_by(|one, other| one.of(text).cmp(other.of(text)));
        Ok(Some(names))
    }

    fn push(&mut self, name: &str) {
        if let (Ok(start), Ok(length)) = (u32::try_from(self.text.len()), u8::try_from(name.len())) {
            self.text.push_str(name);
            self.spans.push(Span { start, length });
        }
    }

    /// The names greater than `after`, all of them without it.
    pub(super) fn after(&self, after: Option<&str>) -> impl Iterator<Item = &str> {
        let from = after.map_or(0, |after| self.spans.partition_point(|span| span.of(&self.text) <= after));
        self.spans[from..].iter().map(|span| span.of(&self.text))
    }

    /// Bytes of memory taken.
    pub(super) fn weight(&self) -> usize {
        self.text.capacity() + self.spans.capacity() * size_of::<Span>()
    }
}

/// The name of a directory entry, unless it is not to be seen.
pub(super) fn shown(name: &[u8]) -> Option<&str> {
    std::str::from_utf8(name).ok().filter(|name| !name.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn a_directory_is_read_sorted_and_without_what_is_hidden() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["b", "a-b", ".hidden", "a", "a.b", "A"] {
            File::create(directory.path().join(name)).unwrap();
        }
        let open = File::open(directory.path()).unwrap();
        let names = Names::read(&open, 100, 100).unwrap().unwrap();
        assert_eq!(names.after(None).collect::<Vec<_>>(), ["A", "a", "a-b", "a.b", "b"]);
        assert_eq!(names.after(Some("a")).collect::<Vec<_>>(), ["a-b", "a.b", "b"]);
        assert_eq!(names.after(Some("a-a")).collect::<Vec<_>>(), ["a-b", "a.b", "b"]);
        assert_eq!(names.after(Some("b")).count(), 0);
        // `.`, `..` and the hidden name are entries as well.
        assert!(Names::read(&open, 7, 100).unwrap().is_none());
        assert!(Names::read(&open, 8, 100).unwrap().is_some());
        assert!(Names::read(&open, 100, 3).unwrap().is_none());
    }
}
