//! A delivery from its headers to the verdict, while its body arrives.

use std::mem;

use bytes::{Buf, Bytes};

use super::error::VerifyError;
use super::event::{EventId, VerifiedEvent};
use super::headers::SignatureHeaders;
use super::policy::{Now, Policy};
use super::search::{Progress, Search};
use crate::body::BodyBuffer;
use crate::stack;

/// A delivery whose headers passed their checks: the body as far as it has arrived, and the search for the key that
/// signed it.
///
/// The headers stay with the request. Each step takes them as an argument, always the same ones.
#[derive(Default)]
pub(crate) struct IncomingDelivery {
    /// `None` until the keys are known.
    search: Option<Search>,
    body: BodyBuffer,
    /// Bytes that arrived after the first part of the body, and are not in `body` yet.
    arriving: Bytes,
    claimed_len: usize,
}

impl IncomingDelivery {
    /// Sets the search for the key that signed the delivery. Without a search, no delivery is valid.
    #[inline]
    pub(crate) fn search(&mut self, search: Search) {
        self.search = Some(search);
    }

    /// Whether a listed signature has a form that one of the keys makes.
    #[inline]
    pub(crate) fn can_succeed<V: AsRef<[u8]>>(&self, headers: &SignatureHeaders<V>) -> bool {
        let search = self.search.as_ref();
        search.is_some_and(|search| search.can_succeed(headers))
    }

    /// Prepares the delivery for a wait.
    pub(crate) fn keep(&mut self) {
        if let Some(search) = &mut self.search {
            search.keep();
        }
    }

    /// Sets the length that the sender claims for the whole body, in bytes. It is a hint for allocations.
    pub(crate) fn expect_len(&mut self, claimed: usize) {
        self.claimed_len = claimed;
    }

    /// Returns how many bytes of the body have arrived.
    pub(crate) fn received(&self) -> usize {
        self.body.as_slice().len() + self.arriving.len()
    }

    /// Adds the next part of the body. The part before it must have gone through [`advance`](Self::advance).
    #[inline]
    pub(crate) fn receive(&mut self, mut chunk: impl Buf) {
        if self.body.as_slice().is_empty() {
            self.body.push(chunk, self.claimed_len);
        } else {
            debug_assert!(self.arriving.is_empty(), "the part before has gone through");
            self.arriving = chunk.copy_to_bytes(chunk.remaining());
        }
    }

    /// Adds the next part of the body, and hashes all of it.
    pub(super) fn update<V: AsRef<[u8]>>(
        &mut self,
        headers: &SignatureHeaders<V>,
        chunk: impl Buf,
    ) {
        let _wipe = stack::WipeOnDrop;
        self.body.push(chunk, self.claimed_len);
        self.advance(headers, usize::MAX);
    }

    /// Copies and hashes at most `budget` of the received bytes that are not hashed yet, and returns their number.
    /// Copying takes longer than hashing where the memory is new.
    ///
    /// Not inlined, like [`conclude`](Self::conclude), because the caller [wipes](stack::wipe) the stack afterwards.
    #[inline(never)]
    pub(crate) fn advance<V: AsRef<[u8]>>(
        &mut self,
        headers: &SignatureHeaders<V>,
        budget: usize,
    ) -> usize {
        let copied = self.arriving.len().min(budget);
        if copied > 0 {
            self.body
                .push(self.arriving.split_to(copied), self.claimed_len);
        }
        let Some(search) = &mut self.search else {
            return copied;
        };
        let hashed = search.advance(headers, self.body.as_slice(), budget);
        hashed.max(copied)
    }

    /// Returns the verdict on a body that has ended, unless more must [advance](Self::advance) first: the rest of the
    /// body, or the whole body again with the next key.
    #[inline(never)]
    pub(crate) fn conclude<V: AsRef<[u8]>>(
        &mut self,
        headers: &SignatureHeaders<V>,
        policy: &Policy,
        now: &mut Now,
    ) -> Conclusion {
        let received = self.received();
        let Some(search) = &mut self.search else {
            return Conclusion::Verdict(Err(VerifyError::SignatureMismatch));
        };
        let key_index = match search.conclude(headers, received) {
            Progress::Unfinished { cost } => return Conclusion::Unfinished { cost },
            Progress::NotFound => return Conclusion::Verdict(Err(VerifyError::SignatureMismatch)),
            Progress::Found(key_index) => key_index,
        };
        // The time is checked again: an attacker may replay a delivery and delay its body.
        if let Err(error) = policy.check_time(headers.unix_seconds, now) {
            return Conclusion::Verdict(Err(error));
        }
        let tenant = search.take_tenant();
        self.search = None;
        Conclusion::Verdict(Ok(VerifiedEvent {
            id: EventId::new(headers.id.as_ref()),
            unix_seconds: headers.unix_seconds,
            payload: mem::take(&mut self.body).into_bytes(),
            key_index,
            tenant,
            header_family: headers.family,
        }))
    }

    /// Returns the verdict on a body that has ended, after all the work that is left.
    pub(super) fn finish<V: AsRef<[u8]>>(
        &mut self,
        headers: &SignatureHeaders<V>,
        policy: &Policy,
        now: &mut Now,
    ) -> Result<VerifiedEvent, VerifyError> {
        let _wipe = stack::WipeOnDrop;
        loop {
            self.advance(headers, usize::MAX);
            if let Conclusion::Verdict(verdict) = self.conclude(headers, policy, now) {
                break verdict;
            }
        }
    }
}

/// The result of [`IncomingDelivery::conclude`].
pub(crate) enum Conclusion {
    Verdict(Result<VerifiedEvent, VerifyError>),
    /// There is more to hash.
    Unfinished {
        /// The work of this step beyond the bytes of the body, in bytes that could be hashed in the same time.
        cost: usize,
    },
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;
    use crate::signature::hmac::tests::STARTED;
    use crate::signature::list::tests::SPLIT;
    use crate::{Keyring, Secret, Verifier};

    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    /// The signature of [`BODY`] with `whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw`, as published by Standard Webhooks.
    const GENUINE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    const FORGED: &str = "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    fn headers(signatures: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(
            "webhook-id",
            "msg_p5jXN8AQM9LWM0D4loKWxJek".parse().unwrap(),
        );
        headers.insert("webhook-timestamp", "1614265330".parse().unwrap());
        headers.insert("webhook-signature", signatures.parse().unwrap());
        headers
    }

    /// Eight keys, of which the one at `position` made [`GENUINE`].
    fn verifier_with_key_at(position: usize) -> Verifier {
        let mut keys: Vec<Secret> = (1..8)
            .map(|byte| Secret::from_bytes(&[byte; 24]).unwrap())
            .collect();
        keys.insert(
            position,
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap(),
        );
        Verifier::new(keys).insecure_ignore_timestamp()
    }

    fn macs_of<T>(work: impl FnOnce() -> T) -> (usize, T) {
        let before = STARTED.get();
        let result = work();
        (STARTED.get() - before, result)
    }

    #[test]
    fn a_genuine_delivery_costs_the_macs_up_to_its_key() {
        for position in 0..8 {
            let verifier = verifier_with_key_at(position);
            let (macs, event) = macs_of(|| verifier.verify(&headers(GENUINE), BODY));
            assert_eq!(event.unwrap().key_index(), position);
            assert_eq!(macs, position + 1);
        }
    }

    #[test]
    fn a_forged_delivery_costs_one_mac_for_each_key_however_many_signatures_it_lists() {
        let verifier = verifier_with_key_at(0);
        for listed in [1, 2, 300] {
            let list = vec![FORGED; listed].join(" ");
            let (macs, verdict) = macs_of(|| verifier.verify(&headers(&list), BODY));
            assert_eq!(verdict.unwrap_err(), VerifyError::SignatureMismatch);
            assert_eq!(macs, 8);
        }
    }

    #[test]
    fn a_list_is_split_once_however_many_keys_there_are() {
        let list = vec![FORGED; 300].join(", ");
        let before = SPLIT.get();
        let verdict = verifier_with_key_at(0).verify(&headers(&list), BODY);
        assert_eq!(verdict.unwrap_err(), VerifyError::SignatureMismatch);
        assert_eq!(SPLIT.get() - before, 1);
    }

    #[test]
    fn a_delivery_without_a_signature_to_compare_with_costs_no_mac() {
        let (macs, verdict) = macs_of(|| verifier_with_key_at(0).verify(&headers("v2,AAAA"), BODY));
        assert_eq!(verdict.unwrap_err(), VerifyError::NoSupportedSignature);
        assert_eq!(macs, 0);
    }

    /// Accepts any timestamp.
    fn policy() -> Policy {
        Policy {
            tolerance: None,
            ..Policy::default()
        }
    }

    fn admit(headers: &HeaderMap) -> SignatureHeaders<&HeaderValue> {
        policy().admit(headers, &mut Now::default()).unwrap()
    }

    /// Returns the verdict on [`BODY`] with these keys.
    fn verdict(signatures: &str, search: Search) -> Result<VerifiedEvent, VerifyError> {
        let headers = headers(signatures);
        let mut delivery = IncomingDelivery::default();
        delivery.search(search);
        delivery.receive(BODY);
        delivery.finish(&admit(&headers), &policy(), &mut Now::default())
    }

    #[test]
    fn an_unknown_tenant_costs_as_many_macs_as_one_with_a_wrong_key() {
        let key = Keyring::from(Secret::from_bytes(&[1; 24]).unwrap());
        let known = macs_of(|| verdict(FORGED, Search::among(&key)));
        let unknown = macs_of(|| verdict(FORGED, Search::with_decoy(&key)));
        for (macs, verdict) in [known, unknown] {
            assert_eq!(verdict.unwrap_err(), VerifyError::SignatureMismatch);
            assert_eq!(macs, 1);
        }
    }

    #[test]
    fn a_verdict_waits_until_all_that_arrived_is_hashed() {
        let secret: Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        let headers = headers(GENUINE);
        let headers = admit(&headers);
        let mut delivery = IncomingDelivery::default();
        delivery.search(Search::among(&Keyring::from(secret)));
        delivery.receive(&BODY[..8]);
        assert_eq!(delivery.advance(&headers, usize::MAX), 8);
        delivery.receive(&BODY[8..]);
        let verdict = loop {
            if let Conclusion::Verdict(verdict) =
                delivery.conclude(&headers, &policy(), &mut Now::default())
            {
                break verdict;
            }
            let hashed = delivery.advance(&headers, 1);
            assert!(hashed > 0, "all is hashed, and no verdict");
        };
        assert!(verdict.is_ok());
    }

    #[test]
    fn a_decoy_vouches_for_nothing() {
        let secret: Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        let key = Keyring::from(secret);
        assert!(verdict(GENUINE, Search::among(&key)).is_ok());
        assert_eq!(
            verdict(GENUINE, Search::with_decoy(&key)).unwrap_err(),
            VerifyError::SignatureMismatch
        );
    }

    #[test]
    fn without_keys_nothing_is_verified() {
        let none = Keyring::from(Vec::<Secret>::new());
        assert_eq!(
            verdict(GENUINE, Search::among(&none)).unwrap_err(),
            VerifyError::SignatureMismatch
        );
        let mut delivery = IncomingDelivery::default();
        delivery.receive(BODY);
        let headers = headers(GENUINE);
        let verdict = delivery.finish(&admit(&headers), &policy(), &mut Now::default());
        assert_eq!(verdict.unwrap_err(), VerifyError::SignatureMismatch);
    }
}
