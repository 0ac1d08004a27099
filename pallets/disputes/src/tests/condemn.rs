use super::*;
use crate::benchmarking::BenchmarkHelper;
use vigil_game::samples::{flawed, hash_of};
use vigil_primitives::ModelVersionId;

#[test]
fn a_package_should_be_condemned_by_one_element_that_none_may_have() {
    build_and_execute(|| {
        let (_, case) = decoder();
        let (weights, tensor, element, proof) = flawed(case).unwrap();
        let len = weights.len() as u64;
        let condemn = |version, element, proof: &Proof| {
            let origin = RuntimeOrigin::signed(OTHER);
            let done = Disputes::condemn(origin, version, tensor, element, Box::new(proof.clone()));
            done.map(|_| ()).map_err(|refused| refused.error)
        };
        // The same element of a package that is right.
        let right = Scenes::version(case.architecture, hash_of(&case.weights), len);
        assert_noop!(condemn(right, element, &proof), Error::<Test>::ProofWrong);
        let version = Scenes::version(case.architecture, hash_of(&weights), len);
        assert_noop!(condemn(version, element - 1, &proof), Error::<Test>::NoFlaw);
        assert_noop!(condemn(version, u64::MAX, &proof), Error::<Test>::OutOfRange);
        assert_noop!(condemn(version, element, &Proof::default()), Error::<Test>::ProofTooShort);
        let unknown = ModelVersionId { model: 9, version: 9 };
        assert_noop!(condemn(unknown, element, &proof), Error::<Test>::UnknownVersion);
        assert!(Condemned::get().is_empty());
        assert_ok!(condemn(version, element, &proof));
        assert_eq!(Condemned::get(), [version]);
        System::assert_last_event(Event::Condemned { version, by: OTHER, burned: 7 }.into());
    });
}
