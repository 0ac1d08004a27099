use crate as pallet_beacon;
use frame_support::{
    derive_impl, parameter_types,
    traits::{Hooks, Randomness},
    weights::Weight,
};
use sp_runtime::BuildStorage;

#[frame_support::runtime]
mod runtime {
    #[runtime::runtime]
    #[runtime::derive(RuntimeCall, RuntimeEvent, RuntimeError, RuntimeOrigin, RuntimeTask)]
    pub struct Test;

    #[runtime::pallet_index(0)]
    pub type System = frame_system;
    #[runtime::pallet_index(1)]
    pub type Beacon = pallet_beacon;
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = frame_system::mocking::MockBlock<Test>;
}

parameter_types! {
    pub static Output: Option<[u8; 32]> = None;
    pub const MixWeight: Weight = Weight::from_parts(1, 1);
}

impl crate::Config for Test {
    type Source = Output;
    type MixWeight = MixWeight;
}

/// What is drawn about a subject in the last of some blocks, each with its output.
fn drawn(outputs: &[Option<u8>], subject: &[u8]) -> sp_runtime::testing::H256 {
    let storage = frame_system::GenesisConfig::<Test>::default().build_storage().unwrap();
    let mut externalities = sp_io::TestExternalities::new(storage);
    externalities.execute_with(|| {
        for (number, output) in (1..).zip(outputs) {
            System::set_block_number(number);
            Output::set(output.map(|byte| [byte; 32]));
            assert_eq!(Beacon::on_initialize(number), MixWeight::get());
        }
        let (random, known_since) = Beacon::random(subject);
        assert_eq!(known_since, outputs.len() as u64);
        random
    })
}

#[test]
fn a_draw_should_depend_on_every_block_and_on_its_subject() {
    let all = [Some(1), Some(2), Some(3)];
    let draw = drawn(&all, b"a");
    assert_eq!(draw, drawn(&all, b"a"));
    assert_ne!(draw, drawn(&all, b"b"));
    for changed in 0..all.len() {
        let mut other = all;
        other[changed] = Some(9);
        assert_ne!(draw, drawn(&other, b"a"), "block {changed}");
    }
    assert_ne!(draw, drawn(&[Some(2), Some(1), Some(3)], b"a"));
}

#[test]
fn a_block_without_an_output_should_leave_the_value_as_it_is() {
    assert_eq!(drawn(&[Some(1), None], b"a"), drawn(&[Some(1), None, None], b"a"));
    assert_ne!(drawn(&[Some(1), None], b"a"), drawn(&[Some(1), Some(0)], b"a"));
}
