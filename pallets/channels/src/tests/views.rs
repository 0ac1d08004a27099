use super::*;

#[test]
fn channels_should_be_listed_by_side_and_in_pages() {
    build_and_execute(|| {
        let ids: Vec<_> = (0..3).map(|_| opened()).collect();
        let listed = |account, side, after, limit| -> Vec<ChannelId> {
            let page = Channels::channels_of(account, side, after, limit);
            page.into_iter().map(|view| view.id).collect()
        };
        let (requester, worker) = (ChannelSide::Requester, ChannelSide::Worker);
        let all = listed(REQUESTER, requester, None, 9);
        let mut sorted = all.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, ids);
        assert_eq!(listed(REQUESTER, requester, Some(all[0]), 1), all[1..2]);
        assert!(listed(REQUESTER, requester, Some(all[2]), 1).is_empty());
        assert_eq!(listed(WORKER, worker, None, 9).len(), 3);
        assert!(listed(WORKER, requester, None, 9).is_empty());
        assert!(listed(OTHER, worker, None, 9).is_empty());
    });
}

#[test]
fn offers_should_be_those_of_workers_with_room() {
    build_and_execute(|| {
        let offers = || -> Vec<_> {
            let offers = Channels::offers(VERSION).into_iter();
            offers.map(|offer| (offer.worker, offer.ask, offer.open)).collect()
        };
        assert_eq!(offers(), [(WORKER, ASK, 0), (OTHER, ASK, 0)]);
        for _ in 0..3 {
            opened();
        }
        assert_eq!(offers(), [(OTHER, ASK, 0)]);
        assert!(Channels::offers(ModelVersionId { model: 9, version: 0 }).is_empty());
    });
}

#[test]
fn parameters_should_be_the_constants() {
    build_and_execute(|| {
        let constants = Channels::parameters();
        assert_eq!(constants.lifetime, (MIN_LIFETIME, MAX_LIFETIME));
        assert_eq!((constants.rent, constants.min_deposit), (RENT, MIN_DEPOSIT));
        assert_eq!(
            (constants.challenge_window, constants.receipt_window),
            (WINDOW, RECEIPT_WINDOW)
        );
    });
}
