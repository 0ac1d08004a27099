//! Outputs that no run gives: what a worker may say instead of computing.

use crate::cheat::Cheat;
use vigil_engine::Request;
use vigil_ops::samples::Stream;
use vigil_primitives::Architecture;

/// Bytes of a token.
const TOKEN: usize = 4;
/// Bytes at a vector's end that are not computed.
const END: usize = 1_024;

impl Cheat {
    /// What is said in the place of the right output; `None` of a cheat that runs the model.
    pub(crate) fn words(
        &self,
        architecture: &Architecture,
        request: &Request,
        right: &[u8],
    ) -> Option<Vec<u8>> {
        let stop = match architecture {
            Architecture::Decoder(decoder) => decoder.stop_tokens.iter().flatten().next().copied(),
            Architecture::Encoder(_) => None,
        };
        match (self, architecture) {
            (Self::Random, _) => Some(random(request, right.len())),
            (Self::Truncated, Architecture::Encoder(_)) => {
                let mut output = right.to_vec();
                let start = output.len().saturating_sub(END);
                output.iter_mut().skip(start).for_each(|byte| *byte = 0);
                Some(output)
            }
            (Self::Truncated, Architecture::Decoder(_)) => {
                // A text of one token has nothing else.
                let len = right.len().saturating_sub(TOKEN).max(TOKEN).min(right.len());
                Some(right.get(..len).unwrap_or_default().to_vec())
            }
            (Self::Early, _) => Some([middle(right), &stop?.to_le_bytes()].concat()),
            (Self::Late, _) => {
                let mut output = [middle(right), &stop?.to_le_bytes()].concat();
                output.extend_from_slice(right.get(output.len()..).unwrap_or_default());
                Some(output)
            }
            _ => None,
        }
    }
}

/// The first half of a text.
fn middle(right: &[u8]) -> &[u8] {
    let tokens = right.len() / TOKEN;
    right.get(..tokens.saturating_sub(1) / 2 * TOKEN).unwrap_or_default()
}

/// The same for the same request: it is said again in a dispute.
fn random(request: &Request, len: usize) -> Vec<u8> {
    let seed = request.tokens.iter().fold(0u64, |seed, id| seed.rotate_left(7) ^ u64::from(*id));
    let mut stream = Stream::new(seed);
    (0..len).map(|_| stream.u64().to_le_bytes()[0]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_ops::samples::tiny_models;
    use vigil_primitives::Sampling;

    #[test]
    fn words_should_differ_from_the_right_ones_and_fit_the_family() {
        for (architecture, _) in tiny_models() {
            let request = Request::generate([3, 1, 4], 6, Sampling::Greedy);
            let (right, text): (Vec<u8>, _) = match architecture {
                Architecture::Decoder(_) => (bytes(&[5, 6, 4, 8, 9, 10]), true),
                Architecture::Encoder(_) => (vec![1; 1_536], false),
            };
            let words = |cheat: Cheat| cheat.words(&architecture, &request, &right);
            let random = words(Cheat::Random).unwrap();
            assert!(random.len() == right.len() && random != right);
            assert_eq!(words(Cheat::Random).unwrap(), random);
            let truncated = words(Cheat::Truncated).unwrap();
            assert_eq!(words(Cheat::Early).is_some(), text);
            assert_eq!(words(Cheat::Scale), None);
            if !text {
                assert_eq!(truncated, [vec![1; 512], vec![0; 1_024]].concat());
                continue;
            }
            assert_eq!(truncated, bytes(&[5, 6, 4, 8, 9]));
            assert_eq!(words(Cheat::Early).unwrap(), bytes(&[5, 6, 7]));
            assert_eq!(words(Cheat::Late).unwrap(), bytes(&[5, 6, 7, 8, 9, 10]));
        }
    }

    fn bytes(ids: &[u32]) -> Vec<u8> {
        ids.iter().flat_map(|id| id.to_le_bytes()).collect()
    }
}
