//! Wasm and native give the same bytes.

#[path = "../../tests/support/mod.rs"]
mod support;

use codec::{Decode, Encode};
use proptest::prelude::*;
use support::{decoder, encoder, golden, gumbel, random_weights, Model, Stream};
use vigil_architecture::{Architecture, Decoder, Encoder, Pooling, Sampling};
use vigil_ops::{reference, Kernel, Program};
use vigil_ops_wasm::MODULE;
use wasmi::{Engine, Instance, Linker, Module, Store};

/// The module, compiled once.
struct Guest {
    engine: Engine,
    module: Module,
}

impl Guest {
    fn new() -> Self {
        assert!(!MODULE.is_empty(), "built with SKIP_WASM_BUILD: there is no wasm to test");
        let engine = Engine::default();
        let module = Module::new(&engine, MODULE).unwrap();
        assert_eq!(module.imports().count(), 0, "the operators need no host functions");
        Self { engine, module }
    }

    /// Calls an export with a request, in an instance of its own.
    fn call(&self, export: &str, request: &[u8]) -> Option<Vec<u8>> {
        let mut store = Store::new(&self.engine, ());
        let linker = Linker::new(&self.engine);
        let instance: Instance = linker.instantiate_and_start(&mut store, &self.module).unwrap();
        let memory = instance.get_memory(&store, "memory").unwrap();
        let allocate = instance.get_typed_func::<u32, u32>(&store, "allocate").unwrap();
        let function = instance.get_typed_func::<(u32, u32), u64>(&store, export).unwrap();
        let len = request.len() as u32;
        let address = allocate.call(&mut store, len).unwrap();
        memory.write(&mut store, address as usize, request).unwrap();
        let response = function.call(&mut store, (address, len)).unwrap();
        let mut bytes = vec![0; response as u32 as usize];
        memory.read(&store, (response >> 32) as usize, &mut bytes).unwrap();
        Option::<Vec<u8>>::decode(&mut bytes.as_slice()).unwrap()
    }

    fn evaluate(&self, case: &golden::Case) -> Vec<u8> {
        let run = run_of(&case.program);
        let request = (run, case.index, &case.operands, &case.weights).encode();
        self.call("evaluate", &request).unwrap()
    }

    fn run(&self, program: &Program, tokens: &[u32], weights: &[u8]) -> Vec<u8> {
        let (architecture, _, tokens_out, sampling) = run_of(program);
        let request = (architecture, tokens_out, sampling, tokens, weights).encode();
        self.call("run", &request).unwrap()
    }
}

/// What a program is made from.
fn run_of(program: &Program) -> (Architecture, u32, u32, Sampling) {
    (*program.architecture(), program.tokens_in(), program.tokens_out(), program.sampling())
}

#[test]
fn wasm_should_give_the_golden_bytes_of_every_operator() {
    let guest = Guest::new();
    let cases = golden::cases();
    assert!(cases.len() > 100, "{}", cases.len());
    for case in cases {
        // The native result is held to the golden files by the tests of the operators themselves.
        assert_eq!(guest.evaluate(&case), case.evaluate(), "{} {}", case.name(), case.seed);
    }
}

#[test]
fn wasm_should_generate_what_the_golden_decoders_do() {
    let guest = Guest::new();
    for run in golden::generations() {
        let sampling = run.sampling;
        let output = reference::generate(
            &run.architecture,
            &run.prompt,
            run.tokens_out,
            sampling,
            &run.weights,
        )
        .unwrap();
        let tokens_in = run.prompt.len() as u32;
        let program = Program::new(&run.architecture, tokens_in, run.tokens_out, sampling).unwrap();
        let tokens = [&run.prompt, &output[..output.len() - 1]].concat();
        let drawn = guest.run(&program, &tokens, &run.weights);
        assert_eq!(support::u32_of(&drawn), output, "{sampling:?}");
    }
}

#[test]
fn wasm_should_refuse_what_does_not_fit() {
    let guest = Guest::new();
    let architecture = Architecture::Encoder(encoder(8, 2, 8, 1));
    let no_operands: (Vec<Vec<u8>>, Vec<Vec<u8>>) = Default::default();
    let greedy = Sampling::Greedy;
    let request = (architecture, 3u32, 0u32, greedy, 1u32, no_operands).encode();
    assert_eq!(guest.call("evaluate", &request), None);
    assert_eq!(guest.call("evaluate", &request[..5]), None);
    assert_eq!(
        guest.call("run", &(architecture, 0u32, greedy, vec![1u32], vec![0u8; 3]).encode()),
        None
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn every_operator_should_agree_with_native(
        heads in 1u16..4, width in 1u32..9, intermediate in 1u32..20, tokens in 1u32..70,
        mean: bool, seed: u64,
    ) {
        let guest = Guest::new();
        let pooling = if mean { Pooling::Mean } else { Pooling::Cls };
        let shape = encoder(u32::from(heads) * width, heads, intermediate, 1);
        let architecture =
            Architecture::Encoder(Encoder { pooling, positions: tokens, ..shape });
        let program = Program::new(&architecture, tokens, 0, Sampling::Greedy).unwrap();
        for index in 1..program.len() {
            let case = golden::Case::new(program, index, seed ^ u64::from(index));
            prop_assert_eq!(guest.evaluate(&case), case.evaluate(), "{} {}", case.name(), index);
        }
    }

    #[test]
    fn every_operator_of_a_decoder_should_agree_with_native(
        kv_heads in 1u16..3, group in 1u16..3, half in 1u16..6, hidden in 1u32..20,
        tokens_in in 1u32..66, tokens_out in 1u32..5, flags: [bool; 4], seed: u64,
    ) {
        let guest = Guest::new();
        let [tied_head, qkv_bias, qk_norm, sample] = flags;
        let shape = decoder(hidden, [kv_heads * group, kv_heads], 2 * half, 9);
        let architecture = Architecture::Decoder(Decoder {
            positions: 70, tied_head, qkv_bias, qk_norm, ..shape
        });
        let sampling = if sample { gumbel(seed, 0.8, 0.02) } else { Sampling::Greedy };
        let program = Program::new(&architecture, tokens_in, tokens_out, sampling).unwrap();
        for index in 1..program.len() {
            let case = golden::Case::new(program, index, seed ^ u64::from(index));
            prop_assert_eq!(guest.evaluate(&case), case.evaluate(), "{} {}", case.name(), index);
        }
    }

    #[test]
    fn whole_decoders_should_agree_with_native(
        kv_heads in 1u16..3, group in 1u16..3, half in 1u16..6, hidden in 1u32..30,
        layers in 1u16..3, tokens_in in 1u32..66, tokens_out in 1u32..5, flags: [bool; 4],
        seed: u64,
    ) {
        let guest = Guest::new();
        let [tied_head, qkv_bias, qk_norm, sample] = flags;
        let shape = decoder(hidden, [kv_heads * group, kv_heads], 2 * half, 40);
        let architecture = Architecture::Decoder(Decoder {
            positions: 70, layers, tied_head, qkv_bias, qk_norm, ..shape
        });
        let sampling = if sample { gumbel(seed, 0.8, 0.02) } else { Sampling::Greedy };
        let program = Program::new(&architecture, tokens_in, tokens_out, sampling).unwrap();
        let weights = random_weights(&architecture, seed);
        let mut stream = Stream::new(seed ^ 1);
        let tokens: Vec<u32> = (0..program.tokens()).map(|_| stream.below(50)).collect();
        let native = reference::run(&program, &tokens, &weights, |_, _, _| {}).unwrap();
        prop_assert_eq!(guest.run(&program, &tokens, &weights), native);
    }

    #[test]
    fn whole_encoders_should_agree_with_native(
        heads in 1u16..4, width in 1u32..9, intermediate in 1u32..40, layers in 1u16..3,
        tokens in 1usize..70, mean: bool, normalize: bool, seed: u64,
    ) {
        let guest = Guest::new();
        let pooling = if mean { Pooling::Mean } else { Pooling::Cls };
        let shape = encoder(u32::from(heads) * width, heads, intermediate, layers);
        let architecture =
            Architecture::Encoder(Encoder { pooling, normalize, positions: 70, ..shape });
        let weights = random_weights(&architecture, seed);
        let mut stream = Stream::new(seed ^ 1);
        let tokens: Vec<u32> = (0..tokens).map(|_| stream.below(50)).collect();
        let count = tokens.len() as u32;
        let program = Program::new(&architecture, count, 0, Sampling::Greedy).unwrap();
        let wasm = guest.run(&program, &tokens, &weights);
        let native = Model::new(Kernel::best(), &architecture, &weights).encode(&[&tokens]);
        prop_assert_eq!(wasm, support::bytes_of(&native));
    }
}
