//! Whatever a publisher, or who pretends to be one, sends: no panic, no message over the limits, and never more taken of the room that all
//! share than there is. The first byte says whether it greets as it should, the second how the bytes are cut.

#![no_main]

// By its path: what is fuzzed is compiled anew with its sanitizer, and the rest of bugrelay would take minutes.
#[allow(dead_code)]
#[path = "../../src/zmtp.rs"]
mod zmtp;

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Semaphore;
use zmtp::{Incoming, Peer, Role};

const MAX: usize = 100_000;
const ROOM: usize = 120_000;

/// As libzmq's PUB greets.
fn hello() -> Vec<u8> {
    let mut hello = vec![0; 64];
    (hello[0], hello[9], hello[10]) = (0xff, 0x7f, 3);
    hello[12..16].copy_from_slice(b"NULL");
    hello.extend(b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03PUB");
    hello
}

async fn read(stream: tokio::io::DuplexStream) {
    let Ok(mut peer) = Peer::greet(stream, Role::Subscriber, MAX).await else { return };
    let room = Arc::new(Semaphore::new(ROOM));
    peer = peer.within(Arc::clone(&room));
    while let Ok(incoming) = peer.next().await {
        match incoming {
            Incoming::Message(frames) => {
                assert!(frames.len() <= 3);
                assert!(frames.iter().map(bytes::Bytes::len).sum::<usize>() <= MAX);
            }
            Incoming::NoRoom => panic!("nobody else takes any"),
            Incoming::TooLarge | Incoming::Command => {}
            Incoming::End => break,
        }
    }
    drop(peer);
    assert_eq!(room.available_permits(), ROOM, "all of it is given back");
}

fuzz_target!(|input: &[u8]| {
    let [greets, cut, wire @ ..] = input else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let (ours, mut theirs) = tokio::io::duplex(1 << 20);
        let write = async move {
            if greets % 2 == 1 {
                let _ = theirs.write_all(&hello()).await;
            }
            for piece in wire.chunks(usize::from(*cut) + 1) {
                if theirs.write_all(piece).await.is_err() {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::join!(write, read(ours));
    });
});
