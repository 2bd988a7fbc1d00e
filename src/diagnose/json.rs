//! A parser of JSON that keeps the order of keys, and the texts of strings and numbers.
//!
//! `serde_json` keeps the order only with a feature, which would also affect its other users in the program. It does
//! not keep the texts of numbers.

/// A value, with the texts of its strings and numbers as they are in the document.
pub(super) enum Node<'j> {
    /// `true`, `false` or `null`.
    Literal(&'j str),
    Number(&'j str),
    /// The text between the quotes, with its escapes.
    String(&'j str),
    Array(Vec<Node<'j>>),
    Object(Vec<(&'j str, Node<'j>)>),
}

/// The maximum depth of a document.
const MAX_DEPTH: usize = 128;

/// Parses a document. Returns `None` if it is not JSON, or too deep.
pub(super) fn parse(json: &[u8]) -> Option<Node<'_>> {
    let mut reader = Reader {
        rest: str::from_utf8(json).ok()?,
    };
    let node = reader.value(MAX_DEPTH)?;
    reader.skip_space();
    reader.rest.is_empty().then_some(node)
}

struct Reader<'j> {
    rest: &'j str,
}

impl<'j> Reader<'j> {
    fn value(&mut self, depth: usize) -> Option<Node<'j>> {
        self.skip_space();
        match self.rest.as_bytes().first()? {
            b'{' => self.object(depth.checked_sub(1)?),
            b'[' => self.array(depth.checked_sub(1)?),
            b'"' => self.string().map(Node::String),
            b'-' | b'0'..=b'9' => self.number().map(Node::Number),
            _ => ["true", "false", "null"]
                .into_iter()
                .find(|literal| self.skip(literal))
                .map(Node::Literal),
        }
    }

    fn object(&mut self, depth: usize) -> Option<Node<'j>> {
        let mut members = Vec::new();
        self.elements("{", "}", |reader| {
            let name = reader.string()?;
            reader.skip_space();
            reader.expect(":")?;
            members.push((name, reader.value(depth)?));
            Some(())
        })?;
        Some(Node::Object(members))
    }

    fn array(&mut self, depth: usize) -> Option<Node<'j>> {
        let mut items = Vec::new();
        self.elements("[", "]", |reader| {
            items.push(reader.value(depth)?);
            Some(())
        })?;
        Some(Node::Array(items))
    }

    /// Reads elements between brackets, separated by commas.
    fn elements(
        &mut self,
        open: &str,
        close: &str,
        mut element: impl FnMut(&mut Self) -> Option<()>,
    ) -> Option<()> {
        self.expect(open)?;
        self.skip_space();
        if self.skip(close) {
            return Some(());
        }
        loop {
            self.skip_space();
            element(self)?;
            self.skip_space();
            if self.skip(close) {
                return Some(());
            }
            self.expect(",")?;
        }
    }

    fn string(&mut self) -> Option<&'j str> {
        self.expect("\"")?;
        let bytes = self.rest.as_bytes();
        let mut end = 0;
        loop {
            match bytes.get(end)? {
                b'"' => break,
                b'\\' => end += 2,
                0..=0x1f => return None,
                _ => end += 1,
            }
        }
        let text = self.rest.get(..end)?;
        self.rest = &self.rest[end + 1..];
        Some(text)
    }

    fn number(&mut self) -> Option<&'j str> {
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let bytes = self.rest.as_bytes();
        let len = bytes.iter().position(|byte| !is_part(byte));
        let (text, rest) = self.rest.split_at(len.unwrap_or(bytes.len()));
        self.rest = rest;
        text.parse::<f64>().ok().map(|_| text)
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn skip(&mut self, token: &str) -> bool {
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, token: &str) -> Option<()> {
        self.skip(token).then_some(())
    }
}
