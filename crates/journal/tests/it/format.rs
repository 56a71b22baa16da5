//! The bytes on disk never change: a journal of any release must be readable for ever.

use std::{fmt::Write, sync::Arc};

use tokengine_journal::{Batch, Feed, Journal, Urgency, mem::MemDisk};

use crate::options;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes all");
        text
    })
}

#[test]
fn version_1_has_these_bytes() {
    let disk = Arc::new(MemDisk::new());
    let mut journal = Journal::open(disk.clone(), options()).expect("opened");
    let mut batch = Batch::new();
    batch.push(b"deposit");
    batch.push(b"");
    journal.write(&mut batch, 1_700_000_000_000, Urgency::Normal).expect("written");
    journal.sync().expect("synced");
    batch.push(b"payout");
    journal.write(&mut batch, 1_700_000_000_001, Urgency::Normal).expect("written");
    let head = journal.sync().expect("synced");
    let bytes = disk.bytes("00000000000000000001.seg").expect("there");

    let genesis = "ab".repeat(32);
    // magic, version, zero, first position, genesis, previous hash, checksum
    let segment = format!("544b4a53 0100 0000 0100000000000000 {genesis} {genesis} SEGMENT_SUM");
    assert_eq!(hex(&bytes[..84]), segment.replace(' ', "").replace("SEGMENT_SUM", "e8374f1d"));
    assert!(bytes[84..512].iter().all(|byte| *byte == 0));

    // magic, version, zero, first position, time, durable mark, count, payload length, previous hash, zero, checksum
    let header = format!(
        "544b4a42 0100 0000 0100000000000000 0068e5cf8b010000 0000000000000000 02000000 0f000000 {genesis} 00000000 HEADER_SUM"
    );
    assert_eq!(hex(&bytes[512..592]), header.replace(' ', "").replace("HEADER_SUM", "692c1186"));
    assert_eq!(hex(&bytes[592..607]), "070000006465706f73697400000000");
    let first_hash = blake3::hash(&bytes[512..607]);
    assert_eq!(&bytes[607..639], first_hash.as_bytes());
    assert!(bytes[639..1024].iter().all(|byte| *byte == 0));

    let header = format!(
        "544b4a42 0100 0000 0300000000000000 0168e5cf8b010000 0200000000000000 01000000 0a000000 {} 00000000",
        first_hash.to_hex()
    );
    assert_eq!(hex(&bytes[1024..1100]), header.replace(' ', ""));
    assert_eq!(hex(&bytes[1104..1114]), "060000007061796f7574");
    assert_eq!(head.hash.to_string(), blake3::hash(&bytes[1024..1114]).to_hex().as_str());
    assert_eq!(head.hash.to_string(), "5e6ec2dc851afc702cf0fbb9363df28ac061fd4ead6f98ad10914af0d124acdf");
    assert!(bytes[1146..].iter().all(|byte| *byte == 0));
    journal.close().expect("closed");
    let marker = format!("544b4a43 0100 0000 0300000000000000 {} ", head.hash).replace(' ', "");
    assert_eq!(hex(&disk.bytes("clean").expect("there")[..48]), marker);
    assert_eq!(Feed::read_only(disk).expect("read").head(), head);
}
