//! Prints the table of keys that is part of this crate's documentation; `make generate` writes it to `keys.md`.

#![expect(clippy::print_stdout, reason = "this is what the program is for")]

fn main() {
    print!("{}", registry_config::keys::table());
}
