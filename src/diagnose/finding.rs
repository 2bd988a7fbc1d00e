//! What was found, in words.

use std::borrow::Cow;
use std::fmt;
use std::ops::ControlFlow;

/// One thing that is wrong with a delivery or its receiver, or that is suspicious.
///
/// `Display` prints a sentence that says what would have matched. It holds no key, no signature, no value of a header and
/// no part of the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    code: &'static str,
    sentence: Cow<'static, str>,
    advice: Cow<'static, str>,
}

impl Finding {
    pub(super) fn new(
        code: &'static str,
        sentence: impl Into<Cow<'static, str>>,
        advice: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            code,
            sentence: sentence.into(),
            advice: advice.into(),
        }
    }

    /// The stable, machine-readable name of what was found: see [the list](super#what-is-tried).
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// What to do about it, in a sentence or two.
    #[must_use]
    pub fn advice(&self) -> &str {
        &self.advice
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

/// Tries a body: it is told what is wrong if the body matches, and breaks off if nothing else is to be tried.
pub(super) type TryBody<'t> = dyn FnMut(&[u8], &dyn Fn() -> Finding) -> ControlFlow<()> + 't;
