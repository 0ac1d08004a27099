//! Games about numbers at the edge: infinities, NaN, and tokens that are equally likely.

use vigil_game::{
    examine,
    players::token_proof,
    samples::{cases, play_out, Case, Fault, LyingChallenger, LyingClaimant},
    Opened, Player, Rules,
};
use vigil_ops::{
    samples::Stream,
    weights::{DType, Module, Part, TensorSpec, Weights},
};
use vigil_primitives::{
    dispute::{self, Ground, Side, Verdict},
    Architecture,
};

/// A case whose weights are changed: `with` gives the bytes of an element of a tensor, or leaves the
/// tensor as it is.
fn changed(case: &Case, with: &dyn Fn(&TensorSpec) -> Option<Vec<u8>>) -> Case {
    let layout = Weights::new(&case.architecture);
    let mut weights = case.weights.clone();
    for spec in layout.iter() {
        let Some(element) = with(&spec) else { continue };
        let start = (layout.header_len() + spec.offset) as usize;
        for place in weights[start..start + spec.size() as usize].chunks_exact_mut(element.len()) {
            place.copy_from_slice(&element);
        }
    }
    case.with_weights(weights).unwrap()
}

/// Products so large that they leave the range of f32: infinities, and NaN from their differences.
fn huge(case: &Case) -> Case {
    changed(case, &|spec| {
        let is_factor = spec.dtype == DType::F32
            && (spec.id.part == Part::Scale
                || (spec.id.part == Part::Weight && spec.columns.is_none()));
        is_factor.then(|| f32::MAX.to_le_bytes().to_vec())
    })
}

/// A head of zeros: all logits are equal, so that the lowest id is drawn, or the noise decides.
fn tied(case: &Case) -> Case {
    changed(case, &|spec| {
        let is_head = matches!(spec.id.module, Module::Head | Module::WordEmbedding);
        (is_head && spec.dtype == DType::I8 && spec.id.part == Part::Weight).then(|| vec![0])
    })
}

fn opened(case: &Case, output: &[u8], position: u32) -> Opened {
    let ground = match case.architecture {
        Architecture::Encoder(_) => Ground::Vector,
        Architecture::Decoder(_) => {
            Ground::Token { position, proof: token_proof(output, position).unwrap() }
        }
    };
    examine(&case.claim(output), &ground).unwrap()
}

/// A right claim holds against a challenger that names anything.
fn check_honest_claimant(case: &Case, seed: u64) {
    let claim = case.claim(&case.output);
    let Opened::Game(token, stage) = opened(case, &case.output, 0) else {
        panic!("a right claim is wrong at first sight");
    };
    let rules = Rules::new(&claim, token).unwrap();
    let run = case.recording(&case.output, 0, |_, _, _| {}).unwrap();
    let mut honest = Player::new(run.clone(), case.output.clone());
    let mut liar = LyingChallenger::new(run, case.output.clone(), seed);
    let (_, verdict) = play_out(&rules, stage, &mut |stage| match stage.turn() {
        Side::Claimant => Some(honest.answer(&rules, stage).unwrap()),
        Side::Challenger => liar.play(&rules, stage),
    });
    assert_eq!(verdict, Some(Verdict::Vindicated));
}

/// A wrong claim falls to a challenger that is right, whatever the claimant commits to.
fn check_honest_challenger(case: &Case, seed: u64) {
    let mut stream = Stream::new(seed);
    let mut output = case.output.clone();
    match case.architecture {
        Architecture::Encoder(_) => {
            let byte = stream.below(output.len() as u32) as usize;
            output[byte] ^= 1 << stream.below(8);
        }
        Architecture::Decoder(_) => output[0] = if output[0] == 0 { 1 } else { 0 },
    }
    let claim = case.claim(&output);
    let Opened::Game(token, stage) = opened(case, &output, 0) else { return };
    let rules = Rules::new(&claim, token).unwrap();
    let program = rules.trace().program().unwrap();
    let faults: Vec<Fault> =
        (0..stream.below(3)).map(|_| Fault::draw(&mut stream, &program)).collect();
    let mut liar = LyingClaimant::new(case, &output, token, &faults, seed).unwrap();
    let run = case.recording(&output, 0, |_, _, _| {}).unwrap();
    let mut honest = Player::new(run, output.clone());
    let (last, verdict) = play_out(&rules, stage, &mut |stage| match stage.turn() {
        Side::Claimant => liar.play(&rules, stage),
        Side::Challenger => honest.challenge(&rules, stage).unwrap(),
    });
    match verdict {
        Some(verdict) => assert_eq!(verdict, Verdict::Convicted(dispute::Fault::Element)),
        None => assert_eq!(last.turn(), Side::Claimant),
    }
}

fn check(case: &Case, games: u64) {
    for seed in 0..games {
        check_honest_claimant(case, seed);
        check_honest_challenger(case, seed);
    }
}

/// How many results of a run are infinite, and how many are NaN.
fn strange(case: &Case) -> (usize, usize) {
    let (mut infinite, mut nan) = (0, 0);
    case.recording(&case.output, 0, |_, op, result| {
        if op.dtype == DType::F32 {
            let values = result.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
            for value in values {
                infinite += usize::from(value.is_infinite());
                nan += usize::from(value.is_nan());
            }
        }
    })
    .unwrap();
    (infinite, nan)
}

#[test]
fn infinities_and_nan_should_be_judged_like_any_number() {
    let (mut infinite, mut nan) = (0, 0);
    for case in cases().iter().filter(|case| matches!(case.input.len(), 2 | 66)) {
        let case = huge(case);
        let (more_infinite, more_nan) = strange(&case);
        infinite += more_infinite;
        nan += more_nan;
        check(&case, 20);
    }
    assert!(infinite > 0 && nan > 0, "{infinite} infinities, {nan} NaN");
}

#[test]
fn tokens_that_are_equally_likely_should_have_one_that_is_right() {
    let mut lowest = 0;
    for case in cases().iter().filter(|case| matches!(case.input.len(), 2 | 66)) {
        if matches!(case.architecture, Architecture::Encoder(_)) {
            continue;
        }
        let case = tied(case);
        lowest += usize::from(case.tokens_of(&case.output)[0] == 0);
        check(&case, 20);
    }
    assert!(lowest > 0, "greedy sampling takes the lowest id");
}
