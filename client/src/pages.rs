//! Listings that the chain answers page by page.

use std::future::Future;
use vigil_primitives::api::PAGE;

/// The whole of a listing. `page` asks for the entries from a place on, at most [`PAGE`] of them, and
/// `behind` says which place is behind an entry.
///
/// ```
/// # async fn run(view: vigil_client::View<'_>) -> vigil_client::Result<()> {
/// use vigil_client::pages;
/// use vigil_primitives::{api::PAGE, model::ModelView};
///
/// let behind = |model: &ModelView| model.id.saturating_add(1);
/// let models = pages(0, behind, |from| view.models(from, PAGE)).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Those of `page`.
pub async fn pages<Place, Entry, Error, Page>(
    first: Place,
    behind: impl Fn(&Entry) -> Place,
    page: impl Fn(Place) -> Page,
) -> Result<Vec<Entry>, Error>
where
    Page: Future<Output = Result<Vec<Entry>, Error>>,
{
    let mut all = page(first).await?;
    let mut full = all.len() >= PAGE as usize;
    while let Some(last) = all.last().filter(|_| full) {
        let more = page(behind(last)).await?;
        full = more.len() >= PAGE as usize;
        all.extend(more);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;

    /// Lists the numbers below `count`, and says how many pages that took.
    fn list(count: u32) -> (Vec<u32>, u32) {
        let asked = std::cell::Cell::new(0);
        let page = |from: u32| {
            asked.set(asked.get() + 1);
            let to = count.min(from + PAGE);
            async move { Ok::<_, ()>((from..to).collect()) }
        };
        let all = block_on(pages(0, |last| last + 1, page)).unwrap();
        (all, asked.get())
    }

    #[test]
    fn a_listing_should_be_read_to_its_end() {
        for (count, asked) in [(0, 1), (1, 1), (PAGE - 1, 1), (PAGE, 2), (PAGE + 1, 2)] {
            assert_eq!(list(count), ((0..count).collect(), asked));
        }
    }

    #[test]
    fn a_page_that_fails_should_end_it() {
        let page = |_: u32| async { Err::<Vec<u32>, _>("gone") };
        assert_eq!(block_on(pages(0, |last| *last, page)), Err("gone"));
    }
}
