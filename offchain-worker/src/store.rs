//! What must survive a crash: the output and the salt of every job that is under way.
//!
//! A record is on disk before the commitment to it leaves the machine, so that whatever happens in
//! between, the commitment can be revealed. redb's commits are synced and atomic, and it locks its
//! file, which keeps a second worker out of the same folder.

use crate::{
    error::{Error, Result},
    key::Key,
};
use codec::{Decode, DecodeAll, Encode};
use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition};
use std::path::Path;
use vigil_primitives::{
    job::{commitment, Output},
    AccountId, Hash, ModelVersionId,
};

const RECORDS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("records");
const OWNER: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("owner");

/// The output of a job, and the salt of the commitment to it.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Record {
    /// The version that was run.
    pub(crate) version: ModelVersionId,
    /// What was computed.
    pub(crate) output: Output,
    /// Secret until the commitment is revealed.
    pub(crate) salt: [u8; 32],
    /// When it was made, in seconds since 1970.
    pub(crate) made: u64,
}

impl Record {
    /// Returns the commitment to this record, as it goes on chain.
    pub(crate) fn commitment(&self, worker: &AccountId, key: &Key) -> Hash {
        commitment(&self.output, &self.salt, worker, key.id)
    }
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Record").field("output", &self.output).finish_non_exhaustive()
    }
}

/// The database of a worker.
pub(crate) struct Store {
    database: Database,
}

impl Store {
    /// Opens the database in `folder`, which exists.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let path = folder.join("jobs.redb");
        let database = Database::create(&path).map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => Error::Critical(format!(
                "another worker uses the data folder {}; give each worker its own",
                folder.display()
            )),
            error => Error::Critical(format!("cannot open {}: {error}", path.display())),
        })?;
        let store = Self { database };
        store.write(|transaction| {
            transaction.open_table(RECORDS)?;
            transaction.open_table(OWNER)?;
            Ok(())
        })?;
        Ok(store)
    }

    /// Binds the folder to one account on one chain, the first time, and refuses others.
    pub(crate) fn bind(&self, account: &AccountId, genesis: Hash) -> Result<()> {
        let owner = (account, genesis).encode();
        let found = self.read(|transaction| {
            let table = transaction.open_table(OWNER)?;
            let found = table.get("owner")?.map(|value| value.value().to_vec());
            Ok(found)
        })?;
        match found {
            None => self.write(|transaction| {
                transaction.open_table(OWNER)?.insert("owner", &owner[..])?;
                Ok(())
            }),
            Some(found) if found == owner => Ok(()),
            Some(_) => Err(Error::Critical(
                "the data folder belongs to another account or another chain; set another data_dir"
                    .into(),
            )),
        }
    }

    /// Writes a record. When this returns it is on disk.
    pub(crate) fn put(&self, key: &Key, record: &Record) -> Result<()> {
        self.write(|transaction| {
            let mut table = transaction.open_table(RECORDS)?;
            table.insert(&encode(key)[..], &record.encode()[..])?;
            Ok(())
        })
    }

    /// Returns the record of a job.
    pub(crate) fn get(&self, key: &Key) -> Result<Option<Record>> {
        let bytes = self.read(|transaction| {
            let table = transaction.open_table(RECORDS)?;
            let found = table.get(&encode(key)[..])?.map(|value| value.value().to_vec());
            Ok(found)
        })?;
        bytes.map(|bytes| decode(&bytes)).transpose()
    }

    /// Forgets the record of a job that has ended.
    pub(crate) fn remove(&self, key: &Key) -> Result<()> {
        self.write(|transaction| {
            transaction.open_table(RECORDS)?.remove(&encode(key)[..])?;
            Ok(())
        })
    }

    /// Returns every record.
    pub(crate) fn all(&self) -> Result<Vec<(Key, Record)>> {
        let rows = self.read(|transaction| {
            let table = transaction.open_table(RECORDS)?;
            let mut rows = Vec::new();
            for row in table.iter()? {
                let (key, value) = row?;
                rows.push((key.value().to_vec(), value.value().to_vec()));
            }
            Ok(rows)
        })?;
        rows.into_iter()
            .map(|(key, value)| {
                let (id, content) = decode(&key)?;
                Ok((Key { id, content }, decode(&value)?))
            })
            .collect()
    }

    fn write(
        &self,
        change: impl FnOnce(&redb::WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<()> {
        let run = || {
            let transaction = self.database.begin_write()?;
            change(&transaction)?;
            transaction.commit()?;
            Ok::<_, redb::Error>(())
        };
        run().map_err(|error| Error::Temporary(format!("cannot write the job database: {error}")))
    }

    fn read<T>(
        &self,
        query: impl FnOnce(&redb::ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T> {
        let run = || query(&self.database.begin_read()?);
        run().map_err(|error: redb::Error| {
            Error::Temporary(format!("cannot read the job database: {error}"))
        })
    }
}

fn encode(key: &Key) -> Vec<u8> {
    (key.id, key.content).encode()
}

fn decode<T: Decode>(bytes: &[u8]) -> Result<T> {
    T::decode_all(&mut &bytes[..]).map_err(|error| {
        Error::Critical(format!("the job database was written by another version: {error}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: u64) -> Key {
        Key { id, content: Hash::repeat_byte(3) }
    }

    fn record(salt: u8) -> Record {
        Record {
            version: ModelVersionId { model: 1, version: 2 },
            output: Output { hash: Hash::repeat_byte(9), tokens: 0 },
            salt: [salt; 32],
            made: 1,
        }
    }

    #[test]
    fn a_record_should_be_there_again_when_the_database_is_reopened() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        store.put(&key(1), &record(1)).unwrap();
        store.put(&key(2), &record(2)).unwrap();
        store.remove(&key(1)).unwrap();
        drop(store);
        let store = Store::open(folder.path()).unwrap();
        assert_eq!(store.get(&key(1)).unwrap(), None);
        assert_eq!(store.get(&key(2)).unwrap(), Some(record(2)));
        assert_eq!(store.all().unwrap(), vec![(key(2), record(2))]);
    }

    #[test]
    fn a_record_should_be_on_disk_when_put_returns() {
        // A copy of the file taken while the database is open is what a crash would leave.
        let (folder, crashed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let store = Store::open(folder.path()).unwrap();
        store.put(&key(1), &record(7)).unwrap();
        let name = "jobs.redb";
        std::fs::copy(folder.path().join(name), crashed.path().join(name)).unwrap();
        let copy = Store::open(crashed.path()).unwrap();
        assert_eq!(copy.get(&key(1)).unwrap(), Some(record(7)));
        drop(store);
    }

    #[test]
    fn open_should_refuse_when_another_worker_has_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let _first = Store::open(folder.path()).unwrap();
        let error = Store::open(folder.path()).err().unwrap();
        assert!(matches!(&error, Error::Critical(text) if text.contains("another worker")));
    }

    #[test]
    fn bind_should_refuse_another_account_or_chain() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        store.bind(&[1; 32].into(), Hash::zero()).unwrap();
        store.bind(&[1; 32].into(), Hash::zero()).unwrap();
        assert!(store.bind(&[2; 32].into(), Hash::zero()).is_err());
        assert!(store.bind(&[1; 32].into(), Hash::repeat_byte(1)).is_err());
    }

    #[test]
    fn debug_should_not_show_the_salt() {
        assert!(!format!("{:?}", record(77)).contains("77"));
    }
}
