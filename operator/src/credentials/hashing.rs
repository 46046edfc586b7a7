//! bcrypt. Costs tens of milliseconds a call: for a thread that may block.

use super::rotation::{Outcome, Work};

/// 2^10 rounds, what `htpasswd -B` and the reference's documentation use; a client's first request waits for as many.
const COST: u32 = 10;

/// Does the work: verifies where there is a hash to verify against, and hashes where that does not succeed.
///
/// # Errors
/// When the system gives no random bytes for a salt.
pub fn perform(work: &Work) -> Result<Outcome, bcrypt::BcryptError> {
    let password = work.password.expose();
    let known = work.hash.as_deref().filter(|hash| has_our_cost(hash));
    if known.is_some_and(|hash| bcrypt::verify(password, hash).unwrap_or(false)) {
        return Ok(Outcome::Verified);
    }
    // `Password` has at most 72 bytes, of which none is cut off; the function that refuses to cut would refuse the 72nd too.
    bcrypt::hash(password, COST).map(Outcome::Hashed)
}

/// A hash of a higher cost, which nobody but a stranger can have written, could keep a thread busy for days.
fn has_our_cost(hash: &str) -> bool {
    hash.parse::<bcrypt::HashParts>().is_ok_and(|parts| parts.get_cost() == COST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::Password;

    fn work(password: &str, hash: Option<String>) -> Work {
        Work { user: "cook".into(), password: Password::parse(password.as_bytes()).unwrap(), hash }
    }

    #[test]
    fn a_password_is_hashed_once() {
        let Outcome::Hashed(hash) = perform(&work("pepper", None)).unwrap() else {
            panic!("nothing to verify against")
        };
        assert!(hash.starts_with("$2b$10$"), "{hash}");
        assert_eq!(perform(&work("pepper", Some(hash.clone()))).unwrap(), Outcome::Verified);
        assert!(matches!(perform(&work("salt", Some(hash))).unwrap(), Outcome::Hashed(_)));
    }

    #[test]
    fn the_longest_password_counts_to_its_last_byte() {
        let longest = "x".repeat(72);
        let Outcome::Hashed(hash) = perform(&work(&longest, None)).unwrap() else {
            panic!("nothing to verify against")
        };
        assert_eq!(perform(&work(&longest, Some(hash.clone()))).unwrap(), Outcome::Verified);
        for other in ["x".repeat(71), format!("{}y", "x".repeat(71))] {
            assert!(matches!(perform(&work(&other, Some(hash.clone()))).unwrap(), Outcome::Hashed(_)));
        }
    }

    #[test]
    fn a_hash_that_would_take_days_is_not_tried() {
        let costly = "$2b$31$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234".to_owned();
        assert!(matches!(perform(&work("pepper", Some(costly))).unwrap(), Outcome::Hashed(_)));
    }
}
