//! Anchors of sequences that are computed together.

use super::Observer;
use crate::{
    decoder::Rows,
    pack::{pack, PackOptions},
    Model, Options, Package, Sampling,
};
use std::path::Path;
use vigil_ops::{tensor::Draw, trace::Trace};

#[test]
fn a_batch_should_give_each_sequence_the_hashes_that_it_has_alone() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("tales");
    pack(Path::new("../models/tales"), &out, &PackOptions::default()).unwrap();
    let package = Package::open(&out).unwrap();
    let model = Model::load(&package, &Options::default()).unwrap();
    let sequences = [vec![5, 9, 2, 7, 7, 1], vec![3], vec![8, 8, 4]];
    let trace = |tokens: &Vec<u32>| {
        Trace::new(model.architecture(), tokens.len() as u32, Sampling::Greedy).unwrap()
    };
    let alone = sequences.each_ref().map(|tokens| {
        let mut observer = Observer::new(trace(tokens), true, &[]);
        model.observe(tokens, 2, &mut observer).unwrap();
        observer.into_parts().0
    });

    // Together, one of them without an observer, and while tokens are drawn.
    let decoder = model.decoder().unwrap();
    let mut observers =
        [&sequences[0], &sequences[2]].map(|t| Some(Observer::new(trace(t), true, &[])));
    let mut caches = sequences.each_ref().map(|_| decoder.cache().unwrap());
    let [first, last] = &mut observers;
    let watching = [first.as_mut(), None, last.as_mut()];
    let draw = Some(Draw { sampling: Sampling::Greedy, position: 9 });
    let rows = sequences.iter().zip(&mut caches).zip(watching);
    let mut batch: Vec<Rows<'_>> =
        rows.map(|((tokens, cache), observer)| Rows { tokens, cache, draw, observer }).collect();
    assert_eq!(decoder.forward(&mut batch).unwrap().len(), 3);
    drop(batch);
    let together = observers.map(|observer| observer.unwrap().into_parts().0);
    assert_eq!(together[0], alone[0]);
    assert_eq!(together[1], alone[2]);
}
