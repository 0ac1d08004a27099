//! What third parties state about datasets.

use super::*;
use crate::StatementRecord;
use sp_runtime::SaturatedConversion;
use vigil_primitives::{
    dataset::{Statement, StatementKind},
    ContentHash,
};

impl<T: Config> Pallet<T> {
    pub(crate) fn do_attest(
        author: T::AccountId,
        id: DatasetVersionId,
        kind: StatementKind,
        document: ContentHash,
    ) -> DispatchResult {
        let asset = <Self as DatasetRegistry<_>>::version(id).ok_or(Error::<T>::NotFound)?;
        ensure!(asset.owner != author, Error::<T>::OwnStatement);
        let key = (author.clone(), kind);
        let made_at = frame_system::Pallet::<T>::block_number().saturated_into();
        let statement = Statement { document, made_at };
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
}
