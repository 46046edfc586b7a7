//! The canary's image: this program in one layer. The layer is not compressed, so that it is read from the program's own file as
//! often as it is asked for, and nothing is kept of it but its digest.

use std::{
    env::consts,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use aws_lc_rs::digest::{Context, SHA256, digest};
use bytes::Bytes;
use serde_json::{Value, json};
use tar::{EntryType, Header};

use crate::controller::hexadecimal;

/// Where the program is in the image.
const PROGRAM: &str = "canary";
/// The subcommand that it is to run.
const COMMAND: &str = "canary";
/// A tar archive is made of blocks, and ends with two empty ones.
const BLOCK: u64 = 512;
const END: u64 = 2 * BLOCK;
/// What is read at once.
const CHUNK: usize = 64 * 1024;

/// A document of the image.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) media_type: &'static str,
    pub(super) digest: String,
    pub(super) content: Bytes,
}

/// The image.
#[derive(Debug)]
pub(in crate::node_trust) struct Image {
    program: PathBuf,
    header: Header,
    size: u64,
    pub(super) manifest: Document,
    pub(super) config: Document,
    pub(super) layer_digest: String,
}

impl Document {
    fn new(media_type: &'static str, content: &Value) -> Self {
        let content = Bytes::from(content.to_string());
        Self { media_type, digest: written(digest(&SHA256, &content).as_ref()), content }
    }

    fn descriptor(&self) -> Value {
        json!({"mediaType": self.media_type, "digest": self.digest, "size": self.content.len()})
    }
}

impl Image {
    /// The image that runs `program`, which is read once from beginning to end.
    ///
    /// # Errors
    /// When the program cannot be read.
    pub(in crate::node_trust) fn of(program: &Path) -> io::Result<Self> {
        let size = File::open(program)?.metadata()?.len();
        let header = header(size)?;
        let layer_digest = digest_of(layer(program, &header, size)?)?;
        let config = Document::new("application/vnd.oci.image.config.v1+json", &config(&layer_digest));
        let layer = json!({"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": layer_digest,
            "size": layer_size(size)});
        let manifest = Document::new(
            "application/vnd.oci.image.manifest.v1+json",
            &json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": config.descriptor(), "layers": [layer]}),
        );
        Ok(Self { program: program.to_owned(), header, size, manifest, config, layer_digest })
    }

    /// The layer's bytes.
    ///
    /// # Errors
    /// When the program cannot be read any more.
    pub(super) fn layer(&self) -> io::Result<impl Read + Send + use<>> {
        layer(&self.program, &self.header, self.size)
    }

    /// How many there are of them.
    pub(super) const fn layer_size(&self) -> u64 {
        layer_size(self.size)
    }
}

const fn layer_size(program: u64) -> u64 {
    BLOCK + program.next_multiple_of(BLOCK) + END
}

fn header(size: u64) -> io::Result<Header> {
    let mut header = Header::new_ustar();
    header.set_path(PROGRAM)?;
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o755);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header.set_cksum();
    Ok(header)
}

fn layer(program: &Path, header: &Header, size: u64) -> io::Result<impl Read + Send + use<>> {
    let rest = layer_size(size) - BLOCK - size;
    let header = io::Cursor::new(*header.as_bytes());
    Ok(header.chain(File::open(program)?.take(size)).chain(io::repeat(0).take(rest)))
}

fn digest_of(mut content: impl Read) -> io::Result<String> {
    let (mut context, mut chunk) = (Context::new(&SHA256), vec![0; CHUNK]);
    loop {
        match content.read(&mut chunk)? {
            0 => return Ok(written(context.finish().as_ref())),
            read => context.update(chunk.get(..read).unwrap_or_default()),
        }
    }
}

/// As in the OCI image-spec, section "Digests".
fn written(digest: &[u8]) -> String {
    format!("sha256:{}", hexadecimal(digest))
}

fn config(layer: &str) -> Value {
    json!({
        "architecture": architecture(),
        "os": consts::OS,
        "config": {"Entrypoint": [format!("/{PROGRAM}"), COMMAND]},
        "rootfs": {"type": "layers", "diff_ids": [layer]},
    })
}

/// As Go, and with it the image-spec, names it.
const fn architecture() -> &'static str {
    match consts::ARCH.as_bytes() {
        b"x86_64" => "amd64",
        b"aarch64" => "arm64",
        _ => consts::ARCH,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_is_this_program_in_one_layer_whose_digests_are_right() {
        let directory = tempfile::tempdir().unwrap();
        for size in [0, 1, 511, 512, 513, 100_000] {
            let program = directory.path().join("program");
            std::fs::write(&program, vec![7; size]).unwrap();
            let image = Image::of(&program).unwrap();
            let mut layer = Vec::new();
            image.layer().unwrap().read_to_end(&mut layer).unwrap();
            assert_eq!(u64::try_from(layer.len()).unwrap(), image.layer_size());
            assert_eq!(written(digest(&SHA256, &layer).as_ref()), image.layer_digest);
            let mut archive = tar::Archive::new(&layer[..]);
            let mut entries = archive.entries().unwrap();
            let mut file = entries.next().unwrap().unwrap();
            assert_eq!((file.path().unwrap().to_str(), file.header().mode().unwrap()), (Some(PROGRAM), 0o755));
            let mut content = Vec::new();
            file.read_to_end(&mut content).unwrap();
            assert_eq!(content, vec![7; size]);
            assert!(entries.next().is_none());
            let manifest: Value = serde_json::from_slice(&image.manifest.content).unwrap();
            assert_eq!(manifest["layers"][0]["digest"], image.layer_digest);
            assert_eq!(manifest["layers"][0]["size"], image.layer_size());
            assert_eq!(manifest["config"]["digest"], image.config.digest);
            let config: Value = serde_json::from_slice(&image.config.content).unwrap();
            assert_eq!(config["rootfs"]["diff_ids"][0], image.layer_digest, "it is not compressed");
        }
    }
}
