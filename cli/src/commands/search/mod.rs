//! `vigil search`: documents ranked for questions, every text a paid job.
//!
//! It is the whole chain in one command: texts become jobs, workers run them, outputs come back
//! verified, and the money is accounted for to the last unit.

mod collection;
mod money;

use crate::{
    commands::{
        job::{self, Followed, Terms},
        texts::{prepare, Prepared, TokenizerArgs},
    },
    context::Context,
    error::{CommandResult, Failure, Kind},
    format::{short_account, short_hex},
    global::Global,
    output, text,
};
use clap::Args;
use collection::{rank, Collection, Hit};
use money::Money;
use serde_json::{json, Value};
use std::path::PathBuf;
use vigil_client::requester::Order;
use vigil_engine::{cosine, FloatEncoder};
use vigil_primitives::{Architecture, Job, JobStatus, ModelVersionId};

/// Arguments of `search`.
#[derive(Debug, Args)]
pub(crate) struct Search {
    /// The version to run.
    #[arg(long, value_name = "MODEL@VERSION")]
    version: ModelVersionId,
    #[command(flatten)]
    tokenizer: TokenizerArgs,
    /// A file of "doc: ..." and "query: ..." lines.
    #[arg(long, value_name = "FILE", required_unless_present = "documents")]
    texts: Option<PathBuf>,
    /// A file with one document per line.
    #[arg(long, value_name = "FILE", conflicts_with = "texts", requires = "query")]
    documents: Option<PathBuf>,
    /// A question; may be repeated.
    #[arg(long, value_name = "TEXT", requires = "documents")]
    query: Vec<String>,
    /// Documents shown for each question.
    #[arg(long, value_name = "N", default_value_t = 3)]
    top: usize,
    /// Compare every embedding with the float model in this Hugging Face folder.
    #[arg(long, value_name = "HF_DIR")]
    compare: Option<PathBuf>,
    /// Fail when a cosine to the float model is below this.
    #[arg(long, value_name = "COSINE", requires = "compare")]
    at_least: Option<f64>,
    #[command(flatten)]
    terms: Terms,
}

/// One text with what came of it.
struct Found {
    input: Prepared,
    job: Job,
    embedding: Option<Vec<f32>>,
    cosine: Option<f64>,
}

/// A question with its documents, nearest first.
struct Ranking {
    query: usize,
    hits: Vec<Hit>,
}

impl Search {
    /// Does what was typed.
    pub(crate) async fn execute(self, global: &Global) -> CommandResult {
        let collection = match (&self.texts, &self.documents) {
            (Some(texts), _) => Collection::read(texts)?,
            (None, Some(documents)) => Collection::of(documents, self.query.clone())?,
            (None, None) => return Err(Failure::usage("give --texts or --documents")),
        };
        let float = self.compare.as_ref().map(FloatEncoder::open).transpose()?;
        let context = Context::signing(global).await?;
        let version = context.version(self.version).await?;
        if let Architecture::Decoder(_) = version.spec.architecture {
            return Err(Failure::usage(format!(
                "version {} is a language model: a search needs an encoder",
                version.id
            )));
        }
        let tokenizer = self.tokenizer.load(&version.spec)?;
        let inputs = prepare(collection.texts(), |text| Ok(tokenizer.encode(text)?))?;

        let requester = context.requester();
        let mut books = requester.open_books(&version).await?;
        let order = Order { offer: self.terms.offer(), ..Order::default() };
        let submission = job::submit(&context, &version, &inputs, &order).await?;
        let (ids, blobs) = (submission.ids(), submission.inputs());
        let followed = Followed::until_ended(&context, &requester, &ids, blobs).await?;
        requester.close_books(&mut books, &followed.jobs, submission.fees()).await?;
        let money = Money(books);
        let architecture = &version.spec.architecture;
        let outputs = followed.outputs(&context, &requester, architecture).await;

        let mut failures = Vec::new();
        let mut found = Vec::new();
        for ((input, job), output) in inputs.into_iter().zip(followed.jobs).zip(outputs) {
            let embedding = match output {
                Ok(output) => Some(job::embedding(&output.bytes)),
                Err(failure) => {
                    failures.push(failure);
                    None
                }
            };
            let cosine = match (&float, &embedding) {
                (Some(float), Some(embedding)) => {
                    Some(cosine(embedding, &float.embed(&input.tokens)?))
                }
                _ => None,
            };
            found.push(Found { input, job, embedding, cosine });
        }
        let rankings = if failures.is_empty() { rankings(&collection, &found) } else { vec![] };

        let json = json!({
            "version": version.id.to_string(),
            "rankings": rankings.iter().map(|ranking| ranking_json(&collection, &found, ranking))
                .collect::<Vec<_>>(),
            "jobs": found.iter().map(found_json).collect::<Vec<_>>(),
            "money": money.json(),
            "cosine": spread(&found).map(|(min, mean)| json!({ "min": min, "mean": mean })),
        });
        output::show(global, &json, || {
            let mut parts: Vec<String> = rankings
                .iter()
                .map(|ranking| ranking_text(&collection, ranking, self.top))
                .collect();
            parts.push(table(&found));
            parts.push(money.text());
            if let Some((min, mean)) = spread(&found) {
                parts.push(format!(
                    "cosine to the float model over {} texts: lowest {min:.6}, mean {mean:.6}",
                    found.len()
                ));
            }
            parts.join("\n\n")
        });
        self.verdict(&found, failures)
    }

    fn verdict(&self, found: &[Found], failures: Vec<Failure>) -> CommandResult {
        let count = failures.len();
        if let Some(first) =
            failures.into_iter().max_by_key(|failure| failure.kind() == Kind::Rejected)
        {
            return Err(first.about(&format!("{count} of {} texts have no result", found.len())));
        }
        match (self.at_least, spread(found)) {
            (Some(least), Some((min, _))) if min.is_nan() || min < least => Err(Failure::failed(
                format!("the lowest cosine to the float model is {min:.6}, below {least}"),
            )),
            _ => Ok(()),
        }
    }
}

/// One ranking per question. All embeddings are there.
fn rankings(collection: &Collection, found: &[Found]) -> Vec<Ranking> {
    let embeddings: Vec<Vec<f32>> =
        found.iter().map(|found| found.embedding.clone().unwrap_or_default()).collect();
    let (documents, queries) = embeddings.split_at(collection.documents.len());
    queries
        .iter()
        .enumerate()
        .map(|(query, embedding)| Ranking { query, hits: rank(embedding, documents) })
        .collect()
}

/// Lowest and mean cosine to the float model.
fn spread(found: &[Found]) -> Option<(f64, f64)> {
    let cosines: Vec<f64> = found.iter().filter_map(|found| found.cosine).collect();
    if cosines.is_empty() {
        return None;
    }
    let mean = cosines.iter().sum::<f64>() / cosines.len() as f64;
    Some((cosines.iter().copied().fold(f64::INFINITY, f64::min), mean))
}

fn ranking_text(collection: &Collection, ranking: &Ranking, top: usize) -> String {
    let query = collection.queries.get(ranking.query).map_or("", String::as_str);
    let mut lines = vec![format!("? {}", text::printable(query.as_bytes()))];
    for (place, hit) in ranking.hits.iter().take(top).enumerate() {
        let document = collection.documents.get(hit.document).map_or("", String::as_str);
        let document = text::brief(document.as_bytes(), 110);
        lines.push(format!("  {}. {:.4}  {document}", place + 1, hit.cosine));
    }
    lines.join("\n")
}

fn ranking_json(collection: &Collection, found: &[Found], ranking: &Ranking) -> Value {
    let hits: Vec<Value> = ranking
        .hits
        .iter()
        .map(|hit| {
            json!({
                "document": collection.documents.get(hit.document),
                "job": found.get(hit.document).map(|found| found.job.id),
                "cosine": hit.cosine,
            })
        })
        .collect();
    json!({ "query": collection.queries.get(ranking.query), "hits": hits })
}

fn table(found: &[Found]) -> String {
    let compared = found.iter().any(|found| found.cosine.is_some());
    let mut header = vec!["JOB", "WORKER", "OUTPUT", "TOKENS", "WORK (MAC)", "PRICE (VGL)", "TEXT"];
    if compared {
        header.insert(6, "COSINE");
    }
    let mut table = output::table(header);
    for found in found {
        let job = &found.job;
        let workers: Vec<_> =
            job.status.replicas().iter().map(|replica| short_account(&replica.worker)).collect();
        let (hash, macs, price) = match &job.status {
            JobStatus::Settled { output, receipt, .. } => {
                let price = job.spec.max_price.saturating_sub(receipt.requester);
                let price = vigil_client::Amount(price).exact();
                (short_hex(&output.hash), output::count(receipt.work), price)
            }
            _ => (job::status_word(job).to_owned(), String::new(), String::new()),
        };
        let mut row = vec![
            job.id.to_string(),
            workers.join(" "),
            hash,
            job.tokens_in.to_string(),
            macs,
            price,
            text::brief(found.input.label.as_bytes(), 36),
        ];
        if compared {
            row.insert(6, found.cosine.map(|cosine| format!("{cosine:.5}")).unwrap_or_default());
        }
        table.add_row(row);
    }
    output::align_right(&mut table, &[0, 3, 4, 5]);
    output::render(&table)
}

fn found_json(found: &Found) -> Value {
    let mut value = job::job_json(&found.job);
    value["text"] = json!(found.input.label);
    value["embedding"] = json!(found.embedding);
    value["cosine"] = json!(found.cosine);
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_primitives::{
        job::{Output, Receipt},
        samples::{job, replica, settled},
    };

    fn found(label: &str, embedding: Vec<f32>, cosine: f64) -> Found {
        let receipt =
            Receipt { workers: 40, owner: 20, treasury: 10, requester: 30, work: 9, auditor: 0 };
        let output = Output { hash: [4; 32].into(), tokens: 0 };
        let job = job(settled(output, vec![replica(2, 3, 4)], receipt));
        let input = Prepared { label: label.into(), tokens: vec![1] };
        Found { input, job, embedding: Some(embedding), cosine: Some(cosine) }
    }

    fn collection() -> Collection {
        Collection { documents: vec!["near".into(), "far".into()], queries: vec!["which?".into()] }
    }

    #[test]
    fn a_search_should_rank_documents_by_their_embeddings() {
        let found = [
            found("near", vec![1.0, 0.1], 0.999),
            found("far", vec![-1.0, 0.0], 0.995),
            found("which?", vec![1.0, 0.0], 0.997),
        ];
        let rankings = rankings(&collection(), &found);
        assert_eq!(rankings.len(), 1);
        let text = ranking_text(&collection(), &rankings[0], 1);
        assert!(text.starts_with("? which?\n  1. 0.9950  near"), "{text}");
        assert!(!text.contains("far"));
        let (min, mean) = spread(&found).unwrap();
        assert_eq!(min, 0.995);
        assert!((mean - 0.997).abs() < 1e-9);
        let table = table(&found);
        assert!(table.contains("0.000000000070"), "{table}");
        assert!(table.contains("0x040404040404"), "{table}");
    }
}
