//! What is refused before a network is run: damage, strangers, old versions, odd tars.

use std::process::Command;

use courtside::packs::shelf::Origin;
use models::bundle::{self, BundledFile};
use models::pack::SIGNATURE;

use crate::bench::{Bench, FILES, files, rim};
use crate::fixture;

/// Pseudo-random places, the same in every run.
fn places(count: usize, below: usize) -> impl Iterator<Item = usize> {
    let mut state = 1_u64;
    (0..count).map(move |_| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    })
}

fn file<'a>(files: &'a mut [BundledFile], name: &str) -> &'a mut Vec<u8> {
    let found = files.iter_mut().find(|file| file.name == name);
    &mut found.expect("the pack has it").bytes
}

#[test]
fn a_flipped_bit_in_any_file_is_refused() {
    let bench = Bench::trusting();
    bench.install(&files(&rim(2))).expect("it is good");
    let good = files(&rim(3));
    for name in FILES {
        let mut bad = good.clone();
        let length = file(&mut bad, name).len();
        // The first line of a signature is a comment that nobody reads.
        let from = if name == SIGNATURE { 60 } else { 0 };
        for at in places(40, length - from - 1) {
            let mut bad = good.clone();
            file(&mut bad, name)[from + at] ^= 1 << (at % 8);
            bench.refuse(&bad, "");
        }
    }
    assert_eq!(bench.active(), (2, Origin::Installed));
}

#[test]
fn a_file_that_is_shortened_or_missing_is_refused() {
    let bench = Bench::trusting();
    let good = files(&rim(2));
    for name in FILES {
        let mut bad = good.clone();
        let bytes = file(&mut bad, name);
        bytes.truncate(bytes.len() / 2);
        bench.refuse(&bad, "");
        bad.retain(|file| file.name != name);
        bench.refuse(&bad, name);
    }
}

/// Wherever a bundle ends early or a bit of it is flipped: it is refused, or what it became is
/// exactly the good pack.
#[test]
fn a_damaged_bundle_is_refused_or_means_the_same() {
    let mut good = Vec::new();
    bundle::pack("rim", &files(&rim(2)), &mut good).expect("memory is writable");
    let bench = Bench::trusting();
    let mut refused = 0;
    for at in places(150, good.len()) {
        let mut flipped = good.clone();
        flipped[at] ^= 1 << (at % 8);
        for bad in [&flipped[..], &good[..at]] {
            let before = bench.standing();
            if bench.install_bytes(bad).is_ok() {
                assert_eq!(bench.standing().alerts, Vec::<String>::new());
                bench.installer.roll_back("rim").expect("version 1 is there");
            } else {
                refused += 1;
                bench.assert_unchanged(&before);
            }
        }
    }
    assert!(refused >= 100, "only {refused} of 300 were refused");
}

#[test]
fn an_older_or_equal_version_is_refused() {
    let bench = Bench::trusting();
    bench.refuse(&files(&rim(1)), "its version is 1, but the image's is 1");
    bench.install(&files(&rim(5))).expect("it is good");
    for version in [0, 4, 5] {
        bench.refuse(&files(&rim(version)), "the installed one's is 5");
    }
}

#[test]
fn an_unsigned_pack_is_refused() {
    let bench = Bench::trusting();
    let mut unsigned = files(&rim(2));
    unsigned.retain(|file| file.name != SIGNATURE);
    bench.refuse(&unsigned, "not a signed pack");
}

#[test]
fn a_pack_signed_with_another_key_is_refused() {
    let bench = Bench::trusting();
    let folder = rim(2);
    fixture::sign(folder.path(), &fixture::new_keys());
    bench.refuse(&files(&folder), "does not trust");
}

#[test]
fn a_signature_of_another_pack_is_refused() {
    let bench = Bench::trusting();
    let mut mixed = files(&rim(2));
    *file(&mut mixed, SIGNATURE) = rim(3).read(SIGNATURE);
    bench.refuse(&mixed, "not over this manifest");
}

#[test]
fn a_pack_that_no_lane_of_this_box_is_called_after_is_refused() {
    let bench = Bench::trusting();
    let folder = rim(2);
    folder.edit("name = \"rim\"", "name = \"rim-of-mine\"");
    bench.refuse(&files(&folder), "calls the pack of its lane \"rim\"");
}

#[test]
fn a_path_that_leads_out_of_the_pack_is_refused_and_leads_nowhere() {
    let bench = Bench::trusting();
    let before = bench.standing();
    for path in ["../../escaped", "/tmp/courtside-escaped", "rim/../../escaped"] {
        let mut builder = tar::Builder::new(Vec::new());
        for file in files(&rim(2)) {
            let mut header = tar::Header::new_ustar();
            header.set_size(file.bytes.len() as u64);
            let name = format!("rim/{}", file.name);
            builder.append_data(&mut header, name, file.bytes.as_slice()).expect("memory");
        }
        let mut header = tar::Header::new_ustar();
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_size(1);
        header.set_cksum();
        builder.append(&header, &b"x"[..]).expect("memory");
        let error = bench.install_bytes(&builder.into_inner().expect("memory"));
        let error = error.map(drop).expect_err("it was installed");
        assert!(error.contains("leads elsewhere"), "{error}");
        bench.assert_unchanged(&before);
        assert!(!bench.dir.path().join("escaped").exists());
        assert!(!bench.dir.path().join("data/escaped").exists());
    }
}

#[test]
fn a_file_that_nobody_vouches_for_is_refused() {
    let bench = Bench::trusting();
    let mut more = files(&rim(2));
    more.push(BundledFile { name: "extra.so".to_owned(), bytes: vec![1] });
    bench.refuse(&more, "extra.so");
}

/// A limit on the size of files stands for the full disk: writing fails in the middle.
#[test]
fn a_disk_that_takes_no_more_leaves_the_old_pack() {
    let bench = Bench::real();
    bench.install(&files(&rim(2))).expect("it is good");
    let before = bench.standing();
    let (folder, path) = (rim(3), bench.dir.path());
    std::fs::write(path.join("box.toml"), CONFIG).expect("writable");
    courtside::packs::install::bundle(folder.path(), &path.join("rim.pack"), &bench.installer.keys)
        .expect("it is good");
    // 512 bytes a block; a signal would end the program otherwise.
    let install =
        "trap '' XFSZ; ulimit -f 4; exec \"$0\" models --config box.toml install rim.pack";
    let mut command = Command::new("sh");
    command.args(["-c", install, env!("CARGO_BIN_EXE_courtside")]).current_dir(path);
    command.env("COURTSIDE_KEYS", "keys").env("COURTSIDE_PACKS", "image");
    let output = command.output().expect("sh is there");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("is the disk full"), "{said}");
    bench.assert_unchanged(&before);
}

const CONFIG: &str = r#"schema = 1
[box]
tenant = "t"
device = "d"
data_dir = "data"
[mqtt]
url = "mqtt://127.0.0.1:1"
[[source]]
name = "s"
kind = "rtmp"
listen = "127.0.0.1:1"
app = "a"
key = "a-long-enough-key"
sport = "basketball"
"#;
