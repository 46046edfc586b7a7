//! Names of functions, as far as a file has kept them.

use std::{
    collections::{BTreeSet, HashMap},
    fs::File,
    path::Path,
};

use object::{Object, ObjectSymbol, ObjectSymbolTable, ReadCache, SymbolIndex, SymbolKind};

use super::program::Elf;

/// A function's name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Function {
    /// As people write it.
    pub(super) name: String,
    /// As the linker does.
    pub(super) symbol: String,
}

/// Where a function is. In the order of `begin`.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    begin: u64,
    /// 0: it does not say, as assembly sometimes.
    size: u64,
    symbol: usize,
}

impl Place {
    fn contains(&self, address: u64) -> bool {
        self.begin <= address && (self.size == 0 || address - self.begin < self.size)
    }
}

/// The functions at `addresses`, which are those that the file states. Empty when the file has no symbols.
pub(super) fn functions(file: &Path, addresses: &BTreeSet<u64>) -> HashMap<u64, Function> {
    read(file, addresses).unwrap_or_default()
}

fn read(file: &Path, addresses: &BTreeSet<u64>) -> Option<HashMap<u64, Function>> {
    let cache = ReadCache::new(File::open(file).ok()?);
    let elf = Elf::parse(&cache).ok()?;
    // Libraries that were stripped still name what they are called by.
    let table = elf.symbol_table().or_else(|| elf.dynamic_symbol_table())?;
    let code = table.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.is_definition());
    let mut places: Vec<_> =
        code.map(|symbol| Place { begin: symbol.address(), size: symbol.size(), symbol: symbol.index().0 }).collect();
    places.sort_unstable();
    let function = |address: u64| {
        let before = places.partition_point(|place| place.begin <= address);
        let place = places.get(..before)?.last().filter(|place| place.contains(address))?;
        named(table.symbol_by_index(SymbolIndex(place.symbol)).ok()?.name().ok()?)
    };
    Some(addresses.iter().filter_map(|&address| Some((address, function(address)?))).collect())
}

fn named(symbol: &str) -> Option<Function> {
    // Without the hash at the end, which tells instances apart that are one function in the source.
    let name = format!("{:#}", rustc_demangle::demangle(symbol));
    (!name.is_empty()).then(|| Function { name, symbol: symbol.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_source() {
        let function = named("_ZN8registry4pull17h0123456789abcdefE").unwrap();
        assert_eq!(function.name, "registry::pull");
        assert_eq!(named("epoll_wait").unwrap().name, "epoll_wait");
    }

    #[test]
    fn an_address_belongs_to_the_function_around_it() {
        let place = Place { begin: 16, size: 8, symbol: 1 };
        assert_eq!([15, 16, 23, 24].map(|address| place.contains(address)), [false, true, true, false]);
        assert!(Place { size: 0, ..place }.contains(99));
    }
}
