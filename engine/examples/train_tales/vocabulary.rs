//! The tokenizer of the tales: the same bytes on every machine.

use crate::corpus::{Corpus, TRAIN};
use std::error::Error;
use tokenizers::{
    models::bpe::{BpeTrainerBuilder, BPE},
    pre_tokenizers::byte_level::ByteLevel,
    processors::template::TemplateProcessing,
    AddedToken, Tokenizer, TokenizerBuilder,
};

/// The token before every text.
pub(crate) const BEGIN: u32 = 0;
/// The token after a tale: generation stops with it.
pub(crate) const END: u32 = 1;
/// What they look like.
pub(crate) const SPECIAL: [&str; 2] = ["<|begin|>", "<|end|>"];
const VOCABULARY: usize = 1_536;
/// Tales that it is trained on.
const TALES: u64 = 6_000;

/// A byte-level BPE from the first tales of the corpus.
pub(crate) fn train(corpus: &Corpus) -> Result<Tokenizer, Box<dyn Error>> {
    let text = |error: tokenizers::Error| error.to_string();
    let special = SPECIAL.map(|token| AddedToken::from(token, true));
    let mut trainer = BpeTrainerBuilder::new()
        .vocab_size(VOCABULARY)
        .min_frequency(2)
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .special_tokens(special.to_vec())
        .show_progress(false)
        .build();
    let mut tokenizer = TokenizerBuilder::<BPE, tokenizers::NormalizerWrapper, _, _, _>::new()
        .with_model(BPE::default())
        .with_normalizer(None)
        .with_pre_tokenizer(Some(ByteLevel::new(false, true, true)))
        .with_post_processor(Some(
            TemplateProcessing::builder()
                .try_single(format!("{} $A", SPECIAL[0]))?
                .special_tokens(vec![(SPECIAL[0], BEGIN)])
                .build()?,
        ))
        .with_decoder(Some(ByteLevel::default()))
        .build()
        .map_err(text)?;
    let tales = (0..TALES).map(|number| corpus.tale(TRAIN, number));
    tokenizer.train(&mut trainer, tales).map_err(text)?;
    let json = tokenizer.to_string(false).map_err(text)?;
    let tokenizer = Tokenizer::from_bytes(json).map_err(text)?;
    for (token, id) in SPECIAL.into_iter().zip([BEGIN, END]) {
        assert_eq!(tokenizer.token_to_id(token), Some(id), "the number of {token}");
    }
    Ok(tokenizer)
}

/// The tokenizer as its file holds it.
pub(crate) fn file(tokenizer: &Tokenizer) -> Result<String, Box<dyn Error>> {
    Ok(tokenizer.to_string(true).map_err(|error| error.to_string())? + "\n")
}
