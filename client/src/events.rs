//! What an extrinsic brought about.
//!
//! An event is found by its pallet's and its own name, and its fields are decoded as SCALE. The
//! small structs below name the fields of the events that a client acts on.

use crate::error::{Error, Result};
use codec::Decode;

/// An event as the chain deposited it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Name of the pallet.
    pub pallet: String,
    /// Name of the event.
    pub name: String,
    /// SCALE of its fields.
    pub fields: Vec<u8>,
}

/// The events of one extrinsic, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Events(pub Vec<Event>);

/// An event that this crate can decode.
pub trait Typed: Decode {
    /// Name of the pallet.
    const PALLET: &'static str;
    /// Name of the event.
    const NAME: &'static str;
}

impl Events {
    /// The first event of this kind.
    pub fn find<E: Typed>(&self) -> Result<Option<E>> {
        self.all::<E>().next().transpose()
    }

    /// The first event of this kind; an error when there is none.
    pub fn expect<E: Typed>(&self) -> Result<E> {
        self.find()?
            .ok_or_else(|| Error::Incompatible(format!("no event {}::{} came", E::PALLET, E::NAME)))
    }

    /// Every event of this kind.
    pub fn all<E: Typed>(&self) -> impl Iterator<Item = Result<E>> + '_ {
        self.0.iter().filter(|event| event.pallet == E::PALLET && event.name == E::NAME).map(
            |event| {
                E::decode(&mut &event.fields[..]).map_err(|error| {
                    Error::Incompatible(format!("event {}::{}: {error}", E::PALLET, E::NAME))
                })
            },
        )
    }
}

macro_rules! typed {
    ($pallet:literal: $($(#[$doc:meta])* $name:ident {
        $($(#[$field_doc:meta])* $field:ident: $ty:ty,)*
    })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq, Decode)]
            pub struct $name {
                $($(#[$field_doc])* pub $field: $ty,)*
            }

            impl Typed for $name {
                const PALLET: &'static str = $pallet;
                const NAME: &'static str = stringify!($name);
            }
        )*
    };
}

/// Events of pallet `Models`.
pub mod models {
    use super::*;
    use vigil_primitives::{model::Name, AccountId, ContentHash, ModelId, ModelVersionId};

    typed! { "Models":
        /// A model was registered.
        ModelCreated {
            /// Its number.
            model: ModelId,
            /// Its owner.
            owner: AccountId,
            /// Its name.
            name: Name,
        }
        /// A version was published.
        VersionPublished {
            /// Its number.
            id: ModelVersionId,
            /// BLAKE3 of its `package.json`.
            package: ContentHash,
        }
    }
}

/// Events of pallet `Datasets`.
pub mod datasets {
    use super::*;
    use vigil_primitives::{model::Name, AccountId, ContentHash, DatasetId, DatasetVersionId};

    typed! { "Datasets":
        /// A dataset was registered.
        DatasetRegistered {
            /// Its number.
            dataset: DatasetId,
            /// Its owner.
            owner: AccountId,
            /// Its name.
            name: Name,
        }
        /// A version of a dataset was published.
        DatasetPublished {
            /// Its number.
            id: DatasetVersionId,
            /// BLAKE3 of the data.
            content: ContentHash,
        }
    }
}

/// Events of pallet `Provenance`.
pub mod provenance {
    use super::*;
    use vigil_primitives::{
        grant::{Grant, GrantId},
        AccountId, AssetId, Balance, ContentHash,
    };

    typed! { "Provenance":
        /// A grant was bought, or extended.
        GrantBought {
            /// What may be used.
            asset: AssetId,
            /// Who may use it.
            holder: AccountId,
            /// The grant as it is now.
            grant: Grant,
            /// What was paid this time.
            price: Balance,
        }
        /// A grant was taken away.
        GrantRevoked {
            /// What may be used no more.
            asset: AssetId,
            /// Who held it.
            holder: AccountId,
            /// Its number.
            grant: GrantId,
            /// What the holder got back.
            refund: Balance,
            /// BLAKE3 of the document that says why.
            evidence: Option<ContentHash>,
        }
        /// What was kept for an account was paid.
        Collected {
            /// The account.
            payee: AccountId,
            /// How much.
            amount: Balance,
        }
    }
}

/// Events of pallet `Disputes`.
pub mod disputes {
    use super::*;
    use vigil_primitives::{
        dispute::{ClaimId, DisputeId, Penalty, TokenAt, Verdict},
        AccountId, Balance,
    };

    typed! { "Disputes":
        /// A claim is challenged, and a game begins.
        Challenged {
            /// The dispute.
            dispute: DisputeId,
            /// The claim.
            claim: ClaimId,
            /// Who challenges it.
            challenger: AccountId,
            /// On hold of the challenger.
            bond: Balance,
            /// The disputed token.
            token: Option<TokenAt>,
        }
        /// A dispute has ended; where a claim is wrong at first sight, as soon as it is challenged.
        Ended {
            /// The dispute.
            dispute: DisputeId,
            /// The claim.
            claim: ClaimId,
            /// How.
            verdict: Verdict,
            /// What the moves would have cost.
            costs: Balance,
        }
        /// A claim is wrong, and its claimant has lost its stake.
        Convicted {
            /// The claim.
            claim: ClaimId,
            /// Who has convicted it.
            by: AccountId,
            /// Where the stake went.
            penalty: Penalty,
        }
    }
}

/// Events of pallet `Jobs`.
pub mod jobs {
    use super::*;
    use vigil_primitives::{
        job::{Output, Receipt, RefundReason},
        AccountId, Balance, JobId, ModelVersionId,
    };

    typed! { "Jobs":
        /// A job was submitted and its price held.
        Submitted {
            /// Its number.
            job: JobId,
            /// Who pays.
            requester: AccountId,
            /// What is to be run.
            version: ModelVersionId,
            /// The price held.
            max_price: Balance,
        }
        /// A job was paid.
        Settled {
            /// Its number.
            job: JobId,
            /// The result.
            output: Output,
            /// Who was paid what.
            receipt: Receipt,
        }
        /// The whole escrow went back to the requester.
        Refunded {
            /// The job's number.
            job: JobId,
            /// Who got it back.
            requester: AccountId,
            /// How much.
            amount: Balance,
            /// Why.
            reason: RefundReason,
        }
        /// The requester took the job back.
        Cancelled {
            /// The job's number.
            job: JobId,
            /// Who got the escrow back.
            requester: AccountId,
            /// How much.
            amount: Balance,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec::Encode;
    use vigil_primitives::{grant::Grant, AssetId, ContentHash, DatasetVersionId, ModelVersionId};

    fn submitted(job: u64) -> Event {
        let fields = (job, [1u8; 32], (0u32, 0u32), 5u128).encode();
        Event { pallet: "Jobs".into(), name: "Submitted".into(), fields }
    }

    #[test]
    fn find_should_decode_the_first_event_of_the_kind() {
        let other = Event { pallet: "Models".into(), ..submitted(1) };
        let events = Events(vec![other, submitted(2), submitted(3)]);
        assert_eq!(events.expect::<jobs::Submitted>().unwrap().job, 2);
        assert_eq!(events.all::<jobs::Submitted>().count(), 2);
        assert_eq!(events.find::<models::ModelCreated>().unwrap(), None);
    }

    #[test]
    fn a_bought_grant_should_be_read_with_what_was_paid_this_time() {
        let asset = AssetId::Dataset(DatasetVersionId { dataset: 3, version: 1 });
        let grant = Grant::new(8, 10, Some(100), Some(5), 1_000);
        let fields = (asset, [7u8; 32], grant, 500u128).encode();
        let event = Event { pallet: "Provenance".into(), name: "GrantBought".into(), fields };
        let bought = Events(vec![event]).expect::<provenance::GrantBought>().unwrap();
        let holder = [7; 32].into();
        assert_eq!(bought, provenance::GrantBought { asset, holder, grant, price: 500 });
    }

    #[test]
    fn a_revoked_grant_should_be_read_with_its_refund() {
        let asset = AssetId::Model(ModelVersionId { model: 0, version: 2 });
        let evidence = Some(ContentHash::repeat_byte(4));
        let fields = (asset, [7u8; 32], 8u64, 250u128, evidence).encode();
        let event = Event { pallet: "Provenance".into(), name: "GrantRevoked".into(), fields };
        let revoked = Events(vec![event]).expect::<provenance::GrantRevoked>().unwrap();
        assert_eq!((revoked.grant, revoked.refund, revoked.evidence), (8, 250, evidence));
    }

    #[test]
    fn find_should_fail_when_the_fields_are_too_short() {
        let cut = Event { fields: vec![1, 2, 3], ..submitted(1) };
        assert!(matches!(Events(vec![cut]).find::<jobs::Submitted>(), Err(Error::Incompatible(_))));
    }
}
