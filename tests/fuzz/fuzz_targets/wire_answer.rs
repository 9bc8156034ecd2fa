//! What passes between box and receiver beside events, all of it JSON: births, states, clips'
//! announcements, answers, acknowledgements and commands.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wire::birth::{BoxState, Info};
use wire::command::{Command, CommandResponse, Signed};
use wire::enrol::{EnrolRequest, EnrolResponse};
use wire::transfer::{Ack, FileInit, FileResponse};

fn survives<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(input: &[u8]) {
    if let Ok(read) = serde_json::from_slice::<T>(input) {
        let written = serde_json::to_vec(&read).expect("text keys");
        assert_eq!(serde_json::from_slice::<T>(&written).expect("it was written so"), read);
    }
}

fuzz_target!(|input: &[u8]| {
    survives::<Ack>(input);
    survives::<FileInit>(input);
    survives::<FileResponse>(input);
    survives::<Info>(input);
    survives::<BoxState>(input);
    survives::<Command>(input);
    survives::<Signed>(input);
    survives::<CommandResponse>(input);
    survives::<EnrolRequest>(input);
    survives::<EnrolResponse>(input);
});
