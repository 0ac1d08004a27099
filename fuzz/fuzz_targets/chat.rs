//! A chat template: as it comes, and one of a model changed, rendered within a small stack.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::collections::BTreeMap;
use vigil_engine::chat::{ChatTemplate, Message, Prompt};
use vigil_fuzz::Input;

const GOOD: [&str; 4] = [
    include_str!("../../engine/tests/chat/templates/llama3.2.jinja"),
    include_str!("../../engine/tests/chat/templates/macros.jinja"),
    include_str!("../../engine/tests/chat/templates/mistral-v3.jinja"),
    include_str!("../../engine/tests/chat/templates/qwen3.jinja"),
];

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let good = GOOD[input.below(GOOD.len())];
    let changed = input.change(good.as_bytes());
    let texts = [input.0, &changed].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let small = std::thread::Builder::new().stack_size(1 << 20);
    let render = move || {
        for text in texts {
            let messages = [
                Message { role: "system", content: "a <think>" },
                Message { role: "user", content: "" },
            ];
            let variables = BTreeMap::from([("tools".into(), serde_json::json!([{"a": [1, ""]}]))]);
            let prompt = Prompt { now: Some(1), variables, ..Prompt::to_answer(&messages) };
            let made = ChatTemplate::new(&text, Some("<s>"), None)
                .and_then(|template| template.render(&prompt));
            match made {
                Ok(prompt) => assert!(prompt.len() <= 4 << 20),
                Err(error) => assert!(error.to_string().len() < 5_000, "{error}"),
            }
        }
    };
    small.spawn(render).expect("a thread").join().expect("an answer");
});
