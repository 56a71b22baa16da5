//! Changed, missing and foreign bytes: found, named, and never mistaken for a crash.

use std::sync::Arc;

use proptest::prelude::*;
use tokengine_journal::{Disk, Error, Journal, Options, mem::MemDisk, verify};

use crate::{append, batch, check, open, options, record};

fn small() -> Options {
    Options { segment_bytes: 4 << 10, reserve_bytes: 0, ..options() }
}

/// Batches that fill three segments.
const COUNTS: [u64; 6] = [1, 2, 3, 4, 4, 4];

fn segments(disk: &MemDisk) -> Vec<String> {
    let mut names: Vec<String> = disk.list().expect("listed").into_iter().filter(|n| n.ends_with(".seg")).collect();
    names.sort();
    names
}

/// Three segments, closed in order.
fn closed_journal() -> Arc<MemDisk> {
    let disk = Arc::new(MemDisk::new());
    let mut journal = Journal::open(disk.clone(), small()).expect("opened");
    for count in COUNTS {
        append(&mut journal, count).expect("appended");
    }
    journal.close().expect("closed");
    let names = segments(&disk);
    assert_eq!(names.len(), 3);
    assert!(disk.bytes(&names[2]).expect("there").ends_with(&[0; 512]), "zeros made ahead are part of what is checked");
    disk
}

#[test]
fn any_flipped_byte_of_history_is_found() {
    let disk = closed_journal();
    let shared: Arc<dyn Disk> = disk.clone();
    for name in segments(&disk).into_iter().chain(["clean".to_owned()]) {
        for at in 0..disk.bytes(&name).expect("there").len() {
            let mask = 1 << (at % 8);
            disk.flip(&name, at, mask).expect("there");
            match verify(&shared, &mut |_| {}) {
                Err(Error::Corrupt { file, offset, .. }) => {
                    assert!(file.ends_with(&name), "byte {at} of {name} reported in {file}");
                    assert!(offset <= at as u64 && at as u64 - offset < 3 << 10, "byte {at} reported at {offset}");
                }
                // The version says by itself that it is not ours to judge, but it is under a checksum.
                other => panic!("byte {at} of {name}: {other:?}"),
            }
            disk.flip(&name, at, mask).expect("there");
        }
    }
    verify(&shared, &mut |_| {}).expect("whole again");
}

#[test]
fn damage_up_to_the_durable_mark_refuses_to_start_and_above_it_is_cut() {
    let disk = Arc::new(MemDisk::new());
    let mut journal = Journal::open(disk.clone(), small()).expect("opened");
    append(&mut journal, 2).expect("appended");
    append(&mut journal, 1).expect("appended"); // says that 2 was durable
    drop(journal);
    let name = segments(&disk).remove(0);
    let whole = disk.bytes(&name).expect("there");
    let border =
        (512..whole.len()).step_by(512).find(|at| whole[*at..].starts_with(b"TKJB") && *at > 512).expect("two");

    for at in (0..whole.len()).step_by(7) {
        let disk = Arc::new(MemDisk::new());
        let mut journal = Journal::open(disk.clone(), small()).expect("opened");
        append(&mut journal, 2).expect("appended");
        append(&mut journal, 1).expect("appended");
        drop(journal);
        disk.flip(&name, at, 0x10).expect("there");
        let before = disk.operations();
        match Journal::open(disk.clone(), small()) {
            Err(Error::Corrupt { file, offset, .. }) if at < border => {
                assert!(file.ends_with(&name) && offset <= at as u64, "{file} {offset}");
                assert_eq!(disk.operations(), before, "nothing was changed");
            }
            Ok(journal) if at >= border => {
                let cut = journal.recovery().cut.clone().expect("told");
                assert!(cut.file.ends_with(&name) && cut.offset >= border as u64, "{cut:?}");
                let there = check(&journal.feed(), 1);
                assert!(there == 2 || (there == 3 && cut.offset > border as u64), "byte {at}: {there}");
            }
            other => panic!("byte {at}, border {border}: {other:?}"),
        }
    }
}

#[test]
fn after_an_orderly_close_nothing_is_cut() {
    let disk = closed_journal();
    let last = segments(&disk).pop().expect("there");
    disk.flip(&last, 700, 1).expect("there");
    match Journal::open(disk.clone(), small()) {
        Err(error @ Error::Corrupt { .. }) => assert_eq!(error.code(), "journal-corrupt"),
        other => panic!("{other:?}"),
    }
    disk.flip(&last, 700, 1).expect("there");
    Journal::open(disk, small()).expect("whole again");
}

#[test]
fn damage_is_found_by_readers_too() {
    let disk = closed_journal();
    let first = segments(&disk).remove(0);
    disk.flip(&first, 512 + 80 + 20, 1).expect("there");
    let journal = Journal::open(disk, small()).expect("the end is whole");
    let error = journal.feed().reader(1).next_record().expect_err("damaged");
    assert!(matches!(&error, Error::Corrupt { file, offset: 512, .. } if file.ends_with(&first)), "{error}");
}

#[test]
fn missing_cut_and_foreign_segments_are_found() {
    type Harm = fn(&MemDisk, &[String]);
    let cases: [(&str, Harm); 7] = [
        ("the first is gone", |disk, names| disk.remove(&names[0]).expect("there")),
        ("one in the middle is gone", |disk, names| disk.remove(&names[1]).expect("there")),
        ("the last is gone", |disk, names| disk.remove(&names[2]).expect("there")),
        ("all are gone", |disk, names| names.iter().for_each(|name| disk.remove(name).expect("there"))),
        ("the last is cut", |disk, names| disk.open(&names[2]).and_then(|f| f.set_len(600)).expect("there")),
        ("one has another's name", |disk, names| disk.rename(&names[2], &names[1]).expect("there")),
        ("one is of another journal", |disk, names| {
            let other = Arc::new(MemDisk::new());
            let options = Options { genesis: [1; 32].into(), ..small() };
            let mut journal = Journal::open(other.clone(), options).expect("opened");
            for count in COUNTS {
                append(&mut journal, count).expect("appended");
            }
            let bytes = other.bytes(&names[1]).expect("the same names");
            disk.create(&names[1]).and_then(|file| file.write_at(&bytes, 0)).expect("written");
        }),
    ];
    for (case, harm) in cases {
        let disk = closed_journal();
        harm(&disk, &segments(&disk));
        let code = match Journal::open(disk.clone(), small()) {
            Err(error) => error.code(),
            Ok(_) => panic!("opened though {case}"),
        };
        assert_eq!(code, "journal-corrupt", "{case}");
        let shared: Arc<dyn Disk> = disk.clone();
        let code = verify(&shared, &mut |_| {}).expect_err(case).code();
        assert!(code == "journal-corrupt" || (case == "all are gone" && code == "journal-not-found"), "{case}: {code}");
    }
}

#[test]
fn bytes_in_a_record_that_look_like_a_batch_do_not_pass_for_one() {
    // A stranger who may write a record puts a whole batch of another journal into it, with a high durable mark.
    let other = Arc::new(MemDisk::new());
    let mut journal = Journal::open(other.clone(), Options { genesis: [9; 32].into(), ..small() }).expect("opened");
    append(&mut journal, 3).expect("appended");
    append(&mut journal, 3).expect("appended");
    let forged = other.bytes(&segments(&other)[0]).expect("there")[512..].to_vec();
    assert!(forged.starts_with(b"TKJB"));

    let disk = Arc::new(MemDisk::new());
    let mut journal = open(&disk).expect("opened");
    append(&mut journal, 1).expect("appended");
    let mut batch = batch(2, 0);
    let mut record = vec![0; 512 - 84]; // so that it lies on a block
    record.extend_from_slice(&forged);
    batch.push(&record);
    journal.write(&mut batch, 1, tokengine_journal::Urgency::Normal).expect("written");
    drop(journal);
    let name = segments(&disk).remove(0);
    let at = disk.bytes(&name).expect("there").windows(4).rposition(|w| w == b"TKJB").expect("forged") - 512;
    disk.flip(&name, at / 512 * 512 + 90, 1).expect("there"); // whichever block: some of the unacknowledged batch
    let journal = open(&disk).expect("the forged mark is not believed");
    assert_eq!(journal.head().position, 1);
}

#[test]
fn what_a_later_release_wrote_is_neither_read_nor_cut() {
    let disk = Arc::new(MemDisk::new());
    let mut journal = open(&disk).expect("opened");
    append(&mut journal, 1).expect("appended");
    drop(journal);
    let name = segments(&disk).remove(0);
    let bytes = disk.bytes(&name).expect("there");
    let mut header = bytes[512..592].to_vec();
    header[4] = 2;
    let mut sum = crc32fast::Hasher::new_with_initial(crc32fast::hash(&[0xab; 32]));
    sum.update(&header[..76]);
    header[76..].copy_from_slice(&sum.finalize().to_le_bytes());
    disk.open(&name).and_then(|file| file.write_at(&header, 512)).expect("written");
    let before = disk.operations();
    match open(&disk) {
        Err(error @ Error::UnknownFormat { found: 2, supported: 1, offset: 512, .. }) => {
            assert_eq!(error.code(), "journal-format-unknown");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(disk.operations(), before, "nothing was changed");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn garbage_is_an_error_or_a_shorter_journal_and_never_a_panic(
        pieces in prop::collection::vec((0..4usize, 0..4096u64, prop::collection::vec(any::<u8>(), 0..600), any::<bool>()), 1..4),
        clean: bool,
    ) {
        let disk = closed_journal();
        if !clean {
            disk.remove("clean").expect("there");
        }
        let names = segments(&disk);
        for (name, offset, bytes, cut) in &pieces {
            let file = disk.open(&names[name % names.len()]).expect("there");
            if *cut {
                file.set_len(*offset).expect("cut");
            } else {
                file.write_at(bytes, *offset).expect("written");
            }
        }
        let shared: Arc<dyn Disk> = disk.clone();
        let verified = verify(&shared, &mut |_| {});
        match Journal::open(disk, small()) {
            Ok(journal) => {
                // An open looks at the last two segments only, so a reader may still find what is wrong.
                let mut reader = journal.feed().reader(1);
                let mut next = 1;
                let whole = loop {
                    match reader.next_record() {
                        Ok(Some(found)) => prop_assert_eq!((found.position, found.bytes), (next, &record(next)[..])),
                        Ok(None) => break true,
                        Err(error) => {
                            prop_assert_eq!(error.code(), "journal-corrupt");
                            break false;
                        }
                    }
                    next += 1;
                };
                prop_assert!(whole || verified.is_err());
            }
            Err(error) => {
                prop_assert_eq!(error.code(), "journal-corrupt");
                prop_assert!(verified.is_err());
            }
        }
    }
}
