//! A frame used as the mover would, with what must hold of it whatever it is. Shared with `tests/fuzz`.

use kubectl_stateful::mover::disk::buffer::Buffer;
use kubectl_stateful::mover::net::wire::{self, Message};
use kubectl_stateful::mover::write::change::Item;

/// Whether a path stays beneath a root, told without the mover's own words.
fn stays(path: &[u8]) -> bool {
    path.is_empty() || path.split(|&byte| byte == b'/').all(|name| !matches!(name, b"" | b"." | b"..") && !name.contains(&0))
}

/// Uses a frame as the mover would; returns whether it was taken.
pub(crate) fn take(bytes: &[u8]) -> bool {
    let mut content = Buffer::default();
    let Ok(message) = wire::read(&mut &bytes[..], &mut content) else { return false };
    let encoded = |message: &Message, content: &[u8]| {
        let mut bytes = Vec::new();
        wire::write(&mut bytes, message, &[content]).expect("memory takes all");
        bytes
    };
    let again = encoded(&message, &content);
    let mut content_again = Buffer::default();
    let read_again = wire::read(&mut again.as_slice(), &mut content_again).expect("what was taken can be told again");
    assert_eq!(again, encoded(&read_again, &content_again));
    match &message {
        Message::Changes(changes) => {
            let mut rest = &content[..];
            for (item, extents) in changes {
                let Ok(pieces) = wire::accept(item, extents, &mut rest) else { return true };
                assert!(stays(item.path()));
                assert!(pieces.iter().all(|piece| piece.bytes.is_none_or(|bytes| bytes.len() as u64 == piece.length)));
                assert!(pieces.iter().all(|piece| piece.offset.checked_add(piece.length).is_some()));
                if let Item::Link { to, .. } = item {
                    assert!(stays(to));
                }
            }
        }
        Message::Page { directory, entries } if wire::page_is_sound(directory, entries) => {
            assert!(stays(directory) && entries.iter().all(|entry| stays(&entry.name) && !entry.name.contains(&b'/')));
        }
        _ => {}
    }
    true
}
