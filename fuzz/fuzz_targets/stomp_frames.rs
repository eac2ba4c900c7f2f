//! Whatever a broker, or who pretends to be one, sends: no panic, no frame over the limits, and a frame that is written again is
//! read the same. The first byte chooses the version, the second how the bytes are cut.

#![no_main]

// By their paths: what is fuzzed is compiled anew with its sanitizer, and the rest of bugrelay would take minutes.
#[allow(dead_code)]
#[path = "../../src/connector/stomp/codec.rs"]
mod codec;
#[allow(dead_code)]
#[path = "../../src/connector/stomp/frame.rs"]
mod frame;

use bytes::BytesMut;
use codec::{Codec, Limits, Version};
use libfuzzer_sys::fuzz_target;
use tokio_util::codec::Decoder;

const LIMITS: Limits = Limits { head: 512, body: 256 };

fuzz_target!(|input: &[u8]| {
    let [version, cut, wire @ ..] = input else { return };
    let version = [Version::V1_0, Version::V1_1, Version::V1_2][usize::from(*version) % 3];
    let mut codec = Codec::new(LIMITS);
    codec.version = version;
    let mut inbox = BytesMut::new();
    for piece in wire.chunks(usize::from(*cut) + 1) {
        inbox.extend_from_slice(piece);
        loop {
            match codec.decode(&mut inbox) {
                Ok(Some(frame)) => {
                    assert!(frame.body.len() <= LIMITS.body);
                    let head: usize = frame.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
                    assert!(head <= LIMITS.head);
                    // Elsewhere a carriage return cannot be written.
                    let says_all = version == Version::V1_2 && frame.command == "MESSAGE";
                    if says_all && frame.header("content-length").is_some() {
                        let mut bytes = BytesMut::new();
                        frame.encode(version, &mut bytes);
                        let again = Codec::new(Limits { head: 4096, body: 4096 }).decode(&mut bytes);
                        assert_eq!(again.ok().flatten(), Some(frame));
                    }
                }
                Ok(None) => break,
                Err(_) => return,
            }
        }
        assert!(inbox.len() <= LIMITS.head + LIMITS.body + 256);
    }
});
