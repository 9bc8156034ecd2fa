//! A topic that somebody publishes to. What is understood is built again as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::topic::{self, Leaf};

fuzz_target!(|input: &[u8]| {
    let Ok(text) = str::from_utf8(input) else { return };
    let Some((device, leaf)) = topic::parse(text) else { return };
    let again = match &leaf {
        Leaf::State => device.state(),
        Leaf::Info => device.info(),
        Leaf::Ack => device.ack(),
        Leaf::FileResponse => device.file_response(),
        Leaf::Command(verb) => device.command(verb),
        Leaf::CommandResponse => device.command_response(),
        Leaf::Enrol => device.enrol(),
        Leaf::EnrolResponse => device.enrol_response(),
        Leaf::File(id, part) => device.file(*id, part),
        // Its route is not kept.
        Leaf::Event(_) => return,
    };
    assert_eq!(topic::parse(&again), Some((device, leaf)));
});
