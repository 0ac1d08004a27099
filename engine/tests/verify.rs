//! Outputs are checked in one pass, and the first mistake is found.

mod common;

use common::{Bert, Llama};
use vigil_architecture::Architecture;
use vigil_engine::{Mistake, Model, Options, Request, Sampling};

fn bytes(tokens: &[u32]) -> Vec<u8> {
    tokens.iter().flat_map(|token| token.to_le_bytes()).collect()
}

#[test]
fn the_first_wrong_token_should_be_found_wherever_it_is() {
    let seeded = Sampling::Gumbel { seed: 7, temperature: 0.8f32.to_bits(), min_p: 0 };
    for (llama, sampling) in
        Llama::kinds().into_iter().zip([Sampling::Greedy, seeded].into_iter().cycle())
    {
        let dir = tempfile::tempdir().unwrap();
        let package = llama.packed(dir.path());
        let model = Model::load(&package, &Options::default()).unwrap();
        let Architecture::Decoder(decoder) = *package.architecture() else { panic!() };
        let vocabulary = decoder.vocabulary;
        for (count, most) in [(1, 1), (3, 70), (19, 5)] {
            let tokens = common::inputs(llama.vocabulary, &[count]).remove(0);
            let request = Request::generate(tokens, most, sampling);
            let run = model.run(&request).unwrap();
            assert_eq!(model.verify(&request, &run.output).unwrap(), None);
            let right: Vec<u32> = run
                .output
                .chunks_exact(4)
                .map(|b| u32::from_le_bytes(b.try_into().unwrap()))
                .collect();
            for place in [0, right.len() / 2, right.len() - 1] {
                let mut wrong = right.clone();
                let other = (0..vocabulary)
                    .find(|token| *token != right[place] && !decoder.is_stop(*token))
                    .unwrap();
                wrong[place] = other;
                let mistake =
                    Mistake::Token { position: place as u32, found: other, right: right[place] };
                assert_eq!(model.verify(&request, &bytes(&wrong)).unwrap(), Some(mistake));
                wrong[place] = vocabulary;
                let mistake = Mistake::Vocabulary { position: place as u32 };
                assert_eq!(model.verify(&request, &bytes(&wrong)).unwrap(), Some(mistake));
            }
            let longer: Vec<u32> = right.iter().chain(&right[..1]).copied().collect();
            let mistake = model.verify(&request, &bytes(&longer)).unwrap().unwrap();
            assert!(matches!(
                mistake,
                Mistake::Length | Mistake::GoesOn { .. } | Mistake::Token { .. }
            ));
            if right.len() > 1 {
                let short = &right[..right.len() - 1];
                let position = short.len() as u32 - 1;
                let mistake = model.verify(&request, &bytes(short)).unwrap();
                assert_eq!(mistake, Some(Mistake::EndsEarly { position }));
            }
            for odd in [&run.output[..run.output.len() - 1], &[]] {
                assert_eq!(model.verify(&request, odd).unwrap(), Some(Mistake::Length));
            }
        }
    }
}

#[test]
fn a_wrong_vector_should_be_seen() {
    let bert = Bert::default();
    let dir = tempfile::tempdir().unwrap();
    let package = bert.packed(dir.path());
    let model = Model::load(&package, &Options::default()).unwrap();
    let request = Request::embed(common::inputs(bert.vocabulary, &[9]).remove(0));
    let mut output = model.run(&request).unwrap().output;
    assert_eq!(model.verify(&request, &output).unwrap(), None);
    output[5] ^= 1;
    assert_eq!(model.verify(&request, &output).unwrap(), Some(Mistake::Vector));
    assert_eq!(model.verify(&request, &output[4..]).unwrap(), Some(Mistake::Length));
}
