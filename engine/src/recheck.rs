//! One random row of a run once more, against memory and processors that fail.
//!
//! A wrong result costs its worker the stake, whoever's fault it was. So before it stands for one, it
//! may have a row computed again in the other way there is: element by element, from the package and
//! not from the weights in memory, as a referee would.

use crate::{
    trace::{Execution, Replay, RowProgram, Rows, Target},
    Error, Model, Package, Request, Result,
};
use vigil_architecture::{Architecture, Sampling};

impl Model {
    /// Whether one row of a run, and the end of it, come out the same when they are computed again
    /// from the package. `output` is what the run gave. `lot` is any number: it decides which row of
    /// which layer, and which token of the output.
    ///
    /// It takes one pass over the tokens before that token.
    ///
    /// # Errors
    /// The request doesn't fit the model, or the output can't be one of it.
    pub fn recheck(
        &self,
        package: &Package,
        request: &Request,
        output: &[u8],
        lot: u64,
    ) -> Result<bool> {
        let mut lots = Lots(lot);
        let (tokens, sampling, end) = match self.architecture() {
            Architecture::Encoder(_) => (request.tokens.clone(), Sampling::Greedy, output),
            Architecture::Decoder(_) => {
                let ids = output.as_chunks().0;
                let position = lots.below(ids.len());
                let before = ids.iter().take(position).map(|id| u32::from_le_bytes(*id));
                let tokens = request.tokens.iter().copied().chain(before).collect();
                let token = ids.get(position).map(<[u8; 4]>::as_slice);
                let none = || Error::Compute("an output without a token".into());
                (tokens, request.sampling, token.ok_or_else(none)?)
            }
        };
        let mut replay = Replay::new(self, package, tokens, sampling)?;
        let trace = replay.trace();
        let below = |lots: &mut Lots, count: u32| {
            u32::try_from(lots.below(count as usize)).unwrap_or(u32::MAX)
        };
        let anchor = below(&mut lots, trace.anchors());
        let row = below(&mut lots, trace.tokens());
        let program = |target| {
            let none = || Error::Compute(format!("no row program of {target:?}"));
            trace.row_program(target).ok_or_else(none)
        };
        let of_row = program(Target::Record { anchor, row })?;
        let of_end = program(Target::Output)?;
        // All that is read, in one pass.
        let here = Rows { anchor, rows: row..row.saturating_add(1) };
        let mut wanted = vec![here.clone()];
        wanted.extend(of_row.needs().into_iter().chain(of_end.needs()));
        let record = replay.records(&wanted)?.into_iter().next().unwrap_or_default();
        Ok(ends(&mut replay, &of_row)? == record && ends(&mut replay, &of_end)? == end)
    }
}

/// What a row program ends in.
fn ends(replay: &mut Replay<'_>, program: &RowProgram) -> Result<Vec<u8>> {
    let results = replay.results(program)?;
    let part = |step: u32| results.get(step as usize).cloned().unwrap_or_default();
    Ok(program.ends().into_iter().flat_map(part).collect())
}

/// Numbers out of one number.
struct Lots(u64);

impl Lots {
    fn below(&mut self, count: usize) -> usize {
        let count = (count as u64).max(1);
        let drawn = self.0 % count;
        self.0 /= count;
        usize::try_from(drawn).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        pack::{pack, PackOptions},
        Calibration, Options,
    };
    use std::path::Path;

    fn tales(options: &PackOptions<'_>) -> (tempfile::TempDir, Package) {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("tales");
        pack(Path::new("../models/tales"), &out, options).unwrap();
        let package = Package::open(&out).unwrap();
        (folder, package)
    }

    #[test]
    fn a_run_should_pass_whichever_row_is_drawn_and_another_output_should_not() {
        let (_folder, package) = tales(&PackOptions::default());
        let model = Model::load(&package, &Options::default()).unwrap();
        let request = Request::generate([0, 50, 60], 6, Sampling::Greedy);
        let output = model.run(&request).unwrap().output;
        for lot in [0, 1, 7, 12_345, 987_654_321, u64::MAX / 3] {
            assert!(model.recheck(&package, &request, &output, lot).unwrap(), "{lot}");
        }
        let mut wrong = output.clone();
        wrong[4] ^= 1;
        assert!(!model.recheck(&package, &request, &wrong, 1).unwrap());
        assert!(model.recheck(&package, &request, &[], 1).is_err());
    }

    #[test]
    fn weights_in_memory_that_are_not_the_packages_should_be_noticed() {
        let (_folder, package) = tales(&PackOptions::default());
        let (_other, spoiled) =
            tales(&PackOptions { calibration: Calibration::Off, ..PackOptions::default() });
        let model = Model::load(&spoiled, &Options::default()).unwrap();
        let request = Request::generate([0, 50, 60], 6, Sampling::Greedy);
        let output = model.run(&request).unwrap().output;
        let passes =
            (0..20).filter(|lot| model.recheck(&package, &request, &output, lot * 7_919).unwrap());
        assert_eq!(passes.count(), 0);
    }
}
