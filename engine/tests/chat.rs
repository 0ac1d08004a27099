//! Chat templates: those of well-known models give what Jinja2 gives, byte for byte, and those that
//! were written to stop whoever renders them end soon, and say why.
//!
//! `tests/chat/expect.py` writes what is expected.

use serde_json::{json, Value};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};
use vigil_engine::{
    chat::{ChatError, ChatTemplate, Message, Prompt, MAX_MESSAGES},
    package::{Chat, MAX_TEMPLATE},
};

/// The system's allocator, with an account of what is in use.
struct Counted;

static USED: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is the system allocator's own.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let used = USED.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(used, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        USED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counted = Counted;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/chat")
}

fn expected() -> Value {
    serde_json::from_slice(&fs::read(folder().join("expected.json")).unwrap()).unwrap()
}

fn messages(chat: &Value) -> Vec<Message<'_>> {
    let messages = chat.as_array().unwrap().iter();
    messages
        .map(|message| Message {
            role: message["role"].as_str().unwrap(),
            content: message["content"].as_str().unwrap(),
        })
        .collect()
}

/// What a template makes, in the form of what is expected.
fn made(template: &str, prompt: &Prompt<'_>) -> Value {
    let made = ChatTemplate::new(template, Some("<s>"), Some("</s>"))
        .and_then(|template| template.render(prompt));
    match made {
        Ok(prompt) => json!({ "prompt": prompt }),
        Err(ChatError::Refused(said)) => json!({ "refused": said }),
        Err(error) => {
            assert!(error != ChatError::TooMuch && error.to_string().starts_with("line "));
            json!({"failed": true})
        }
    }
}

#[track_caller]
fn compare(case: &Value, made: &Value) {
    for key in ["prompt", "refused", "failed"] {
        assert_eq!(made[key], case[key], "{case:#}");
    }
}

#[test]
fn templates_of_models_should_give_what_jinja_gives() {
    let expected = expected();
    let cases = expected["cases"].as_array().unwrap();
    assert!(cases.len() >= 200, "{} cases", cases.len());
    for case in cases {
        let name = format!("{}.jinja", case["template"].as_str().unwrap());
        let template = fs::read_to_string(folder().join("templates").join(name)).unwrap();
        let messages = messages(&expected["chats"][case["chat"].as_str().unwrap()]);
        let variables = case["variables"].as_object().unwrap().clone().into_iter().collect();
        let prompt = Prompt {
            messages: &messages,
            add_generation_prompt: case["generate"].as_bool().unwrap(),
            now: expected["now"].as_u64(),
            variables,
        };
        compare(case, &made(&template, &prompt));
    }
}

#[test]
fn everything_of_the_language_should_do_what_jinja_does() {
    let expected = expected();
    let messages = messages(&expected["chats"]["system"]);
    let now = expected["now"].as_u64();
    let prompt = Prompt { now, ..Prompt::to_answer(&messages) };
    for case in expected["snippets"].as_array().unwrap() {
        compare(case, &made(case["text"].as_str().unwrap(), &prompt));
    }
}

fn render(template: &str) -> Result<String, ChatError> {
    let messages = [Message { role: "user", content: "Hello" }];
    ChatTemplate::new(template, None, None)?.render(&Prompt::to_answer(&messages))
}

/// What a template says that fails.
#[track_caller]
fn failure(template: &str) -> String {
    render(template).unwrap_err().to_string()
}

#[test]
fn an_error_should_say_what_is_wrong_and_where() {
    for (template, said) in [
        ("a\n{{ messages[0].contant.strip() }}", "line 2 of the chat template: \"contant\" is und"),
        ("{{ nobody.role }}", "\"nobody\" is undefined"),
        ("{{ messages[7].role }}", "a value is undefined"),
        (
            "{% for m in messages %}\n{{ m.content + 1 }}{% endfor %}",
            "line 2 of the chat template: a",
        ),
        ("{{ 'a' + 1 }}", "a text + a number means nothing"),
        ("{{ 1 < 'a' }}", "a number and a text have no order"),
        ("{{ [1].append(2) }}", "a list has no method \"append\" here"),
        ("{{ 'a' | nothing }}", "there is no filter \"nothing\""),
        ("{{ 'a' | trim(1) }}", "what is stripped is a text"),
        ("{{ 'a' | length(1) }}", "too many arguments"),
        ("{{ 'a' | upper(x=1) }}", "\"x\" is not expected"),
        ("{{ 1 is nothing }}", "there is no test \"nothing\""),
        ("{{ 9223372036854775807 + 1 }}", "too large"),
        ("{{ 99999999999999999999 }}", "too large"),
        ("{{ 1 // 0 }}", "divided by zero"),
        ("{{ range(1, 2, 0) }}", "step of 0"),
        ("{% set ns = namespace() %}{% set ns.a = ns %}", "cannot be kept"),
        ("{% set ns = namespace() %}{{ [ns] }}", "cannot be put anywhere"),
        ("{% set messages.a = 1 %}", "no namespace"),
        ("{% for a in messages recursive %}", "not taken"),
        ("{% import 'a' as b %}", "there is no statement \"import\" here"),
        ("{% extends '/etc/passwd' %}", "there is no statement \"extends\""),
        ("{% break %}", "stands in no loop"),
        ("{% if x %}\n\n{{ y }}", "line 3 of the chat template: elif or else or endif is missing"),
        ("{{ 'a", "does not end"),
        ("{{ a", "}} is missing"),
        ("{% if a", "%} is missing"),
        ("{# a", "comment"),
        ("{% raw %} a", "raw text"),
        ("{{ a ] }}", "] closes nothing"),
        ("{{ a ? b }}", "'?' means nothing"),
        ("{{ strftime_now('%Y') }}", "\"strftime_now\" is undefined"),
    ] {
        let message = failure(template);
        assert!(message.contains(said), "{template}: {message}");
    }
    let long = format!("{{{{ raise_exception('{}') }}}}", "ab".repeat(5_000));
    let ChatError::Refused(said) = render(&long).unwrap_err() else { panic!() };
    assert_eq!(said, "ab".repeat(500));
    assert!(ChatError::Refused(said).is_about_messages());
    assert!(failure(&format!("{{{{ {} }}}}", "x".repeat(60_000) + ".a")).len() < 300);
}

#[test]
fn what_is_too_long_should_be_refused_before_it_is_rendered() {
    let long = "a".repeat(MAX_MESSAGES);
    let messages = [Message { role: "user", content: &long }];
    let template = ChatTemplate::new("{{ messages[0].content }}", None, None).unwrap();
    let error = template.render(&Prompt::to_answer(&messages)).unwrap_err();
    assert_eq!(error, ChatError::TooLong(MAX_MESSAGES + 4));
    assert!(error.is_about_messages());
    let messages = [Message { role: "", content: &long }];
    assert_eq!(template.render(&Prompt::to_answer(&messages)).as_deref(), Ok(&*long));
    assert!(ChatTemplate::new(&"a".repeat(MAX_TEMPLATE), None, None).is_ok());
    assert!(ChatTemplate::new(&"a".repeat(MAX_TEMPLATE + 1), None, None).is_err());
    assert_eq!(ChatTemplate::open(&Chat::default()).unwrap_err(), ChatError::NoTemplate);
}

#[test]
fn long_chats_should_be_within_the_bounds() {
    // Six thousand messages, near to the most text that there may be: more than any model reads.
    let text = "w".repeat(160);
    let role = |number: usize| if number.is_multiple_of(2) { "user" } else { "assistant" };
    let messages: Vec<_> =
        (0..6_001).map(|number| Message { role: role(number), content: &text }).collect();
    let one = "w".repeat(MAX_MESSAGES - 4);
    for entry in fs::read_dir(folder().join("templates")).unwrap() {
        let path = entry.unwrap().path();
        let template = fs::read_to_string(&path).unwrap();
        let template = ChatTemplate::new(&template, Some("<s>"), Some("</s>")).unwrap();
        for messages in [&messages[..], &[Message { role: "user", content: &one }]] {
            let prompt = Prompt { now: Some(0), ..Prompt::to_answer(messages) };
            let prompt = template.render(&prompt).map_err(|error| format!("{path:?}: {error}"));
            if !path.ends_with("macros.jinja") {
                assert!(prompt.unwrap().len() > 900_000, "{path:?}");
            }
        }
    }
}

/// Templates that would take all time, all memory or all of the stack.
fn hostile() -> Vec<(&'static str, String)> {
    // Two lists of which every one holds the one before twice.
    let doubled = "{% set ns = namespace(a=['x'], b=['x']) %}{% for i in range(60) %}\
                   {% set ns.a = [ns.a, ns.a] %}{% set ns.b = [ns.b, ns.b] %}{% endfor %}";
    let grown = "{% set ns = namespace(a='xxxxxxxxxxxxxxxx') %}{% for i in range(60) %}\
                 {% set ns.a = ns.a ~ ns.a %}{% endfor %}";
    let half = "{% set x = 'x' * 4000000 %}";
    let statement =
        |open: &str, close: &str, times| format!("{}{}", open.repeat(times), close.repeat(times));
    [
        ("a long text", "{{ 'x' * 1000000000 }}".into()),
        ("a long text, the other way around", "{{ 1000000000000 * 'x' }}".into()),
        ("a long list", "{{ [1] * 1000000000 }}".into()),
        ("a long range", "{{ range(1000000000) | length }}".into()),
        ("the longest range", "{{ range(-9223372036854775807, 9223372036854775807) }}".into()),
        ("loops in loops", {
            let loops: String =
                (0..9).map(|n| format!("{{% for a{n} in range(99999) %}}")).collect();
            loops + &"{% endfor %}".repeat(9)
        }),
        (
            "a loop over much",
            "{% for i in range(300000) %}{% for j in range(300000) %}{% endfor %}\
                              {% endfor %}"
                .into(),
        ),
        ("a text that doubles", grown.into()),
        ("lists that double", doubled.into()),
        ("lists that double, compared", format!("{doubled}{{{{ ns.a == ns.b }}}}")),
        ("lists that double, shown", format!("{doubled}{{{{ ns.a }}}}")),
        (
            "lists in lists",
            "{% set ns = namespace(a=[]) %}{% for i in range(20000) %}\
                            {% set ns.a = [ns.a] %}{% endfor %}"
                .into(),
        ),
        ("much output", "{% for i in range(100000) %}{{ 'x' * 1000 }}{% endfor %}".into()),
        ("many long texts", {
            let texts = (0..2_000).map(|n| format!("{{% set a{n} = 'x' * 4000000 %}}"));
            texts.collect()
        }),
        (
            "captures in captures",
            statement("{% set a %}{{ 'x' * 100000 }}", "{% endset %}", 35).repeat(20),
        ),
        ("a macro that calls itself", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}".into()),
        (
            "macros that call each other",
            "{% macro a() %}{{ b() }}{{ b() }}{% endmacro %}\
            {% macro b() %}{{ a() }}{{ a() }}{% endmacro %}{{ a() }}"
                .into(),
        ),
        ("a macro as its own default", "{% macro m(a=m()) %}{{ a }}{% endmacro %}{{ m() }}".into()),
        ("a large replacement", format!("{half}{{{{ x.replace('x', x) }}}}")),
        ("a replacement of nothing", format!("{half}{{{{ x | replace('', x) }}}}")),
        ("a large join", format!("{half}{{{{ x | join(x) }}}}")),
        ("a large join of a list", format!("{half}{{{{ x.join(['a'] * 100000) }}}}")),
        ("a large indentation", "{{ ('\n' * 1000000) | indent(1000000) }}".into()),
        ("a wide indentation", "{{ 'a' | indent(9000000000, true) }}".into()),
        (
            "JSON with a wide indentation",
            "{{ ([[[1]]] * 99999) | tojson(indent=999999999) }}".into(),
        ),
        ("JSON of much", format!("{half}{{{{ [x, x, x] | tojson }}}}")),
        (
            "escapes in escapes",
            "{% set ns = namespace(a='<') %}{% for i in range(99) %}\
                                {% set ns.a = ns.a | e %}{% endfor %}{{ ns.a }}"
                .into(),
        ),
        ("many texts to strip", format!("{half}{{{{ x.strip(x) }}}}")),
        (
            "many splits",
            format!(
                "{half}{{% for i in range(9999) %}}{{% set y = x.split('x') %}}\
                                 {{% endfor %}}"
            ),
        ),
        (
            "many searches",
            format!(
                "{half}{{% for i in range(99999) %}}{{% set y = 'xy' in x %}}\
                                   {{% endfor %}}"
            ),
        ),
        (
            "many copies",
            format!(
                "{half}{{% for i in range(9999) %}}{{% set y = x[1:] %}}\
                                 {{% endfor %}}"
            ),
        ),
        (
            "many places of a text",
            format!(
                "{half}{{% for i in range(99999) %}}{{% set y = x[-1] %}}\
                                           {{% endfor %}}"
            ),
        ),
        (
            "many sorts",
            "{% set x = range(100000) %}{% for i in x %}{% set y = x | sort %}\
                        {% endfor %}"
                .into(),
        ),
        (
            "many selections of nothing",
            "{% set x = [0] * 100000 %}{% for i in range(99999) %}\
            {% set y = x | select | list %}{% set y = x | map(attribute='a') %}{% endfor %}"
                .into(),
        ),
        ("a large power", "{% for i in range(999999) %}{{ 3 ** 39 }}{% endfor %}".into()),
        ("a long sum", format!("{{{{ 1{} }}}}", "+1".repeat(32_000))),
        ("a long path", format!("{{{{ x{} }}}}", ".a".repeat(32_000))),
        (
            "many filters",
            format!(
                "{{% for i in range(9999) %}}{{{{ 'a'{} }}}}{{% endfor %}}",
                "|e".repeat(32_000)
            ),
        ),
        ("many negations", format!("{{{{ {}1 }}}}", "not ".repeat(16_000))),
        ("many signs", format!("{{{{ {}1 }}}}", "-".repeat(60_000))),
        ("many branches", "{% if a %}".to_owned() + &"{% elif a %}".repeat(5_000) + "{% endif %}"),
        ("many brackets", statement("(", ")", 30_000).replacen('(', "{{(", 1) + "}}"),
        ("many lists", format!("{{{{ {} }}}}", statement("[", "]", 30_000))),
        ("many mappings", format!("{{{{ {}1{} }}}}", "{'a':".repeat(10_000), "}".repeat(10_000))),
        ("many calls", format!("{{{{ {}1{} }}}}", "dict(a=".repeat(8_000), ")".repeat(8_000))),
        ("many choices", format!("{{{{ {}1 }}}}", "1 if 0 else ".repeat(5_000))),
        ("many items", format!("{{{{ {}1{} }}}}", "a[".repeat(20_000), "]".repeat(20_000))),
        ("many conditions", statement("{% if 1 %}", "{% endif %}", 2_500)),
        ("many loops", statement("{% for a in 'b' %}", "{% endfor %}", 2_000)),
        ("many macros", statement("{% macro a() %}", "{% endmacro %}", 2_000)),
        ("many tests", format!("{{{{ {}1 }}}}", "1 is in ".repeat(8_000))),
        ("many powers", format!("{{{{ 2{} }}}}", "**2".repeat(20_000))),
    ]
    .into()
}

#[test]
fn hostile_templates_should_end_soon_within_a_small_stack() {
    for (name, template) in hostile() {
        assert!(template.len() <= MAX_TEMPLATE, "{name}: {} bytes", template.len());
        let small = std::thread::Builder::new().stack_size(1 << 20);
        MOST.store(USED.load(Ordering::Relaxed), Ordering::Relaxed);
        let start = Instant::now();
        let result = small.spawn(move || render(&template)).unwrap().join().unwrap();
        let time = start.elapsed();
        let most = MOST.load(Ordering::Relaxed) >> 20;
        println!("{name}: {time:?}, {most} MiB, {:?}", result.as_ref().map(String::len));
        assert!(most < 256, "{name}: {most} MiB");
        if let Err(error) = &result {
            assert!(error.to_string().len() < 300, "{name}: {error}");
            assert!(!matches!(error, ChatError::Refused(_)), "{name}: {error}");
        }
        let output = result.map_or(0, |text| text.len());
        assert!(output < 100_000, "{name}: {output} bytes");
        assert!(time < Duration::from_secs(10), "{name}: {time:?}");
    }
}

#[test]
fn a_variable_should_be_no_way_around_the_bounds() {
    let deep = (0..100).fold(json!([]), |inner, _| json!([inner]));
    let variables = BTreeMap::from([("deep".to_owned(), deep)]);
    let prompt = Prompt { variables, ..Prompt::default() };
    let template = ChatTemplate::new("{{ deep }}", None, None).unwrap();
    assert_eq!(template.render(&prompt), Err(ChatError::TooMuch));
}

#[test]
fn a_template_should_be_rendered_by_many_at_once() {
    let template = ChatTemplate::new("{{ messages[0].content | upper }}", None, None).unwrap();
    std::thread::scope(|scope| {
        for name in ["a", "b", "c"] {
            let template = &template;
            scope.spawn(move || {
                let messages = [Message { role: "user", content: name }];
                let prompt = template.render(&Prompt::to_answer(&messages)).unwrap();
                assert_eq!(prompt, name.to_uppercase());
            });
        }
    });
}
