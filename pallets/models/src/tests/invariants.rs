//! Any sequence of calls keeps every invariant.

use crate::mock::*;
use frame_support::storage::with_storage_layer;
use proptest::prelude::*;
use vigil_primitives::{ModelId, Version};

#[derive(Clone, Debug)]
enum Call {
    Create,
    Publish(ModelId, u32, bool),
    Offer(ModelId, AccountId),
    Accept(ModelId),
    WithdrawOffer(ModelId),
    Deprecate(ModelId, Version),
    Revoke(ModelId, Version, bool),
}

fn call() -> impl Strategy<Value = (AccountId, Call)> {
    let who = ALICE..=PAUPER;
    let model = 0u32..3;
    let version = 0u32..3;
    let call = prop_oneof![
        2 => Just(Call::Create),
        3 => (model.clone(), 0u32..16, prop::bool::weighted(0.2))
            .prop_map(|(model, citations, refused)| Call::Publish(model, citations, refused)),
        3 => (model.clone(), who.clone()).prop_map(|(model, to)| Call::Offer(model, to)),
        4 => model.clone().prop_map(Call::Accept),
        1 => model.clone().prop_map(Call::WithdrawOffer),
        1 => (model.clone(), version.clone()).prop_map(|(m, v)| Call::Deprecate(m, v)),
        1 => (model, version, any::<bool>()).prop_map(|(m, v, paid)| Call::Revoke(m, v, paid)),
    ];
    (who, call)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn storage_should_stay_sound_when_anybody_calls_anything(
        calls in prop::collection::vec(call(), 1..60),
    ) {
        ExtBuilder::default().build_and_execute(|| {
            let issuance = Balances::total_issuance();
            for (who, call) in calls {
                let who = signed(who);
                let _ = with_storage_layer(|| match call {
                    Call::Create => Registry::create(who, name("model")),
                    Call::Publish(model, cited, refused) => {
                        RefuseRecords::set(refused);
                        Registry::publish(who, model, Box::new(spec()), citations(cited))
                    }
                    Call::Offer(model, to) => Registry::offer(who, model, to),
                    Call::Accept(model) => Registry::accept(who, model),
                    Call::WithdrawOffer(model) => Registry::withdraw_offer(who, model),
                    Call::Deprecate(model, version) => Registry::deprecate(who, model, version),
                    Call::Revoke(model, version, paid) => {
                        PaidGrants::set(paid);
                        Registry::revoke(who, model, version)
                    }
                });
                Registry::do_try_state().unwrap();
            }
            assert_eq!(Balances::total_issuance(), issuance);
        });
    }
}
