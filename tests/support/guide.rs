//! What documents show to be typed: every block of commands names the test that types it, as it stands there.
//!
//! ````text
//!   ```sh (typed by control_plane/guide::what_an_administrator_types)   commands; the test runs `guide::of(&this_test!())`
//!   ```console (typed by ...)                                           commands after `$ `, each with what it prints
//!   ```sh (not typed: tiers)                                            commands that no test can type, and which of the REASONS
//! ````
//!
//! Documents say which test it is, so that who writes a command sees at once whether it is typed; the test finds its blocks by its
//! own name. tests/manifests/commands.rs fails for one that does not exist, and `make documented` lists them all. In
//! parentheses, because rustdoc reads some of these documents and takes that for a comment.

mod alike;
mod block;
mod typist;

use std::fs;

use anyhow::{Context as _, Result, ensure};

pub use self::block::Block;
pub use self::typist::Typist;

use crate::root;

/// Where every file with the ending `md` is a document for readers, and the documents that stand alone.
const FOLDERS: [&str; 2] = ["operator/docs", "operator"];
const OTHERS: [&str; 6] = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "charts/private-registry-operator/README.md",
    "deploy/moving/README.md",
    "registry-server/README.md",
];

/// Why a block of commands is typed by no test, by the word after `not typed:`.
pub const REASONS: [(&str, &str); 5] = [
    ("builds", "compiles the project in another way than the tests do, which takes minutes; the program is theirs"),
    ("names", "gives names that are the reader's to choose; the tests that type what follows give their own"),
    ("ssh", "copies to a machine of the reader's; the test puts the same files there by other means"),
    ("tiers", "runs the test suite, of which this check is a part"),
    ("publishes", "needs a registry of the reader's, and his password"),
];

/// Documents, named from the root.
pub fn documents() -> Result<Vec<String>> {
    let mut documents: Vec<_> = OTHERS.map(str::to_owned).into();
    for folder in FOLDERS {
        for entry in fs::read_dir(root().join(folder))? {
            let name = entry?.file_name().display().to_string();
            documents.extend(name.ends_with(".md").then(|| format!("{folder}/{name}")));
        }
    }
    documents.sort();
    Ok(documents)
}

/// Every fenced block of every document, in order.
pub fn blocks() -> Result<Vec<Block>> {
    let mut blocks = Vec::new();
    for document in documents()? {
        let text = fs::read_to_string(root().join(&document))?;
        blocks.extend(block::parse(&document, &text));
    }
    Ok(blocks)
}

/// The blocks that `test` types, in the order of the documents: README.md comes first, then those of operator/.
pub fn of(test: &str) -> Result<Vec<Block>> {
    let mut blocks = blocks()?;
    blocks.retain(|block| block.test() == Some(test));
    ensure!(!blocks.is_empty(), "no document has a block that is typed by {test}");
    Ok(blocks)
}

/// Those of them that stand below `heading`, where a test has something to do between one part and the next.
pub fn below(test: &str, heading: &str) -> Result<Vec<Block>> {
    let mut blocks = of(test)?;
    blocks.retain(|block| block.heading == heading);
    ensure!(!blocks.is_empty(), "no block that is typed by {test} stands below {heading}");
    Ok(blocks)
}

/// The block that a document shows as the content of the file `name`, which its first line says.
pub fn file(name: &str) -> Result<Block> {
    let opening = format!("# {name}\n");
    let block = blocks()?.into_iter().find(|block| block.text.starts_with(&opening));
    block.with_context(|| format!("no document shows {name}"))
}

/// The name by which documents know the test that this stands in, such as `e2e/guide::a_first_registry`.
#[macro_export]
macro_rules! this_test {
    () => {{
        fn here() {}
        $crate::guide::name_of(&here)
    }};
}

/// The name of the function that `here` stands in, as `tier/file::function`. For [`this_test`].
pub fn name_of<T>(_: &T) -> String {
    let path = std::any::type_name::<T>().trim_end_matches("::here").replace("::{{closure}}", "");
    let (file, function) = path.rsplit_once("::").unwrap_or(("", &path));
    format!("{}::{function}", file.replace("::", "/"))
}
