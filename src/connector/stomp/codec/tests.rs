//! Frames as brokers write them, and bytes as nobody should.

use proptest::prelude::*;

use super::*;

fn decoder(version: Version) -> Codec {
    Codec { version, ..Codec::new(Limits { head: 200, body: 100 }) }
}

/// All frames in the bytes, and how reading ended.
fn read(version: Version, bytes: &[u8]) -> (Vec<Frame>, Result<(), String>) {
    let (mut codec, mut bytes, mut frames) = (decoder(version), BytesMut::from(bytes), vec![]);
    loop {
        match codec.decode(&mut bytes) {
            Ok(Some(frame)) => frames.push(frame),
            Ok(None) => return (frames, Ok(())),
            Err(error) => return (frames, Err(error.to_string())),
        }
    }
}

fn one(version: Version, bytes: &[u8]) -> Frame {
    let (mut frames, end) = read(version, bytes);
    assert_eq!((frames.len(), end), (1, Ok(())));
    frames.remove(0)
}

fn written(frame: &Frame, version: Version) -> BytesMut {
    let mut bytes = BytesMut::new();
    frame.encode(version, &mut bytes);
    bytes
}

#[test]
fn lines_end_with_or_without_a_carriage_return() {
    let expected = Frame::new("RECEIPT").with("receipt-id", "7");
    assert_eq!(one(Version::V1_2, b"RECEIPT\nreceipt-id:7\n\n\0"), expected);
    assert_eq!(one(Version::V1_2, b"RECEIPT\r\nreceipt-id:7\r\n\r\n\0\r\n"), expected);
}

#[test]
fn heart_beats_between_frames_are_no_frames() {
    let (frames, end) = read(Version::V1_2, b"\n\n\r\nRECEIPT\n\n\0\n\n\nERROR\n\n\0\n");
    assert_eq!((frames, end), (vec![Frame::new("RECEIPT"), Frame::new("ERROR")], Ok(())));
}

#[test]
fn the_first_of_repeated_headers_counts() {
    assert_eq!(one(Version::V1_2, b"MESSAGE\nfoo:World\nfoo:Hello\n\n\0").header("foo"), Some("World"));
}

#[test]
fn a_body_of_told_length_may_hold_any_byte_and_another_ends_at_its_nul() {
    assert_eq!(&one(Version::V1_2, b"MESSAGE\ncontent-length:3\n\na\0b\0").body[..], b"a\0b");
    assert_eq!(&one(Version::V1_2, b"MESSAGE\n\nab\ncd\0").body[..], b"ab\ncd");
    let (_, end) = read(Version::V1_2, b"MESSAGE\ncontent-length:1\n\nab\0");
    assert!(end.unwrap_err().contains("beyond its content-length"));
}

#[test]
fn each_version_has_its_own_escapes() {
    let line = b"MESSAGE\na\\cb:c\\n\\\\\\cd\n\n\0";
    assert_eq!(one(Version::V1_2, line).header("a:b"), Some("c\n\\:d"));
    assert_eq!(one(Version::V1_1, line).header("a:b"), Some("c\n\\:d"));
    assert_eq!(one(Version::V1_0, line).header("a\\cb"), Some("c\\n\\\\\\cd"));
    assert_eq!(one(Version::V1_2, b"MESSAGE\na:\\r\n\n\0").header("a"), Some("\r"));
    for (version, line) in [(Version::V1_1, &b"MESSAGE\na:\\r\n\n\0"[..]), (Version::V1_2, b"MESSAGE\na:\\t\n\n\0")] {
        assert!(read(version, line).1.unwrap_err().contains("escape"));
    }
    assert_eq!(one(Version::V1_2, b"CONNECTED\nserver:a\\b:c\n\n\0").header("server"), Some("a\\b:c"));
}

#[test]
fn no_value_can_pass_for_a_header_of_its_own() {
    let frame = Frame::new("SEND").with("a", "x\r\nreceipt:9\0");
    for version in [Version::V1_0, Version::V1_1, Version::V1_2] {
        let read = one(version, &written(&frame, version));
        assert_eq!((read.headers.len(), read.header("receipt")), (1, None), "{version:?}");
    }
    let login = Frame::new("CONNECT").with("passcode", "a:b\\c");
    assert!(written(&login, Version::V1_2).starts_with(b"CONNECT\npasscode:a:b\\c\n"), "nothing is escaped there");
}

#[test]
fn what_is_too_large_is_refused_before_it_is_here() {
    let long = "x".repeat(201);
    assert!(read(Version::V1_2, long.as_bytes()).1.unwrap_err().contains("head is over 200"));
    let told = b"MESSAGE\ncontent-length:101\n\n";
    assert!(read(Version::V1_2, told).1.unwrap_err().contains("body is over 100"));
    let told = b"MESSAGE\ncontent-length:99999999999999999999999\n\n";
    assert!(read(Version::V1_2, told).1.unwrap_err().contains("body is over 100"));
    let endless = [&b"MESSAGE\n\n"[..], long.as_bytes()].concat();
    assert!(read(Version::V1_2, &endless).1.unwrap_err().contains("body is over 100"));
}

#[test]
fn an_error_of_the_decoder_quotes_nothing() {
    for bytes in [&b"needle\nneedle\n\n\0"[..], b"M\ncontent-length:needle\n\n\0", b"M\nneedle:\\q\n\n\0"] {
        assert!(!read(Version::V1_2, bytes).1.unwrap_err().contains("needle"));
    }
}

fn any_frame() -> impl Strategy<Value = Frame> {
    let text = || proptest::string::string_regex("[a-zé:\\\\\n\r ]{0,12}").unwrap();
    let headers = proptest::collection::vec((text(), text()), 0..4);
    (headers, proptest::collection::vec(any::<u8>(), 0..60)).prop_map(|(headers, body)| {
        let length = body.len().to_string();
        let headers = headers.into_iter().map(|(name, value)| (format!("x{name}"), value)).collect();
        Frame { command: "SEND".into(), headers, body: body.into() }.with("content-length", length)
    })
}

proptest! {
    #[test]
    fn a_frame_that_is_written_is_read_the_same_however_it_is_cut(
        frames in proptest::collection::vec(any_frame(), 1..4),
        cut in 1_usize..20,
    ) {
        let mut wire = BytesMut::new();
        frames.iter().for_each(|frame| frame.encode(Version::V1_2, &mut wire));
        let (mut codec, mut inbox, mut read) = (Codec::new(Limits::default()), BytesMut::new(), vec![]);
        for piece in wire.chunks(cut) {
            inbox.extend_from_slice(piece);
            while let Some(frame) = codec.decode(&mut inbox).unwrap() {
                read.push(frame);
            }
        }
        prop_assert_eq!(read, frames);
        prop_assert!(inbox.is_empty());
    }

    #[test]
    fn any_bytes_are_read_without_a_panic_and_within_the_limits(
        pieces in proptest::collection::vec(
            prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..150),
                proptest::sample::select(vec![&b"MESSAGE\n"[..], b"\n\n", b"\r\n", b"\0", b"content-length:5\n", b"a:b\n"])
                    .prop_map(<[u8]>::to_vec),
            ],
            0..12,
        ),
        version in proptest::sample::select(vec![Version::V1_0, Version::V1_1, Version::V1_2]),
    ) {
        let (mut codec, mut inbox) = (decoder(version), BytesMut::new());
        'wire: for piece in pieces {
            inbox.extend_from_slice(&piece);
            loop {
                match codec.decode(&mut inbox) {
                    Ok(Some(frame)) => {
                        let head: usize = frame.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
                        prop_assert!(head <= 200 && frame.body.len() <= 100);
                    }
                    Ok(None) => break,
                    Err(_) => break 'wire,
                }
            }
            prop_assert!(inbox.len() <= 200 + 100 + 150, "more is kept than a frame may have");
        }
    }
}
