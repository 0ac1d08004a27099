//! Short tales from a grammar: what the model of the tests learns to write.
//!
//! Every tale has a hero, a friend and one of ten plots; who they are, where they live, what they
//! look for and how they speak is drawn by a counter-based generator, so a part of the corpus and a
//! number give one tale for ever. Nothing is taken from any text: the sentences of `grammar.txt`
//! were written for it. The grammar is small enough for a model of a million parameters to learn,
//! and rich enough that it has to learn who is who: names, pronouns, the thing that was lost, the
//! place where it was found.

use std::collections::BTreeMap;

/// The tales that the model learns from.
pub(crate) const TRAIN: u64 = 0x7a1e_5000;
/// The tales that it never sees while it learns.
pub(crate) const HELD_OUT: u64 = 0x7a1e_5001;
/// How many tales the file of held-out text has.
pub(crate) const HELD_OUT_TALES: u64 = 72;

const GRAMMAR: &str = include_str!("grammar.txt");

const GIRLS: [&str; 12] = [
    "Mia", "Anna", "Lily", "Rosa", "Nora", "Ella", "Clara", "Ivy", "Ruth", "Maya", "Greta", "Tessa",
];
const BOYS: [&str; 12] =
    ["Tom", "Ben", "Sam", "Leo", "Max", "Finn", "Otto", "Hugo", "Jack", "Emil", "Theo", "Noah"];
/// Animals that speak: those of the first six names are female.
const ANIMALS: [&str; 12] = [
    "Pip", "Clover", "Hazel", "Nutmeg", "Willow", "Juniper", "Rusty", "Bramble", "Pepper", "Tuck",
    "Moss", "Button",
];
const KINDS: [&str; 10] =
    ["rabbit", "fox", "hedgehog", "mouse", "bear", "duck", "squirrel", "frog", "badger", "goose"];

/// The grammar, ready to tell tales.
pub(crate) struct Corpus {
    sections: BTreeMap<&'static str, Vec<Step>>,
    plots: Vec<&'static str>,
}

enum Step {
    /// One row for all keys, or a different one for each.
    Draw {
        keys: Vec<&'static str>,
        different: bool,
        rows: Vec<&'static str>,
    },
    Say(Vec<&'static str>),
    Tell(&'static str),
}

impl Corpus {
    /// Reads the grammar.
    pub(crate) fn new() -> Self {
        let mut sections: BTreeMap<_, Vec<Step>> = BTreeMap::new();
        let mut section = "";
        for line in GRAMMAR.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let steps = sections.entry(section).or_default();
            if let Some(row) = line.strip_prefix("    ") {
                match steps.last_mut() {
                    Some(Step::Draw { rows, .. } | Step::Say(rows)) => rows.push(row),
                    _ => panic!("nothing takes the row {row:?}"),
                }
            } else if let Some(name) = line.strip_prefix("== ") {
                section = name;
            } else if let Some(name) = line.strip_prefix("tell ") {
                steps.push(Step::Tell(name));
            } else if let Some(keys) = line.strip_prefix("draw ") {
                let different = keys.contains(", ");
                let keys = keys.split(if different { ", " } else { " / " }).collect();
                steps.push(Step::Draw { keys, different, rows: Vec::new() });
            } else {
                assert_eq!(line, "say", "not a line of a grammar");
                steps.push(Step::Say(Vec::new()));
            }
        }
        let plots = sections.keys().copied().filter(|name| name.starts_with("plot ")).collect();
        Self { sections, plots }
    }

    /// Tale `number` of a part of the corpus.
    pub(crate) fn tale(&self, part: u64, number: u64) -> String {
        let mut rng = Rng::new(part, number);
        let mut teller = Teller { corpus: self, slots: BTreeMap::new(), sentences: Vec::new() };
        let hero = Person::new(&mut rng, None);
        let friend = Person::new(&mut rng, Some(hero));
        teller.cast(["hero", "kind", "she", "her", "his"], hero);
        teller.cast(["friend", "fkind", "fshe", "fher", "fhis"], friend);
        let plot = rng.pick(&self.plots);
        for section in ["world", "opening", plot, "closing"] {
            teller.tell(&mut rng, section);
        }
        teller.sentences.join(" ")
    }

    /// The held-out text: one tale per line.
    pub(crate) fn held_out(&self) -> String {
        (0..HELD_OUT_TALES).map(|number| self.tale(HELD_OUT, number) + "\n").collect()
    }
}

/// SplitMix64, counted from a mix of two numbers.
pub(crate) struct Rng(u64);

impl Rng {
    /// The generator of `(part, number)`.
    pub(crate) fn new(part: u64, number: u64) -> Self {
        let mut mixed = Self(part);
        Self(mixed.bits() ^ number.wrapping_mul(0xd1b5_4a32_d192_ed03))
    }

    /// The next 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.bits()) * end as u128) >> 64) as usize
    }

    /// One of some.
    pub(crate) fn pick<T: Copy>(&mut self, some: &[T]) -> T {
        some[self.below(some.len())]
    }
}

/// Somebody with a name.
#[derive(Clone, Copy)]
struct Person {
    name: &'static str,
    kind: &'static str,
    female: bool,
}

impl Person {
    /// Somebody of another name and kind than `other`.
    fn new(rng: &mut Rng, other: Option<Self>) -> Self {
        loop {
            let made = match rng.below(10) {
                0..=2 => Self { name: rng.pick(&GIRLS), kind: "girl", female: true },
                3..=5 => Self { name: rng.pick(&BOYS), kind: "boy", female: false },
                _ => {
                    let index = rng.below(ANIMALS.len());
                    Self { name: ANIMALS[index], kind: rng.pick(&KINDS), female: index < 6 }
                }
            };
            if other.is_none_or(|other| other.name != made.name && other.kind != made.kind) {
                return made;
            }
        }
    }
}

/// One tale while it is told.
struct Teller<'c> {
    corpus: &'c Corpus,
    slots: BTreeMap<&'static str, String>,
    sentences: Vec<String>,
}

impl Teller<'_> {
    fn cast(&mut self, keys: [&'static str; 5], who: Person) {
        let [she, her, his] = if who.female { ["she", "her", "her"] } else { ["he", "him", "his"] };
        for (key, value) in keys.into_iter().zip([who.name, who.kind, she, her, his]) {
            self.slots.insert(key, value.into());
        }
    }

    fn tell(&mut self, rng: &mut Rng, section: &str) {
        for step in &self.corpus.sections[section] {
            match step {
                Step::Tell(section) => self.tell(rng, section),
                Step::Say(rows) => {
                    let row = rng.pick(rows);
                    if row != "-" {
                        let sentence = self.fill(rng, row);
                        self.sentences.push(capital(sentence.trim()));
                    }
                }
                Step::Draw { keys, different: true, rows } => {
                    let mut rows = rows.clone();
                    for key in keys {
                        let row = rows.swap_remove(rng.below(rows.len()));
                        self.slots.insert(key, row.into());
                    }
                }
                Step::Draw { keys, different: false, rows } => {
                    let row = rng.pick(rows);
                    let parts: Vec<_> = row.split(" / ").collect();
                    assert_eq!(parts.len(), keys.len(), "the parts of {row:?}");
                    for (key, part) in keys.iter().zip(parts) {
                        let value = self.fill(rng, part);
                        self.slots.insert(key, value);
                    }
                }
            }
        }
    }

    fn fill(&self, rng: &mut Rng, template: &str) -> String {
        let mut out = String::new();
        let mut rest = template;
        while let Some(at) = rest.find(['[', '{']) {
            out.push_str(&rest[..at]);
            let open = &rest[at..];
            if let Some(end) = open.strip_prefix('{').and_then(|open| open.find('}')) {
                out.push_str(&self.slot(&open[1..=end]));
                rest = &open[end + 2..];
            } else {
                let end = open.find(']').unwrap_or_else(|| panic!("{open:?} does not close"));
                let choices: Vec<_> = open[1..end].split('|').collect();
                let choice = rng.pick(&choices);
                out.push_str(&self.fill(rng, choice));
                rest = &open[end + 1..];
            }
        }
        out + rest
    }

    fn slot(&self, key: &str) -> String {
        let small = key.to_lowercase();
        let value = &self.slots[small.as_str()];
        if small == key {
            value.clone()
        } else {
            capital(value)
        }
    }
}

/// The text with a capital as its first letter, which may stand behind a quotation mark.
fn capital(text: &str) -> String {
    let first = text.find(char::is_alphabetic).unwrap_or_default();
    let (mark, rest) = text.split_at(first);
    let mut letters = rest.chars();
    let capital: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    [mark, &capital, letters.as_str()].concat()
}
