//! The registry of datasets and what third parties state about them.

use super::*;
use vigil_primitives::{
    dataset::{DatasetId, DatasetSpec, Statement, StatementKind},
    lineage::Shares,
    model::{Name, VersionStatus},
    registry::{check_name, check_sources},
    traits::Provenance,
    ContentHash,
};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_register(
        owner: T::AccountId,
        name: Name,
        spec: DatasetSpec,
        citations: Shares,
    ) -> DispatchResult {
        check_name(&name).map_err(Error::<T>::from)?;
        let dataset = NextDatasetId::<T>::get();
        let next = dataset.checked_add(1).ok_or(Error::<T>::TooManyDatasets)?;
        let deposit = Self::deposit(name.len());
        T::Currency::hold(&HoldReason::Deposit.into(), &owner, deposit)?;

        NextDatasetId::<T>::put(next);
        Datasets::<T>::insert(dataset, Dataset::new(owner.clone(), name.clone(), deposit));
        Self::deposit_event(Event::DatasetRegistered { dataset, owner: owner.clone(), name });
        Self::do_publish(&owner, dataset, spec, citations)?;
        Ok(())
    }

    pub(crate) fn do_publish(
        who: &T::AccountId,
        dataset: DatasetId,
        spec: DatasetSpec,
        citations: Shares,
    ) -> Result<DatasetVersionId, DispatchError> {
        let record = Self::owned_dataset(who, dataset)?;
        spec.terms.check().map_err(Error::<T>::from)?;
        check_sources(&spec.sources).map_err(Error::<T>::from)?;
        let id = DatasetVersionId { dataset, version: record.versions };
        let lineage = <Self as Provenance<_>>::record(id.into(), who, &spec.terms, citations)?;

        let deposit = Self::deposit(spec.encoded_size().saturating_add(lineage as usize));
        let (record, version) = record.publish(deposit).map_err(Error::<T>::from)?;
        T::Currency::hold(&HoldReason::Deposit.into(), who, deposit)?;

        let content = spec.content.hash;
        let published = DatasetVersion { spec, status: VersionStatus::Active, deposit };
        Datasets::<T>::insert(dataset, record);
        DatasetVersions::<T>::insert(dataset, version, published);
        Self::deposit_event(Event::DatasetPublished { id, content });
        Ok(id)
    }

    pub(crate) fn do_offer(
        who: &T::AccountId,
        dataset: DatasetId,
        to: T::AccountId,
    ) -> DispatchResult {
        let record =
            Self::owned_dataset(who, dataset)?.offer(to.clone()).map_err(Error::<T>::from)?;
        Datasets::<T>::insert(dataset, record);
        Self::deposit_event(Event::DatasetOffered { dataset, to });
        Ok(())
    }

    pub(crate) fn do_withdraw_offer(who: &T::AccountId, dataset: DatasetId) -> DispatchResult {
        let record =
            Self::owned_dataset(who, dataset)?.withdraw_offer().map_err(Error::<T>::from)?;
        Datasets::<T>::insert(dataset, record);
        Self::deposit_event(Event::OfferWithdrawn { dataset });
        Ok(())
    }

    pub(crate) fn do_accept(who: T::AccountId, dataset: DatasetId) -> DispatchResult {
        let record = Datasets::<T>::get(dataset).ok_or(Error::<T>::NotFound)?;
        let (record, from) = record.accept(who.clone()).map_err(Error::<T>::from)?;
        let reason = HoldReason::Deposit.into();
        T::Currency::hold(&reason, &who, record.deposit)?;
        T::Currency::release(&reason, &from, record.deposit, Precision::Exact)?;

        Datasets::<T>::insert(dataset, record);
        Self::deposit_event(Event::OwnerChanged { dataset, from, to: who });
        Ok(())
    }

    pub(crate) fn do_deprecate(who: &T::AccountId, id: DatasetVersionId) -> DispatchResult {
        let version = Self::owned_version(who, id)?;
        let status = version.status.deprecate().map_err(Error::<T>::from)?;
        DatasetVersions::<T>::insert(id.dataset, id.version, DatasetVersion { status, ..version });
        Self::deposit_event(Event::DatasetDeprecated { id });
        Ok(())
    }

    pub(crate) fn do_revoke(who: &T::AccountId, id: DatasetVersionId) -> DispatchResult {
        let version = Self::owned_version(who, id)?;
        let status = version.status.revoke().map_err(Error::<T>::from)?;
        ensure!(
            !<Self as Provenance<_>>::has_paid_grants(id.into()),
            Error::<T>::GrantsOutstanding
        );
        DatasetVersions::<T>::insert(id.dataset, id.version, DatasetVersion { status, ..version });
        Self::deposit_event(Event::DatasetRevoked { id });
        Ok(())
    }

    pub(crate) fn do_remove(who: &T::AccountId, id: DatasetVersionId) -> DispatchResult {
        let mut dataset = Self::owned_dataset(who, id.dataset)?;
        let version =
            DatasetVersions::<T>::get(id.dataset, id.version).ok_or(Error::<T>::NotFound)?;
        ensure!(version.status == VersionStatus::Revoked, Error::<T>::NotRevoked);
        let asset = AssetId::Dataset(id);
        ensure!(CitationCount::<T>::get(asset) == 0, Error::<T>::StillCited);
        ensure!(
            GrantHolders::<T>::iter_key_prefix(asset).next().is_none(),
            Error::<T>::GrantsOutstanding
        );

        DatasetVersions::<T>::remove(id.dataset, id.version);
        Self::forget_lineage(asset);
        let last = DatasetVersions::<T>::iter_key_prefix(id.dataset).next().is_none();
        let released = if last { dataset.deposit } else { version.deposit };
        T::Currency::release(&HoldReason::Deposit.into(), who, released, Precision::Exact)?;
        if last {
            Datasets::<T>::remove(id.dataset);
        } else {
            dataset.deposit = dataset.deposit.saturating_sub(released);
            Datasets::<T>::insert(id.dataset, dataset);
        }
        Self::deposit_event(Event::DatasetRemoved { id });
        Ok(())
    }

    pub(crate) fn do_attest(
        author: T::AccountId,
        id: DatasetVersionId,
        kind: StatementKind,
        document: ContentHash,
    ) -> DispatchResult {
        let asset = Self::asset(id.into()).ok_or(Error::<T>::NotFound)?;
        ensure!(asset.owner != author, Error::<T>::OwnStatement);
        let key = (author.clone(), kind);
        let statement = Statement { document, made_at: Self::now() };
        let deposit = match Statements::<T>::get(id, &key) {
            Some(earlier) => earlier.deposit,
            None => {
                let bytes = statement.encoded_size().saturating_add(key.encoded_size());
                let deposit = Self::deposit(bytes);
                T::Currency::hold(&HoldReason::Statement.into(), &author, deposit)?;
                deposit
            }
        };
        Statements::<T>::insert(id, key, StatementRecord { statement, deposit });
        Self::deposit_event(Event::StatementMade { id, author, kind, document });
        Ok(())
    }

    pub(crate) fn do_withdraw_statement(
        author: T::AccountId,
        id: DatasetVersionId,
        kind: StatementKind,
    ) -> DispatchResult {
        let key = (author.clone(), kind);
        let record = Statements::<T>::take(id, key).ok_or(Error::<T>::NotFound)?;
        let reason = HoldReason::Statement.into();
        T::Currency::release(&reason, &author, record.deposit, Precision::Exact)?;
        Self::deposit_event(Event::StatementWithdrawn { id, author, kind });
        Ok(())
    }

    /// The dataset, if `who` owns it.
    fn owned_dataset(
        who: &T::AccountId,
        dataset: DatasetId,
    ) -> Result<Dataset<T::AccountId>, Error<T>> {
        let record = Datasets::<T>::get(dataset).ok_or(Error::<T>::NotFound)?;
        ensure!(record.owner == *who, Error::<T>::NotOwner);
        Ok(record)
    }

    /// The version, if `who` owns its dataset.
    fn owned_version(who: &T::AccountId, id: DatasetVersionId) -> Result<DatasetVersion, Error<T>> {
        Self::owned_dataset(who, id.dataset)?;
        DatasetVersions::<T>::get(id.dataset, id.version).ok_or(Error::<T>::NotFound)
    }
}
