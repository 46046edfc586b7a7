//! A profile as pprof reads it, and what else understands its files: protobuf in gzip.

use std::{
    collections::{BTreeSet, HashMap},
    hash::Hash,
    io::{self, Write},
    time::Duration,
};

use flate2::{Compression, write::GzEncoder};
use prost::Message;

use super::{
    message::{Function, Line, Location, Mapping, Profile, Sample, ValueType},
    program,
    stacks::Stacks,
    symbols,
};

/// When a profile was taken.
pub(super) struct Time {
    /// Since 1970.
    pub(super) began: Duration,
    pub(super) lasted: Duration,
    /// Between two looks.
    pub(super) period: Duration,
}

/// What was seen, with the names of functions as far as their files know them.
///
/// # Errors
/// None in practice: it is written to memory.
pub(super) fn encode(stacks: &Stacks, mappings: &[program::Mapping], time: &Time) -> io::Result<Vec<u8>> {
    let mut profile = Builder::new(time);
    let addresses: BTreeSet<u64> = stacks.seen().flat_map(|(stack, _)| stack).copied().collect();
    for mapping in mappings {
        profile.mapping(mapping, &addresses);
    }
    for (stack, seen) in stacks.seen() {
        let location_id = stack.iter().map(|&address| profile.location(address)).collect();
        let value = vec![i64::from(seen.count), nanoseconds(seen.time)];
        profile.profile.sample.push(Sample { location_id, value });
    }
    let mut compressed = GzEncoder::new(Vec::new(), Compression::default());
    compressed.write_all(&profile.finish().encode_to_vec())?;
    compressed.finish()
}

fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// A profile, and where in it things are already.
struct Builder {
    profile: Profile,
    strings: Table<String>,
    functions: Table<symbols::Function>,
    locations: HashMap<u64, u64>,
}

impl Builder {
    fn new(time: &Time) -> Self {
        let mut strings = Table::default();
        strings.number(&String::new());
        let mut value =
            |name: &str, unit: &str| ValueType { r#type: text(&mut strings, name), unit: text(&mut strings, unit) };
        let (samples, cpu) = (value("samples", "count"), value("cpu", "nanoseconds"));
        let profile = Profile {
            sample_type: vec![samples, cpu],
            period_type: Some(cpu),
            period: nanoseconds(time.period),
            time_nanos: nanoseconds(time.began),
            duration_nanos: nanoseconds(time.lasted),
            ..Profile::default()
        };
        Self { profile, strings, functions: Table::default(), locations: HashMap::new() }
    }

    /// Adds a mapping, and those of `addresses` that are in it.
    fn mapping(&mut self, mapping: &program::Mapping, addresses: &BTreeSet<u64>) {
        let inside: Vec<u64> = addresses.range(mapping.addresses.clone()).copied().collect();
        let stated = |address: u64| address.wrapping_sub(mapping.bias);
        let functions = symbols::functions(&mapping.file, &inside.iter().copied().map(stated).collect());
        let id = self.profile.mapping.len() as u64 + 1;
        self.profile.mapping.push(Mapping {
            id,
            memory_start: mapping.addresses.start,
            memory_limit: mapping.addresses.end,
            file_offset: mapping.offset,
            filename: text(&mut self.strings, &mapping.path),
            build_id: text(&mut self.strings, &mapping.build_id),
            has_functions: !functions.is_empty(),
        });
        for address in inside {
            let line = functions
                .get(&stated(address))
                .map(|function| Line { function_id: self.functions.number(function) + 1 });
            self.add_location(address, id, line);
        }
    }

    /// The number of the location at `address`, which is in no mapping when it is new: there is code that no file has.
    fn location(&mut self, address: u64) -> u64 {
        match self.locations.get(&address) {
            Some(id) => *id,
            None => self.add_location(address, 0, None),
        }
    }

    fn add_location(&mut self, address: u64, mapping_id: u64, line: Option<Line>) -> u64 {
        let id = self.profile.location.len() as u64 + 1;
        self.profile.location.push(Location { id, mapping_id, address, line: line.into_iter().collect() });
        self.locations.insert(address, id);
        id
    }

    fn finish(mut self) -> Profile {
        for (id, function) in (1..).zip(self.functions.in_order()) {
            self.profile.function.push(Function {
                id,
                name: text(&mut self.strings, &function.name),
                system_name: text(&mut self.strings, &function.symbol),
            });
        }
        self.profile.string_table = self.strings.in_order();
        self.profile
    }
}

/// Things that are named by their number: that of the first place where one was seen, from 0.
#[derive(Debug)]
struct Table<T>(HashMap<T, u64>);

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T: Clone + Eq + Hash> Table<T> {
    fn number(&mut self, thing: &T) -> u64 {
        if let Some(number) = self.0.get(thing) {
            return *number;
        }
        let number = self.0.len() as u64;
        self.0.insert(thing.clone(), number);
        number
    }

    fn in_order(self) -> Vec<T> {
        let mut things: Vec<_> = self.0.into_iter().collect();
        things.sort_unstable_by_key(|(_, number)| *number);
        things.into_iter().map(|(thing, _)| thing).collect()
    }
}

/// The place of a text in the table of strings.
fn text(strings: &mut Table<String>, text: &str) -> i64 {
    i64::try_from(strings.number(&text.to_owned())).unwrap_or(i64::MAX)
}
