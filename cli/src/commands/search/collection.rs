//! What is searched: documents, questions, and the order that embeddings put them in.

use crate::{
    error::{CommandResult, Failure},
    files::{lines, read_text},
};
use std::path::Path;
use vigil_engine::cosine;

/// Documents and the questions asked of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Collection {
    /// What is ranked.
    pub(crate) documents: Vec<String>,
    /// What it is ranked for.
    pub(crate) queries: Vec<String>,
}

impl Collection {
    /// Reads a file of `doc: ...` and `query: ...` lines. `#` begins a comment line.
    pub(crate) fn read(path: &Path) -> CommandResult<Self> {
        Self::parse(&read_text(path)?).map_err(|failure| failure.about(&path.display().to_string()))
    }

    fn parse(text: &str) -> CommandResult<Self> {
        let mut collection = Self::default();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (list, text) = match line.split_once(':') {
                Some(("doc", text)) => (&mut collection.documents, text.trim()),
                Some(("query", text)) => (&mut collection.queries, text.trim()),
                _ => {
                    return Err(Failure::usage(format!(
                        "line {} begins neither with \"doc:\" nor with \"query:\"",
                        index + 1
                    )))
                }
            };
            if text.is_empty() {
                return Err(Failure::usage(format!("line {} has no text", index + 1)));
            }
            list.push(text.to_owned());
        }
        collection.check()
    }

    /// One document per line of a file, with questions typed.
    pub(crate) fn of(documents: &Path, queries: Vec<String>) -> CommandResult<Self> {
        Self { documents: lines(&read_text(documents)?), queries }.check()
    }

    fn check(self) -> CommandResult<Self> {
        if self.documents.is_empty() {
            return Err(Failure::usage("there is no document to search"));
        }
        if self.queries.is_empty() {
            return Err(Failure::usage("there is no question to search for"));
        }
        Ok(self)
    }

    /// Documents first, then questions: the order of the jobs.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.documents.iter().chain(&self.queries).cloned().collect()
    }
}

/// A document's place in a ranking.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Hit {
    /// Its index among the documents.
    pub(crate) document: usize,
    /// Cosine of its embedding to the question's.
    pub(crate) cosine: f64,
}

/// The documents from nearest to farthest. Equal ones keep their order.
pub(crate) fn rank(query: &[f32], documents: &[Vec<f32>]) -> Vec<Hit> {
    let mut hits: Vec<Hit> = documents
        .iter()
        .enumerate()
        .map(|(document, embedding)| Hit { document, cosine: cosine(query, embedding) })
        .collect();
    hits.sort_by(|a, b| b.cosine.total_cmp(&a.cosine));
    hits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn a_collection_should_hold_documents_and_queries_in_order() {
        let text = "# comment\n\ndoc: one: two\n query: why?\r\ndoc: three\n";
        let collection = Collection::parse(text).unwrap();
        assert_eq!(collection.documents, ["one: two", "three"]);
        assert_eq!(collection.queries, ["why?"]);
        assert_eq!(collection.texts(), ["one: two", "three", "why?"]);
    }

    #[test]
    fn a_collection_should_say_which_line_is_wrong() {
        for (text, says) in [
            ("doc: a\nquestion: b", "line 2 begins neither"),
            ("doc:\nquery: b", "line 1 has no text"),
            ("query: b", "no document"),
            ("doc: a", "no question"),
            ("", "no document"),
        ] {
            let failure = Collection::parse(text).unwrap_err();
            assert_eq!(failure.kind(), Kind::Usage);
            assert!(failure.to_string().contains(says), "{failure}");
        }
    }

    #[test]
    fn rank_should_put_the_nearest_first_and_keep_ties_in_order() {
        let documents = [vec![0.0, 1.0], vec![1.0, 0.1], vec![1.0, 0.1], vec![-1.0, 0.0]];
        let ranking = rank(&[1.0, 0.0], &documents);
        let order: Vec<usize> = ranking.iter().map(|hit| hit.document).collect();
        assert_eq!(order, [1, 2, 0, 3]);
        assert!(ranking[0].cosine > 0.99 && ranking[3].cosine < -0.99);
    }

    #[test]
    fn the_texts_of_the_demo_should_parse() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/demo-texts.txt");
        let collection = Collection::read(&path).unwrap();
        assert_eq!((collection.documents.len(), collection.queries.len()), (40, 3));
    }
}
