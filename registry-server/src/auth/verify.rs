//! Checks passwords against bcrypt hashes: on a few threads with a short queue, equal checks once, and with a memory of
//! recent successes, so that a client that sends its password with every request pays for one check.
//!
//! Only successes are remembered, under a keyed hash over user, stored hash and password: nothing in memory gives a
//! password away, and an entry is worthless as soon as the line it was made from is gone.

use std::{
    collections::HashMap,
    num::NonZero,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use aws_lc_rs::{hmac, rand::SystemRandom};
use futures::{FutureExt, future::BoxFuture, future::Shared};
use quick_cache::sync::Cache;
use tokio::sync::Semaphore;

use super::htpasswd::{Line, Users};

/// How long a success is remembered.
const REMEMBERED: Duration = Duration::from_secs(5 * 60);

/// Successes that are remembered.
const ENTRIES: usize = 4096;

/// Checks that run or wait. At cost 10, one thread does about twenty a second.
const QUEUE: usize = 64;

/// bcrypt looks at no more than this of a password; a longer one would be as good as its beginning.
const LONGEST_PASSWORD: usize = 72;

type Tag = [u8; 32];
type Check = Shared<BoxFuture<'static, bool>>;

/// Checks passwords. Clones share everything.
#[derive(Clone)]
pub(super) struct Verifier(Arc<Inner>);

struct Inner {
    key: hmac::Key,
    remembered: Cache<Tag, Instant>,
    running: Mutex<HashMap<Tag, Check>>,
    queue: Arc<Semaphore>,
    threads: Arc<Semaphore>,
}

/// More checks are waiting than can be done soon.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Busy;

impl Verifier {
    /// # Errors
    /// When the system gives no random bytes.
    pub(super) fn new() -> Result<Self, aws_lc_rs::error::Unspecified> {
        // Half of the processors: logins must not keep others from their blobs.
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get).div_ceil(2);
        Ok(Self(Arc::new(Inner {
            key: hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())?,
            remembered: Cache::new(ENTRIES),
            running: Mutex::default(),
            queue: Arc::new(Semaphore::new(QUEUE)),
            threads: Arc::new(Semaphore::new(threads)),
        })))
    }

    /// Whether `password` was right a short while ago, by a line of `users` that is still there.
    pub(super) fn remembers(&self, users: &Users, user: &str, password: &[u8]) -> bool {
        let now = Instant::now();
        users.lines(user).iter().any(|line| {
            let tag = self.0.tag(&[user.as_bytes(), line.hash.as_bytes(), password]);
            self.0.remembered.get(&tag).is_some_and(|since| now.duration_since(since) < REMEMBERED)
        })
    }

    /// Whether `password` is right. Takes the same time for every user of `users` and for unknown ones when it is not.
    ///
    /// # Errors
    /// When too many checks wait already.
    pub(super) async fn check(&self, users: &Arc<Users>, user: &str, password: Vec<u8>) -> Result<bool, Busy> {
        let tag = self.0.tag(&[users.sha256.as_bytes(), user.as_bytes(), &password]);
        let check = self.join_or_start(tag, users, user, password)?;
        Ok(check.await)
    }

    fn join_or_start(&self, tag: Tag, users: &Arc<Users>, user: &str, password: Vec<u8>) -> Result<Check, Busy> {
        let mut running = self.0.running();
        if let Some(check) = running.get(&tag) {
            return Ok(check.clone());
        }
        let place = Arc::clone(&self.0.queue).try_acquire_owned().map_err(|_| Busy)?;
        let (inner, users, user) = (Arc::clone(&self.0), Arc::clone(users), user.to_owned());
        // A task of its own, so that a client that goes away does not take the check from others that wait for it.
        let task = tokio::spawn(async move {
            let right = inner.run(users, user, password).await;
            inner.running().remove(&tag);
            drop(place);
            right
        });
        let check = task.map(|result| result.unwrap_or(false)).boxed().shared();
        running.insert(tag, check.clone());
        Ok(check)
    }
}

impl Inner {
    fn running(&self) -> MutexGuard<'_, HashMap<Tag, Check>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A keyed hash over `parts`, each with its length before it so that they cannot be shifted against each other.
    fn tag(&self, parts: &[&[u8]]) -> Tag {
        let mut context = hmac::Context::with_key(&self.key);
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut tag = [0; 32];
        tag.copy_from_slice(context.sign().as_ref());
        tag
    }

    async fn run(&self, users: Arc<Users>, user: String, password: Vec<u8>) -> bool {
        let Ok(_thread) = self.threads.acquire().await else { return false };
        let compare = tokio::task::spawn_blocking(move || {
            let matching = matching_line(&users, users.lines(&user), &password).cloned();
            (matching, user, password)
        });
        match compare.await {
            Ok((Some(line), user, password)) => {
                let tag = self.tag(&[user.as_bytes(), line.hash.as_bytes(), &password]);
                self.remembered.insert(tag, Instant::now());
                true
            }
            Ok((None, ..)) | Err(_) => false,
        }
    }
}

/// The line of `lines` that `password` belongs to. When there is none, this has cost as much as for any other user.
fn matching_line<'a>(users: &Users, lines: &'a [Line], password: &[u8]) -> Option<&'a Line> {
    let usable = password.len() <= LONGEST_PASSWORD && !password.contains(&0);
    let mut spent = 0;
    for line in lines.iter().filter(|_| usable) {
        // A hash that was well-formed when it was read cannot fail.
        if bcrypt::verify(password, &line.hash).unwrap_or(false) {
            return Some(line);
        }
        spent += line.work();
    }
    waste(users.remaining_work(spent));
    None
}

/// Spends `work` rounds of bcrypt: one hash for each bit, since a cost one higher is twice the rounds.
fn waste(work: u64) {
    for cost in (4..=31).filter(|cost| work & (1 << cost) != 0) {
        std::hint::black_box(bcrypt::bcrypt(cost, [0x5a; 16], b"no password\0"));
    }
}

#[cfg(test)]
mod tests {
    use super::{super::htpasswd, *};

    fn users(lines: &[(&str, &str)]) -> Arc<Users> {
        let text: String =
            lines.iter().map(|(user, password)| format!("{user}:{}\n", bcrypt::hash(password, 4).unwrap())).collect();
        let (mut users, problems) = htpasswd::parse(&text, "f");
        assert!(problems.is_empty(), "{problems:?}");
        users.sha256 = text;
        Arc::new(users)
    }

    #[tokio::test]
    async fn every_line_of_a_user_counts_and_nothing_else() {
        let (verifier, users) = (Verifier::new().unwrap(), users(&[("ci", "old"), ("ci", "new"), ("amy", "x")]));
        for (user, password, right) in
            [("ci", "old", true), ("ci", "new", true), ("ci", "x", false), ("amy", "new", false), ("bob", "x", false)]
        {
            assert_eq!(verifier.check(&users, user, password.into()).await, Ok(right), "{user} {password}");
        }
    }

    #[tokio::test]
    async fn a_success_is_remembered_until_its_line_is_gone() {
        let (verifier, before) = (Verifier::new().unwrap(), users(&[("ci", "secret")]));
        assert!(!verifier.remembers(&before, "ci", b"secret"));
        verifier.check(&before, "ci", b"secret".to_vec()).await.unwrap();
        assert!(verifier.remembers(&before, "ci", b"secret"));
        assert!(!verifier.remembers(&before, "ci", b"secre"));

        // The same password in a new line has another salt.
        let after = users(&[("ci", "secret")]);
        assert!(!verifier.remembers(&after, "ci", b"secret"));
    }

    #[tokio::test]
    async fn a_failure_is_not_remembered() {
        let (verifier, users) = (Verifier::new().unwrap(), users(&[("ci", "secret")]));
        verifier.check(&users, "ci", b"wrong".to_vec()).await.unwrap();
        assert!(!verifier.remembers(&users, "ci", b"wrong"));
        assert!(verifier.0.running().is_empty());
    }

    #[tokio::test]
    async fn a_password_that_bcrypt_would_cut_off_is_wrong() {
        let long = "p".repeat(72);
        let (verifier, users) = (Verifier::new().unwrap(), users(&[("ci", &long)]));
        assert_eq!(verifier.check(&users, "ci", long.clone().into()).await, Ok(true));
        assert_eq!(verifier.check(&users, "ci", format!("{long}x").into()).await, Ok(false));
        assert_eq!(verifier.check(&users, "ci", b"a\0b".to_vec()).await, Ok(false));
    }

    #[tokio::test]
    async fn equal_checks_run_once_and_the_queue_is_bounded() {
        let (verifier, users) = (Verifier::new().unwrap(), users(&[("ci", "secret")]));
        let free = verifier.0.threads.available_permits();
        let busy = Arc::clone(&verifier.0.threads).acquire_many_owned(u32::try_from(free).unwrap()).await.unwrap();

        let first = verifier.join_or_start([1; 32], &users, "ci", b"secret".to_vec()).unwrap();
        let second = verifier.join_or_start([1; 32], &users, "ci", b"secret".to_vec()).unwrap();
        assert_eq!(verifier.0.queue.available_permits(), QUEUE - 1);
        for index in 0..QUEUE - 1 {
            let tag = [u8::try_from(index + 2).unwrap(); 32];
            drop(verifier.join_or_start(tag, &users, "ci", b"wrong".to_vec()).unwrap());
        }
        assert!(verifier.join_or_start([0; 32], &users, "ci", b"wrong".to_vec()).is_err());

        drop(busy);
        assert!(first.await && second.await);
    }

    #[test]
    fn a_wrong_password_costs_the_same_for_everyone() {
        // What is spent on lines and what is wasted add up to the same sum, whoever it is.
        let users = users(&[("ci", "a"), ("ci", "b"), ("amy", "c")]);
        for user in ["ci", "amy", "bob"] {
            let spent: u64 = users.lines(user).iter().map(Line::work).sum();
            assert_eq!(spent + users.remaining_work(spent), 32, "{user}");
        }
    }
}
