//! Signatures: only what a trusted key has signed is even read, and every refusal names its reason.

use std::fs;

use models::pack::{MANIFEST, SIGNATURE};
use models::trust::SignatureError;
use models::{Engines, Pack, PackError, Trust};

use crate::fixture::{self, Folder};

fn refused(folder: &Folder, trust: &Trust) -> PackError {
    let opened =
        Pack::open(folder.path(), trust, &Engines::default()).map(drop).expect_err("it was opened");
    let checked = Pack::check(folder.path(), trust).map(drop).expect_err("it was not noticed");
    assert_eq!(opened.to_string(), checked.to_string());
    opened
}

#[test]
fn an_unsigned_pack_is_refused_with_how_to_sign_it() {
    let folder = fixture::rim();
    fs::remove_file(folder.path().join(SIGNATURE)).expect("it is there");
    let error = refused(&folder, &fixture::trust());
    assert!(matches!(error, PackError::Unsigned { .. }), "{error}");
    assert!(error.to_string().contains("courtside_train sign"), "{error}");
}

#[test]
fn a_pack_signed_by_a_stranger_is_refused_with_the_keys_that_are_trusted() {
    let folder = fixture::rim();
    fixture::sign(folder.path(), &fixture::new_keys());
    let error = refused(&folder, &fixture::trust()).to_string();
    assert!(error.contains("does not trust") && error.contains("test.pub"), "{error}");
    let error = refused(&folder, &Trust::default()).to_string();
    assert!(error.contains("no keys at all"), "{error}");
}

/// A stranger who gives his key the number of a trusted one gets no further.
#[test]
fn a_key_with_the_number_of_another_does_not_stand_for_it() {
    let folder = fixture::rim();
    let text = fixture::new_keys().pk.to_box().expect("it has a text").to_string();
    let mut forged = Trust::default();
    forged.add("forged.pub", &text).expect("it is a public key");
    let mut both = fixture::trust();
    both.add("other.pub", &text).expect("it is a public key");
    Pack::check(folder.path(), &both).expect("one of the two has signed it");
    let error = refused(&folder, &forged);
    let PackError::Signature { source: SignatureError::Stranger { .. }, .. } = error else {
        panic!("{error}");
    };
}

#[test]
fn no_flipped_bit_of_the_manifest_goes_unnoticed() {
    let folder = fixture::rim();
    let good = folder.read(MANIFEST);
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        fs::write(folder.path().join(MANIFEST), bad).expect("writable");
        let error = Pack::check(folder.path(), &fixture::trust()).expect_err("it was changed");
        let PackError::Signature { source: SignatureError::Changed { .. }, .. } = error else {
            panic!("byte {at}: {error}");
        };
    }
}

/// Only the first line of a signature may differ: a comment that nobody reads.
#[test]
fn no_flipped_bit_of_the_signature_is_taken_or_panics() {
    let folder = fixture::rim();
    let good = folder.read(SIGNATURE);
    let comment = good.iter().position(|b| *b == b'\n').expect("it has lines");
    for at in comment + 1..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            fs::write(folder.path().join(SIGNATURE), &bad).expect("writable");
            if Pack::check(folder.path(), &fixture::trust()).is_ok() {
                // A line may end as it likes.
                let (good, bad) = (String::from_utf8_lossy(&good), String::from_utf8_lossy(&bad));
                assert!(good.lines().eq(bad.lines().take(4)), "byte {at}, bit {bit}");
            }
        }
    }
    for end in 0..good.len() - 1 {
        fs::write(folder.path().join(SIGNATURE), &good[..end]).expect("writable");
        Pack::check(folder.path(), &fixture::trust()).expect_err("it was shortened");
    }
}

#[test]
fn what_is_no_public_key_is_refused_with_its_file() {
    for text in ["", "one line", "untrusted comment: x\nAAAA", "\u{0}\n\u{0}"] {
        let said = Trust::default().add("odd.pub", text).expect_err("it is no key").to_string();
        assert!(said.contains("odd.pub"), "{said}");
    }
}
