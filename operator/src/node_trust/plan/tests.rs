//! A directory of maps in which plans are carried out, step by step: they settle, touch nothing that is somebody else's, and at no
//! moment name a file that is not there.

use proptest::prelude::*;

use super::*;
use crate::node_trust::layout::{AUTHORITY, HOSTS};

const NAMES: [&str; 5] = ["a.apps", "b.apps:5000", "b.apps_5000_", "docker.io", "_default"];

/// A directory, whosever it is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Model {
    owner: Option<Owner>,
    files: BTreeMap<&'static str, Option<Vec<u8>>>,
    /// What somebody else has put into it.
    foreign: bool,
}

type Disk = BTreeMap<String, Model>;

fn us() -> Owner {
    Owner::new("system").unwrap()
}

fn seen(disk: &Disk) -> BTreeMap<String, Found> {
    let found = |model: &Model| match &model.owner {
        Some(owner) if *owner == us() => Found::Ours(model.files.clone()),
        owner => Found::Others(owner.clone()),
    };
    disk.iter().map(|(name, model)| (name.clone(), found(model))).collect()
}

fn carry_out(disk: &mut Disk, step: &Step<'_>) {
    let content = |file: &File| (file.name, Some(file.content.clone()));
    match step {
        Step::Create { name, files } => {
            let files = files.iter().map(content).collect();
            let before = disk.insert((*name).to_owned(), Model { owner: Some(us()), files, foreign: false });
            assert_eq!(before, None, "only where there is none");
        }
        Step::Write { name, file } => _ = ours(disk, name).files.insert(file.name, Some(file.content.clone())),
        Step::Delete { name, file } => assert!(ours(disk, name).files.remove(file).is_some()),
        Step::Remove { name } => {
            let left = Model { owner: None, files: BTreeMap::new(), ..ours(disk, name).clone() };
            if left.foreign {
                disk.insert((*name).to_owned(), left)
            } else {
                disk.remove(*name)
            };
        }
    }
}

fn ours<'a>(disk: &'a mut Disk, name: &str) -> &'a mut Model {
    disk.get_mut(name).filter(|model| model.owner == Some(us())).expect("it is ours")
}

/// Every `hosts.toml` of these tests that says `ca` names the authority beside it.
fn assert_names_what_is_there(disk: &Disk) {
    for (name, model) in disk.iter().filter(|(_, model)| model.owner == Some(us())) {
        let names_authority = matches!(model.files.get(HOSTS), Some(Some(text)) if text.starts_with(b"ca"));
        assert!(!names_authority || model.files.contains_key(AUTHORITY), "{name}");
    }
}

fn directory() -> impl Strategy<Value = Directory> {
    (any::<bool>(), 0..3_u8, 0..3_u8).prop_map(|(trusted, authority, hosts)| {
        let authority = trusted.then(|| File { name: AUTHORITY, content: vec![authority] });
        let text = format!("{}{hosts}", if trusted { "ca" } else { "" });
        let hosts = File { name: HOSTS, content: text.into_bytes() };
        Directory { files: authority.into_iter().chain([hosts]).collect(), shadow: None }
    })
}

fn desired() -> impl Strategy<Value = BTreeMap<String, Directory>> {
    proptest::collection::btree_map(proptest::sample::select(&NAMES[..]).prop_map(str::to_owned), directory(), 0..5)
}

/// Directories of others, and some of ours as an earlier plan has left them, a person has damaged them or put something into them.
fn disk() -> impl Strategy<Value = Disk> {
    let owner = prop_oneof![Just(None), Just(Owner::new("other")), Just(Owner::new("system"))];
    let model = (owner, directory(), any::<bool>(), any::<bool>()).prop_map(|(owner, directory, damaged, foreign)| {
        let mut files: BTreeMap<_, _> =
            directory.files.into_iter().map(|file| (file.name, Some(file.content))).collect();
        if damaged {
            files.remove(HOSTS);
            files.insert(AUTHORITY, None);
        }
        Model { owner, files, foreign }
    });
    proptest::collection::btree_map(proptest::sample::select(&NAMES[..]).prop_map(str::to_owned), model, 0..5)
}

proptest! {
    #[test]
    fn a_plan_settles_at_once_and_touches_nothing_of_others(before in disk(), desired in desired()) {
        let mut disk = before.clone();
        let found = seen(&disk);
        for step in &plan(&desired, &found).steps {
            carry_out(&mut disk, step);
            assert_names_what_is_there(&disk);
        }
        for (name, model) in before.iter().filter(|(_, model)| model.owner != Some(us())) {
            prop_assert_eq!(disk.get(name), Some(model));
        }
        for (name, directory) in &desired {
            let model = &disk[name];
            if model.owner == Some(us()) {
                let wanted = directory.files.iter().map(|file| (file.name, Some(file.content.clone()))).collect();
                prop_assert_eq!(&model.files, &wanted);
            } else {
                prop_assert!(plan(&desired, &found).refused.contains_key(name.as_str()));
            }
        }
        prop_assert!(disk.iter().all(|(name, model)| model.owner != Some(us()) || desired.contains_key(name)));
        let found = seen(&disk);
        prop_assert_eq!(plan(&desired, &found).steps, vec![]);
    }

    #[test]
    fn whatever_was_made_is_gone_when_nothing_is_wanted(before in disk(), desired in desired()) {
        let mut disk = before.clone();
        for desired in [&desired, &BTreeMap::new()] {
            let found = seen(&disk);
            for step in &plan(desired, &found).steps {
                carry_out(&mut disk, step);
            }
        }
        prop_assert!(disk.values().all(|model| model.owner != Some(us())));
        let of_others = |disk: &Disk| -> Vec<String> {
            let others = disk.iter().filter(|(_, model)| model.owner != Some(us()) || model.foreign);
            others.map(|(name, _)| name.clone()).collect()
        };
        prop_assert_eq!(of_others(&disk), of_others(&before));
    }
}

#[test]
fn what_is_in_the_way_is_told_with_whose_it_is() {
    let shadow = Some("b.apps_5000_".to_owned());
    let wanted = |name: &str| (name.to_owned(), Directory { files: vec![], shadow: shadow.clone() });
    let desired = BTreeMap::from(["a.apps", "b.apps:5000", "docker.io"].map(wanted));
    let others = |name: &str, owner| (name.to_owned(), Found::Others(owner));
    let found = BTreeMap::from([
        others("a.apps", None),
        others("b.apps_5000_", None),
        others("docker.io", Owner::new("other")),
    ]);
    let refused = plan(&desired, &found).refused;
    assert_eq!(refused["a.apps"], Refusal::Taken);
    assert_eq!(refused["docker.io"], Refusal::Kept("other".into()));
    assert_eq!(refused["b.apps:5000"], Refusal::Shadowed("b.apps_5000_".into()));
    assert_eq!(refused["b.apps:5000"].reason(), "DirectoryShadowed");
}
