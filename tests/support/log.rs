//! What a program that runs beside a test writes, kept to be shown when the test fails.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::net::unix::pipe;
use tokio::task::JoinHandle;

/// The lines that a program writes.
#[derive(Debug)]
pub(crate) struct Log {
    lines: Option<Lines<BufReader<pipe::Receiver>>>,
    text: Arc<Mutex<String>>,
    following: Option<JoinHandle<()>>,
}

impl Log {
    /// The log of a program that writes into the other end of `reader`.
    pub(crate) fn of(reader: std::io::PipeReader) -> Result<Self> {
        let reader = pipe::Receiver::from_owned_fd(reader.into())?;
        Ok(Self { lines: Some(BufReader::new(reader).lines()), text: Arc::default(), following: None })
    }

    /// The address that follows `announcement`; `None` when the program ends before.
    pub(crate) async fn address_after(&mut self, announcement: &str) -> Option<String> {
        while let Some(line) = self.lines.as_mut()?.next_line().await.ok()? {
            note(&self.text, &line);
            if let Some((_, rest)) = line.split_once(announcement) {
                let end = rest.find(|character: char| !character.is_ascii_digit() && !".:".contains(character));
                return Some(rest[..end.unwrap_or(rest.len())].to_owned());
            }
        }
        None
    }

    /// Goes on reading, so that the program never waits for its reader.
    pub(crate) fn follow(&mut self) {
        let Some(mut lines) = self.lines.take() else { return };
        let text = Arc::clone(&self.text);
        self.following = Some(tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                note(&text, &line);
            }
        }));
    }

    /// Waits until the last line is there.
    pub(crate) async fn end(&mut self) {
        if let Some(following) = self.following.take() {
            let _ = following.await;
        }
    }

    /// Everything so far.
    pub(crate) fn text(&self) -> String {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn note(text: &Mutex<String>, line: &str) {
    let mut text = text.lock().unwrap_or_else(PoisonError::into_inner);
    text.push_str(line);
    text.push('\n');
}
