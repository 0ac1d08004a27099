//! What a place in the market costs.

use super::*;
use frame_support::traits::Get;
use vigil_primitives::{Balance, MILLI, UNIT};
use vigil_runtime::constants::time::DAYS;

#[test]
fn filling_the_market_should_cost_what_the_protocol_says() {
    let fee: Balance = <Runtime as pallet_jobs::Config>::WaitingFee::get();
    let places: u32 = <Runtime as pallet_jobs::Config>::MaxOpenJobs::get();
    let longest: u32 = <Runtime as pallet_jobs::Config>::MaxDuration::get();
    assert_eq!(longest, DAYS, "the protocol speaks of a day");
    let day = fee * Balance::from(DAYS);
    assert_eq!(day, 432 * MILLI);
    assert_eq!(day * Balance::from(places), 43_200 * UNIT);
    let protocol = include_str!("../../../docs/protocol.md");
    for figure in ["pays 0.432 VGL for a day (43,200 blocks)", "43,200 VGL for that day"] {
        assert!(protocol.contains(figure), "docs/protocol.md does not say {figure:?}");
    }
}
