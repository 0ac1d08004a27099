//! What must follow from what people do, kept from the events alone.

use super::actions::Pick;
use crate::market::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use vigil_primitives::{
    grant::GrantId,
    job::{Output, Receipt, Role},
    model::Fee,
    pricing,
    terms::{Access, Terms},
    AssetId, Balance, DatasetVersionId, JobId, JobStatus, ModelVersionId,
};
use vigil_runtime::{
    configs::{keeper, treasury},
    AccountId, Balances, Provenance, Runtime, RuntimeEvent, System,
};

/// What the test knows of an asset.
pub(super) struct Known {
    pub(super) asset: AssetId,
    pub(super) access: Access,
    /// Who is paid which share, in parts per million: itself first.
    waterfall: Vec<(AssetId, u128)>,
    depth: u8,
}

/// What a grant is known by.
type GrantKey = (AssetId, AccountId, GrantId);

/// What the events of one settlement say of its payments.
#[derive(Default)]
struct Payments {
    /// Out of the escrow, by whoever was credited.
    transfers: BTreeMap<AccountId, Balance>,
    kept: Vec<(AccountId, Balance)>,
    returned: Vec<(AccountId, Balance)>,
}

/// What has happened and what must follow from it.
pub(super) struct Ledger {
    pub(super) issued: Balance,
    pub(super) assets: Vec<Known>,
    /// By model or dataset: the version is zero.
    owners: BTreeMap<AssetId, AccountId>,
    uses: BTreeMap<GrantKey, u32>,
    revenue: BTreeMap<AssetId, Balance>,
    pub(super) unpaid: BTreeMap<AccountId, Balance>,
    payments: Payments,
    pub(super) reached: BTreeMap<&'static str, usize>,
}

/// The first version of an asset's model or dataset, which stands for it.
fn entry(asset: AssetId) -> AssetId {
    match asset {
        AssetId::Model(id) => AssetId::Model(ModelVersionId { version: 0, ..id }),
        AssetId::Dataset(id) => AssetId::Dataset(DatasetVersionId { version: 0, ..id }),
    }
}

impl Ledger {
    pub(super) fn new() -> Self {
        Self {
            issued: Balances::total_issuance(),
            assets: Vec::new(),
            owners: BTreeMap::new(),
            uses: BTreeMap::new(),
            revenue: BTreeMap::new(),
            unpaid: BTreeMap::new(),
            payments: Payments::default(),
            reached: BTreeMap::new(),
        }
    }

    pub(super) fn see(&mut self, name: &'static str) {
        *self.reached.entry(name).or_default() += 1;
    }

    pub(super) fn asset(&self, pick: Pick) -> Option<AssetId> {
        let known = self.assets.get(pick.checked_rem(self.assets.len())?)?;
        Some(known.asset)
    }

    fn known(&self, asset: AssetId) -> &Known {
        self.assets.iter().find(|known| known.asset == asset).expect("it was published")
    }

    pub(super) fn owner(&self, asset: AssetId) -> &AccountId {
        &self.owners[&entry(asset)]
    }

    /// Flattens citations once more, in plain integers.
    fn flatten(&self, asset: AssetId, citations: &[(AssetId, u32)]) -> (Vec<(AssetId, u128)>, u8) {
        let mut others = BTreeMap::<AssetId, u128>::new();
        let mut own: u128 = 1_000_000;
        let mut depth = 0;
        for (cited, share) in citations {
            let known = self.known(*cited);
            let share = u128::from(*share);
            let mut left = share;
            for (ancestor, part) in &known.waterfall[1..] {
                let part = share * part / 1_000_000;
                *others.entry(*ancestor).or_default() += part;
                left -= part;
            }
            *others.entry(*cited).or_default() += left;
            own -= share;
            depth = depth.max(known.depth + 1);
        }
        ([(asset, own)].into_iter().chain(others).collect(), depth)
    }

    /// Who is owed which part of what an asset earns, as things stand. Nobody is owed nothing.
    fn parts(&self, asset: AssetId, amount: Balance) -> BTreeMap<AssetId, Balance> {
        let waterfall = &self.known(asset).waterfall;
        let mut parts: BTreeMap<_, _> = waterfall[1..]
            .iter()
            .map(|(asset, share)| (*asset, amount * share / 1_000_000))
            .collect();
        parts.insert(asset, amount - parts.values().sum::<Balance>());
        parts.retain(|_, part| *part > 0);
        parts
    }

    pub(super) fn publish(
        &mut self,
        who: &AccountId,
        model: bool,
        terms: Terms,
        fee: Balance,
        citations: &[(AssetId, u32)],
    ) -> Result<(), TestCaseError> {
        // A use of every grant that the publisher needs will be consumed.
        let consumed: Vec<GrantKey> = citations
            .iter()
            .filter(|(cited, _)| {
                self.owner(*cited) != who && self.known(*cited).access != Access::Open
            })
            .filter_map(|(cited, _)| Some((*cited, who.clone(), grant(*cited, who)?.id)))
            .collect();
        let access = terms.access;
        let published = if model {
            let mut spec = version_spec(terms);
            spec.fee = Fee { per_job: fee, per_1k_tokens: fee / 3 };
            publish_model(who, spec, citations)
        } else {
            register(who, terms, citations)
        };
        let Ok(asset) = published else { return Ok(()) };
        if model {
            serve(asset);
        }
        for key in consumed {
            self.see("cited by a grant");
            *self.uses.entry(key).or_default() += 1;
        }
        let (waterfall, depth) = self.flatten(asset, citations);
        if waterfall.len() >= 12 {
            self.see("a long waterfall");
        }
        if depth >= 3 {
            self.see("a deep lineage");
        }
        let view = Provenance::lineage_view(asset).expect("it was published");
        let shown: BTreeMap<_, _> = view
            .nodes
            .iter()
            .map(|node| (node.asset, u128::from(node.share.deconstruct())))
            .collect();
        prop_assert_eq!(view.nodes[0].asset, asset);
        prop_assert_eq!(shown, waterfall.iter().copied().collect::<BTreeMap<_, _>>());
        self.assets.push(Known { asset, access, waterfall, depth });
        Ok(())
    }

    /// Takes the events since the last time, in their order.
    fn absorb(&mut self) -> Result<(), TestCaseError> {
        for record in System::read_events_no_consensus().map(|record| record.event) {
            match record {
                RuntimeEvent::Jobs(event) => self.job(event)?,
                RuntimeEvent::Datasets(event) => self.datasets(event),
                RuntimeEvent::Provenance(event) => self.provenance(event)?,
                RuntimeEvent::Models(pallet_models::Event::ModelCreated {
                    model, owner, ..
                }) => {
                    let id = ModelVersionId { model, version: 0 };
                    self.owners.insert(id.into(), owner);
                }
                RuntimeEvent::Models(pallet_models::Event::OwnerChanged { model, to, .. }) => {
                    let id = ModelVersionId { model, version: 0 };
                    self.owners.insert(id.into(), to);
                }
                RuntimeEvent::Workers(pallet_workers::Event::Slashed { amount, .. })
                | RuntimeEvent::Balances(pallet_balances::Event::DustLost { amount, .. }) => {
                    self.issued -= amount;
                }
                RuntimeEvent::Workers(pallet_workers::Event::Convicted { penalty, .. }) => {
                    self.see("convicted");
                    self.issued -= penalty.burned;
                }
                RuntimeEvent::Balances(pallet_balances::Event::TransferOnHold {
                    reason,
                    dest,
                    amount,
                    ..
                }) if reason == pallet_jobs::HoldReason::Escrow.into() => {
                    *self.payments.transfers.entry(dest).or_default() += amount;
                }
                _ => {}
            }
        }
        System::reset_events();
        Ok(())
    }

    fn datasets(&mut self, event: pallet_datasets::Event<Runtime>) {
        use pallet_datasets::Event;
        match event {
            Event::DatasetRegistered { dataset, owner, .. } => {
                let id = DatasetVersionId { dataset, version: 0 };
                self.owners.insert(id.into(), owner);
            }
            Event::OwnerChanged { dataset, to, .. } => {
                let id = DatasetVersionId { dataset, version: 0 };
                self.owners.insert(id.into(), to);
            }
            Event::DatasetRemoved { id } => {
                self.see("removed");
                self.assets.retain(|known| known.asset != id.into());
            }
            _ => {}
        }
    }

    fn provenance(
        &mut self,
        event: pallet_provenance::Event<Runtime>,
    ) -> Result<(), TestCaseError> {
        use pallet_provenance::Event;
        match event {
            Event::GrantBought { asset, price, .. } => {
                self.see("grant bought");
                for (asset, part) in self.parts(asset, price) {
                    *self.revenue.entry(asset).or_default() += part;
                }
            }
            Event::GrantRevoked { refund, .. } if refund > 0 => self.see("grant refunded"),
            Event::Kept { payee, amount } => {
                *self.unpaid.entry(payee).or_default() += amount;
            }
            Event::Collected { payee, amount } => {
                self.see("collected");
                prop_assert_eq!(self.unpaid.remove(&payee), Some(amount));
            }
            _ => {}
        }
        Ok(())
    }

    fn job(&mut self, event: pallet_jobs::Event<Runtime>) -> Result<(), TestCaseError> {
        use pallet_jobs::Event;
        match event {
            Event::PaymentKept { payee, amount, .. } => {
                self.see("kept");
                self.payments.kept.push((payee, amount));
            }
            Event::PaymentReturned { payee, amount, .. } => {
                self.see("returned");
                self.payments.returned.push((payee, amount));
            }
            Event::Settled { job, output, receipt } => self.settled(job, output, receipt)?,
            Event::Refunded { .. } => self.see("refunded"),
            Event::Cancelled { .. } => self.see("cancelled"),
            Event::Postponed { job, error, .. } => {
                return Err(TestCaseError::fail(format!("job {job} failed: {error:?}")));
            }
            _ => {}
        }
        Ok(())
    }

    /// Follows every unit of a settled job's escrow.
    fn settled(
        &mut self,
        id: JobId,
        output: Output,
        receipt: Receipt,
    ) -> Result<(), TestCaseError> {
        self.see("settled");
        let payments = core::mem::take(&mut self.payments);
        let job = pallet_jobs::Jobs::<Runtime>::get(id).expect("it is not pruned yet");
        let JobStatus::Settled { replicas, royalties, .. } = &job.status else {
            return Err(TestCaseError::fail("a settled job is not settled"));
        };
        if let Some(grant) = job.grant {
            self.see("settled under a grant");
            let key = (job.version.into(), job.requester.clone(), grant);
            *self.uses.entry(key).or_default() += 1;
        }

        // The owners' part: each asset's to whoever owns it now, credited, kept or returned.
        let fee = pricing::owner_fee(&job.fee, job.tokens_in, output.tokens);
        let (mut kept, mut returned) = (payments.kept, payments.returned);
        let take = |list: &mut Vec<(AccountId, Balance)>, payee: &AccountId, amount| {
            let found = list.iter().position(|entry| *entry == (payee.clone(), amount));
            found.map(|index| list.remove(index)).is_some()
        };
        let mut transfers = BTreeMap::<AccountId, Balance>::new();
        let mut due = self.parts(job.version.into(), fee);
        let mut owners: Balance = 0;
        for royalty in royalties {
            prop_assert_eq!(due.remove(&royalty.asset), Some(royalty.amount));
            prop_assert_eq!(&royalty.payee, self.owner(royalty.asset));
            owners += royalty.amount;
            *self.revenue.entry(royalty.asset).or_default() += royalty.amount;
            let was_kept = take(&mut kept, &royalty.payee, royalty.amount);
            prop_assert_eq!(royalty.credited, !was_kept);
            let to = if royalty.credited { royalty.payee.clone() } else { keeper() };
            *transfers.entry(to).or_default() += royalty.amount;
        }
        prop_assert_eq!(receipt.owner, owners);
        for (asset, amount) in &due {
            prop_assert!(take(&mut returned, self.owner(*asset), *amount), "{asset} lost {amount}");
            owners += amount;
        }
        prop_assert_eq!(owners, fee);

        // The workers' and the treasury's.
        let mut protocol: Balance = 0;
        let subject = job.audit.as_ref().map(|audit| &audit.subject);
        for replica in replicas {
            // An auditor has its part from the worker that is audited, and the rest elsewhere.
            let reward = match replica.role {
                Role::Worker => pricing::reward(replica.ask, receipt.work),
                Role::Auditor => 0,
            };
            protocol += pricing::protocol_fee(job.protocol_fee, reward);
            let (own, audit) = match replica.role {
                Role::Worker if subject == Some(&replica.worker) => (receipt.auditor, 0),
                Role::Worker => (0, 0),
                Role::Auditor => (0, receipt.auditor),
            };
            if reward + audit > own {
                *transfers.entry(replica.worker.clone()).or_default() += reward - own + audit;
            }
        }
        if take(&mut returned, &treasury(), protocol) {
            prop_assert_eq!(receipt.treasury, 0);
        } else {
            prop_assert_eq!(receipt.treasury, protocol);
            let to = if take(&mut kept, &treasury(), protocol) { keeper() } else { treasury() };
            *transfers.entry(to).or_default() += protocol;
        }
        prop_assert!(kept.is_empty() && returned.is_empty(), "{kept:?} {returned:?}");
        prop_assert_eq!(payments.transfers, transfers);
        let parts = receipt.owner
            + receipt.workers
            + receipt.auditor
            + receipt.treasury
            + receipt.requester;
        prop_assert_eq!(parts, job.max_price);
        Ok(())
    }

    /// Everything that must hold between two steps.
    pub(super) fn check(&mut self) -> Result<(), TestCaseError> {
        self.absorb()?;
        check();
        prop_assert_eq!(Balances::total_issuance(), self.issued);
        prop_assert!(self.payments.transfers.is_empty(), "a payment belongs to no settlement");
        let unpaid: BTreeMap<_, _> = pallet_provenance::Unpaid::<Runtime>::iter().collect();
        prop_assert_eq!(&unpaid, &self.unpaid);
        prop_assert_eq!(kept(), unpaid.values().sum::<Balance>());
        let mut revenue = BTreeMap::<AssetId, Balance>::new();
        for (asset, _, amount) in pallet_provenance::AssetRevenue::<Runtime>::iter() {
            *revenue.entry(asset).or_default() += amount;
        }
        prop_assert_eq!(&revenue, &self.revenue);
        for (holder, asset, record) in pallet_provenance::GrantsOf::<Runtime>::iter() {
            let key = (asset, holder, record.grant.id);
            let used = self.uses.get(&key).copied().unwrap_or_default();
            prop_assert_eq!(record.grant.used, used, "uses of {:?}", key);
        }
        Ok(())
    }
}
