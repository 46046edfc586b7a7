//! What code a process has mapped: the program, and libraries where it is not static.

use std::{
    fs::{self, File},
    io,
    ops::Range,
    path::{Path, PathBuf},
};

use framehop::{ExplicitModuleSectionInfo, Module};
use nix::unistd::Pid;
use object::{
    Endianness, Object, ObjectSection, ObjectSegment, ReadCache, SegmentFlags, elf::PF_X, read::elf::ElfFile64,
};

/// This program's file, which is the server's too, also when another one has taken its name since.
const OWN_FILE: &str = "/proc/self/exe";

/// A file in the form of the machine's programs. Read where it is looked at, not as a whole.
pub(super) type Elf<'data> = ElfFile64<'data, Endianness, &'data ReadCache<File>>;

/// Code of a file, and where it is in memory.
pub(super) struct Mapping {
    pub(super) addresses: Range<u64>,
    /// Of the first byte, in the file.
    pub(super) offset: u64,
    /// The file as the process sees it.
    pub(super) path: String,
    /// Where to read it.
    pub(super) file: PathBuf,
    /// The GNU build ID in hexadecimal; empty where there is none.
    pub(super) build_id: String,
    /// How much higher than the file says everything is.
    pub(super) bias: u64,
    /// What unwinding through this code needs. Without it, stacks end here.
    pub(super) module: Option<Module<Vec<u8>>>,
}

/// The code that `server` has mapped.
///
/// # Errors
/// When the kernel does not list it.
pub(super) fn mappings(server: Pid) -> io::Result<Vec<Mapping>> {
    let own = fs::read_link(OWN_FILE)?;
    let maps = fs::read_to_string(format!("/proc/{server}/maps"))?;
    let mut mappings: Vec<_> = maps.lines().filter_map(|line| mapping(line, &own)).collect();
    for mapping in &mut mappings {
        examine(mapping);
    }
    Ok(mappings)
}

/// A line of maps, when it is about code of a file (`proc_pid_maps(5)`).
fn mapping(line: &str, own: &Path) -> Option<Mapping> {
    let mut fields = line.splitn(6, ' ');
    let (begin, end) = fields.next()?.split_once('-')?;
    let is_code = fields.next()?.contains('x');
    let offset = number(fields.next()?)?;
    let path = fields.nth(2)?.trim_start();
    let file = if Path::new(path) == own { OWN_FILE } else { path };
    (is_code && path.starts_with('/')).then_some(Mapping {
        addresses: number(begin)?..number(end)?,
        offset,
        path: path.to_owned(),
        file: file.into(),
        build_id: String::new(),
        bias: 0,
        module: None,
    })
}

fn number(hexadecimal: &str) -> Option<u64> {
    u64::from_str_radix(hexadecimal, 16).ok()
}

/// Completes `mapping` by what its file says. Nothing, when the file is no program.
fn examine(mapping: &mut Mapping) -> Option<()> {
    let cache = ReadCache::new(File::open(&mapping.file).ok()?);
    let elf = Elf::parse(&cache).ok()?;
    mapping.bias = bias(&elf, mapping)?;
    let id = elf.build_id().ok().flatten().unwrap_or_default();
    mapping.build_id = id.iter().map(|byte| format!("{byte:02x}")).collect();
    let (name, addresses) = (mapping.path.clone(), mapping.addresses.clone());
    mapping.module = Some(Module::new(name, addresses, mapping.bias, sections(&elf)));
    Some(())
}

/// The distance of memory from what the file says about the code in `mapping`.
fn bias(elf: &Elf<'_>, mapping: &Mapping) -> Option<u64> {
    let segment = elf.segments().find(|segment| {
        let (begin, size) = segment.file_range();
        // A mapping begins at the page in which its segment does, where another one may end.
        let overlaps =
            mapping.offset < begin.saturating_add(size) && begin < mapping.offset.saturating_add(length(mapping));
        overlaps && matches!(segment.flags(), SegmentFlags::Elf { p_flags, .. } if p_flags.contains(PF_X))
    })?;
    let stated = segment.address().wrapping_sub(segment.file_range().0).wrapping_add(mapping.offset);
    Some(mapping.addresses.start.wrapping_sub(stated))
}

fn length(mapping: &Mapping) -> u64 {
    mapping.addresses.end - mapping.addresses.start
}

fn sections(elf: &Elf<'_>) -> ExplicitModuleSectionInfo<Vec<u8>> {
    let section = |name| elf.section_by_name(name);
    let addresses = |name| section(name).map(|section| section.address()..section.address() + section.size());
    let data = |name| section(name).and_then(|section| section.data().ok()).map(<[u8]>::to_vec);
    ExplicitModuleSectionInfo {
        text_svma: addresses(".text"),
        got_svma: addresses(".got"),
        eh_frame_svma: addresses(".eh_frame"),
        eh_frame: data(".eh_frame"),
        eh_frame_hdr_svma: addresses(".eh_frame_hdr"),
        eh_frame_hdr: data(".eh_frame_hdr"),
        ..ExplicitModuleSectionInfo::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &str) -> Option<(Range<u64>, u64, String, PathBuf)> {
        let mapping = mapping(line, Path::new("/bin/registry"))?;
        Some((mapping.addresses, mapping.offset, mapping.path, mapping.file))
    }

    #[test]
    fn code_of_files_is_found_and_nothing_else() {
        let line = "7f00-7f10 r-xp 00001000 08:01 99                  /a folder/lib.so";
        assert_eq!(
            found(line),
            Some((0x7f00..0x7f10, 0x1000, "/a folder/lib.so".to_owned(), "/a folder/lib.so".into()))
        );
        let line = "55-56 r-xp 00000000 08:01 99 /bin/registry";
        assert_eq!(found(line), Some((0x55..0x56, 0, "/bin/registry".to_owned(), OWN_FILE.into())));
        for line in [
            "55-56 rw-p 00000000 08:01 99 /bin/registry",
            "55-56 r-xp 00000000 00:00 0 [vdso]",
            "55-56 r-xp 0 00:00 0",
            "",
        ] {
            assert_eq!(found(line), None, "{line}");
        }
    }

    #[test]
    fn this_program_is_found_with_what_unwinding_needs() {
        let mappings = mappings(Pid::this()).unwrap();
        let own = mappings.iter().find(|mapping| mapping.file == Path::new(OWN_FILE)).unwrap();
        let here = this_program_is_found_with_what_unwinding_needs as fn() as usize as u64;
        assert!(own.addresses.contains(&here), "{:x} in {:x?}", here, own.addresses);
        assert!(own.module.is_some());
    }
}
