//! What a record is worth in a draw.

use proptest::prelude::*;
use vigil_primitives::{
    audit::Record,
    worker::{reliability, trust, Reputation, MAX_RELIABILITY},
    Balance,
};

fn record() -> impl Strategy<Value = Reputation> {
    let counter = || prop_oneof![0u32..20, any::<u32>()];
    (counter(), counter(), counter(), counter(), counter(), counter()).prop_map(
        |(completed, expired, expired_in_a_row, declined, contested, convicted)| Reputation {
            completed,
            expired,
            expired_in_a_row,
            declined,
            contested,
            convicted,
            ..Default::default()
        },
    )
}

/// Of a worker that audits have found right in what earned so much.
fn proven(proven: Balance) -> Reputation<u32> {
    Reputation { record: Record { proven, halved_at: 0 }, ..Default::default() }
}

#[test]
fn a_new_worker_should_count_half_of_a_proven_one() {
    assert_eq!(reliability(&Reputation::<u32>::default()), MAX_RELIABILITY);
    assert_eq!(trust(&proven(0), 1_000), 500);
    assert_eq!(trust(&proven(1_000_000), 1_000), 1_000);
    // A record vouches for what it is worth, and not for more.
    assert_eq!(trust(&proven(1_000), 8_000), 750);
    assert!(trust(&proven(1_000), 1_000_000) < 510);
}

#[test]
fn an_outage_should_be_felt_at_once_when_the_record_was_long() {
    let outage: Reputation<u32> =
        Reputation { completed: 100_000, expired: 3, expired_in_a_row: 3, ..Default::default() };
    assert!(reliability(&outage) < MAX_RELIABILITY / 2);
}

proptest! {
    #[test]
    fn reliability_should_stay_in_range(record in record()) {
        prop_assert!((1..=MAX_RELIABILITY).contains(&reliability(&record)));
    }

    #[test]
    fn reliability_should_never_fall_when_a_job_is_completed(record in record()) {
        let completed = record.completed.saturating_add(1);
        let better = Reputation { completed, ..record };
        prop_assert!(reliability(&better) >= reliability(&record));
        let recovered = Reputation { completed, expired_in_a_row: 0, ..record };
        prop_assert!(reliability(&recovered) >= reliability(&record));
    }

    #[test]
    fn reliability_should_never_rise_when_something_goes_wrong(record in record()) {
        for worse in [
            Reputation { expired: record.expired.saturating_add(1), ..record },
            Reputation { expired_in_a_row: record.expired_in_a_row.saturating_add(1), ..record },
            Reputation { declined: record.declined.saturating_add(1), ..record },
            Reputation { contested: record.contested.saturating_add(1), ..record },
            Reputation { convicted: record.convicted.saturating_add(1), ..record },
        ] {
            prop_assert!(reliability(&worse) <= reliability(&record));
        }
    }
}
