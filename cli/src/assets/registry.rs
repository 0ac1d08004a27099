//! What registries of models and of datasets take alike: names, and places to fetch from.

use crate::error::{CommandResult, Failure};
use vigil_primitives::{
    model::{Name, Sources, Url, MAX_NAME, MAX_SOURCES, MAX_URL},
    registry::check_name,
};

/// The name of a model or a dataset.
pub(crate) fn bounded_name(name: &str) -> CommandResult<Name> {
    let name = name.trim();
    check_name(name.as_bytes())
        .map_err(|_| Failure::usage("a name is printable text, not empty"))?;
    Name::try_from(name.as_bytes().to_vec()).map_err(|_| {
        Failure::usage(format!(
            "the name has {} bytes of UTF-8, {MAX_NAME} are allowed: choose a shorter one",
            name.len()
        ))
    })
}

/// The places to fetch from, as URLs of folders that end in `/`.
pub(crate) fn sources(given: &[String]) -> CommandResult<Sources> {
    let urls = given.iter().map(|source| source_url(source)).collect::<CommandResult<Vec<_>>>()?;
    Sources::try_from(urls).map_err(|_| {
        Failure::usage(format!("{} sources are given, {MAX_SOURCES} are allowed", given.len()))
    })
}

fn source_url(source: &str) -> CommandResult<Url> {
    let url = match source.split_once("://") {
        Some(("file" | "http" | "https", rest)) if !rest.is_empty() => source.to_owned(),
        Some((scheme, _)) => {
            return Err(Failure::usage(format!(
                "a source is a file, http or https URL, not {scheme:?}: {source}"
            )))
        }
        None => {
            let path = std::fs::canonicalize(source).map_err(|error| {
                Failure::usage(format!(
                    "the source {source} is neither a URL nor a folder of this machine: {error}"
                ))
            })?;
            format!("file://{}", path.display())
        }
    };
    if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Failure::usage(format!(
            "the source {source} holds blanks or letters outside ASCII: percent-encode them"
        )));
    }
    let url = if url.ends_with('/') { url } else { format!("{url}/") };
    Url::try_from(url.into_bytes()).map_err(|_| {
        Failure::usage(format!("the source {source} is longer than {MAX_URL} characters"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    fn url(source: &str) -> CommandResult<String> {
        source_url(source).map(|url| String::from_utf8_lossy(&url).into_owned())
    }

    #[test]
    fn a_source_should_become_the_url_of_a_folder() {
        assert_eq!(url("https://example.org/minilm").unwrap(), "https://example.org/minilm/");
        assert_eq!(url("file:///srv/minilm/").unwrap(), "file:///srv/minilm/");
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        let path = folder.display().to_string();
        assert_eq!(url(&path).unwrap(), format!("file://{path}/"));
    }

    #[test]
    fn a_source_that_no_worker_can_fetch_should_be_refused() {
        for wrong in ["ftp://example.org/x", "https://", "no such folder", "https://a b/"] {
            assert_eq!(url(wrong).unwrap_err().kind(), Kind::Usage, "{wrong}");
        }
        let long = format!("https://example.org/{}", "x".repeat(256));
        assert!(url(&long).unwrap_err().to_string().contains("longer than 256"));
        assert!(sources(&vec!["https://a/".to_owned(); 5]).is_err());
    }

    #[test]
    fn a_name_should_be_printable_and_short() {
        assert!(bounded_name("all-MiniLM-L6-v2").is_ok());
        for wrong in ["", "  ", "a\u{1b}[31m", &"x".repeat(65)] {
            assert_eq!(bounded_name(wrong).unwrap_err().kind(), Kind::Usage, "{wrong:?}");
        }
    }
}
