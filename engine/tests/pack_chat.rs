//! A package keeps what a folder says of chats: templates, the tokens that they name, and how its
//! author would have the model generate. What it cannot keep is told.

mod common;

use common::{write_json, Bert, Llama};
use serde_json::{json, Value};
use std::{fs, path::Path};
use vigil_engine::{
    chat::{ChatTemplate, Message, Prompt},
    pack::{pack, PackOptions, PackReport},
    package::{Chat, Generation, Package, CHAT, DEFAULT, FILES, MAX_TEMPLATE, MAX_TEMPLATES},
    Sampling, Tokenizer,
};

/// Packs a folder with these files, and opens the package.
fn packed(change: impl FnOnce(&Path)) -> (PackReport, Package) {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("source"), dir.path().join("package"));
    Llama::default().write(&from);
    change(&from);
    let report = pack(&from, &to, &PackOptions::default()).unwrap();
    let package = Package::open(&to).unwrap();
    assert_eq!(package.chat(), report.chat.as_ref());
    assert_eq!(package.manifest().file(CHAT).is_some(), report.chat.is_some());
    (report, package)
}

fn with(files: &[(&str, Value)]) -> (Option<Chat>, String) {
    let (report, _) = packed(|dir| {
        files.iter().for_each(|(name, value)| write_json(&dir.join(name), value));
    });
    (report.chat, report.notes.join("\n"))
}

fn write(dir: &Path, name: &str, text: &str) {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn templates(chat: Option<Chat>) -> Vec<(String, String)> {
    chat.unwrap_or_default().templates.into_iter().collect()
}

fn default(text: &str) -> Vec<(String, String)> {
    vec![(DEFAULT.into(), text.into())]
}

#[test]
fn a_chat_should_go_from_a_folder_to_tokens() {
    let template = "{{ bos_token }}{% for m in messages %} {{ m.content }}{{ eos_token }}\
                    {% endfor %}{% if add_generation_prompt %} w3{% endif %}";
    let (report, package) = packed(|dir| {
        let config = json!({
            "bos_token": "<s>", "eos_token": {"content": "</s>", "lstrip": false},
            "chat_template": template,
        });
        write_json(&dir.join("tokenizer_config.json"), &config);
        let generation = json!({"do_sample": true, "temperature": 0.7, "max_new_tokens": 64});
        write_json(&dir.join("generation_config.json"), &generation);
    });
    assert!(report.notes.is_empty(), "{:?}", report.notes);
    let chat = package.chat().unwrap();
    let generation = Generation {
        do_sample: Some(true),
        temperature: Some(0.7),
        min_p: None,
        max_new_tokens: Some(64),
    };
    assert_eq!(chat.generation, generation);
    let drawn = Sampling::Gumbel { seed: 5, temperature: 0.7f32.to_bits(), min_p: 0 };
    assert_eq!(chat.generation.sampling(5), Some(drawn));

    let messages = [Message { role: "user", content: "w7" }];
    let prompt = ChatTemplate::open(chat).unwrap().render(&Prompt::to_answer(&messages)).unwrap();
    assert_eq!(prompt, "<s> w7</s> w3");
    let tokenizer = Tokenizer::open(&package).unwrap();
    assert_eq!(tokenizer.encode_prompt(&prompt).unwrap(), [1, 7, 2, 3], "nothing is added");
    assert!(tokenizer.encode_prompt("").is_err());
}

#[test]
fn the_same_folder_should_give_the_same_bytes() {
    let write = |dir: &Path| {
        let named: Vec<_> = ["b", "a", DEFAULT]
            .map(|name| json!({"name": name, "template": format!("{name} é \"\n")}))
            .into();
        let config = json!({"chat_template": named, "bos_token": "<s>"});
        write_json(&dir.join("tokenizer_config.json"), &config);
        let generation = json!({"temperature": 0.1, "min_p": 0.05});
        write_json(&dir.join("generation_config.json"), &generation);
    };
    let (first, package) = packed(write);
    let (second, _) = packed(write);
    assert_eq!(first.manifest_hash, second.manifest_hash);
    let names: Vec<_> = first.chat.unwrap().templates.into_keys().collect();
    assert_eq!(names, ["a", "b", DEFAULT]);
    let chat = package.manifest().file(CHAT).unwrap();
    let expected =
        "{\n  \"templates\": {\n    \"a\": \"a é \\\"\\n\",\n    \"b\": \"b é \\\"\\n\",\n    \
                    \"default\": \"default é \\\"\\n\"\n  },\n  \"bos_token\": \"<s>\",\n  \
                    \"eos_token\": null,\n  \"generation\": {\n    \"do_sample\": null,\n    \
                    \"temperature\": 0.1,\n    \"min_p\": 0.05,\n    \"max_new_tokens\": null\n  \
                    }\n}\n";
    assert_eq!(chat.blake3, blake3::hash(expected.as_bytes()).to_string());
}

#[test]
fn a_package_without_a_word_about_chats_should_be_as_before() {
    let (report, package) = packed(|dir| {
        // The tokens alone are of no use.
        let config = json!({"bos_token": "<s>", "eos_token": "</s>"});
        write_json(&dir.join("tokenizer_config.json"), &config);
        write_json(&dir.join("generation_config.json"), &json!({"eos_token_id": 2}));
    });
    assert_eq!(report.chat, None);
    let names: Vec<_> = package.manifest().files.iter().map(|file| &*file.name).collect();
    assert_eq!(names, FILES);
    // Nor does an encoder keep any.
    let dir = tempfile::tempdir().unwrap();
    let bert = Bert::default();
    let (from, to) = bert.folders(dir.path());
    bert.write(&from);
    write_json(&from.join("tokenizer_config.json"), &json!({"chat_template": "{{ messages }}"}));
    assert_eq!(pack(&from, &to, &PackOptions::default()).unwrap().chat, None);
}

#[test]
fn templates_should_be_taken_from_wherever_they_are() {
    let config = |template: Value| ("tokenizer_config.json", json!({"chat_template": template}));
    assert_eq!(templates(with(&[config(json!("a"))]).0), default("a"));
    let named = json!([{"name": "default", "template": "a"}, {"name": "rag", "template": "b"}]);
    let (chat, _) = with(&[config(named)]);
    assert_eq!(chat.as_ref().and_then(Chat::template), Some("a"));
    assert_eq!(templates(chat).len(), 2);
    // The only one is for plain conversations, whatever it is called.
    let (chat, _) = with(&[config(json!([{"name": "rag", "template": "b"}]))]);
    assert_eq!(chat.as_ref().and_then(Chat::template), Some("b"));
    let processor = ("chat_template.json", json!({"chat_template": "p"}));
    assert_eq!(templates(with(std::slice::from_ref(&processor)).0), default("p"));
    assert_eq!(templates(with(&[processor.clone(), config(json!("a"))]).0), default("a"));
    assert_eq!(templates(with(&[processor, config(Value::Null)]).0), default("p"));

    // Files of their own go before all others.
    let (report, _) = packed(|dir| {
        write_json(&dir.join("tokenizer_config.json"), &json!({"chat_template": "a"}));
        write(dir, "chat_template.jinja", "j\n");
        write(dir, "additional_chat_templates/tools.jinja", "t");
        write(dir, "additional_chat_templates/readme.md", "no template");
    });
    let expected = [(DEFAULT.into(), "j\n".into()), ("tools".into(), "t".into())];
    assert_eq!(templates(report.chat), expected);
}

#[test]
fn every_template_in_use_or_not_should_say_where_turns_end() {
    let mut words = common::llama::tokenizer();
    words["added_tokens"][0]["content"] = json!("<|im_end|>");
    let (report, _) = packed(|dir| {
        write_json(&dir.join("tokenizer.json"), &words);
        write(dir, "chat_template.jinja", "{{ messages[0].content }}<|im_end|>");
    });
    let ends: Vec<_> = report.stop_tokens.iter().map(|end| end.id).collect();
    assert_eq!(ends, [2, 0]);
}

#[test]
fn what_is_too_much_or_no_template_should_be_told() {
    let config = |template: Value| ("tokenizer_config.json", json!({"chat_template": template}));
    let (chat, notes) = with(&[config(json!("x".repeat(MAX_TEMPLATE + 1)))]);
    assert_eq!(chat, None);
    assert!(notes.contains("65537 bytes") && notes.contains("not kept"), "{notes}");

    let many: Vec<_> = (0..MAX_TEMPLATES + 1)
        .map(|number| json!({"name": number.to_string(), "template": "a"}))
        .chain([json!({"name": DEFAULT, "template": "d"})])
        .collect();
    let (chat, notes) = with(&[config(json!(many))]);
    let chat = chat.unwrap();
    assert_eq!((chat.templates.len(), chat.template()), (MAX_TEMPLATES, Some("d")));
    assert!(notes.contains("\"8\" is not kept"), "{notes}");

    let (chat, notes) = with(&[config(json!("{% for message in messages %}"))]);
    assert!(chat.is_some() && notes.contains("endfor is missing"), "{notes}");
}

#[test]
fn generation_should_be_kept_as_far_as_it_can_be_done() {
    let said = |generation: Value| {
        let (chat, notes) = with(&[("generation_config.json", generation)]);
        (chat.map(|chat| chat.generation), notes)
    };
    let empty = Generation::default();
    // What can't be done is named, with what it was.
    let (kept, notes) = said(json!({
        "do_sample": true, "temperature": 0.6, "top_p": 0.95, "top_k": 20, "min_p": 0.0,
        "repetition_penalty": 1.05, "eos_token_id": [2, 7], "transformers_version": "4.40",
    }));
    let expected =
        Generation { do_sample: Some(true), temperature: Some(0.6), min_p: Some(0.0), ..empty };
    assert_eq!(kept, Some(expected));
    for not_kept in ["top_p 0.95", "top_k 20", "repetition_penalty 1.05"] {
        assert!(notes.contains(not_kept), "{notes}");
    }
    assert!(!notes.contains("eos") && !notes.contains("version"), "{notes}");

    // What changes nothing is not worth a word.
    let (kept, notes) = said(json!({
        "top_p": 1.0, "top_k": 0, "repetition_penalty": 1.0, "num_beams": 1, "typical_p": null,
        "max_new_tokens": 100,
    }));
    assert_eq!(kept, Some(Generation { max_new_tokens: Some(100), ..empty }));
    assert_eq!(notes, "");

    // So cold that the likeliest token is always taken.
    let (kept, notes) = said(json!({"do_sample": true, "temperature": 0.0}));
    assert_eq!(kept, Some(Generation { do_sample: Some(false), ..empty }));
    assert_eq!(notes, "");

    for (generation, name) in [
        (json!({"temperature": 1e9}), "temperature"),
        (json!({"temperature": "warm"}), "temperature"),
        (json!({"min_p": 2}), "min_p"),
        (json!({"max_new_tokens": 0}), "max_new_tokens"),
        (json!({"do_sample": "yes"}), "do_sample"),
        (json!({"top_p": 0.9}), "top_p"),
        (json!({"bad_words_ids": [[1]]}), "bad_words_ids"),
    ] {
        let (kept, notes) = said(generation);
        assert_eq!(kept, None);
        assert!(notes.contains(name) && notes.contains("not kept"), "{notes}");
    }
    let many: serde_json::Map<_, _> =
        (0..500).map(|number| (format!("{number:03}{}", "x".repeat(500)), json!(1))).collect();
    let (_, notes) = said(json!(many));
    assert!(notes.len() < 1_500 && notes.contains("and 492 more"), "{}", notes.len());
}
