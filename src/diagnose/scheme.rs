//! The texts that a sender may sign instead of `id.timestamp.body`.

use super::finding::Finding;

/// A way to combine an id, a timestamp and a body into the text that is signed.
pub(super) struct Scheme {
    parts: &'static [Part],
    code: &'static str,
    sentence: &'static str,
}

enum Part {
    Id,
    Timestamp,
    Body,
    Dot,
}

use Part::{Body, Dot, Id, Timestamp};

/// Other schemes, the most usual ones first.
pub(super) const OTHERS: &[Scheme] = &[
    Scheme {
        parts: &[Body],
        code: "scheme-body-alone",
        sentence: "The signature covers the body alone, as GitHub signs, and neither the id nor the timestamp.",
    },
    Scheme {
        parts: &[Timestamp, Dot, Body],
        code: "scheme-timestamp-body",
        sentence: "The signature covers `timestamp.body`, as Stripe signs, without the id.",
    },
    Scheme {
        parts: &[Timestamp, Dot, Id, Dot, Body],
        code: "scheme-exchanged",
        sentence: "The signature covers `timestamp.id.body`: the id and the timestamp are exchanged.",
    },
    Scheme {
        parts: &[Id, Dot, Timestamp, Body],
        code: "scheme-separator",
        sentence: "The signature covers `id.timestamp` and the body without a full stop between them.",
    },
    Scheme {
        parts: &[Id, Timestamp, Dot, Body],
        code: "scheme-separator",
        sentence: "The signature covers the id and `timestamp.body` without a full stop between them.",
    },
    Scheme {
        parts: &[Id, Timestamp, Body],
        code: "scheme-separator",
        sentence: "The signature covers the id, the timestamp and the body without full stops between them.",
    },
];

impl Scheme {
    pub(super) fn message<'m>(
        &self,
        id: &'m [u8],
        timestamp: &'m [u8],
        body: &'m [u8],
    ) -> Vec<&'m [u8]> {
        let parts = self.parts.iter();
        parts
            .map(|part| match part {
                Id => id,
                Timestamp => timestamp,
                Body => body,
                Dot => b".",
            })
            .collect()
    }

    pub(super) fn finding(&self) -> Finding {
        Finding::new(
            self.code,
            self.sentence,
            "Let the sender sign `id.timestamp.body`, with the texts of the two headers as they are sent. Only a signature over \
             the id and the timestamp protects against replays.",
        )
    }
}
