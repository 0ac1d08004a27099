//! Wasm and native give the same bytes.

#[path = "../../tests/support/mod.rs"]
mod support;

use codec::{Decode, Encode};
use proptest::prelude::*;
use support::{encoder, golden, random_weights, Model, Stream};
use vigil_ops::{Kernel, Program};
use vigil_ops_wasm::MODULE;
use vigil_primitives::{architecture::Pooling, Architecture, Encoder};
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
        let request =
            (case.architecture, case.tokens, case.index, &case.operands, &case.weights).encode();
        self.call("evaluate", &request).unwrap()
    }
}

#[test]
fn wasm_should_give_the_golden_bytes_of_every_operator() {
    let guest = Guest::new();
    let cases = golden::cases();
    assert!(cases.len() > 50);
    for case in cases {
        // The native result is held to the golden files by the tests of the operators themselves.
        assert_eq!(guest.evaluate(&case), case.evaluate(), "{} {}", case.name(), case.seed);
    }
}

#[test]
fn wasm_should_refuse_what_does_not_fit() {
    let guest = Guest::new();
    let architecture = Architecture::Encoder(encoder(8, 2, 8, 1));
    let no_operands: (Vec<Vec<u8>>, Vec<Vec<u8>>) = Default::default();
    let request = (architecture, 3u32, 1u32, no_operands).encode();
    assert_eq!(guest.call("evaluate", &request), None);
    assert_eq!(guest.call("evaluate", &request[..5]), None);
    assert_eq!(guest.call("run", &(architecture, vec![1u32], vec![0u8; 3]).encode()), None);
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
        let program = Program::new(&architecture, tokens, 0).unwrap();
        for index in 1..program.len() {
            let case = golden::Case::new(architecture, tokens, index, seed ^ u64::from(index));
            prop_assert_eq!(guest.evaluate(&case), case.evaluate(), "{} {}", case.name(), index);
        }
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
        let wasm = guest.call("run", &(architecture, &tokens, &weights).encode()).unwrap();
        let native = Model::new(Kernel::best(), &architecture, &weights).encode(&[&tokens]);
        prop_assert_eq!(wasm, support::bytes_of(&native));
    }
}
