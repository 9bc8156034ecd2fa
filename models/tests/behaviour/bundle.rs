//! A pack as one file: what goes in comes out, and nothing that is not a pack gets out at all.

use std::fs;
use std::io::Read;
use std::process::Command;

use models::bundle::{self, BundleError, BundledFile};
use models::limits::{FILE_BYTES_MAX, FILES_MAX};
use tar::{Builder, EntryType, Header};

use crate::fixture;

fn files() -> Vec<BundledFile> {
    let file =
        |name: &str, byte, count| BundledFile { name: name.into(), bytes: vec![byte; count] };
    vec![file("manifest.toml", 1, 700), file("manifest.toml.minisig", 2, 1), file("a.onnx", 3, 0)]
}

fn bundled() -> Vec<u8> {
    let mut bytes = Vec::new();
    bundle::pack("rim", &files(), &mut bytes).expect("memory is writable");
    bytes
}

/// A tar with one good file and then an entry of this kind, path and size.
fn tar_with(kind: EntryType, path: &[u8], size: u64) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    let mut good = Header::new_ustar();
    good.set_size(1);
    good.set_mode(0o644);
    builder.append_data(&mut good, "rim/manifest.toml", &[0][..]).expect("a good entry");
    let mut bad = Header::new_ustar();
    // Not through `set_path`, which writes no such thing.
    bad.as_old_mut().name[..path.len()].copy_from_slice(path);
    bad.as_old_mut().linkname[..6].copy_from_slice(b"target");
    bad.set_entry_type(kind);
    bad.set_size(size);
    bad.set_cksum();
    builder.append(&bad, std::io::repeat(7).take(size.min(1 << 20))).expect("memory");
    builder.into_inner().expect("memory")
}

fn refused(bytes: &[u8]) -> String {
    bundle::unpack(bytes).expect_err("it was taken").to_string()
}

#[test]
fn what_was_packed_is_unpacked_and_the_same_files_give_the_same_bytes() {
    assert_eq!(bundle::unpack(bundled().as_slice()).expect("it is good"), files());
    assert_eq!(bundled(), bundled());
}

#[test]
fn an_ordinary_tar_of_the_folder_is_a_bundle_too() {
    let folder = fixture::rim();
    let parent = folder.path().parent().expect("it lies in a folder");
    let named = tempfile::tempdir_in(parent).expect("writable");
    let inside = named.path().join("rim");
    fs::create_dir(&inside).expect("writable");
    for entry in fs::read_dir(folder.path()).expect("readable").flatten() {
        fs::copy(entry.path(), inside.join(entry.file_name())).expect("writable");
    }
    for (at, what) in [(named.path(), "rim"), (inside.as_path(), ".")] {
        let made = Command::new("tar").arg("-C").arg(at).args(["-cf", "-", what]).output();
        let unpacked = bundle::unpack(made.expect("tar is there").stdout.as_slice());
        let unpacked = unpacked.expect("it is good");
        assert_eq!(unpacked.len(), 6);
        for file in unpacked {
            assert_eq!(file.bytes, folder.read(&file.name), "{}", file.name);
        }
    }
}

#[test]
fn a_path_that_leads_elsewhere_is_refused() {
    let paths: [&[u8]; 12] = [
        b"../x",
        b"/etc/passwd",
        b"rim/../x",
        b"rim/../../x",
        b"..",
        b"rim/sub/x",
        b"rim/.hidden",
        b"rim/a\\b",
        b"rim/a b",
        b"rim/\xff",
        b"rim//x",
        b"",
    ];
    for path in paths {
        let said = refused(&tar_with(EntryType::Regular, path, 1));
        assert!(said.contains("leads elsewhere") || said.contains("whole tar"), "{path:?}: {said}");
    }
    for path in [&b"../"[..], b"/", b"a/b/"] {
        refused(&tar_with(EntryType::Directory, path, 0));
    }
}

#[test]
fn links_and_devices_are_refused() {
    let kinds = [
        EntryType::Symlink,
        EntryType::Link,
        EntryType::Char,
        EntryType::Block,
        EntryType::Fifo,
        EntryType::GNUSparse,
        EntryType::Continuous,
    ];
    for kind in kinds {
        refused(&tar_with(kind, b"rim/x.onnx", 0));
    }
}

#[test]
fn a_name_that_comes_twice_or_from_another_folder_is_refused() {
    let said = refused(&tar_with(EntryType::Regular, b"rim/manifest.toml", 1));
    assert!(said.contains("twice"), "{said}");
    let said = refused(&tar_with(EntryType::Regular, b"ball/x.onnx", 1));
    assert!(said.contains("another folder"), "{said}");
    let said = refused(&tar_with(EntryType::Regular, b"x.onnx", 1));
    assert!(said.contains("another folder"), "{said}");
}

#[test]
fn absurd_sizes_and_counts_are_refused_before_they_are_read() {
    for size in [FILE_BYTES_MAX + 1, 1 << 40, u64::MAX >> 1] {
        let said = refused(&tar_with(EntryType::Regular, b"rim/x.onnx", size));
        assert!(said.contains("more than") || said.contains("whole tar"), "{size}: {said}");
    }
    let many = |count: usize| -> Vec<BundledFile> {
        (0..count).map(|n| BundledFile { name: format!("f{n}"), bytes: vec![0] }).collect()
    };
    let mut bytes = Vec::new();
    bundle::pack("rim", &many(FILES_MAX + 2), &mut bytes).expect("memory");
    assert!(refused(&bytes).contains("files"));
    // A name of a gigabyte, as the extension for long names would have it.
    refused(&tar_with(EntryType::GNULongName, b"././@LongLink", 1 << 30));
}

/// Where the file ends early, whole files may be left, never a part of one.
#[test]
fn a_shortened_bundle_gives_whole_files_or_none() {
    let (good, all) = (bundled(), files());
    for end in 0..good.len() {
        if let Ok(rest) = bundle::unpack(&good[..end]) {
            assert_eq!(rest, all[..rest.len()], "{end}");
        }
    }
    assert!(matches!(bundle::unpack(&[][..]), Err(BundleError::Broken { .. })));
}

#[test]
fn no_flipped_bit_panics_or_leads_elsewhere() {
    let good = bundled();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        for file in bundle::unpack(bad.as_slice()).unwrap_or_default() {
            assert!(!file.name.contains('/') && !file.name.starts_with('.'), "{}", file.name);
        }
    }
}

#[test]
fn a_file_that_the_manifest_does_not_name_is_refused() {
    let folder = fixture::rim();
    let manifest = models::Pack::check(folder.path(), &fixture::trust()).expect("it is good");
    let names = bundle::names(&manifest);
    let file = |name: &str| BundledFile { name: name.to_owned(), bytes: Vec::new() };
    let mut files: Vec<_> = names.into_iter().map(file).collect();
    bundle::vouched(&manifest, &files).expect("these are named");
    files.push(file("extra.bin"));
    let said = bundle::vouched(&manifest, &files).expect_err("it is not named").to_string();
    assert!(said.contains("extra.bin"), "{said}");
}
